"""Bays: a state machine for each, fed by detections, independent of tracks.

1. A bay becomes occupied after ``OCCUPY_S`` of evidence and free after ``FREE_S`` > ``OCCUPY_S`` without any; both
   are dated back to their first evidence.
2. While something larger hides a bay, nothing is learnt about it and its state is held.
3. Evidence is weighed in seconds, so that half a frame a second decides like twenty.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from contract.names import CLASSES, VEHICLES
from edge.geometry import clip_to_box, polygon_area
from edge.presence import HOLD_S, Span
from edge.records import Detections

OCCUPY_S = 3.0
FREE_S = 6.0
# A car stands on the lower part of its box; the rest is its height, which leans over the bays behind.
FOOTPRINT = 0.6
# Overlap of footprint and bay (IoU) from which a box may be the car of a bay.
MATCH = 0.25
# This share of a bay under boxes of other vehicles hides it.
HIDDEN = 0.55
# A box this sure sets a bay; weaker ones only keep an occupied bay occupied.
HOLD_CONFIDENCE = 0.6  # share of the configured confidence

_VEHICLE_IDS = tuple(CLASSES.index(name) for name in VEHICLES)

Evidence = Literal["car", "weak", "hidden", "nothing"]


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
    since: float | None = None  # first evidence against the present state
    weight_s: float = 0.0  # evidence against the present state, seconds

    @property
    def last(self) -> Stay | None:
        return self.stays[-1] if self.stays else None


class BayWatch:
    """The drawn bays of one parking zone; polygons (M, 2) in pixels by name."""

    def __init__(self, bays: dict[str, NDArray[np.float64]], confidence: float) -> None:
        self._bays = {name: _Bay(polygon, polygon_area(polygon)) for name, polygon in bays.items()}
        self._confidence = confidence
        self._last_at: float | None = None

    def __len__(self) -> int:
        return len(self._bays)

    def observe(self, detections: Detections, at: float) -> None:
        """One frame. Detections may be weaker than the configured confidence: those only hold a state."""
        keep = np.isin(detections.class_id, _VEHICLE_IDS)
        keep &= detections.confidence >= HOLD_CONFIDENCE * self._confidence
        evidence = self._evidence(detections.where(keep))
        step_s = 0.0 if self._last_at is None else min(at - self._last_at, HOLD_S)
        for bay, what in zip(self._bays.values(), evidence, strict=True):
            _update(bay, what, at, step_s)
        self._last_at = at

    def finish(self, at: float) -> None:
        """Nothing is seen from ``at`` on: stays end there, unseen."""
        for bay in self._bays.values():
            if bay.last is not None:
                bay.last.end = min(bay.last.end, at)

    def stays(self) -> list[Stay]:
        """All stays not forgotten yet."""
        return [stay for bay in self._bays.values() for stay in bay.stays]

    def spans(self) -> list[Span]:
        """The stays as spans of time."""
        return [(stay.start, stay.end) for stay in self.stays()]

    def forget(self, before: float) -> None:
        """Drop stays that ended before an instant."""
        for bay in self._bays.values():
            bay.stays = [stay for stay in bay.stays if stay.end > before]

    def occupied(self) -> dict[str, bool]:
        """The present state by bay (for the preview)."""
        return {name: bool(bay.occupied) for name, bay in self._bays.items()}

    def _evidence(self, vehicles: Detections) -> list[Evidence]:
        """What each bay shows in this frame; a vehicle stands in at most one bay."""
        footprints = vehicles.xyxy.astype(np.float64)
        footprints[:, 1] += (1 - FOOTPRINT) * (footprints[:, 3] - footprints[:, 1])
        overlap = np.array([[_iou(bay, box) for box in footprints] for bay in self._bays.values()])
        found: list[Evidence] = ["nothing"] * len(self._bays)
        owner = np.full(len(footprints), -1)
        while overlap.size and overlap.max() >= MATCH:
            row, column = divmod(int(overlap.argmax()), overlap.shape[1])
            strong = vehicles.confidence[column] >= self._confidence
            found[row] = "car" if strong else "weak"
            owner[column] = row
            overlap[row], overlap[:, column] = 0.0, 0.0
        for place, bay in enumerate(self._bays.values()):
            others = vehicles.xyxy[owner != place]
            if found[place] == "nothing" and _hidden_share(bay, others) >= HIDDEN:
                found[place] = "hidden"
        return found


def _update(bay: _Bay, what: Evidence, at: float, step_s: float) -> None:
    if what == "hidden":
        return
    if bay.first_at is None:
        bay.first_at = at
    against = what == "car" if not bay.occupied else what == "nothing"
    if not against:
        # A detector misses cars far more often than it invents them, so a sight of a car outweighs a miss: it
        # takes twice its time from the evidence for "free", a miss only half of its time from that for "occupied".
        bay.weight_s = max(0.0, bay.weight_s - step_s * (2.0 if bay.occupied else 0.5))
        if bay.weight_s == 0.0:
            bay.since = None
        if bay.occupied is None and bay.since is None and at - bay.first_at >= FREE_S:
            bay.occupied = False
        return
    if bay.since is None:
        bay.since, bay.weight_s = at, 0.0
    else:
        bay.weight_s += step_s
    if bay.weight_s >= (FREE_S if bay.occupied else OCCUPY_S) - 1e-6:
        _switch(bay)


def _switch(bay: _Bay) -> None:
    assert bay.since is not None and bay.first_at is not None  # noqa: S101, PT018 - the caller's own condition
    if bay.occupied:
        assert bay.last is not None  # noqa: S101 - an occupied bay has a stay
        bay.last.end, bay.last.departed = bay.since, True
        bay.occupied = False
    else:
        # A car that stood there from the first look on was not seen to arrive.
        arrived = bay.occupied is False or bay.since - bay.first_at > OCCUPY_S
        bay.stays.append(Stay(bay.since if arrived else bay.first_at, arrived))
        bay.occupied = True
    bay.since, bay.weight_s = None, 0.0


def _iou(bay: _Bay, box: NDArray[np.float64]) -> float:
    shared = polygon_area(clip_to_box(bay.polygon, box))
    return shared / (bay.area + float((box[2] - box[0]) * (box[3] - box[1])) - shared) if shared else 0.0


def _hidden_share(bay: _Bay, boxes: NDArray[np.float32]) -> float:
    return max((polygon_area(clip_to_box(bay.polygon, box)) / bay.area for box in boxes), default=0.0)
