"""What on the road is not the road: two memories of the empty ground, and still blobs that differ from the older one.

1. Compared are slopes of the logarithm of light and of colour: a cloud, dusk, a lamp or the camera's own exposure multiplies the
   light of a whole neighbourhood and leaves them as they were.
2. The long memory learns in minutes, and nothing where something lies still; the short one in seconds, and tells what is
   still from what moves (two memories, as in Porikli, AVSS 2007).
3. A point's own restlessness, leaves or water or noise, raises what it must differ by.
4. Under people and vehicles nothing is learnt and nothing is judged.

Only sums of pixels live here, in memory; a blob leaves as numbers. Steps are in seconds, so one frame a second does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import FloatArray, ImageArray
from edge.still import Blob, Look

Mask = NDArray[np.bool_]

WIDTH: Final = 640  # pictures are looked at this wide at most
SHORT_S: Final = 2.5
LONG_S: Final = 180.0
LEARN_S: Final = 8.0  # until then nothing is judged
# Least differences of slopes, in natural logarithms a pixel.
LIGHT: Final = 0.022
COLOUR: Final = 0.020
RESTLESS: Final = 3.0  # times a point's usual restlessness
# Shares of the road's own slope by which it may change with the light: along it, a post turns from dark to bright; across it, little.
ALONG: Final = 1.2
ACROSS: Final = 0.6
DARK: Final = 8.0  # median light of the road, of 255, below which nothing can be judged
SETTLED_S: Final = 3.0  # for so long a point must have been different and still
FADING: Final = 3.0  # times as fast as it grew it is forgotten again
LASTING_S: Final = 20.0  # longer makes a point no surer
GAP_S: Final = 3.0  # a longer gap between two pictures counts as this much
LEAST: Final = 12  # points that differ, of a blob, in the picture that is looked at
CLOSE: Final = 9  # pixels between two outlines of one thing
MAX_BLOBS: Final = 48
_PACE: Final = 0.05  # of the restlessness, units a second
_FLOOR: Final = 10.0  # added to light, of 255, so that the noise of dark pictures is no contrast


class Ground:
    """The memories of one camera's road. ``mask`` (H, W) bool in pixels of the frame: where to look.

    Raises:
        ValueError: the mask is empty.
    """

    def __init__(self, mask: Mask) -> None:
        height, width = mask.shape
        self._scale = min(1.0, WIDTH / width)
        self._wh = (round(width * self._scale), round(height * self._scale))
        road = cv2.resize(mask.astype(np.uint8), self._wh, interpolation=cv2.INTER_NEAREST) > 0
        rows, columns = np.flatnonzero(road.any(axis=1)), np.flatnonzero(road.any(axis=0))
        if not len(rows):
            raise ValueError("mask must hold at least one point of road (got none)")
        self._part = (
            slice(max(0, rows[0] - CLOSE), rows[-1] + CLOSE + 1),
            slice(max(0, columns[0] - CLOSE), columns[-1] + CLOSE + 1),
        )
        self._corner = np.array([self._part[1].start, self._part[0].start], np.float64)
        self._road = road[self._part]
        shape = self._road.shape
        self._long = np.zeros((4, *shape), np.float32)
        self._short = np.zeros((4, *shape), np.float32)
        self._light = np.zeros(shape, np.float32)  # log light of the empty road
        self._restless = np.zeros(shape, np.float32)
        self._structure = np.zeros(shape, np.float32)  # the greatest slope that the road had, fading
        self._since = np.zeros(shape, np.float32)
        self._learnt_s = np.zeros(shape, np.float32)
        self._at: float | None = None

    def look(self, image: ImageArray, at: float, busy: FloatArray) -> Look:
        """One picture (H, W, 3) uint8 BGR at ``at`` seconds; ``busy`` (N, 4): boxes of people and vehicles, frame pixels."""
        step = 0.0 if self._at is None else min(max(at - self._at, 0.0), GAP_S)
        first, self._at = self._at is None, at
        light, slopes = self._features(image)
        if first:
            self._long[:], self._short[:], self._light[:] = slopes, slopes, light
        hidden = self.inside(busy, 0.12)
        open_ = ~hidden
        share = float((open_ & self._road).sum() / self._road.sum())
        # The median: a white van on the road is no sunshine.
        level = float(np.exp(np.median(light[self._road]))) - _FLOOR
        if level < DARK:
            return Look((), share, level, dark=True, learnt=self._learnt_share(), slopes=self.slopes)
        change = _change(slopes, self._long)
        away, apart = _length(change), _length(_change(slopes, self._short))
        beyond = self._beyond(change)
        known = self._learnt_s >= LEARN_S
        differs = (beyond > 1.0) & known & open_
        still = apart < np.maximum(1.0, 0.5 * away)
        grown = np.where(differs & still, step, np.where(open_, -FADING * step, 0.0))
        self._since = np.clip(self._since + grown, 0.0, LASTING_S).astype(np.float32)
        self._learn(light, slopes, away, step, open_, usual=beyond < 1.0)
        static = (self._since >= SETTLED_S) & self._road
        blobs = tuple(self._blobs(static, light, slopes))
        return Look(blobs, share, level, dark=False, learnt=self._learnt_share(), slopes=self.slopes)

    def absorb(self, boxes: Sequence[NDArray[np.float64]]) -> None:
        """What lies in these boxes (4,), pixels of the frame, belongs to the road from now on."""
        if boxes:
            inside = self.inside(np.array(boxes).reshape(-1, 4), 0.15)
            self._long[:, inside] = self._short[:, inside]
            self._since[inside] = 0.0

    def _beyond(self, change: FloatArray) -> FloatArray:
        """(h, w): a change (4, h, w) of the road's slopes in units of what light and its restlessness explain there."""
        least = np.maximum(1.0, RESTLESS * self._restless)
        x, y = self._long[0], self._long[1]
        length = np.sqrt(x * x + y * y) + 1e-6
        along = (change[0] * x + change[1] * y) / length
        across = (change[0] * y - change[1] * x) / length
        colour = np.sqrt(change[2] ** 2 + change[3] ** 2)
        wide, narrow = least + ALONG * self._structure, least + ACROSS * self._structure
        beyond: FloatArray = np.sqrt((along / wide) ** 2 + (across**2 + colour**2) / narrow**2)
        return beyond

    def slopes(self, box: NDArray[np.float64]) -> tuple[float, float]:
        """The mean slope of light and colour in a box (4,), pixels of the frame: now (of some seconds), and in the road's memory."""
        inside = self.inside(box[None], 0.0)
        if not inside.any():
            return 0.0, 0.0
        now, then = (memory[:, inside] for memory in (self._short, self._long))
        return tuple(float(np.hypot(m[0], m[1]).mean() + np.hypot(m[2], m[3]).mean()) for m in (now, then))  # type: ignore[return-value]

    def _learnt_share(self) -> float:
        return float((self._learnt_s[self._road] >= LEARN_S).mean())

    def inside(self, boxes: NDArray[np.floating], grow: float) -> Mask:
        """Points of the part that is looked at inside of boxes (N, 4), frame pixels, grown by a share of their size."""
        found = np.zeros(self._road.shape, bool)
        for box in np.asarray(boxes, np.float64).reshape(-1, 4):
            size = box[2:] - box[:2]
            x1, y1 = (box[:2] - grow * size) * self._scale - self._corner
            x2, y2 = (box[2:] + grow * size) * self._scale - self._corner
            found[max(0, int(y1)) : max(0, int(np.ceil(y2))), max(0, int(x1)) : max(0, int(np.ceil(x2)))] = (
                True
            )
        return found

    def _features(self, image: ImageArray) -> tuple[FloatArray, FloatArray]:
        """Log light (h, w) of the part that is looked at, and the slopes (4, h, w) of light and of colour, x and y."""
        small = image if self._scale == 1.0 else cv2.resize(image, self._wh, interpolation=cv2.INTER_AREA)
        part = cv2.GaussianBlur(small[self._part], (5, 5), 0).astype(np.float32) + _FLOOR
        blue, green, red = part[..., 0], part[..., 1], part[..., 2]
        light = np.log(0.114 * blue + 0.587 * green + 0.299 * red)
        colour = np.log(red / blue)
        slopes = [
            cv2.Sobel(plane, cv2.CV_32F, dx, dy, ksize=3, scale=0.125)
            for plane in (light, colour)
            for dx, dy in ((1, 0), (0, 1))
        ]
        return np.asarray(light, np.float32), np.asarray(slopes, np.float32)

    def _learn(
        self,
        light: FloatArray,
        slopes: FloatArray,
        away: FloatArray,
        step: float,
        open_: Mask,
        *,
        usual: Mask,
    ) -> None:
        self._learnt_s[open_] += step
        short = np.where(open_, 1 - np.exp(-step / SHORT_S), 0.0).astype(np.float32)
        self._short += short * (slopes - self._short)
        free = open_ & (self._since <= 0)
        young = np.maximum(self._learnt_s, step + 1e-3)
        rate = np.where(young < LONG_S, step / young, 1 - np.exp(-step / LONG_S))
        rate = np.where(free, rate, 0.0).astype(np.float32)
        self._long += rate * (slopes - self._long)
        self._light += np.maximum(rate, np.where(free, 0.05, 0.0)).astype(np.float32) * (light - self._light)
        own = np.where(
            free & (usual | (self._learnt_s < LEARN_S)), _length(_change(slopes, np.float32(0.0))), 0.0
        )
        self._structure = np.maximum(
            self._structure * np.float32(np.exp(-step / LONG_S)), np.minimum(own, 20.0)
        ).astype(np.float32)
        # The three quarters quantile of how far it usually is, so that traffic in a quarter of the time makes no point restless.
        pace = np.where(free, np.maximum(_PACE, 1.0 / np.maximum(young, 1.0)) * step, 0.0).astype(np.float32)
        self._restless += pace * np.where(away > self._restless, np.float32(0.75), np.float32(-0.25))
        np.clip(self._restless, 0.0, 3.0, out=self._restless)

    def _blobs(self, static: Mask, light: FloatArray, slopes: FloatArray) -> list[Blob]:
        closed = cv2.morphologyEx(static.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((CLOSE, CLOSE), np.uint8))
        _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
        order = np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:MAX_BLOBS] + 1
        found = []
        for label in order:
            x, y, w, h, area = (int(v) for v in stats[label])
            if area < LEAST:
                break
            cut = (slice(y, y + h), slice(x, x + w))
            found.append(self._blob(labels[cut] == label, static[cut], cut, light, slopes))
        return found

    def _blob(
        self, shape: Mask, static: Mask, cut: tuple[slice, slice], light: FloatArray, slopes: FloatArray
    ) -> Blob:
        points = cv2.findNonZero(shape.astype(np.uint8))
        hull = cv2.fillConvexPoly(np.zeros(shape.shape, np.uint8), cv2.convexHull(points), 1).astype(bool)
        here, then = slopes[:, *cut], self._long[:, *cut]
        own = static & shape
        change = light[cut] - self._light[cut]
        wide = tuple(slice(max(0, part.start - 5), part.stop + 5) for part in cut)
        around = light[wide] - self._light[wide]
        corner = (np.array([cut[1].start, cut[0].start]) + self._corner) / self._scale
        size = np.array([shape.shape[1], shape.shape[0]]) / self._scale
        inner = hull & ~own if (hull & ~own).sum() >= 6 else hull
        alike, kept = _alike(here[:2, inner], then[:2, inner])
        return Blob(
            xyxy=np.concatenate([corner, corner + size]),
            area=float(hull.sum()) / self._scale**2,
            outline=float(own.sum()) / self._scale,
            light=float(np.median(change[hull]) - np.median(around)),
            colour=float(np.hypot(*(here - then)[2:])[own].mean()),
            edge_now=float(np.hypot(*here[:2])[own].mean() + np.hypot(*here[2:])[own].mean()),
            edge_then=float(np.hypot(*then[:2])[own].mean() + np.hypot(*then[2:])[own].mean()),
            alike=alike,
            kept=kept,
            one_way=_one_way((here - then)[:2, own]),
            since_s=float(self._since[cut][own].max()),
        )


