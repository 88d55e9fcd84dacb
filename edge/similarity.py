"""How much a box looks like the same object as another: arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# A rider within the box of cycle and rider, shares of its width and height: off its middle, off its upper edge, and how
# far above the wheels the feet are.
_ASIDE, _HEAD, _ABOVE = 0.3, 0.12, (0.04, 0.5)


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


def riding(riders: NDArray[np.floating], wholes: NDArray[np.floating]) -> NDArray[np.float64]:
    """(R, W) in 0..1 how well a person's box (R, 4) fits as the rider in a box of cycle and rider together (W, 4).

    Heads agree, the rider sits over the middle, and ends above the wheels: who stands beside or before it does not.
    """
    size = (wholes[:, 2:] - wholes[:, :2])[None]
    aside = np.abs(riders[:, None, ::2].mean(axis=2) - wholes[None, :, ::2].mean(axis=2)) / size[..., 0]
    head = np.abs(riders[:, None, 1] - wholes[None, :, 1]) / size[..., 1]
    above = (wholes[None, :, 3] - riders[:, None, 3]) / size[..., 1]
    fits = (aside <= _ASIDE) & (head <= _HEAD) & (above >= _ABOVE[0]) & (above <= _ABOVE[1])
    result: NDArray[np.float64] = fits * (1 - aside / (2 * _ASIDE)) * (1 - head / (2 * _HEAD))
    return result
