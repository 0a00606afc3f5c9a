"""Makes graphs.json: what ONNX Runtime answers to each operator by itself, and to small encoders.

    pip install onnx==1.23.2 onnxruntime==1.32.0 numpy
    python graphs.py > graphs.json

An encoder is written as each of three generations of exporters writes it: with norms and GELU taken apart (version 11 of the operators), with
norms whole and shapes computed (17), and with axes as inputs and GELU whole (20).
"""

import base64
import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

RANDOM = np.random.default_rng(7)
WIDTH, HEADS, WIDE, WORDS, POSITIONS, LABELS = 16, 2, 24, 40, 24, 3
TYPES = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64, "bool": TensorProto.BOOL, "int32": TensorProto.INT32}
SEQUENCES = [([1, 5, 9, 13, 17, 21, 2], 4), ([1, 3, 2], 3), ([1, 30, 2], 2), ([1, 7, 8, 2] * 6, 24)]


def floats(*shape):
    return RANDOM.uniform(-2, 2, shape).astype(np.float32)


def whole(numbers):
    return np.array(numbers, np.int64)


def answer(model, inputs):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return session.run(None, inputs)


def stored(model):
    return base64.b64encode(model.SerializeToString()).decode()


def rounded(array):
    return [float(f"{number:.7g}") for number in np.asarray(array, np.float64).flatten()]


def told(array):
    kind = {"float32": "f32", "int64": "i64", "int32": "i64", "bool": "u8"}[str(array.dtype)]
    return {"kind": kind, "shape": list(array.shape), "numbers": rounded(array)}


def operator(name, inputs, opset=17, weights=(), outputs=1, **attributes):
    """One node; what is named in `weights` is in the file, as the inputs of shapes and axes are."""
    values = [None if value is None else np.asarray(value) for value in inputs]
    names = ["" if value is None else f"x{place}" for place, value in enumerate(values)]
    outs = [f"y{place}" for place in range(outputs)]
    node = helper.make_node(name, names, outs, **attributes)
    given = {n: v for place, (n, v) in enumerate(zip(names, values)) if v is not None and place not in weights}
    infos = [helper.make_tensor_value_info(n, TYPES[str(v.dtype)], v.shape) for n, v in given.items()]
    inits = [numpy_helper.from_array(values[place], names[place]) for place in weights]
    graph = helper.make_graph([node], "g", infos, [helper.make_empty_tensor_value_info(out) for out in outs], inits)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model)
    made = answer(model, given)
    return {
        "operator": name,
        "opset": opset,
        "model": stored(model),
        "inputs": {n: told(v) for n, v in given.items()},
        "output": outs[-1],
        "expected": told(made[-1]),
    }