def _change(slopes: FloatArray, memory: FloatArray | np.float32) -> FloatArray:
    """(4, h, w): slopes less a memory of them, in units of the least difference."""
    change: FloatArray = slopes - memory
    change[:2] *= 1 / LIGHT
    change[2:] *= 1 / COLOUR
    return change


def _length(change: FloatArray) -> FloatArray:
    """(h, w): how large a change (4, h, w) is."""
    length: FloatArray = np.sqrt(np.square(change).sum(axis=0))
    return length


def _alike(here: FloatArray, then: FloatArray) -> tuple[float, float]:
    """How well slopes (2, N) agree with those of the road, -1 to 1: in direction, and in direction and size.

    The first is their correlation, the second twice the common sum over the sum of both squares (as Lin's concordance, Biometrics
    45, 1989, for means of zero): what has been learnt of a thing by a tenth points the same way, and must not pass for the road.
    """
    common, a, b = float((here * then).sum()), float((here**2).sum()), float((then**2).sum())
    return (common / (a * b) ** 0.5, 2 * common / (a + b)) if min(a, b) > 1e-9 else (0.0, 0.0)


def _one_way(change: FloatArray) -> float:
    """Of slopes (2, N), the length of their mean as a share of their mean length."""
    mean = float(np.hypot(*change).mean())
    return float(np.hypot(*change.mean(axis=1))) / mean if mean > 1e-6 else 0.0
