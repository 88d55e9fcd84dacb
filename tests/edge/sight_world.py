"""A street that a camera sees, and what can befall its picture."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from contract.names import Flag
from edge.records import ImageArray

WH = (320, 180)
Alter = Callable[[ImageArray], ImageArray]


def street(second: float) -> ImageArray:
    """Houses, windows and a road, with a sensor's noise of this moment."""
    layout = np.random.default_rng(5)
    image = np.full((WH[1], WH[0], 3), 150, np.uint8)
    image[110:] = 90
    for _ in range(40):
        x, y = int(layout.integers(0, WH[0])), int(layout.integers(0, 150))
        w, h = layout.integers(6, 50, 2)
        level = layout.integers(20, 235, 3).tolist()
        cv2.rectangle(image, (x, y), (x + int(w), y + int(h)), level, -1)
    noise = np.random.default_rng(round(second * 1000) + 1000).normal(0, 2, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def knocked(image: ImageArray, right: float = 0.0, turn: float = 0.0) -> ImageArray:
    matrix = cv2.getRotationMatrix2D((WH[0] / 2, WH[1] / 2), turn, 1.0)
    matrix[0, 2] += right * WH[0]
    return np.asarray(cv2.warpAffine(image, matrix, WH, borderMode=cv2.BORDER_REFLECT), np.uint8)


STILL = street(-1)
FAULTS: dict[Flag, Alter] = {
    "frozen": lambda image: STILL,
    "dark": lambda image: (image * 0.04).astype(np.uint8),
    "degraded": lambda image: np.asarray(cv2.GaussianBlur(image, (0, 0), 3), np.uint8),
    "covered": lambda image: np.full_like(image, 60) + (image & 1),
    "moved": lambda image: knocked(image, right=0.05),
}


def drops(image: ImageArray) -> ImageArray:
    """Drops on two thirds of the lens: soft discs that stay where they are."""
    places = np.random.default_rng(3).random((60, 3))
    mask = np.zeros(image.shape[:2], np.uint8)
    for x, y, size in places:
        cv2.circle(mask, (round(x * WH[0]), round(y * WH[1])), round((0.03 + 0.06 * size) * WH[0]), 255, -1)
    return np.where(mask[:, :, None] > 0, cv2.GaussianBlur(image, (0, 0), 5), image).astype(np.uint8)


def lorry(image: ImageArray) -> ImageArray:
    """A smooth side before nearly half of the view."""
    image = image.copy()
    image[20:170, 80:230] = 170
    return image
