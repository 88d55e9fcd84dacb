"""Where a camera's view lies on the plan of its site: points that a planner placed, and the map that fits them. Pure.

Rules:
1. A point is known in the frame (fractions) and on the plan (fractions). ``scale`` takes the plan as drawn to scale: the
   camera's ground points give metres, and a similarity (turn, scale, shift: four unknowns) carries them to the plan by least
   squares, from two points on. ``stretch`` is an affine map (six), from three on. ``free`` needs no ground points: a homography
   from the frame to the plan (eight), from four on. Ground and plan are flat.
2. A camera and the reader of a plan look at the ground from above, so the map keeps the sense of turning; that settles
   whether metres count to the left or to the right, which two points could not. A map that turns it over is refused.
3. With more points than the map needs, what is left over (the residual) says how far each lies from where it was put. Where one is
   off by more than ``WORST`` of the largest distance between the points on the plan, the map is refused and the point named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, get_args

import numpy as np

from server.onplan import Array, Projection, homography
from server.pairs import Fit, Ground, Pair
from server.sites import SiteError

FITS: Final[tuple[Fit, ...]] = get_args(Fit)
LEAST: Final[dict[Fit, int]] = {"scale": 2, "stretch": 3, "free": 4}
MOST: Final = 6
WORST: Final = 0.1
# Points nearer to one another than this part of the plan carry their clicking error far across it.
NEAREST: Final = 0.02
# The least height of a triangle of points over its longest side.
_FLAT: Final = 0.03


@dataclass(frozen=True, slots=True)
class Placed:
    """A map from the frame to the plan's pixels; ``off``: by how much each point misses, in shares of the largest distance
    between the points on the plan; ``off_m``: in metres, of a plan drawn to scale; both None without a point to spare.
    """

    projection: Projection
    off: tuple[float, ...] | None
    off_m: tuple[float, ...] | None


def _points(pairs: Sequence[Pair], width: float, height: float) -> tuple[Array, Array]:
    frame = np.array([(one.x, one.y) for one in pairs], dtype=np.float64)
    return frame, np.array([(one.u * width, one.v * height) for one in pairs], dtype=np.float64)


def _span(points: Array) -> float:
    return max(float(np.hypot(*(one - other))) for one, other in combinations(points, 2))


def _flat(points: Array) -> bool:
    """Whether a triangle is all but a line."""
    (ax, ay), (bx, by), (cx, cy) = points
    twice = abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay))
    span = _span(points)
    return bool(span <= 0 or twice < _FLAT * span * span)


def _spread(points: Array, corners: int) -> bool:
    """Whether some three (four) of the points lie as a map needs them: no three of these on a line."""
    return any(
        not any(_flat(points[list(three)]) for three in combinations(some, 3))
        for some in combinations(range(len(points)), corners)
    )


def _check(pairs: Sequence[Pair], fit: Fit, ground: Ground | None) -> None:
    if fit not in FITS:
        raise SiteError("place_fit", f"the plan must be one of {', '.join(FITS)} (found {fit[:80]!r})", fit)
    if not LEAST[fit] <= len(pairs) <= MOST:
        raise SiteError(
            "place_few",
            f"{LEAST[fit]} to {MOST} points are needed for this plan (found {len(pairs)})",
            f"{len(pairs)} / {LEAST[fit]}",
        )
    for n, one in enumerate(pairs, 1):
        if not all(0 <= value <= 1 for value in (one.x, one.y, one.u, one.v)):
            raise SiteError("place_range", f"point {n} does not lie within the view and the plan", n)
    if fit != "free" and ground is None:
        raise SiteError(
            "place_ground",
            "the ground points of this camera are not known in metres; place four points freely",
        )


def _on_ground(frame: Array, ground: Ground) -> tuple[Array, Array]:
    """The map from the frame to metres that turn as the frame does, and the points in them.

    Raises:
        SiteError: ``place_ground`` or ``place_horizon``.
    """
    matrix = homography(ground.image, ground.metres)
    if matrix is None:
        raise SiteError("place_ground", "the ground points of this camera lie on a line")
    if np.linalg.det(matrix) < 0:
        matrix = np.diag([-1.0, 1.0, 1.0]) @ matrix
    metres = []
    for n, point in enumerate(frame.tolist(), 1):
        at = Projection(matrix).outline([(point[0], point[1])])
        if at is None:
            raise SiteError("place_horizon", f"point {n} lies at or beyond the horizon of the view", n)
        metres += at
    return matrix, np.array(metres, dtype=np.float64)


def _similarity(metres: Array, plan: Array) -> Array | None:
    """Least squares in complex numbers: plan = a metres + b."""
    one, other = metres @ np.array([1, 1j]), plan @ np.array([1, 1j])
    own = one - one.mean()
    size = float(np.vdot(own, own).real)
    if size <= 0:
        return None
    a = complex(np.vdot(own, other - other.mean()) / size)
    b = complex(other.mean() - a * one.mean())
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag], [0, 0, 1]])


def _affine(metres: Array, plan: Array) -> Array | None:
    if not _spread(metres, 3):
        return None
    rows = np.column_stack([metres, np.ones(len(metres))])
    found, *_ = np.linalg.lstsq(rows, plan, rcond=None)
    return np.vstack([found.T, [0, 0, 1]])


def _matrix(frame: Array, plan: Array, fit: Fit, ground: Ground | None) -> tuple[Array | None, float | None]:
    """From the frame to the plan, and the plan's pixels in a metre where it is drawn to scale."""
    if fit == "free" or ground is None:
        if not (_spread(frame, 4) and _spread(plan, 4)):
            return None, None
        return homography(frame.tolist(), plan.tolist()), None
    lay, metres = _on_ground(frame, ground)
    if fit == "stretch":
        found = _affine(metres, plan) if _spread(plan, 3) else None
        return (None if found is None else found @ lay), None
    found = _similarity(metres, plan)
    if found is None:
        return None, None
    return found @ lay, float(np.hypot(found[0, 0], found[1, 0]))


