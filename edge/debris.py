"""Foreign objects and obstructions on a road: from still blobs to cases; and vehicles that stand on it. Pure.

Rules:
1. *debris* is whatever lies still on the road and was not there, whatever it may be: no list of classes decides.
2. It is seen in one place for ``persistence_s``, is no person, vehicle or cycle and has none on it, has outlines that the road
   had not, and its size in metres is plausible where the ground is known. Shadows, wet patches and light have no such
   outlines, or the road's own pattern inside (`edge.still`).
3. Many that begin together are a change of light or of the camera, not cargo: none of them counts, and they are the road's.
4. *obstruction*: what covers more of the road than cargo does. *stopped_vehicle*: `edge.stopped`.
5. A case is opened once, told again every ``RECONFIRM_S`` and when it moves or grows, and cleared once its place was seen empty
   for ``CLEAR_S``. What hides it, people or darkness, neither confirms nor clears it.
6. Cases that were open before a restart are taken over. The road is then learnt with them lying there, so they are known by
   the slopes within their box: while these are nearer to the object's than to the empty road's, it still lies there.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.boxes import area, common, covered, longer, same_place, together, union
from edge.cases import Box, Case, Kind, Mover, Sight, State
from edge.geometry import points_in_polygon, polygon_area
from edge.still import Blob, Look
from edge.stopped import STOPPED_S, Standing, StoppedWatch

RECONFIRM_S: Final = 600.0
CLEAR_S: Final = 15.0
WAIT_S: Final = 4.0  # a candidate that is not seen for so long, in the open, is forgotten; others may come with it for so long
PATIENCE_S: Final = 12.0  # the longer it was seen, up to this, the longer it may be missed
FRESH_S: Final = 1.5  # it must be seen in the moment in which it is announced
LEAST_SEEN: Final = 0.6  # share of the time in the open for which a candidate must have been seen
SMALLEST_PX: Final = 10.0  # longer side; smaller is noise
SMALLEST_M, LARGEST_M = 0.1, 4.0
LARGE: Final = 0.12  # share of the road from which on it is an obstruction
# A look's marks of light and shadow.
ALIKE: Final = 0.7
ONE_WAY: Final = 0.75  # a thing has two sides, the edge of a large shadow one
OUTLINED: Final = 1.5  # times the slopes that the road had there
SHARP: Final = 0.035  # mean slope along the outline, logarithms a pixel
DENSE: Final = 0.06  # of the box's area at least is outline: not a thin streak of a shadow
# Light changes: so many newcomers at once, or this much of the road.
BURST: Final = 4
FLOOD: Final = 9
BURST_S: Final = 12.0
BURST_SHARE: Final = 0.3
# The light of the whole road changed by so much (natural logarithm) within so many seconds: the sun came or went.
SWING: Final = 0.15
SWING_S: Final = 15.0
SHADE_KEPT: Final = 0.4
COLOURLESS: Final = 0.03  # mean change of the slope of colour along an outline, logarithms a pixel
DOUBT_S: Final = 300.0  # what is dark and colourless and came with such a change must last so much longer
BUSY_SHARE: Final = 0.35  # of the road in the open at least, or nothing can be judged
LEARNT: Final = 0.5  # of the road must be known
HIDDEN: Final = 0.25  # of a place under somebody: nothing is said of it
TELLING: Final = 1.25  # times the empty road's slopes: less tells no object from the road after a restart
STEP_S: Final = 3.0  # a longer gap between two looks counts as this much
MOST: Final = 64


@dataclass(slots=True, eq=False)
class _Known:
    """Something at one place; ``case`` once it was announced; ``standing`` when it is a vehicle."""

    kind: Kind
    xyxy: Box
    first: Box
    first_seen: float
    last_seen: float
    met_at: float = -np.inf
    open_s: float = 0.0
    seen_s: float = 0.0
    empty_s: float = 0.0
    strength: float = 0.0
    veto_s: float = 0.0
    case: Case | None = None
    told_at: float = 0.0
    standing: Standing | None = None
    taken_over: bool = False
    shady_s: float = 0.0  # seen as something darker than the road and without a colour of its own
    doubtful: bool = False  # it came with a change of light

    @property
    def vehicle(self) -> bool:
        """Whether it follows a vehicle (`edge.stopped`) instead of blobs."""
        return self.kind == "stopped_vehicle"


@dataclass(slots=True)
class Verdict:
    """What one look led to: revisions to send, boxes (4,) that the road's memory should take in, and how well it was seen."""

    cases: list[Case] = field(default_factory=list)
    absorb: list[Box] = field(default_factory=list)
    sight: Sight = "clear"