def operators():
    a, b, bits = floats(2, 3, 4), floats(3, 1), RANDOM.integers(0, 2, (2, 3)).astype(bool)
    positive = np.abs(a) + 0.1
    for name in ("Add", "Sub", "Mul", "Div", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Max", "Min"):
        yield operator(name, [a, b])
    for name in ("Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "HardSwish", "Identity", "LeakyRelu", "Neg", "Reciprocal", "Relu", "Selu", "Sigmoid", "Sign", "Sin", "Tanh", "Dropout"):
        yield operator(name, [a])
    yield operator("Log", [positive])
    yield operator("Sqrt", [positive])
    yield operator("Neg", [whole([[1, -2], [3, 0]])])
    yield operator("Max", [a, b, floats(4)])
    for name in ("And", "Or", "Xor"):
        yield operator(name, [bits, bits[::-1].copy()])
    yield operator("Not", [bits])
    yield operator("Equal", [whole([[1, 2], [3, 4]]), whole([1, 4])])
    yield operator("Pow", [a, np.float32(2)], weights=[1])
    yield operator("Pow", [positive, floats(3, 1)])
    yield operator("Cast", [a], to=TensorProto.INT64)
    yield operator("Cast", [whole([[0, 2], [-3, 256]])], to=TensorProto.BOOL)
    yield operator("Cast", [whole([[0, 2], [-3, 256]])], to=TensorProto.FLOAT)
    yield operator("Cast", [bits], to=TensorProto.INT32)
    yield operator("Clip", [a, np.float32(-1), np.float32(0.5)], weights=[1, 2])
    yield operator("Clip", [a, np.float32(0.1)], weights=[1])
    yield operator("Concat", [a, floats(2, 1, 4)], axis=1)
    yield operator("Concat", [a, a], axis=-1)
    yield operator("Constant", [], value=numpy_helper.from_array(np.array([[1, 2], [3, 4]], np.int32)))
    yield operator("Constant", [], value_floats=[1.5, 2.5])
    yield operator("Constant", [], value_int=7)
    yield operator("ConstantOfShape", [whole([2, 3])], value=numpy_helper.from_array(whole([5])))
    yield operator("ConstantOfShape", [whole([2, 3])])
    yield operator("CumSum", [whole([[1, 2, 3], [4, 5, 6]]), np.int64(1)], weights=[1])
    yield operator("CumSum", [a, np.int64(-1)], weights=[1])
    yield operator("Expand", [b, whole([2, 3, 4])])
    yield operator("Flatten", [a], axis=2)
    yield operator("Gather", [floats(5, 3), whole([[0, 4], [-1, 2]])])
    yield operator("Gather", [a, np.int64(1)], axis=1)
    yield operator("Gather", [a, whole([2, 0])], axis=-2)
    yield operator("GatherElements", [floats(3, 3), whole([[0, 1, 2], [-1, 0, 0]])], axis=0)
    yield operator("Gelu", [a], opset=20)
    yield operator("Gelu", [a], opset=20, approximate="tanh")
    yield operator("Gemm", [floats(3, 4), floats(2, 4), floats(2)], transB=1, alpha=0.5, beta=2.0)
    yield operator("Gemm", [floats(4, 3), floats(4, 2)], transA=1)
    yield operator("LayerNormalization", [a, floats(4), floats(4)], epsilon=1e-3)
    yield operator("LayerNormalization", [a, floats(4)])
    yield operator("LogSoftmax", [a], axis=-1)
    yield operator("MatMul", [a, floats(4, 5)])
    yield operator("MatMul", [floats(2, 2, 3, 4), floats(2, 2, 4, 3)])
    yield operator("Range", [np.int64(2), np.int64(11), np.int64(3)])
    for name in ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2"):
        yield operator(name, [a], axes=[-1], keepdims=1)
        yield operator(name, [a], axes=[0, 2], keepdims=0)
        yield operator(name, [a, whole([1])], opset=20, weights=[1])
        yield operator(name, [a], opset=20)
    yield operator("ReduceSum", [a], opset=11, axes=[1], keepdims=0)
    yield operator("ReduceSum", [a, whole([-1, 0])], weights=[1])
    yield operator("ReduceSum", [a], noop_with_empty_axes=1)
    yield operator("Reshape", [a, whole([0, -1])])
    yield operator("Reshape", [a, whole([4, 3, 2])])
    yield operator("Shape", [a])
    yield operator("Shape", [a], start=1, end=2)
    yield operator("Shape", [a], start=-2)
    yield operator("Size", [a])
    yield operator("Slice", [a, whole([1]), whole([2**63 - 1]), whole([2])])
    yield operator("Slice", [a, whole([0, -3]), whole([2, -1]), whole([1, 2]), whole([1, 1])])
    yield operator("Slice", [a, whole([0]), whole([4]), whole([-1]), whole([2])])
    yield operator("Softmax", [a])
    yield operator("Softmax", [a], axis=1)
    yield operator("Softmax", [a], opset=11, axis=2)
    yield operator("Split", [a], axis=2, outputs=2)
    yield operator("Split", [a, whole([1, 3])], weights=[1], axis=2, outputs=2)
    yield operator("Squeeze", [floats(1, 3, 1), whole([0, -1])], weights=[1])
    yield operator("Squeeze", [floats(1, 3, 1)], opset=11, axes=[2])
    yield operator("Squeeze", [floats(1, 3, 1)])
    yield operator("Tile", [b, whole([2, 3])])
    yield operator("Transpose", [a], perm=[2, 0, 1])
    yield operator("Transpose", [a])
    yield operator("Trilu", [floats(3, 3)])
    yield operator("Trilu", [floats(3, 4), np.int64(1)], upper=0)
    yield operator("Unsqueeze", [floats(2, 3), whole([1, 2])], weights=[1])
    yield operator("Unsqueeze", [floats(2, 3), whole([-1, 0])], weights=[1])
    yield operator("Unsqueeze", [floats(2, 3)], opset=11, axes=[1, 2])
    yield operator("Where", [bits[:, :, None], a, np.float32(0)])


class Encoder:
    """A graph that is being written."""

    def __init__(self, opset):
        self.opset, self.nodes, self.weights, self.count = opset, [], [], 0

    def node(self, operator, *inputs, outputs=1, **attributes):
        self.count += 1
        names = [f"{operator}_{self.count}_{place}" for place in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, name=f"/{operator}_{self.count}", **attributes))
        return names[0] if outputs == 1 else names

    def stored(self, array):
        self.count += 1
        self.weights.append(numpy_helper.from_array(np.asarray(array), f"w{self.count}"))
        return f"w{self.count}"

    def matrix(self, *shape):
        return self.stored(RANDOM.normal(0, 0.4, shape).astype(np.float32))

    def number(self, number):
        return self.node("Constant", value=numpy_helper.from_array(np.float32(number)))

    def with_axes(self, operator, x, axes, since, **attributes):
        if self.opset < since:
            return self.node(operator, x, axes=axes, **attributes)
        return self.node(operator, x, self.stored(whole(axes)), **attributes)

    def mean(self, x):
        return self.with_axes("ReduceMean", x, [-1], 18)

    def norm(self, x):
        scale, bias = self.stored(1 + 0.2 * floats(WIDTH)), self.matrix(WIDTH)
        if self.opset >= 17:
            return self.node("LayerNormalization", x, scale, bias, epsilon=1e-6)
        centred = self.node("Sub", x, self.mean(x))
        variance = self.mean(self.node("Pow", centred, self.number(2)))
        deviation = self.node("Sqrt", self.node("Add", variance, self.number(1e-6)))
        return self.node("Add", self.node("Mul", self.node("Div", centred, deviation), scale), bias)

    def linear(self, x, inputs, outputs):
        return self.node("Add", self.matrix(outputs), self.node("MatMul", x, self.matrix(inputs, outputs)))

    def gelu(self, x):
        if self.opset >= 20:
            return self.node("Gelu", x)
        grown = self.node("Add", self.node("Erf", self.node("Div", x, self.number(2**0.5))), self.number(1))
        return self.node("Mul", self.node("Mul", x, grown), self.number(0.5))

    def sizes(self):
        """The number of sequences and of tokens, each [1]."""
        shape = self.node("Shape", "input_ids")
        sizes = [self.node("Gather", shape, self.stored(np.int64(axis)), axis=0) for axis in (0, 1)]
        return [self.with_axes("Unsqueeze", size, [0], 13) for size in sizes]

    def embedded(self, places):
        words = self.node("Gather", self.matrix(WORDS, WIDTH), "input_ids")
        kinds = self.node("Gather", self.matrix(2, WIDTH), "token_type_ids")
        table = self.matrix(POSITIONS, WIDTH)
        return self.norm(self.node("Add", self.node("Add", words, kinds), self.node("Gather", table, places)))

    def places(self):
        _, tokens = self.sizes()
        zero, one = self.stored(whole([0])), self.stored(whole([1]))
        if self.opset < 20:
            row = self.stored(np.arange(POSITIONS, dtype=np.int64)[None])
            return self.node("Slice", row, zero, tokens, one)
        end = self.node("Squeeze", tokens)
        row = self.node("Range", self.stored(np.int64(0)), end, self.stored(np.int64(1)))
        return self.node("Expand", self.with_axes("Unsqueeze", row, [0], 13), self.node("Shape", "input_ids"))

    def mask(self):
        """What is added to scores, [sequences, 1, 1 or tokens, tokens]."""
        if self.opset < 17:
            mask = self.with_axes("Unsqueeze", self.with_axes("Unsqueeze", "attention_mask", [1], 13), [2], 13)
            mask = self.node("Sub", self.number(1), self.node("Cast", mask, to=TensorProto.FLOAT))
            return self.node("Mul", mask, self.number(-10000))
        mask = self.with_axes("Unsqueeze", "attention_mask", [1, 2], 13)
        sequences, tokens = self.sizes()
        shape = self.node("Concat", sequences, self.stored(whole([1])), tokens, tokens, axis=0)
        seen = self.node("Cast", self.node("Expand", mask, shape), to=TensorProto.BOOL)
        return self.node("Where", seen, self.number(0), self.number(np.finfo(np.float32).min))

    def split(self, x):
        sequences, tokens = self.sizes()
        shape = self.node("Concat", sequences, tokens, self.stored(whole([HEADS])), self.stored(whole([WIDTH // HEADS])), axis=0)
        return self.node("Reshape", x, shape)

    def layer(self, x, mask):
        q, k, v = (self.split(self.linear(x, WIDTH, WIDTH)) for _ in range(3))
        q, v = (self.node("Transpose", part, perm=[0, 2, 1, 3]) for part in (q, v))
        scores = self.node("MatMul", q, self.node("Transpose", k, perm=[0, 2, 3, 1]))
        scores = self.node("Add", self.node("Div", scores, self.number((WIDTH // HEADS) ** 0.5)), mask)
        mixed = self.node("Transpose", self.node("MatMul", self.node("Softmax", scores, axis=3), v), perm=[0, 2, 1, 3])
        mixed = self.node("Reshape", mixed, self.stored(whole([0, 0, WIDTH])))
        x = self.norm(self.node("Add", self.linear(mixed, WIDTH, WIDTH), x))
        return self.norm(self.node("Add", self.linear(self.gelu(self.linear(x, WIDTH, WIDE)), WIDE, WIDTH), x))

    def pooled(self, x):
        """The mean, of unit length."""
        mask = self.node("Cast", self.with_axes("Unsqueeze", "attention_mask", [-1], 13), to=TensorProto.FLOAT)
        mask = self.node("Expand", mask, self.node("Shape", x))
        total = self.with_axes("ReduceSum", self.node("Mul", x, mask), [1], 13, keepdims=0)
        count = self.node("Clip", self.with_axes("ReduceSum", mask, [1], 13, keepdims=0), self.number(1e-9))
        mean = self.node("Div", total, count)
        length = self.node("Clip", self.with_axes("ReduceL2", mean, [1], 18), self.number(1e-12))
        return self.node("Div", mean, self.node("Expand", length, self.node("Shape", mean)))

    def first(self, x):
        row = self.node("Gather", x, self.stored(np.int64(0)), axis=1)
        return self.node("Tanh", self.node("Gemm", row, self.matrix(WIDTH, WIDTH), self.matrix(WIDTH), transB=1))

    def finished(self, outputs):
        names = ["input_ids", "attention_mask", "token_type_ids"]
        open_sizes = ["sequences", "tokens"]
        infos = [helper.make_tensor_value_info(name, TensorProto.INT64, open_sizes) for name in names]
        made = []
        for name, (value, rank) in outputs.items():
            self.nodes.append(helper.make_node("Identity", [value], [name], name=f"/{name}"))
            made.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [*open_sizes, None][: rank - 1] + [None]))
        graph = helper.make_graph(self.nodes, "encoder", infos, made, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        onnx.checker.check_model(model)
        return model


def encoder(name, opset, purpose, head, read):
    graph = Encoder(opset)
    mask = graph.mask()
    x = graph.embedded(graph.places())
    for _ in range(2):
        x = graph.layer(x, mask)
    model = graph.finished(head(graph, x))
    answers = []
    for ids, first in SEQUENCES:
        types = [int(place >= first) for place in range(len(ids))]
        inputs = {"input_ids": whole([ids]), "attention_mask": whole([[1] * len(ids)]), "token_type_ids": whole([types])}
        made = dict(zip([output.name for output in model.graph.output], answer(model, inputs)))
        answers.append({"ids": ids, "first": first, "output": rounded(read(made))})
    return {"name": name, "purpose": purpose, "model": stored(model), "answers": answers}


def mean_of(made):
    mean = made["last_hidden_state"][0].astype(np.float64).mean(0)
    return mean / np.linalg.norm(mean)


def encoders():
    hidden = lambda graph, x: {"last_hidden_state": (x, 3), "pooler_output": (graph.first(x), 2)}
    yield encoder("hidden states, version 11", 11, "vectors", hidden, mean_of)
    vector = lambda graph, x: {"token_embeddings": (x, 3), "sentence_embedding": (graph.pooled(x), 2)}
    yield encoder("a vector, version 17", 17, "vectors", vector, lambda made: made["sentence_embedding"])
    scores = lambda graph, x: {"logits": (graph.linear(graph.first(x), WIDTH, LABELS), 2)}
    yield encoder("scores, version 20", 20, "scores", scores, lambda made: made["logits"])
    tokens = lambda graph, x: {"logits": (graph.linear(x, WIDTH, LABELS), 3)}
    yield encoder("scores of tokens, version 13", 13, "token-scores", tokens, lambda made: made["logits"])


print(json.dumps({"operators": list(operators()), "encoders": list(encoders())}, separators=(",", ":")))
