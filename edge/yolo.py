"""The arithmetic of YOLO-family detectors: decoding by output shape, suppression, riders. Pure numpy.

Rule 1. A model's kind is read off its output's *shape*; names, flags and versions of exports change too often.
Rule 2. Only classes of the contract come out, numbered as `contract.names.CLASSES` (mapped by name: `model_file`).
Rule 3. Everything is deterministic: equal scores keep the order in which the model gave them.
Rule 4. One object, one box. Boxes suppress each other within a *group*: person; cycle (bicycle, motorcycle);
        motor vehicle (car, bus, truck), because one van often comes as a car and as a truck. A rider is merged into
        the cycle (`merge_riders`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.names import CLASSES
from edge.records import Detections, FloatArray, IntArray

STRIDES: Final = (8, 16, 32)
MAX_CANDIDATES: Final = 3000  # boxes that enter suppression at most, best first: bounds the work of one frame
MAX_DETECTIONS: Final = 300
INSIDE: Final = (
    29 / 32
)  # of the smaller box: an upper body boxed once more; a child wholly before an adult is lost
RIDDEN_SCORE: Final = 0.3  # of the rider's score that a cycle needs at least

_PERSON, _BICYCLE, _MOTORCYCLE = (CLASSES.index(n) for n in ("person", "bicycle", "motorcycle"))
_GROUP: Final = np.array(
    [0 if n == "person" else 1 if n in ("bicycle", "motorcycle") else 2 for n in CLASSES], np.int8
)


class Layout(StrEnum):
    """What the numbers of the output mean."""

    RAW = "raw"  # [1, 4+nc, N]: cx, cy, w, h in input pixels, then one score per class
    END_TO_END = "end-to-end"  # [1, N, 6]: x1, y1, x2, y2, score, class
    YOLOX = (
        "yolox"  # [1, N, 5+nc]: offsets and logarithmic sizes on the grid, objectness, one score per class
    )


def grid_cells(input_hw: tuple[int, int]) -> int:
    """Number of cells of the three grids: what N is for RAW and YOLOX outputs."""
    return sum((input_hw[0] // stride) * (input_hw[1] // stride) for stride in STRIDES)


def layout_of(shape: Sequence[int], n_names: int, input_hw: tuple[int, int]) -> Layout | None:
    """The layout of an output's shape (without its batch axis), or None if it is none that we know.

    An exact match with the grid decides first, so that neither a RAW output with six cells nor a YOLOX model with
    one class, [N, 6], is taken for an end-to-end one.
    """
    if len(shape) != 2:
        return None
    first, last = shape
    cells = grid_cells(input_hw)
    if (first, last) == (4 + n_names, cells):
        return Layout.RAW
    if (first, last) == (cells, 5 + n_names):
        return Layout.YOLOX
    if last == 6:
        return Layout.END_TO_END
    return Layout.RAW if first == 4 + n_names else None


def decode(
    output: FloatArray,
    layout: Layout,
    lookup: IntArray,
    confidence: float,
    input_hw: tuple[int, int],
) -> Detections:
    """Candidates in input pixels, unsuppressed, best first, at most MAX_CANDIDATES.

    ``output`` is the model's output without its batch axis, float32. A candidate counts for its best class among
    *all* of the model's, so that a tie is not reported as a faint person. Boxes that are not finite or have no
    area are dropped.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # a broken model's numbers are dropped, not warned of
        boxes, scores, classes = _DECODERS[layout](output, lookup, confidence, input_hw)
        known = (classes >= 0) & (classes < len(lookup))
        class_id = np.where(known, lookup[np.where(known, classes, 0)], -1)
        good = (class_id >= 0) & (np.abs(boxes) < 1e6).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        keep = np.flatnonzero(good)
        best = keep[np.argsort(-scores[keep], kind="stable")[:MAX_CANDIDATES]]
    return Detections(boxes[best], np.minimum(scores[best], np.float32(1.0)), class_id[best])


_Candidates = tuple[FloatArray, FloatArray, IntArray]


