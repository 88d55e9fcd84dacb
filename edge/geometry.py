"""Boxes, polygons and lines: arrays in, arrays out. No class, no state.

Image coordinates: x to the right, y downward. Boxes are xyxy. Polygons are (M, 2) without the first corner
repeated. All functions take fractions or pixels alike, as long as one call uses one unit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.floating]


def bottom_center(xyxy: Float) -> NDArray[np.float64]:
    """Anchors (N, 2) of boxes (N, 4): the middle of the lower edge, where an object meets the ground.

    The whole box counts, also where it passes the frame's edge or a zone: clipping a box before taking its
    anchor moves the anchor and miscounts at every zone edge.
    """
    boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
    return np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)


def iou_matrix(a: Float, b: Float) -> NDArray[np.float64]:
    """IoU in [0, 1] of every box of ``a`` (N, 4) with every box of ``b`` (M, 4): (N, M)."""
    a, b = np.asarray(a, np.float64).reshape(-1, 4), np.asarray(b, np.float64).reshape(-1, 4)
    width = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0])
    height = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1])
    shared = width.clip(0) * height.clip(0)
    total = box_area(a)[:, None] + box_area(b)[None, :] - shared
    iou: NDArray[np.float64] = np.divide(shared, total, out=np.zeros_like(shared), where=total > 0)
    return iou


def covered_share(a: Float, b: Float) -> NDArray[np.float64]:
    """Share in [0, 1] of every box of ``a`` (N, 4) that lies under each box of ``b`` (M, 4): (N, M)."""
    a, b = np.asarray(a, np.float64).reshape(-1, 4), np.asarray(b, np.float64).reshape(-1, 4)
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    share: NDArray[np.float64] = (high - low).clip(0).prod(axis=2) / box_area(a).clip(1e-9)[:, None]
    return share


def box_area(xyxy: Float) -> NDArray[np.float64]:
    """Areas (N,) of boxes (N, 4); a box turned inside out has none."""
    area: NDArray[np.float64] = (xyxy[:, 2] - xyxy[:, 0]).clip(0) * (xyxy[:, 3] - xyxy[:, 1]).clip(0)
    return area


def points_in_polygon(points: Float, polygon: Float) -> NDArray[np.bool_]:
    """Which of ``points`` (N, 2) lie inside ``polygon`` (M, 2), by the even-odd rule.

    A point on an edge belongs to exactly one of two polygons that share the edge.
    """
    points, polygon = np.asarray(points, np.float64).reshape(-1, 2), np.asarray(polygon, np.float64)
    x, y = points[:, 0, None], points[:, 1, None]
    x1, y1 = polygon[None, :, 0], polygon[None, :, 1]
    x2, y2 = np.roll(x1, -1, axis=1), np.roll(y1, -1, axis=1)
    straddles = (y1 > y) != (y2 > y)
    rise = np.where(straddles, y2 - y1, 1.0)
    left_of_edge = x < (x2 - x1) * (y - y1) / rise + x1
    inside: NDArray[np.bool_] = np.logical_xor.reduce(straddles & left_of_edge, axis=1)
    return inside


def distance_to_edge(points: Float, polygon: Float) -> NDArray[np.float64]:
    """Distance (N,) of points (N, 2) from the nearest edge of a polygon (M, 2), inside or outside alike."""
    points = np.asarray(points, np.float64).reshape(-1, 1, 2)
    start = np.asarray(polygon, np.float64)
    along = np.roll(start, -1, axis=0) - start
    squared = (along**2).sum(axis=1).clip(1e-12)
    share = (((points - start) * along).sum(axis=2) / squared).clip(0, 1)
    offset = points - (start + share[..., None] * along)
    nearest: NDArray[np.float64] = np.sqrt((offset**2).sum(axis=2).min(axis=1))
    return nearest


def polygon_area(polygon: ArrayLike) -> float:
    """Unsigned area of a polygon (M, 2), by the shoelace formula."""
    corners = np.asarray(polygon, np.float64).reshape(-1, 2)
    if len(corners) < 3:
        return 0.0
    x, y = corners[:, 0], corners[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def side_of_line(a: Float, b: Float, points: Float) -> NDArray[np.float64]:
    """``c`` (N,) of design.md section 8: negative before an *in* crossing of a -> b, positive after it.

    Divide by the line's length to have the distance in the unit of the points.
    """
    points = np.asarray(points, np.float64).reshape(-1, 2)
    c: NDArray[np.float64] = (b[0] - a[0]) * (points[:, 1] - a[1]) - (b[1] - a[1]) * (points[:, 0] - a[0])
    return c


def segments_cross(p: Float, q: Float, a: Float, b: Float) -> bool:
    """Whether the way from p to q crosses the segment a-b, each a point (2,).

    Touching counts on one side only, so that a way ending on the line and going on counts once.
    """
    # Plain floats: for one pair of segments numpy would spend its time on wrapping them.
    (px, py), (qx, qy), (ax, ay), (bx, by) = p.tolist(), q.tolist(), a.tolist(), b.tolist()
    before = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
    after = (bx - ax) * (qy - ay) - (by - ay) * (qx - ax)
    if (before <= 0) == (after <= 0):
        return False
    start = (qx - px) * (ay - py) - (qy - py) * (ax - px)
    end = (qx - px) * (by - py) - (qy - py) * (bx - px)
    return bool((start <= 0) != (end <= 0))


def chord(p: Float, q: Float, polygon: Float) -> tuple[float, float] | None:
    """Where the way from p to q, points (2,) outside a polygon (M, 2), runs through it: first and last share in [0, 1].

    None when it does not touch the polygon.
    """
    corners = np.asarray(polygon, np.float64)
    start, way = np.asarray(p, np.float64), np.asarray(q, np.float64) - np.asarray(p, np.float64)
    edges = np.roll(corners, -1, axis=0) - corners
    across = way[0] * edges[:, 1] - way[1] * edges[:, 0]
    offset = corners - start
    safe = np.where(across == 0, 1.0, across)
    along_way = (offset[:, 0] * edges[:, 1] - offset[:, 1] * edges[:, 0]) / safe
    along_edge = (offset[:, 0] * way[1] - offset[:, 1] * way[0]) / safe
    hit = (across != 0) & (along_way >= 0) & (along_way <= 1) & (along_edge >= 0) & (along_edge < 1)
    if not hit.any():
        return None
    return float(along_way[hit].min()), float(along_way[hit].max())


def self_crossing(polygon: ArrayLike) -> tuple[int, int] | None:
    """The first two edges (numbers of their first corners) of a polygon that cross each other, or None."""
    corners = np.asarray(polygon, np.float64).reshape(-1, 2)
    count = len(corners)
    for i in range(count):
        for j in range(i + 2, count):
            if (j + 1) % count == i:
                continue
            if segments_cross(corners[i], corners[i + 1], corners[j], corners[(j + 1) % count]):
                return i, j
    return None


def clip_to_box(polygon: Float, box: Float) -> NDArray[np.float64]:
    """The part of a polygon (M, 2) inside a box (4,), as (K, 2); Sutherland and Hodgman, CACM 17 (1974)."""
    corners = np.asarray(polygon, np.float64).reshape(-1, 2)
    low, high = corners.min(axis=0), corners.max(axis=0)
    if low[0] >= box[2] or low[1] >= box[3] or high[0] <= box[0] or high[1] <= box[1]:
        return np.zeros((0, 2))
    for axis, bound, sign in ((0, box[0], 1), (1, box[1], 1), (0, box[2], -1), (1, box[3], -1)):
        if not len(corners):
            break
        corners = _clip_half_plane(corners, axis, float(bound), sign)
    return corners


def _clip_half_plane(corners: NDArray[np.float64], axis: int, bound: float, sign: int) -> NDArray[np.float64]:
    kept: list[NDArray[np.float64]] = []
    previous = corners[-1]
    for corner in corners:
        was_in, is_in = sign * (previous[axis] - bound) >= 0, sign * (corner[axis] - bound) >= 0
        if was_in != is_in:
            share = (bound - previous[axis]) / (corner[axis] - previous[axis])
            kept.append(previous + share * (corner - previous))
        if is_in:
            kept.append(corner)
        previous = corner
    return np.array(kept, np.float64).reshape(-1, 2)
