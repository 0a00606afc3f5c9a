"""Cohere's own SDK against the simulated API, version 2."""

from __future__ import annotations

import cohere
import pytest
from cohere.core import ApiError

from harness.cloud import KEY
from harness.scene import ANSWER, FORECAST, QUESTION, WEATHER, is_forecast, quotes

MODEL = "sim-chat"
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": WEATHER}}]


@pytest.fixture
def cloud(start_cloud):
    return start_cloud("cohere")


@pytest.fixture
def client(cloud):
    return cohere.ClientV2(api_key=KEY, base_url=cloud.origin)


def user(text=QUESTION):
    return {"role": "user", "content": text}


def test_the_sdk_reads_an_answer_and_a_stream(client):
    answer = client.chat(model=MODEL, messages=[user()], max_tokens=64, p=0.9)
    assert (answer.message.content[0].text, answer.finish_reason) == (ANSWER, "COMPLETE")
    events = list(client.chat_stream(model=MODEL, messages=[user()]))
    assert "".join(event.delta.message.content.text for event in events if event.type == "content-delta") == ANSWER
    assert events[-1].type == "message-end" and events[-1].delta.finish_reason == "COMPLETE"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_tools_go_round(client, stream):
    if stream:
        events = list(client.chat_stream(model=MODEL, messages=[user("The weather?")], tools=TOOLS))
        [start] = [event for event in events if event.type == "tool-call-start"]
        arguments = "".join(event.delta.message.tool_calls.function.arguments for event in events if event.type == "tool-call-delta")
        call = start.delta.message.tool_calls
        calls = [{"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": arguments}}]
    else:
        answer = client.chat(model=MODEL, messages=[user("The weather?")], tools=TOOLS)
        assert answer.finish_reason == "TOOL_CALL"
        calls = [call.dict() for call in answer.message.tool_calls]
    [call] = calls
    assert call["function"]["name"] == "weather"
    history = [user("The weather?"), {"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_call_id": call["id"], "content": "sun"}]
    assert quotes(client.chat(model=MODEL, messages=history, tools=TOOLS).message.content[0].text, "sun")


def test_a_schema_reaches_the_model(client):
    form = {"type": "json_object", "json_schema": FORECAST}
    assert is_forecast(client.chat(model=MODEL, messages=[user()], response_format=form).message.content[0].text)


def test_texts_are_embedded_and_documents_ranked(client):
    answer = client.embed(model="sim-embed", texts=["a", "b"], input_type="search_document", embedding_types=["float"])
    assert [len(vector) for vector in answer.embeddings.float_] == [8, 8]
    answer = client.rerank(model="sim-rerank", query="east wind", documents=["trains", "the wind from the east"], top_n=1)
    assert [(result.index, result.relevance_score) for result in answer.results] == [(1, 1.0)]


def test_errors_are_of_the_sdks_own_classes(cloud, client):
    def fails(**reply):
        cloud.script(reply)
        with pytest.raises(ApiError) as error:
            client.chat(model=MODEL, messages=[user()], request_options={"max_retries": 0})
        return type(error.value).__name__

    assert fails(reply="status", status=403) == "ForbiddenError"
    assert fails(reply="status", status=503) == "ServiceUnavailableError"
    assert fails(reply="rate_limited", seconds=5) == "TooManyRequestsError"
    with pytest.raises(cohere.UnauthorizedError):
        cohere.ClientV2(api_key="another", base_url=cloud.origin).chat(model=MODEL, messages=[user()])
