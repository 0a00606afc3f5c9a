"""Anthropic's own SDK against the simulated Messages API."""

from __future__ import annotations

import base64

import anthropic
import pytest

from harness.cloud import KEY
from harness.scene import ANSWER, FORECAST, PIXEL, QUESTION, SEEN, WEATHER, WEATHER_ARGUMENTS, is_forecast, quotes

MODEL = "sim-chat"
TOOL = {"name": "weather", "description": "Tells it.", "input_schema": WEATHER}


@pytest.fixture
def cloud(start_cloud):
    return start_cloud("anthropic")


@pytest.fixture(params=["2023-06-01", "2026-10-21"])
def client(request, cloud):
    return anthropic.Anthropic(base_url=cloud.origin, api_key=KEY, max_retries=0, default_headers={"anthropic-version": request.param})


def ask(client, text=QUESTION, **parameters):
    return client.messages.create(**{"model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": text}], **parameters})


def test_the_sdk_reads_an_answer_and_its_usage(client):
    answer = ask(client, system="Be brief.")
    assert [block.text for block in answer.content] == [ANSWER]
    assert answer.stop_reason == "end_turn" and answer.usage.output_tokens == 7


def test_the_sdk_reads_a_stream(client):
    with client.messages.stream(model=MODEL, max_tokens=64, messages=[{"role": "user", "content": QUESTION}]) as stream:
        assert "".join(stream.text_stream) == ANSWER
        assert stream.get_final_message().stop_reason == "end_turn"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_tools_go_round(client, stream):
    question = {"role": "user", "content": "How is the weather, in both cities?"}
    if stream:
        with client.messages.stream(model=MODEL, max_tokens=64, messages=[question], tools=[TOOL]) as events:
            answer = events.get_final_message()
    else:
        answer = ask(client, messages=[question], tools=[TOOL])
    assert answer.stop_reason == "tool_use"
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == [("weather", WEATHER_ARGUMENTS)] * 2
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": f"sun {n}"} for n, call in enumerate(calls)]
    history = [question, {"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
    assert quotes(ask(client, messages=history, tools=[TOOL]).content[0].text, "sun 0", "sun 1")
    with pytest.raises(anthropic.BadRequestError):
        ask(client, messages=[*history[:2], {"role": "user", "content": results[:1]}], tools=[TOOL])


def test_images_and_schemas_reach_the_model(client):
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PIXEL).decode()}
    assert ask(client, [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]).content[0].text == SEEN
    form = {"format": {"type": "json_schema", "schema": FORECAST}}
    assert is_forecast(ask(client, output_config=form).content[0].text)


def test_thoughts_are_signed_and_an_altered_one_is_refused(client):
    thinking = {"max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    thought, text = ask(client, **thinking).content
    assert thought.signature and text.text == ANSWER
    with client.messages.stream(model=MODEL, messages=[{"role": "user", "content": QUESTION}], **thinking) as stream:
        assert stream.get_final_message().content[0] == thought
    assistant = [thought.model_dump(exclude_none=True), {"type": "text", "text": ANSWER}]
    history = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": assistant}, {"role": "user", "content": "Why?"}]
    ask(client, messages=history, **thinking)
    assistant[0]["thinking"] += "!"
    with pytest.raises(anthropic.BadRequestError, match="signature"):
        ask(client, messages=history, **thinking)


def test_the_later_version_takes_no_sampling(cloud, client):
    if client.default_headers["anthropic-version"] == "2023-06-01":
        assert ask(client, extra_body={"temperature": 0.5}).content[0].text == ANSWER
    else:
        with pytest.raises(anthropic.BadRequestError, match="temperature"):
            ask(client, extra_body={"temperature": 1})


def test_the_ways_an_answer_ends(client):
    assert ask(client, max_tokens=2).stop_reason == "max_tokens"
    stopped = ask(client, stop_sequences=["from"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "from")
    assert ask(client, "a forbidden thing").stop_reason == "refusal"


def test_errors_are_of_the_sdks_own_classes(cloud, client):
    kinds = {403: anthropic.PermissionDeniedError, 404: anthropic.NotFoundError, 500: anthropic.InternalServerError, 529: anthropic.InternalServerError}
    for status, kind in kinds.items():
        cloud.script({"reply": "status", "status": status})
        with pytest.raises(kind):
            ask(client)
    cloud.script({"reply": "rate_limited", "seconds": 5})
    with pytest.raises(anthropic.RateLimitError) as error:
        ask(client)
    assert error.value.response.headers["retry-after"] == "5"
    with pytest.raises(anthropic.AuthenticationError):
        ask(client.with_options(api_key="another"))
    with pytest.raises(anthropic.BadRequestError):
        ask(client, extra_body={"logit_bias": {}})


def test_a_stream_can_fail_in_its_midst(cloud, client):
    cloud.script({"reply": "in_stream_error", "events": 4})
    with pytest.raises(anthropic.APIStatusError), client.messages.stream(model=MODEL, max_tokens=64, messages=[{"role": "user", "content": QUESTION}]) as stream:
        stream.get_final_message()
