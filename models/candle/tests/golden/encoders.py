"""Makes encoders.json beside this script: what Hugging Face's library answers with small encoders of every kind.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 transformers==5.23.0 numpy==2.4.6
    venv/bin/python encoders.py

The weights are no file: `weights` computes them from the name of each tensor, and so does the test that reads the answers.
"""

import json
from pathlib import Path

import numpy as np
import torch
import transformers

HERE = Path(__file__).parent
VOCABULARY, WIDTH, LABELS = 50, 64, 3
# The window of ModernBERT below is 12 tokens to each side; the longest is divided for it, and one is as long as all that is seen.
LENGTHS = [1, 2, 7, 13, 33, 70, 150]
# How many tokens of a pair are of the first text.
FIRST = {7: 4, 33: 10, 70: 69}


def weights(name, shape):
    """Numbers between -0.3 and 0.3, and around 1 for a norm's weight: SplitMix64 over the place, from FNV-1a of the name."""
    seed = np.uint64(0xCBF29CE484222325)
    with np.errstate(over="ignore"):
        for byte in name.encode():
            seed = (seed ^ np.uint64(byte)) * np.uint64(0x100000001B3)
        x = seed + np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    uniform = (x >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24)
    values = (uniform - np.float32(0.5)) * np.float32(0.6)
    if name.lower().endswith("norm.weight"):
        values += np.float32(1)
    return torch.from_numpy(values.reshape(shape))


def sequences(has_types):
    for length in LENGTHS:
        ids = [5 + (place * 17 + length) % (VOCABULARY - 5) for place in range(length)]
        yield ids, FIRST.get(length, length) if has_types else length


def case(name, config, model, answer, **extra):
    model.eval()
    shapes = {}
    for tensor, parameter in model.named_parameters():
        shapes[tensor] = list(parameter.shape)
        parameter.data = weights(tensor, parameter.shape)
    has_types = config.model_type == "bert"
    answers = []
    for ids, first in sequences(has_types):
        given = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids), dtype=torch.long)}
        if has_types:
            given["token_type_ids"] = torch.tensor([[int(place >= first) for place in range(len(ids))]])
        with torch.no_grad():
            numbers = answer(model(**given)).flatten().tolist()
        answers.append({"ids": ids, "first": first, "output": [float(f"{number:.6g}") for number in numbers]})
    return {"name": name, "config": config.to_dict(), "tensors": shapes, "answers": answers, **extra}


def cls(output):
    return output.last_hidden_state[0, 0]


def mean(output):
    return output.last_hidden_state[0].mean(0)


def unit(pool):
    return lambda output: torch.nn.functional.normalize(pool(output), dim=0)


def logits(output):
    return output.logits


def family(name, config, classes):
    base, sequence, token = classes
    common = {"attn_implementation": "eager"}

    def made(which, **change):
        own = config(**change)
        own._attn_implementation = common["attn_implementation"]
        return own, which(own)

    yield case(f"{name} mean", *made(base), unit(mean), purpose="vectors", pooling="mean", unit=True)
    yield case(f"{name} cls", *made(base), cls, purpose="vectors", pooling="cls", unit=False)
    yield case(f"{name} scores", *made(sequence, num_labels=LABELS), logits, purpose="scores")
    yield case(f"{name} one score", *made(sequence, num_labels=1), logits, purpose="scores")
    yield case(f"{name} token scores", *made(token, num_labels=LABELS), logits, purpose="token-scores")
    if name == "modernbert":
        change = {"classifier_pooling": "mean", "num_labels": LABELS}
        yield case(f"{name} scores of the mean", *made(sequence, **change), logits, purpose="scores")


def cases():
    t = transformers
    usual = {"vocab_size": VOCABULARY, "hidden_size": WIDTH, "num_hidden_layers": 2, "intermediate_size": 96}
    # Heads of 32, 16 and 8 numbers: as wide as the kernels' panels, and narrower.
    yield from family(
        "bert",
        lambda **change: t.BertConfig(**usual, num_attention_heads=2, max_position_embeddings=160, **change),
        (t.BertModel, t.BertForSequenceClassification, t.BertForTokenClassification),
    )
    yield from family(
        "xlm-roberta",
        lambda **change: t.XLMRobertaConfig(
            **usual, num_attention_heads=4, max_position_embeddings=162, type_vocab_size=1, layer_norm_eps=1e-5, **change
        ),
        (t.XLMRobertaModel, t.XLMRobertaForSequenceClassification, t.XLMRobertaForTokenClassification),
    )
    yield from family(
        "roberta",
        lambda **change: t.RobertaConfig(
            **usual, num_attention_heads=2, max_position_embeddings=162, type_vocab_size=1, layer_norm_eps=1e-5, **change
        ),
        (t.RobertaModel, t.RobertaForSequenceClassification, t.RobertaForTokenClassification),
    )
    yield from family(
        "distilbert",
        lambda **change: t.DistilBertConfig(
            vocab_size=VOCABULARY, dim=WIDTH, n_layers=2, n_heads=8, hidden_dim=96, max_position_embeddings=160, **change
        ),
        (t.DistilBertModel, t.DistilBertForSequenceClassification, t.DistilBertForTokenClassification),
    )
    yield from family(
        "modernbert",
        lambda **change: t.ModernBertConfig(
            **{**usual, "num_hidden_layers": 4},
            num_attention_heads=2,
            max_position_embeddings=160,
            local_attention=24,
            pad_token_id=0,
            **change,
        ),
        (t.ModernBertModel, t.ModernBertForSequenceClassification, t.ModernBertForTokenClassification),
    )


if __name__ == "__main__":
    with open(HERE / "encoders.json", "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases()) + "\n]\n")
