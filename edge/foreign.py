"""One place on the road where something lies, or may lie, and what of it was seen so far. Pure.

A look proves it (its outlines are its own), speaks against it (it looks like light or shadow), or says nothing (it is hidden).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.boxes import area, longer, same_place
from edge.cases import Box, Case, Kind
from edge.still import Blob, Look
from edge.stopped import Standing

RECONFIRM_S: Final = 600.0
CLEAR_S: Final = 15.0
WAIT_S: Final = 4.0  # a candidate that is not seen for so long, in the open, is forgotten; others may come with it for so long
PATIENCE_S: Final = 12.0  # the longer it was seen, up to this, the longer it may be missed
FRESH_S: Final = 1.5  # it must be seen in the moment in which it is announced
LEAST_SEEN: Final = 0.6  # share of the time in the open for which a candidate must have been seen
# A look's marks of light and shadow.
ALIKE: Final = 0.7
ONE_WAY: Final = 0.75  # a thing has two sides, the edge of a large shadow one
OUTLINED: Final = 1.5  # times the slopes that the road had there
SHARP: Final = 0.035  # mean slope along the outline, logarithms a pixel
DENSE: Final = 0.06  # of the box's area at least is outline: not a thin streak of a shadow
LARGE_PX: Final = 2500.0  # square pixels from which on a thing need not be so dense
SHADE_KEPT: Final = 0.7  # a thing of even colour keeps up to .65 of an even road
COLOURLESS: Final = 0.03  # mean change of the slope of colour along an outline, logarithms a pixel
DOUBT_S: Final = 300.0  # what is dark and colourless and came with a change of light must last so much longer
TELLING: Final = 1.25  # times the empty road's slopes: less tells no object from the road after a restart


@dataclass(slots=True, eq=False)
class Known:
    """Something at one place; ``case`` once it was announced; ``standing`` when it is a vehicle.

    ``open_s``: seconds for which its place was in the open; of these ``seen_s`` proved it, ``veto_s`` spoke against it, in
    ``shady_s`` it was something darker than the road and without a colour; ``empty_s``: for how long it has been gone.
    """

    kind: Kind
    xyxy: Box
    first: Box
    first_seen: float
    last_seen: float
    met_at: float = -np.inf
    open_s: float = 0.0
    seen_s: float = 0.0
    veto_s: float = 0.0
    shady_s: float = 0.0
    empty_s: float = 0.0
    strength: float = 0.0
    doubtful: bool = False  # it came with a change of light
    case: Case | None = None
    told_at: float = 0.0
    standing: Standing | None = None
    taken_over: bool = False

    @staticmethod
    def met(blob: Blob, at: float) -> Known:
        """A candidate, from the first blob of it."""
        good = blob.since_s if object_like(blob) else 0.0
        known = Known("debris", blob.xyxy, blob.xyxy, at - blob.since_s, at, met_at=at)
        known.open_s, known.seen_s, known.veto_s = blob.since_s, good, blob.since_s - good
        return known

    @staticmethod
    def over_a_restart(case: Case) -> Known:
        """A case that was open before; the road is learnt with it lying there."""
        known = Known(case.kind, case.xyxy, case.xyxy, case.first_seen, case.last_seen, case=case)
        known.strength, known.taken_over, known.told_at = case.confidence, True, case.last_seen
        return known

    @staticmethod
    def vehicle_of(standing: Standing) -> Known:
        """A vehicle that has stood long enough."""
        box = standing.xyxy
        known = Known("stopped_vehicle", box, box, standing.since, standing.seen_at, standing=standing)
        known.strength = 1.0
        return known

    @property
    def vehicle(self) -> bool:
        """Whether it follows a vehicle (`edge.stopped`) instead of blobs."""
        return self.kind == "stopped_vehicle"

    @property
    def confidence(self) -> float:
        """0 to 1: half of it how steadily it was seen, half how sharp its outlines are."""
        share = self.seen_s / self.open_s if self.open_s > 0 and not self.vehicle else 1.0
        return float(np.clip(0.5 * min(share, 1.0) + 0.5 * self.strength, 0.05, 0.99))

    def feed(self, blob: Blob, look: Look, at: float, step: float) -> None:
        """One look at it, ``step`` seconds after the last."""
        if self.case is None and not same_place(self.first, blob.xyxy):
            # It rests somewhere else now: a bag in the wind, a bird. Its time begins anew.
            self.first = self.xyxy = blob.xyxy
            self.first_seen, self.open_s, self.seen_s, self.veto_s, self.shady_s = at, 0.0, 0.0, 0.0, 0.0
        if not object_like(blob):
            self.veto_s += step
            # Of an announced thing something may be left in the road's memory when it has gone.
            self.empty_s = self.empty_s + step if self._gone(look, changed=False) else 0.0
            return
        self.empty_s = 0.0
        self.seen_s += step
        self.shady_s += step if may_be_shade(blob) else 0.0
        self.last_seen = at
        self.strength += (min(blob.edge_now / SHARP / 2, 1.0) - self.strength) * min(1.0, step / 10)
        self.xyxy = self.xyxy + (blob.xyxy - self.xyxy) * min(1.0, step / 4)

    def still_there(self, look: Look, at: float, step: float, *, changed: bool) -> None:
        """One look at a case from before a restart, whose place has ``changed`` since or not."""
        gone = self._gone(look, changed=changed)
        self.last_seen = self.last_seen if gone or not self._known_by_slopes else at
        self.empty_s = self.empty_s + step if gone else 0.0

    @property
    def _known_by_slopes(self) -> bool:
        case = self.case
        return case is not None and case.slope_now > 0 and case.slope_now >= TELLING * case.slope_then

    def _gone(self, look: Look, *, changed: bool) -> bool:
        """Whether the slopes within its box are nearer to the empty road's than to its own; else ``changed``."""
        case = self.case
        if case is None or not self._known_by_slopes:
            return changed
        return look.slopes(case.xyxy)[0] < (case.slope_now + case.slope_then) / 2

    def proven(self, persistence_s: float, at: float) -> bool:
        """Whether a candidate was seen in one place for long enough, and is seen now."""
        shadow = self.doubtful and self.shady_s > 0.5 * self.seen_s
        least_s = persistence_s + (DOUBT_S if shadow else 0.0)
        if self.last_seen - self.first_seen < least_s or at - self.last_seen > FRESH_S:
            return False
        return at - self.met_at >= WAIT_S and self.seen_s >= max(
            LEAST_SEEN * self.open_s, 0.5 * persistence_s
        )

    @property
    def vanished(self) -> bool:
        """Whether a candidate has been gone for too long."""
        return self.empty_s >= max(WAIT_S, min(0.5 * self.seen_s, PATIENCE_S))

    def disproven(self, persistence_s: float) -> bool:
        """Whether a candidate was light or shadow for most of a long time."""
        return self.veto_s >= max(persistence_s, 10.0) and self.veto_s > self.seen_s

    def due(self, at: float) -> bool:
        """Whether an open case is to be told again: it moved or grew, or it is seen and was told long ago."""
        if self.case is None:
            return False
        moved = bool(np.abs(self.xyxy - self.case.xyxy).max() > 0.5 * longer(self.xyxy))
        return moved or (at - self.told_at >= RECONFIRM_S and at - self.last_seen <= FRESH_S)


def may_be_shade(blob: Blob) -> bool:
    """Darker than the road, without a colour of its own, the road's pattern going on inside."""
    return blob.light < 0 and blob.colour < COLOURLESS and blob.kept > SHADE_KEPT


def object_like(blob: Blob) -> bool:
    """Whether a blob has outlines of its own: neither light nor shadow nor a place where something was taken away."""
    if blob.edge_now < SHARP or blob.edge_now < OUTLINED * blob.edge_then or blob.one_way > ONE_WAY:
        return False
    if blob.alike > ALIKE and blob.edge_then > 0.3 * blob.edge_now:
        return False
    return blob.outline >= DENSE * area(blob.xyxy) or area(blob.xyxy) > LARGE_PX