def _decode_raw(
    output: FloatArray, lookup: IntArray, confidence: float, input_hw: tuple[int, int]
) -> _Candidates:
    """Look at the counted classes only, and transpose only the few columns that pass."""
    counted = np.flatnonzero(lookup >= 0)
    if not len(counted):
        return np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)
    rows = output[4:] if len(counted) == len(lookup) else output[4 + counted]
    passed = np.flatnonzero(rows.max(axis=0) >= confidence)
    few = np.ascontiguousarray(output[:, passed].T)
    classes = few[:, 4:].argmax(axis=1)
    scores = few[np.arange(len(few)), 4 + classes]
    half = few[:, 2:4] / 2
    return np.concatenate((few[:, :2] - half, few[:, :2] + half), axis=1), scores, classes


def _decode_yolox(
    output: FloatArray, lookup: IntArray, confidence: float, input_hw: tuple[int, int]
) -> _Candidates:
    """Centre = (offset + cell) * stride, size = exp(.) * stride; score = objectness * class score."""
    few = np.flatnonzero(output[:, 4] >= confidence)
    rows = output[few]
    classes = rows[:, 5:].argmax(axis=1)
    scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + classes]
    passed = np.flatnonzero(scores >= confidence)
    few, rows = few[passed], rows[passed]
    cell, stride = _grid(input_hw)
    centre = (rows[:, :2] + cell[few]) * stride[few]
    half = np.exp(np.minimum(rows[:, 2:4], 20)) * stride[few] / 2
    return np.concatenate((centre - half, centre + half), axis=1), scores[passed], classes[passed]


def _decode_end_to_end(
    output: FloatArray, lookup: IntArray, confidence: float, input_hw: tuple[int, int]
) -> _Candidates:
    """Corners, score and class number stand in the rows."""
    rows = output[output[:, 4] >= confidence]
    classes = np.clip(np.nan_to_num(rows[:, 5], nan=-1), -1, len(lookup)).round().astype(np.int64)
    return rows[:, :4], rows[:, 4], classes


_DECODERS: Final = {
    Layout.RAW: _decode_raw,
    Layout.YOLOX: _decode_yolox,
    Layout.END_TO_END: _decode_end_to_end,
}


