"""Bays: a state machine for each, fed by detections, independent of tracks.

1. A bay becomes occupied after ``OCCUPY_S`` of evidence and free after ``FREE_S`` > ``OCCUPY_S`` without any.
2. A car has arrived when it came to rest and departed when it left its place: both are dated back to that moment,
   but no further than ``BACK_S``, since what lies behind may be closed already.
3. While something larger hides a bay, nothing is learnt about it and its state is held.
4. Evidence is weighed in seconds, so that half a frame a second decides like twenty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from contract.names import CLASSES, VEHICLES
from edge.geometry import clip_to_box, iou_matrix, polygon_area
from edge.presence import HOLD_S, Span
from edge.records import Detections

OCCUPY_S = 3.0
FREE_S = 6.0
BACK_S = 20.0
# A car stands on the lower part of its box; the rest is its height, which leans over the bays behind.
FOOTPRINT = 0.8
# Overlap of footprint and bay (IoU) from which a box may be the car of a bay.
MATCH = 0.15
# This share of a bay under another box hides it.
HIDDEN = 0.55
# A detection weaker than the configured confidence is evidence too, for half its time: who drew a bay said that cars
# stand there. On 65 pictures of real lots that finds three of four cars missed otherwise (`bench.counts --set parking`).
WEAK_WEIGHT = 0.5
# A car is at rest while its box keeps this IoU with the one where it stands; jitter of a detector stays above it.
AT_REST = 0.7
REST_S = 1.0  # and for this long, before it has arrived
FOLLOW_S = 5.0  # how slowly the place follows the boxes: who parks anew within the bay has not left
MOVED_IN = 0.5  # a first box that overlaps the place of rest by less than this was seen coming

_VEHICLE_IDS = tuple(CLASSES.index(name) for name in VEHICLES)

Box = NDArray[np.float64]
Kind = Literal["car", "weak", "hidden", "nothing"]


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What a bay shows in one frame; ``box`` (4,) pixels of the vehicle in it, if there is one."""

    kind: Kind
    box: Box | None = None


@dataclass(slots=True, eq=False)
class Stay:
    """One vehicle in one bay: [start, end) seconds; ``arrived`` when its coming was seen."""

    start: float
    arrived: bool
    end: float = float("inf")
    departed: bool = False


@dataclass(slots=True)
class _Bay:
    polygon: NDArray[np.float64]
    area: float
    stays: list[Stay] = field(default_factory=list)
    occupied: bool | None = None  # None: not decided yet
    first_at: float | None = None
    against_s: float = 0.0  # evidence against the present state
    empty: bool = False  # the last look at an occupied bay showed no car
    trail: list[tuple[float, Box]] = field(
        default_factory=list
    )  # the boxes that speak for a car in a free bay
    place: Box | None = None  # where the car of an occupied bay stands
    left_at: float | None = None  # not seen there since
    vehicles: int = 0

    @property
    def last(self) -> Stay | None:
        return self.stays[-1] if self.stays else None

    def take(self, place: Box) -> None:
        """A car stands there."""
        self.occupied, self.place, self.left_at, self.empty = True, place, None, False
        self.vehicles += 1
        self.against_s, self.trail = 0.0, []

    def free(self) -> None:
        """Nothing stands there."""
        self.occupied, self.place, self.left_at, self.against_s = False, None, None, 0.0


class BayWatch:
    """The drawn bays of one parking zone; polygons (M, 2) in pixels by name."""

    def __init__(self, bays: dict[str, NDArray[np.float64]], confidence: float) -> None:
        self._bays = {name: _Bay(polygon, polygon_area(polygon)) for name, polygon in bays.items()}
        self._confidence = confidence
        self._last_at: float | None = None

    def __len__(self) -> int:
        return len(self._bays)

    @property
    def settled(self) -> bool:
        """Whether every bay is decided and nothing speaks against its state."""
        return all(
            bay.occupied is not None and bay.against_s == 0.0 and not bay.empty and bay.left_at is None
            for bay in self._bays.values()
            if bay.first_at is not None
        )

    def observe(self, detections: Detections, at: float) -> None:
        """One frame. Detections may be weaker than the configured confidence: those weigh less."""
        looks = self._looks(detections)
        step_s = 0.0 if self._last_at is None else min(at - self._last_at, HOLD_S)
        for bay, look in zip(self._bays.values(), looks, strict=True):
            _update(bay, look, at, step_s)
        self._last_at = at

    def finish(self, at: float) -> None:
        """Nothing is seen from ``at`` on: stays end there, unseen."""
        for bay in self._bays.values():
            if bay.last is not None:
                bay.last.end = min(bay.last.end, at)

    def restart(self, at: float) -> None:
        """The view has changed: stays end at ``at``, unseen, and the next looks decide anew what stands in the bays."""
        self.finish(at)
        for bay in self._bays.values():
            bay.free()
            bay.occupied, bay.first_at, bay.empty, bay.trail = None, None, False, []
        self._last_at = None

    def stays(self) -> list[Stay]:
        """All stays not forgotten yet."""
        return [stay for bay in self._bays.values() for stay in bay.stays]

    def by_bay(self) -> dict[str, tuple[Stay, ...]]:
        """The stays not forgotten yet, by bay."""
        return {name: tuple(bay.stays) for name, bay in self._bays.items()}

    @property
    def vehicles(self) -> int:
        """How many different vehicles stood in the bays since the start; by ``len(self)`` it is the turnover."""
        return sum(bay.vehicles for bay in self._bays.values())

    def spans(self) -> list[Span]:
        """The stays as spans of time."""
        return [(stay.start, stay.end) for stay in self.stays()]

    def forget(self, before: float) -> None:
        """Drop stays that ended before an instant."""
        for bay in self._bays.values():
            bay.stays = [stay for stay in bay.stays if stay.end >= before]

    def occupied(self) -> dict[str, bool]:
        """The present state by bay (for the preview)."""
        return {name: bool(bay.occupied) for name, bay in self._bays.items()}

    def _looks(self, detections: Detections) -> list[_Look]:
        """What each bay shows in this frame; a vehicle stands in at most one bay."""
        vehicles = detections.where(np.isin(detections.class_id, _VEHICLE_IDS))
        boxes = vehicles.xyxy.astype(np.float64)
        footprints = boxes.copy()
        footprints[:, 1] += (1 - FOOTPRINT) * (footprints[:, 3] - footprints[:, 1])
        overlap = np.array([[_iou(bay, box) for box in footprints] for bay in self._bays.values()])
        found = [_Look("nothing")] * len(self._bays)
        owner = np.full(len(footprints), -1)
        while overlap.size and overlap.max() >= MATCH:
            row, column = divmod(int(overlap.argmax()), overlap.shape[1])
            strong = vehicles.confidence[column] >= self._confidence
            found[row] = _Look("car" if strong else "weak", boxes[column])
            owner[column] = row
            overlap[row], overlap[:, column] = 0.0, 0.0
        others = detections.where(~np.isin(detections.class_id, _VEHICLE_IDS)).xyxy
        for place, bay in enumerate(self._bays.values()):
            if found[place].kind == "nothing":
                around = np.concatenate([vehicles.xyxy[owner != place], others])
                if _hidden_share(bay, around) >= HIDDEN:
                    found[place] = _Look("hidden")
        return found


