"""Vehicles that stand on a lane, by their tracks. Pure.

1. A vehicle stands still while its foot stays within ``STILL`` of its own width; detectors wobble by less.
2. It is a case when it has stood on the lane for ``stopped_s``; a queue that creeps forward is none.
3. It is cleared when it has moved off, or when nobody stood there for ``GONE_S`` and nothing hid the place.
4. A track that breaks goes on as the vehicle of the same size that stands in the same place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.boxes import area, covered
from edge.cases import Box, Mover
from edge.geometry import bottom_center, points_in_polygon

STOPPED_S: Final = 60.0
STILL: Final = 0.15
LEFT: Final = 0.5  # of its width: one that stood has driven on
GONE_S: Final = 20.0
HIDDEN: Final = 0.3  # of a second under somebody counts as not seen
SEEN: Final = 0.5  # of the time it must have been seen
SAME: Final = 0.5  # of a box covered by the one before: the same vehicle under another track
MOST: Final = 64


@dataclass(slots=True, eq=False)
class Standing:
    """One vehicle that stands: its box (4,) pixels, since when, and when it was last seen, seconds within the run."""

    xyxy: Box
    since: float
    seen_at: float
    track_id: int
    seen_s: float = 0.0
    away_s: float = 0.0


class StoppedWatch:
    """The vehicles that stand on one lane; ``polygon`` (M, 2) pixels."""

    def __init__(self, polygon: NDArray[np.float64], stopped_s: float = STOPPED_S) -> None:
        self._polygon, self._stopped_s = polygon, stopped_s
        self._standing: list[Standing] = []

    def observe(self, movers: Sequence[Mover], faint: Sequence[Box], at: float, step: float) -> None:
        """One frame, ``step`` seconds after the last; ``faint``: boxes (4,) too weak to begin anything, enough to go on."""
        free = [mover for mover in movers if mover.vehicle and self._on_lane(mover.xyxy)]
        kept = []
        for known in self._standing:
            own = next((mover for mover in free if mover.track_id == known.track_id), None)
            own = own or next((mover for mover in free if self._may_be(known, mover.xyxy, at)), None)
            if own is not None:
                free.remove(own)
                known.track_id = own.track_id
                if _foot_away(known.xyxy, own.xyxy) > (LEFT if self._stands(known, at) else STILL):
                    known.xyxy, known.since, known.seen_s = own.xyxy, at, 0.0
                known.seen_at, known.away_s = at, 0.0
                known.seen_s += step
            elif any(covered(known.xyxy, box) > SAME and covered(box, known.xyxy) > SAME for box in faint):
                known.seen_at, known.away_s = at, 0.0
                known.seen_s += step
            else:
                # Whoever passes before it hides it; but where traffic passes all the time, nothing stands.
                hidden = any(covered(known.xyxy, mover.xyxy) > SAME / 2 for mover in movers)
                known.away_s += step * (HIDDEN if hidden else 1.0)
            if known.away_s < GONE_S:
                kept.append(known)
        self._standing = (kept + [Standing(m.xyxy, at, at, m.track_id) for m in free])[:MOST]

    def stopped(self, at: float) -> list[Standing]:
        """Those that have stood long enough."""
        return [known for known in self._standing if self._stands(known, at)]

    def _stands(self, known: Standing, at: float) -> bool:
        lasted = at - known.since
        return lasted >= self._stopped_s and known.seen_s >= SEEN * lasted

    def _may_be(self, known: Standing, box: Box, at: float) -> bool:
        """Whether a box under another track is that vehicle: in flowing traffic the next one is soon near, but not so near."""
        reach = LEFT if self._stands(known, at) else STILL
        return _foot_away(known.xyxy, box) <= reach and 0.6 <= area(box) / max(area(known.xyxy), 1.0) <= 1.6

    def _on_lane(self, box: Box) -> bool:
        # The wheels, not the roof: a high vehicle beyond the lane reaches over it in the picture.
        foot = np.array([[box[::2].mean(), box[3] - 0.1 * (box[3] - box[1])]])
        return bool(points_in_polygon(foot, self._polygon)[0])


def _foot_away(a: Box, b: Box) -> float:
    """How far the foot of ``b`` is from that of ``a``, in widths of ``a``."""
    feet = bottom_center(np.stack([a, b]))
    return float(np.hypot(*(feet[0] - feet[1]))) / max(float(a[2] - a[0]), 1.0)
