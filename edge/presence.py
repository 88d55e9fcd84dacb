"""Occupancy from visits: object-seconds and peaks over the seconds that were really observed.

A visit is a span of time that one object spent in a zone. Spans may be dated back while an interval is open,
so nothing is added up before the interval closes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

Span = tuple[float, float]  # [from, to), seconds within the run

HOLD_S = 3.0  # a frame's state holds until the next frame, at most this long (design.md section 4)
PEAK_HOLD_S = 1.0  # a peak shorter than this is a flicker of the detector, not a crowd


class Observed:
    """Which seconds were seen: a frame's state holds until the next frame, at most ``hold_s``."""

    def __init__(self, hold_s: float = HOLD_S) -> None:
        self._hold_s = hold_s
        self._spans: list[Span] = []
        self._last: float | None = None
        self.step_s = 0.0  # how long the frame before the last one held

    def frame(self, at: float) -> None:
        """A frame arrived at ``at``; frames come in order of time."""
        self.step_s = 0.0
        if self._last is not None:
            self.step_s = min(at - self._last, self._hold_s)
            self._extend(self._last, self._last + self.step_s)
        self._last = at

    def finish(self, at: float) -> None:
        """No frame comes after ``at``; the last one holds until then."""
        if self._last is not None:
            self._extend(self._last, min(at, self._last + self._hold_s))
            self._last = None

    def spans(self, start: float, end: float) -> list[Span]:
        """The observed parts of [start, end), in order and apart from each other."""
        return clip(self._spans, start, end)

    def forget(self, before: float) -> None:
        """Drop what ended before an instant."""
        self._spans = [span for span in self._spans if span[1] > before]

    def _extend(self, start: float, end: float) -> None:
        if self._spans and self._spans[-1][1] >= start:
            self._spans[-1] = (self._spans[-1][0], max(end, self._spans[-1][1]))
        elif end > start:
            self._spans.append((start, end))


def clip(spans: Iterable[Span], start: float, end: float) -> list[Span]:
    """The parts of spans within [start, end), without the empty ones."""
    parts = ((max(a, start), min(b, end)) for a, b in spans)
    return [part for part in parts if part[1] > part[0]]


def seconds(spans: Iterable[Span]) -> float:
    """Total length of spans; overlapping ones count as often as they overlap."""
    return sum(b - a for a, b in spans)


def seen(visits: Iterable[Span], observed: Sequence[Span]) -> list[Span]:
    """The parts of visits that lie within observed time; one visit may fall apart into several."""
    return [part for visit in visits for part in clip(observed, *visit)]


def peak(visits: Iterable[Span], hold_s: float = PEAK_HOLD_S) -> int:
    """The highest number of visits at once that held for ``hold_s``; of shorter views, their own highest."""
    steps = sorted(step for a, b in visits for step in ((a, 1), (b, -1)))
    if not steps:
        return 0
    levels = _levels(steps)
    hold_s = min(hold_s, levels[-1][1] - levels[0][0])
    for level in range(max(count for *_, count in levels), 0, -1):
        if _longest_run(levels, level) >= hold_s - 1e-6:
            return level
    return 0


def _levels(steps: list[tuple[float, int]]) -> list[tuple[float, float, int]]:
    """(from, to, count) between two steps; a visit that ends where another starts leaves no gap."""
    levels, count = [], 0
    for (at, change), (after, _) in itertools.pairwise(steps):
        count += change
        if after > at:
            levels.append((at, after, count))
    return levels


def _longest_run(levels: list[tuple[float, float, int]], level: int) -> float:
    longest, run = 0.0, 0.0
    for start, end, count in levels:
        run = run + end - start if count >= level else 0.0
        longest = max(longest, run)
    return longest
