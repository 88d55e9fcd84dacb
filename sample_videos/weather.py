"""What lies between a scene and a picture of it: haze, rain, night, lenses, sensors, compression. Pure numpy and OpenCV.

For training stills only. The sample videos are drawn clean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .looks import Rng

Picture = NDArray[np.floating[Any]]  # (H, W, 3), BGR, 0..255


def _haze(image: Picture, rng: Rng, strength: float) -> Picture:
    """Grey that thickens towards the top of the picture, where things are far."""
    height = image.shape[0]
    grey = float(rng.uniform(120, 220))
    share = strength * np.linspace(1.0, 0.15, height, dtype=np.float32)[:, None, None]
    out: Picture = image * (1 - share) + grey * share
    return out


def _rain(image: Picture, rng: Rng) -> Picture:
    """Streaks, all falling the same way, and less contrast."""
    height, width = image.shape[:2]
    layer = np.zeros((height, width), np.uint8)
    slant, length = float(rng.uniform(-0.35, 0.35)), float(rng.uniform(8, 26))
    for _ in range(int(rng.integers(120, 700))):
        x, y = float(rng.uniform(0, width)), float(rng.uniform(-20, height))
        n = length * float(rng.uniform(0.5, 1.4))
        end = (round(x + slant * n), round(y + n))
        cv2.line(layer, (round(x), round(y)), end, int(rng.integers(40, 150)), 1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(layer, (3, 3), 0.7).astype(np.float32)[..., None]
    out: Picture = _haze(image, rng, float(rng.uniform(0.05, 0.3))) + soft * float(rng.uniform(0.3, 0.8))
    return out


def _glow(image: Picture, rng: Rng, lamps: Sequence[tuple[float, float, float]]) -> Picture:
    """Headlights and lamps seen head on: a white core in a halo. Rows of lamps: x, y, radius in pixels."""
    layer = np.zeros(image.shape[:2], np.float32)
    for x, y, radius in lamps:
        cv2.circle(layer, (round(x), round(y)), max(1, round(radius)), 255.0, -1, cv2.LINE_AA)
    wide = float(rng.uniform(2, 7))
    halo = layer + 2.5 * cv2.GaussianBlur(layer, (0, 0), wide) + 4 * cv2.GaussianBlur(layer, (0, 0), 3 * wide)
    tint = np.array((0.8, 0.95, 1.0), np.float32) * float(rng.uniform(0.5, 1.0))
    out: Picture = image + halo[..., None] * tint
    return out


def _lens(image: Picture, rng: Rng) -> Picture:
    """Out of focus, shaken, or darker in the corners."""
    if rng.random() < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.35, 1.3))).astype(np.float32)
    if rng.random() < 0.08:
        n = int(rng.integers(3, 6))
        kernel = np.zeros((n, n), np.float32)
        kernel[n // 2] = 1 / n
        image = cv2.filter2D(image, -1, kernel if rng.random() < 0.5 else kernel.T).astype(np.float32)
    if rng.random() < 0.25:
        height, width = image.shape[:2]
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        image = image * (1 - float(rng.uniform(0.1, 0.5)) * (x * x + y * y) / 2)[..., None]
    return image.astype(np.float32)


def _sensor(image: Picture, rng: Rng, night: bool) -> Picture:
    """Gain, gamma, white balance, infra-red grey, noise."""
    image = image * float(rng.uniform(0.75, 1.2)) + float(rng.uniform(-12, 18))
    if night:
        image = image * float(rng.uniform(1.0, 2.2))
    image = 255 * (image.clip(0, 255) / 255) ** float(rng.uniform(0.75, 1.3))
    if rng.random() < (0.4 if night else 0.06):
        image = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
    else:
        image = image * rng.uniform(0.93, 1.07, 3).astype(np.float32)
    if rng.random() < 0.6:
        spread = float(rng.uniform(1, 14 if night else 7))
        grain = rng.normal(0, spread, image.shape[:2])[..., None] + rng.normal(0, spread / 2, image.shape)
        image = image + grain
    return image.clip(0, 255).astype(np.float32)


def weathered(
    image: Any, rng: Rng, night: bool = False, lamps: Sequence[tuple[float, float, float]] = ()
) -> Any:
    """The picture (H, W, 3) BGR uint8 as some cheap camera would have taken it in some weather; same shape and type."""
    out = image.astype(np.float32)
    if night and lamps:
        out = _glow(out, rng, lamps)
    chance = rng.random()
    if chance < 0.12:
        out = _rain(out, rng)
    elif chance < 0.24:
        out = _haze(out, rng, float(rng.uniform(0.1, 0.6)))
    out = _sensor(_lens(out, rng), rng, night)
    quality = int(rng.integers(28, 96))
    done, packed = cv2.imencode(".jpg", out.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("the picture could not be encoded")
    return cv2.imdecode(packed, cv2.IMREAD_COLOR)
