"""How fast tracks move over the ground, in metres a second.

The slope of a line fitted to the last two seconds of a track by least squares: a constant speed is found exactly at any
frame rate, and a box that jitters moves nobody. State of a track is dropped with the track.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.anchor import Anchoring
from edge.ground import GroundPlane
from edge.records import Track

WINDOW_S: Final = 2.0
LEAST_S: Final = 1.0  # a shorter look says nothing
LEAST_SIGHTINGS: Final = 3
# A box nearer to the frame's edge than this share of the frame may be cut off, and its middle is not the object's.
_CUT: Final = 0.005
# Who moved less than this share of the box height in the picture, start to end of the window, stands.
STANDING: Final = 0.1

_Sighting = tuple[
    float, float, float, float, float, float
]  # at, x and y in pixels, x and y in metres, box height


class Motion:
    """Speeds of the tracks of one camera.

    Args:
        plane: the ground in front of it.
        confidence: weaker sightings keep a track alive but do not say where it is.
    """

    def __init__(self, plane: GroundPlane, *, confidence: float) -> None:
        self._plane, self._confidence = plane, confidence
        self._anchors = Anchoring(plane.wh, plane)
        self._ways: dict[int, list[_Sighting]] = {}

    def observe(self, tracks: Sequence[Track], at: float) -> None:
        """One frame: every track that may still be found again; those with ``seen_at == at`` are in it."""
        alive = {track.track_id for track in tracks}
        since = at - WINDOW_S - 1e-6
        self._ways = {
            key: [sighting for sighting in way if sighting[0] >= since]
            for key, way in self._ways.items()
            if key in alive
        }
        seen = [
            track
            for track in tracks
            if track.seen_at == at and track.confidence >= self._confidence and self._whole(track)
        ]
        boxes = np.array([track.xyxy for track in seen], np.float64).reshape(-1, 4)
        kinds = np.array([track.class_id for track in seen], np.int64)
        anchors = self._anchors(boxes, kinds)
        for track, box, pixel, place in zip(
            seen, boxes, anchors, self._plane.to_metres(anchors), strict=True
        ):
            sighting = (at, *pixel, *place, box[3] - box[1])
            self._ways.setdefault(track.track_id, []).append(sighting)

    def speed_ms(self, track_id: int) -> float | None:
        """Metres a second over the last `WINDOW_S`; 0.0 for a track that stands.

        None when it was seen for less than `LEAST_S` in that time, less than `LEAST_SIGHTINGS` times, or beyond the
        horizon.
        """
        way = np.array(self._ways.get(track_id, []), np.float64).reshape(-1, 6)
        if len(way) < LEAST_SIGHTINGS or way[-1, 0] - way[0, 0] < LEAST_S - 1e-6:
            return None
        slope = _slope(way[:, 0], way[:, 1:5])
        if not np.isfinite(slope).all():
            return None
        moved = np.hypot(*slope[:2]) * (way[-1, 0] - way[0, 0])
        if moved < STANDING * np.median(way[:, 5]):
            return 0.0
        return float(np.hypot(*slope[2:]))

    def _whole(self, track: Track) -> bool:
        (width, height), (left, _, right, bottom) = self._plane.wh, track.xyxy
        return bool(left > _CUT * width and right < (1 - _CUT) * width and bottom < (1 - _CUT) * height)


def _slope(at: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least-squares slopes (K,) of values (N, K) over times (N,)."""
    centred = at - at.mean()
    slopes: NDArray[np.float64] = centred @ values / (centred @ centred)
    return slopes
