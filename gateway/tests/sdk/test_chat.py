"""Chat with the local model through the official SDK: whole answers and streams, sync and async."""

import json

import anyio
import pytest

from harness.openai_schema import Streamed, check, collect

MODEL = "smollm2-135m-instruct"
QUESTION = [{"role": "user", "content": "Why is the sky blue?"}]
GREEDY = {"model": MODEL, "messages": QUESTION, "temperature": 0, "max_tokens": 32}


@pytest.fixture(scope="module")
def greedy(client):
    """The one answer that temperature 0 gives to `QUESTION`."""
    return client.chat.completions.create(**GREEDY)


def test_an_answer_is_real_text_in_openai_shape(greedy):
    check("CreateChatCompletionResponse", greedy)
    assert greedy.model == MODEL
    assert len(greedy.choices) == 1
    assert len(greedy.choices[0].message.content.split()) > 5


def test_usage_counts_what_was_read_and_written(greedy):
    usage = greedy.usage
    assert greedy.choices[0].finish_reason == "length"
    assert usage.completion_tokens == 32
    assert usage.prompt_tokens > len(QUESTION[0]["content"].split())
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_a_stream_carries_the_same_text_in_pieces(client, greedy):
    streamed = collect(client.chat.completions.create(**GREEDY, stream=True))
    assert streamed.text == greedy.choices[0].message.content
    assert len(streamed.pieces) > 5
    assert streamed.finish_reason == "length"
    assert len(streamed.ids) == 1


def test_a_stream_reports_usage_only_when_asked(client, greedy):
    asked = collect(client.chat.completions.create(**GREEDY, stream=True, stream_options={"include_usage": True}))
    told, expected = asked.usage, greedy.usage
    assert (told.prompt_tokens, told.completion_tokens) == (expected.prompt_tokens, expected.completion_tokens)
    # The beginning of the prompt was there from the first time.
    assert 0 < told.prompt_tokens_details.cached_tokens < told.prompt_tokens
    assert collect(client.chat.completions.create(**GREEDY, stream=True)).usage is None


def test_several_answers_are_given_with_their_likelihoods(client):
    answers = client.chat.completions.create(**GREEDY, n=2, logprobs=True, top_logprobs=2)
    first, second = answers.choices
    assert (first.index, second.index) == (0, 1)
    assert first.message.content == second.message.content
    for choice in answers.choices:
        tokens = choice.logprobs.content
        assert "".join(token.token for token in tokens) == choice.message.content
        assert all(len(token.top_logprobs) == 2 and token.logprob <= 0 for token in tokens)
        assert all(token.top_logprobs[0].token == token.token for token in tokens)


def test_generation_ends_at_a_stop_string_and_leaves_it_out(client, greedy):
    text = greedy.choices[0].message.content
    stop = text.split()[4]
    expected = text[: text.index(stop)]
    for stops in (stop, ["not in the text", stop]):
        stopped = client.chat.completions.create(**GREEDY, stop=stops)
        assert stopped.choices[0].message.content == expected
        assert stopped.choices[0].finish_reason == "stop"
    streamed = collect(client.chat.completions.create(**GREEDY, stop=stop, stream=True))
    assert streamed.text == expected
    assert streamed.finish_reason == "stop"


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_generation_ends_at_the_token_limit(client, greedy, limit):
    short = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0, **{limit: 5})
    assert short.usage.completion_tokens == 5
    assert short.choices[0].finish_reason == "length"
    assert greedy.choices[0].message.content.startswith(short.choices[0].message.content)


def test_a_seed_makes_sampled_text_reproducible(client):
    def sample(seed):
        answer = client.chat.completions.create(**{**GREEDY, "temperature": 1.2}, top_p=0.95, seed=seed)
        return answer.choices[0].message.content

    first = sample(1)
    assert sample(1) == first
    assert any(sample(seed) != first for seed in (2, 3, 4))


def test_an_answer_may_end_by_itself(client):
    answer = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Say hello."}], temperature=0, max_tokens=200
    )
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens < 200


@pytest.mark.anyio
async def test_the_async_client_gets_the_same_answers_side_by_side(local, greedy):
    texts = []
    async with local.async_client() as client:

        async def whole():
            answer = await client.chat.completions.create(**GREEDY)
            check("CreateChatCompletionResponse", answer)
            texts.append(answer.choices[0].message.content)

        async def stream():
            streamed = Streamed()
            async for chunk in await client.chat.completions.create(**GREEDY, stream=True):
                check("CreateChatCompletionStreamResponse", chunk)
                streamed.add(chunk)
            texts.append(streamed.text)

        async with anyio.create_task_group() as group:
            for task in (whole, stream, whole, stream):
                group.start_soon(task)
    assert texts == [greedy.choices[0].message.content] * 4


def test_a_stream_is_well_formed_on_the_wire_over_http2(local, greedy):
    with local.http(local.token()) as http, http.stream("POST", "/chat/completions", json={**GREEDY, "stream": True}) as answer:
        assert answer.http_version == "HTTP/2"
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-request-id"]
        lines = [line for line in answer.iter_lines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines.pop() == "data: [DONE]"
    deltas = [json.loads(line.removeprefix("data: "))["choices"][0]["delta"] for line in lines]
    assert deltas[0]["role"] == "assistant"
    assert "".join(delta.get("content") or "" for delta in deltas) == greedy.choices[0].message.content


def test_a_client_that_leaves_frees_the_engine_for_the_next(local, client, greedy):
    stream = client.chat.completions.create(**{**GREEDY, "max_tokens": 2000}, stream=True)
    next(iter(stream))
    stream.close()
    record = local.record(stream.response.headers["x-request-id"])
    assert record["outcome"] == "client_closed"
    assert client.chat.completions.create(**GREEDY).choices[0].message.content == greedy.choices[0].message.content