def place(pairs: Sequence[Pair], width: float, height: float, fit: Fit, ground: Ground | None) -> Placed:
    """The map that fits the points best.

    Args:
        pairs: two to six points.
        width: of the plan, in any unit (pixels).
        height: likewise.
        fit: what is taken of the plan.
        ground: the camera's ground points, or None where they are not known.

    Raises:
        SiteError: naming the rule that the points break, and the point where it is one.
    """
    _check(pairs, fit, ground)
    frame, plan = _points(pairs, width, height)
    for points, size in ((frame, 1.0), (plan, float(max(width, height)))):
        near = min(
            (float(np.hypot(*(points[i] - points[j]))), i, j) for i, j in combinations(range(len(points)), 2)
        )
        if near[0] < NEAREST * size:
            raise SiteError(
                "place_close",
                f"points {near[1] + 1} and {near[2] + 1} are too near to one another; choose points far apart",
                f"{near[1] + 1}, {near[2] + 1}",
            )
    matrix, scale = _matrix(frame, plan, fit, ground)
    if matrix is None or not np.isfinite(matrix).all():
        raise SiteError("place_line", "the points lie almost on a line, or cross over; spread them out")
    if np.linalg.det(matrix) <= 0:
        raise SiteError("place_mirror", "the points turn the other way round on the plan; two are swapped")
    projection = Projection(matrix)
    if len(pairs) == LEAST[fit]:
        return Placed(projection, None, None)
    laid = [projection.outline([(x, y)]) for x, y in frame.tolist()]
    miss = [
        np.inf if at is None else float(np.hypot(*(at[0] - put))) for at, put in zip(laid, plan, strict=True)
    ]
    # What double precision leaves over of an exact fit is no error.
    off = tuple(round(one / _span(plan), 6) for one in miss)
    worst = int(np.argmax(off))
    if off[worst] > WORST:
        raise SiteError(
            "place_off",
            f"the points do not fit one another: point {worst + 1} is off by {off[worst]:.0%} of the largest distance"
            " between them; check it, and whether two are swapped",
            worst + 1,
        )
    return Placed(projection, off, tuple(one / scale for one in miss) if scale else None)
