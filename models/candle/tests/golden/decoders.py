"""Makes decoders.json beside this script: what `transformers` computes on small models of every architecture.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 transformers==5.23.0 numpy==2.4.6
    venv/bin/python decoders.py

The weights follow a formula, so that the tests make the same ones and no checkpoint has to be kept.
"""

import json
from pathlib import Path

import torch
import transformers

from formula import values

HERE = Path(__file__).parent
# Keys and values of every sequence are computed from the whole sequence; these are the tokens whose logits are kept.
KEPT = [0, 1, 8, 24, 33, 40, 69]

SHAPE = {
    "vocab_size": 48,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-6,
}
SILU = {"hidden_act": "silu"}
GELU = {"hidden_activation": "gelu_pytorch_tanh"}
# Sixteen pairs turn of heads of 32, twelve where three quarters of them do.
SHORT = [1.0 + 0.05 * pair for pair in range(16)]
LONG = [1.0 + 0.3 * pair for pair in range(12)]

CASES = {
    "llama": {"model_type": "llama", "rope_theta": 10000.0, "tie_word_embeddings": True, **SILU},
    "llama with rope in bands": {
        "model_type": "llama",
        # Heads of 20: no multiple of what the CPU's kernels take.
        "hidden_size": 80,
        "rope_theta": 500000.0,
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
        },
        "tie_word_embeddings": False,
        **SILU,
    },
    "llama with linear rope": {
        "model_type": "llama",
        "rope_theta": 10000.0,
        "rope_scaling": {"type": "linear", "factor": 4.0},
        "attention_bias": True,
        "tie_word_embeddings": False,
        **SILU,
    },
    "mistral": {
        "model_type": "mistral",
        "head_dim": 32,
        "rope_theta": 10000.0,
        "sliding_window": 24,
        "tie_word_embeddings": False,
        **SILU,
    },
    "qwen2": {
        "model_type": "qwen2",
        "rope_theta": 1000000.0,
        "sliding_window": 16,
        "use_sliding_window": False,
        "max_window_layers": 2,
        "tie_word_embeddings": True,
        **SILU,
    },
    "qwen2 with windows": {
        "model_type": "qwen2",
        "rope_theta": 1000000.0,
        "sliding_window": 16,
        "use_sliding_window": True,
        "max_window_layers": 1,
        "tie_word_embeddings": True,
        **SILU,
    },
    "qwen3": {
        "model_type": "qwen3",
        "head_dim": 32,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
        "attention_bias": False,
        "tie_word_embeddings": False,
        **SILU,
    },
    "gemma": {"model_type": "gemma", "head_dim": 32, "rope_theta": 10000.0, "tie_word_embeddings": True, **GELU},
    "gemma2": {
        "model_type": "gemma2",
        "head_dim": 32,
        "rope_theta": 10000.0,
        "sliding_window": 24,
        "query_pre_attn_scalar": 32,
        "attn_logit_softcapping": 5.0,
        "final_logit_softcapping": 3.0,
        "tie_word_embeddings": True,
        "hidden_act": "gelu_pytorch_tanh",
        **GELU,
    },
    "gemma3": {
        "model_type": "gemma3_text",
        "num_hidden_layers": 6,
        "head_dim": 32,
        "rope_theta": 1000000.0,
        "rope_local_base_freq": 10000.0,
        "rope_scaling": {"rope_type": "linear", "factor": 8.0},
        "sliding_window": 24,
        "sliding_window_pattern": 6,
        "query_pre_attn_scalar": 32,
        "tie_word_embeddings": True,
        **GELU,
    },
    "phi3": {
        "model_type": "phi3",
        "hidden_size": 128,
        "rope_theta": 10000.0,
        "max_position_embeddings": 256,
        "original_max_position_embeddings": 256,
        "rope_scaling": {"type": "longrope", "short_factor": SHORT, "long_factor": SHORT},
        "sliding_window": 24,
        "pad_token_id": 0,
        "tie_word_embeddings": False,
        **SILU,
    },
    "phi3 beyond its original context": {
        "model_type": "phi3",
        "hidden_size": 128,
        "rope_theta": 10000.0,
        "max_position_embeddings": 256,
        "original_max_position_embeddings": 32,
        "partial_rotary_factor": 0.75,
        "rope_scaling": {"type": "longrope", "short_factor": LONG[::-1], "long_factor": LONG},
        "pad_token_id": 0,
        "tie_word_embeddings": True,
        **SILU,
    },
}
# How the tests store each: type and number of files.
STORED = {"llama with rope in bands": ("F16", 1), "llama with linear rope": ("BF16", 2), "mistral": ("F16", 1), "gemma3": ("BF16", 3)}


def sequence(seed, length, vocabulary):
    return [(index * 37 + seed * 11 + index * index) % vocabulary for index in range(length)]


def case(name, options):
    config = {**SHAPE, **options}
    parsed = transformers.AutoConfig.for_model(**{**config, "rope_scaling": dict(config["rope_scaling"])} if "rope_scaling" in config else config)
    parsed._attn_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(parsed, dtype=torch.float32).eval()
    is_less_one = config["model_type"].startswith("gemma")
    tensors = {}
    with torch.no_grad():
        for tensor, parameter in model.named_parameters():
            tensors[tensor] = list(parameter.shape)
            parameter.copy_(torch.tensor(values(tensor, parameter.shape, is_less_one), dtype=torch.float32))
        sequences = []
        # Where a rotation depends on the length, every sequence is longer than the original context.
        lengths = [70, 41, 37] if "beyond" in name else [70, 41, 9]
        for seed, length in enumerate(lengths, 1):
            tokens = sequence(seed, length, config["vocab_size"])
            logits = model(torch.tensor([tokens])).logits[0]
            kept = [place for place in KEPT if place < length]
            rows = [[round(x, 4) for x in logits[place].tolist()] for place in kept]
            sequences.append({"tokens": tokens, "kept": kept, "logits": rows})
    stored, files = STORED.get(name, ("F32", 1))
    return {"name": name, "config": config, "tensors": tensors, "stored": stored, "files": files, "sequences": sequences}


def main():
    transformers.logging.set_verbosity_error()
    lines = [json.dumps(case(name, options)) for name, options in CASES.items()]
    (HERE / "decoders.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
