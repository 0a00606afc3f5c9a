"""Makes entities.json beside this script: how ONNX Runtime labels the tokens of texts with personal data.

    python3 -m venv venv && venv/bin/pip install onnxruntime==1.32.0 numpy==2.4.6 tokenizers==0.23.3
    venv/bin/python entities.py CACHE    # CACHE: the models folder that Tradewind filled
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import tokenizers

HERE = Path(__file__).parent

TEXTS = [
    "My name is Ada Lovelace and I live in London.",
    "Please call me at +1 (415) 555-0132 after five.",
    "Write to john.smith@example.com, not to sales@example.org.",
    "The weather is fine today.",
    "Send the parcel to 221B Baker Street, Springfield, IL 62704.",
    "My passport number is X12345678 and it expires in May.",
    "IBAN DE89 3704 0044 0532 0130 00 belongs to Grace Hopper.",
    "Her social security number is 078-05-1120.",
    "See https://alan-turing.example.net/profile?id=42 for details.",
    "Dr. María José Ñúñez moved from São Paulo to Zürich.",
    "ok",
    "Routing number 021000021, account 123456789.",
    "Driver's license: D1234-56789-01234, issued in California.",
    "Meet me at Suite 500, 1 Market St, San Francisco.",
    "tax id 12-3456789 of Acme Inc.",
    "Anna, Bob and Charlie went to Paris with Dora.",
    "ALICE COOPER called 2125550199 from new york",
    "日本の山田太郎さんのメールは taro@example.jp です。",
    "The integral of x squared from 0 to 1 is one third.",
    "Contact: Jane Doe <jane.doe+test@mail.example.co.uk>, phone 020 7946 0958.",
    "I was born in 1984 in Austin, Texas, and my brother Tom in Ohio.",
    "Unit 7, 48 Rue de Rivoli, 75004 Paris",
    "👩‍💻 Zoë's e-mail: zoe_99@example.com 🎉",
    "fn main() { println!(\"hello\"); }",
]


def main(cache):
    folder = Path(cache) / "rampart-pii"
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    session = onnxruntime.InferenceSession(str(folder / "model_q4.onnx"), providers=["CPUExecutionProvider"])
    answers = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        given = {
            "input_ids": np.array([ids]),
            "attention_mask": np.ones((1, len(ids)), dtype=np.int64),
            "token_type_ids": np.zeros((1, len(ids)), dtype=np.int64),
        }
        logits = session.run(["logits"], given)[0][0]
        best = logits.argmax(-1)
        answers.append(
            {
                "text": text,
                "ids": ids,
                "labels": best.tolist(),
                # Of the best label, and of all labels together.
                "logits": [round(float(row[label]), 4) for row, label in zip(logits, best, strict=True)],
                "sums": [round(float(row.sum()), 4) for row in logits],
            }
        )
    with open(HERE / "entities.json", "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(answer, ensure_ascii=False) for answer in answers) + "\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
