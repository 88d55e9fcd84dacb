"""Entries, exits and dwell: what needs tracks. Line crossings: `edge.crossing`.

Words (design.md section 6): a track born inside a zone is not an entry, one lost inside is not an exit. Every
change is confirmed by evidence over time or distance and then dated back to its first evidence.

State of a track is dropped with the track.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.geometry import chord, distance_to_edge, points_in_polygon
from edge.presence import HOLD_S, Span

# A change is believed once it lasted CONFIRM_S and lies this share of the box height beyond the zone's edge, or
# once the object moved CONFIRM_TRAVEL box heights since it; on the edge itself only after CONFIRM_EDGE_S.
CONFIRM_S = 0.3
EDGE_BAND = 0.1
CONFIRM_TRAVEL = 0.35
CONFIRM_EDGE_S = 3.0
# Who is found again after a longer gap may be somebody else: the time between is not counted.
BRIDGE_S = 3.0
# Of the frame: an edge of a zone this near to its border was meant to lie on it.
BORDER = 0.01

Anchor = NDArray[np.float64]


@dataclass(slots=True, eq=False)
class Subject:
    """What is known of one track so far; visits and crossings refer to it, so that a later vote corrects them.

    ``real`` is false while it may be a flicker or something that only looks like an object. ``first`` (2,) is its first
    anchor, pixels; ``seen_s`` and ``sure_s`` how long it was seen, and surely.
    """

    class_id: int
    real: bool
    born_at: float
    first: Anchor
    seen_s: float = 0.0
    sure_s: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A track seen in this frame: ``anchor`` (2,), which may lie outside the frame, and ``height`` of its box, pixels.

    ``found``: where it had vanished, after longer than gaps are bridged; it was there all the time.
    """

    track_id: int
    anchor: Anchor
    height: float
    subject: Subject
    found: bool = False


@dataclass(slots=True, eq=False)
class Visit:
    """One stay of one track in one zone: [start, end) seconds; ``end`` is infinite while it lasts."""

    subject: Subject
    start: float
    entered: bool
    end: float = float("inf")
    exited: bool = False


@dataclass(slots=True)
class _Member:
    """One track as one zone sees it."""

    subject: Subject
    inside: bool
    seen_at: float
    hold_until: float
    anchor: Anchor
    visit: Visit | None = None
    changed_at: float | None = None  # first evidence against ``inside``
    changed: tuple[Anchor, Anchor] | None = None  # where it was last before that, and where then
    clear: Anchor | None = None  # where it last was clearly outside, if it has not been inside since
    touched: Span | None = None  # since then it was in the zone, or its way ran through it, in this time
    deep: bool = False  # and was clear of its edge then


