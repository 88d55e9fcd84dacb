"""Foreign objects, stopped vehicles and obstructions on a road: from still blobs and tracks to cases. Pure.

Rules:
1. *debris* is whatever lies still on the road and was not there, whatever it may be: no list of classes decides.
2. It stays put for ``persistence_s``, is no person, vehicle or cycle and has none on it, has outlines that the road had not,
   and its size in metres is plausible where the ground is known. Shadows, wet patches and light have no such outlines, or the
   road's own pattern inside (`edge.still`).
3. Many that begin together are a change of light or of the camera, not cargo: none of them counts, and they are the road's.
4. *stopped_vehicle*: a vehicle that stands on the lane for ``stopped_s``. *obstruction*: what covers more of the zone than cargo.
5. A case is opened once, told again every ``RECONFIRM_S`` and when it changes, and cleared once its place was seen empty for
   ``CLEAR_S``. What hides it, people or darkness, neither confirms nor clears it.
6. Cases that were open before a restart are taken over: their place is not announced again, and is cleared when it changes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edge.geometry import points_in_polygon
from edge.still import Blob, Look

Kind = Literal["debris", "stopped_vehicle", "obstruction"]
State = Literal["open", "updated", "cleared"]
Box = NDArray[np.float64]

RECONFIRM_S: Final = 600.0
CLEAR_S: Final = 20.0
STOPPED_S: Final = 60.0
WAIT_S: Final = 6.0  # a candidate that is not seen for so long, in the open, is forgotten
LEAST_SEEN: Final = 0.6  # share of the time in the open for which a candidate must have been seen
SMALLEST_PX: Final = 10.0  # longer side; smaller is noise
SMALLEST_M, LARGEST_M = 0.1, 4.0
LARGE: Final = 0.12  # share of the zone from which on it is an obstruction
# A look's marks of light and shadow.
ALIKE: Final = 0.7
OUTLINED: Final = 1.5  # times the slopes that the road had there
SHARP: Final = 0.035  # mean slope along the outline, logarithms a pixel
DENSE: Final = 0.06  # of the box's area at least is outline: not a thin streak of a shadow
# Light changes: so many newcomers at once, or this much of the road.
BURST: Final = 4
BURST_S: Final = 12.0
NEAR: Final = 0.6  # of the box's size: how far it may be from where it was
BUSY_SHARE: Final = 0.35  # of the road in the open at least, or nothing can be judged


@dataclass(frozen=True, slots=True, eq=False)
class Mover:
    """A person or vehicle of this frame: its box (4,), pixels; whether it is a vehicle; since when it has stood still, or None."""

    xyxy: Box
    vehicle: bool
    still_since: float | None
    track_id: int


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One revision of one case; ``xyxy`` (4,) pixels; times are seconds within the run."""

    case: str
    revision: int
    kind: Kind
    state: State
    xyxy: Box
    first_seen: float
    last_seen: float
    confidence: float


@dataclass(slots=True, eq=False)
class _Candidate:
    """Something at one place; ``case`` once it was announced."""

    kind: Kind
    xyxy: Box
    first_seen: float
    last_seen: float
    open_s: float = 0.0
    seen_s: float = 0.0
    empty_s: float = 0.0
    strength: float = 0.0
    veto_s: float = 0.0
    case: Case | None = None
    told_at: float = 0.0
    track_id: int | None = None
    taken_over: bool = False


