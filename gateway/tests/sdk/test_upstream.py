"""A third-party server as the upstream: what passes through, and what a failing upstream means for the client."""

import openai
import pytest

from harness.openai_schema import Streamed
from harness.process import wait_until
from harness.upstream import MODEL, policy

HELLO = {"model": "chat-large", "messages": [{"role": "user", "content": "Tell me about the sea"}]}
LONG = {"type": "reply", "text": " ".join(f"word{number}" for number in range(400))}


def streamed(client, **parameters):
    whole = Streamed()
    for chunk in client.chat.completions.create(**HELLO, stream=True, **parameters):
        whole.add(chunk)
    return whole


def ask(client, *, stream):
    """The answer's text, by either way."""
    return streamed(client).text if stream else client.chat.completions.create(**HELLO).choices[0].message.content


both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def test_answers_pass_through_and_the_upstream_gets_its_own_model_name(start_upstream, start_gateway):
    upstream = start_upstream()
    direct = openai.OpenAI(base_url=upstream.base_url, api_key="any", max_retries=0)
    expected = direct.chat.completions.create(**{**HELLO, "model": MODEL}).choices[0].message.content
    client = start_gateway(policy([upstream])).client()

    assert ask(client, stream=False) == expected
    with_usage = streamed(client, stream_options={"include_usage": True})
    assert with_usage.text == expected
    assert with_usage.finish_reason == "stop"
    assert with_usage.usage.completion_tokens > 0
    assert streamed(client).usage is None
    assert {request["model"] for request in upstream.requests()} == {MODEL}


def test_parameters_reach_the_upstream_as_they_were_sent(start_upstream, start_gateway):
    upstream = start_upstream()
    sent = {"temperature": 0.25, "seed": 7, "n": 2, "user": "someone", "metadata": {"a": "b"}, "logit_bias": {"50256": -100}}
    start_gateway(policy([upstream])).client().chat.completions.create(**HELLO, **sent)
    [request] = upstream.requests()
    assert request["body"] == {**HELLO, **sent, "model": MODEL}


@both_ways
def test_a_killed_upstream_costs_the_client_nothing(start_upstream, start_gateway, stream):
    first, second = start_upstream("first"), start_upstream("second")
    client = start_gateway(policy([first], [second])).client()
    expected = ask(client, stream=stream)
    assert len(first.requests()) == 1

    first.kill()
    for _ in range(10):
        assert ask(client, stream=stream) == expected
    assert len(second.requests()) == 10


@both_ways
@pytest.mark.parametrize(
    "fault",
    [{"type": "fail", "status": 503}, {"type": "fail", "status": 500}, {"type": "fail", "status": 429, "retry_after": 30}],
    ids=["503", "500", "429"],
)
def test_another_upstream_answers_when_one_refuses(start_upstream, start_gateway, fault, stream):
    first, second = start_upstream("first"), start_upstream("second")
    client = start_gateway(policy([first], [second])).client()
    first.script(fault)
    assert ask(client, stream=stream)
    assert [len(first.requests()), len(second.requests())] == [1, 1]


@both_ways
def test_another_upstream_answers_when_one_hangs_before_the_first_token(start_upstream, start_gateway, stream):
    first, second = start_upstream("first"), start_upstream("second")
    # A whole answer has no first token to wait for: only the total bounds it.
    client = start_gateway(policy([first], [second], timeouts='first_token = "1s", total = "2s"')).client()
    first.script({"type": "delay", "seconds": 60})
    assert ask(client, stream=stream)
    assert len(second.requests()) == 1


def test_a_fault_of_the_request_is_the_callers_to_mend(start_upstream, start_gateway):
    first, second = start_upstream("first"), start_upstream("second")
    client = start_gateway(policy([first], [second])).client()
    first.script({"type": "fail", "status": 400, "message": "this prompt is odd", "code": "odd_prompt"})
    with pytest.raises(openai.BadRequestError, match="this prompt is odd"):
        ask(client, stream=False)
    assert not second.requests()


