"""The plain recipe of a skilled user: OpenCV's MOG2, still blobs tracked by overlap, a case once one has lasted.

It gets the same pictures, the same boxes of people and vehicles, the same persistence, and the rules that such a recipe has: shadows
of MOG2 are left out, noise is opened away, blobs under people and vehicles do not count, and what is smaller than 12 px neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.boxes import area, common, covered
from edge.records import ImageArray

LEAST_PX: Final = 12.0
GONE_S: Final = 10.0
IOU: Final = 0.5


@dataclass(slots=True, eq=False)
class _Still:
    xyxy: NDArray[np.float64]
    since: float
    seen_at: float
    told: bool = False


class Recipe:
    """One road; ``mask`` (H, W) bool. The model forgets what stands in it in about ten times the persistence."""

    def __init__(self, mask: NDArray[np.bool_], persistence_s: float) -> None:
        self._mask, self._persistence_s = mask, persistence_s
        self._model = cv2.createBackgroundSubtractorMOG2(
            history=round(10 * persistence_s) + 60, varThreshold=25, detectShadows=True
        )
        self._still: list[_Still] = []

    def look(
        self, image: ImageArray, at: float, busy: NDArray[np.floating]
    ) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
        """One picture; boxes (4,) that became cases now, and boxes of cases that are over now."""
        found = (self._model.apply(image) == 255) & self._mask
        opened = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(closed)
        blobs = [
            np.array([x, y, x + w, y + h], np.float64)
            for x, y, w, h, _ in stats[1:].tolist()
            if max(w, h) >= LEAST_PX
        ]
        blobs = [
            blob
            for blob in blobs
            if not any(covered(blob, np.asarray(box, np.float64)) > 0.3 for box in busy)
        ]
        for blob in blobs:
            known = next((s for s in self._still if _iou(s.xyxy, blob) > IOU), None)
            if known is None:
                self._still.append(_Still(blob, at, at))
            else:
                known.xyxy, known.seen_at = blob, at
        new = [
            s for s in self._still if not s.told and s.seen_at == at and at - s.since >= self._persistence_s
        ]
        for still in new:
            still.told = True
        over = [s for s in self._still if at - s.seen_at > (GONE_S if s.told else 3.0)]
        self._still = [s for s in self._still if s not in over]
        return [s.xyxy for s in new], [s.xyxy for s in over if s.told]


def _iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    shared = common(a, b)
    return shared / max(area(a) + area(b) - shared, 1e-6)
