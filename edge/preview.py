"""Draws zones, counts and boxes on masked pictures.

Takes `BlurredImage` only. Colours are Okabe and Ito's, told apart by colour-blind readers; every colour stands
next to a word, so that none carries meaning alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.names import CLASSES, ObjectClass
from edge.records import Detections, ImageArray

if TYPE_CHECKING:
    from edge.privacy_blur import BlurredImage

Point = tuple[float, float]
_Colour = tuple[int, int, int]  # B, G, R

_HEX: Final[dict[ObjectClass, str]] = {
    "person": "#E69F00",
    "bicycle": "#009E73",
    "motorcycle": "#CC79A7",
    "car": "#56B4E9",
    "bus": "#F0E442",
    "truck": "#D55E00",
}
_ZONE: Final[_Colour] = (178, 114, 0)  # blue, #0072B2
_LINE: Final[_Colour] = (66, 228, 240)  # yellow, #F0E442
_FREE: Final[_Colour] = (115, 158, 0)  # bluish green, #009E73
_TAKEN: Final[_Colour] = (0, 94, 213)  # vermilion, #D55E00
_PAPER: Final[_Colour] = (32, 24, 20)
_WHITE: Final[_Colour] = (255, 255, 255)
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, slots=True)
class ZoneView:
    """A zone: polygon in pixels, and what to write in it, e.g. ``{"person": 4}`` for now."""

    name: str
    polygon: Sequence[Point]
    counts: dict[ObjectClass, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LineView:
    """A count line from ``a`` to ``b`` in pixels with its totals so far; "in" is downward if drawn left to right."""

    name: str
    a: Point
    b: Point
    entered: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class BayView:
    """A parking bay; ``occupied`` None while it is not known."""

    name: str
    polygon: Sequence[Point]
    occupied: bool | None = None


@dataclass(frozen=True, slots=True)
class CaseView:
    """An open case of a road: what it is and for how long, e.g. ``debris 45 s``, and its box (x1, y1, x2, y2), pixels."""

    name: str
    xyxy: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Overlay:
    """All that one preview picture shows on top of its masked pixels."""

    zones: Sequence[ZoneView] = ()
    lines: Sequence[LineView] = ()
    bays: Sequence[BayView] = ()
    boxes: Detections | None = None
    cases: Sequence[CaseView] = ()
    clock: str = ""


def draw(blurred: BlurredImage, overlay: Overlay) -> BlurredImage:
    """The masked picture with the overlay on it."""

    def paint(canvas: ImageArray) -> None:
        for zone in overlay.zones:
            _area(canvas, zone.polygon, _ZONE, 0.25)
        for bay in overlay.bays:
            _area(
                canvas,
                bay.polygon,
                _ZONE if bay.occupied is None else _TAKEN if bay.occupied else _FREE,
                0.35,
            )
        if overlay.boxes is not None and len(overlay.boxes):
            _boxes(canvas, overlay.boxes)
        for line in overlay.lines:
            _line(canvas, line)
        for case in overlay.cases:
            _case(canvas, case)
        for bay in overlay.bays:
            state = "?" if bay.occupied is None else "full" if bay.occupied else "free"
            _tag(canvas, f"{bay.name} {state}", _middle(bay.polygon), _ZONE, small=True)
        for zone in overlay.zones:
            words = " ".join(f"{name} {n}" for name, n in zone.counts.items())
            _tag(canvas, f"{zone.name}: {words}" if words else zone.name, _middle(zone.polygon), _ZONE)
        if overlay.clock:
            _tag(canvas, overlay.clock, (0, 0), _PAPER)

    return blurred.annotated(paint)


def _boxes(canvas: ImageArray, boxes: Detections) -> None:
    """Boxes and class words by supervision's annotators, coloured by class."""
    import supervision as sv  # 0.8 s and 40 MB that a box without a preview need not spend

    palette = sv.ColorPalette.from_hex([_HEX[name] for name in CLASSES])
    found = sv.Detections(
        xyxy=boxes.xyxy.copy(), confidence=boxes.confidence.copy(), class_id=boxes.class_id.copy()
    )
    scale = _scale(canvas)
    annotated = sv.BoxAnnotator(color=palette, thickness=max(2, round(2 * scale))).annotate(canvas, found)
    if annotated is not canvas:
        canvas[:] = annotated
    for (x1, y1, _, _), number in zip(boxes.xyxy.tolist(), boxes.class_id.tolist(), strict=True):
        name = CLASSES[number]
        blue, green, red = (int(_HEX[name][i : i + 2], 16) for i in (5, 3, 1))
        _tag(canvas, name, (x1, y1 - 14 * scale), (blue, green, red), small=True, corner=True)


