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
GRID: Final = 3  # points along each side of a region
LEAST: Final = 4  # points that must be found again
WINDOW: Final = (13, 13)
GROWTH: Final = 0.02  # of a region's size, on each side and frame, where nothing can be followed
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
    enough = good.sum(axis=1) >= LEAST
    result = grown(regions)
    if enough.any():
        result[enough] = _moved(boxes[enough], points[enough], ends[enough], good[enough]) / scale
    return result


def grown(regions: Regions) -> Regions:
    """The regions a little larger, for whoever may have moved unseen."""
    margin = (regions[:, 2:] - regions[:, :2]) * GROWTH
    return np.concatenate((regions[:, :2] - margin, regions[:, 2:] + margin), axis=1)


def _moved(
    boxes: Regions, start: NDArray[np.float64], end: NDArray[np.float64], good: NDArray[np.bool_]
) -> Regions:
    """Boxes (N, 4) moved and scaled by the medians of their good (N, P) points, from ``start`` to ``end`` (N, P, 2)."""
    shift = _median(end - start, good[..., None])[:, None]
    middle = _median(start, good[..., None])[:, None]
    spread = np.abs(start - middle).sum(axis=2)
    wide = good & (spread > 1)
    wide[wide.sum(axis=1) < LEAST] = False
    ratio = np.abs(end - middle - shift).sum(axis=2) / spread.clip(1)
    scale = np.where(wide.any(axis=1), _median(ratio, wide), 1.0).clip(1 - _MOST_SCALE, 1 + _MOST_SCALE)[
        :, None
    ]
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    centre = middle[:, 0] + (centre - middle[:, 0]) * scale + shift[:, 0]
    return np.concatenate((centre - half * scale, centre + half * scale), axis=1)


def _median(values: NDArray[np.float64], good: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Medians over axis 1 of the good values; 1 where none is. Ten times faster than numpy.nanmedian on so few."""
    ranked = np.sort(np.where(good, values, np.inf), axis=1)
    count = np.broadcast_to(good, values.shape).sum(axis=1, keepdims=True)
    low, high = (np.take_along_axis(ranked, rank.clip(0), axis=1) for rank in ((count - 1) // 2, count // 2))
    found: NDArray[np.float64] = np.where(count > 0, (low + high) / 2, 1.0)[:, 0]
    return found
