"""How far two networks that should answer alike lie apart, and how far they may.

Two comparisons. `Difference`, of raw outputs cell by cell, is for what should be the same network written in another
way. `Agreement`, of the boxes that the box itself makes of them, is for what was rounded on purpose: there a cell's
number may move as long as the same objects are found.

The limits are set from measurements on the starter of release 0.1 (384x640, 24 frames of the sample videos with 316
boxes and 36 of other cameras' clips with 517; shares for the two sets). The first three rows are what
`models.export_onnx --precision … --pictures …` prints; the others are of an early script that quantised convolutions
alone, and say only why these ranges were chosen:

                                   matched at IoU .9   score off by     sure boxes lost
    half precision                 1.000  1.000        .0001  .0002     0
    int8, 99.999 %, 7-bit weights   .983   .958        .008   .012      .1 %
    the same, 8-bit weights         .979   .967        .007   .012      0
    int8, ranges by entropy         .983   .928        .011   .021      0
    int8, minimum and maximum       .973   .942        .008   .014      0
    int8, 99.9 %                    .932   .852        .038   .064      1 %
    int8, head included            no box at all
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.detect import OnnxDetector
from edge.errors import ModelError
from edge.geometry import iou_matrix
from edge.records import Detections, FloatArray, ImageArray
from models.checkpoint import Opened

SEEN: Final = 0.05  # boxes that score less are never used, so their place does not matter
CONFIDENCE: Final = 0.25  # the box's default
SURE: Final = 0.4  # what scores that in one network must be there in the other
FEWEST_BOXES: Final = 20  # of fewer boxes a share says nothing


@dataclass(frozen=True, slots=True)
class Difference:
    """Of raw outputs, the worst over all pictures; ``boxes`` are those that score at least SEEN."""

    pictures: int
    boxes: int
    score_difference: float
    box_difference_px: float  # pixels of the input

    def faults(self, score_limit: float, box_limit_px: float) -> str:
        """What is beyond the limits, in words; empty if nothing is."""
        good = self.score_difference <= score_limit and self.box_difference_px <= box_limit_px
        found = f"got {self.score_difference:.4f} and {self.box_difference_px:.2f} px"
        return "" if good else f"within {score_limit} of a score and {box_limit_px} px of a box ({found})"


EXPORT_LIMITS: Final = (0.01, 1.0)  # against the checkpoint: score, pixels
SLIM_LIMITS: Final = (0.001, 0.1)  # of simplifying: rounding only


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of boxes after decoding and suppression at CONFIDENCE, over all pictures.

    ``matched_90`` and ``matched_50``: share of both networks' boxes with a partner of the same class at IoU .9 and .5,
    one to one. Of those at .5: ``score_shift``, the mean change of score, and ``score_difference``, the mean size of
    it. ``sure_lost``: share of the boxes that score at least SURE in either network and have no partner at .5.
    """

    pictures: int
    boxes: int
    boxes_after: int
    matched_90: float
    matched_50: float
    sure_lost: float
    score_shift: float
    score_difference: float

    def faults(self, limits: Limits) -> str:
        """What is beyond the limits, in words; empty if nothing is."""
        checks = {
            f"matched_90 >= {limits.matched_90} (got {self.matched_90:.3f})": self.matched_90
            >= limits.matched_90,
            f"matched_50 >= {limits.matched_50} (got {self.matched_50:.3f})": self.matched_50
            >= limits.matched_50,
            f"sure_lost <= {limits.sure_lost} (got {self.sure_lost:.3f})": self.sure_lost <= limits.sure_lost,
            f"|score_shift| <= {limits.score_shift} (got {self.score_shift:+.4f})": abs(self.score_shift)
            <= limits.score_shift,
            f"score_difference <= {limits.score_difference} (got {self.score_difference:.4f})": (
                self.score_difference <= limits.score_difference
            ),
        }
        return ", ".join(text for text, good in checks.items() if not good)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far an `Agreement` may go; the fields are named as there."""

    matched_90: float
    matched_50: float
    sure_lost: float
    score_shift: float
    score_difference: float


LIMITS: Final = {
    "fp16": Limits(0.98, 0.99, 0.0, 0.002, 0.002),
    "int8": Limits(0.90, 0.95, 0.02, 0.02, 0.03),
}


def compare(first: FloatArray, second: FloatArray) -> tuple[int, float, float]:
    """Boxes that count, the largest difference of a score, and that of their coordinates.

    Both are raw outputs (4+nc, N) compared cell by cell, or end-to-end ones (N, 6) whose rows may have changed places:
    there each row is compared with the nearest one of its class.
    """
    if first.shape != second.shape or first.ndim != 2:
        raise ModelError(
            f"parity: both outputs must be tables of one shape (got {first.shape} and {second.shape})"
        )
    if not np.isfinite(first).all() or not np.isfinite(second).all():
        raise ModelError("parity: both outputs must be finite numbers")
    if first.shape[1] == 6:
        return _compare_rows(first, second)
    seen = np.maximum(first[4:].max(axis=0), second[4:].max(axis=0)) >= SEEN
    score = float(np.abs(first[4:] - second[4:]).max())
    box = float(np.abs(first[:4, seen] - second[:4, seen]).max()) if seen.any() else 0.0
    return int(seen.sum()), score, box


def _compare_rows(first: FloatArray, second: FloatArray) -> tuple[int, float, float]:
    boxes, score, place = 0, 0.0, 0.0
    for one, other in ((first, second), (second, first)):
        rows = one[one[:, 4] >= SEEN]
        boxes = max(boxes, len(rows))
        for row in rows:
            rivals = other[other[:, 5] == row[5]]
            if not len(rivals):
                return boxes, 1.0, float("inf")
            apart = np.abs(rivals[:, :4] - row[:4]).max(axis=1)
            nearest = int((apart + np.abs(rivals[:, 4] - row[4])).argmin())
            place = max(place, float(apart[nearest]))
            score = max(score, float(abs(rivals[nearest, 4] - row[4])))
    return boxes, score, place


def difference(pairs: Iterable[tuple[FloatArray, FloatArray]]) -> Difference:
    """Of the two raw outputs for each picture."""
    pictures, boxes, score, place = 0, 0, 0.0, 0.0
    for first, second in pairs:
        n, worst_score, worst_place = compare(first, second)
        pictures, boxes = pictures + 1, boxes + n
        score, place = max(score, worst_score), max(place, worst_place)
    return Difference(pictures, boxes, score, place)


def raw_outputs(
    first: OnnxDetector | Opened, second: OnnxDetector, pictures: Sequence[ImageArray]
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Both networks' answers to each picture, prepared as on the box."""
    for picture in pictures:
        blob = second.preprocess(picture)
        yield first.infer(blob) if isinstance(first, OnnxDetector) else first.run(blob), second.infer(blob)


