"""The ground plane of one camera: pixels to metres and back, from four points.

Homography by the direct linear transform on normalised points (Hartley and Zisserman, Multiple View Geometry,
2nd ed. 2004, ch. 4). Heights need more than a homography: focal length and height of the camera follow from it under
square pixels and a principal point in the frame's middle (ibid. ch. 8; Zhang, PAMI 22, 2000).

Points are (N, 2) float64: pixels with y down, or metres on the ground in the axes of the configuration. A result that
does not exist (beyond the horizon, behind the camera) is NaN.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from contract.messages import GroundConfig
from edge.geometry import polygon_area
from edge.ground_points import check_points, metres_per_degree, place

Points = NDArray[np.float64]

_HORIZON_PX: Final = 1.0  # a point this near to the horizon may as well lie beyond it
# A hand places a point to this share of the frame's width; heights that it changes by more than this share of
# themselves are not known.
_HAND: Final = 0.002
_UNSURE: Final = 0.15
_FOCAL: Final = (0.3, 12.0)  # plausible focal lengths, in widths of the frame: 118 to 5 degrees


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """How the camera looks at the ground: ``focal_px``, ``height_m`` above it, ``tilt_deg`` below the horizontal.

    ``ground`` (3, 3) takes ground points to the camera's axes, in metres; ``up`` (3,) is the vertical there.
    """

    focal_px: float
    height_m: float
    tilt_deg: float
    ground: Points
    up: Points

    def nadir(self, wh: tuple[int, int]) -> tuple[float, float]:
        """The pixel at which everything upright points: straight below the camera, far outside the frame."""
        x, y = self.focal_px * self.up[:2] / min(float(self.up[2]), -1e-6)
        return float(x) + wh[0] / 2, float(y) + wh[1] / 2


@dataclass(frozen=True, slots=True, eq=False)
class GroundPlane:
    """The flat ground in front of one camera, for frames of ``wh`` (width, height) pixels.

    ``to_frame`` and ``to_ground`` (3, 3) are each other's inverses, their third coordinate positive in front of the
    camera. ``view`` is None where heights cannot be known; ``origin`` the (lon, lat) of (0, 0), if that is known.
    """

    wh: tuple[int, int]
    to_frame: Points
    to_ground: Points
    view: View | None
    origin: tuple[float, float] | None

    @staticmethod
    def of(config: GroundConfig, wh: tuple[int, int]) -> GroundPlane:
        """The plane of a camera's configuration at one frame size.

        Raises:
            ValueError: when no plane follows from the points (see `edge.ground_points.check_points`).
        """
        check_points(config.image, config.metres, config.lonlat)
        image = np.array(config.image, np.float64) * np.array(wh, np.float64)
        origin = None if config.lonlat is None else config.lonlat[0]
        ground = place(config.metres, config.lonlat)
        to_image = _homography(ground, image)
        to_ground = np.asarray(np.linalg.inv(to_image), np.float64)
        return GroundPlane(wh, to_image, to_ground, _sure_view(ground, image, wh), origin)

    @property
    def height_from(self) -> Literal["camera", "row"]:
        """Where heights come from: the recovered camera, or the scale along the image row of the feet.

        The row's scale is right for a camera that looks level; the more it looks down, the smaller it makes people.
        """
        return "row" if self.view is None else "camera"

    def to_metres(self, points: ArrayLike) -> Points:
        """Ground points (N, 2) under pixels (N, 2); NaN where a pixel shows no ground."""
        mapped = _homogeneous(points) @ self.to_ground.T
        # The third coordinate falls evenly towards the horizon, where it is 0.
        slope = np.hypot(self.to_ground[2, 0], self.to_ground[2, 1])
        return _divide(mapped, slope * _HORIZON_PX)

    def to_pixels(self, points: ArrayLike) -> Points:
        """Pixels (N, 2), also outside the frame, of ground points (N, 2); NaN for points behind the camera."""
        return _divide(_homogeneous(points) @ self.to_frame.T, 0.0)

    def to_lonlat(self, points: ArrayLike) -> Points | None:
        """(lon, lat) (N, 2) degrees under pixels (N, 2); None where the ground was given in metres."""
        if self.origin is None:
            return None
        lonlat = np.asarray(self.origin) + self.to_metres(points) / metres_per_degree(self.origin[1])
        lonlat[:, 0] = (lonlat[:, 0] + 180) % 360 - 180
        return lonlat

    def distance_m(self, a: ArrayLike, b: ArrayLike) -> Points:
        """Metres (N,) on the ground between pixels ``a`` and ``b``, each (N, 2)."""
        return _length(self.to_metres(a) - self.to_metres(b))

    def area_m2(self, polygon: ArrayLike) -> float | None:
        """Square metres of a polygon (M, 2) of pixels; None when it touches the horizon, where the area has no end."""
        corners = self.to_metres(polygon)
        return None if np.isnan(corners).any() else polygon_area(corners)

    def px_per_metre(self, points: ArrayLike) -> Points:
        """Local scale (N,) at pixels (N, 2), along the image row; away from the camera a metre is shorter."""
        at = self.to_metres(points)
        weight = np.where(np.isnan(at[:, 0]), np.nan, _homogeneous(points) @ self.to_ground[2])
        along = (self.to_ground[:2, 0] - at * self.to_ground[2, 0]) / weight[:, None]
        scale: Points = 1 / _length(along)
        return scale

    def upright_px(self, feet: ArrayLike) -> Points:
        """Pixels (N,) of the first metre of height above feet (N, 2), pixels; NaN without a `view`."""
        if self.view is None:
            return np.full(len(np.asarray(feet).reshape(-1, 2)), np.nan)
        return _apparent(self.view, self.to_metres(feet))

    def size_m(self, xyxy: ArrayLike) -> Points:
        """Width and height (N, 2) in metres of upright objects that stand at the bottom centre of boxes (N, 4).

        The width lies along the box's lower edge. For heights see `height_from`.
        """
        boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
        width = self.distance_m(boxes[:, [0, 3]], boxes[:, [2, 3]])
        foot = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)
        if self.view is None:
            return np.stack([width, (boxes[:, 3] - boxes[:, 1]) / self.px_per_metre(foot)], axis=1)
        height = _upright(self.view, self.to_metres(foot), boxes[:, 1] - self.wh[1] / 2)
        return np.stack([width, height], axis=1)


def _homogeneous(points: ArrayLike) -> Points:
    flat = np.asarray(points, np.float64).reshape(-1, 2)
    return np.column_stack([flat, np.ones(len(flat))])


def _divide(mapped: Points, least: float) -> Points:
    """(N, 2) of homogeneous (N, 3), NaN where the third coordinate is not above ``least``."""
    weight = np.where(mapped[:, 2] > least, mapped[:, 2], np.nan)
    divided: Points = mapped[:, :2] / weight[:, None]
    return divided


def _length(vectors: Points) -> Points:
    length: Points = np.sqrt((vectors**2).sum(axis=1))
    return length


def _homography(source: Points, target: Points) -> Points:
    """(3, 3) that takes four points to four others, third coordinate positive at all of them."""
    forth, back = _normaliser(source), _normaliser(target)
    rows = []
    for p, q in zip(_homogeneous(source) @ forth.T, _homogeneous(target) @ back.T, strict=True):
        rows += [[*(p * 0), *(-p), *(q[1] * p)], [*p, *(p * 0), *(-q[0] * p)]]
    *_, null = np.linalg.svd(np.array(rows))[2]
    found = np.linalg.inv(back) @ null.reshape(3, 3) @ forth
    facing: Points = found * np.sign((_homogeneous(source) @ found[2]).sum())
    return facing


def _normaliser(points: Points) -> Points:
    """(3, 3) that moves points to mean 0 and mean distance sqrt(2) (Hartley, PAMI 19, 1997)."""
    centre = points.mean(axis=0)
    scale = np.sqrt(2) / _length(points - centre).mean()
    x, y = -scale * centre
    return np.array([[scale, 0, x], [0, scale, y], [0, 0, 1]], np.float64)


def _sure_view(ground: Points, image: Points, wh: tuple[int, int]) -> View | None:
    """The camera, unless points placed by hand would leave heights uncertain."""
    view = _view(_homography(ground, image), wh)
    if view is None:
        return None
    middle, step = ground.mean(axis=0)[None], _HAND * wh[0]
    errors = []
    for row, column in itertools.product(range(4), range(2)):
        moved = image.copy()
        moved[row, column] += step
        other = _view(_homography(ground, moved), wh)
        if other is None:
            return None
        # How tall something appears goes with the camera's height and its distance; both follow from the view.
        errors.append(float(np.log(_apparent(other, middle) / _apparent(view, middle))[0]))
    return view if float(np.sqrt(np.square(errors).sum())) <= _UNSURE else None


def _apparent(view: View, at: Points) -> Points:
    """Pixels per metre of height (N,) at the feet (N, 2), metres."""
    _, y, z = view.ground @ _homogeneous(at).T
    apparent: Points = view.focal_px * np.abs(view.up[1] * z - view.up[2] * y) / z**2
    return apparent


def _view(to_image: Points, wh: tuple[int, int]) -> View | None:
    """The camera behind a homography, or None when none with square pixels and a central axis can be."""
    centred = np.array([[1, 0, -wh[0] / 2], [0, 1, -wh[1] / 2], [0, 0, 1.0]]) @ to_image
    a, b, c = centred
    # Both axes of the ground are unit vectors at a right angle: two equations in 1/focal^2, weighed so that the
    # answer does not depend on how the axes lie.
    squares = np.array([2 * (a[0] * a[1] + b[0] * b[1]), a[0] ** 2 + b[0] ** 2 - a[1] ** 2 - b[1] ** 2])
    depths = np.array([2 * c[0] * c[1], c[0] ** 2 - c[1] ** 2])
    inverse = -float(squares @ depths) / max(float(squares @ squares), 1e-300)
    if not inverse > 0 or not _FOCAL[0] <= (focal := inverse**-0.5) / wh[0] <= _FOCAL[1]:
        return None
    axes = np.diag([1 / focal, 1 / focal, 1.0]) @ centred
    axes /= np.sqrt(np.linalg.norm(axes[:, 0]) * np.linalg.norm(axes[:, 1]))
    up = np.cross(axes[:, 0], axes[:, 1])
    up /= np.linalg.norm(up)
    up *= -np.sign(up @ axes[:, 2])  # the camera, at (0, 0, 0), is above the ground
    return View(
        focal, float(-up @ axes[:, 2]), float(np.degrees(np.arcsin(np.clip(-up[2], -1, 1)))), axes, up
    )


def _upright(view: View, feet: Points, top: Points) -> Points:
    """Heights (N,) in metres from the feet, metres (N, 2), to the image rows ``top`` (N,), pixels from the middle."""
    _, y, z = view.ground @ _homogeneous(feet).T
    with np.errstate(divide="ignore", invalid="ignore"):
        height = (top * z - view.focal_px * y) / (view.focal_px * view.up[1] - top * view.up[2])
    return np.where(height >= 0, height, np.nan)
