"""Small charts of hours as rectangles, drawn by the server: coverage, queue and temperature over days. Pure.

Rule: an hour of which nothing is known is a gap over the whole height, never a bar of no height.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from server.coverage import HOUR_S, Hour
from server.reports import local_midnight
from server.store.quality_base import HealthHour

HEIGHT: Final = 48.0
_LEAST: Final = 1.2
_HOTTEST_MEANT: Final = 90.0


@dataclass(frozen=True, slots=True)
class Chart:
    """Two SVG paths in a box of ``width`` hours x ``HEIGHT``: what is known, and the gaps; 0 is the lower edge.

    ``top`` is the value at the upper edge, ``most`` and ``last`` the values to tell in words (None where there is none),
    ``known`` of how many hours there is one.
    """

    name: str
    bars: str
    gaps: str
    width: int
    top: float
    most: float | None
    last: float | None
    known: int


def _rectangle(x: float, y: float, width: float, height: float) -> str:
    return f"M{x:g} {y:g}h{width:g}v{height:g}h{-width:g}z"


def _chart(
    name: str, values: dict[int, tuple[float, float]], start: int, end: int, least_top: float
) -> Chart:
    """A chart of low and high values by hour."""
    top = max([least_top, *(high for _, high in values.values())])
    bars, gaps = [], []
    for index, at in enumerate(range(start, end, HOUR_S)):
        own = values.get(at)
        if own is None:
            gaps.append(_rectangle(index, 0, 1, HEIGHT))
            continue
        low, high = (max(0.0, value) / top * HEIGHT for value in own)
        height = max(_LEAST, high - low)
        bars.append(_rectangle(index, round(min(HEIGHT - height, HEIGHT - high), 1), 0.9, round(height, 1)))
    last = values[max(values)][1] if values else None
    most = max((high for _, high in values.values()), default=None)
    width = (end - start) // HOUR_S
    return Chart(name, "".join(bars), "".join(gaps), width, top, most, last, len(values))


def midnights(start: int, end: int, tz: ZoneInfo) -> list[tuple[float, int]]:
    """Local midnights within ``[start, end)``: how far along they lie, percent, and when they are."""
    found = []
    at = local_midnight(start, tz)
    while at < end:
        if at >= start:
            found.append((round(100 * (at - start) / (end - start), 2), at))
        at = local_midnight(at, tz, 1)
    return found


def cover_chart(hours: Iterable[Hour], start: int, end: int) -> Chart:
    """The part of each hour that was observed."""
    values = {one.hour: (0.0, min(1.0, one.observed_s / HOUR_S)) for one in hours}
    return _chart("coverage", values, start, end, 1.0)


def health_charts(hours: Sequence[HealthHour], start: int, end: int) -> list[Chart]:
    """Age of the oldest waiting record (an empty queue is 0) and range of the temperature."""
    ages = {one.hour: (0.0, (one.age_most or 0.0) / 60) for one in hours}
    heat = {
        one.hour: (one.temperature_least, one.temperature_most)
        for one in hours
        if one.temperature_least is not None and one.temperature_most is not None
    }
    charts = [_chart("queue", ages, start, end, 15.0)]
    return [*charts, _chart("temperature", heat, start, end, _HOTTEST_MEANT)] if heat else charts
