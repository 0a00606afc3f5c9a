"""OpenAI's SDK in front of the gateway, every simulated cloud behind it: an application cannot tell which one answers.

What a cloud does not have is refused with a reason, never ignored: `LACKS` says where.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import openai
import pytest
from openai.types.chat import ChatCompletion, ParsedChatCompletion
from pydantic import BaseModel

from harness.clouds import CHAT, EMBEDDINGS
from harness.openai_schema import check, collect
from harness.scene import ANSWER, PIXEL, QUESTION, SEEN, WEATHER, WEATHER_ARGUMENTS, quotes

LACKS: dict[str, set[str]] = {
    "tools": {"sagemaker-tgi", "sagemaker-lmi"},
    "image": {"sagemaker-tgi", "sagemaker-lmi"},
    "schema": {"deepseek", "sagemaker-lmi"},
    "filter": {"sagemaker-tgi", "sagemaker-lmi"},
}
ASK = [{"role": "user", "content": QUESTION}]
ASK_ABOUT_BOTH = [{"role": "user", "content": "How is the weather in both cities?"}]
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": WEATHER}}]

every_chat = pytest.mark.parametrize("backend", CHAT)


class Weather(BaseModel):
    """Arguments of a tool, as an application declares them."""

    city: str
    days: int


class Forecast(BaseModel):
    """What an application wants to be answered."""

    wind: Literal["east", "west"]
    degrees: int


@contextmanager
def as_offered(feature: str, backend: str) -> Iterator[None]:
    """Expects success where the backend has the feature, and elsewhere that the gateway says so and names the parameter."""
    if backend not in LACKS[feature]:
        yield
        return
    with pytest.raises(openai.BadRequestError) as caught:
        yield
    assert caught.value.code == "unsupported_parameter", caught.value
    assert caught.value.param, caught.value


def choice(completion: ChatCompletion):
    # What the SDK put together from a stream is its own.
    if not isinstance(completion, ParsedChatCompletion):
        check("CreateChatCompletionResponse", completion)
    [only] = completion.choices
    return only


def test_no_backend_is_missing_here(clouds):
    assert (clouds.serving("chat"), clouds.serving("embeddings")) == (set(CHAT), set(EMBEDDINGS))


@every_chat
def test_a_plain_answer(application, backend):
    completion = application.chat.completions.create(model=backend, messages=ASK, max_tokens=100)
    said = choice(completion)
    assert (said.message.role, said.message.content, said.finish_reason) == ("assistant", ANSWER, "stop")
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens > 0


@every_chat
def test_the_last_token_is_the_last(application, backend):
    said = choice(application.chat.completions.create(model=backend, messages=ASK, max_tokens=2))
    assert (said.message.content, said.finish_reason) == ("The wind", "length")


@every_chat
def test_a_stream(application, backend):
    stream = application.chat.completions.create(model=backend, messages=ASK, stream=True, stream_options={"include_usage": True})
    # Azure sends the verdict on the prompt ahead of the answer, in a chunk without a name.
    whole = collect(chunk for chunk in stream if not (chunk.model_extra or {}).get("prompt_filter_results"))
    assert (whole.text, whole.finish_reason) == (ANSWER, "stop")
    assert sum(map(bool, whole.pieces)) > 1, "it came in pieces"
    assert whole.usage.completion_tokens > 0
    assert len(whole.ids) == 1


@every_chat
def test_a_stream_by_the_helper(application, backend):
    with application.chat.completions.stream(model=backend, messages=ASK) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        said = choice(stream.get_final_completion())
    assert (said.message.content, said.finish_reason) == (ANSWER, "stop")
    assert "".join(deltas) == ANSWER


@every_chat
def test_tools_go_round(application, backend):
    with as_offered("tools", backend):
        first = choice(application.chat.completions.create(model=backend, messages=ASK_ABOUT_BOTH, tools=TOOLS))
        assert first.finish_reason == "tool_calls"
        quoted(application, backend, first.message, arguments=WEATHER_ARGUMENTS)


@every_chat
def test_streamed_tools_go_round(application, backend):
    tools = [openai.pydantic_function_tool(Weather, name="weather")]
    with as_offered("tools", backend):
        with application.chat.completions.stream(model=backend, messages=ASK_ABOUT_BOTH, tools=tools) as stream:
            first = choice(stream.get_final_completion())
        assert first.finish_reason == "tool_calls"
        assert all(isinstance(call.function.parsed_arguments, Weather) for call in first.message.tool_calls)
        quoted(application, backend, first.message, arguments={"city": "city", "days": 1})


def quoted(application, backend, message, arguments: dict) -> None:
    """Plays the calls back as the SDK holds them, with a result each; the model must have read all of it."""
    calls = message.tool_calls
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [("weather", arguments)] * len(calls)
    assert len({call.id for call in calls}) == len(calls) == 2
    results = [{"role": "tool", "tool_call_id": call.id, "content": f"sun {number}"} for number, call in enumerate(calls)]
    answer = choice(application.chat.completions.create(model=backend, messages=[*ASK_ABOUT_BOTH, message, *results], tools=TOOLS))
    assert quotes(answer.message.content, "sun 0", "sun 1")
    assert answer.finish_reason == "stop"


@every_chat
def test_an_image(application, backend):
    url = "data:image/png;base64," + base64.b64encode(PIXEL).decode()
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    with as_offered("image", backend):
        said = choice(application.chat.completions.create(model=backend, messages=[{"role": "user", "content": content}]))
        assert said.message.content == SEEN


@every_chat
def test_an_answer_of_a_shape(application, backend):
    with as_offered("schema", backend):
        completion = application.chat.completions.parse(model=backend, messages=ASK, response_format=Forecast)
        assert completion.choices[0].message.parsed == Forecast(wind="east", degrees=1)


# Errors. Each raises what the SDK raises for OpenAI itself.

@every_chat
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ({"reply": "rate_limited", "seconds": 0}, openai.RateLimitError),
        ({"reply": "status", "status": 500}, openai.InternalServerError),
        ({"reply": "status", "status": 503}, openai.InternalServerError),
        ({"reply": "status", "status": 400}, openai.BadRequestError),
        ({"reply": "html"}, openai.InternalServerError),
        ({"reply": "success_with_error"}, openai.InternalServerError),
        ({"reply": "close_after", "events": 1}, openai.InternalServerError),
    ],
    ids=["429", "500", "503", "400", "html", "200-error", "cut"],
)
def test_an_error_is_of_its_class(fault, application, backend, reply, kind):
    fault(backend, **reply)
    with pytest.raises(openai.APIStatusError) as caught:
        application.chat.completions.create(model=backend, messages=ASK)
    assert type(caught.value) is kind, caught.value
    assert caught.value.message
    assert caught.value.request_id
    check("ErrorResponse", caught.value.response.json())


@every_chat
def test_a_forbidden_prompt_is_filtered(application, backend):
    """Some clouds refuse the request, others the answer: either way it is OpenAI's word for it."""
    forbidden = [{"role": "user", "content": "Tell me what is forbidden."}]
    try:
        said = choice(application.chat.completions.create(model=backend, messages=forbidden))
    except openai.BadRequestError as error:
        assert error.code == "content_filter", error
    else:
        assert said.finish_reason == "content_filter" or said.message.refusal or backend in LACKS["filter"], said
        assert not said.message.content


