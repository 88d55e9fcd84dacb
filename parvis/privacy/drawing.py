"""The way from the picture to the number, drawn as SVG from the stages as the code has them.

Upright and narrow, so that it can be read on a phone. Every colour stands next to its word. Text in an SVG does not
flow, so lines are broken here by a careful guess of their width.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from parvis.privacy.stages import Content, Read

WIDTH: Final = 480
_LEFT, _INNER, _PAD = 14, 452, 12
_CHARS, _CODE_CHARS = 60, 62  # that fit on a line of plain text and of code
_LINE, _TITLE, _CHIP = 17, 22, 22  # heights
_BETWEEN: Final = 6  # chips
_GAP: Final = 34  # between stages, room for the arrow and what it carries
_FONT: Final = "system-ui, 'DejaVu Sans', sans-serif"
_CODE_FONT: Final = "'DejaVu Sans Mono', monospace"
_COLOURS: Final[Mapping[Content, str]] = {
    "pixels": "#9b1c1c",
    "masked": "#4d5a67",
    "positions": "#8a4b00",
    "ids": "#5b2a86",
    "numbers": "#1c6b47",
}


@dataclass(frozen=True, slots=True)
class Captions:
    """The words of the drawing. ``names``, ``keeps`` by the key of a stage, ``contents`` by content."""

    title: str
    box: str
    server: str | None
    border: str
    names: Mapping[str, str]
    keeps: Mapping[str, str]
    contents: Mapping[Content, str]


@dataclass(slots=True)
class _Sheet:
    """The drawing so far, and how far down it goes."""

    brief: bool
    y: float = 0.0
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, size: float = 13, **more: str) -> None:
        attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size:g}"{attributes}>{escape(words)}</text>'
        )

    def rectangle(self, x: float, y: float, width: float, height: float, **more: str) -> None:
        attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"{attributes}/>')


def draw(stages: Sequence[Read], preview: Read, captions: Captions, *, brief: bool = False) -> str:
    """The drawing as an SVG element with its title as the text alternative.

    Without a server the way ends at the border, and the border says so. ``brief``: without types and what is kept, to
    fit on a sheet of paper next to a table that has them.
    """
    sheet = _Sheet(brief=brief)
    inside = [read for read in stages if read.stage.place == "box"]
    outside = [read for read in stages if read.stage.place == "server"] if captions.server else []
    top = _group(sheet, captions.box)
    branch_from = 0.0
    for number, read in enumerate(inside):
        if read.stage.key == "frame":
            branch_from = sheet.y + 17
        _stage(sheet, read, captions)
        if number + 1 < len(inside):
            _arrow(sheet, read, captions)
    sheet.y += 18
    _branch(sheet, branch_from, sheet.y + 17)
    _stage(sheet, preview, captions, dashed=True)
    _close(sheet, top, "#eef3f8")
    _border(sheet, captions.border, inside[-1], arrow=bool(outside))
    if captions.server:
        top = _group(sheet, captions.server)
        for number, read in enumerate(outside):
            _stage(sheet, read, captions)
            if number + 1 < len(outside):
                _arrow(sheet, read, captions)
        _close(sheet, top, "#f3f0f8")
    height = sheet.y + 4
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="way" role="img" viewBox="0 0 {WIDTH} {height:g}"'
        f' width="{WIDTH}" height="{height:g}" font-family="{_FONT}" fill="#17212b">'
        f"<title>{escape(captions.title)}</title>{''.join(sheet.parts)}</svg>"
    )


def _group(sheet: _Sheet, name: str) -> tuple[int, float]:
    """Begin a group; returns where its frame has to go, since its height is known only at its end."""
    mark = (len(sheet.parts), sheet.y)
    sheet.text(_LEFT, sheet.y + 22, name, 14, font_weight="bold")
    sheet.y += 34
    return mark


def _close(sheet: _Sheet, mark: tuple[int, float], fill: str) -> None:
    at, top = mark
    sheet.y += 12
    frame = _Sheet(brief=sheet.brief)
    frame.rectangle(1, top + 1, WIDTH - 2, sheet.y - top, rx="10", fill=fill, stroke="#76828e")
    sheet.parts[at:at] = frame.parts


def _stage(sheet: _Sheet, read: Read, captions: Captions, *, dashed: bool = False) -> None:
    key, left, top = read.stage.key, _LEFT + _PAD, sheet.y + _TITLE
    keeps = [] if sheet.brief else textwrap.wrap(captions.keeps[key], _CHARS)
    code = [] if sheet.brief else textwrap.wrap(_spelt(read), _CODE_CHARS, break_long_words=True)
    chips = 0 if sheet.brief else _CHIP
    height = _TITLE + chips + _LINE * (len(code) + len(keeps)) + _PAD + (0 if sheet.brief else 4)
    line = {"stroke_dasharray": "5 4"} if dashed else {}
    sheet.rectangle(_LEFT, sheet.y, _INNER, height, rx="7", fill="#ffffff", stroke="#76828e", **line)
    sheet.text(left, top - 2, captions.names[key], 15.5, font_weight="bold")
    names = [(captions.contents[content], _COLOURS[content]) for content in read.holds]
    # Beside the name where that is all there is, else below it.
    x = float(left)
    if sheet.brief:
        x = _LEFT + _INNER - _PAD + _BETWEEN - sum(_chip_width(name) + _BETWEEN for name, _ in names)
    for name, colour in names:
        _chip(sheet, x, top - 15 if sheet.brief else top + 5, name, colour)
        x += _chip_width(name) + _BETWEEN
    y = top + _CHIP + _LINE
    for words in code:
        sheet.text(left, y, words, 11, font_family=_CODE_FONT, fill="#4d5a67")
        y += _LINE
    for words in keeps:
        sheet.text(left, y, words, 12.5)
        y += _LINE
    sheet.y += height


def _spelt(read: Read) -> str:
    taken = f"{read.taken} → " if read.taken else "→ "
    return f"{read.stage.module}:  {taken}{read.handed}"


def _chip_width(words: str) -> float:
    return 7.0 * len(words) + 14


def _chip(sheet: _Sheet, x: float, y: float, words: str, colour: str) -> None:
    width = _chip_width(words)
    sheet.rectangle(x, y, width, 17, rx="8.5", fill=colour)
    sheet.text(x + width / 2, y + 12.5, words, 11, fill="#ffffff", text_anchor="middle")


def _arrow(sheet: _Sheet, read: Read, captions: Captions) -> None:
    """Down to the next stage, with what is handed on; the colour is that of the most telling content."""
    colour = _COLOURS[read.hands[0]] if read.hands else "#17212b"
    x, y = WIDTH / 2, sheet.y
    sheet.parts.append(_down(x, y, y + _GAP, colour))
    words = ", ".join(captions.contents[content] for content in read.hands)
    sheet.text(x + 14, y + _GAP / 2 + 4, words, 12, fill=colour, font_weight="bold")
    sheet.y += _GAP


def _down(x: float, top: float, bottom: float, colour: str) -> str:
    return (
        f'<path d="M{x:g} {top:g}V{bottom - 8:g}" stroke="{colour}" stroke-width="2.5" fill="none"/>'
        f'<path d="M{x - 6:g} {bottom - 9:g}h12l-6 9z" fill="{colour}"/>'
    )


def _branch(sheet: _Sheet, top: float, bottom: float) -> None:
    """From the frame down the left edge to the preview, dashed: a way that is taken on demand only."""
    sheet.parts.append(
        f'<path d="M{_LEFT:g} {top:g}H7V{bottom:g}H{_LEFT - 1:g}" stroke="#4d5a67" stroke-width="2" fill="none"'
        ' stroke-dasharray="5 4"/>'
    )


def _border(sheet: _Sheet, words: str, last: Read, *, arrow: bool) -> None:
    """The line between the box and the world."""
    colour = _COLOURS[last.hands[0]]
    lines = textwrap.wrap(words, _CHARS - 12)
    height = 30 + _LINE * len(lines)
    y = sheet.y
    if arrow:
        sheet.parts.append(_down(28, y, y + height + 2, colour))
    sheet.parts.append(
        f'<path d="M0 {y + 10:g}H{WIDTH}" stroke="{colour}" stroke-width="2" stroke-dasharray="2 5"/>'
    )
    for number, line in enumerate(lines):
        sheet.text(44, y + 30 + _LINE * number, line, 14, font_weight="bold", fill=colour)
    sheet.y += height
