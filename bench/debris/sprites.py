"""Things that fall on roads, drawn: each a BGRA picture of its own size, lit from the left, with a contact shadow. Pure but for cv2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Sprite = NDArray[np.uint8]
FINE: Final = 4  # drawn so many times larger, then shrunk


def _canvas(w: int, h: int) -> NDArray[np.uint8]:
    return np.zeros((h * FINE, w * FINE, 4), np.uint8)


def _colour(rng: np.random.Generator, low: int, high: int) -> tuple[int, int, int]:
    b, g, r = (int(v) for v in rng.integers(low, high, 3))
    return b, g, r


def _fill(canvas: NDArray[np.uint8], points: NDArray[np.float64], bgr: tuple[int, int, int]) -> None:
    cv2.fillPoly(canvas, [points.round().astype(np.int32)], (*bgr, 255), cv2.LINE_AA)


def _carton(w: int, h: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A box: a lit top, a lit and a shaded side."""
    canvas = _canvas(w, h)
    base = np.array(
        [[70, 110, 150], [150, 150, 150], [60, 60, 170], [170, 120, 60], [40, 140, 60]][int(rng.integers(5))]
    )
    x, y, skew = w * FINE - 1, h * FINE - 1, rng.uniform(0.35, 0.65)
    top = rng.uniform(0.25, 0.45) * y
    faces = (
        (np.array([[0, top], [skew * x, top * 1.4], [skew * x, y], [0, y * 0.92]]), 0.75),
        (np.array([[skew * x, top * 1.4], [x, top], [x, y * 0.92], [skew * x, y]]), 0.5),
        (np.array([[0, top], [x - skew * x, 0], [x, top], [skew * x, top * 1.4]]), 1.1),
    )
    for points, light in faces:
        b, g, r = (int(v) for v in np.clip(base * light, 0, 255))
        _fill(canvas, points, (b, g, r))
    return canvas


