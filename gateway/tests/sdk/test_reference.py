"""Greedy text equals llama.cpp's on the same file: the model, its tokenizer and its chat template are computed right.

llama.cpp multiplies this file's 4-bit weights by activations that it rounds to 8 bits, the gateway by activations as they are. Where two
tokens are nearly as likely, that rounding alone decides (measured: up to 0.35 between their logarithmic probabilities), so the
conversations here are ones that llama.cpp is surer about at every step, and the tests check that they are.
"""

import os
from pathlib import Path

import pytest
import xllamacpp

MODEL = "smollm2-135m-instruct"
TOKENS = 32
ROUNDING = 0.35


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def system(text):
    return {"role": "system", "content": text}


CONVERSATIONS = {
    "long": [user("Count from 1 to 20, separated by commas.")],
    "system": [system("You answer in one short sentence."), user("What is the capital of Italy?")],
    "turns": [user("What is the capital of France?"), assistant("The capital of France is Paris."), user("And of Germany?")],
    "digits": [
        user("What is the capital of France in 1969, 12345 or 67890?"),
        assistant("The capital of France is Paris."),
        user("And of Germany?"),
    ],
    "unicode": [
        system("Größe, naïveté, Ωμέγα, 東京 🙂👩‍👧"),
        user("東京はどこですか？ 🙂"),
        assistant("東京は日本の首都です。"),
        user("What is the capital of Germany?"),
    ],
    "code": [
        system("You write Python."),
        user("Write a function that adds two numbers."),
        assistant("```python\ndef add(a, b):\n    return a + b\n```"),
        user("Now one that multiplies two numbers."),
    ],
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
    expected = llama_cpp.handle_chat_completions({**request, "cache_prompt": False, "logprobs": True, "top_logprobs": 2})
    [choice] = expected["choices"]
    likeliest = [[token["logprob"] for token in step["top_logprobs"]] for step in choice["logprobs"]["content"]]
    assert min(first - second for first, second in likeliest) > ROUNDING

    answer = client.chat.completions.create(model=MODEL, **request)
    assert answer.choices[0].message.content == choice["message"]["content"]
    assert answer.choices[0].finish_reason == choice["finish_reason"]
    assert answer.usage.prompt_tokens == expected["usage"]["prompt_tokens"]
