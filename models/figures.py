"""How good detections are: precision, recall by size, and how sure each figure is. Pure.

A *label* is one of the contract's classes or a group that counts as one class: ``four-wheeler`` (car, bus, truck, since
one van is often called any of them) and ``cycle`` (bicycle, motorcycle, with their riders).

Sizes are heights at a picture 640 px long, in octaves, as the cells of these networks are (8, 16 and 32 px): below 16
an object spans less than two cells of the finest grid, and at an input of 352 px barely one; above 64 every grid sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from contract.names import CLASSES
from edge.geometry import covered_share
from edge.records import Detections
from models.average_precision import (
    SPARED_SHARE,
    Array,
    Ranking,
    average_precision,
    joined,
    match,
    recall_at,
    samples,
)
from models.truths import LONGER_SIDE, PictureSet, Truth

_GROUPS: Final = {"four-wheeler": ("car", "bus", "truck"), "cycle": ("bicycle", "motorcycle")}
LABELS: Final[dict[str, tuple[int, ...]]] = {
    **{name: (number,) for number, name in enumerate(CLASSES)},
    **{name: tuple(CLASSES.index(part) for part in parts) for name, parts in _GROUPS.items()},
}
MEAN: Final = "mean"
MEAN_BOXES: Final = 20  # a class with fewer is shown and does not enter the mean
SIZES: Final = (("< 16", 0.0, 16.0), ("16-32", 16.0, 32.0), ("32-64", 32.0, 64.0), ("≥ 64", 64.0, np.inf))
CONFIDENCE: Final = 0.25
LEAST_BLOCKS: Final = 4  # with fewer, resampling says nothing
LEVEL: Final = 0.95
MEASURES: Final = ("ap50", "ap", "recall")


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """A label's figures: each of MEASURES by name, and its bootstrap samples (B,). ``ranking`` None: a mean."""

    values: dict[str, float]
    drawn: dict[str, Array]
    ranking: Ranking | None
    heights: Array


def score(
    pictures: PictureSet, seen: Sequence[tuple[Detections, tuple[int, int]]], weights: Array
) -> dict[str, Score]:
    """By label, of what was seen in each picture (of width and height); ``weights`` from `weights_of`.

    Labels without a true box are left out. ``mean`` is over the six classes with MEAN_BOXES boxes or more.
    """
    found: dict[str, Score] = {}
    for label, classes in LABELS.items():
        ranking, heights = rank(pictures.truths, seen, classes)
        if ranking.boxes:
            found[label] = _score(ranking, heights, weights)
    enough = [found[name] for name in CLASSES if name in found and len(found[name].heights) >= MEAN_BOXES]
    if enough:
        found[MEAN] = Score(
            {name: float(np.mean([own.values[name] for own in enough])) for name in MEASURES},
            {name: np.mean([own.drawn[name] for own in enough], axis=0) for name in MEASURES},
            None,
            np.concatenate([own.heights for own in enough]),
        )
    return found


def weights_of(pictures: PictureSet, count: int, seed: int) -> Array:
    """(count, blocks): the same samples for every model, so that differences are paired."""
    return samples(pictures.blocks, count, seed)


def rank(
    truths: Sequence[Truth], seen: Sequence[tuple[Detections, tuple[int, int]]], classes: Sequence[int]
) -> tuple[Ranking, Array]:
    """The classes as one: the ranking of all detections, and the true boxes' heights (M,) at 640 px."""
    parts, heights = [], []
    for truth, (detections, wh) in zip(truths, seen, strict=True):
        own = np.isin(truth.class_id, classes)
        asked = own & ~truth.spared
        kept = detections.where(np.isin(detections.class_id, classes))
        unheard = (covered_share(kept.xyxy, truth.areas) >= SPARED_SHARE).any(axis=1)
        kept = kept.where(np.flatnonzero(~unheard))
        verdicts, finders = match(
            kept.xyxy, kept.confidence, truth.xyxy[asked], truth.xyxy[own & truth.spared]
        )
        parts.append((truth.block, kept.confidence, verdicts, finders))
        tall = truth.xyxy[asked, 3] - truth.xyxy[asked, 1]
        heights.append(tall * LONGER_SIDE / max(wh))
    return joined(parts), np.concatenate(heights).astype(float)


def interval(drawn: Array, blocks: int) -> tuple[float, float] | None:
    """95 % of the samples that have a value; None with fewer than LEAST_BLOCKS blocks or none that has one."""
    known = drawn[np.isfinite(drawn)]
    if blocks < LEAST_BLOCKS or not len(known):
        return None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def row(scores: Mapping[str, Score], blocks: int) -> dict[str, Any]:
    """By label, ready for JSON: boxes, each measure with its interval, and recall by size."""
    return {label: _label_row(own, blocks) for label, own in scores.items()}


def difference(ours: Mapping[str, Score], theirs: Mapping[str, Score], blocks: int) -> dict[str, Any]:
    """By label: each measure of ours minus theirs, with the interval of the paired samples."""
    return {
        label: {
            name: {
                "value": own.values[name] - theirs[label].values[name],
                "interval": interval(own.drawn[name] - theirs[label].drawn[name], blocks),
            }
            for name in MEASURES
        }
        for label, own in ours.items()
    }


def _score(ranking: Ranking, heights: Array, weights: Array) -> Score:
    areas, drawn = average_precision(ranking), average_precision(ranking, weights)
    return Score(
        {
            "ap50": float(areas[0]),
            "ap": float(areas.mean()),
            "recall": float(recall_at(ranking, CONFIDENCE)),
        },
        {
            "ap50": drawn[:, 0],
            "ap": drawn.mean(axis=1),
            "recall": recall_at(ranking, CONFIDENCE, weights),
        },
        ranking,
        heights,
    )


def _label_row(own: Score, blocks: int) -> dict[str, Any]:
    found: dict[str, Any] = {"boxes": len(own.heights)}
    for name in MEASURES:
        found[name] = {"value": own.values[name], "interval": interval(own.drawn[name], blocks)}
    if own.ranking is not None:
        hit = own.ranking.finders >= CONFIDENCE
        found["sizes"] = []
        for name, low, high in SIZES:
            inside = (own.heights >= low) & (own.heights < high)
            share = float(hit[inside].mean()) if inside.any() else None
            found["sizes"].append({"size": name, "boxes": int(inside.sum()), "recall": share})
    return found
