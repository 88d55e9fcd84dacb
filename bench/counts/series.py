"""Values over time and the windows they are compared in. Pure.

A value holds from its time to the next; spans are [from, to) seconds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
Mask = NDArray[np.bool_]
Span = tuple[float, float]
WINDOW_S = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """A value over time: ``values`` (K,) hold from ``times`` (K,), increasing, to the next; the last until ``end``."""

    times: Array
    values: Array
    end: float

    @staticmethod
    def of(times: ArrayLike, values: ArrayLike, end: float) -> Steps:
        """From any numbers."""
        return Steps(np.asarray(times, float), np.asarray(values, float), end)

    def mean(self, start: float, stop: float) -> float:
        """Mean over [start, stop), weighted by time; before the first value there is none and it counts as 0."""
        begins = np.clip(self.times, start, stop)
        ends = np.clip(np.append(self.times[1:], self.end), start, stop)
        return float(((ends - begins) * self.values).sum() / (stop - start))


def windows(end: float, length: float = WINDOW_S) -> list[Span]:
    """[0, end) cut into windows; the last is as long as what is left."""
    starts = np.arange(0.0, end - 1e-6, length)
    return [(float(start), float(min(start + length, end))) for start in starts]


def weighted_mean(values: ArrayLike, spans: Sequence[Span]) -> float:
    """The mean over windows, each weighing as much as it is long."""
    weights = np.array([stop - start for start, stop in spans])
    return float((np.asarray(values, float) * weights).sum() / weights.sum())


def steps_of_spans(spans: Iterable[Span], end: float) -> Steps:
    """How many of the spans hold at each time of [0, end)."""
    changes: dict[float, int] = {0.0: 0}
    for start, stop in spans:
        changes[max(start, 0.0)] = changes.get(max(start, 0.0), 0) + 1
        changes[stop] = changes.get(stop, 0) - 1
    times = sorted(changes)
    return Steps.of(times, np.cumsum([changes[at] for at in times]), end)


def joined(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch made one."""
    kept: list[Span] = []
    for start, stop in spans:
        if kept and kept[-1][1] == start:
            kept[-1] = (kept[-1][0], stop)
        else:
            kept.append((start, stop))
    return kept


def agreement(true: Iterable[Span], counted: Iterable[Span], over: Iterable[Span]) -> tuple[float, float]:
    """Seconds of ``over`` in which both say the same (inside a span or not), and its seconds altogether."""
    true, counted, over = list(true), list(counted), list(over)
    edges = sorted({edge for span in (*true, *counted, *over) for edge in span})
    right = total = 0.0
    for start, stop in itertools.pairwise(edges):
        middle = (start + stop) / 2
        if _within(middle, over):
            total += stop - start
            right += (stop - start) * (_within(middle, true) == _within(middle, counted))
    return right, total


def without(end: float, changes: Iterable[float], settle_s: float) -> list[Span]:
    """[0, end) without ``settle_s`` at its start and on both sides of each change."""
    spans, at = [], settle_s
    for change in sorted(changes):
        if change - settle_s > at:
            spans.append((at, min(change - settle_s, end)))
        at = max(at, change + settle_s)
    return [*spans, (at, end)] if at < end else spans


def _within(at: float, spans: Sequence[Span]) -> bool:
    return any(start <= at < stop for start, stop in spans)
