"""A picture turned into the few numbers that its faults are judged by (`edge.sight`); no picture is kept.

1. The picture is sampled to at most `WIDE` pixels across; its outlines are taken at `MAP` pixels across.
2. An outline is a direction, not a brightness: the gradient's angle, doubled so that light on dark and dark on light are
   the same, and its length in [0, 1) by how far it stands out of the noise. Light and its colour fall out of it (the
   idea is orientation correlation: Fitch, Kadyrov, Christmas, Kittler, BMVC 2002).
3. ``mark`` is a checksum of rows of the picture as decoded: it says "the very same", and nothing else.
"""

from __future__ import annotations

import zlib
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import FloatArray, ImageArray
from edge.sight import Look
from edge.smear import Blocks

WIDE: Final = 640
MAP: Final = 160
# Rows that the checksum reads at most, spread over the whole height.
ROWS: Final = 360
# Levels of grey that a step must have to count as an outline: this share of the picture's range, within these bounds.
STEP_SHARE: Final = 0.04
STEP_BOUNDS: Final = (1.5, 6.0)
# Objects hide what is behind them and throw shadows: their boxes are left out with this margin, in box sizes.
MARGIN: Final = 0.15
# Steps wider than this many pixels of the map are shades, not outlines: the light falling off, a bag over the lens.
_WIDE_STEP: Final = 9
_LEAST_BLOCKS: Final = 20
_BLOCK: Final = 16  # pixels of the sampled picture in which sharpness and noise are measured


def look_at(image: ImageArray, boxes: FloatArray, at: float) -> Look:
    """Measure a picture.

    Args:
        image: (H, W, 3) uint8 BGR.
        boxes: (N, 4) xyxy pixels of what was found in it; left out of its outlines.
        at: seconds within the run.
    """
    height, width = image.shape[:2]
    scale = min(1.0, WIDE / width)
    if scale < 1.0:
        size = (WIDE, max(1, round(height * scale)))
        sampled = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    else:
        sampled = image
    grey = cv2.cvtColor(sampled, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (MAP, max(1, round(MAP * height / width))), interpolation=cv2.INTER_AREA)
    low, high = _range(small)
    free = _free(boxes, (width, height), small.shape)
    sharp, blocks = _detail(grey, free)
    return Look(
        at=at,
        mark=zlib.crc32(image[:: -(-height // ROWS)].tobytes()),
        light=float(small.mean()) / 255,
        sharp=sharp,
        blocks=blocks,
        outlines=_outlines(small, high - low),
        free=free,
    )


def _range(small: ImageArray) -> tuple[float, float]:
    """Between which levels a picture's greys lie, but for the darkest and the brightest 2 %."""
    # np.percentile loads numpy.ma, in the middle of the counting, and takes longer.
    levels = np.sort(small[::2, ::2], axis=None)
    low, high = np.interp(np.array([0.02, 0.98]) * (len(levels) - 1), np.arange(len(levels)), levels)
    return float(low), float(high)


def _outlines(small: ImageArray, spread: float) -> FloatArray:
    """The doubled directions (h, w, 2) float32 of the outlines of a small grey picture."""
    soft = cv2.GaussianBlur(small.astype(np.float32), (3, 3), 0)
    soft -= cv2.blur(soft, (_WIDE_STEP, _WIDE_STEP))
    x, y = cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=0.125)
    step = float(np.clip(STEP_SHARE * spread, *STEP_BOUNDS))
    energy = x * x + y * y
    over = 1.0 / (energy + np.float32(step * step))
    return np.stack([(x * x - y * y) * over, 2 * x * y * over], axis=2)


def _detail(grey: ImageArray, free: NDArray[np.bool_]) -> tuple[float, Blocks]:
    """How sharp a picture is, and how sharp and noisy its blocks are: its second differences in blocks, at the finest scale and four times coarser.

    Noise is what the smoothest tenth of the blocks shows; sharpness is taken from the quarter with most detail.
    """
    quarter = max(grey.shape[1] // 4, 1), max(grey.shape[0] // 4, 1)
    size = max(grey.shape[1] // _BLOCK, 1), max(grey.shape[0] // _BLOCK, 1)
    fine = _roughness(grey, size)
    coarse = _roughness(cv2.resize(grey, quarter, interpolation=cv2.INTER_AREA), size)
    keep = cv2.resize(free.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    few = keep.sum() < _LEAST_BLOCKS
    fines, coarses = (np.sort(values if few else values[keep], axis=None) for values in (fine, coarse))
    noise = float(fines[len(fines) // 10])
    rough = float(coarses[3 * len(coarses) // 4 :].mean())
    sharp = (float(fines[3 * len(fines) // 4 :].mean()) - noise) / max(rough, 1.0)
    return sharp, Blocks(fine, coarse, noise, keep)


def _roughness(grey: ImageArray, size: tuple[int, int]) -> FloatArray:
    """Mean size of the second differences of a grey picture in ``size`` (across, down) blocks."""
    steps = cv2.convertScaleAbs(cv2.Laplacian(grey, cv2.CV_16S, ksize=1)).astype(np.float32)
    return np.asarray(cv2.resize(steps, size, interpolation=cv2.INTER_AREA), np.float32)


def _free(boxes: FloatArray, wh: tuple[int, int], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where (h, w) nothing was found."""
    free = np.ones(shape, np.bool_)
    scale = np.array([shape[1] / wh[0], shape[0] / wh[1]])
    for box in boxes.astype(np.float64):
        margin = MARGIN * (box[2:] - box[:2])
        first = np.floor((box[:2] - margin) * scale).astype(int).clip(0)
        last = np.ceil((box[2:] + margin) * scale).astype(int).clip(0)
        free[first[1] : last[1], first[0] : last[0]] = False
    return free
