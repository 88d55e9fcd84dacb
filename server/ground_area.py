"""How large a zone is on the ground, from four image points whose place on it is known. Pure.

The four pairs give the homography from the image to the ground (direct linear transformation: Hartley and Zisserman,
Multiple View Geometry, 2nd ed. (2004), section 4.1); straight edges stay straight, so the corners suffice. The area is
Gauss's shoelace formula. It holds for flat ground, and no better than the four points were measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Array = NDArray[np.float64]
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
    ground = metres if metres is not None else _metres(lonlat) if lonlat is not None else None
    if ground is None or len(polygon) < 3:
        return None
    matrix = _homography(np.asarray(image, dtype=np.float64), np.asarray(ground, dtype=np.float64))
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


def _metres(lonlat: Sequence[Point]) -> list[Point]:
    """Metres east and north of the first point: right to a millimetre over the size of a square."""
    lon0, lat0 = lonlat[0]
    degree = math.radians(1) * EARTH_M
    return [
        ((lon - lon0) * degree * math.cos(math.radians(lat0)), (lat - lat0) * degree) for lon, lat in lonlat
    ]


def _homography(image: Array, ground: Array) -> Array | None:
    """(3, 3) from image to ground, or None where three of the points lie on a line."""
    centre = ground.mean(axis=0)
    size = float(np.abs(ground - centre).max())
    if size <= 0:
        return None
    rows: list[list[float]] = []
    for (u, v), (x, y) in zip(image, (ground - centre) / size, strict=True):
        rows += [[u, v, 1, 0, 0, 0, -x * u, -x * v, -x], [0, 0, 0, u, v, 1, -y * u, -y * v, -y]]
    _, singular, right = np.linalg.svd(np.array(rows))
    if singular[7] < 1e-9 * singular[0]:
        return None
    found = right[-1].reshape(3, 3)
    if abs(np.linalg.det(found)) < 1e-12:
        return None
    # Points of the image whose depth is positive are those on the side of the four.
    depth = np.column_stack([image, np.ones(4)]) @ found[2]
    if not (np.all(depth > 0) or np.all(depth < 0)):
        return None
    scaled = np.diag([size, size, 1.0]) @ found * np.sign(depth[0])
    return np.asarray(scaled)