def agreement(before: Path, after: Path, size: tuple[int, int], pictures: Sequence[ImageArray]) -> Agreement:
    """How far two models, loaded by the box's own detector, find the same objects in these pictures.

    Raises:
        ModelError: the box cannot load one of them, or there are too few objects in the pictures.
    """
    first, second = (OnnxDetector(path, confidence=CONFIDENCE, input_size=size) for path in (before, after))
    found = [(first.detect(picture), second.detect(picture)) for picture in pictures]
    boxes, boxes_after = (sum(len(pair[i]) for pair in found) for i in (0, 1))
    if boxes < FEWEST_BOXES:
        raise ModelError(
            f"parity: the network must find at least {FEWEST_BOXES} objects in the pictures (got {boxes} in "
            f"{len(pictures)}), or the comparison says nothing; give pictures of streets and people to --pictures"
        )
    tight = loose = sure = sure_lost = 0
    shifts: list[float] = []
    for a, b in found:
        tight += len(_pairs(a, b, 0.9))
        pairs = _pairs(a, b, 0.5)
        loose += len(pairs)
        shifts += [float(b.confidence[j] - a.confidence[i]) for i, j in pairs]
        for boxes_of, partnered in ((a, {i for i, _ in pairs}), (b, {j for _, j in pairs})):
            strong = {int(i) for i in np.flatnonzero(boxes_of.confidence >= SURE)}
            sure, sure_lost = sure + len(strong), sure_lost + len(strong - partnered)
    total = boxes + boxes_after
    return Agreement(
        len(pictures),
        boxes,
        boxes_after,
        2 * tight / total,
        2 * loose / total,
        sure_lost / max(1, sure),
        float(np.mean(shifts)) if shifts else 0.0,
        float(np.mean(np.abs(shifts))) if shifts else 0.0,
    )


def _pairs(first: Detections, second: Detections, least: float) -> list[tuple[int, int]]:
    """One-to-one partners of the same class with at least that IoU, the closest first."""
    iou = iou_matrix(first.xyxy, second.xyxy)
    iou[first.class_id[:, None] != second.class_id[None, :]] = 0
    pairs: list[tuple[int, int]] = []
    while iou.size and iou.max() >= least:
        i, j = divmod(int(iou.argmax()), iou.shape[1])
        pairs.append((i, j))
        iou[i, :] = iou[:, j] = 0
    return pairs


def figures(measured: Difference | Agreement) -> dict[str, Any]:
    """The fields, rounded to three digits."""
    return {k: float(f"{v:.3g}") if isinstance(v, float) else v for k, v in asdict(measured).items()}