def test_when_every_upstream_is_rate_limited_the_client_learns_when_to_return(start_upstream, start_gateway):
    first, second = start_upstream("first"), start_upstream("second")
    client = start_gateway(policy([first, second])).client()
    for upstream in (first, second):
        upstream.script({"type": "fail", "status": 429, "retry_after": 7})
    with pytest.raises(openai.RateLimitError) as caught:
        ask(client, stream=False)
    assert caught.value.code == "rate_limit_exceeded"
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 7


def test_when_every_upstream_is_gone_the_client_is_told_so(start_upstream, start_gateway):
    upstream = start_upstream()
    gateway = start_gateway(policy([upstream]))
    upstream.kill()
    with pytest.raises(openai.InternalServerError) as caught:
        ask(gateway.client(), stream=False)
    assert caught.value.status_code in (502, 503)
    assert caught.value.type == "server_error"
    assert gateway.record(caught.value.request_id)["outcome"] == "failed"


# Streams that die. The SDK takes a clean end for the end of the answer, so every loss must reach it as an error in the stream.


def dies_in_band(client):
    """Reads a stream to its death and returns the text that came before."""
    pieces = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.chat.completions.create(**HELLO, stream=True):
            pieces.append(chunk.choices[0].delta.content or "")
    # The class itself: its subclasses stand for refusals and broken connections, which are not in-band.
    assert type(caught.value) is openai.APIError, repr(caught.value)
    assert caught.value.body["message"]
    return "".join(pieces)


@pytest.mark.parametrize(
    "fault",
    [{"kind": "disconnect"}, {"kind": "truncate"}, {"kind": "stall", "stall_seconds": 60}],
    ids=lambda fault: fault["kind"],
)
def test_a_stream_that_dies_ends_with_an_error_and_is_not_retried(start_upstream, start_gateway, fault):
    first, second = start_upstream("first"), start_upstream("second")
    gateway = start_gateway(policy([first], [second], timeouts='idle = "1s"'))
    first.script(LONG, {"type": "stream_fault", "after_chunks": 5, **fault})
    assert dies_in_band(gateway.client()).startswith("word0")
    assert not second.requests()
    wait_until(gateway.records, "a record")
    assert gateway.records()[-1]["outcome"] == "interrupted"


def test_an_upstream_killed_in_mid_stream_is_an_error_in_the_stream(start_upstream, start_gateway):
    upstream = start_upstream(chunk_delay_ms=20)
    gateway = start_gateway(policy([upstream]))
    upstream.script(LONG)
    pieces = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in gateway.client().chat.completions.create(**HELLO, stream=True):
            pieces.append(chunk)
            if len(pieces) == 5:
                upstream.kill()
    assert type(caught.value) is openai.APIError, repr(caught.value)
    assert 5 <= len(pieces) < 400


@pytest.mark.anyio
async def test_the_async_client_sees_the_error_too(start_upstream, start_gateway):
    upstream = start_upstream()
    gateway = start_gateway(policy([upstream]))
    upstream.script(LONG, {"type": "stream_fault", "kind": "truncate", "after_chunks": 5})
    async with gateway.async_client() as client:
        with pytest.raises(openai.APIError) as caught:
            async for _ in await client.chat.completions.create(**HELLO, stream=True):
                pass
    assert type(caught.value) is openai.APIError, repr(caught.value)


def test_a_malformed_chunk_is_not_passed_off_as_an_answer(start_upstream, start_gateway):
    upstream = start_upstream()
    client = start_gateway(policy([upstream])).client()
    upstream.script(LONG, {"type": "stream_fault", "kind": "malformed", "after_chunks": 5})
    # By the gateway's error, or by the SDK which cannot read the chunk: either way the application knows.
    with pytest.raises((openai.APIError, ValueError)):
        streamed(client)


def test_a_client_that_leaves_in_mid_stream_is_no_longer_served_by_the_upstream(start_upstream, start_gateway):
    upstream = start_upstream(chunk_delay_ms=20)
    gateway = start_gateway(policy([upstream]))
    upstream.script(LONG)
    stream = gateway.client().chat.completions.create(**HELLO, stream=True)
    for _ in range(3):
        next(stream)
    stream.close()

    [request] = wait_until(upstream.requests, "the upstream is done with the request")
    assert not request["completed"]
    assert request["chunks_sent"] < 400
    record = gateway.record(stream.response.headers["x-request-id"])
    assert record["outcome"] == "client_closed"
