"""How sure a figure is: block bootstrap of a ratio, Wilson interval of a share. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.counts.series import Array, IntArray

BLOCK = 2
LEVEL = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """Errors of two counters in the same windows of one video: all (W,), ``weights`` in seconds."""

    ours: Array
    theirs: Array
    weights: Array


def ratio(videos: Sequence[Paired]) -> float | None:
    """Mean error of ours over that of the other, summed over videos; None when the other made no error."""
    ours = sum(float((v.ours * v.weights).sum() / v.weights.sum()) for v in videos)
    theirs = sum(float((v.theirs * v.weights).sum() / v.weights.sum()) for v in videos)
    return ours / theirs if theirs > 0 else None


def ratio_interval(videos: Sequence[Paired], samples: int, seed: int) -> tuple[float, float] | None:
    """95 % interval of `ratio` by a moving-block bootstrap (Künsch, 1989), blocks of two windows.

    Paired: both counters are resampled by the same windows. Each video is resampled by itself. None with fewer
    than four windows altogether, where resampling says nothing.
    """
    if sum(len(v.weights) for v in videos) < 4:
        return None
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(samples):
        drawn = []
        for video in videos:
            rows = resample(len(video.weights), rng)
            drawn.append(Paired(video.ours[rows], video.theirs[rows], video.weights[rows]))
        value = ratio(drawn)
        if value is not None:
            found.append(value)
    if not found:
        return None
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def resample(count: int, rng: np.random.Generator) -> IntArray:
    """Row numbers (count,) of one bootstrap sample: blocks of BLOCK neighbours, drawn with replacement."""
    block = min(BLOCK, count)
    starts = rng.integers(0, count - block + 1, size=-(-count // block))
    rows: IntArray = (starts[:, None] + np.arange(block)).ravel()[:count]
    return rows


def wilson(hits: int, total: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, JASA 22, 1927); (0, 1) of nothing."""
    if not total:
        return 0.0, 1.0
    z = 1.959964
    share = hits / total
    middle = share + z * z / (2 * total)
    half = z * float(np.sqrt(share * (1 - share) / total + z * z / (4 * total * total)))
    scale = 1 + z * z / total
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
