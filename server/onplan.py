"""A camera's view laid on flat ground or on a plan. Pure.

The ground is taken as flat, so that one projective map (homography) carries the frame to it. It is found from four or more
pairs of points by the normalised direct linear transformation (Hartley and Zisserman, Multiple View Geometry, 2nd ed. (2004),
section 4.4): exact for four, the least algebraic error for more. What lies beyond the horizon of the frame is not on the
ground and has no place on the plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Array = NDArray[np.float64]
# Near the horizon a cell would cover the whole town.
_LEAST_DEPTH: Final = 0.02


def _scaling(points: Array) -> Array | None:
    """(3, 3) that brings points around 0 and to a size of 1; None when they are one point."""
    centre = points.mean(axis=0)
    size = float(np.abs(points - centre).max())
    if not np.isfinite(size) or size <= 0:
        return None
    x, y = centre / size
    return np.array([[1 / size, 0, -x], [0, 1 / size, -y], [0, 0, 1]])


def _with_ones(points: Array) -> Array:
    return np.column_stack([points, np.ones(len(points))])


def homography(source: Sequence[Point], target: Sequence[Point]) -> Array | None:
    """The (3, 3) map from points to points, at least four of each; the depth of every source point is positive.

    None when too many of them lie on a line, or some beyond the horizon of the others.
    """
    one, other = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if one.shape != other.shape or one.ndim != 2 or one.shape[1] != 2 or len(one) < 4:
        return None
    before, after = _scaling(one), _scaling(other)
    if before is None or after is None:
        return None
    rows = []
    for (x, y, _), (u, v, _) in zip(_with_ones(one) @ before.T, _with_ones(other) @ after.T, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, -u], [0, 0, 0, x, y, 1, -v * x, -v * y, -v]]
    _, singular, right = np.linalg.svd(np.array(rows))
    if singular[7] < 1e-9 * singular[0]:
        return None
    found = np.linalg.solve(after, right[-1].reshape(3, 3) @ before)
    if abs(np.linalg.det(right[-1].reshape(3, 3))) < 1e-12:
        return None
    depth = _with_ones(one) @ found[2]
    if not (np.all(depth > 0) or np.all(depth < 0)):
        return None
    return np.asarray(found / depth.mean())


class Projection:
    """From fractions of the frame to points of the ground or a plan.

    Args:
        matrix: as `homography` gives it: the mean depth of the points it was made of is 1.
    """

    def __init__(self, matrix: Array) -> None:
        self.matrix = matrix

    @classmethod
    def between(cls, frame: Sequence[Point], plan: Sequence[Point]) -> Projection:
        """By four or more points of the frame and where they lie.

        Raises:
            ValueError: when there is no such map.
        """
        matrix = homography(frame, plan)
        if matrix is None:
            raise ValueError("four points are needed, no three of them on a line")
        return cls(matrix)

    def outline(self, points: Sequence[Point]) -> list[Point] | None:
        """A polygon of the frame on the plan; None when a part of it lies at or beyond the horizon."""
        at = _with_ones(np.asarray(points, dtype=np.float64)) @ self.matrix.T
        if (at[:, 2] < _LEAST_DEPTH).any():
            return None
        return [(float(u), float(v)) for u, v in at[:, :2] / at[:, 2:]]
