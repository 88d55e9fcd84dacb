"""Tiny ONNX models for tests, written with the dev package `onnx`: no weights, no downloads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIX = {0: "person", 1: "bicycle", 2: "car", 3: "motorcycle", 4: "bus", 5: "truck"}


def constant_model(
    path: Path,
    output: np.ndarray,
    *,
    input_shape: tuple[int | str, ...] = (1, 3, 64, 64),
    declared: tuple[int | str, ...] | None = None,
    names: object = SIX,
    metadata: dict[str, str] | None = None,
    input_type: int = TensorProto.FLOAT,
) -> Path:
    """A model that answers every picture with ``output`` (float32, batch axis included).

    ``declared`` is the output shape written into the file (symbolic or not); ``names`` goes into the metadata as
    Ultralytics writes it, None leaves the key out.
    """
    tensor = numpy_helper.from_array(np.asarray(output, np.float32), "boxes")
    node = helper.make_node("Identity", ["boxes"], ["output0"])
    graph = helper.make_graph(
        [node],
        "tiny",
        [helper.make_tensor_value_info("images", input_type, input_shape)],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, declared or output.shape)],
        [tensor],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    properties = {} if names is None else {"names": str(names)}
    helper.set_model_props(model, {**properties, **(metadata or {})})
    onnx.save(model, path)
    return path


def raw_output(rows: list[tuple[float, ...]], classes: int, cells: int) -> np.ndarray:
    """[1, 4+classes, cells] from (cx, cy, w, h, class, score) rows, the other cells scoring nothing."""
    output = np.zeros((1, 4 + classes, cells), np.float32)
    for i, (cx, cy, w, h, number, score) in enumerate(rows):
        output[0, :4, i] = cx, cy, w, h
        output[0, 4 + int(number), i] = score
    return output


def yolox_output(rows: list[tuple[float, ...]], classes: int, input_hw: tuple[int, int]) -> np.ndarray:
    """[1, cells, 5+classes], raw: from (cx, cy, w, h, class, objectness, class score) rows, at stride 8."""
    strides = (8, 16, 32)
    cells = sum((input_hw[0] // s) * (input_hw[1] // s) for s in strides)
    output = np.zeros((1, cells, 5 + classes), np.float32)
    columns = input_hw[1] // 8
    for cx, cy, w, h, number, objectness, score in rows:
        column, row = int(cx // 8), int(cy // 8)
        cell = output[0, row * columns + column]
        cell[:5] = cx / 8 - column, cy / 8 - row, np.log(w / 8), np.log(h / 8), objectness
        cell[5 + int(number)] = score
    return output


def external_data_model(path: Path, *, location: str = "weights.bin", attribute: bool = False) -> Path:
    """A model whose one tensor lies in another file, as an initialiser or inside a Constant node."""
    tensor = numpy_helper.from_array(np.zeros((1, 10, 84), np.float32), "boxes")
    onnx.external_data_helper.set_external_data(tensor, location)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    constant = helper.make_node("Constant", [], ["boxes"], value=tensor)
    graph = helper.make_graph(
        [*([constant] if attribute else []), helper.make_node("Identity", ["boxes"], ["output0"])],
        "outside",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, 64, 64))],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, (1, 10, 84))],
        [] if attribute else [tensor],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    (path.parent / "weights.bin").write_bytes(bytes(4 * 840))
    return path


def foreign_operator_model(path: Path, *, nested: bool = False) -> Path:
    """A model that needs an operator of a library of its own, on the top level or inside a branch."""
    foreign = helper.make_node("Spy", ["images"], ["out"], domain="evil.example")
    value = [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)]
    if nested:
        branch = helper.make_graph([foreign], "branch", [], value)
        condition = helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True)))
        nodes = [condition, helper.make_node("If", ["yes"], ["out"], then_branch=branch, else_branch=branch)]
    else:
        nodes = [foreign]
    graph = helper.make_graph(
        nodes, "foreign", [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, 64, 64))], value
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path
