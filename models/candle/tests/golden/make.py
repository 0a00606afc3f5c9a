"""Makes the golden files beside this script: what other implementations answer on the same weights.

    python3 -m venv venv && venv/bin/pip install xllamacpp==2026.10.11549 numpy==2.4.6 tokenizers==0.23.3
    venv/bin/python make.py CACHE [embeddings]    # CACHE: the models folder that Tradewind filled

Token ids and greedy continuations come from llama.cpp on one thread, with its key/value cache in f32. It answers each
conversation twice: from the file as it is, for which it rounds activations to 8 bits and so makes other choices where
two tokens are nearly as likely; and from the same weights unpacked to f32, where nothing is rounded. Sentence vectors come
from the forward pass below, in NumPy and float64.
"""

import json
import struct
import sys
import tempfile
import urllib.request
from math import erf
from pathlib import Path

import numpy as np
import tokenizers
import xllamacpp

HERE = Path(__file__).parent
GENERATED_TOKENS = 48
# MiniLM was trained on no more.
LONGEST_SENTENCE = 256

TEXTS = [
    "Hello, world!",
    "The quick brown fox jumps over the lazy dog.",
    " leading and trailing spaces  ",
    "tabs\tand\nnewlines\r\n\n\nand   runs   of   spaces",
    "In 1969, 3 people flew 384400 km; pi is 3.14159265.",
    "½ cup, x² + y³, Ⅷ, ٣٤٥, 一二三",
    "I'm sure they've said we'll go, it's John's; DON'T SHOUT",
    "naïve café, Zürich, Ångström, e\u0301 (decomposed)",
    "Привет, мир! Γειά σου Κόσμε. שלום עולם مرحبا بالعالم",
    "日本語のテキストと中文文本、한국어 문장",
    "emoji: 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 ☃️",
    "fn main() { println!(\"{:?}\", vec![1u8; 32]); } // code\n\tif (a != b) { return; }",
    "<|im_start|>system\nHi 123<|im_end|>\n",
    "<|im_start|>user\nspecial <|endoftext|> in <repo_name>the middle<|im_end|>",
    "not special: <|im_start <im_end|> <|unknown|>",
    "https://example.com/a?b=c&d=%20#frag user@example.org",
    "zero\u200bwidth, nbsp\u00a0here, soft\u00adhyphen, line\u2028separator",
    "",
]

PROMPTS = [
    [{"role": "user", "content": "Why is the sky blue?"}],
    [{"role": "user", "content": "Write a haiku about the trade winds."}],
    [{"role": "user", "content": "What is 17 + 25?"}],
    [{"role": "user", "content": "List three uses of a gateway."}],
    [{"role": "user", "content": "Translate to French: The cat sleeps on the sofa."}],
    [{"role": "user", "content": "Say hello."}],
    [
        {"role": "system", "content": "You answer in one short sentence."},
        {"role": "user", "content": "What is the capital of France?"},
    ],
    [
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Nice to meet you, Ada."},
        {"role": "user", "content": "What is my name?"},
    ],
    [{"role": "user", "content": "Write a Python function that returns the n-th Fibonacci number."}],
    [{"role": "user", "content": "Explain photosynthesis to a child in two sentences. 🌱"}],
    [
        {
            "role": "user",
            "content": "Summarise: "
            + " ".join(
                f"On day {day} the ship made {day * 7 % 23 + 90} miles under easterly trade winds." for day in range(1, 31)
            ),
        }
    ],
    [{"role": "user", "content": "Continue the list: red, green, blue,"}],
]

SENTENCES = [
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "A cheetah is running behind its prey.",
    "Tradewind routes requests to the backend that will finish soonest.",
    "Größe, naïveté und 東京: ünïcödé is normalised.",
    "ok",
    "word " * 250,
]


PROSE = (
    "The wind that blows from the east carried ships across the ocean, and whoever knew when it would come could say on which day a "
    "ship would be in port. Merchants wrote down what they had seen, year after year, and made tables of it: 1742, 31 days; 1743, 28. "
    "Nobody asked why; it was enough that the tables were right more often than the captains. À bord, on parlait trois langues. "
).split()


def passages():
    """Texts of many kinds and every length, more than a hundred."""
    yield from (text for text in TEXTS if text)
    yield from (messages[-1]["content"] for messages in PROMPTS)
    for count in range(1, 90):
        start = count * 7 % len(PROSE)
        length = count if count < 60 else 3 * count - 120
        yield " ".join((PROSE * 5)[start : start + length])


