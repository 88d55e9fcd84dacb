"""Where an object lies: whether two cases are one object, whether a veto covers it, and how grave it is. Pure.

Rules:
1. Two cases of one camera are one object when their boxes overlap or lie within `GAP` of each other; of different cameras
   when both have a position on the earth, are of one kind, and are no further apart than `NEAR_M` and half their sizes.
2. How deep an object lies in its zone is that of its foot point (bottom centre of its box): 0 at or outside the edge, 1 at the
   deepest point of the zone, which is the middle of a lane.
3. Severity is a sum of points for kind, size and depth; a case its box is not sure of counts one less.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import cos, hypot, radians
from typing import Final, Protocol

from server.notices import CaseKind, Severity, Veto

Point = tuple[float, float]
# Of the picture: boxes tremble by a few pixels between two revisions.
GAP: Final = 0.01
NEAR_M: Final = 4.0
SIZE_UNKNOWN_M: Final = 2.0
DEGREE_M: Final = 111_320.0
# A fraction of the height is shorter than one of the width: pictures of the boxes are 16:9.
_ASPECT: Final = 9 / 16
_VETO_LEAST: Final = 0.03
_STEPS: Final = 24
SEVERITIES: Final[tuple[Severity, ...]] = ("low", "medium", "high")


class _Located(Protocol):
    """A case revision, a notice, or a stored case."""

    @property
    def device(self) -> str: ...
    @property
    def camera(self) -> str: ...
    @property
    def kind(self) -> CaseKind: ...
    @property
    def x(self) -> float: ...
    @property
    def y(self) -> float: ...
    @property
    def w(self) -> float: ...
    @property
    def h(self) -> float: ...
    @property
    def lon(self) -> float | None: ...
    @property
    def lat(self) -> float | None: ...
    @property
    def size_m(self) -> float | None: ...


def metres(a: _Located, b: _Located) -> float | None:
    """How far apart two positions on the earth are; None when one has none. Plane, for distances within a town."""
    if a.lon is None or a.lat is None or b.lon is None or b.lat is None:
        return None
    east = (a.lon - b.lon) * cos(radians((a.lat + b.lat) / 2))
    return DEGREE_M * hypot(east, a.lat - b.lat)


def reach_m(size_m: float | None) -> float:
    """How far from an object of this size another sight of it may be told, less the other's own half."""
    return NEAR_M + (SIZE_UNKNOWN_M if size_m is None else size_m) / 2


def same_object(a: _Located, b: _Located) -> bool:
    """Whether two cases are one object."""
    if a.kind != b.kind:
        return False
    if (a.device, a.camera) == (b.device, b.camera):
        return abs(a.x - b.x) <= (a.w + b.w) / 2 + GAP and abs(a.y - b.y) <= (a.h + b.h) / 2 + GAP
    apart = metres(a, b)
    return apart is not None and apart <= reach_m(a.size_m) + reach_m(b.size_m) - NEAR_M


def apart(x: float, y: float, u: float, v: float) -> float:
    """Distance of two points of one picture, as a fraction of its width."""
    return hypot(x - u, (y - v) * _ASPECT)


def veto_radius(w: float, h: float) -> float:
    """How far a veto reaches around a thing of this size: its larger side, and never less than a trembling shadow."""
    return max(_VETO_LEAST, w, h * _ASPECT)


def covers(veto: Veto, device: str, camera: str, x: float, y: float, at: int) -> bool:
    """Whether a veto is against a notice here and now."""
    here = (veto.device, veto.camera) == (device, camera)
    return here and at < veto.ends_at and apart(veto.x, veto.y, x, y) <= veto.radius


def _edge_distance(x: float, y: float, polygon: Sequence[Point]) -> float:
    """To the edge of a polygon; below 0 outside."""
    inside, nearest = False, float("inf")
    for (ax, ay), (bx, by) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            inside = not inside
        dx, dy = bx - ax, by - ay
        along = max(0.0, min(1.0, ((x - ax) * dx + (y - ay) * dy) / ((dx * dx + dy * dy) or 1.0)))
        nearest = min(nearest, hypot(x - ax - along * dx, y - ay - along * dy))
    return nearest if inside else -nearest


@lru_cache(maxsize=512)
def _deepest(polygon: tuple[Point, ...]) -> float:
    """The distance to the edge from the deepest point, on a grid of the polygon's own box."""
    left, right = min(x for x, _ in polygon), max(x for x, _ in polygon)
    top, bottom = min(y for _, y in polygon), max(y for _, y in polygon)
    grid = [(i + 0.5) / _STEPS for i in range(_STEPS)]
    return max(
        _edge_distance(left + u * (right - left), top + v * (bottom - top), polygon)
        for u in grid
        for v in grid
    )


def depth(x: float, y: float, polygon: Sequence[Point]) -> float:
    """How deep a point lies in a zone, 0 (edge or outside) to 1 (its deepest point)."""
    own = tuple((u, v * _ASPECT) for u, v in polygon)
    deepest = _deepest(own)
    return max(0.0, min(1.0, _edge_distance(x, y * _ASPECT, own) / deepest)) if deepest > 0 else 0.0


def severity(
    kind: CaseKind, size_m: float | None, w: float, h: float, confidence: float, deep: float | None
) -> Severity:
    """How grave a case is; ``deep``: `depth` of its foot point, None where the zone has no polygon.

    What stands in the way of a vehicle (obstruction, stopped vehicle) weighs like the largest debris.
    """
    points = 2
    if kind == "debris":
        big, some = (
            (size_m >= 0.5, size_m >= 0.2) if size_m is not None else (w * h >= 0.004, w * h >= 0.0008)
        )
        points = int(big) + int(some)
    points += 1 if deep is None else int(deep >= 0.25) + int(deep >= 0.5)
    points -= int(confidence < 0.5)
    return "high" if points >= 3 else "medium" if points >= 2 else "low"


def graver(a: Severity, b: Severity) -> Severity:
    """The graver of two."""
    return max(a, b, key=SEVERITIES.index)