def _tyre(w: int, h: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A ring lying on the road."""
    canvas = _canvas(w, h)
    centre, axes = (w * FINE // 2, h * FINE // 2), (w * FINE // 2 - 1, h * FINE // 2 - 1)
    dark = int(rng.integers(18, 40))
    cv2.ellipse(canvas, centre, axes, 0, 0, 360, (dark, dark, dark, 255), -1, cv2.LINE_AA)
    cv2.ellipse(
        canvas,
        centre,
        (axes[0] * 9 // 10, axes[1] * 7 // 10),
        0,
        180,
        360,
        (95, 95, 95, 255),
        FINE,
        cv2.LINE_AA,
    )
    cv2.ellipse(canvas, centre, (axes[0] // 2, axes[1] // 2), 0, 0, 360, (10, 10, 10, 255), -1, cv2.LINE_AA)
    return canvas


def _plank(w: int, h: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A long flat thing across the box."""
    canvas = _canvas(w, h)
    x, y, thick = w * FINE - 1, h * FINE - 1, max(0.3 * h * FINE, 2.0 * FINE)
    up = rng.random() < 0.5
    ends = np.array([[0, y], [x, thick]]) if up else np.array([[0, thick], [x, y]])
    points = np.array([ends[0], ends[1], ends[1] - [0, thick], ends[0] - [0, thick]])
    _fill(canvas, points, [(70, 120, 165), (60, 90, 120), (190, 190, 195)][int(rng.integers(3))])
    return canvas


def _bag(w: int, h: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A crumpled bag: a ragged outline with folds."""
    canvas = _canvas(w, h)
    angle = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    reach = rng.uniform(0.7, 1.0, 14)
    half = np.array([w * FINE / 2, h * FINE / 2])
    points = half + np.stack([np.cos(angle), np.sin(angle)], 1) * reach[:, None] * (half - 1)
    dark = rng.random() < 0.5
    body = _colour(rng, 15, 45) if dark else _colour(rng, 185, 235)
    _fill(canvas, points, body)
    for _ in range(5):
        a, b = points[rng.integers(14)], half + rng.normal(0, 0.2, 2) * half
        fold = tuple(int(np.clip(v + (35 if dark else -55), 0, 255)) for v in body)
        cv2.line(
            canvas,
            tuple(a.astype(int).tolist()),
            tuple(b.astype(int).tolist()),
            (*fold, 255),
            FINE,
            cv2.LINE_AA,
        )
    return canvas


def _branch(w: int, h: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A branch with leaves."""
    canvas = _canvas(w, h)
    x, y = w * FINE - 1, h * FINE - 1
    line = np.stack([np.linspace(0, x, 6), np.clip(y * (0.5 + rng.normal(0, 0.12, 6)), 0, y)], 1)
    cv2.polylines(
        canvas, [line.astype(np.int32)], False, (40, 60, 80, 255), max(FINE, h * FINE // 8), cv2.LINE_AA
    )
    for _ in range(14):
        at = line[rng.integers(6)] + rng.normal(0, 0.16, 2) * [x, y]
        size = (max(2, int(0.07 * x)), max(2, int(0.14 * y)))
        green = (30, int(rng.integers(70, 130)), int(rng.integers(30, 80)), 255)
        cv2.ellipse(
            canvas,
            tuple(np.clip(at, 0, [x, y]).astype(int).tolist()),
            size,
            int(rng.integers(180)),
            0,
            360,
            green,
            -1,
            cv2.LINE_AA,
        )
    return canvas


KINDS: Final[dict[str, Callable[[int, int, np.random.Generator], NDArray[np.uint8]]]] = {
    "carton": _carton, "tyre": _tyre, "plank": _plank, "bag": _bag, "branch": _branch,
}  # fmt: skip
# Height of the drawing as a share of its width, at least and at most.
SHAPES: Final = {
    "carton": (0.7, 1.0),
    "tyre": (0.45, 0.6),
    "plank": (0.3, 0.45),
    "bag": (0.5, 0.9),
    "branch": (0.35, 0.55),
}


def draw(kind: str, width_px: float, rng: np.random.Generator) -> Sprite:
    """One thing, ``width_px`` wide: (h, w, 4) uint8 BGRA."""
    w = max(4, round(width_px))
    h = max(3, round(width_px * rng.uniform(*SHAPES[kind])))
    large = KINDS[kind](w, h, rng)
    small = cv2.resize(large, (w, h), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def paste(image: NDArray[np.uint8], sprite: Sprite, x: int, y: int, *, ground: bool = True) -> None:
    """Lay a sprite on a picture, its upper left corner at x, y, over a soft contact shadow unless ``ground`` is False; in place."""
    h, w = sprite.shape[:2]
    pad = max(2, w // 6)
    y1, x1 = y - pad, x - pad
    if x1 >= image.shape[1] or y1 >= image.shape[0] or x + w + pad <= 0 or y + h + pad <= 0:
        return
    alpha = np.pad(sprite[..., 3].astype(np.float32) / 255, ((pad, pad), (pad, pad)))
    shadow = cv2.GaussianBlur(
        np.roll(alpha, (max(1, h // 12), max(1, w // 8)), (0, 1)), (0, 0), max(0.8, w / 18)
    )
    ys, xs = (
        slice(max(0, y1), min(image.shape[0], y1 + alpha.shape[0])),
        slice(max(0, x1), min(image.shape[1], x1 + alpha.shape[1])),
    )
    own = (slice(ys.start - y1, ys.stop - y1), slice(xs.start - x1, xs.stop - x1))
    colour = np.pad(sprite[..., :3].astype(np.float32), ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    under = image[ys, xs].astype(np.float32) * (1 - 0.4 * ground * shadow[own])[..., None]
    mixed = under * (1 - alpha[own])[..., None] + colour[own] * alpha[own][..., None]
    image[ys, xs] = np.clip(mixed, 0, 255).astype(np.uint8)
