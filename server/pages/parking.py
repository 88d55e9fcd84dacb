"""A car park over a period: bays, how full, turnover, stays, and when cars come and go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import Request
from starlette.responses import Response

from server.access import REPORTS, Route
from server.api.reports import reader_of
from server.fullness import fullness, turnover
from server.pages.calendar_spans import caution, span_in, spans_of
from server.pages.figures import LOW_COVERAGE
from server.pages.render import error_page, page, texts_of
from server.pages.reports import href
from server.pages.texts import Texts
from server.pages.week import lengths_of
from server.reading import Period
from server.reports import DAY, OccupancyReport, Row
from server.week import HOURS


@dataclass(frozen=True, slots=True)
class HourOfDay:
    """Arrivals and departures per observed hour at one hour of the local day; None where nothing was observed."""

    hour: int
    arrivals: float | None
    departures: float | None
    rate: float | None
    observed_s: float


def by_hour(rows: Iterable[Row], tz: ZoneInfo) -> tuple[HourOfDay, ...]:
    """Hourly sums pooled by the hour of the local day, by what was observed."""
    seen, came, went = [0.0] * HOURS, [0] * HOURS, [0] * HOURS
    taken, bays = [0.0] * HOURS, [0.0] * HOURS
    for row in rows:
        hour = datetime.fromtimestamp(row.start, tz).hour
        seen[hour] += row.observed_s
        came[hour] += row.parking.entries
        went[hour] += row.parking.exits
        taken[hour] += row.parking.object_s
        bays[hour] += row.observed_bay_s
    return tuple(
        HourOfDay(
            hour,
            came[hour] / seen[hour] * 3600 if seen[hour] else None,
            went[hour] / seen[hour] * 3600 if seen[hour] else None,
            taken[hour] / bays[hour] if bays[hour] else None,
            seen[hour],
        )
        for hour in range(HOURS)
    )


def _sentence(
    report: OccupancyReport, hours: tuple[HourOfDay, ...], turned: float | None, texts: Texts
) -> str:
    total = report.total
    parts = [
        texts(
            "parking.sentence",
            rate=texts.percent(total.rate),
            bays=texts.number(report.bays, 0),
            turnover=texts.number(turned),
            coverage=texts.percent(total.coverage),
        )
    ]
    known = [one for one in hours if one.arrivals is not None]
    top = max(known, key=lambda one: one.arrivals or 0.0, default=None)
    if top is not None and top.arrivals:
        parts.append(
            texts("parking.busiest", hour=top.hour, after=top.hour + 1, n=texts.number(top.arrivals))
        )
    return " ".join(parts)


def parking(request: Request) -> Response:
    """The page of a car park."""
    path, reader, texts = request.path_params, reader_of(request), texts_of(request)
    view = reader.view(path["device"], path["camera"], path["name"], ("parking",))
    if view is None:
        return error_page(request, 404)
    try:
        span = span_in(request, view, texts, "month")
    except ValueError:
        return error_page(request, 400)
    if span is None:
        return error_page(request, 400)
    start, end = span.seconds(texts.tz)
    report = reader.report(view, "vehicle", Period(start, end, DAY))
    rows = reader.sums(view, start, end)
    hours = by_hour(rows, texts.tz)
    turned = turnover(report.bins, report.bays) if report.bays else None
    return page(
        request,
        "parking.html",
        view=view,
        href=href(view),
        spans=spans_of(span, view, texts, {}),
        caution=caution(report, view, texts),
        report=report,
        fullness=fullness(rows),
        turnover=turned,
        lengths=lengths_of(rows, "parking", "vehicle"),
        hours=hours,
        most=max((max(one.arrivals or 0.0, one.departures or 0.0) for one in hours), default=0.0),
        sentence=_sentence(report, hours, turned, texts) if report.total.observed_s else "",
        low=LOW_COVERAGE,
    )


ROUTES: Final = (Route("GET", "/zones/{device}/{camera}/{name}/parking", parking, REPORTS),)
