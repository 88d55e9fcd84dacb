"""ONNX in fewer bits: half-precision weights, or int8 with the detection head left as it is.

Half precision keeps the arithmetic in float32: each weight is stored in half and widened by a Cast, which ONNX
Runtime folds away when it loads the file. So the file halves, the speed stays, and every box can run it.

int8 is static quantisation by ONNX Runtime with QuantizeLinear/DequantizeLinear pairs, decided by measurement on the
starter (figures in `models.parity`):

- Ranges are the 99.999th percentile of what was seen; minimum-maximum and entropy agreed less with float32, and
  percentiles that cut more lost objects.
- Activations are unsigned: with signed ones a frame took 1.8 times as long on x86.
- Weights are per channel, and of seven bits unless told otherwise: on x86 processors without VNNI sums of eight-bit
  products saturate, which no comparison on a newer workstation would show.
- Attention (MatMul, Softmax) stays in float32: quantising it saves nothing.
- So does the head: with it in int8 the starter finds nothing, since boxes and scores share one last tensor.
"""

from __future__ import annotations

import io
import logging
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge.errors import ModelError
from edge.records import FloatArray

PERCENTILE: Final = 99.999
OPERATORS: Final = ("Conv", "Add", "Mul", "Sigmoid", "Concat", "Resize", "MaxPool", "Split")
WEIGHT_BITS: Final = 7
_HALF_MAX: Final = float(np.finfo(np.float16).max)


def check_float32(model: onnx.ModelProto) -> None:
    """ModelError if the network was quantised or halved before: what was lost then does not come back."""
    half = any(tensor.data_type == TensorProto.FLOAT16 for tensor in model.graph.initializer)
    if half or any(node.op_type in {"QuantizeLinear", "DequantizeLinear"} for node in model.graph.node):
        raise ModelError(
            "precision: the network must be in float32 (got one in fewer bits already); convert the float32 file"
        )


def to_half(model: onnx.ModelProto) -> dict[str, Any]:
    """Store the weights of ``model`` in half precision, in place; inputs and outputs stay float32.

    Returns what to tell about it: the number of tensors converted, and of those left because a half cannot hold them.

    Raises:
        ModelError: it is not in float32.
    """
    check_float32(model)
    casts, left = [], 0
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or not tensor.dims:
            continue
        values = numpy_helper.to_array(tensor)
        if not np.isfinite(values).all() or np.abs(values).max(initial=0) > _HALF_MAX:
            left += 1
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(
            helper.make_node("Cast", [tensor.name], [name], name=f"{name}.widen", to=TensorProto.FLOAT)
        )
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])
    return {"weights": "float16", "arithmetic": "float32", "tensors": len(casts), "left_float32": left}


def head_nodes(model: onnx.ModelProto) -> list[str]:
    """Names of the detection head's nodes, found by the flow of data alone; nameless nodes are given names.

    The last convolutions are those met first on the way back from the output. The body is all that feeds two or more
    of them: in each scale of a detector one feeds the boxes and another the scores, and the feature map above both is
    the last they share. The rest is the head: the branches below the feature maps, and all the arithmetic on them.
    Shapes are no data, and the expectation over a box's distribution (a convolution with weights 0, 1, 2 …) is no
    layer.

    Raises:
        ModelError: there are not two last convolutions.
    """
    graph = model.graph
    for number, node in enumerate(graph.node):
        node.name = node.name or f"parvis_{node.op_type}_{number}"
    weights = {tensor.name: tensor for tensor in graph.initializer}
    maker = {name: i for i, node in enumerate(graph.node) for name in node.output if name}

    def is_layer(i: int) -> bool:
        node = graph.node[i]
        if node.op_type != "Conv":
            return False
        weight = weights.get(node.input[1])
        if weight is None:
            return True
        values = numpy_helper.to_array(weight).ravel()
        return not np.array_equal(values, np.arange(len(values)))

    def upstream(start: Iterable[int], *, to_layers: bool) -> set[int]:
        seen: set[int] = set()
        waiting = list(start)
        while waiting:
            i = waiting.pop()
            if i not in seen:
                seen.add(i)
                if graph.node[i].op_type != "Shape" and not (to_layers and is_layer(i)):
                    waiting += [maker[name] for name in graph.node[i].input if name in maker]
        return seen

    outputs = [maker[output.name] for output in graph.output if output.name in maker]
    last = [i for i in upstream(outputs, to_layers=True) if is_layer(i)]
    if len(last) < 2:
        raise ModelError(
            f"int8: the network must end in at least two convolutions, one for boxes and one for scores (got "
            f"{len(last)}); without a head to leave out, quantising would ruin it"
        )
    feeds = np.zeros(len(graph.node), int)
    for i in last:
        feeds[list(upstream([i], to_layers=False))] += 1
    return [node.name for node, count in zip(graph.node, feeds, strict=True) if count < 2]