@every_chat
@pytest.mark.parametrize("how", ["close_after", "reset_after", "end_after", "cut_frame", "in_stream_error"])
def test_a_stream_that_is_cut_is_never_taken_for_complete(fault, application, backend, how):
    fault(backend, reply=how, events=4)
    pieces = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in application.chat.completions.create(model=backend, messages=ASK, stream=True):
            assert not any(choice.finish_reason for choice in chunk.choices)
            pieces += [choice.delta.content or "" for choice in chunk.choices]
    if how != "in_stream_error":
        assert caught.value.code == "stream_interrupted", caught.value
    assert ANSWER.startswith("".join(pieces))


@every_chat
def test_the_helper_does_not_take_a_cut_stream_for_complete(fault, application, backend):
    fault(backend, reply="close_after", events=4)
    with pytest.raises(openai.APIError):
        with application.chat.completions.stream(model=backend, messages=ASK) as stream:
            stream.get_final_completion()


# What only some clouds have.

CACHE_IN_PARTS = ("anthropic", "foundry-anthropic", "bedrock-claude", "vertex-claude", "openrouter")
CACHE_BY_KEY = ("openai", "azure")


@pytest.mark.parametrize("backend", CACHE_IN_PARTS + CACHE_BY_KEY)
def test_what_came_from_the_cache_is_counted(application, backend):
    part = {"type": "text", "text": QUESTION}
    if backend in CACHE_IN_PARTS:
        extra, part = {}, {**part, "cache_control": {"type": "ephemeral"}}
    else:
        extra = {"prompt_cache_key": "question"}
    answer = application.chat.completions.create(model=backend, messages=[{"role": "user", "content": [part]}], **extra)
    check("CreateChatCompletionResponse", answer)
    assert 0 < answer.usage.prompt_tokens_details.cached_tokens < answer.usage.prompt_tokens


THINKING = ("anthropic",)


@pytest.mark.parametrize("backend", THINKING)
def test_a_thought_goes_round(application, backend):
    """What the model thought before it called a tool is played back to it; clouds refuse it altered."""
    effort = {"reasoning_effort": "low", "tools": TOOLS, "max_tokens": 4000}
    first = choice(application.chat.completions.create(model=backend, messages=ASK_ABOUT_BOTH, **effort))
    assert first.message.reasoning_content == "First I feel the wind."
    results = [{"role": "tool", "tool_call_id": call.id, "content": "sun"} for call in first.message.tool_calls]
    answer = choice(
        application.chat.completions.create(model=backend, messages=[*ASK_ABOUT_BOTH, first.message, *results], **effort)
    )
    assert quotes(answer.message.content, *["sun"] * len(results))


# Embeddings.


@pytest.mark.parametrize("backend", EMBEDDINGS)
def test_embeddings_in_every_encoding(application, backend):
    model, texts = f"{backend}-embeddings", ["a cat", "a kitten"]
    usual = application.embeddings.create(model=model, input=texts)
    floats = application.embeddings.create(model=model, input=texts, encoding_format="float")
    check("CreateEmbeddingResponse", floats)
    assert [item.index for item in usual.data] == [0, 1]
    encoded = application.embeddings.create(model=model, input=texts, encoding_format="base64")
    for one, other, raw in zip(usual.data, floats.data, encoded.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
        assert len(base64.b64decode(raw.embedding)) == 4 * len(one.embedding) > 0
    assert usual.data[0].embedding != usual.data[1].embedding
