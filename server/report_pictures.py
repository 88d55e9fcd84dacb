"""The pictures of a report as inline SVG: the curve of each day, the usual week, how long visits lasted. Pure.

Rules: colours are presentation attributes, since the page's policy forbids styles and the PDF knows no page; a gap is
hatched and never drawn as 0; every picture has its title as text alternative and its figures in a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from server.bands import Lengths
from server.report_tables import figure_of
from server.reports import Bin, Kind
from server.schedule import Span
from server.week import Cell as Hour

INK, SOFT, LINE, FILL, GAP = "#17212b", "#4d5a67", "#0b5fa5", "#cfe0ef", "#8b97a2"
SHADES: Final = ("#f7fafc", "#dfeaf4", "#bfd8ec", "#94bfe0", "#5f9bcb", "#0b5fa5", "#083f6e")
FONT: Final = "'DejaVu Sans', sans-serif"
WIDTH: Final = 700


@dataclass(frozen=True, slots=True)
class Axis:
    """Words of a picture: ``title`` its text alternative, ``days`` seven short weekdays, ``top`` the highest value."""

    title: str
    days: Sequence[str]
    top: str


def _text(x: float, y: float, words: str, size: float = 9, anchor: str = "start", fill: str = SOFT) -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" fill="{fill}">{escape(words)}</text>'


def _rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" fill="{fill}"/>'


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="report-picture" role="img" aria-label="{escape(title)}"'
        f' viewBox="0 0 {WIDTH} {height:g}" font-family="{FONT}"><title>{escape(title)}</title>{"".join(parts)}</svg>'
    )


def _hatched(x: float, y: float, width: float, height: float) -> str:
    """A gap: slanted strokes within the rectangle, which print as well as they show."""
    strokes, offset = [], -height
    while offset < width:
        low, high = max(0.0, offset), min(width, offset + height)
        if high > low:
            top, bottom = y + height - (low - offset), y + height - (high - offset)
            strokes.append(f"M{x + low:.1f} {top:.1f}L{x + high:.1f} {bottom:.1f}")
        offset += 4
    return (
        _rect(x, y, width, height, "#eef1f4")
        + f'<path d="{"".join(strokes)}" stroke="{GAP}" stroke-width=".5"/>'
    )


def value_of(one: Bin, kind: Kind) -> float | None:
    """What a curve shows of an hour: the mean present, the rate of bays, or crossings both ways."""
    if kind == "line":
        return None if one.entries is None or one.exits is None else float(one.entries + one.exits)
    return one.rate if kind == "parking" else one.mean


def curves(hours: Sequence[Bin], span: Span, kind: Kind, tz: ZoneInfo, axis: Axis) -> str:
    """A small curve for each day, laid out as a calendar, all to one scale.

    A day is as wide as its 23, 24 or 25 hours; days that have not elapsed are left out.
    """
    by_day: dict[int, list[Bin]] = {}
    for one in hours:
        by_day.setdefault(datetime.fromtimestamp(one.start, tz).date().toordinal(), []).append(one)
    top = 1.0 if kind == "parking" else max([value_of(one, kind) or 0.0 for one in hours], default=0.0) or 1.0
    left, column = 26.0, (WIDTH - 26.0) / 7
    height, gap = (90.0, 22.0) if span.kind == "week" else (46.0, 20.0)
    parts = [_text(left + column * n + 3, 9, own) for n, own in enumerate(axis.days)]
    first = span.first.toordinal() - span.first.weekday()
    rows = (span.end.toordinal() - 1 - first) // 7 + 1
    for row in range(rows):
        base = 14 + row * (height + gap) + height
        parts += [
            _text(left - 3, base - height + 7, axis.top, 7, "end"),
            _text(left - 3, base, "0", 7, "end"),
        ]
    for ordinal, own in sorted(by_day.items()):
        row, place = divmod(ordinal - first, 7)
        x, y = left + place * column, 14.0 + row * (height + gap)
        parts.append(_day(own, x, y, column - 6, height, top, kind))
        day = span.first.fromordinal(ordinal).day
        parts.append(_text(x + 2, y + height + 10, str(day), 8))
    return _svg(axis.title, 14 + rows * (height + gap), parts)


def _day(
    hours: Sequence[Bin], x: float, y: float, width: float, height: float, top: float, kind: Kind
) -> str:
    step = width / max(23, len(hours))
    parts, run = [], list[str]()
    base = y + height
    parts.append(f'<path d="M{x:.2f} {base:.2f}H{x + width:.2f}" stroke="{GAP}" stroke-width=".6"/>')
    gap = 0
    for place, one in enumerate([*hours, None]):
        value, at = value_of(one, kind) if one else None, x + place * step
        if one and value is None:
            parts.append(_run(run, base))
            run, gap = [], gap + 1
            continue
        if gap:
            parts.append(_hatched(at - gap * step, y, gap * step, height))
            gap = 0
        if value is not None:
            level = base - height * min(1.0, value / top)
            run += [f"{at:.1f} {level:.1f}", f"{at + step:.1f} {level:.1f}"]
    return "".join([*parts, _run(run, base)])


def _run(points: Sequence[str], base: float) -> str:
    """A stretch of observed hours as steps with the ground filled."""
    if not points:
        return ""
    line = "L".join(points)
    first, last = points[0].split()[0], points[-1].split()[0]
    return (
        f'<path d="M{first} {base:.2f}L{line}L{last} {base:.2f}Z" fill="{FILL}"/>'
        f'<path d="M{line}" fill="none" stroke="{LINE}" stroke-width="1.2"/>'
    )


def heat_map(week: Sequence[Sequence[Hour]], kind: Kind, axis: Axis) -> str:
    """Weekdays down, hours across; shades run from nothing to the highest figure, or to all bays."""
    values = [[figure_of(hour, kind) for hour in own] for own in week]
    top = 1.0 if kind == "parking" else max((v for own in values for v in own if v is not None), default=0.0)
    left, cell, height = 44.0, (WIDTH - 44.0) / 24, 17.0
    parts = [_text(left + cell * (h + 0.5), 9, str(h), 8, "middle") for h in range(24)]
    for day, own in enumerate(values):
        y = 13 + day * height
        parts.append(_text(left - 5, y + 12, axis.days[day], 9, "end"))
        for hour, value in enumerate(own):
            box = (left + hour * cell, y, cell - 1, height - 1)
            if value is None:
                parts.append(_hatched(*box))
                continue
            shade = min(len(SHADES) - 1, round((len(SHADES) - 1) * value / top)) if top else 0
            parts.append(_rect(*box, SHADES[shade]))
    return _svg(axis.title, 14 + 7 * height, parts)


def band_bars(found: Lengths, names: Sequence[str], title: str) -> str:
    """One bar for each band of visits, its share written beside it by the table below."""
    top, height = max((band.share for band in found.bands), default=0.0) or 1.0, 16.0
    parts = []
    for place, (band, words) in enumerate(zip(found.bands, names, strict=True)):
        y = place * height
        parts.append(_text(150, y + 11.5, words, 9, "end"))
        parts.append(
            _rect(156, y + 2, max(0.8, 520 * band.share / top) if band.visits else 0, height - 5, LINE)
        )
    return _svg(title, len(found.bands) * height, parts)