def _area(canvas: ImageArray, polygon: Sequence[Point], colour: _Colour, opacity: float) -> None:
    """A see-through polygon with a solid edge, blended within its bounding box only."""
    corners = np.round(np.asarray(polygon, np.float64)).astype(np.int32)
    x, y, width, height = cv2.boundingRect(corners)
    x1, y1 = max(x, 0), max(y, 0)
    part = canvas[y1 : max(y + height, 0), x1 : max(x + width, 0)]
    if part.size:
        filled = part.copy()
        cv2.fillPoly(filled, [corners - (x1, y1)], colour)
        cv2.addWeighted(filled, opacity, part, 1 - opacity, 0, dst=part)
    cv2.polylines(canvas, [corners], True, colour, max(1, round(2 * _scale(canvas))), cv2.LINE_AA)


def _line(canvas: ImageArray, line: LineView) -> None:
    """The line, an arrow from its middle towards "in", and both totals."""
    a, b = np.asarray(line.a, np.float64), np.asarray(line.b, np.float64)
    along = b - a
    inward = np.array((-along[1], along[0])) / max(float(np.hypot(*along)), 1e-6)
    middle, scale = (a + b) / 2, _scale(canvas)
    tip = middle + inward * 28 * scale
    for colour, extra in ((_PAPER, 3), (_LINE, 0)):  # a dark rim keeps it readable on light ground
        thick = max(2, round(2 * scale)) + extra
        cv2.line(canvas, _pixel(a), _pixel(b), colour, thick, cv2.LINE_AA)
        cv2.arrowedLine(canvas, _pixel(middle), _pixel(tip), colour, thick, cv2.LINE_AA, tipLength=0.4)
    text = f"{line.name}: in {line.entered} out {line.left}"
    _tag(canvas, text, tuple((middle - inward * 16 * scale).tolist()), _PAPER)


def _case(canvas: ImageArray, case: CaseView) -> None:
    """A box with a dark rim, a little larger than the thing, and its words below it."""
    scale = _scale(canvas)
    x1, y1, x2, y2 = case.xyxy
    away = 4 * scale
    corners = _pixel(np.array((x1 - away, y1 - away))), _pixel(np.array((x2 + away, y2 + away)))
    for colour, extra in ((_PAPER, 2), (_TAKEN, 0)):
        cv2.rectangle(canvas, *corners, colour, max(2, round(2 * scale)) + extra, cv2.LINE_AA)
    _tag(canvas, case.name, ((x1 + x2) / 2, y2 + away + 9 * scale), _TAKEN, small=True)


def _tag(
    canvas: ImageArray, text: str, at: Point, colour: _Colour, *, small: bool = False, corner: bool = False
) -> None:
    """Text on a plain ground, centred at a point (or hung by its corner), moved into the picture."""
    scale = _scale(canvas) * (0.38 if small else 0.48)
    (width, height), base = cv2.getTextSize(text, _FONT, scale, 1)
    pad = 3
    box_w, box_h = width + 2 * pad, height + base + 2 * pad
    left = at[0] if corner else at[0] - box_w / 2
    top = at[1] if corner else at[1] - box_h / 2
    x = int(min(max(left, 0), max(canvas.shape[1] - box_w, 0)))
    y = int(min(max(top, 0), max(canvas.shape[0] - box_h, 0)))
    cv2.rectangle(canvas, (x, y), (x + box_w, y + box_h), colour, cv2.FILLED)
    light = 0.11 * colour[0] + 0.59 * colour[1] + 0.3 * colour[2] > 120
    cv2.putText(
        canvas, text, (x + pad, y + pad + height), _FONT, scale, _PAPER if light else _WHITE, 1, cv2.LINE_AA
    )


def _scale(canvas: ImageArray) -> float:
    """Strokes and letters are made for 360 rows and grow with the picture."""
    return max(1.0, float(canvas.shape[0]) / 360)


def _middle(polygon: Sequence[Point]) -> Point:
    """The mean of the corners."""
    x, y = np.asarray(polygon, np.float64).mean(axis=0)
    return float(x), float(y)


def _pixel(point: NDArray[np.float64]) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
