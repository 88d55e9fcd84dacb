"""Fewer bits, on tiny networks: which nodes are the head, what becomes of weights, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge import model_file
from edge.errors import ModelError
from models import quantize

STARTER = Path(__file__).parent.parent.parent / "models" / "starter.onnx"
RNG = np.random.default_rng(7)


class Graph:
    """A network under construction."""

    def __init__(self):
        self.nodes, self.weights = [], []
        self.rng = np.random.default_rng(7)

    def conv(self, source, out, inputs, outputs, *, stride=1, weight=None):
        """A convolution that keeps or halves the size, 3x3 unless ``weight`` is given."""
        if weight is None:
            weight = self.rng.normal(0, 0.1, (outputs, inputs, 3, 3)).astype(np.float32)
        self.weights.append(numpy_helper.from_array(weight, f"{out}.w"))
        pad = weight.shape[2] // 2
        self.op("Conv", [source, f"{out}.w"], out, strides=[stride, stride], pads=[pad] * 4)
        return out

    def op(self, kind, sources, out, **more):
        """Any node; its name is that of its output."""
        self.nodes.append(helper.make_node(kind, sources, [out], name=out, **more))
        return out

    def const(self, name, values):
        """A constant tensor."""
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def model(self, out, shape):
        """The model from ``images`` to ``out``."""
        ports = [
            helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, 32, 32)),
            helper.make_tensor_value_info(out, TensorProto.FLOAT, shape),
        ]
        graph = helper.make_graph(self.nodes, "tiny", ports[:1], ports[1:], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def detector():
    """Two scales, boxes by the expectation over four bins (as DFL does), scores of two classes: [1, 6, 320]."""
    g = Graph()
    g.conv("images", "stem", 3, 8, stride=2)
    g.conv("stem", "p3", 8, 8)
    g.conv("p3", "down", 8, 8, stride=2)
    g.conv("down", "p4", 8, 8)
    for level, cells in (("p3", 256), ("p4", 64)):
        g.conv(level, f"{level}.box0", 8, 8)
        g.conv(f"{level}.box0", f"{level}.box1", 8, 16)
        g.conv(level, f"{level}.score0", 8, 8)
        g.conv(f"{level}.score0", f"{level}.score1", 8, 2)
        g.op("Reshape", [f"{level}.box1", g.const(f"{level}.s1", [1, 16, cells])], f"{level}.box")
        g.op("Reshape", [f"{level}.score1", g.const(f"{level}.s2", [1, 2, cells])], f"{level}.score")
    g.op("Concat", ["p3.box", "p4.box"], "boxes", axis=2)
    g.op("Reshape", ["boxes", g.const("s3", [1, 4, 4, 320])], "bins")
    g.op("Transpose", ["bins"], "bins_first", perm=[0, 2, 1, 3])
    g.op("Softmax", ["bins_first"], "shares", axis=1)
    g.conv("shares", "dfl", 4, 1, weight=np.arange(4, dtype=np.float32).reshape(1, 4, 1, 1))
    g.op("Reshape", ["dfl", g.const("s4", [1, 4, 320])], "place")
    g.op("Shape", ["p4"], "p4.shape")  # sizes of feature maps steer the arithmetic, they are no data
    g.op("Cast", ["p4.shape"], "p4.size", to=TensorProto.FLOAT)
    g.op("ReduceMin", ["p4.size"], "one", keepdims=0)
    g.op("Mul", ["place", "one"], "scaled")
    g.op("Concat", ["p3.score", "p4.score"], "scores", axis=2)
    g.op("Sigmoid", ["scores"], "sure")
    g.op("Concat", ["scaled", "sure"], "out", axis=1)
    return g.model("out", (1, 6, 320))


def run(model, blob):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"images": blob})[0]


def convolutions(model, names):
    return {node.name for node in model.graph.node if node.op_type == "Conv" and node.name in set(names)}


def test_the_head_is_all_that_feeds_one_branch_only():
    model = detector()
    head = quantize.head_nodes(model)
    branches = {f"{p}.{kind}{i}" for p in ("p3", "p4") for kind in ("box", "score") for i in (0, 1)}
    assert convolutions(model, head) == {*branches, "dfl"}
    assert {"boxes", "shares", "scores", "out", "p4.size", "scaled"} <= set(head)
    assert not set(head) & {"stem", "p3", "down", "p4"}


def test_the_head_does_not_depend_on_names():
    model, plain = detector(), detector()
    for node in plain.graph.node:
        node.name = ""
    expected, found = quantize.head_nodes(model), quantize.head_nodes(plain)
    place = {node.name: i for i, node in enumerate(plain.graph.node)}
    assert [model.graph.node[place[name]].name for name in found] == expected


def test_the_head_of_the_starter_is_its_last_module():
    model = onnx.load(STARTER)
    head = quantize.head_nodes(model)
    module = {
        name for name in convolutions(model, [n.name for n in model.graph.node]) if "/model.23/" in name
    }
    assert len(module) == 25
    assert convolutions(model, head) == module


def test_a_network_without_branches_has_no_head():
    g = Graph()
    g.conv("images", "a", 3, 4)
    g.conv("a", "out", 4, 4)
    with pytest.raises(ModelError, match=r"at least two convolutions, .* \(got 1\)"):
        quantize.head_nodes(g.model("out", (1, 4, 32, 32)))


def test_half_precision_halves_the_weights_only():
    model = detector()
    blob = RNG.random((1, 3, 32, 32), np.float32)
    exact, size = run(model, blob), model.ByteSize()
    told = quantize.to_half(model)
    assert told["tensors"] == len(
        [t for t in detector().graph.initializer if t.data_type == TensorProto.FLOAT]
    )
    assert told["left_float32"] == 0
    assert model.ByteSize() < 0.75 * size
    onnx.checker.check_model(model)
    halved = run(model, blob)
    assert halved.dtype == np.float32
    assert 0 < np.abs(halved - exact).max() < 0.02 * np.abs(exact).max()


def test_weights_that_no_half_can_hold_stay():
    g = Graph()
    g.conv("images", "out", 3, 4, weight=np.full((4, 3, 1, 1), 1e5, np.float32))
    model = g.model("out", (1, 4, 32, 32))
    exact = run(model, np.ones((1, 3, 32, 32), np.float32))
    assert quantize.to_half(model)["left_float32"] == 1
    np.testing.assert_array_equal(run(model, np.ones((1, 3, 32, 32), np.float32)), exact)


@pytest.mark.parametrize("bits", [7, 8])
def test_int8_quantises_the_body_per_channel(bits, capfd):
    model = detector()
    blobs = [RNG.random((1, 3, 32, 32), np.float32) for _ in range(3)]
    made, told = quantize.to_int8(model, blobs, weight_bits=bits)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    whole = {
        name.removesuffix(".w_quantized"): w for name, w in weights.items() if name.endswith(".w_quantized")
    }
    assert set(whole) == {"stem", "p3", "down", "p4"}
    assert {w.dtype for w in whole.values()} == {np.dtype(np.int8)}
    assert max(int(np.abs(w.astype(int)).max()) for w in whole.values()) == (64 if bits == 7 else 127)
    assert weights["stem.w_scale"].shape == (8,)
    assert {"p3.box1", "p4.score1", "dfl"} <= set(told["left_float32"])
    assert not {"stem", "p4"} & set(told["left_float32"])
    assert told["calibration_pictures"] == 3
    assert str(bits) in told["weights"]
    assert model_file.fault(made.SerializeToString()) is None
    exact, rough = run(model, blobs[0]), run(made, blobs[0])
    assert 0 < np.abs(exact - rough).max() < 0.03 * np.abs(exact).max()
    assert capfd.readouterr().out == "", "results only on stdout"


def test_calibration_matters():
    """Ranges come from the pictures: dark ones clip what bright ones need."""
    bright = RNG.random((1, 3, 32, 32), np.float32)
    exact = run(detector(), bright)
    error = [
        np.abs(run(quantize.to_int8(detector(), [blob])[0], bright) - exact).mean()
        for blob in (bright, 0.01 * bright)
    ]
    assert error[1] > 5 * error[0]


def test_int8_refuses():
    with pytest.raises(ModelError, match="must have pictures"):
        quantize.to_int8(detector(), [])
    half = detector()
    quantize.to_half(half)
    with pytest.raises(ModelError, match="must be in float32"):
        quantize.to_int8(half, [np.zeros((1, 3, 32, 32), np.float32)])
    with pytest.raises(ModelError, match="must be in float32"):
        quantize.to_half(half)
    with pytest.raises(ModelError, match="onnxruntime must be able to quantise"):
        quantize.to_int8(detector(), [np.zeros((1, 3, 8, 8), np.float32)])
