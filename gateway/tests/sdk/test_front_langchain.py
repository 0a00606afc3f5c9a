"""LangChain in front of the gateway, a cloud of every dialect behind it."""

from __future__ import annotations

import base64
from collections.abc import Callable

import openai
import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from harness.clouds import HANDFUL, TENANT
from harness.scene import ANSWER, PIXEL, QUESTION, SEEN, quotes

every_dialect = pytest.mark.parametrize("backend", HANDFUL)


class Forecast(BaseModel):
    """What an application wants to be answered."""

    wind: str
    degrees: int


@tool
def weather(city: str, days: int) -> str:
    """Tells the weather."""
    return f"sun in {city} for {days}"


@pytest.fixture(scope="module")
def chat(front) -> Callable[..., ChatOpenAI]:
    """`chat(model)`: LangChain's chat model, without its own retries."""
    token = front.token(tenant=TENANT)
    http = openai.DefaultHttpxClient(verify=front.tls(), trust_env=False)

    def make(model: str) -> ChatOpenAI:
        return ChatOpenAI(model=model, base_url=front.base_url, api_key=token, max_retries=0, http_client=http)

    return make


@every_dialect
def test_invoke(chat, backend):
    answer = chat(backend).invoke(QUESTION)
    assert answer.content == ANSWER
    assert answer.response_metadata["finish_reason"] == "stop"
    assert answer.usage_metadata["output_tokens"] > 0


@every_dialect
def test_stream(chat, backend):
    pieces = list(chat(backend).stream(QUESTION, stream_usage=True))
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    assert whole.content == ANSWER
    assert sum(bool(piece.content) for piece in pieces) > 1
    assert whole.usage_metadata["total_tokens"] > 0


@every_dialect
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_tools_go_round(chat, backend, streamed):
    model = chat(backend).bind_tools([weather])
    messages = [HumanMessage("How is the weather in both cities?")]
    if streamed:
        pieces = list(model.stream(messages))
        first = sum(pieces[1:], start=pieces[0])
    else:
        first = model.invoke(messages)
    assert [(call["name"], call["args"]) for call in first.tool_calls] == [("weather", {"city": "city", "days": 1})] * 2
    results = [weather.invoke(call) for call in first.tool_calls]
    assert all(isinstance(result, ToolMessage) for result in results)
    answer = model.invoke([*messages, first, *results])
    assert quotes(answer.content, "sun in city for 1", "sun in city for 1")


@every_dialect
def test_an_image(chat, backend):
    image = {"type": "image", "base64": base64.b64encode(PIXEL).decode(), "mime_type": "image/png"}
    message = HumanMessage([{"type": "text", "text": "What is it?"}, image])
    assert chat(backend).invoke([message]).content == SEEN


@every_dialect
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output(chat, backend, method):
    # By a function, the model must be forced to call it.
    answer = chat(backend).with_structured_output(Forecast, method=method).invoke(QUESTION)
    assert answer == Forecast(wind="wind", degrees=1)


@every_dialect
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ({"reply": "rate_limited", "seconds": 0}, openai.RateLimitError),
        ({"reply": "status", "status": 503}, openai.InternalServerError),
        ({"reply": "status", "status": 400}, openai.BadRequestError),
    ],
    ids=["429", "503", "400"],
)
def test_an_error_is_of_its_class(fault, chat, backend, reply, kind):
    fault(backend, **reply)
    with pytest.raises(kind):
        chat(backend).invoke(QUESTION)


@every_dialect
def test_a_stream_that_is_cut_is_never_taken_for_complete(fault, chat, backend):
    fault(backend, reply="close_after", events=4)
    with pytest.raises(openai.APIError):
        list(chat(backend).stream(QUESTION))
