"""Greedy text equals llama.cpp's on the same file: the model, its tokenizer and its chat template are computed right."""

import os
from pathlib import Path

import pytest
import xllamacpp

MODEL = "smollm2-135m-instruct"
TOKENS = 32


def user(text):
    return [{"role": "user", "content": text}]


CONVERSATIONS = {
    "question": user("Why is the sky blue?"),
    "digits": user("What is 12345 + 67890? Think step by step."),
    "code": user("Write a Python function that reverses a string."),
    "unicode": user("Übersetze ins Deutsche: \"The café is naïve\" 🙂"),
    "system": [{"role": "system", "content": "You answer like a pirate."}, *user("Where is the treasure?")],
    "turns": [*user("My name is Ada."), {"role": "assistant", "content": "Hello Ada."}, *user("What is my name?")],
}


@pytest.fixture(scope="module")
def weights(local) -> Path:
    """The file that the gateway fetched; asking for `local` makes sure that it did."""
    caches = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    models = Path(os.environ.get("TRADEWIND_MODELS", caches / "tradewind" / "models"))
    [file] = [path for path in models.rglob("*.gguf") if MODEL in str(path).lower()]
    return file


@pytest.fixture(scope="module")
def llama_cpp(weights):
    """llama.cpp in this process, on one thread so that it leaves the gateway its own."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights)
    parameters.n_ctx = 1024
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = 1
    parameters.warmup = False
    return xllamacpp.Server(parameters)


@pytest.mark.parametrize("messages", CONVERSATIONS.values(), ids=CONVERSATIONS.keys())
def test_greedy_text_equals_llama_cpp(client, llama_cpp, messages):
    request = {"messages": messages, "temperature": 0, "max_tokens": TOKENS}
    expected = llama_cpp.handle_chat_completions({**request, "cache_prompt": False})
    answer = client.chat.completions.create(model=MODEL, **request)
    assert answer.usage.prompt_tokens == expected["usage"]["prompt_tokens"]
    assert answer.choices[0].message.content == expected["choices"][0]["message"]["content"]
    assert answer.choices[0].finish_reason == expected["choices"][0]["finish_reason"]