class DebrisWatch:
    """The cases of one road zone. ``polygon`` (M, 2) pixels.

    Args:
        metres_of: the size in metres of something of a box (4,), or None where the ground is not known.
        names: makes a case's name, 16 hex digits; random by default.
    """

    def __init__(
        self,
        polygon: NDArray[np.float64],
        persistence_s: float = 30.0,
        *,
        stopped_s: float = STOPPED_S,
        metres_of: Callable[[Box], float | None] = lambda _: None,
        names: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._polygon, self._persistence_s = polygon, persistence_s
        self._metres_of, self._names = metres_of, names
        self._area = polygon_area(polygon)
        self._stopped = StoppedWatch(polygon, stopped_s)
        self._known: list[_Known] = []
        self._born: list[tuple[float, Box]] = []
        self._unsteady_until = -np.inf
        self._at: float | None = None
        self._light: list[tuple[float, float]] = []

    def take_over(self, cases: Sequence[Case]) -> None:
        """Cases that were open when the box stopped; their times are within this run (and so may be negative)."""
        for case in cases:
            self._known.append(
                _Known(
                    case.kind,
                    case.xyxy,
                    case.xyxy,
                    case.first_seen,
                    case.last_seen,
                    strength=case.confidence,
                    case=case,
                    taken_over=True,
                )
            )

    @property
    def open_cases(self) -> list[Case]:
        """The latest revision of each open case."""
        return [known.case for known in self._known if known.case is not None]

    def observe(self, look: Look, movers: Sequence[Mover], at: float, faint: Sequence[Box] = ()) -> Verdict:
        """One look at the road at ``at`` seconds, and who is on it; ``faint``: boxes (4,) of what may be a vehicle."""
        step = 0.0 if self._at is None else min(max(at - self._at, 0.0), STEP_S)
        self._at = at
        verdict = Verdict()
        self._light = [
            *((t, light) for t, light in self._light if at - t <= SWING_S),
            (at, np.log(max(look.light, 1.0))),
        ]
        if look.dark or look.open_share < BUSY_SHARE:
            verdict.sight = "dark" if look.dark else "busy"
            if not look.dark:
                self._vehicles(movers, faint, at, step, verdict)
            return verdict
        self._vehicles(movers, faint, at, step, verdict)
        hiding = [mover.xyxy for mover in movers]
        blobs = [blob for blob in look.blobs if self._within(blob)]
        taken = self._match(look, blobs, hiding, at, step)
        for number, blob in enumerate(blobs):
            if number not in taken and not any(covered(blob.xyxy, box) > 0.1 for box in hiding):
                self._begin(blob, at)
        if np.ptp([light for _, light in self._light]) > SWING:
            for known in self._known:
                known.doubtful |= known.case is None and at - known.first_seen <= SWING_S
        self._burst(at, verdict)
        self._decide(look, at, verdict)
        if at < self._unsteady_until:
            verdict.sight = "unsteady"
        elif look.learnt < LEARNT:
            verdict.sight = "learning"
        return verdict

    def _within(self, blob: Blob) -> bool:
        middle = blob.xyxy[::2].mean()
        points = np.array([[middle, blob.xyxy[3]], [middle, blob.xyxy[1::2].mean()]])
        return longer(blob.xyxy) >= SMALLEST_PX and bool(points_in_polygon(points, self._polygon).any())

    def _match(
        self, look: Look, blobs: Sequence[Blob], hiding: Sequence[Box], at: float, step: float
    ) -> set[int]:
        """Feed what is known from the blobs; numbers of the blobs used. Several blobs may be parts of one thing."""
        taken: set[int] = set()
        for known in self._known:
            if known.vehicle:
                continue
            own = [n for n, blob in enumerate(blobs) if together(known.xyxy, blob.xyxy)]
            taken.update(own)
            if max((covered(known.xyxy, box) for box in hiding), default=0.0) > HIDDEN:
                continue
            known.open_s += step
            if known.taken_over:
                self._still_there(known, look, bool(own), at, step)
            elif own:
                self._feed(known, max((blobs[n] for n in own), key=lambda blob: blob.area), at, step)
            else:
                known.empty_s += step
        return taken

    def _feed(self, known: _Known, blob: Blob, at: float, step: float) -> None:
        if known.case is None and not same_place(known.first, blob.xyxy):
            # It rests somewhere else now: a bag in the wind, a bird. Its time begins anew.
            known.first = known.xyxy = blob.xyxy
            known.first_seen, known.open_s, known.seen_s, known.veto_s, known.shady_s = at, 0.0, 0.0, 0.0, 0.0
        good = _object_like(blob)
        known.empty_s = 0.0
        known.seen_s += step if good else 0.0
        known.veto_s += 0.0 if good else step
        known.shady_s += step if _may_be_shade(blob) else 0.0
        known.last_seen = at if good else known.last_seen
        known.strength += (min(blob.edge_now / SHARP / 2, 1.0) - known.strength) * min(1.0, step / 10)
        known.xyxy = known.xyxy + (blob.xyxy - known.xyxy) * min(1.0, step / 4)

    def _still_there(self, known: _Known, look: Look, changed: bool, at: float, step: float) -> None:
        """Rule 6."""
        case = known.case
        if case is None or case.slope_now < TELLING * case.slope_then or case.slope_now <= 0:
            gone = changed
        else:
            gone = look.slopes(known.xyxy)[0] < (case.slope_now + case.slope_then) / 2
            known.last_seen = known.last_seen if gone else at
        known.empty_s = known.empty_s + step if gone else 0.0

    def _begin(self, blob: Blob, at: float) -> None:
        good = blob.since_s if _object_like(blob) else 0.0
        if len(self._known) < MOST:
            self._known.append(
                _Known(
                    "debris",
                    blob.xyxy,
                    blob.xyxy,
                    at - blob.since_s,
                    at,
                    met_at=at,
                    open_s=blob.since_s,
                    seen_s=good,
                    veto_s=blob.since_s - good,
                )
            )
        # One place that comes again and again is one newcomer.
        if not any(same_place(blob.xyxy, box) for _, box in self._born):
            self._born.append((at, blob.xyxy))

    def _burst(self, at: float, verdict: Verdict) -> None:
        """Rule 3: what looks like light is the road's at once; of what has outlines nothing is said until it is steady again."""
        self._born = [(born, box) for born, box in self._born if at - born <= BURST_S]
        young = [known for known in self._known if known.case is None and not known.vehicle]
        fresh = sum(area(known.xyxy) for known in young if at - known.first_seen < 60)
        flood = len(self._born) >= FLOOD or fresh > BURST_SHARE * self._area
        if flood or len(self._born) >= BURST:
            self._unsteady_until = at + BURST_S
            dropped = [known for known in young if flood or known.veto_s >= known.seen_s]
            verdict.absorb += [known.xyxy for known in dropped]
            self._known = [known for known in self._known if known not in dropped]

    def _decide(self, look: Look, at: float, verdict: Verdict) -> None:
        for known in [known for known in self._known if not known.vehicle]:
            if self._over(known, at, verdict):
                self._known.remove(known)
            elif known.case is None and at >= self._unsteady_until and self._believed(known, at):
                if self._joined(known):
                    continue
                known.kind = "obstruction" if area(known.xyxy) > LARGE * self._area else "debris"
                self._tell(known, "open", at, verdict, look)
            elif known.case is not None:
                self._again(known, at, verdict)
        self._merge(at, verdict)

    def _joined(self, known: _Known) -> bool:
        """Whether a candidate is a part of something that was announced: it goes on as that."""
        for other in self._known:
            if other.case is not None and not other.vehicle and common(other.xyxy, known.xyxy) > 0:
                other.xyxy = union(other.xyxy, known.xyxy)
                self._known.remove(known)
                return True
        return False

    def _again(self, known: _Known, at: float, verdict: Verdict) -> None:
        """Confirm at intervals, and when it moved or grew."""
        told = known.case
        if told is None:
            return
        moved = np.abs(known.xyxy - told.xyxy).max() > 0.5 * longer(known.xyxy)
        if moved or (at - known.told_at >= RECONFIRM_S and at - known.last_seen <= FRESH_S):
            self._tell(known, "updated", at, verdict)

    def _over(self, known: _Known, at: float, verdict: Verdict) -> bool:
        """Whether something is no longer there, or was none; tells so where it was announced."""
        if known.case is not None:
            if known.empty_s < CLEAR_S:
                return False
            if known.taken_over:
                verdict.absorb.append(known.xyxy)
            self._tell(known, "cleared", at, verdict)
            return True
        if known.empty_s >= max(WAIT_S, min(0.5 * known.seen_s, PATIENCE_S)):
            return True
        if known.veto_s >= max(self._persistence_s, 10.0) and known.veto_s > known.seen_s:
            verdict.absorb.append(known.xyxy)
            return True
        return False

    def _believed(self, known: _Known, at: float) -> bool:
        """Rule 2: seen in one place, and until now."""
        shadow = known.doubtful and known.shady_s > 0.5 * known.seen_s
        least_s = self._persistence_s + (DOUBT_S if shadow else 0.0)
        if known.last_seen - known.first_seen < least_s or at - known.last_seen > FRESH_S:
            return False
        if at - known.met_at < WAIT_S or known.seen_s < max(
            LEAST_SEEN * known.open_s, 0.5 * self._persistence_s
        ):
            return False
        size = self._metres_of(known.xyxy)
        return size is None or SMALLEST_M <= size <= LARGEST_M or area(known.xyxy) > LARGE * self._area

    def _vehicles(
        self, movers: Sequence[Mover], faint: Sequence[Box], at: float, step: float, verdict: Verdict
    ) -> None:
        """Rule 4."""
        self._stopped.observe(movers, faint, at, step)
        stopped = self._stopped.stopped(at)
        for known in [known for known in self._known if known.vehicle]:
            if known.standing not in stopped:
                known.standing = next((s for s in stopped if covered(known.xyxy, s.xyxy) > 0.5), None)
            if known.standing is not None:
                known.taken_over, known.empty_s = False, 0.0
                known.last_seen, known.xyxy = known.standing.seen_at, known.standing.xyxy
                stopped.remove(known.standing)
                self._again(known, at, verdict)
                continue
            if not any(covered(known.xyxy, mover.xyxy) > HIDDEN for mover in movers):
                known.empty_s += step
            # A vehicle that drove on is told at once; one from before a restart may not have been found yet.
            if known.empty_s >= (CLEAR_S if known.taken_over else 1.0):
                self._tell(known, "cleared", at, verdict)
                self._known.remove(known)
        for new in stopped:
            known = _Known(
                "stopped_vehicle", new.xyxy, new.xyxy, new.since, new.seen_at, strength=1.0, standing=new
            )
            self._known.append(known)
            self._tell(known, "open", at, verdict)

    def _merge(self, at: float, verdict: Verdict) -> None:
        """Two open cases that are one thing: the older goes on."""
        announced = [known for known in self._known if known.case and not known.vehicle]
        announced.sort(key=lambda known: known.first_seen)
        for number, older in enumerate(announced):
            for younger in announced[number + 1 :]:
                if younger in self._known and older in self._known and common(older.xyxy, younger.xyxy) > 0:
                    older.xyxy = union(older.xyxy, younger.xyxy)
                    self._tell(younger, "cleared", at, verdict)
                    self._known.remove(younger)

    def _tell(
        self, known: _Known, state: State, at: float, verdict: Verdict, look: Look | None = None
    ) -> None:
        told = known.case
        share = known.seen_s / known.open_s if known.open_s > 0 and not known.vehicle else 1.0
        slopes = (0.0, 0.0) if look is None else look.slopes(known.xyxy)
        if told is not None:
            slopes = told.slope_now, told.slope_then
        known.case = Case(
            self._names() if told is None else told.case,
            1 if told is None else told.revision + 1,
            known.kind,
            state,
            known.xyxy.copy(),
            known.first_seen,
            known.last_seen,
            float(np.clip(0.5 * min(share, 1.0) + 0.5 * known.strength, 0.05, 0.99)),
            *slopes,
        )
        known.told_at = at
        verdict.cases.append(known.case)


def _may_be_shade(blob: Blob) -> bool:
    """Darker than the road, without a colour of its own, the road's pattern going on inside."""
    return blob.light < 0 and blob.colour < COLOURLESS and blob.kept > SHADE_KEPT


def _object_like(blob: Blob) -> bool:
    """Whether a blob has outlines of its own: neither light nor shadow nor a place where something was taken away."""
    if blob.edge_now < SHARP or blob.edge_now < OUTLINED * blob.edge_then:
        return False
    if blob.one_way > ONE_WAY:
        return False
    if blob.alike > ALIKE and blob.edge_then > 0.3 * blob.edge_now:
        return False
    return blob.outline >= DENSE * area(blob.xyxy) or area(blob.xyxy) > 2500
