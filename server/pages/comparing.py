"""Before and after at one place, and several places over one period."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from contract.names import GROUPS, ClassGroup
from server.access import REPORTS, Route
from server.api.reports import reader_of
from server.comparison import Effect, Measure, NoComparison, by_weekday, compare, value_of
from server.pages.render import labels_of, page, texts_of
from server.pages.reports import href
from server.pages.texts import Texts
from server.reading import Period, Reader, View
from server.reports import DAY, OccupancyReport
from server.spans import day_from, day_of, midnight

WEEKS: Final = 4
MOST_DAYS: Final = 400
MOST_PLACES: Final = 6
MEASURES: Final[tuple[Measure, ...]] = ("mean", "rate", "entries", "exits")


@dataclass(frozen=True, slots=True)
class Range:
    """Local days, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """Their number."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class WeekdayLine:
    """One weekday in both periods: the mean of its usable days and their number; None without any."""

    weekday: int
    before: float | None
    after: float | None
    days: tuple[int, int]


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """One of several places: its report by days, and each day's figure (None: not seen enough)."""

    view: View
    href: str
    report: OccupancyReport
    values: tuple[float | None, ...]
    mean: float | None
    used: int


def range_of(request: Request, name: str, usual: Range) -> Range:
    """``NAME_from`` and ``NAME_to`` of a query.

    Raises:
        ValueError: for days that cannot be read, that are in the wrong order or too many.
    """
    query = request.query_params
    first, last = query.get(f"{name}_from"), query.get(f"{name}_to")
    chosen = Range(day_from(first) if first else usual.first, day_from(last) if last else usual.last)
    if not 1 <= chosen.days <= MOST_DAYS:
        raise ValueError(f"the last day must follow the first within {MOST_DAYS} days")
    return chosen


def last_weeks(view: View | None, reader: Reader, weeks: int, ago: int = 0) -> Range:
    """Whole weeks from Monday to Sunday, the last of them ``ago`` weeks before the last one of the data."""
    # The first day that is not over, so that a week is whole on its Sunday night.
    open_day = day_of(view.last_end if view and view.last_end else reader.now, reader.tz)
    last = open_day - timedelta(days=open_day.weekday() + 1 + 7 * ago)
    return Range(last - timedelta(days=7 * weeks - 1), last)


def by_days(reader: Reader, view: View, group: ClassGroup, chosen: Range) -> OccupancyReport:
    """The report of a place by local days."""
    start = midnight(chosen.first, reader.tz)
    return reader.report(
        view, group, Period(start, midnight(chosen.last + timedelta(days=1), reader.tz), DAY)
    )


def measures_of(view: View) -> tuple[Measure, ...]:
    """What can be compared at a place."""
    if view.place.kind == "line":
        return ("entries", "exits")
    return MEASURES if view.capacity or view.place.kind == "parking" else ("mean", "entries", "exits")


def amount(value: float | None, measure: Measure, texts: Texts, *, signed: bool = False) -> str:
    """A figure as its measure is written."""
    if value is None:
        return texts.number(None)
    sign = "+" if signed and value > 0 else "\N{MINUS SIGN}" if signed and value < 0 else ""
    size = abs(value) if signed else value
    if measure == "rate":
        return sign + (texts("compare.points", n=texts.number(size * 100)) if signed else texts.percent(size))
    return sign + texts.number(size, 2 if size < 10 else 1)


def weekday_lines(
    before: OccupancyReport, after: OccupancyReport, measure: Measure, texts: Texts
) -> tuple[WeekdayLine, ...]:
    """The table under a comparison."""
    first, second = (by_weekday(own.bins, measure, texts.tz) for own in (before, after))
    return tuple(
        WeekdayLine(
            day,
            fmean(first[day]) if day in first else None,
            fmean(second[day]) if day in second else None,
            (len(first.get(day, [])), len(second.get(day, []))),
        )
        for day in range(7)
    )


def verdict(found: Effect | NoComparison, what: str, texts: Texts) -> str:
    """What a comparison says, in words and no more than it says."""
    if isinstance(found, NoComparison):
        return texts(f"compare.none.{found.period}", days=found.days, least=found.least)
    low, high = found.interval
    size = texts.number(None) if found.relative is None else texts.percent(abs(found.relative))
    key = (
        "compare.unclear" if not found.significant else "compare.more" if found.change > 0 else "compare.less"
    )
    return texts(
        key,
        what=what,
        before=amount(found.before, found.measure, texts),
        after=amount(found.after, found.measure, texts),
        change=amount(found.change, found.measure, texts, signed=True),
        low=amount(low, found.measure, texts, signed=True),
        high=amount(high, found.measure, texts, signed=True),
        relative=size,
    )


def _place(request: Request, views: Sequence[View], name: str = "place") -> View | None:
    wanted = request.query_params.get(name, "")
    return next((view for view in views if href(view) == wanted), None) if wanted else next(iter(views), None)


