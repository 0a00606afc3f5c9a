"""Text completions of the local model through the official SDK's older API."""

import openai
import pytest

MODEL = "smollm2-135m-instruct"
PROMPT = "The capital of France is"
OTHER = "One, two, three,"
GREEDY = {"model": MODEL, "temperature": 0, "max_tokens": 12}


@pytest.fixture(scope="module")
def greedy(client):
    """The one continuation that temperature 0 gives to `PROMPT`."""
    return client.completions.create(**GREEDY, prompt=PROMPT)


def texts(client, **asked):
    """The texts of a stream, by choice; every other thing that holds of a stream is checked on the way."""
    pieces, reasons, usage = {}, {}, None
    for event in client.completions.create(**asked, stream=True):
        assert event.object == "text_completion"
        usage = event.usage or usage
        for choice in event.choices:
            assert choice.index not in reasons, "nothing follows the finish reason"
            pieces.setdefault(choice.index, []).append(choice.text)
            if choice.finish_reason:
                reasons[choice.index] = choice.finish_reason
    assert reasons.keys() == pieces.keys()
    return {index: "".join(parts) for index, parts in pieces.items()}, usage


def test_a_text_is_continued_without_the_chat_template(greedy):
    assert (greedy.object, greedy.model) == ("text_completion", MODEL)
    assert greedy.id.startswith("cmpl-")
    [choice] = greedy.choices
    assert "Paris" in choice.text
    assert choice.finish_reason == "length"
    # A conversation of these words would have the template's tokens too.
    assert (greedy.usage.prompt_tokens, greedy.usage.completion_tokens) == (len(PROMPT.split()), 12)


def test_sixteen_tokens_are_made_unless_the_request_says_otherwise(client):
    made = client.completions.create(model=MODEL, prompt=OTHER, temperature=0)
    assert made.usage.completion_tokens == 16


def test_each_prompt_of_a_list_has_its_own_answers(client, greedy):
    alone = client.completions.create(**GREEDY, prompt=OTHER)
    together = client.completions.create(**GREEDY, prompt=[PROMPT, OTHER], n=2)
    assert [choice.index for choice in together.choices] == [0, 1, 2, 3]
    expected = [greedy.choices[0].text] * 2 + [alone.choices[0].text] * 2
    assert [choice.text for choice in together.choices] == expected
    assert together.usage.prompt_tokens == greedy.usage.prompt_tokens + alone.usage.prompt_tokens
    assert together.usage.completion_tokens == 48


def test_a_stream_carries_the_same_texts_and_usage_when_asked(client, greedy):
    alone = client.completions.create(**GREEDY, prompt=OTHER)
    streamed, usage = texts(client, **GREEDY, prompt=[PROMPT, OTHER], stream_options={"include_usage": True})
    assert streamed == {0: greedy.choices[0].text, 1: alone.choices[0].text}
    assert usage.completion_tokens == 24
    assert texts(client, **GREEDY, prompt=PROMPT) == ({0: greedy.choices[0].text}, None)


def test_token_ids_are_a_prompt(client):
    # Byte-level ids of the model's vocabulary say nothing to a reader; what matters is that they are read as they are.
    ids = [1, 2, 3, 4, 5]
    one = client.completions.create(**GREEDY, prompt=ids)
    two = client.completions.create(**GREEDY, prompt=[ids, ids])
    assert one.usage.prompt_tokens == 5
    assert [choice.text for choice in two.choices] == [one.choices[0].text] * 2


def test_likelihoods_are_lists_along_the_text(client, greedy):
    [choice] = client.completions.create(**GREEDY, prompt=PROMPT, logprobs=2).choices
    told = choice.logprobs
    assert "".join(told.tokens) == choice.text == greedy.choices[0].text
    assert len(told.tokens) == len(told.token_logprobs) == len(told.top_logprobs) == len(told.text_offset) == 12
    for token, logprob, top, offset in zip(told.tokens, told.token_logprobs, told.top_logprobs, told.text_offset, strict=True):
        assert choice.text[offset:].startswith(token)
        assert max(top.values()) == top[token] == logprob <= 0
        assert len(top) == 2


def test_generation_ends_at_a_stop_string(client, greedy):
    text = greedy.choices[0].text
    stopped = client.completions.create(**GREEDY, prompt=PROMPT, stop="Paris").choices[0]
    assert (stopped.text, stopped.finish_reason) == (text[: text.index("Paris")], "stop")


def test_an_answer_keeps_to_a_grammar(client):
    held = client.completions.create(**GREEDY, prompt=PROMPT, extra_body={"guided_choice": ["Rome", "Oslo"]})
    assert held.choices[0].text in ("Rome", "Oslo")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("prompt", []),
        ("prompt", [1, 10**9]),
        ("prompt", "word " * 9000),
        ("echo", True),
        ("suffix", "."),
        ("best_of", 2),
        ("logprobs", 21),
        ("max_tokens", 0),
    ],
)
def test_what_is_wrong_or_not_offered_is_named(client, parameter, value):
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(**{**GREEDY, "prompt": PROMPT, parameter: value})
    assert caught.value.param == parameter