@dataclass(slots=True)
class Verdict:
    """What one look led to: revisions to send, and boxes (4,) that the road's memory should take in."""

    cases: list[Case] = field(default_factory=list)
    absorb: list[Box] = field(default_factory=list)
    sight: Literal["clear", "dark", "busy", "unsteady"] = "clear"


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
        self._polygon, self._persistence_s, self._stopped_s = polygon, persistence_s, stopped_s
        self._metres_of, self._names = metres_of, names
        self._area = _area(polygon)
        self._known: list[_Candidate] = []
        self._born: list[float] = []
        self._unsteady_until = -np.inf
        self._at: float | None = None

    def take_over(self, cases: Sequence[Case]) -> None:
        """Cases that were open when the box stopped; their times are within this run (and so may be negative)."""
        for case in cases:
            self._known.append(
                _Candidate(case.kind, case.xyxy, case.first_seen, case.last_seen, case=case, taken_over=True)
            )

    @property
    def open_cases(self) -> list[Case]:
        """The latest revision of each open case."""
        return [known.case for known in self._known if known.case is not None]

    def observe(self, look: Look, movers: Sequence[Mover], at: float) -> Verdict:
        """One look at the road at ``at`` seconds, and who is on it."""
        step = 0.0 if self._at is None else min(at - self._at, 3.0)
        self._at = at
        verdict = Verdict()
        self._vehicles(movers, at, step, verdict)
        if look.dark or look.open_share < BUSY_SHARE:
            verdict.sight = "dark" if look.dark else "busy"
            return verdict
        blobs = [blob for blob in look.blobs if self._within(blob)]
        hiding = [mover.xyxy for mover in movers]
        taken = self._match(blobs, hiding, at, step)
        for number, blob in enumerate(blobs):
            if number not in taken and not any(_share(blob.xyxy, box) > 0.1 for box in hiding):
                self._begin(blob, at)
        self._burst(at, verdict)
        if at < self._unsteady_until:
            verdict.sight = "unsteady"
        self._decide(at, verdict)
        return verdict

    def _within(self, blob: Blob) -> bool:
        foot = np.array([[blob.xyxy[::2].mean(), blob.xyxy[3]], [blob.xyxy[::2].mean(), blob.xyxy[1::2].mean()]])
        return bool(points_in_polygon(foot, self._polygon).any()) and bool((blob.xyxy[2:] - blob.xyxy[:2]).max() >= SMALLEST_PX)

    def _match(self, blobs: Sequence[Blob], hiding: Sequence[Box], at: float, step: float) -> set[int]:
        """Feed what is known from the blobs; numbers of the blobs used. Several blobs may be parts of one thing."""
        taken: set[int] = set()
        for known in self._known:
            if known.kind == "stopped_vehicle":
                continue
            hidden = max((_share(known.xyxy, box) for box in hiding), default=0.0) > 0.25
            own = [n for n, blob in enumerate(blobs) if _belongs(known.xyxy, blob.xyxy)]
            if hidden:
                taken.update(own)
                continue
            known.open_s += step
            if not own:
                known.empty_s += step
                continue
            taken.update(own)
            best = max((blobs[n] for n in own), key=lambda blob: blob.area)
            if known.taken_over:
                # The road was learnt with it lying there: a change of its place means that it went.
                known.seen_s += step
                continue
            good = _object_like(best)
            known.empty_s = 0.0
            known.seen_s += step if good else 0.0
            known.veto_s += 0.0 if good else step
            known.last_seen = at if good else known.last_seen
            known.strength += (min(best.edge_now / SHARP / 2, 1.0) - known.strength) * min(1.0, step / 10)
            known.xyxy = known.xyxy + (best.xyxy - known.xyxy) * min(1.0, step / 4)
        return taken

    def _begin(self, blob: Blob, at: float) -> None:
        self._known.append(_Candidate("debris", blob.xyxy, at - blob.since_s, at, open_s=blob.since_s, seen_s=blob.since_s if _object_like(blob) else 0.0, veto_s=0.0 if _object_like(blob) else blob.since_s))
        self._born.append(at)

    def _burst(self, at: float, verdict: Verdict) -> None:
        """Many newcomers at once are light: they belong to the road."""
        self._born = [born for born in self._born if at - born <= BURST_S]
        area = sum(_area_of(k.xyxy) for k in self._known if k.case is None and at - k.first_seen < 60)
        if len(self._born) >= BURST or area > 0.3 * self._area:
            self._unsteady_until = at + BURST_S
        if at < self._unsteady_until:
            young = [known for known in self._known if known.case is None and known.kind != "stopped_vehicle"]
            verdict.absorb += [known.xyxy for known in young]
            self._known = [known for known in self._known if known.case is not None or known.kind == "stopped_vehicle"]

    def _decide(self, at: float, verdict: Verdict) -> None:
        keep = []
        for known in self._known:
            if known.kind != "stopped_vehicle" and self._over(known, at, verdict):
                continue
            keep.append(known)
            if known.kind == "stopped_vehicle":
                continue
            if known.case is None and at - known.first_seen >= self._persistence_s and self._believed(known):
                known.kind = "obstruction" if _area_of(known.xyxy) > LARGE * self._area else "debris"
                self._tell(known, "open", at, verdict)
            elif known.case is not None and not known.taken_over:
                moved = np.abs(known.xyxy - known.case.xyxy).max() > NEAR * (known.xyxy[2:] - known.xyxy[:2]).max()
                if at - known.told_at >= RECONFIRM_S and known.last_seen > known.told_at or moved:
                    self._tell(known, "updated", at, verdict)
        self._known = keep
        self._merge(at, verdict)

    def _over(self, known: _Candidate, at: float, verdict: Verdict) -> bool:
        """Whether something is no longer there, or was none; tells so where it was announced."""
        if known.taken_over:
            if known.seen_s < CLEAR_S:
                return False
            verdict.absorb.append(known.xyxy)
            self._tell(known, "cleared", at, verdict)
            return True
        if known.empty_s >= (CLEAR_S if known.case is not None else WAIT_S):
            if known.case is not None:
                self._tell(known, "cleared", at, verdict)
            return True
        if known.case is None and known.veto_s >= max(self._persistence_s, 10.0) and known.veto_s > known.seen_s:
            verdict.absorb.append(known.xyxy)
            return True
        return False

    def _believed(self, known: _Candidate) -> bool:
        if known.seen_s < LEAST_SEEN * max(known.open_s, 1e-6) or known.seen_s < 0.5 * self._persistence_s:
            return False
        size = self._metres_of(known.xyxy)
        return size is None or SMALLEST_M <= size <= LARGEST_M or _area_of(known.xyxy) > LARGE * self._area

    def _vehicles(self, movers: Sequence[Mover], at: float, step: float, verdict: Verdict) -> None:
        """Vehicles that stand on the lane: cases of their own, by their track."""
        standing = {
            mover.track_id: mover
            for mover in movers
            if mover.vehicle and mover.still_since is not None and self._on_lane(mover.xyxy)
        }
        for known in [k for k in self._known if k.kind == "stopped_vehicle"]:
            mover = standing.pop(known.track_id, None) if known.track_id is not None else None
            mover = mover or next((m for m in standing.values() if _share(known.xyxy, m.xyxy) > 0.5), None)
            if mover is not None:
                standing.pop(mover.track_id, None)
                known.last_seen, known.empty_s, known.xyxy = at, 0.0, mover.xyxy
                known.track_id = mover.track_id
            elif not any(_share(known.xyxy, other.xyxy) > 0.5 for other in movers):
                known.empty_s += step
            if known.empty_s >= CLEAR_S / 2:
                if known.case is not None:
                    self._tell(known, "cleared", at, verdict)
                self._known.remove(known)
            elif known.case is None and at - known.first_seen >= self._stopped_s:
                known.strength = 1.0
                self._tell(known, "open", at, verdict)
            elif known.case is not None and at - known.told_at >= RECONFIRM_S:
                self._tell(known, "updated", at, verdict)
        for mover in standing.values():
            since = at if mover.still_since is None else mover.still_since
            self._known.append(_Candidate("stopped_vehicle", mover.xyxy, since, at, track_id=mover.track_id))

    def _on_lane(self, box: Box) -> bool:
        foot = np.array([[box[::2].mean(), box[3] - 0.1 * (box[3] - box[1])]])
        return bool(points_in_polygon(foot, self._polygon)[0])

    def _merge(self, at: float, verdict: Verdict) -> None:
        """Two open cases that are one thing: the older goes on."""
        open_ = sorted((k for k in self._known if k.case and k.kind != "stopped_vehicle"), key=lambda k: k.first_seen)
        for number, older in enumerate(open_):
            for younger in open_[number + 1 :]:
                if younger in self._known and _belongs(older.xyxy, younger.xyxy):
                    older.xyxy = _union(older.xyxy, younger.xyxy)
                    self._tell(younger, "cleared", at, verdict)
                    self._known.remove(younger)

    def _tell(self, known: _Candidate, state: State, at: float, verdict: Verdict) -> None:
        if known.case is None:
            name, revision = self._names(), 1
        else:
            name, revision = known.case.case, known.case.revision + 1
        share = known.seen_s / max(known.open_s, 1e-6) if known.kind != "stopped_vehicle" else 1.0
        confidence = float(np.clip(0.5 * min(share, 1.0) + 0.5 * known.strength, 0.05, 0.99))
        known.case = Case(name, revision, known.kind, state, known.xyxy.copy(), known.first_seen, known.last_seen, confidence)
        known.told_at = at
        verdict.cases.append(known.case)


