"""litellm in front of the gateway as an OpenAI-compatible server, a cloud of every dialect behind it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from functools import partial

import httpx
import pytest

# Before the import: it would fetch its table of prices from the network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm  # noqa: E402

from harness.clouds import HANDFUL, TENANT  # noqa: E402
from harness.scene import ANSWER, FORECAST, PIXEL, QUESTION, SEEN, WEATHER, WEATHER_ARGUMENTS, is_forecast, quotes  # noqa: E402

TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": WEATHER}}]
ASK = [{"role": "user", "content": QUESTION}]

every_dialect = pytest.mark.parametrize("backend", HANDFUL)


@pytest.fixture(scope="module")
def completion(front) -> Callable[..., litellm.ModelResponse]:
    """`completion(model, …)`: litellm without its own retries."""
    litellm.telemetry = False
    litellm.client_session = httpx.Client(verify=front.tls(), trust_env=False)
    call = partial(litellm.completion, api_base=front.base_url, api_key=front.token(tenant=TENANT), num_retries=0, max_retries=0)
    yield lambda model, **arguments: call(f"openai/{model}", **arguments)
    litellm.client_session = None


@every_dialect
def test_a_plain_answer(completion, backend):
    answer = completion(backend, messages=ASK)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (ANSWER, "stop")
    assert answer.usage.total_tokens > 0


@every_dialect
def test_a_stream(completion, backend):
    chunks = list(completion(backend, messages=ASK, stream=True, stream_options={"include_usage": True}))
    whole = litellm.stream_chunk_builder(chunks)
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (ANSWER, "stop")
    assert whole.usage.total_tokens > 0


@every_dialect
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_tools_go_round(completion, backend, streamed):
    messages = [{"role": "user", "content": "How is the weather in both cities?"}]
    first = completion(backend, messages=messages, tools=TOOLS, stream=streamed)
    if streamed:
        first = litellm.stream_chunk_builder(list(first))
    assert first.choices[0].finish_reason == "tool_calls"
    calls = first.choices[0].message.tool_calls
    assert [json.loads(call.function.arguments) for call in calls] == [WEATHER_ARGUMENTS] * 2
    results = [{"role": "tool", "tool_call_id": call.id, "content": f"sun {number}"} for number, call in enumerate(calls)]
    answer = completion(backend, messages=[*messages, first.choices[0].message, *results], tools=TOOLS)
    assert quotes(answer.choices[0].message.content, "sun 0", "sun 1")


@every_dialect
def test_an_image(completion, backend):
    url = "data:image/png;base64," + base64.b64encode(PIXEL).decode()
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    assert completion(backend, messages=[{"role": "user", "content": content}]).choices[0].message.content == SEEN


@every_dialect
def test_an_answer_of_a_shape(completion, backend):
    form = {"type": "json_schema", "json_schema": {"name": "forecast", "schema": FORECAST, "strict": True}}
    assert is_forecast(completion(backend, messages=ASK, response_format=form).choices[0].message.content)


@every_dialect
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ({"reply": "rate_limited", "seconds": 0}, litellm.RateLimitError),
        ({"reply": "status", "status": 503}, litellm.BadGatewayError),
        ({"reply": "status", "status": 400}, litellm.BadRequestError),
    ],
    ids=["429", "503", "400"],
)
def test_an_error_is_of_its_class(fault, completion, backend, reply, kind):
    fault(backend, **reply)
    with pytest.raises(kind):
        completion(backend, messages=ASK)


@every_dialect
def test_a_stream_that_is_cut_is_never_taken_for_complete(fault, completion, backend):
    fault(backend, reply="close_after", events=4)
    with pytest.raises(Exception) as caught:  # noqa: B017, PT011 - it wraps what OpenAI's SDK raises in one of several classes
        list(completion(backend, messages=ASK, stream=True))
    assert isinstance(caught.value, litellm.exceptions.openai.OpenAIError), caught.value
