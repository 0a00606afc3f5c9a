"""Cuts OpenAI's OpenAPI description down to the schemas that the tests check answers against.

usage: reduce.py openapi.json > openai.schema.json

Kept: the schemas named below and whatever they refer to. Dropped: prose, examples and vendor extensions. Translated: `nullable`, which
the description uses although its OpenAPI version (3.1) has no such keyword and a validator would ignore it.
"""

import json
import sys

ROOTS = (
    "CreateChatCompletionResponse",
    "CreateChatCompletionStreamResponse",
    "CreateEmbeddingResponse",
    "ErrorResponse",
    "ListModelsResponse",
)
REFERENCE = "#/components/schemas/"
PROSE = ("description", "example", "examples", "title", "deprecated")


def reduce(node):
    if isinstance(node, list):
        return [reduce(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        kept = {"$ref": node["$ref"].replace(REFERENCE, "#/$defs/")}
    else:
        kept = {
            key: {name: reduce(schema) for name, schema in value.items()} if key == "properties" else reduce(value)
            for key, value in node.items()
            if key not in PROSE and key != "nullable" and not key.startswith("x-")
        }
    return {"anyOf": [kept, {"type": "null"}]} if node.get("nullable") is True else kept


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rpartition("/")[2]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        description = json.load(file)
    schemas = description["components"]["schemas"]
    wanted, kept = list(ROOTS), {}
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept[name] = reduce(schemas[name])
            wanted.extend(references(kept[name]))
    reduced = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": f"From OpenAI's OpenAPI description, version {description['info']['version']} (MIT); made by reduce.py.",
        "$defs": dict(sorted(kept.items())),
    }
    json.dump(reduced, sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
