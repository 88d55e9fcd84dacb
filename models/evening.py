"""A real picture taken by day, as a cheap camera would show it at dusk or night. Pure numpy and OpenCV.

Real pictures of the night are scarce, and where there are some their labels are poor: machines label the day better.
So the day's exact pictures are darkened, and its vehicles get their lights, a halo around each, and the cast that
sodium lamps, sensors without an infra-red filter and wrong white balances leave.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

LEAST_WIDTH: Final = 10.0  # pixels; the lights of a smaller vehicle are not seen apart
LIT_SHARE: Final = 0.75  # of the vehicles that have their lights on
CASTS: Final = (
    (1.0, 1.0, 1.0),
    (1.0, 0.72, 1.05),
    (0.6, 0.85, 1.1),
    (0.75, 0.6, 1.15),
    (1.15, 0.95, 0.75),
)  # BGR
TAIL, HEAD = (150.0, 90.0, 255.0), (255.0, 250.0, 245.0)  # BGR: both wash out to white in their middle


def evening(
    image: NDArray[np.uint8], vehicles: NDArray[Any], rng: np.random.Generator, padding: int = 114
) -> NDArray[np.uint8]:
    """The picture (H, W, 3) uint8 BGR at night; ``vehicles`` (N, 4) boxes x1, y1, x2, y2 in pixels that may be lit.

    Pixels that are exactly ``padding`` in all channels are no picture and stay.
    """
    frame = np.all(image == padding, axis=2)
    out = (image.astype(np.float32) / 255) ** np.float32(rng.uniform(0.9, 1.6))
    out *= np.float32(np.exp(rng.uniform(np.log(0.12), np.log(0.8))) * 255)
    lit = [box for box in vehicles if box[2] - box[0] >= LEAST_WIDTH and rng.random() < LIT_SHARE]
    if lit and rng.random() < 0.85:
        out += _lights(image.shape[:2], lit, rng)
    cast = np.asarray(CASTS[int(rng.integers(len(CASTS)))], np.float32)
    out = out * cast * np.exp(rng.normal(0, 0.08, 3)).astype(np.float32) + np.float32(rng.uniform(0, 14))
    if rng.random() < 0.15:  # infra-red
        out = np.repeat(out.mean(axis=2, keepdims=True), 3, axis=2)
    out *= np.float32(rng.uniform(0.9, 1.8))
    out += rng.standard_normal((*image.shape[:2], 1), np.float32) * np.float32(rng.uniform(0.5, 7))
    result: NDArray[np.uint8] = out.clip(0, 255).astype(np.uint8)
    result[frame] = padding
    return result


def _lights(
    shape: tuple[int, int], boxes: list[NDArray[Any]], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Two lamps and their halos on each box, (H, W, 3) to be added; drawn at half size, they are soft anyway."""
    half = (-(-shape[0] // 2), -(-shape[1] // 2))
    layer = np.zeros((*half, 3), np.float32)
    for x1, y1, x2, y2 in np.asarray(boxes, float) / 2:
        width, height = x2 - x1, y2 - y1
        colour = TAIL if rng.random() < 0.6 else HEAD
        y = y1 + height * rng.uniform(0.4, 0.72)
        radius = max(1, round(width * rng.uniform(0.02, 0.07)))
        inset = rng.uniform(0.06, 0.2)
        for x in (x1 + inset * width, x2 - inset * width):
            cv2.circle(layer, (round(x), round(y)), radius, colour, -1, cv2.LINE_AA)
    wide = float(rng.uniform(2, 8))
    soft = layer + 1.5 * cv2.GaussianBlur(layer, (0, 0), wide) + 2 * cv2.GaussianBlur(layer, (0, 0), 3 * wide)
    whole = cv2.resize(soft * np.float32(rng.uniform(0.4, 1.5)), (shape[1], shape[0]))
    return np.asarray(whole, np.float32)
