"""How large a zone is on the ground, from four image points whose place on it is known. Pure.

The four pairs give the homography from the image to the ground (`server.onplan`); straight edges stay straight, so the corners
suffice. The area is Gauss's shoelace formula. It holds for flat ground, and no better than the four points were measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from server.onplan import Point, homography

EARTH_M: Final = 6_371_008.8
# A zone beyond this is no zone but a wrong point.
LARGEST_M2: Final = 1e6


def area_m2(
    polygon: Sequence[Point],
    image: Sequence[Point],
    metres: Sequence[Point] | None,
    lonlat: Sequence[Point] | None,
) -> float | None:
    """The area of a zone in square metres; None where the points do not give one.

    Args:
        polygon: corners in the image, fractions of its width and height.
        image: four points of the ground in the image, likewise.
        metres: their places in metres, or None.
        lonlat: their places as (longitude, latitude) in degrees, or None; used without ``metres``.
    """
    ground = metres if metres is not None else ground_metres(lonlat) if lonlat is not None else None
    if ground is None or len(polygon) < 3:
        return None
    matrix = homography(image, ground)
    if matrix is None:
        return None
    corners = np.column_stack([np.asarray(polygon, dtype=np.float64), np.ones(len(polygon))]) @ matrix.T
    depth = corners[:, 2]
    # Beyond the horizon the sign turns: such a corner is not on the ground.
    if not (np.all(depth > 1e-9) or np.all(depth < -1e-9)):
        return None
    x, y = corners[:, 0] / depth, corners[:, 1] / depth
    area = abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2
    return area if 0 < area <= LARGEST_M2 else None


def ground_metres(lonlat: Sequence[Point]) -> list[Point]:
    """Metres east and north of the first point: right to a millimetre over the size of a square."""
    lon0, lat0 = lonlat[0]
    degree = math.radians(1) * EARTH_M
    return [
        ((lon - lon0) * degree * math.cos(math.radians(lat0)), (lat - lat0) * degree) for lon, lat in lonlat
    ]
