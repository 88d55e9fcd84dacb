"""The nouns that every module of the box shares: frozen values, no behaviour.

What leaves the box is not here but in `contract`: these values die with their frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
ImageArray = NDArray[np.uint8]

TrackState = Literal["tentative", "confirmed", "lost"]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture: ``image`` (H, W, 3) uint8 BGR, ``at`` seconds, monotonic within the run."""

    image: ImageArray
    at: float


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Boxes of one frame, without identity.

    ``xyxy`` (N, 4) float32 pixels of the frame; ``confidence`` (N,) float32 in [0, 1]; ``class_id`` (N,) int64,
    an index into `contract.names.CLASSES`, whatever numbers the model itself uses.
    """

    xyxy: FloatArray
    confidence: FloatArray
    class_id: IntArray

    def __len__(self) -> int:
        return len(self.xyxy)

    def where(self, keep: NDArray[np.bool_] | IntArray) -> Detections:
        """The detections that a mask or an index array keeps, in its order."""
        return Detections(self.xyxy[keep], self.confidence[keep], self.class_id[keep])

    @staticmethod
    def empty() -> Detections:
        """No detection at all."""
        return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One object over time. ``track_id`` is local to one run and one camera and never leaves the box.

    ``xyxy`` (4,) float32 pixels, the filtered box; ``seen_at`` the time of the last detection that fed it;
    ``class_id`` its confidence-weighted vote so far. ``found``: by this frame, where it had vanished long before.
    ``hidden``: not seen in this frame, but known to be behind somebody who stands still.
    """

    track_id: int
    xyxy: FloatArray
    confidence: float
    class_id: int
    state: TrackState
    born_at: float
    seen_at: float
    found: bool = False
    hidden: bool = False