def _update(bay: _Bay, look: _Look, at: float, step_s: float) -> None:
    if look.kind == "hidden":
        return
    if bay.first_at is None:
        bay.first_at = at
    if bay.occupied:
        _update_occupied(bay, look, at, step_s)
    else:
        _update_free(bay, look, at, step_s)


def _update_occupied(bay: _Bay, look: _Look, at: float, step_s: float) -> None:
    """Free it after ``FREE_S`` without a car; the car left when it was last seen at its place."""
    if look.box is not None:
        # A detector misses cars far more often than it invents them: a sight of one takes twice its time away.
        bay.against_s = max(0.0, bay.against_s - 2.0 * step_s)
        place = look.box if bay.place is None else bay.place
        still = _overlap(look.box, place) >= AT_REST
        bay.left_at = None if still else at if bay.left_at is None else bay.left_at
        bay.place = place + (1 - math.exp(-step_s / FOLLOW_S)) * (look.box - place)
        bay.empty = False
        return
    if bay.left_at is None:
        bay.left_at = at
    # The frame in which it is first missed says when, not for how long.
    bay.against_s += step_s if bay.empty else 0.0
    bay.empty = True
    if bay.against_s >= FREE_S - 1e-6 and bay.last is not None:
        bay.last.end, bay.last.departed = max(bay.left_at, bay.last.start, at - BACK_S), True
        bay.free()


def _update_free(bay: _Bay, look: _Look, at: float, step_s: float) -> None:
    """Occupy it after ``OCCUPY_S`` of a car, once it rests; the car came when it reached the place where it rests."""
    if look.box is None:
        bay.against_s = max(0.0, bay.against_s - 0.5 * step_s)
        if bay.against_s == 0.0:
            # In a bay not decided yet the first looks say whether the car stood there from the start.
            keep_s = FREE_S if bay.occupied is None else 0.0
            bay.trail = [step for step in bay.trail if step[0] > at - keep_s]
        if bay.occupied is None and not bay.trail and at - _known(bay.first_at) >= FREE_S:
            bay.occupied = False
        return
    weight = 1.0 if look.kind == "car" else WEAK_WEIGHT
    bay.against_s += weight * step_s if bay.trail else 0.0
    bay.trail = [*(step for step in bay.trail if step[0] >= at - BACK_S), (at, look.box)]
    since = at
    for moment, box in reversed(bay.trail):
        if _overlap(box, look.box) < AT_REST:
            break
        since = moment
    if bay.against_s >= OCCUPY_S - 1e-6 and at - since >= REST_S - 1e-6:
        came = bay.occupied is False or since - _known(bay.first_at) > OCCUPY_S
        came = came or _overlap(bay.trail[0][1], look.box) < MOVED_IN
        bay.stays.append(Stay(since if came else _known(bay.first_at), came))
        bay.take(look.box)


def _known(moment: float | None) -> float:
    assert moment is not None  # noqa: S101 - set before any look is judged
    return moment


def _overlap(a: Box, b: Box) -> float:
    return float(iou_matrix(a[None], b[None])[0, 0])


def _iou(bay: _Bay, box: Box) -> float:
    shared = polygon_area(clip_to_box(bay.polygon, box))
    return shared / (bay.area + float((box[2] - box[0]) * (box[3] - box[1])) - shared) if shared else 0.0


def _hidden_share(bay: _Bay, boxes: NDArray[np.float32]) -> float:
    return max((polygon_area(clip_to_box(bay.polygon, box)) / bay.area for box in boxes), default=0.0)
