"""What the tracker knows of one object besides its filter, and the constants it decides by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract.names import CLASSES
from edge.records import TrackState

# Classes that one object may change between from frame to frame: people, two-wheelers, four-wheelers.
KIND = np.array([{"person": 0, "bicycle": 1, "motorcycle": 1}.get(name, 2) for name in CLASSES])
PERSON, CYCLE, MOTOR = 0, 1, 2  # kinds


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """``confidence`` is the least for a new track; weaker detections only continue one."""

    confidence: float = 0.25
    confirm_hits: int = 3
    tentative_s: float = 1.0
    lost_s: float = 4.0
    grow: float = 0.25  # share of the box by which both boxes grow on each side before they are compared
    grow_per_s: float = 0.5  # more of it for each second without a sighting
    recency_s: float = 3.0
    least_similarity: float = 0.08
    same_object_iou: float = 0.75
    together: float = 0.5  # box heights a second: two who pass each other part faster
    # How far from where it was expected a detection may lie: standard deviations of the filter, plus box heights for
    # what no filter knows (a step aside, a box cut off); and how much its height may differ, as a ratio.
    deviations: float = 3.0
    slack: float = 0.3
    height_ratio: float = 2.2
    least_likelihood: float = 0.1
    # Who vanished within the picture, behind a sign or a van, and stood there, comes out again near that place.
    remember_s: float = 10.0
    known_s: float = 1.0  # for who was seen this long
    reach: float = 0.5  # box heights
    # Who vanished behind somebody who stands still is held there while that lasts.
    hidden_s: float = 25.0
    hidden_share: float = 0.5  # of the last box that the other's box covers
    still: float = 0.2  # box heights a second
    nearer: float = 0.05  # box heights that the other's feet are lower
    apart: float = 0.3  # once, no more than this share of it was covered: two boxes on one person never part


@dataclass(slots=True)
class State:
    """What belongs to a track besides its filter row."""

    track_id: int
    born_at: float
    seen_at: float
    confidence: float
    hits: int
    votes: NDArray[np.float64]
    first: NDArray[np.float32]
    last: NDArray[np.float32]
    found_at: float | None = None
    hidden_at: float | None = None
    apart: bool = False
    state: TrackState = "tentative"

    @property
    def kind(self) -> int:
        """What it is by its votes so far: a person, a cycle or a motor vehicle."""
        return int(KIND[self.votes.argmax()])

    @property
    def held_at(self) -> float:
        """When it was last seen or known to be hidden."""
        return self.seen_at if self.hidden_at is None else max(self.seen_at, self.hidden_at)
