"""What a model's file says of itself: its class names, and whether it may be loaded at all.

A model is data from elsewhere. ONNX can name other files to read ("external data", the cause of several
directory-traversal CVEs) and operators from libraries; both are refused here, before any session exists. The
check walks the protobuf's wire format with the field numbers of onnx.proto (the `onnx` package is no dependency
of the box) and skips over the weights, so it takes milliseconds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from contract.names import CLASSES
from edge.errors import ModelError
from edge.records import IntArray

# The 80 class names of COCO in their usual order, for models that carry no names: `names: coco`.
_COCO: Final = """
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic_light, fire_hydrant,
    stop_sign, parking_meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe,
    backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard, sports_ball, kite,
    baseball_bat, baseball_glove, skateboard, surfboard, tennis_racket, bottle, wine_glass, cup, fork,
    knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot_dog, pizza, donut, cake,
    chair, couch, potted_plant, bed, dining_table, toilet, tv, laptop, mouse, remote, keyboard,
    cell_phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors, teddy_bear,
    hair_drier, toothbrush
"""
COCO: Final = tuple(name.strip().replace("_", " ") for name in _COCO.split(","))
_ALIASES: Final = {
    "pedestrian": "person",
    "people": "person",
    "bike": "bicycle",
    "cyclist": "bicycle",
    "motorbike": "motorcycle",
    "lorry": "truck",
}
MAX_BYTES: Final = 100_000_000
MAX_NAMES: Final = 10_000

# Operators that ONNX Runtime itself brings; com.microsoft holds its quantised and fused ones.
DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
# message -> field -> message: the paths of onnx.proto on which a tensor can lie.
_CHILDREN: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 8: "opset", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 9: "opset", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
    "opset": {},
}
_DOMAIN_FIELD: Final = {("opset", 1), ("node", 7)}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_GRAPH, _GRAPH_INPUT = 7, 11
_MAX_DEPTH: Final = 24


def class_lookup(names: Mapping[int, str]) -> IntArray:
    """(nc,) int64: for each class number of the model the index in CLASSES, or -1 for a class not counted here."""
    index: dict[str, int] = {name: i for i, name in enumerate(CLASSES)}
    lookup = np.full(max(names, default=-1) + 1, -1, np.int64)
    for number, raw in names.items():
        name = raw.strip().lower()
        lookup[number] = index.get(_ALIASES.get(name, name), -1)
    return lookup


def parse_names(text: str) -> dict[int, str] | None:
    """The class names of the metadata key ``names``, a Python literal such as ``{0: 'person', 1: 'car'}``.

    None if the text is no mapping of class numbers (0 to 9,999) to words, or no list of words.
    """
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return checked_names(value)


def checked_names(value: object) -> dict[int, str] | None:
    """A list or mapping of names as number -> name, or None if it is neither."""
    if isinstance(value, (list, tuple)):
        value = dict(enumerate(value))
    if not isinstance(value, dict) or not value:
        return None
    for number, name in value.items():
        if not isinstance(number, int) or not 0 <= number < MAX_NAMES or not isinstance(name, str):
            return None
    return dict(value)


def fault(data: bytes) -> str | None:
    """Why these bytes must not be loaded as a model, or None if nothing speaks against it."""
    try:
        found_graph = False
        for kind, number, value in _fields(memoryview(data), "model", 0):
            found_graph |= (kind, number) == ("model", 7)
            if kind == "tensor" and (number == _EXTERNAL_DATA or (number, value) == (_DATA_LOCATION, 1)):
                return "keeps weights in another file (external data)"
            if (kind, number) in _DOMAIN_FIELD:
                domain = bytes(value).decode("utf-8", "replace") if isinstance(value, memoryview) else "?"
                if domain not in DOMAINS:
                    return f"needs operators of the foreign domain '{domain[:80]}'"
    except (IndexError, ValueError):
        return "is not an ONNX model (it does not parse)"
    return None if found_graph else "is not an ONNX model (it holds no graph)"


def _fields(data: memoryview, kind: str, depth: int) -> Iterator[tuple[str, int, int | memoryview]]:
    """Each field of the message and of its children: (message, field number, value). ValueError if malformed."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        value: int | memoryview
        if wire == 0:
            value, at = _varint(data, at)
        elif wire in (1, 2, 5):
            size, at = _varint(data, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
            if size > end - at:
                raise ValueError("a field runs past its message")
            value, at = data[at : at + size], at + size
        else:
            raise ValueError("unknown wire type")
        yield kind, number, value
        child = _CHILDREN[kind].get(number)
        if child is not None:
            if not isinstance(value, memoryview):
                raise ValueError("a message expected")
            yield from _fields(value, child, depth + 1)


def with_constant_weights(data: bytes, name: str) -> bytes:
    """The model with the one graph input ``name``.

    Old exporters list weights as inputs too; as such they are no constants, and ONNX Runtime folds none of them: for
    CenterFace that more than doubles its time.
    """
    model = b""
    for number, field, value in _raw_fields(memoryview(data)):
        if number == _GRAPH:
            graph = b"".join(
                bytes(part)
                for inner, part, own in _raw_fields(value)
                if inner != _GRAPH_INPUT
                or bytes(own).startswith(b"\x0a" + bytes([len(name)]) + name.encode())
            )
            model += bytes([_GRAPH << 3 | 2]) + _encoded(len(graph)) + graph
        else:
            model += bytes(field)
    return model


def _raw_fields(data: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """Number, whole bytes and value of each field of one message that holds no fixed-width fields."""
    at = 0
    while at < len(data):
        start = at
        key, at = _varint(data, at)
        size, at = _varint(data, at) if key & 7 == 2 else (0, _varint(data, at)[1])
        yield key >> 3, data[start : at + size], data[at : at + size]
        at += size


def _encoded(value: int) -> bytes:
    """The base-128 form of a number."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A base-128 number and the place after it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def read(path: Path, where: str) -> bytes:
    """The bytes of a file that may be loaded as a model; ``where`` begins each message. Raises ModelError."""
    if path.suffix.lower() != ".onnx":
        raise ModelError(
            f"{where}: must be an .onnx file; convert a checkpoint with python -m models.export_onnx"
        )
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ModelError(
                f"{where}: must be 100 MB at most (got {size / 1e6:.0f} MB); use a smaller model"
            )
        data = path.read_bytes()
    except OSError as exc:
        raise ModelError(f"{where}: must be a readable file ({exc.strerror}); check model.path") from exc
    wrong = fault(data)
    if wrong:
        raise ModelError(
            f"{where}: must be one self-contained ONNX file of standard operators, but it {wrong}"
        )
    return data


def number(text: str | None) -> int | None:
    """The number, or the largest of the list, that a metadata value spells; None if it spells none."""
    try:
        value = ast.literal_eval(text or "")
        return int(max(value) if isinstance(value, (list, tuple)) else value)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
