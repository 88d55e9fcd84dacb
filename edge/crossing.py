"""Crossings of a count line by tracks.

A crossing needs the object clearly on one side, then clearly on the other, and its way between the two through the
segment itself: not past its ends, and not by a box that merely grows. One sight beyond the line may be a box that
jumped: it is believed once the object stayed there or moved on, or if it was on its way there and then never seen again.
It is dated to when the way went through the line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from edge.flow import CONFIRM_TRAVEL, Anchor, Sighting, Subject
from edge.geometry import segments_cross, side_of_line
from edge.zones import CountLine

# Crossing a line takes this share of the box height beyond it on either side: jitter stays within.
LINE_BAND = 0.12
# How long an object is seen beyond before it is believed to be there; below the .25 s between frames at 4 a second.
LINE_CONFIRM_S = 0.2
# Who moved at this share of a step's speed before it was on the way; who stood has jumped.
STEADY = 0.25

Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True, eq=False)
class Crossing:
    """One track crossed a line at ``at``."""

    subject: Subject
    at: float
    direction: Direction


@dataclass(slots=True)
class _Walker:
    """One track as one line sees it. ``side`` is -1 or 1 once it was surely on one side."""

    subject: Subject
    anchor: Anchor
    seen_at: float
    velocity: Anchor | None = None  # pixels a second, over the last step
    side: int = 0
    sure: bool = False  # it was clearly on that side more than once
    crossed_at: float | None = None  # the way since ``side`` has crossed the segment an odd number of times
    beyond: tuple[Anchor, float, Anchor] | None = None  # where, when and how fast it came to the other side
    steady: bool = False  # whether it had been on its way there


@dataclass(slots=True, eq=False)
class LineFlow:
    """Crossings of one count line."""

    line: CountLine
    crossings: list[Crossing] = field(default_factory=list)
    _walkers: dict[int, _Walker] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether nobody is on the way across."""
        return all(walker.beyond is None for walker in self._walkers.values())

    def observe(self, sightings: Iterable[Sighting], alive: frozenset[int], at: float) -> None:
        """One frame: the tracks seen in it, and the ids of all tracks that may still be found again."""
        for sighting in sightings:
            walker = self._walkers.get(sighting.track_id)
            if walker is None:
                walker = self._walkers[sighting.track_id] = _Walker(sighting.subject, sighting.anchor, at)
            self._update(walker, sighting, at)
        for track_id in [track_id for track_id in self._walkers if track_id not in alive]:
            self._leave(self._walkers.pop(track_id))

    def finish(self) -> None:
        """Nothing is seen any more."""
        for walker in self._walkers.values():
            self._leave(walker)
        self._walkers.clear()

    def forget(self, before: float) -> None:
        """Drop crossings before an instant."""
        self.crossings = [crossing for crossing in self.crossings if crossing.at >= before]

    def _update(self, walker: _Walker, sighting: Sighting, at: float) -> None:
        a, b = self.line.a, self.line.b
        if segments_cross(walker.anchor, sighting.anchor, a, b):
            walker.crossed_at = at if walker.crossed_at is None else None
        before, walker.velocity = walker.velocity, None
        if at > walker.seen_at:
            walker.velocity = (sighting.anchor - walker.anchor) / (at - walker.seen_at)
        walker.anchor, walker.seen_at = sighting.anchor, at
        distance = float(side_of_line(a, b, sighting.anchor)[0]) / self.line.length
        if abs(distance) < LINE_BAND * sighting.height:
            return
        side = 1 if distance > 0 else -1
        if side == walker.side:
            walker.sure, walker.crossed_at, walker.beyond = True, None, None
        elif walker.side == 0 or walker.velocity is None:
            walker.side, walker.crossed_at = side, None
        elif walker.beyond is None:
            walker.beyond, walker.steady = (
                (sighting.anchor, at, walker.velocity),
                _goes_on(before, walker.velocity),
            )
        else:
            self._believe(walker, sighting, at)

    def _believe(self, walker: _Walker, sighting: Sighting, at: float) -> None:
        """Another sight beyond the line: enough once it lasted or moved on."""
        assert walker.beyond is not None  # noqa: S101 - the caller's condition
        place, since, came = walker.beyond
        travel = float(((sighting.anchor - place) ** 2).sum() ** 0.5)
        if at - since < LINE_CONFIRM_S and travel < CONFIRM_TRAVEL * sighting.height:
            return
        if not walker.sure and not _goes_on(walker.velocity, came):
            walker.crossed_at = None  # its one sight on the other side was the jump
        self._switch(walker)

    def _switch(self, walker: _Walker) -> None:
        """It is on the other side; that is a crossing if its way went through the segment."""
        if walker.crossed_at is not None:
            direction: Direction = "in" if walker.side < 0 else "out"
            self.crossings.append(Crossing(walker.subject, walker.crossed_at, direction))
        walker.side, walker.crossed_at, walker.beyond, walker.sure = -walker.side, None, None, True

    def _leave(self, walker: _Walker) -> None:
        """The track is gone. A last sight beyond the line is believed of who was on the way there."""
        if walker.beyond is not None and walker.steady:
            self._switch(walker)


def _goes_on(one: Anchor | None, step: Anchor) -> bool:
    """Whether a movement (2,), pixels a second, is of the way of a step: in its direction, and no creeping beside it."""
    return one is not None and bool(one @ step >= STEADY * (step @ step))
