"""Makes decoders_gguf.json beside this script: how the small models of decoders.json look as GGUF files.

    python3 -m venv venv && venv/bin/pip install xllamacpp==2026.10.11549 gguf==0.19.0 numpy==2.4.6
    venv/bin/python decoders_gguf.py

What is written is what llama.cpp understands: for each model it loads the file, and has to find the logits of `transformers`. Where it
leaves something out (the windows of `llama` and `phi3`), only tokens are compared that it makes no difference to.
"""

import json
import re
import tempfile
import urllib.request
from pathlib import Path

import gguf
import numpy as np
import xllamacpp

from formula import values

HERE = Path(__file__).parent

ARCHITECTURES = {
    "llama": "llama",
    "mistral": "llama",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "gemma": "gemma",
    "gemma2": "gemma2",
    "gemma3_text": "gemma3",
    "phi3": "phi3",
}
PIECES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.qkv_proj": "attn_qkv",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.gate_up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}
# GGUF files cannot say this.
LEFT_OUT = {"qwen2 with windows"}
# The logprobs come with so many digits.
TOLERANCE = 2e-3


def name_of(tensor, around):
    if tensor in WHOLE:
        return WHOLE[tensor]
    layer, piece, kind = re.fullmatch(r"model\.layers\.(\d+)\.(.*)\.(weight|bias)", tensor).groups()
    if piece == "post_attention_layernorm":
        return f"blk.{layer}.{'post_attention_norm' if around else 'ffn_norm'}.{kind}"
    return f"blk.{layer}.{PIECES[piece]}.{kind}"


def dimensions(config):
    return config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])


def metadata(config):
    name = ARCHITECTURES[config["model_type"]]
    scaling = config.get("rope_scaling", {})
    kind = scaling.get("rope_type", scaling.get("type"))
    part = config.get("partial_rotary_factor", 1.0)
    found = {
        "block_count": config["num_hidden_layers"],
        "context_length": config["max_position_embeddings"],
        "embedding_length": config["hidden_size"],
        "feed_forward_length": config["intermediate_size"],
        "attention.head_count": config["num_attention_heads"],
        "attention.head_count_kv": config["num_key_value_heads"],
        "attention.layer_norm_rms_epsilon": config["rms_norm_eps"],
        "attention.key_length": dimensions(config),
        "attention.value_length": dimensions(config),
        "rope.dimension_count": int(dimensions(config) * part),
        "rope.freq_base": config.get("rope_theta") or config["rope_parameters"]["rope_theta"],
    }
    if "sliding_window" in config and config.get("use_sliding_window", True):
        found["attention.sliding_window"] = config["sliding_window"]
    if "attn_logit_softcapping" in config:
        found["attn_logit_softcapping"] = config["attn_logit_softcapping"]
        found["final_logit_softcapping"] = config["final_logit_softcapping"]
    if kind == "linear":
        found |= {"rope.scaling.type": "linear", "rope.scaling.factor": scaling["factor"]}
    if kind == "longrope":
        original = config["original_max_position_embeddings"]
        stretch = config["max_position_embeddings"] / original
        found["rope.scaling.original_context_length"] = original
        found["rope.scaling.attn_factor"] = float(np.sqrt(1 + np.log(stretch) / np.log(original)))
    return {"general.architecture": name} | {f"{name}.{key}": value for key, value in found.items()}


def divisors(config):
    """What frequencies are divided by, where a file has that in tensors."""
    scaling = config.get("rope_scaling", {})
    if "long_factor" in scaling:
        return {"rope_factors_long.weight": scaling["long_factor"], "rope_factors_short.weight": scaling["short_factor"]}
    if scaling.get("rope_type") != "llama3":
        return {}
    factors = []
    for pair in range(dimensions(config) // 2):
        length = 2 * np.pi * config["rope_theta"] ** (2 * pair / dimensions(config))
        turns = scaling["original_max_position_embeddings"] / length
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        kept = min(max((turns - low) / (high - low), 0), 1)
        factors.append(1 / ((1 - kept) / scaling["factor"] + kept))
    return {"rope_freqs.weight": factors}


def described(case):
    """Metadata, and each tensor's name, where it comes from, and the heads whose halves become neighbours."""
    config = case["config"]
    around = config["model_type"] in ("gemma2", "gemma3_text")
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    turned = heads if ARCHITECTURES[config["model_type"]] == "llama" else {}
    tensors = []
    for tensor in sorted(case["tensors"]):
        count = next((count for piece, count in turned.items() if f".{piece}." in tensor), 0)
        tensors.append([name_of(tensor, around), tensor, count])
    return {"name": case["name"], "metadata": metadata(config), "tensors": tensors, "divisors": divisors(config)}


def write(case, file, path):
    is_gemma = case["config"]["model_type"].startswith("gemma")
    writer = gguf.GGUFWriter(path, file["metadata"]["general.architecture"])
    for key, value in file["metadata"].items():
        if key != "general.architecture":
            add = {str: writer.add_string, int: writer.add_uint32, float: writer.add_float32}[type(value)]
            add(key, value)
    size = case["config"]["vocab_size"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([f"{chr(97 + index // 26)}{chr(97 + index % 26)}" for index in range(size)])
    writer.add_token_types([gguf.TokenType.NORMAL] * size)
    writer.add_token_merges(["a a"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    for name, tensor, heads in file["tensors"]:
        shape = case["tensors"][tensor]
        x = values(tensor, shape, False).astype(np.float32)
        if heads:
            x = x.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)
        writer.add_tensor(name, np.ascontiguousarray(x))
    for name, numbers in file["divisors"].items():
        writer.add_tensor(name, np.array(numbers, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def error_of_llama_cpp(case, path):
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = 256
    params.n_parallel = 1
    params.warmup = False
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.cache_type_k = xllamacpp.ggml_type.GGML_TYPE_F32
    params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    server = xllamacpp.Server(params)
    config = case["config"]
    ignores_window = config["model_type"] in ("mistral", "phi3")
    furthest = config.get("sliding_window", 999) if ignores_window else 999
    worst, compared = 0.0, 0
    for sequence in case["sequences"]:
        for place, logits in zip(sequence["kept"], sequence["logits"]):
            if place >= furthest:
                continue
            body = {"prompt": sequence["tokens"][: place + 1], "n_predict": 1, "temperature": 1.0, "n_probs": len(logits), "cache_prompt": False}
            request = urllib.request.Request(
                server.listening_address + "/completion",
                data=json.dumps(body).encode(),
                headers={"content-type": "application/json"},
            )
            answer = json.load(urllib.request.urlopen(request))
            found = {top["id"]: top["logprob"] for top in answer["completion_probabilities"][0]["top_logprobs"]}
            logits = np.array(logits)
            expected = logits - np.log(np.exp(logits).sum())
            worst = max(worst, max(abs(found[index] - expected[index]) for index in found))
            compared += len(found)
    return worst, compared


def main():
    files = []
    for case in json.loads((HERE / "decoders.json").read_text()):
        if case["name"] in LEFT_OUT:
            continue
        file = described(case)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.gguf"
            write(case, file, path)
            worst, compared = error_of_llama_cpp(case, path)
        print(f"{case['name']}: {compared} logits, {worst:.1e} off")
        assert worst < TOLERANCE and compared > 300, case["name"]
        files.append(file)
    lines = [json.dumps(file) for file in files]
    (HERE / "decoders_gguf.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
