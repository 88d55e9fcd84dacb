"""The values of a dry run, and the estimates they rest on.

That the height of an object grows linearly with its place down the frame is the geometry of a level camera over flat
ground (Hoiem, Efros and Hebert, "Putting Objects in Perspective", IJCV 80 (2008)); the line is fitted by the medians
of Theil (1950) and Sen (1968), so that half-hidden objects do not bend it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.names import ClassGroup

Array = NDArray[np.float64]

# Fewer objects or samples than these tell nothing about their kind.
LEAST_OBJECTS = 3
LEAST_SAMPLES = 12
# A height is judged after so many looks, and counts as found from this share of them on. Confidences this far above
# the threshold lie clear of it; nearer, as many as were found fall below it, and those objects are never followed.
LEAST_LOOKS = 40
FOUND = 0.5
SURELY = 0.8
_CLEAR = 0.2
SAMPLE_S = 0.5  # seconds between two samples of an object
ROWS = 64  # rows of the frame in which looks are counted
_BANDS = 8
# A spread of places below this share of the frame's height shows no perspective.
_LEAST_SPREAD = 0.08
_FIT_POINTS = 400
# Bounds of the height classes, shares of the frame's height.
_EDGES = 0.01 * 1.2 ** np.arange(30)
# Columns of a sample: anchor and size (fractions of the frame; NaN where the frame's edge cuts the box), velocity
# (box heights a second; 0 while the object stands, NaN where unknown), number of the object.
X, Y, W, H, VX, VY, WHO = range(7)


@dataclass(frozen=True, slots=True)
class Fit:
    """Height (fraction of the frame's) of an object whose anchor is at ``y``; seen between ``low`` and ``high``."""

    base: float
    slope: float
    low: float
    high: float

    def at(self, y: Array | float) -> Array:
        """Heights for places ``y`` (fractions), never below .002."""
        heights: Array = np.maximum(self.base + self.slope * np.asarray(y, np.float64), 0.002)
        return heights


@dataclass(frozen=True, slots=True)
class Band:
    """Medians of the objects whose anchor lies in one eighth of the frame, from the top: fractions of the frame."""

    y: float
    height: float
    width: float
    samples: int


@dataclass(frozen=True, slots=True)
class Found:
    """How surely objects between two heights (fractions) are found, from ``looks`` frames at so many objects.

    ``share`` is an estimate of the share of frames that find one: of the median object, how often it was found while
    it was followed, less what its confidence lacks of being clear of the threshold.
    """

    low: float
    high: float
    objects: int
    looks: int
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Sizes:
    """One class group.

    ``samples`` (N, 7), see the columns above; ``aspect`` is a box's width over its height, both in pixels, and
    ``moving_aspect`` that of moving objects; ``least_height`` the height under which objects are found in too
    few of the frames, None when no such height showed.
    """

    objects: int
    samples: Array
    height: Fit
    aspect: float
    moving_aspect: float
    bands: tuple[Band, ...]
    found: tuple[Found, ...]
    least_height: float | None

    @property
    def enough(self) -> bool:
        """Whether these sizes tell anything about other objects of the group."""
        return self.objects >= LEAST_OBJECTS and sum(band.samples for band in self.bands) >= LEAST_SAMPLES

    @property
    def share(self) -> float:
        """How often the objects of the median height class were found; 1 without a look."""
        shares = [item.share for item in self.found for _ in range(item.objects)]
        return float(np.median(shares)) if shares else 1.0

    def moving(self) -> Array:
        """The samples (K, 7) of objects in motion."""
        moving: Array = self.samples[_speed(self.samples) > 0]
        return moving

    def travel(self, fps: float) -> tuple[float, float] | None:
        """Median and 90th percentile of what moving objects travel between two frames, in their own heights."""
        speeds = _speed(self.moving())
        if not len(speeds) or fps <= 0:
            return None
        median, most = np.quantile(speeds, (0.5, 0.9)) / fps
        return float(median), float(most)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A dry run: ``seconds`` of it at ``fps`` frames a second; ``input_hw`` is the model's input, pixels.

    ``input_scale``: pixels of that input to one of the frame; None: as the whole frame fits into it.
    """

    seconds: float
    fps: float
    input_hw: tuple[int, int] | None
    groups: dict[ClassGroup, Sizes]
    input_scale: float | None = None

    def summary(self) -> dict[str, Any]:
        """Plain numbers for ``--json``: no single place, no single object."""
        return {
            "seconds": round(self.seconds, 2),
            "fps": round(self.fps, 2),
            "input": None if self.input_hw is None else list(self.input_hw),
            "groups": {group: _summary(sizes, self.fps) for group, sizes in self.groups.items()},
        }


def sizes_of(samples: Array, looks: Array, aspect: float, confidence: float) -> Sizes | None:
    """The sizes of one class group, None without a whole object.

    Args:
        samples: (N, 7), see the columns above.
        looks: (K, 5): of each object and row of its anchor its number, the row, how many frames looked at it there,
            how many of them found it, and the sum of their confidences.
        aspect: the frame's width over its height.
        confidence: from which a detection counts.
    """
    whole = samples[np.isfinite(samples[:, H])]
    if not len(whole):
        return None
    aspects = whole[:, W] / whole[:, H] * aspect
    moving = _speed(whole) > 0
    height = fit_height(whole[:, Y], whole[:, H])
    # By the height that an object has in its row: a half-hidden one is not a small one.
    place = np.digitize(height.at((looks[:, 1] + 0.5) / ROWS), _EDGES)
    return Sizes(
        objects=len(np.unique(whole[:, WHO])),
        samples=samples,
        height=height,
        aspect=float(np.median(aspects)),
        moving_aspect=float(np.median(aspects[moving] if moving.any() else aspects)),
        bands=_bands(whole),
        found=tuple(_found(looks[place == index], int(index), confidence) for index in np.unique(place)),
        least_height=least_height(looks, place, confidence),
    )


def _speed(samples: Array) -> Array:
    """Box heights a second (N,); NaN where unknown."""
    speed: Array = np.hypot(samples[:, VX], samples[:, VY])
    return speed


def fit_height(y: Array, height: Array) -> Fit:
    """The line through objects at ``y`` (N,) of ``height`` (N,), N > 0; level where they show no perspective."""
    low, high = (float(value) for value in np.quantile(y, (0.02, 0.98)))
    level = Fit(float(np.median(height)), 0.0, low, high)
    if len(y) < LEAST_SAMPLES or high - low < _LEAST_SPREAD:
        return level
    thin = np.linspace(0, len(y) - 1, min(len(y), _FIT_POINTS)).astype(int)
    first, second = np.triu_indices(len(thin), 1)
    rise, run = height[thin][second] - height[thin][first], y[thin][second] - y[thin][first]
    apart = np.abs(run) > _LEAST_SPREAD / 4
    slope = float(np.median(rise[apart] / run[apart])) if apart.any() else 0.0
    if slope <= 0:
        return level  # nothing grows with its distance: too few or too mixed objects
    return Fit(float(np.median(height - slope * y)), slope, low, high)


def least_height(looks: Array, place: NDArray[np.int64], confidence: float) -> float | None:
    """The height under which objects are found in too few of the frames, while larger ones are found.

    Args:
        looks: (K, 5), see `sizes_of`.
        place: (K,) the height class of each row of looks.
        confidence: from which a detection counts.
    """
    least = None
    for index in np.unique(place):
        here, below, above = (
            _found(looks[rows], index, confidence) for rows in (place == index, place <= index, place > index)
        )
        known = (
            min(below.objects, above.objects) >= LEAST_OBJECTS
            and min(below.looks, above.looks) >= LEAST_LOOKS
        )
        if known and max(here.share, below.share) < FOUND <= above.share:
            least = here.high
    return least


def _found(looks: Array, index: int, confidence: float) -> Found:
    """The median over objects, so that one behind a hedge does not speak for all."""
    who, which = np.unique(looks[:, 0], return_inverse=True)
    total, hits, sure = (np.bincount(which, looks[:, column], len(who)) for column in (2, 3, 4))
    clear = (sure / np.maximum(hits, 1) - confidence) / _CLEAR
    share = float(np.median(hits / total * clear.clip(0, 1))) if len(who) else 1.0
    low, high = (float(_EDGES[index - 1]) if index else 0.0), float(_EDGES[min(index, len(_EDGES) - 1)])
    return Found(low, high, len(who), int(total.sum()), share)


def _bands(samples: Array) -> tuple[Band, ...]:
    place = np.clip(samples[:, Y] * _BANDS, 0, _BANDS - 1).astype(int)
    medians = ((index, np.median(samples[place == index], axis=0)) for index in np.unique(place))
    return tuple(
        Band((int(index) + 0.5) / _BANDS, float(row[H]), float(row[W]), int((place == index).sum()))
        for index, row in medians
    )


def _summary(sizes: Sizes, fps: float) -> dict[str, Any]:
    travel = sizes.travel(fps)
    return {
        "objects": sizes.objects,
        "aspect": round(sizes.aspect, 3),
        "bands": [
            {
                "y": band.y,
                "height": round(band.height, 4),
                "width": round(band.width, 4),
                "samples": band.samples,
            }
            for band in sizes.bands
        ],
        "travel_heights": None
        if travel is None
        else {"median": round(travel[0], 3), "p90": round(travel[1], 3)},
        "found": [
            {
                "from": round(item.low, 4),
                "to": round(item.high, 4),
                "objects": item.objects,
                "looks": item.looks,
                "share": round(item.share, 3),
            }
            for item in sizes.found
        ],
        "least_height": None if sizes.least_height is None else round(sizes.least_height, 4),
    }
