"""The cells of a presence map and the outlines of a camera's zones as they are drawn: in units of a frame ``W`` by ``H``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from contract.batch import ConfigRecord
from server.pages.texts import Texts
from server.presence import Cell, Presence

SHADES: Final = 6
W: Final = 160.0
H: Final = 90.0
Shape = tuple[str, list[Any], bool]


@dataclass(frozen=True, slots=True)
class Drawn:
    """One cell on the map and in the table: its place, shade (None: too few), figure and words."""

    x: float
    y: float
    width: float
    height: float
    shade: int | None
    text: str
    words: str


@dataclass(frozen=True, slots=True)
class Outline:
    """A zone or line of the camera's configuration, as SVG points, and where its name stands."""

    name: str
    points: Sequence[str]
    line: bool
    x: float
    y: float


def column(index: int) -> str:
    """The name of a column of cells: A, B, … Z, AA."""
    first, last = divmod(index, 26)
    return (chr(64 + first) if first else "") + chr(65 + last)


def _words(cell: Cell, name: str, texts: Texts) -> str:
    if cell.least is None:
        return texts("presence.cell.few", cell=name)
    return texts(
        "presence.cell",
        cell=name,
        least=texts.number(cell.least, 2),
        shown=texts.number(cell.shown, 2),
        share=texts.percent(cell.share),
    )


def drawn(found: Presence, texts: Texts) -> list[list[Drawn]]:
    """The cells by rows; shades run from nothing to the highest figure of the map."""
    top = max((cell.least for cell in found.cells if cell.least is not None), default=0.0)
    width, height = W / found.cols, H / found.rows

    def one(row: int, col: int) -> Drawn:
        cell = found.cells[row * found.cols + col]
        shade = None
        if cell.least is not None:
            shade = max(1, min(SHADES, round(SHADES * cell.least / top))) if cell.least > 0 else 0
        name = f"{column(col)}{row + 1}"
        text = texts.number(cell.least, 2 if top < 10 else 1)
        return Drawn(
            x=round(col * width, 3),
            y=round(row * height, 3),
            width=round(width, 3),
            height=round(height, 3),
            shade=shade,
            text=text,
            words=_words(cell, name, texts),
        )

    return [[one(row, col) for col in range(found.cols)] for row in range(found.rows)]


def shapes_of(config: ConfigRecord | None) -> list[Shape]:
    """Name, polygons (or the line) in fractions of the frame, and whether it is a line, of all that is counted."""
    shapes: list[Shape] = []
    for zone in config.zones if config else ():
        drawn_ = ([zone.polygon] if zone.polygon else []) + list(zone.bays.values())
        shapes.append((zone.id, drawn_, False))
    shapes += [(line.id, [line.points], True) for line in (config.lines if config else ())]
    return shapes


def outlines(config: ConfigRecord | None) -> list[Outline]:
    """Zones, bays and lines as the newest configuration draws them."""
    found = []
    for name, parts, line in shapes_of(config):
        every = [point for part in parts for point in part]
        if every:
            texts = [" ".join(f"{round(W * x, 1)},{round(H * y, 1)}" for x, y in part) for part in parts]
            x, y = min(every, key=lambda point: (point[1], point[0]))
            found.append(Outline(name, texts, line, round(W * x + 1, 1), round(max(4.0, H * y - 1), 1)))
    return found