class Llama:
    """llama.cpp's server core, and the HTTP endpoints that it opens on the loopback interface."""

    def __init__(self, gguf):
        params = xllamacpp.CommonParams()
        params.model.path = str(gguf)
        params.n_ctx = 2048
        params.n_parallel = 1
        params.warmup = False
        params.cpuparams.n_threads = 1
        params.cpuparams_batch.n_threads = 1
        params.cache_type_k = xllamacpp.ggml_type.GGML_TYPE_F32
        params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        self.server = xllamacpp.Server(params)

    def post(self, path, body):
        request = urllib.request.Request(
            self.server.listening_address + path,
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        return json.load(urllib.request.urlopen(request))

    def tokens(self, text):
        body = {"content": text, "add_special": True, "parse_special": True}
        return self.post("/tokenize", body)["tokens"]

    def prompt(self, messages):
        return self.post("/apply-template", {"messages": messages})["prompt"]

    def greedy(self, prompt):
        body = {
            "prompt": prompt,
            "n_predict": GENERATED_TOKENS,
            "temperature": 0,
            "n_probs": 2,
            "cache_prompt": False,
            "return_tokens": True,
        }
        return self.post("/completion", body)


class GgufReader:
    """As much of GGUF as it takes to write the same file with other tensors."""

    SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
    STRING, ARRAY = 8, 9

    def __init__(self, raw):
        self.raw = raw
        self.at = 0

    def scalar(self, code):
        (value,) = struct.unpack_from("<" + code, self.raw, self.at)
        self.at += struct.calcsize("<" + code)
        return value

    def string(self):
        length = self.scalar("Q")
        self.at += length
        return self.raw[self.at - length : self.at]

    def skip_value(self, kind):
        if kind == self.STRING:
            self.string()
        elif kind == self.ARRAY:
            element, count = self.scalar("I"), self.scalar("Q")
            for _ in range(count):
                self.skip_value(element)
        else:
            self.scalar(self.SCALARS[kind])


def unpack(raw, kind):
    """The values of tensor data in F32, Q4_1 or Q8_0."""
    if kind == 0:
        return np.frombuffer(raw, np.float32)
    if kind == 3:
        blocks = np.frombuffer(raw, np.dtype([("d", "<f2"), ("m", "<f2"), ("q", "u1", 16)]))
        integers = np.concatenate([blocks["q"] & 15, blocks["q"] >> 4], axis=1)
        offset = blocks["m"].astype(np.float32)[:, None]
    elif kind == 8:
        blocks = np.frombuffer(raw, np.dtype([("d", "<f2"), ("q", "i1", 32)]))
        integers, offset = blocks["q"], np.float32(0)
    else:
        raise ValueError(f"tensor type {kind} is not handled")
    return (blocks["d"].astype(np.float32)[:, None] * integers + offset).ravel()


def unpacked_gguf(source, target):
    """Writes the model with all its tensors in f32."""
    raw = source.read_bytes()
    reader = GgufReader(raw)
    magic, version, tensors, pairs = raw[:4], *struct.unpack_from("<IQQ", raw, 4)
    reader.at = 24
    for _ in range(pairs):
        reader.string()
        reader.skip_value(reader.scalar("I"))
    head = magic + raw[4 : reader.at]
    infos = []
    for _ in range(tensors):
        name = reader.string()
        shape = [reader.scalar("Q") for _ in range(reader.scalar("I"))]
        infos.append((name, shape, reader.scalar("I"), reader.scalar("Q")))
    data = -(-reader.at // 32) * 32
    bytes_of = {0: 4, 3: 20 / 32, 8: 34 / 32}
    offset, described, values = 0, b"", []
    for name, shape, kind, start in infos:
        count = int(np.prod(shape))
        begin = data + start
        values.append(unpack(raw[begin : begin + int(count * bytes_of[kind])], kind).astype("<f4").tobytes())
        described += struct.pack("<Q", len(name)) + name + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        described += struct.pack("<IQ", 0, offset)
        offset += -(-count * 4 // 32) * 32
    with target.open("wb") as file:
        file.write(head + described)
        file.write(bytes(-file.tell() % 32))
        for value in values:
            file.write(value + bytes(-len(value) % 32))


def answers(llama, prompt):
    """Tokens, and how much likelier each was than the second likeliest, in logits."""
    answer = llama.greedy(prompt)
    gaps = []
    for step in answer["completion_probabilities"]:
        first, second = step["top_logprobs"][:2]
        gaps.append(round(first["logprob"] - second["logprob"], 4))
    return {
        "tokens": answer["tokens"],
        "gaps": gaps,
        "text": answer["content"],
        "stopped": answer["stop_type"],
        "usage": [answer["tokens_evaluated"], answer["tokens_predicted"]],
    }


def greedy_cases(gguf):
    packed = Llama(gguf)
    with tempfile.TemporaryDirectory() as folder:
        dense_file = Path(folder) / "f32.gguf"
        unpacked_gguf(gguf, dense_file)
        dense = Llama(dense_file)
        for messages in PROMPTS:
            prompt = packed.prompt(messages)
            yield {
                "messages": messages,
                "prompt": prompt,
                "prompt_tokens": packed.tokens(prompt),
                "as_stored": answers(packed, prompt),
                "unpacked": answers(dense, prompt),
            }


def safetensors(path):
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    header.pop("__metadata__", None)
    body = raw[8 + length :]
    return {
        name: np.frombuffer(body[slice(*info["data_offsets"])], np.float32).reshape(info["shape"]).astype(np.float64)
        for name, info in header.items()
        if info["dtype"] == "F32"
    }


class MiniLm:
    """BERT with mean pooling and L2 normalisation, as the model's `modules.json` describes it."""

    def __init__(self, folder):
        self.weights = safetensors(folder / "model.safetensors")
        self.config = json.loads((folder / "config.json").read_text())
        self.tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    def linear(self, name, x):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def norm(self, name, x):
        centred = x - x.mean(-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(-1, keepdims=True) + self.config["layer_norm_eps"])
        return centred / scale * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def attention(self, name, x):
        heads = self.config["num_attention_heads"]
        q, k, v = (
            self.linear(f"{name}.self.{part}", x).reshape(len(x), heads, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        mixed = (scores @ v).transpose(1, 0, 2).reshape(len(x), -1)
        return self.norm(f"{name}.output.LayerNorm", x + self.linear(f"{name}.output.dense", mixed))

    def embed(self, text):
        ids = self.tokenizer.encode(text).ids
        x = (
            self.weights["embeddings.word_embeddings.weight"][ids]
            + self.weights["embeddings.position_embeddings.weight"][: len(ids)]
            + self.weights["embeddings.token_type_embeddings.weight"][0]
        )
        x = self.norm("embeddings.LayerNorm", x)
        for layer in range(self.config["num_hidden_layers"]):
            name = f"encoder.layer.{layer}"
            x = self.attention(f"{name}.attention", x)
            inner = self.linear(f"{name}.intermediate.dense", x)
            inner = inner * 0.5 * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
            x = self.norm(f"{name}.output.LayerNorm", x + self.linear(f"{name}.output.dense", inner))
        pooled = x.mean(0)
        return ids, pooled / np.linalg.norm(pooled)


def write(name, value):
    (HERE / name).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def halves(vector):
    """Numbers in sixteen bits each, as hexadecimal digits."""
    return vector.astype(">f2").tobytes().hex()


def embeddings(cache):
    minilm = MiniLm(cache / "all-minilm-l6-v2")
    embedded = [(text, *minilm.embed(text)) for text in SENTENCES]
    write(
        "embeddings.json",
        [{"text": text, "tokens": ids, "vector": [round(x, 7) for x in vector.tolist()]} for text, ids, vector in embedded],
    )
    embedded = [(text, *minilm.embed(text)) for text in passages()]
    write(
        "passages.json",
        [
            {"text": text, "count": len(ids), "vector": halves(vector)}
            for text, ids, vector in embedded
            if len(ids) <= LONGEST_SENTENCE
        ],
    )


def main(cache, only=None):
    cache = Path(cache)
    if only != "embeddings":
        gguf = cache / "smollm2-135m-instruct" / "SmolLM2-135M-Instruct.Q4_1.gguf"
        llama = Llama(gguf)
        write("tokens.json", [{"text": text, "tokens": llama.tokens(text)} for text in TEXTS])
        write("greedy.json", list(greedy_cases(gguf)))
    embeddings(cache)


if __name__ == "__main__":
    main(*sys.argv[1:])
