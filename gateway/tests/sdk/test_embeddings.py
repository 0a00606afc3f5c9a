"""Embeddings of the local model through the official SDK."""

import base64
import math
import operator
import struct

import pytest

from harness.openai_schema import check

MODEL = "all-minilm-l6-v2"
DIMENSIONS = 384
NEAR = ("A cat sleeps on the sofa.", "A kitten is napping on the couch.")
FAR = ("A cat sleeps on the sofa.", "The central bank raised interest rates.")
# Rounding only: batching must not change a vector.
TOLERANCE = 1e-4


def embed(client, *texts):
    """One vector a text, asked for as the SDK does by default: base64, decoded by the SDK."""
    answer = client.embeddings.create(model=MODEL, input=list(texts))
    assert [item.index for item in answer.data] == list(range(len(texts)))
    return [item.embedding for item in answer.data]


def cosine(a, b):
    return sum(map(operator.mul, a, b)) / (math.hypot(*a) * math.hypot(*b))


def test_an_answer_is_a_unit_vector_in_openai_shape(client):
    answer = client.embeddings.create(model=MODEL, input=NEAR[0], encoding_format="float")
    check("CreateEmbeddingResponse", answer)
    assert answer.model == MODEL
    assert len(answer.data[0].embedding) == DIMENSIONS
    assert math.hypot(*answer.data[0].embedding) == pytest.approx(1, abs=1e-3)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 5


def test_near_sentences_score_higher_than_far_ones(client):
    near, far = cosine(*embed(client, *NEAR)), cosine(*embed(client, *FAR))
    assert near > 0.5
    assert far < 0.2


def test_base64_and_float_carry_the_same_vector(local, client):
    floats = client.embeddings.create(model=MODEL, input=NEAR[0], encoding_format="float").data[0].embedding
    assert embed(client, NEAR[0])[0] == pytest.approx(floats, abs=TOLERANCE)
    with local.http(local.token()) as http:
        answer = http.post("/embeddings", json={"model": MODEL, "input": NEAR[0], "encoding_format": "base64"}).json()
    wire = struct.unpack(f"<{DIMENSIONS}f", base64.b64decode(answer["data"][0]["embedding"]))
    assert wire == pytest.approx(floats, abs=TOLERANCE)


def test_a_batch_gives_each_text_the_vector_it_has_alone(client):
    texts = [NEAR[0], "short", FAR[1], "a much longer text " * 20]
    for text, vector in zip(texts, embed(client, *texts), strict=True):
        assert vector == pytest.approx(embed(client, text)[0], abs=TOLERANCE)


def test_token_ids_stand_for_their_text(client):
    # "hello world" in the vocabulary of BERT, between its start and separator tokens.
    ids = [101, 7592, 2088, 102]
    text = embed(client, "hello world")[0]
    for tokens in (ids, [ids, ids]):
        for item in client.embeddings.create(model=MODEL, input=tokens).data:
            assert item.embedding == pytest.approx(text, abs=TOLERANCE)


@pytest.mark.anyio
async def test_the_async_client_gets_the_same_vector(local, client):
    async with local.async_client() as asynchronous:
        answer = await asynchronous.embeddings.create(model=MODEL, input=NEAR[0])
    assert answer.data[0].embedding == pytest.approx(embed(client, NEAR[0])[0], abs=TOLERANCE)
