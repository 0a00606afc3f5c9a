"""Makes vocabularies.json beside this script: token ids by llama.cpp, for every kind of tokenizer that GGUF files name.

    python3 -m venv venv
    venv/bin/pip install xllamacpp==2026.10.11549 gguf==0.19.0 tokenizers==0.23.3 sentencepiece==0.2.3 numpy==2.4.6
    venv/bin/python vocabularies.py

Small vocabularies are trained here on the texts below, written to files with a model of one layer, and loaded by llama.cpp.
"""

import io
import json
import tempfile
import urllib.request
from pathlib import Path

import gguf
import numpy as np
import sentencepiece
import tokenizers
import xllamacpp

HERE = Path(__file__).parent
WIDTH = 32

TEXTS = [
    "Hello, world!",
    "The quick brown fox jumps over the lazy dog.",
    " leading and trailing spaces  ",
    "tabs\tand\nnewlines\r\n\n\nand   runs   of   spaces",
    "In 1969, 3 people flew 384400 km; pi is 3.14159265.",
    "½ cup, x² + y³, Ⅷ, ٣٤٥, 一二三",
    "I'm sure they've said we'll go, it's John's; DON'T SHOUT, IT'S LATE",
    "naïve café, Zürich, Ångström, e\u0301 (decomposed)",
    "Привет, мир! Γειά σου Κόσμε. שלום עולם مرحبا بالعالم",
    "日本語のテキストと中文文本、한국어 문장",
    "emoji: 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 ☃️",
    'fn main() { println!("{:?}", vec![1u8; 32]); } // code\n\tif (a != b) { return; }',
    "camelCase and HTTPServer, PATH/to/file",
    "<|open|>user\nHello 123<|end|>\n",
    "a<|end|>b <|end|> c<tool>d <tool> e",
    "not special: <|start <end|> <|unknown|>",
    "https://example.com/a?b=c&d=%20#frag user@example.org",
    "zero\u200bwidth, nbsp\u00a0here, soft\u00adhyphen, line\u2028separator",
    "▁already▁marked and <0x41> spelled <unk> <s>x</s>",
    "1234567890 12 345",
    "     ",
    "\n",
    "a",
    "",
]
CORPUS = TEXTS * 3 + [
    "the wind that blows from the east carried ships across the ocean, and 1742 was a good year",
    "what they had seen, year after year; it's what we'll say and don't forget: 100, 200, 300",
]

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6
# Merges that reach over every split, so that each split shows.
LIBERAL = r"\s*[^\s\p{L}\p{N}]*\p{L}+|\s*\p{N}+|\s*[^\s\p{L}\p{N}]+|\s+"


def bytes_vocabulary():
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(LIBERAL), "isolated")
    level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([split, level])
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=640, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = [["<|begin|>", CONTROL], ["<|end|>", CONTROL], ["<|open|>", CONTROL], ["<tool>", USER_DEFINED]]
    tokens += [[token, NORMAL] for token in sorted(model["vocab"], key=model["vocab"].get)]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return {"model": "gpt2", "tokens": tokens, "merges": merges, "scores": [], "begin": 0}


def kind(model, place):
    if model.is_unknown(place):
        return UNKNOWN
    if model.is_byte(place):
        return BYTE
    if model.is_control(place):
        return CONTROL
    return USER_DEFINED if model.id_to_piece(place) == "<tool>" else NORMAL


def pieces_vocabulary():
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line for text in CORPUS for line in text.splitlines() if line.strip()),
        model_writer=written,
        model_type="bpe",
        vocab_size=760,
        byte_fallback=True,
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        user_defined_symbols=["<tool>"],
        control_symbols=["<|open|>", "<|end|>", "<|endoftext|>"],
        minloglevel=2,
    )
    model = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    places = range(model.get_piece_size())
    tokens = [[model.id_to_piece(place), kind(model, place)] for place in places]
    scores = [model.get_score(place) for place in places]
    return {"model": "llama", "tokens": tokens, "merges": [], "scores": scores, "begin": 1}


def write(vocabulary, pre, adds_space, name, path):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    for add, number in [
        (writer.add_block_count, 1),
        (writer.add_context_length, 512),
        (writer.add_embedding_length, WIDTH),
        (writer.add_feed_forward_length, WIDTH),
        (writer.add_head_count, 1),
        (writer.add_head_count_kv, 1),
        (writer.add_layer_norm_rms_eps, 1e-6),
        (writer.add_rope_dimension_count, WIDTH),
        (writer.add_bos_token_id, vocabulary["begin"]),
        (writer.add_eos_token_id, vocabulary["begin"] + 1),
    ]:
        add(number)
    writer.add_tokenizer_model(vocabulary["model"])
    if pre:
        writer.add_tokenizer_pre(pre)
    writer.add_token_list([token for token, _ in vocabulary["tokens"]])
    writer.add_token_types([kind for _, kind in vocabulary["tokens"]])
    if vocabulary["merges"]:
        writer.add_token_merges(vocabulary["merges"])
    if vocabulary["scores"]:
        writer.add_token_scores(vocabulary["scores"])
    if adds_space is not None:
        writer.add_add_space_prefix(adds_space)
    size = len(vocabulary["tokens"])
    writer.add_tensor("token_embd.weight", np.zeros((size, WIDTH), np.float32))
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    for name in ["attn_norm", "ffn_norm"]:
        writer.add_tensor(f"blk.0.{name}.weight", np.ones(WIDTH, np.float32))
    for name in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]:
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros((WIDTH, WIDTH), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def ids(path):
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = 512
    params.n_parallel = 1
    params.warmup = False
    server = xllamacpp.Server(params)
    found = []
    for text in TEXTS:
        request = urllib.request.Request(
            server.listening_address + "/tokenize",
            data=json.dumps({"content": text, "add_special": True, "parse_special": True}).encode(),
            headers={"content-type": "application/json"},
        )
        found.append(json.load(urllib.request.urlopen(request))["tokens"])
    return found


def main():
    vocabularies = [bytes_vocabulary(), pieces_vocabulary()]
    cases = [(0, pre, None, "small") for pre in ["smollm", "llama-bpe", "qwen2", "gpt-2", "tekken", "default"]]
    # llama.cpp knows by the name that Phi-3's special tokens take the white space after them.
    cases += [(1, None, None, "small"), (1, None, False, "small"), (1, None, None, "phi-3")]
    found = []
    for number, pre, adds_space, name in cases:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.gguf"
            write(vocabularies[number], pre, adds_space, name, path)
            found.append({"vocabulary": number, "pre": pre, "adds_space": adds_space, "name": name, "ids": ids(path)})
    golden = {"texts": TEXTS, "vocabularies": vocabularies, "cases": found}
    (HERE / "vocabularies.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