def _chosen(request: Request, view: View) -> tuple[ClassGroup, Measure]:
    """Class and measure of a query.

    Raises:
        ValueError: for what this place does not count.
    """
    query, measures = request.query_params, measures_of(view)
    group = query.get("class") or view.groups[0]
    measure = query.get("measure") or measures[0]
    known = next((own for own in view.groups if own == group), None)
    kind = next((own for own in measures if own == measure), None)
    if known is None or kind is None:
        raise ValueError("this place does not count that")
    return known, kind


def comparison(request: Request) -> Response:
    """Two periods of one place."""
    reader, texts = reader_of(request), texts_of(request)
    views, error, status = reader.views(), "", 200
    view = _place(request, views)
    usual = last_weeks(view, reader, WEEKS, WEEKS), last_weeks(view, reader, WEEKS)
    ranges = usual
    common: dict[str, Any] = {"views": views, "href": href, "groups": GROUPS, "measures": MEASURES}
    if view is None:
        error, status = ("compare.unknown", 404) if views else ("compare.nothing", 200)
        return page(request, "compare.html", status, view=None, error=error, ranges=ranges, **common)
    try:
        group, measure = _chosen(request, view)
        ranges = range_of(request, "a", usual[0]), range_of(request, "b", usual[1])
    except ValueError:
        error, status = "compare.error", 400
        group, measure = view.groups[0], measures_of(view)[0]
    before, after = (by_days(reader, view, group, own) for own in ranges)
    found = compare(before.bins, after.bins, measure, texts.tz)
    lines = weekday_lines(before, after, measure, texts)
    overlap = ranges[0].first <= ranges[1].last and ranges[1].first <= ranges[0].last
    what = texts(f"compare.what.{measure}", group=texts(f"group.{group}"))
    return page(
        request,
        "compare.html",
        status,
        view=view,
        error=error or ("compare.overlap" if overlap else ""),
        ranges=ranges,
        chosen=(group, measure),
        offered=measures_of(view),
        reports=(before, after),
        found=found if isinstance(found, Effect) else None,
        verdict=verdict(found, what, texts),
        lines=lines,
        most=max((v for line in lines for v in (line.before, line.after) if v is not None), default=0.0),
        amount=lambda value, signed=False: amount(value, measure, texts, signed=signed),
        what=what,
        value=lambda one: value_of(one, measure),
        **common,
    )


def places(request: Request) -> Response:
    """Several places over one period."""
    reader, texts = reader_of(request), texts_of(request)
    views, error, status = reader.views(), "", 200
    wanted = request.query_params.getlist("place")[:MOST_PLACES]
    usual = last_weeks(views[0] if views else None, reader, WEEKS)
    usual_group = views[0].groups[0] if views else "person"
    words = request.query_params.get("class", usual_group), request.query_params.get("measure", "mean")
    group: ClassGroup = next((own for own in GROUPS if own == words[0]), "person")
    measure: Measure = next((own for own in MEASURES if own == words[1]), "mean")
    try:
        chosen = range_of(request, "p", usual)
        if (group, measure) != words:
            raise ValueError("class and measure must be words of the form")
    except ValueError:
        error, status, chosen = "compare.error", 400, usual
    fitting = [view for view in views if group in view.groups and measure in measures_of(view)]
    asked = [view for view in fitting if href(view) in wanted] if wanted else fitting[:3]
    lines = tuple(_line(reader, view, group, measure, chosen) for view in asked)
    left_out = [name for name in wanted if name not in {href(view) for view in asked}]
    return page(
        request,
        "compare_places.html",
        status,
        views=views,
        href=href,
        groups=GROUPS,
        measures=MEASURES,
        most_places=MOST_PLACES,
        chosen=(group, measure),
        range=chosen,
        error=error,
        lines=lines,
        left_out=len(left_out),
        picked={line.href for line in lines},
        sentence=_best(lines, measure, texts, labels_of(request)),
        amount=lambda value: amount(value, measure, texts),
        what=texts(f"compare.what.{measure}", group=texts(f"group.{group}")),
    )


def _line(reader: Reader, view: View, group: ClassGroup, measure: Measure, chosen: Range) -> PlaceLine:
    report = by_days(reader, view, group, chosen)
    values = tuple(value_of(one, measure) for one in report.bins)
    known = [value for value in values if value is not None]
    return PlaceLine(view, href(view), report, values, fmean(known) if known else None, len(known))


def _best(lines: Sequence[PlaceLine], measure: Measure, texts: Texts, label_of: Callable[[Any], str]) -> str:
    known = [line for line in lines if line.mean is not None]
    if not known:
        return texts("compare.places.none")
    parts = [
        texts(
            "compare.places.one",
            place=label_of(line.view.place),
            mean=amount(line.mean, measure, texts),
            days=line.used,
            coverage=texts.percent(line.report.total.coverage),
        )
        for line in sorted(known, key=lambda line: -(line.mean or 0.0))
    ]
    return texts("list.separator").join(parts) + "."


ROUTES: Final = (
    Route("GET", "/compare", comparison, REPORTS),
    Route("GET", "/compare/places", places, REPORTS),
)
