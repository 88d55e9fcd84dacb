"""The four points behind a ground plane: what is wrong with them, and where they lie in metres."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Pair = Sequence[float]

# Three points count as on one line when the triangle is lower than this share of its longest side.
_FLAT: Final = 0.005
_FURTHEST_M: Final = 5000.0  # no camera that counts people sees further
# WGS 84 (NIMA TR8350.2): semi-major axis in metres, first eccentricity squared.
_AXIS_M: Final = 6378137.0
_ECC2: Final = 0.00669437999014


def check_points(image: Sequence[Pair], metres: Sequence[Pair] | None, lonlat: Sequence[Pair] | None) -> None:
    """Refuse four point pairs from which no plane follows; ``image`` in fractions of the frame.

    Raises:
        ValueError: naming the rule, the points and the remedy.
    """
    name, given = ("metres", metres or ()) if lonlat is None else ("lonlat", lonlat)
    if lonlat is not None:
        for index, (lon, lat) in enumerate(lonlat):
            if not (-180 <= lon <= 180 and -89 <= lat <= 89):
                raise ValueError(
                    f"lonlat[{index}] must be [longitude, latitude] in degrees (got {_said((lon, lat))})."
                )
    ground = place(metres, lonlat)
    if not np.isfinite(ground).all():
        raise ValueError(f"the {name} points must be finite numbers (got {', '.join(map(_said, given))}).")
    far = max(float(np.hypot(*(a - b))) for a, b in itertools.combinations(ground, 2))
    if far > _FURTHEST_M:
        raise ValueError(
            f"two of the {name} points lie {far / 1000:.1f} km apart; a camera does not see that far. Check them."
        )
    _check_spread("image", np.array(image, np.float64), image)
    _check_spread(name, ground, given)
    _check_order(np.array(image, np.float64), ground, name)


def _check_spread(name: str, points: Points, given: Sequence[Pair]) -> None:
    flat = _flat(points)
    if flat is not None:
        which = ", ".join(f"{name}[{index}]" for index in flat)
        raise ValueError(
            f"{which} lie on one line (got {', '.join(_said(given[index]) for index in flat)}); no plane follows from"
            " them. Choose four points that span a piece of the ground, such as the corners of a parking bay."
        )


def _check_order(image: Points, ground: Points, name: str) -> None:
    """The picture and the ground must show the four in the same order, none beyond the horizon of the others."""
    turns = [
        _turn(image[list(triple)]) * _turn(ground[list(triple)])
        for triple in itertools.combinations(range(4), 3)
    ]
    if len({turn > 0 for turn in turns}) > 1:
        raise ValueError(
            f"the image points and the {name} points do not come in the same order: no camera sees one as the other."
            f" List the same place first, second, third and fourth in both."
        )
    # Seen from above, north up, a way that turns right in the picture turns right on the map; y points down in one.
    if name == "lonlat" and turns[0] > 0:
        raise ValueError(
            "the lonlat points are mirrored: they turn one way in the picture and the other way on the map. List the"
            " same place first, second, third and fourth in both, each as [longitude, latitude]."
        )


def _flat(points: Points) -> tuple[int, ...] | None:
    """The first three of the points (4, 2) that lie nearly on one line, or None."""
    for triple in itertools.combinations(range(4), 3):
        a, b, c = points[list(triple)]
        longest = max(float((p - q) @ (p - q)) for p, q in ((a, b), (b, c), (c, a)))
        if abs(_turn(points[list(triple)])) <= _FLAT * longest:
            return triple
    return None


def _turn(triangle: Points) -> float:
    (ax, ay), (bx, by), (cx, cy) = triangle
    return float((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))


def _said(pair: Pair) -> str:
    return f"[{pair[0]}, {pair[1]}]"


def place(metres: Sequence[Pair] | None, lonlat: Sequence[Pair] | None) -> Points:
    """Metres (4, 2): as given, or on the tangent plane at the first point, east and north."""
    if metres is not None:
        return np.array(metres, np.float64)
    if lonlat is None:
        raise ValueError("ground needs four points in metres or as lonlat")
    degrees = np.array(lonlat, np.float64) - lonlat[0]
    degrees[:, 0] = (degrees[:, 0] + 180) % 360 - 180
    metres_east_north: Points = degrees * metres_per_degree(lonlat[0][1])
    return metres_east_north


def metres_per_degree(lat: float) -> Points:
    """(east, north) metres a degree: the equirectangular map of the ellipsoid around a latitude."""
    flat = 1 - _ECC2 * np.sin(np.radians(lat)) ** 2
    east = _AXIS_M / np.sqrt(flat) * np.cos(np.radians(lat))
    north = _AXIS_M * (1 - _ECC2) / flat**1.5
    return np.array([np.radians(east), np.radians(north)], np.float64)