@lru_cache(maxsize=4)
def _grid(input_hw: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Cell (N, 2) as x, y and stride (N, 1) of each row of a YOLOX output."""
    cells, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: input_hw[0] // stride, : input_hw[1] // stride]
        cells.append(np.stack((columns, rows), axis=-1).reshape(-1, 2))
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _overlapping(first: FloatArray, second: FloatArray, iou: float) -> NDArray[np.bool_]:
    """(N, M): which pairs share more than ``iou`` of their union, or INSIDE of the smaller one: a part of it."""
    common = np.minimum(first[:, None, 2], second[None, :, 2])
    common -= np.maximum(first[:, None, 0], second[None, :, 0])
    height = np.minimum(first[:, None, 3], second[None, :, 3])
    height -= np.maximum(first[:, None, 1], second[None, :, 1])
    np.maximum(common, 0, out=common)
    np.maximum(height, 0, out=height)
    common *= height
    a, b = _area(first)[:, None], _area(second)[None, :]
    part: NDArray[np.bool_] = common > INSIDE * np.minimum(a, b)
    np.add(a, b, out=height)
    height *= np.float32(iou / (1 + iou))  # c / (a + b - c) > iou  <=>  c > (a + b) * iou / (1 + iou)
    result: NDArray[np.bool_] = common > height
    return result | part


def _area(boxes: FloatArray) -> FloatArray:
    sides = boxes[:, 2:] - boxes[:, :2]
    area: FloatArray = sides[:, 0] * sides[:, 1]
    return area


def suppress(detections: Detections, iou: float, block: int = 128) -> Detections:
    """Greedy non-maximum suppression within the groups of rule 4; ``detections`` come best first.

    Works through blocks: first against the boxes already kept, then within the block by iterating "kept unless a
    kept better one overlaps" to its fixed point, which is the greedy result (the matrix form of Zheng et al.,
    Cluster-NMS, 2020) without a Python loop over boxes.
    """
    boxes, group = detections.xyxy, _GROUP[detections.class_id]
    kept = np.zeros(0, np.int64)
    for start in range(0, len(boxes), block):
        here = np.arange(start, min(start + block, len(boxes)))
        if len(kept):
            rivals = _overlapping(boxes[kept], boxes[here], iou)
            rivals &= group[kept, None] == group[None, here]
            here = here[~rivals.any(axis=0)]
        overlap = np.triu(_overlapping(boxes[here], boxes[here], iou), 1)
        overlap &= group[here, None] == group[None, here]
        beats = overlap.astype(np.float32)
        alive = np.ones(len(here), bool)
        while True:
            survivors = (alive.astype(np.float32) @ beats) == 0
            if np.array_equal(survivors, alive):
                break
            alive = survivors
        kept = np.concatenate((kept, here[alive]))
        if len(kept) >= MAX_DETECTIONS:
            break
    return detections.where(kept[:MAX_DETECTIONS])


def merge_riders(detections: Detections) -> Detections:
    """Drop the person box of whoever rides a cycle, and stretch the cycle's box over both.

    A rider's horizontal centre lies within the cycle, the feet are off the ground (the box ends between the upper
    third of the cycle and its wheels' lower edge), the head is above the cycle by at most the cycle's own height,
    and at least three tenths of the person overlap it. Whoever walks past in front ends lower in the picture,
    whoever stands behind reaches higher: both stay people. A bicycle takes one rider, a motorcycle two. A cycle
    that scores less than three tenths of the person is no reason to take the person away; one that takes a rider
    takes the higher score along, since something is there as surely as either was.
    """
    class_id, boxes = detections.class_id, detections.xyxy
    people = np.flatnonzero(class_id == _PERSON)
    cycles = np.flatnonzero((class_id == _BICYCLE) | (class_id == _MOTORCYCLE))
    if not len(people) or not len(cycles):
        return detections
    share, rides = _riding(boxes[people], boxes[cycles])
    scores = detections.confidence
    rides &= scores[cycles][None, :] >= RIDDEN_SCORE * scores[people][:, None]
    room = np.where(class_id[cycles] == _MOTORCYCLE, 2, 1)
    merged, confidence, keep = boxes.copy(), scores.copy(), np.ones(len(boxes), bool)
    for flat in np.argsort(-np.where(rides, share, 0), axis=None, kind="stable"):
        p, c = divmod(int(flat), len(cycles))
        if not rides[p, c]:
            break
        if room[c] and keep[people[p]]:
            room[c] -= 1
            keep[people[p]] = False
            rider, cycle = boxes[people[p]], merged[cycles[c]]
            cycle[:2], cycle[2:] = np.minimum(cycle[:2], rider[:2]), np.maximum(cycle[2:], rider[2:])
            confidence[cycles[c]] = max(confidence[cycles[c]], scores[people[p]])
    return Detections(merged, confidence, class_id).where(keep)


def _riding(people: FloatArray, cycles: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """(P, C): the share of each person's box inside each cycle's, and whether the pair looks like riding."""
    px1, py1, px2, py2 = (people[:, i, None] for i in range(4))
    cx1, cy1, cx2, cy2 = (cycles[None, :, i] for i in range(4))
    tall = cy2 - cy1
    width = np.maximum(np.minimum(px2, cx2) - np.maximum(px1, cx1), 0)
    height = np.maximum(np.minimum(py2, cy2) - np.maximum(py1, cy1), 0)
    share = width * height / np.maximum((px2 - px1) * (py2 - py1), 1e-6)
    middle = (px1 + px2) / 2
    rides = (middle >= cx1) & (middle <= cx2) & (share >= 0.3)
    rides &= (py2 >= cy1 + 0.35 * tall) & (py2 <= cy2 + 0.05 * tall)
    rides &= (py1 < cy1) & (py1 >= cy1 - tall)
    return share, rides
