"""Average precision as COCO defines it, also of bootstrap samples. Pure numpy.

Rule 1. Detections of a picture choose, the surest first, the free true box that they overlap most; at each of the ten
        IoU thresholds anew. A true box is found once; whatever finds none is a false alarm.
Rule 2. Precision is read at 101 levels of recall, each time the best one at that recall or more (Lin et al., Microsoft
        COCO, 2014, and its evaluation code).
Rule 3. Equal scores are one step: no threshold can part them, so the order of detections never matters.
Rule 4. A true box may be *spared*: nobody has to find it, and a detection without a true box of its own that lies in
        it by half of its own area is no false alarm.
Rule 5. Nothing to find has no precision: NaN, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.geometry import covered_share, iou_matrix

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
Verdicts = NDArray[np.int8]

IOUS: Final = tuple(round(0.5 + 0.05 * k, 2) for k in range(10))
LEVELS: Final = 101
SPARED_SHARE: Final = 0.5
HIT, FALSE, NEITHER = 1, 0, -1
_TINY: Final = 1e-9  # boxes are float32 and recall a quotient: what is equal on paper shall be equal


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The detections of one class in many pictures, and its true boxes.

    ``scores`` (N,) in [0, 1]; ``verdicts`` (T, N) HIT, FALSE or NEITHER at each of IOUS; ``blocks`` (N,) the number of
    each detection's block of pictures. Of the true boxes, without spared ones: ``true_blocks`` (M,), and ``finders``
    (M,), the score of the detection that found each at IoU .5, -1 for none.
    """

    scores: Array
    verdicts: Verdicts
    blocks: IntArray
    true_blocks: IntArray
    finders: Array

    @property
    def boxes(self) -> int:
        """How many there are to find."""
        return len(self.true_blocks)


def match(found: ArrayLike, scores: ArrayLike, true: ArrayLike, spared: ArrayLike) -> tuple[Verdicts, Array]:
    """Verdicts (T, N) on the detections of one class in one picture, and the finders (M,) of its true boxes.

    ``found`` (N, 4), ``true`` (M, 4) and ``spared`` (K, 4) xyxy in pixels; ``scores`` (N,).
    """
    boxes, sure = np.asarray(found, float).reshape(-1, 4), np.asarray(scores, float)
    overlap = iou_matrix(boxes, np.asarray(true, float))
    inside = covered_share(boxes, np.asarray(spared, float)) >= SPARED_SHARE
    excused = inside.any(axis=1)
    verdicts = np.repeat(np.where(excused, NEITHER, FALSE).astype(np.int8)[None], len(IOUS), axis=0)
    finders = np.full(overlap.shape[1], -1.0)
    near = np.flatnonzero(overlap.max(axis=1, initial=0) >= IOUS[0] - _TINY)
    order = near[np.lexsort((*boxes[near].T, -sure[near]))]
    for row, least in enumerate(IOUS):
        free = overlap.copy()
        for number in order:
            best = int(free[number].argmax())
            if free[number, best] < least - _TINY:
                continue
            free[:, best] = -1.0
            verdicts[row, number] = HIT
            if not row:
                finders[best] = sure[number]
    return verdicts, finders


def joined(parts: Sequence[tuple[int, ArrayLike, Verdicts, Array]]) -> Ranking:
    """One ranking from the pictures': (block, scores, verdicts, finders) of each, the last two from `match`."""
    return Ranking(
        np.concatenate([np.asarray(scores, float) for _, scores, *_ in parts] or [np.zeros(0)]),
        np.concatenate(
            [verdicts for *_, verdicts, _ in parts] or [np.zeros((len(IOUS), 0), np.int8)], axis=1
        ),
        np.concatenate([np.full(v.shape[1], block) for block, _, v, _ in parts] or [np.zeros(0, np.int64)]),
        np.concatenate(
            [np.full(len(finders), block) for block, *_, finders in parts] or [np.zeros(0, np.int64)]
        ),
        np.concatenate([finders for *_, finders in parts] or [np.zeros(0)]),
    )


