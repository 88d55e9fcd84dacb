"""A camera's view laid on a plan, by four points known in both. Pure.

The ground is taken as flat, so that one projective map (homography, eight unknowns from four pairs of points; Hartley and
Zisserman, Multiple View Geometry, 2nd edition, section 4.1) carries the frame to the plan. What lies beyond the horizon
of the frame is not on the ground and has no place on the plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

Point = tuple[float, float]
# Near the horizon a cell would cover the whole town.
_LEAST_DEPTH: Final = 0.02


class Projection:
    """From fractions of the frame to points of a plan.

    Args:
        frame: four points, fractions of the frame.
        plan: where they lie on the plan.

    Raises:
        ValueError: when three of them lie on a line, so that there is no such map.
    """

    def __init__(self, frame: Sequence[Point], plan: Sequence[Point]) -> None:
        rows = []
        for (x, y), (u, v) in zip(frame, plan, strict=True):
            rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        matrix = np.array(rows, dtype=float)
        if matrix.shape != (8, 8) or np.linalg.cond(matrix) > 1e12:
            raise ValueError("four points are needed, no three of them on a line")
        solved = np.linalg.solve(matrix, np.array(plan, dtype=float).ravel())
        self._map = np.append(solved, 1.0).reshape(3, 3)
        middle = np.mean(np.array(frame, dtype=float), axis=0)
        self._front = float(np.append(middle, 1.0) @ self._map[2])

    def outline(self, points: Sequence[Point]) -> list[Point] | None:
        """A polygon of the frame on the plan; None when a part of it lies at or beyond the horizon."""
        at = np.column_stack([np.array(points, dtype=float), np.ones(len(points))]) @ self._map.T
        depth = at[:, 2] / self._front
        if (depth < _LEAST_DEPTH).any():
            return None
        return [(float(u), float(v)) for u, v in at[:, :2] / at[:, 2:]]