class ZoneFlow:
    """Visits to one polygon (M, 2), pixels, in frames of ``wh`` (width, height)."""

    def __init__(self, polygon: NDArray[np.float64], wh: tuple[int, int]) -> None:
        self._polygon, self._wh = polygon, np.array(wh, np.float64)
        self._members: dict[int, _Member] = {}
        self._frame_at: float | None = None
        self.visits: list[Visit] = []

    @property
    def settled(self) -> bool:
        """Whether nobody in sight is on the way in or out."""
        return all(m.changed_at is None for m in self._members.values() if m.seen_at == self._frame_at)

    def observe(self, sightings: Sequence[Sighting], alive: frozenset[int], at: float) -> None:
        """One frame: the tracks seen in it, and the ids of all tracks that may still be found again."""
        anchors = np.array([sighting.anchor for sighting in sightings]).reshape(-1, 2)
        contained = points_in_polygon(anchors, self._polygon).tolist()
        depths = distance_to_edge(anchors, self._polygon).tolist()
        for sighting, inside, depth in zip(sightings, contained, depths, strict=True):
            member = self._members.get(sighting.track_id)
            if member is None:
                self._members[sighting.track_id] = self._first(sighting, inside, at)
            else:
                self._update(member, sighting, inside, depth, at)
        for track_id, member in list(self._members.items()):
            if member.seen_at < at:
                # The state of the last sighting held until this frame, which did not see the object.
                member.hold_until = min(member.hold_until, at)
            if track_id not in alive:
                self._leave(self._members.pop(track_id))
        self._frame_at = at

    def finish(self, at: float) -> None:
        """End all visits: nothing is seen from ``at`` on."""
        for member in self._members.values():
            member.hold_until = min(member.hold_until, at)
            self._leave(member)
        self._members.clear()

    def forget(self, before: float) -> None:
        """Drop visits that ended before an instant."""
        self.visits = [visit for visit in self.visits if visit.end >= before]

    def present(self, at: float) -> Counter[int]:
        """Real tracks inside now and seen within the last second, by class id (for the preview)."""
        inside = (m.subject for m in self._members.values() if m.inside and m.seen_at >= at - 1.0)
        return Counter(subject.class_id for subject in inside if subject.real)

    def _first(self, sighting: Sighting, inside: bool, at: float) -> _Member:
        member = _Member(sighting.subject, inside, at, at + HOLD_S, sighting.anchor)
        if inside:
            member.visit = self._open(sighting.subject, at, entered=False)
        return member

    def _open(self, subject: Subject, at: float, *, entered: bool) -> Visit:
        visit = Visit(subject, at, entered)
        self.visits.append(visit)
        return visit

    def _update(self, member: _Member, sighting: Sighting, inside: bool, depth: float, at: float) -> None:
        if at - member.seen_at > BRIDGE_S and not sighting.found and member.visit is not None and inside:
            member.visit.end = member.hold_until
            member.visit = self._open(member.subject, at, entered=False)
        if not member.inside:
            self._pass_through(member, sighting, inside, depth, at)
        if inside == member.inside:
            member.changed_at = None
        else:
            self._doubt(member, sighting, depth, at)
        member.seen_at, member.hold_until, member.anchor = at, at + HOLD_S, sighting.anchor

    def _doubt(self, member: _Member, sighting: Sighting, depth: float, at: float) -> None:
        """Evidence that a track changed sides: believe it once it lasted, or once the object moved on."""
        if member.changed_at is None:
            # Between two frames in a row the old state held; across a gap the change is somewhere within.
            gap = self._frame_at is None or member.seen_at < self._frame_at
            member.changed_at = (member.seen_at + at) / 2 if gap else at
            member.changed = member.anchor, sighting.anchor
        assert member.changed is not None  # noqa: S101 - set together with changed_at
        travel = float(np.hypot(*(sighting.anchor - member.changed[1])))
        beyond = depth >= EDGE_BAND * sighting.height
        needed_s = CONFIRM_S if beyond else CONFIRM_EDGE_S
        if at - member.changed_at >= needed_s or (beyond and travel >= CONFIRM_TRAVEL * sighting.height):
            self._switch(member)

    def _pass_through(
        self, member: _Member, sighting: Sighting, inside: bool, depth: float, at: float
    ) -> None:
        """Count who is clearly outside again and went through: too fast, or the zone too thin, to be seen in it.

        Who was in it for longer and never clear of its edge only grazed it.
        """
        came = member.seen_at
        if inside:
            member.touched = (member.touched[0] if member.touched else at, at)
            member.deep = member.deep or depth >= EDGE_BAND * sighting.height
        elif depth < float(np.hypot(*(sighting.anchor - member.anchor))) and at - came <= BRIDGE_S:
            way = chord(member.anchor, sighting.anchor, self._polygon)
            if way is not None:
                first, last = (came + share * (at - came) for share in way)
                member.touched = (min(first, member.touched[0]) if member.touched else first, last)
        if inside or depth < EDGE_BAND * sighting.height:
            return
        touched, clear, deep = member.touched, member.clear, member.deep
        member.clear, member.touched, member.deep = sighting.anchor, None, False
        if touched is None or clear is None or (touched[1] - touched[0] > CONFIRM_S and not deep):
            return
        if chord(clear, sighting.anchor, self._polygon):
            visit = self._open(member.subject, touched[0], entered=True)
            visit.end, visit.exited = touched[1], True

    def _switch(self, member: _Member) -> None:
        assert member.changed_at is not None and member.changed is not None  # noqa: S101, PT018 - set by the callers
        seen = not self._at_border(*member.changed)
        if member.inside and member.visit is not None:
            member.visit.end, member.visit.exited, member.visit = member.changed_at, seen, None
        else:
            member.visit = self._open(member.subject, member.changed_at, entered=seen)
        member.inside, member.changed_at = not member.inside, None
        member.clear, member.touched, member.deep = None, None, False

    def _at_border(self, before: Anchor, after: Anchor) -> bool:
        """Whether a way crosses the zone's edge where that is the frame's border: nobody is seen to come from there."""
        way = chord(before, after, self._polygon)
        place = before if way is None else before + way[0] * (after - before)
        margin = BORDER * self._wh
        return bool((place < margin).any() or (place > self._wh - margin).any())

    def _leave(self, member: _Member) -> None:
        """The track is gone. Evidence of a change that nothing spoke against is believed."""
        if member.changed_at is not None:
            self._switch(member)
        if member.visit is not None:
            member.visit.end = member.hold_until