def average_precision(ranking: Ranking, weights: Array | None = None) -> Array:
    """(T,): at each of IOUS. With ``weights`` (B, blocks), how often each sample drew each block: (B, T)."""
    once = np.ones((1, _blocks(ranking)))
    drawn = once if weights is None else weights
    rows = [_area(ranking, row, drawn) for row in range(len(IOUS))]
    found: Array = np.stack(rows, axis=1)
    return found[0] if weights is None else found


def recall_at(ranking: Ranking, score: float, weights: Array | None = None) -> Array:
    """() or (B,): share of the true boxes that a detection of this score or more finds at IoU .5."""
    drawn = np.ones((1, _blocks(ranking))) if weights is None else weights
    seen = (ranking.finders >= score).astype(float)
    blocks = drawn.shape[1]
    total = drawn @ np.bincount(ranking.true_blocks, minlength=blocks).astype(float)
    got = drawn @ np.bincount(ranking.true_blocks, seen, minlength=blocks)
    share: Array = np.divide(got, total, out=np.full(len(total), np.nan), where=total > 0)
    return share[0] if weights is None else share


def curve(ranking: Ranking, row: int = 0) -> tuple[Array, Array]:
    """Recall and precision (E,) after each step that finds something, the surest first, at IOUS[row]."""
    found, shown = _steps(ranking, row, np.ones((1, _blocks(ranking))))
    return found[0] / max(ranking.boxes, 1), found[0] / np.maximum(shown[0], 1)


def samples(blocks: list[list[int]], count: int, seed: int) -> Array:
    """Weights (count, blocks) of a block bootstrap: each of the lists, one video, is resampled by itself.

    The numbers in the lists are 0 … blocks-1, each once. Seeded, so that two models get the same samples and the
    difference between them is paired.
    """
    rng = np.random.default_rng(seed)
    weights = np.zeros((count, sum(len(own) for own in blocks)))
    for own in blocks:
        drawn = rng.integers(0, len(own), (count, len(own)))
        for place, block in enumerate(own):
            weights[:, block] = (drawn == place).sum(axis=1)
    return weights


def _blocks(ranking: Ranking) -> int:
    return int(max(ranking.blocks.max(initial=-1), ranking.true_blocks.max(initial=-1))) + 1


def _area(ranking: Ranking, row: int, weights: Array) -> Array:
    """(B,): the mean over LEVELS of the best precision at that recall or more."""
    total = weights @ np.bincount(ranking.true_blocks, minlength=weights.shape[1]).astype(float)
    found, shown = _steps(ranking, row, weights)
    precision = np.divide(found, shown, out=np.zeros_like(found), where=shown > 0)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = found / np.maximum(total, 1)[:, None]
    reached = np.floor((LEVELS - 1) * recall + _TINY) + 1  # levels 0, .01, … up to this recall
    gained = np.diff(reached, axis=1, prepend=0.0)
    area: Array = (best * gained).sum(axis=1) / LEVELS
    return np.where(total > 0, area, np.nan)


def _steps(ranking: Ranking, row: int, weights: Array) -> tuple[Array, Array]:
    """Hits, and hits with false alarms, (B, E) each: up to each score at which something is found."""
    verdict = ranking.verdicts[row]
    hits = verdict == HIT
    levels = np.unique(-ranking.scores[hits])  # ascending: the surest first
    step = np.searchsorted(levels, -ranking.scores)
    counted = (verdict != NEITHER) & (step < len(levels))  # what comes after the last hit changes nothing
    shape = (weights.shape[1], len(levels))
    found, shown = np.zeros(shape), np.zeros(shape)
    np.add.at(found, (ranking.blocks[hits], step[hits]), 1.0)
    np.add.at(shown, (ranking.blocks[counted], step[counted]), 1.0)
    return weights @ found.cumsum(axis=1), weights @ shown.cumsum(axis=1)
