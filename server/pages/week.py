"""The usual week of a place as a heat map that is a table: each hour of each weekday, from the last eight weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.responses import Response

from contract.names import GROUP_OF, ClassGroup, dwell_bounds
from server.access import REPORTS, Route
from server.api.reports import reader_of
from server.bands import Lengths, lengths
from server.fullness import Fullness, fullness
from server.pages.render import page, texts_of
from server.pages.reports import chosen, href
from server.pages.texts import Texts
from server.reading import HOUR_S, LINE_KINDS, ZONE_KINDS
from server.reports import NO_LENGTHS, Kind, Row, local_midnight
from server.week import Cell, usual_week

WEEKS: Final = 8
DAY_S: Final = 86400
SHADES: Final = 6


@dataclass(frozen=True, slots=True)
class Square:
    """A cell of the map: its figure as text, its shade (0 none to SHADES; None: no data), and all of it in words."""

    text: str
    shade: int | None
    words: str


def figure(cell: Cell, kind: Kind) -> float | None:
    """What the map shows: the mean present, the rate of bays, or crossings per hour both ways."""
    if kind == "parking":
        return cell.rate
    if kind == "line":
        return None if cell.entries is None or cell.exits is None else cell.entries + cell.exits
    return cell.mean


def squares(week: Sequence[Sequence[Cell]], kind: Kind, texts: Texts) -> list[list[Square]]:
    """The map's rows; shades run from nothing to the highest figure of the week, or of all bays."""
    values = [[figure(cell, kind) for cell in day] for day in week]
    top = 1.0 if kind == "parking" else max((v for day in values for v in day if v is not None), default=0.0)

    def square(day: int, hour: int) -> Square:
        cell, value = week[day][hour], values[day][hour]
        shown = texts.percent(value) if kind == "parking" else texts.number(value, 0 if top >= 20 else 1)
        shade = None if value is None else min(SHADES, round(SHADES * value / top)) if top else 0
        words = texts(
            f"week.cell.{kind}",
            day=texts(f"weekday.{day}"),
            hour=hour,
            value=shown,
            days=cell.days,
            coverage=texts.percent(cell.coverage),
        )
        return Square(shown, shade, words if value is not None else texts("week.cell.none"))

    return [[square(day, hour) for hour in range(len(week[day]))] for day in range(len(week))]


def lengths_of(rows: Sequence[Row], kind: Kind, group: ClassGroup) -> Lengths | None:
    """How long visits or stays of these rows lasted; None for a line."""
    if kind == "line":
        return None
    name = "car" if group == "vehicle" else group
    parts = [row.parking for row in rows] if kind == "parking" else []
    if kind == "zone":
        parts = [own for row in rows for each, own in row.counts.items() if GROUP_OF[each] == group]
    together = [sum(bin_) for bin_ in zip(*(own.lengths for own in parts), strict=True)] or NO_LENGTHS
    return lengths(together, dwell_bounds(name), sum(own.censored for own in parts))


def _busiest(
    squares_: Sequence[Sequence[Square]], week: Sequence[Sequence[Cell]], kind: Kind
) -> Square | None:
    best = max(
        (
            (figure(cell, kind) or 0.0, day, hour)
            for day, own in enumerate(week)
            for hour, cell in enumerate(own)
        ),
        key=lambda found: (found[0], -found[1], -found[2]),
    )
    return squares_[best[1]][best[2]] if best[0] > 0 else None


def _week(request: Request, kinds: Sequence[Kind]) -> Response:
    view, group = chosen(request, kinds)
    reader, texts = reader_of(request), texts_of(request)
    end = local_midnight(view.last_end or view.until, texts.tz, 1)
    start = max(local_midnight(end, texts.tz, -7 * WEEKS), local_midnight(view.place.first_start, texts.tz))
    # The hours of a first or last day that was not lived through whole are no gaps.
    since = view.place.first_start - view.place.first_start % HOUR_S
    hours, rows = reader.hours(view, group, start, end)
    week = usual_week((one for one in hours.bins if one.start >= since), texts.tz)
    told: Fullness = fullness(rows)
    map_ = squares(week, view.place.kind, texts)
    return page(
        request,
        "week.html",
        view=view,
        group=group,
        href=href(view),
        squares=map_,
        busiest=_busiest(map_, week, view.place.kind),
        fullness=told,
        lengths=lengths_of(rows, view.place.kind, group),
        start=start,
        end=min(end, view.until),
        shades=SHADES,
    )


def zone_week(request: Request) -> Response:
    """The usual week of a zone or car park."""
    return _week(request, ZONE_KINDS)


def line_week(request: Request) -> Response:
    """The usual week of a count line."""
    return _week(request, LINE_KINDS)


ROUTES: Final = (
    Route("GET", "/zones/{device}/{camera}/{name}/week", zone_week, REPORTS),
    Route("GET", "/lines/{device}/{camera}/{name}/week", line_week, REPORTS),
)
