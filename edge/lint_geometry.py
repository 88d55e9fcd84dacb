"""Measures of polygons and lines that only the check of a layout needs. Pixels in, pixels and shares out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.geometry import points_in_polygon, polygon_area

Array = NDArray[np.float64]

_GRID = 40


def inner_points(polygon: Array) -> Array:
    """Points (N, 2) spread evenly inside a polygon (M, 2); its corners' mean when it is too thin for the grid."""
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    share = (np.arange(_GRID) + 0.5) / _GRID
    x, y = np.meshgrid(*(low[axis] + share * (high[axis] - low[axis]) for axis in (0, 1)))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    inside: Array = points[points_in_polygon(points, polygon)]
    return inside if len(inside) else polygon.mean(axis=0, keepdims=True)


def shared_part(first: Array, second: Array) -> float:
    """The overlap of two polygons as a share of the smaller, within a few per cent."""
    small, large = sorted((first, second), key=polygon_area)
    return float(points_in_polygon(inner_points(small), large).mean())


def extent(polygon: Array, direction: Array) -> Array:
    """How far a polygon (M, 2) reaches along unit vectors (N, 2): (N,)."""
    along = polygon @ direction.T
    reach: Array = along.max(axis=0) - along.min(axis=0)
    return reach


def mean_chord(polygon: Array, direction: Array) -> Array:
    """The mean way (N,) through a polygon (M, 2) along unit vectors (N, 2): its area over its breadth across them."""
    across = np.stack([-direction[:, 1], direction[:, 0]], axis=1)
    chord: Array = polygon_area(polygon) / np.maximum(extent(polygon, across), 1e-9)
    return chord


def least_breadth(polygon: Array) -> float:
    """The smallest extent of a polygon (M, 2) in any direction; it is found across one of its edges or chords."""
    first, second = np.triu_indices(len(polygon), 1)
    chords = polygon[second] - polygon[first]
    lengths = np.hypot(chords[:, 0], chords[:, 1])
    chords = chords[lengths > 0] / lengths[lengths > 0, None]
    return float(extent(polygon, np.stack([-chords[:, 1], chords[:, 0]], axis=1)).min())


def room(points: Array, direction: Array, wh: tuple[int, int]) -> Array:
    """How far it is (N,) from points (N, 2) inside the frame to its edge along one unit vector (2,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        each = [
            np.where(step > 0, (side - points[:, axis]) / step, -points[:, axis] / step)
            for axis, (step, side) in enumerate(zip(direction, wh, strict=True))
            if abs(step) > 1e-9
        ]
    nearest: Array = np.min(each, axis=0)
    return nearest


def visible_share(points: Array, widths: Array, heights: Array, wh: tuple[int, int]) -> Array:
    """The share (N,) of boxes standing on points (N, 2) that lies inside the frame."""
    x0, x1 = points[:, 0] - widths / 2, points[:, 0] + widths / 2
    y0, y1 = points[:, 1] - heights, points[:, 1]
    seen_w = np.minimum(x1, wh[0]) - np.maximum(x0, 0)
    seen_h = np.minimum(y1, wh[1]) - np.maximum(y0, 0)
    share: Array = seen_w.clip(0) * seen_h.clip(0) / (widths * heights)
    return share
