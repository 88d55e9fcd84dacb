"""How much a box looks like the same object as another: arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def displacement(last: NDArray[np.floating], boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """(T, D) how far boxes (D, 4) lie from boxes (T, 4), in heights of the larger of the two.

    By heads or by feet, whichever are nearer: who steps behind something shrinks to what is left in sight.
    """
    height = np.maximum((last[:, 3] - last[:, 1])[:, None], (boxes[:, 3] - boxes[:, 1])[None])
    aside = np.abs(boxes[None, :, ::2].mean(axis=2) - last[:, None, ::2].mean(axis=2))
    upright = np.abs(boxes[None, :, 1::2] - last[:, None, 1::2]).min(axis=2)
    away: NDArray[np.float64] = np.hypot(aside, upright) / height
    return away


def grown_iou(
    tracks: NDArray[np.float64], detections: NDArray[np.float32], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """IoU (T, D) after growing both boxes of a pair on each side by the track's ``share`` (T,) of their mean side.

    Of the mean side, not of each: people are narrow but walk sideways.
    """
    sizes_t, sizes_d = tracks[:, 2:] - tracks[:, :2], detections[:, 2:] - detections[:, :2]
    margin_t = (share * sizes_t.mean(axis=1))[:, None, None]
    margin_d = (share[:, None] * sizes_d.mean(axis=1)[None, :])[..., None]
    low = np.maximum(tracks[:, None, :2] - margin_t, detections[None, :, :2] - margin_d)
    high = np.minimum(tracks[:, None, 2:] + margin_t, detections[None, :, 2:] + margin_d)
    shared = (high - low).clip(0).prod(axis=2)
    areas = (sizes_t[:, None, :] + 2 * margin_t).prod(axis=2) + (sizes_d[None] + 2 * margin_d).prod(axis=2)
    iou: NDArray[np.float64] = shared / np.maximum(areas - shared, 1e-9)
    return iou
