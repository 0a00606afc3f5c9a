"""Checks what the gateway sends against OpenAI's published schemas."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import jsonschema
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk

SCHEMA = json.loads((Path(__file__).parent.parent / "data" / "openai.schema.json").read_text("utf-8"))


@cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


def check(name: str, value) -> None:
    """Fails with every difference between `value` and the schema `name`. SDK objects are checked as they were received."""
    received = value if isinstance(value, dict) else value.to_dict(mode="json")
    faults = [f"{error.json_path}: {error.message}" for error in _validator(name).iter_errors(received)]
    assert not faults, f"not a {name}: {received}\n" + "\n".join(faults)


@dataclass
class Streamed:
    """A stream of chunks put together again."""

    pieces: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    finish_reason: str | None = None
    usage: CompletionUsage | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def add(self, chunk: ChatCompletionChunk) -> None:
        assert self.usage is None, "the usage chunk is the last one"
        self.ids.add(chunk.id)
        self.usage = chunk.usage
        for choice in chunk.choices:
            assert self.finish_reason is None, "nothing follows the finish reason but usage"
            self.finish_reason = choice.finish_reason
            if choice.delta.content:
                self.pieces.append(choice.delta.content)


def collect(stream: Iterable[ChatCompletionChunk]) -> Streamed:
    """The whole stream, each chunk checked against the schema."""
    streamed = Streamed()
    for chunk in stream:
        check("CreateChatCompletionStreamResponse", chunk)
        streamed.add(chunk)
    return streamed