class _Inputs:
    """Calibration data as ONNX Runtime asks for it: in slices, so that it keeps one picture's tensors at a time."""

    def __init__(self, name: str, blobs: Sequence[FloatArray]) -> None:
        self._name, self._blobs = name, blobs
        self._next, self._end = 0, len(blobs)

    def __len__(self) -> int:
        return len(self._blobs)

    def set_range(self, start_index: int, end_index: int) -> None:
        """The slice to hand out next."""
        self._next, self._end = start_index, end_index

    def get_next(self) -> dict[str, FloatArray] | None:
        """One input of the model, or None at the end of the slice."""
        if self._next >= self._end:
            return None
        self._next += 1
        if self._next % 16 == 0:
            print(f"{self._next} of {len(self)}", file=sys.stderr, flush=True)
        return {self._name: self._blobs[self._next - 1]}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the several lines a picture that the quantiser prints, and its advice to simplify first."""
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.getLogger().setLevel(level)


def to_int8(
    model: onnx.ModelProto,
    blobs: Sequence[FloatArray],
    *,
    weight_bits: int = WEIGHT_BITS,
    left: Sequence[str] | None = None,
) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """``model`` in int8, calibrated on ``blobs``, its inputs (1, 3, H, W) float32; and what to tell about it.

    ``weight_bits``: 7 is safe everywhere; 8 is closer to float32 on ARM and on x86 with VNNI.
    ``left``: names of the nodes that stay in float32; default: the detection head.

    Raises:
        ModelError: it is not in float32, there is no head, nothing to calibrate with, or ONNX Runtime cannot quantise the network.
    """
    from edge import session  # noqa: F401, I001 - first: it turns off ONNX Runtime's telemetry
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    check_float32(model)
    if not blobs:
        raise ModelError("int8: calibration must have pictures (got none); give others to --calibrate")
    names = set(left if left is not None else head_nodes(model))
    head = [n.name for n in model.graph.node if n.name in names and n.op_type in OPERATORS]
    feed = _Inputs(model.graph.input[0].name, blobs)
    with tempfile.TemporaryDirectory() as folder, _quiet():
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, before)
        try:
            quantize_static(
                before,
                after,
                feed,
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=weight_bits == 7,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.Percentile,
                op_types_to_quantize=list(OPERATORS),
                nodes_to_exclude=head,
                extra_options={
                    "CalibPercentile": PERCENTILE,
                    "CalibStridedMinMax": 1,  # of any method: one picture at a time
                    "CalibTensorRangeSymmetric": False,
                },
            )
        except Exception as exc:  # onnxruntime's own exceptions share no base but this
            raise ModelError(
                f"int8: onnxruntime must be able to quantise the network ({' '.join(str(exc).split())[:300]}); export "
                "it with opset 13 or later"
            ) from exc
        made = onnx.load(after)
    told = {
        "format": "QDQ",
        "activations": "uint8",
        "weights": f"int8 per channel, {weight_bits} bits",
        "ranges": f"percentile {PERCENTILE}",
        "operators": list(OPERATORS),
        "calibration_pictures": len(blobs),
        "left_float32": head,
    }
    return made, told
