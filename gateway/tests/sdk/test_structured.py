"""The local model held to schemas and grammars, and calling functions, through the official SDK and LangChain."""

from __future__ import annotations

import json
import re
from typing import Literal

import openai
import pytest
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

from harness.openai_schema import check

MODEL = "smollm2-135m-instruct"
QUESTION = [{"role": "user", "content": "Make up a city and its weather."}]
SEEDED = {"model": MODEL, "messages": QUESTION, "temperature": 0.8, "seed": 3, "max_tokens": 200}


class Weather(BaseModel):
    """The weather of a city."""

    city: str = Field(max_length=30)
    sky: Literal["clear", "clouds", "rain"]
    degrees: int = Field(ge=-40, le=50)


TOOL = {
    "type": "function",
    "function": {"name": "report_weather", "description": "Reports it.", "strict": True, "parameters": Weather.model_json_schema()},
}


def test_parse_gives_an_object_of_the_schema(client):
    answers = client.chat.completions.parse(**SEEDED, n=2, response_format=Weather)
    for choice in answers.choices:
        assert isinstance(choice.message.parsed, Weather)
        assert choice.finish_reason == "stop"
    check("CreateChatCompletionResponse", client.chat.completions.create(**SEEDED, response_format={"type": "json_object"}))


def test_a_streamed_object_is_parsed_too(client):
    with client.chat.completions.stream(**SEEDED, response_format=Weather) as stream:
        for _ in stream:
            pass
    assert isinstance(stream.get_final_completion().choices[0].message.parsed, Weather)


@pytest.mark.parametrize(
    ("extension", "expected"),
    [
        ({"structured_outputs": {"regex": "[A-Z]{2}-[0-9]{3}"}}, "[A-Z]{2}-[0-9]{3}"),
        ({"guided_choice": ["north", "south"]}, "north|south"),
        ({"structured_outputs": {"grammar": 'root ::= "[" digit ("," digit)* "]"\ndigit ::= [0-9]'}}, r"\[[0-9](,[0-9])*\]"),
        ({"guided_json": {"type": "array", "items": {"enum": [1, 2]}, "maxItems": 3}}, r"\[([12](, [12])*)?\]"),
    ],
)
def test_vllms_extensions_are_understood(client, extension, expected):
    answer = client.chat.completions.create(**SEEDED, extra_body=extension)
    assert re.fullmatch(expected, answer.choices[0].message.content)


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "report_weather"}}])
def test_a_required_call_is_made_with_valid_arguments(client, choice):
    answer = client.chat.completions.create(**SEEDED, tools=[TOOL], tool_choice=choice, parallel_tool_calls=False)
    check("CreateChatCompletionResponse", answer)
    [call] = answer.choices[0].message.tool_calls
    assert (answer.choices[0].finish_reason, answer.choices[0].message.content) == ("tool_calls", None)
    assert (call.type, call.function.name) == ("function", "report_weather")
    Weather.model_validate_json(call.function.arguments)


def test_a_streamed_call_comes_as_its_name_and_then_its_arguments_piece_by_piece(client):
    whole = client.chat.completions.create(**SEEDED, tools=[TOOL], tool_choice="required", parallel_tool_calls=False)
    arguments, heads, reasons = "", [], []
    for chunk in client.chat.completions.create(
        **SEEDED, tools=[TOOL], tool_choice="required", parallel_tool_calls=False, stream=True
    ):
        choice = chunk.choices[0]
        reasons.append(choice.finish_reason)
        for delta in choice.delta.tool_calls or []:
            if delta.id:
                heads.append((delta.index, delta.id, delta.function.name))
            arguments += delta.function.arguments
    [(index, identity, name)] = heads
    assert (index, name, reasons[-1]) == (0, "report_weather", "tool_calls")
    assert identity.startswith("call_")
    assert arguments == whole.choices[0].message.tool_calls[0].function.arguments


def test_a_result_is_answered(client):
    call = client.chat.completions.create(**SEEDED, tools=[TOOL], tool_choice="required", parallel_tool_calls=False).choices[0].message
    result = {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": "rain"}
    conversation = [*QUESTION, call.model_dump(exclude_none=True), result]
    answer = client.chat.completions.create(**{**SEEDED, "messages": conversation, "max_tokens": 16}, tools=[TOOL], tool_choice="none")
    assert answer.choices[0].message.content
    assert not answer.choices[0].message.tool_calls


def test_a_call_that_is_cut_off_says_so(client):
    answer = client.chat.completions.create(**{**SEEDED, "max_tokens": 5}, tools=[TOOL], tool_choice="required")
    assert answer.choices[0].finish_reason == "length"


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"a": {"not": {}}}}}}},
            "response_format.json_schema.schema.properties.a.not",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"uniqueItems": True}}}}}]},
            "tools[0].function.parameters.properties.a.uniqueItems",
        ),
        ({"extra_body": {"guided_regex": "("}}, "guided_regex"),
    ],
)
def test_what_is_not_supported_is_refused_with_its_place(client, asked, place):
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**SEEDED, **asked)
    assert (refused.value.param, refused.value.code) == (place, "unsupported_parameter")


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_langchain_gets_structured_output(local, method):
    http = openai.DefaultHttpxClient(verify=local.tls(), trust_env=False)
    chat = ChatOpenAI(model=MODEL, base_url=local.base_url, api_key=local.token(), max_retries=0, max_tokens=200, seed=3, http_client=http)
    assert isinstance(chat.with_structured_output(Weather, method=method).invoke(QUESTION[0]["content"]), Weather)


def test_several_at_once_are_each_valid(local):
    """Eight answers in one batch, each to its own grammar. Without further members, of which a small model finds no end."""
    schema = {**Weather.model_json_schema(), "additionalProperties": False}
    with local.http(local.token()) as http:
        answer = http.post("/chat/completions", json={**SEEDED, "n": 8, "response_format": {"type": "json_schema", "json_schema": {"name": "w", "schema": schema}}})
    for choice in answer.json()["choices"]:
        Weather.model_validate(json.loads(choice["message"]["content"]))
