"""Which day, week, month or year a page shows: links to the others, and what to do where there is nothing to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from fastapi import Request

from server.comparison import LEAST_COVERAGE
from server.pages.texts import Texts
from server.reading import HOUR_S, Period, View
from server.reports import DAY, OccupancyReport
from server.spans import FINEST, UNITS, Span, Unit, day_from, day_of, span_of


@dataclass(frozen=True, slots=True)
class Tab:
    """A link to the span of another unit around the same day."""

    unit: Unit
    query: str
    here: bool


@dataclass(frozen=True, slots=True)
class Spans:
    """What the page's head needs: the name of the span, tabs, and the queries of its neighbours (None: nothing there)."""

    name: str
    tabs: tuple[Tab, ...]
    previous: str | None
    next: str | None


def span_in(request: Request, view: View, texts: Texts, usual: Unit | None = None) -> Span | None:
    """The span of a query's ``span`` and ``on``; ``on`` is by default the last day of the data.

    None where no span is asked for and there is none by default.

    Raises:
        ValueError: for words that name none.
    """
    wanted, on = request.query_params.get("span", ""), request.query_params.get("on", "")
    unit = usual if not wanted else next((unit for unit in UNITS if unit == wanted), None)
    if unit is None:
        if wanted:
            raise ValueError(f"span must be one of {', '.join(UNITS)} (got {wanted[:20]!r})")
        return None
    return span_of(unit, day_from(on) if on else last_day(view, texts))


def last_day(view: View, texts: Texts) -> date:
    """The local day of the newest data that may be shown."""
    return day_of((view.last_end or view.until) - 1, texts.tz)


def period_in(span: Span, view: View, texts: Texts) -> Period:
    """The span as a period, in steps as fine as what is kept allows and a curve needs."""
    start, end = span.seconds(texts.tz)
    step = FINEST[span.unit]
    if step != DAY and step < HOUR_S and max(start, view.place.first_start) < view.place.purged_before:
        step = HOUR_S
    return Period(start, end, step)


def spans_of(span: Span | None, view: View, texts: Texts, query: Mapping[str, str]) -> Spans:
    """The head of a page that shows this span, or a free range."""
    around = span.first if span else last_day(view, texts)
    if span is not None:
        # The newest day within the span, so that a year leads to its last month and not to January.
        around = max(span.first, min(last_day(view, texts), span.after - timedelta(days=1)))

    def link(unit: Unit, on: date) -> str:
        return "?" + urlencode({**query, "span": unit, "on": str(on)})

    tabs = tuple(Tab(unit, link(unit, around), span is not None and unit == span.unit) for unit in UNITS)
    if span is None:
        return Spans("", tabs, None, None)
    start, end = span.seconds(texts.tz)
    return Spans(
        span_name(span, texts),
        tabs,
        link(span.unit, span.previous().first) if start > view.place.first_start else None,
        link(span.unit, span.next().first) if end < (view.last_end or view.until) else None,
    )


def span_name(span: Span, texts: Texts) -> str:
    """``samedi 21/11/2026``, ``semaine du 16/11/2026 au 22/11/2026``, ``novembre 2026``, ``2026``."""
    start, end = span.seconds(texts.tz)
    if span.unit == "day":
        return f"{texts(f'weekday.{span.first.weekday()}')} {texts.date(start)}"
    if span.unit == "week":
        return texts("span.name.week", start=texts.date(start), end=texts.date(end - 1))
    if span.unit == "month":
        return f"{texts(f'month.{span.first.month}')} {span.first.year}"
    return str(span.first.year)


def caution(report: OccupancyReport, view: View, texts: Texts) -> str:
    """What is wrong with a report that shows little or nothing, and what to do; empty where nothing is."""
    place, total = view.place, report.total
    if not report.bins:
        return texts("caution.future")
    if total.observed_s <= 0:
        known = {
            "first": texts.date(place.first_start),
            "last": texts.date((view.last_end or view.until) - 1),
        }
        before, after = report.bins[-1].end <= place.first_start, report.bins[0].start >= place.last_end
        return texts("caution.outside" if before or after else "caution.nothing", **known)
    if total.coverage < LEAST_COVERAGE:
        return texts(
            "caution.little", observed=texts.length(total.observed_s), coverage=texts.percent(total.coverage)
        )
    return ""
