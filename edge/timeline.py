"""Where the seconds of a run lie: on the UTC grid once the time is known, on the machine's own seconds until then. Pure.

Rules:
1. Time runs in stretches, each under one anchor: the clock's reading at ``at == 0``. A known stretch reads Unix seconds,
   an unknown one seconds since the machine started.
2. A known stretch is cut at the interval's boundaries, an unknown one every `SLICE_S`: fine enough to be sorted into the
   intervals once the time is known (`edge.provisional`).
3. The time becomes known, or a clock that was a little slow is put right, at the next boundary of the new grid: so no
   interval has two records of one run. A clock that jumps to another interval is followed at once.
4. A clock put back makes the run speak of the same time again: `Timeline.cut` says so, and another run is due.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

SLICE_S: Final = 2
# Boundaries are differences of Unix seconds near 2e9, which floats hold to a quarter of a microsecond.
_ROUNDING_S: Final = 1e-3
# The first interval after the clock was put back is never shorter, so that all before it close before it.
_LEAST_S: Final = 5.0
# A clock that jumps all the time must not fill the memory; what is open reaches back a few minutes.
_KEPT: Final = 100


@dataclass(frozen=True, slots=True)
class Stretch:
    """From ``since`` (seconds within the run) on, the clock reads ``anchor + at``: Unix seconds if ``known``."""

    since: float
    anchor: float
    known: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """[start, end) seconds within the run, and where the interval or slice that it lies in ``begins``, by the clock."""

    start: float
    end: float
    begins: int
    known: bool


class Timeline:
    """The stretches of one run. Cuts are made in order of time."""

    def __init__(self, interval_s: int, anchor: float, *, known: bool = True) -> None:
        self._interval_s = interval_s
        self._stretches = [Stretch(float("-inf"), anchor, known)]

    def at(self, at: float) -> Stretch:
        """The stretch that an instant lies in."""
        return next(stretch for stretch in reversed(self._stretches) if stretch.since <= at)

    def piece(self, start: float) -> Piece:
        """What is to be closed as one from ``start`` on."""
        stretch = self.at(start)
        begins, end = self._cell(stretch, start)
        later = next((other for other in self._stretches if start < other.since < end), None)
        if later is None:
            return Piece(start, end, begins, stretch.known)
        # Known time begins within this slice: what of it lies before belongs to the interval before, like the last slice.
        begins -= SLICE_S if later.known and not stretch.known else 0
        return Piece(start, later.since, begins, stretch.known)

    def cut(self, at: float, anchor: float, *, known: bool) -> tuple[float, bool]:
        """The clock reads ``anchor + at`` from now on; what was to come from a later cut is void.

        Returns:
            When that takes effect, and whether known time is told again from then on.
        """
        self._stretches = [stretch for stretch in self._stretches if stretch.since <= at][-_KEPT:]
        self._stretches[0] = replace(self._stretches[0], since=float("-inf"))
        before, new = self._stretches[-1], Stretch(at, anchor, known)
        if (before.anchor, before.known) == (anchor, known):
            return at, False
        begins, end = self._cell(new, at)
        old, _ = self._cell(before, at)
        both = before.known and known
        back = both and begins < old
        since = end if (known and not before.known) or (both and begins == old) else at
        if back and end - at < _LEAST_S:
            since = end
        self._stretches.append(Stretch(since, anchor, known))
        # Within one interval a clock that was fast is only seen at its end, which came too early or comes again.
        return since, back or (both and begins == old and anchor < before.anchor)

    def _cell(self, stretch: Stretch, at: float) -> tuple[int, float]:
        """Where the interval or slice of an instant begins by the clock, and ends within the run."""
        length = self._interval_s if stretch.known else SLICE_S
        begins = int((stretch.anchor + at + _ROUNDING_S) // length) * length
        return begins, begins + length - stretch.anchor
