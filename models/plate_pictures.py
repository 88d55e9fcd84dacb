"""Rendered number plates, pasted into pictures of streets: what `models.train_plates` learns from.

No real plate is needed or used: a plate is dark signs on a bright field of a known shape. It is drawn in the French
forms (AA-123-AA with one or two blue bands, the older 123 ABC 45, the two-line one of motorcycles) and some of the
neighbours', seen at an angle, at any brightness between a dark evening and headlights, blurred and noisy. Beside it
come things that a plate must not be taken for: bars, lettering without a field, fields without lettering.

A sample is ``side`` x ``side`` pixels, grey; its target and its weight have a quarter of that. What lies in a vehicle's
box and was not pasted has no weight: a real plate may be there, and nobody has marked it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

CELL: Final = 4  # pixels of the picture to one of the target, along each side
LETTERS: Final = "ABCDEFGHJKLMNPQRSTVWXYZ"
_HIGH: Final = 44  # pixels of a plate as drawn, before it is seen from somewhere
_WIDTHS: Final = (14.0, 120.0)  # of a pasted plate, pixels of the sample
_ON_VEHICLE: Final = 0.7  # share of the plates that hang on a vehicle

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """``image`` (S, S) uint8; ``target`` (S/4, S/4) 1 where a plate is; ``weight`` of the same shape, 0 for unknown."""

    image: Grey
    target: Floats
    weight: Floats


def sample(rng: Rng, picture: Grey, vehicles: NDArray[np.float64], side: int) -> Sample:
    """A part of a grey picture (H, W), whose vehicles are boxes (N, 4) in pixels, with plates and no plates on it."""
    view, boxes = _cut(rng, picture, vehicles, side)
    canvas, target, weight = (
        view.astype(np.float32),
        np.zeros((side, side), np.float32),
        np.ones((side, side)),
    )
    for x1, y1, x2, y2 in boxes.clip(0, side).astype(int):
        weight[y1:y2, x1:x2] = 0
    for _ in range(int(rng.integers(0, 4))):
        corners = _place(rng, (rng.uniform(0, side), rng.uniform(0, side)), _log_uniform(rng, 10, 90), 1.5)
        shape = _paste(canvas, _no_plate(rng), corners, rng)
        weight[shape > 0.1] = 1
        target[shape > 0.1] = 0
    for _ in range(int(rng.choice((0, 1, 2, 3), p=(0.15, 0.45, 0.25, 0.15)))):
        middle, wide = _spot(rng, boxes, side)
        drawn = plate(rng)
        corners = _place(rng, middle, wide, 1.0, drawn.shape[0] / drawn.shape[1])
        shape = _paste(canvas, drawn, corners, rng)
        near = cv2.dilate(shape, np.ones((7, 7), np.uint8))
        weight[near > 0.05] = 1
        target[near > 0.05] = 0
        target[shape > 0.5] = 1
    image = _worn(rng, canvas)
    small = (side // CELL, side // CELL)
    shrunk = cv2.resize(target, small, interpolation=cv2.INTER_AREA)
    told = cv2.resize(weight.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    # A cell half on a plate is neither one nor the other.
    sure = (shrunk < 0.15) | (shrunk > 0.5)
    return Sample(image, (shrunk > 0.5).astype(np.float32), (told * sure).astype(np.float32))


def plate(rng: Rng) -> Grey:
    """A number plate from the front (h, w), grey, with its rim."""
    two_lines = rng.random() < 0.12
    lines = _words(rng, two_lines=two_lines)
    wide = round(_HIGH * (rng.uniform(1.3, 1.7) if two_lines else rng.uniform(4.0, 5.2)))
    high = _HIGH if not two_lines else round(_HIGH * rng.uniform(0.9, 1.1))
    field = rng.uniform(150, 255)
    canvas = np.full((high, wide), field, np.float32)
    canvas += np.linspace(-1, 1, wide, dtype=np.float32) * rng.uniform(-25, 25)
    left, right = 0.0, 0.0
    if not two_lines and rng.random() < 0.85:
        left = rng.uniform(0.07, 0.11) * wide
        canvas[:, : int(left)] = rng.uniform(20, 110)
    if not two_lines and rng.random() < 0.5:
        right = rng.uniform(0.07, 0.11) * wide
        canvas[:, wide - int(right) :] = rng.uniform(20, 110)
    ink = rng.uniform(0, 0.45) * field
    row = high / len(lines)
    for k, words in enumerate(lines):
        _write(rng, canvas, words, (left + 3, k * row + 2, wide - right - 3, (k + 1) * row - 2), ink)
    rim = int(rng.integers(0, 4))
    if rim:
        tone = rng.uniform(0, 255)
        canvas = cv2.copyMakeBorder(canvas, rim, rim, rim, rim, cv2.BORDER_CONSTANT, value=tone)
    return np.asarray(canvas.clip(0, 255), np.uint8)


def _words(rng: Rng, *, two_lines: bool) -> list[str]:
    def some(signs: str, count: int) -> str:
        return "".join(rng.choice(list(signs), count))

    number = f"{int(rng.integers(1, 1000)):03d}"
    first, last = some(LETTERS, 2), some(LETTERS, 2)
    kind = rng.random()
    if two_lines:
        return [f"{first}-{number}", last] if kind < 0.5 else [first, f"{number}-{last}"]
    if kind < 0.5:
        return [f"{first}-{number}-{last}"]
    if kind < 0.65:
        return [f"{number} {some(LETTERS, 3)} {int(rng.integers(1, 96)):02d}"]
    if kind < 0.85:
        return [f"{some(LETTERS, int(rng.integers(1, 4)))} {number[1:]} {some(LETTERS, 3)}"]
    return [f"{int(rng.integers(1, 10))}{some(LETTERS, 3)}{number}"]


@lru_cache(maxsize=8)
def _font(name: str, size: int) -> Any:
    from matplotlib import font_manager
    from PIL import ImageFont

    family, _, weight = name.partition("/")
    path = font_manager.findfont(font_manager.FontProperties(family=family, weight=weight))
    return ImageFont.truetype(path, size)


def _write(rng: Rng, canvas: Floats, words: str, room: tuple[float, float, float, float], ink: float) -> None:
    """Words squeezed into a room (x1, y1, x2, y2) of the canvas, in place."""
    from PIL import Image, ImageDraw

    x1, y1, x2, y2 = (round(value) for value in room)
    if x2 - x1 < 8 or y2 - y1 < 6:
        return
    font = _font(str(rng.choice(("DejaVu Sans Mono/bold", "DejaVu Sans/bold", "DejaVu Sans/normal"))), 48)
    box = font.getbbox(words)
    page = Image.new("L", (int(box[2] - box[0]), int(box[3] - box[1])), 0)
    ImageDraw.Draw(page).text((-box[0], -box[1]), words, fill=255, font=font)
    share_w, share_h = rng.uniform(0.8, 1.0), rng.uniform(0.7, 1.0)
    wide, high = max(4, round((x2 - x1) * share_w)), max(4, round((y2 - y1) * share_h))
    drawn = cv2.resize(np.asarray(page), (wide, high), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    left, top = x1 + (x2 - x1 - wide) // 2, y1 + (y2 - y1 - high) // 2
    part = canvas[top : top + high, left : left + wide]
    part += (ink - part) * drawn


def _no_plate(rng: Rng) -> Grey:
    """Something bright, barred or lettered that is no plate (h, w)."""
    kind = rng.integers(0, 4)
    wide, high = int(rng.integers(40, 200)), int(rng.integers(20, 160))
    canvas = np.full((high, wide), rng.uniform(0, 255), np.float32)
    if kind == 0:  # a plain field, such as a window or a lamp
        return np.asarray(canvas, np.uint8)
    if kind == 1:  # bars: a grille, a zebra crossing, a fence
        period = int(rng.integers(4, 24))
        bars = (np.arange(max(wide, high)) // max(1, period // 2)) % 2 == 0
        canvas[..., bars[:wide]] = rng.uniform(0, 255)
        return np.asarray(canvas if rng.random() < 0.5 else canvas.T, np.uint8)
    rows = int(rng.integers(2, 5)) if kind == 2 else 1  # a poster; or bright lettering on a dark field
    tall = max(high, 40)
    canvas = np.full(
        (tall, max(wide, 120)), rng.uniform(0, 90) if kind == 3 else rng.uniform(120, 255), np.float32
    )
    ink = rng.uniform(160, 255) if kind == 3 else rng.uniform(0, 90)
    step = tall / rows
    for k in range(rows):
        words = "".join(rng.choice(list(LETTERS + "aeiourstln    "), int(rng.integers(4, 14))))
        _write(rng, canvas, words, (2, k * step + 2, canvas.shape[1] - 2, (k + 1) * step - 2), ink)
    return np.asarray(canvas.clip(0, 255), np.uint8)


def _cut(
    rng: Rng, picture: Grey, vehicles: NDArray[np.float64], side: int
) -> tuple[Grey, NDArray[np.float64]]:
    """A square part of the picture at some scale, now and then mirrored, and the vehicles in it."""
    height, width = picture.shape
    if len(vehicles) and rng.random() < 0.7:
        box = vehicles[rng.integers(len(vehicles))]
        middle = rng.uniform(box[:2], np.maximum(box[2:], box[:2] + 1))
        scale = float(np.clip(_log_uniform(rng, 40, 500) / max(8.0, box[2] - box[0]), 0.4, 5.0))
    else:
        middle, scale = rng.uniform((0, 0), (width, height)), _log_uniform(rng, 0.5, 2.5)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    warp = np.array(
        [[flip * scale, 0, side / 2 - flip * scale * middle[0]], [0, scale, side / 2 - scale * middle[1]]]
    )
    view = cv2.warpAffine(
        picture, warp, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    x = flip * scale * vehicles[:, ::2] + warp[0, 2]
    y = scale * vehicles[:, 1::2] + warp[1, 2]
    boxes = (
        np.stack((x.min(axis=1), y.min(axis=1), x.max(axis=1), y.max(axis=1)), axis=1) if len(x) else vehicles
    )
    return np.asarray(view, np.uint8), boxes


def _spot(rng: Rng, boxes: NDArray[np.float64], side: int) -> tuple[tuple[float, float], float]:
    """Where a plate may hang, and how wide it is: low on a vehicle, or anywhere."""
    large = [box for box in boxes if box[2] - box[0] > 40 and box[2] > 10 and box[0] < side - 10]
    if large and rng.random() < _ON_VEHICLE:
        x1, y1, x2, y2 = large[rng.integers(len(large))]
        wide = float(np.clip((x2 - x1) * rng.uniform(0.2, 0.42), *_WIDTHS))
        return (
            rng.uniform(x1 + wide / 2, max(x2 - wide / 2, x1 + wide / 2 + 1)),
            y1 + (y2 - y1) * rng.uniform(0.5, 0.9),
        ), wide
    return (rng.uniform(0, side), rng.uniform(0, side)), _log_uniform(rng, *_WIDTHS)


def _place(rng: Rng, middle: Sequence[float], wide: float, skew: float, ratio: float | None = None) -> Floats:
    """Four corners (4, 2) of a field seen at some angle; ``ratio``: its height to its width, from the front."""
    share = rng.uniform(0.12, 1.2) if ratio is None else ratio
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (wide / 2, wide * share / 2)
    half[:, 0] *= rng.uniform(0.65, 1.0)
    half[:, 1] += half[:, 0] * rng.normal(0, 0.08) * skew
    half[:, 0] += half[:, 1] * rng.normal(0, 0.12) * skew
    half *= 1 + half[:, :1] / wide * rng.normal(0, 0.12)
    turn = np.deg2rad(rng.normal(0, 5 * skew))
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners: Floats = (half @ spin + np.asarray(middle)).astype(np.float32)
    return corners


def _paste(canvas: Floats, drawn: Grey, corners: Floats, rng: Rng) -> Floats:
    """Draw a field onto the canvas, in place; where it now is (S, S), 0 to 1."""
    high, wide = drawn.shape
    shrink = min(1.0, 2 * float(np.ptp(corners[:, 0])) / wide)  # else it would be sampled too thinly
    if shrink < 1:
        drawn = cv2.resize(drawn, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        high, wide = drawn.shape
    frame = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    warp = cv2.getPerspectiveTransform(frame, corners)
    size = canvas.shape[::-1]
    shown = cv2.warpPerspective(drawn.astype(np.float32), warp, size, flags=cv2.INTER_AREA)
    shape = cv2.warpPerspective(np.ones((high, wide), np.float32), warp, size, flags=cv2.INTER_LINEAR)
    inside = shape > 0.5
    around = float(np.median(canvas[inside])) if inside.any() else 128.0
    # As bright as what it hangs on, or lit by headlights, which a plate throws back.
    gain = (
        np.clip((around + rng.uniform(10, 90)) / 128, 0.2, 1.4)
        if rng.random() < 0.7
        else rng.uniform(0.4, 1.2)
    )
    canvas += (shown * gain - canvas) * shape
    return np.asarray(shape, np.float32)


def _worn(rng: Rng, canvas: Floats) -> Grey:
    """As a camera may have seen it: darker or lighter, hazy, blurred, noisy, compressed."""
    grey = canvas.clip(0, 255) / 255
    grey = grey ** _log_uniform(rng, 0.6, 1.8) * rng.uniform(0.35, 1.15) + rng.choice(
        (0.0, rng.uniform(0, 0.3))
    )
    if rng.random() < 0.5:
        grey = cv2.GaussianBlur(grey, (0, 0), _log_uniform(rng, 0.4, 1.8))
    if rng.random() < 0.2:
        length = int(rng.integers(3, 8))
        kernel = (
            np.eye(length, dtype=np.float32) if rng.random() < 0.3 else np.zeros((length, length), np.float32)
        )
        kernel[length // 2] += 1
        grey = cv2.filter2D(grey, -1, kernel / kernel.sum())
    grey = grey * 255 + rng.normal(0, _log_uniform(rng, 0.5, 12), grey.shape)
    image = np.asarray(grey.clip(0, 255), np.uint8)
    if rng.random() < 0.4:
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return image


def _log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def read(path: Path) -> tuple[Grey, NDArray[np.float64]] | None:
    """A grey picture and the boxes of its vehicles (N, 4), pixels, by its YOLO labels; None if it cannot be read."""
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        return None
    height, width = image.shape
    labels = Path(str(path.parent).replace("/images", "/labels"), f"{path.stem}.txt")
    rows = [line.split() for line in labels.read_text().splitlines()] if labels.exists() else []
    found = np.array(
        [[float(v) for v in row[1:5]] for row in rows if row[0] in {"2", "3", "4", "5"}]
    ).reshape(-1, 4)
    xywh = found * (width, height, width, height)
    boxes = np.concatenate((xywh[:, :2] - xywh[:, 2:] / 2, xywh[:, :2] + xywh[:, 2:] / 2), axis=1)
    return np.asarray(image, np.uint8), boxes
