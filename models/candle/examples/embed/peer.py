"""The same workloads by ONNX Runtime, on one thread and from the same weights.

    python3 -m venv venv && venv/bin/pip install onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 safetensors==0.8.0
    venv/bin/python peer.py WEIGHTS.safetensors TOKENS.json

The graph is BERT with mean pooling and unit length, as an exporter writes it, but with the operators that ONNX Runtime has kernels of its
own for (LayerNormalization, Gelu); its optimiser may fuse whatever it can. TOKENS.json is what the `embed` example wrote. Batches are padded
to their longest sequence, as ONNX Runtime has to have them, and made of sequences of like length, which favours it.
"""

import json
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

HEADS, LAYERS, ROUNDS, BUDGET = 12, 6, 12, 512


class Graph:
    def __init__(self, weights):
        self.nodes, self.constants, self.weights = [], {}, weights

    def constant(self, name, value):
        self.constants.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(self, name, transposed=False):
        value = self.weights[name].astype(np.float32)
        return self.constant(name, value.T if transposed else value)

    def add(self, kind, *inputs, **attributes):
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def linear(self, name, x):
        product = self.add("MatMul", x, self.weight(f"{name}.weight", transposed=True))
        return self.add("Add", product, self.weight(f"{name}.bias"))

    def norm(self, name, x):
        name += ".LayerNorm"
        return self.add("LayerNormalization", x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"), axis=-1, epsilon=1e-12)

    def layer(self, name, x, mask, width):
        split = self.constant("split", np.array([0, 0, HEADS, width // HEADS]))
        joined = self.constant("joined", np.array([0, 0, width]))
        heads = {
            part: self.add("Transpose", self.add("Reshape", self.linear(f"{name}.attention.self.{part}", x), split), perm=perm)
            for part, perm in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3]))
        }
        scale = self.constant("scale", np.float32((width // HEADS) ** -0.5))
        scores = self.add("Add", self.add("Mul", self.add("MatMul", heads["query"], heads["key"]), scale), mask)
        mixed = self.add("MatMul", self.add("Softmax", scores, axis=-1), heads["value"])
        mixed = self.add("Reshape", self.add("Transpose", mixed, perm=[0, 2, 1, 3]), joined)
        x = self.norm(f"{name}.attention.output", self.add("Add", x, self.linear(f"{name}.attention.output.dense", mixed)))
        inner = self.add("Gelu", self.linear(f"{name}.intermediate.dense", x))
        return self.norm(f"{name}.output", self.add("Add", x, self.linear(f"{name}.output.dense", inner)))

    def model(self):
        width = self.weights["embeddings.LayerNorm.weight"].shape[0]
        places = self.weights["embeddings.position_embeddings.weight"] + self.weights["embeddings.token_type_embeddings.weight"][:1]
        words = self.add("Gather", self.weight("embeddings.word_embeddings.weight"), "ids")
        places = self.add("Gather", self.constant("places", places.astype(np.float32)), "positions")
        x = self.norm("embeddings", self.add("Add", words, places))
        for layer in range(LAYERS):
            x = self.layer(f"encoder.layer.{layer}", x, "mask", width)
        pooled = self.add("Squeeze", self.add("MatMul", "shares", x), self.constant("one", np.array([1])))
        self.nodes.append(helper.make_node("LpNormalization", [pooled], ["vectors"], axis=-1, p=2))
        tensor = helper.make_tensor_value_info
        inputs = [
            tensor("ids", TensorProto.INT64, ["batch", "length"]),
            tensor("positions", TensorProto.INT64, ["length"]),
            tensor("mask", TensorProto.FLOAT, ["batch", 1, 1, "length"]),
            tensor("shares", TensorProto.FLOAT, ["batch", 1, "length"]),
        ]
        outputs = [tensor("vectors", TensorProto.FLOAT, ["batch", width])]
        graph = helper.make_graph(self.nodes, "bert", inputs, outputs, list(self.constants.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def feed(batch):
    lengths = np.array([len(sequence) for sequence in batch])
    longest = lengths.max()
    real = np.arange(longest)[None, :] < lengths[:, None]
    ids = np.zeros((len(batch), longest), np.int64)
    for row, sequence in zip(ids, batch):
        row[: len(sequence)] = sequence
    return {
        "ids": ids,
        "positions": np.arange(longest),
        "mask": np.where(real, 0, np.finfo(np.float32).min).astype(np.float32)[:, None, None, :],
        "shares": (real / lengths[:, None]).astype(np.float32)[:, None, :],
    }


def batches(sequences):
    batch = []
    for sequence in sorted(sequences, key=len):
        if batch and (len(batch) + 1) * len(sequence) > BUDGET:
            yield feed(batch)
            batch = []
        batch.append(sequence)
    yield feed(batch)


def main(weights, tokens):
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    model = Graph(load_file(weights)).model()
    onnx.checker.check_model(model)
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    best = {}
    for _ in range(ROUNDS):
        for name, sequences in json.load(open(tokens)):
            ways = {"batches": list(batches(sequences)), "one by one": [feed([sequence]) for sequence in sequences]}
            for way, feeds in ways.items():
                start = time.perf_counter()
                for inputs in feeds:
                    session.run(None, inputs)
                took = time.perf_counter() - start
                quickest, *_ = best.get((name, way), (took,))
                best[name, way] = min(took, quickest), len(sequences), sum(map(len, sequences))
    for (name, way), (took, count, total) in sorted(best.items()):
        print(f"{name:8} {way:18} {count / took:8.1f} sentences/s {total / took:9.0f} tokens/s")


if __name__ == "__main__":
    main(*sys.argv[1:])
