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

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.boxes import area, common, covered, longer, together, union
from edge.cases import Box, Case, Mover, Sight, State
from edge.foreign import CLEAR_S, Known
from edge.geometry import points_in_polygon, polygon_area
from edge.steadiness import Steadiness
from edge.still import Blob, Look
from edge.stopped import STOPPED_S, StoppedWatch

SMALLEST_PX: Final = 10.0  # longer side; smaller is noise
SMALLEST_M, LARGEST_M = 0.1, 4.0
LARGE: Final = 0.12  # share of the road from which on it is an obstruction
BUSY_SHARE: Final = 0.35  # of the road in the open at least, or nothing can be judged
LEARNT: Final = 0.5  # of the road must be known
HIDDEN: Final = 0.25  # of a place under somebody: nothing is said of it
TOUCHED: Final = 0.1  # of a blob under somebody: it begins nothing
STEP_S: Final = 3.0  # a longer gap between two looks counts as this much
MOST: Final = 64


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
        names: makes a case's name, 16 hex digits.
    """

    def __init__(
        self,
        polygon: NDArray[np.float64],
        persistence_s: float = 30.0,
        *,
        stopped_s: float = STOPPED_S,
        metres_of: Callable[[Box], float | None] = lambda _: None,
        names: Callable[[], str],
    ) -> None:
        self._polygon, self._persistence_s = polygon, persistence_s
        self._metres_of, self._names = metres_of, names
        self._area = polygon_area(polygon)
        self._steady = Steadiness(self._area)
        self._stopped = StoppedWatch(polygon, stopped_s)
        self._known: list[Known] = []
        self._at: float | None = None

    def take_over(self, cases: Sequence[Case]) -> None:
        """Cases that were open when the box stopped; their times are within this run (and so may be negative)."""
        self._known += [Known.over_a_restart(case) for case in cases]

    @property
    def open_cases(self) -> list[Case]:
        """The latest revision of each open case."""
        return [known.case for known in self._known if known.case is not None]

    def observe(self, look: Look, movers: Sequence[Mover], at: float, faint: Sequence[Box] = ()) -> Verdict:
        """One look at the road at ``at`` seconds, and who is on it; ``faint``: boxes (4,) of what may be a vehicle."""
        step = 0.0 if self._at is None else min(max(at - self._at, 0.0), STEP_S)
        self._at = at
        verdict = Verdict()
        self._steady.light(look.light, at)
        if look.dark:
            verdict.sight = "dark"
            return verdict
        self._vehicles(movers, faint, at, step, verdict)
        if look.open_share < BUSY_SHARE:
            verdict.sight = "busy"
            return verdict
        hiding = [mover.xyxy for mover in movers]
        blobs = [blob for blob in look.blobs if self._within(blob)]
        taken = self._match(look, blobs, hiding, at, step)
        for number, blob in enumerate(blobs):
            if number not in taken and not any(covered(blob.xyxy, box) > TOUCHED for box in hiding):
                self._begin(blob, at)
        young = [known for known in self._known if known.case is None and not known.vehicle]
        self._give_up(self._steady.judge(young, at), verdict)
        self._decide(look, at, verdict)
        if at < self._steady.unsteady_until:
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
        for known in [known for known in self._known if not known.vehicle]:
            own = [n for n, blob in enumerate(blobs) if together(known.xyxy, blob.xyxy)]
            taken.update(own)
            if max((covered(known.xyxy, box) for box in hiding), default=0.0) > HIDDEN:
                continue
            known.open_s += step
            if known.taken_over:
                known.still_there(look, at, step, changed=bool(own))
            elif own:
                known.feed(max((blobs[n] for n in own), key=lambda blob: blob.area), look, at, step)
            else:
                known.empty_s += step
        return taken

    def _begin(self, blob: Blob, at: float) -> None:
        if len(self._known) < MOST:
            self._known.append(Known.met(blob, at))
        self._steady.newcomer(blob.xyxy, at)

    def _give_up(self, known: Sequence[Known], verdict: Verdict) -> None:
        """They are the road's."""
        verdict.absorb += [one.xyxy for one in known]
        self._known = [one for one in self._known if one not in known]

    def _decide(self, look: Look, at: float, verdict: Verdict) -> None:
        for known in [known for known in self._known if not known.vehicle]:
            if known.case is not None:
                if known.empty_s >= CLEAR_S:
                    self._end(known, at, verdict)
                elif known.due(at):
                    self._tell(known, "updated", at, verdict)
            elif known.vanished:
                self._known.remove(known)
            elif known.disproven(self._persistence_s):
                self._give_up([known], verdict)
            elif at >= self._steady.unsteady_until and self._believed(known, at) and not self._joined(known):
                known.kind = "obstruction" if area(known.xyxy) > LARGE * self._area else "debris"
                self._tell(known, "open", at, verdict, look)
        self._merge(at, verdict)

    def _believed(self, known: Known, at: float) -> bool:
        """Rule 2."""
        if not known.proven(self._persistence_s, at):
            return False
        size = self._metres_of(known.xyxy)
        return size is None or SMALLEST_M <= size <= LARGEST_M or area(known.xyxy) > LARGE * self._area

    def _joined(self, known: Known) -> bool:
        """Whether a candidate is a part of something that was announced: it goes on as that."""
        for other in self._known:
            if other.case is not None and not other.vehicle and common(other.xyxy, known.xyxy) > 0:
                other.xyxy = union(other.xyxy, known.xyxy)
                self._known.remove(known)
                return True
        return False

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
                if known.due(at):
                    self._tell(known, "updated", at, verdict)
                continue
            if not any(covered(known.xyxy, mover.xyxy) > HIDDEN for mover in movers):
                known.empty_s += step
            # A vehicle that drove on is told at once; one from before a restart may not have been found yet.
            if known.empty_s >= (CLEAR_S if known.taken_over else 1.0):
                self._end(known, at, verdict)
        for new in stopped:
            self._known.append(Known.vehicle_of(new))
            self._tell(self._known[-1], "open", at, verdict)

    def _end(self, known: Known, at: float, verdict: Verdict) -> None:
        """Clear a case; the road that was learnt with it lying there takes in what is there now."""
        if known.taken_over:
            verdict.absorb.append(known.xyxy)
        self._tell(known, "cleared", at, verdict)
        self._known.remove(known)

    def _tell(
        self, known: Known, state: State, at: float, verdict: Verdict, look: Look | None = None
    ) -> None:
        told = known.case
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
            known.confidence,
            *slopes,
        )
        known.told_at = at
        verdict.cases.append(known.case)
