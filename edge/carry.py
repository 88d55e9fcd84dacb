"""Carries regions from one frame to the next along what moves in them: the mask's eyes between two detections.

A grid of points in each region is followed by the pyramidal Lucas-Kanade method on small grey pictures (Bouguet, 2001);
the region moves and grows by their medians. Half a dozen points survive noise, and people are no rigid bodies anyway.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import ImageArray
from edge.regions import Regions

SIDE: Final = 320  # pixels of the longer side of the small picture
GRID: Final = 4  # points along each side of a region
LEAST: Final = 4  # points that must be found again
WINDOW: Final = (13, 13)
GROWTH: Final = 0.05  # of a region's size, on each side and frame, where nothing can be followed
_MOST_SCALE: Final = 0.12  # by which a region grows or shrinks from frame to frame at most
_WORST: Final = 12.0  # mean grey levels by which a point found again may differ

Grey = NDArray[np.uint8]


def small_grey(image: ImageArray) -> Grey:
    """The frame (H, W, 3) uint8 BGR, small and grey."""
    scale = min(1.0, SIDE / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY))


def carried(regions: Regions, before: Grey, after: Grey, scale: float) -> Regions:
    """The regions (N, 4) of the frame ``before`` where they are in ``after``; ``scale``: small pixels to one of theirs.

    What cannot be followed stays and grows.
    """
    if not len(regions) or before.shape != after.shape:
        return grown(regions)
    boxes = regions * scale
    share = (np.arange(GRID) + 0.5) / GRID
    grid = np.stack(np.meshgrid(share, share), axis=-1).reshape(-1, 2)
    points = boxes[:, None, :2] + grid[None] * (boxes[:, None, 2:] - boxes[:, None, :2])
    start = points.reshape(-1, 1, 2).astype(np.float32)
    end, found, error = cv2.calcOpticalFlowPyrLK(before, after, start, None, winSize=WINDOW, maxLevel=3)
    height, width = before.shape
    inside = (points >= 0).all(axis=2) & (points < (width, height)).all(axis=2)
    good = (
        inside & (found.ravel() == 1).reshape(inside.shape) & (error.ravel() < _WORST).reshape(inside.shape)
    )
    ends = end.reshape(points.shape).astype(np.float64)
    result = grown(regions)
    for i in np.nonzero(good.sum(axis=1) >= LEAST)[0]:
        result[i] = _moved(boxes[i], points[i][good[i]], ends[i][good[i]]) / scale
    return result


def grown(regions: Regions) -> Regions:
    """The regions a little larger, for whoever may have moved unseen."""
    margin = (regions[:, 2:] - regions[:, :2]) * GROWTH
    return np.concatenate((regions[:, :2] - margin, regions[:, 2:] + margin), axis=1)


def _moved(box: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]) -> Regions:
    shift = np.median(end - start, axis=0)
    middle = np.median(start, axis=0)
    spread = np.abs(start - middle).sum(axis=1)
    wide = spread > 1
    scale = 1.0
    if wide.sum() >= LEAST:
        ratio = np.abs(end - middle - shift).sum(axis=1)[wide] / spread[wide]
        scale = float(np.clip(np.median(ratio), 1 - _MOST_SCALE, 1 + _MOST_SCALE))
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    centre = middle + (centre - middle) * scale + shift
    return np.concatenate((centre - half * scale, centre + half * scale))