def _object_like(blob: Blob) -> bool:
    """Whether a blob has outlines of its own: neither light nor shadow nor a place where something was taken away."""
    if blob.edge_now < SHARP or blob.edge_now < OUTLINED * blob.edge_then:
        return False
    if blob.alike > ALIKE and blob.edge_then > 0.3 * blob.edge_now:
        return False
    return blob.outline >= DENSE * _area_of(blob.xyxy) or _area_of(blob.xyxy) > 2500


def _area(polygon: NDArray[np.float64]) -> float:
    x, y = polygon[:, 0], polygon[:, 1]
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def _area_of(box: Box) -> float:
    return float(max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0))


def _common(a: Box, b: Box) -> float:
    return _area_of(np.concatenate([np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])])) if (np.minimum(a[2:], b[2:]) > np.maximum(a[:2], b[:2])).all() else 0.0


def _share(box: Box, by: Box) -> float:
    """The share of a box that another covers."""
    return _common(box, by) / max(_area_of(box), 1e-6)


def _belongs(known: Box, blob: Box) -> bool:
    """Whether a blob is, or is a part of, what is known there."""
    size = max(float((known[2:] - known[:2]).max()), float((blob[2:] - blob[:2]).max()), 1.0)
    away = np.maximum(0.0, np.maximum(known[:2] - blob[2:], blob[:2] - known[2:]))
    return float(np.hypot(*away)) <= 0.25 * size and (
        _common(known, blob) > 0 or float(np.hypot(*((known[:2] + known[2:] - blob[:2] - blob[2:]) / 2))) <= NEAR * size
    )


def _union(a: Box, b: Box) -> Box:
    return np.concatenate([np.minimum(a[:2], b[:2]), np.maximum(a[2:], b[2:])])


__all__ = ["Case", "DebrisWatch", "Mover", "Verdict", "replace"]
