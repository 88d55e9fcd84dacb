"""Which places are visited most: ranked by what time observed, area and capacity do not inflate, chance marked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, get_args

from fastapi import Request
from starlette.responses import Response

from contract.batch import ConfigRecord
from contract.names import GROUPS, ClassGroup
from server.access import REPORTS, Route, store_of
from server.api.reports import reader_of
from server.comparison import Measure
from server.ground_area import area_m2
from server.pages.render import labels_of, page, texts_of
from server.pages.reports import href
from server.pages.texts import Texts
from server.ranking import Candidate, Per, Rank, rank
from server.reading import Period, Reader, View
from server.reports import DAY
from server.spans import day_from, day_of, midnight
from server.store.base import Store

DAYS: Final = 28
MOST_DAYS: Final = 92
MEASURES: Final[tuple[Measure, ...]] = ("mean", "entries")
PERS: Final[tuple[Per, ...]] = get_args(Per)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be ranked."""

    group: ClassGroup
    measure: Measure
    per: Per
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Line:
    """A ranked place; ``share`` of the highest figure, 0..1; ``coverage`` of the whole period."""

    view: View
    href: str
    rank: Rank
    share: float
    coverage: float
    area_m2: float | None
    size: int | None


@dataclass(frozen=True, slots=True)
class Apart:
    """A place that is not ranked, and the key of the reason."""

    view: View
    href: str
    reason: str


def complete_days(reader: Reader, now: int, count: int) -> tuple[date, date]:
    """The last ``count`` whole local days, first and last."""
    today = day_of(now, reader.tz)
    return today - timedelta(days=count), today - timedelta(days=1)


def wish_of(request: Request, reader: Reader, now: int) -> Wish:
    """What a query asks for.

    Raises:
        ValueError: for words or days that cannot be meant.
    """
    query = request.query_params
    first, last = complete_days(reader, now, DAYS)
    first = day_from(query["first"]) if query.get("first") else first
    last = day_from(query["last"]) if query.get("last") else last
    if not 0 <= (last - first).days < MOST_DAYS:
        raise ValueError(f"the last day must follow the first within {MOST_DAYS} days")
    group = next((own for own in GROUPS if own == query.get("class", "person")), None)
    measure = next((own for own in MEASURES if own == query.get("measure", "mean")), None)
    per = next((own for own in PERS if own == query.get("per", "place")), None)
    if group is None or measure is None or per is None:
        raise ValueError("class, measure and per must be words of the form")
    return Wish(group, measure, per, first, last)


def areas(store: Store, views: Sequence[View]) -> Mapping[tuple[str, str, str], float | None]:
    """Square metres of zones whose box sent ground points, by device, camera and name."""
    found: dict[tuple[str, str, str], float | None] = {}
    for device, camera in {(view.place.device, view.place.camera) for view in views}:
        config: ConfigRecord | None = store.records.config(device, camera)
        if config is None or config.ground is None:
            continue
        ground = config.ground
        for zone in config.zones:
            if zone.polygon:
                found[device, camera, zone.id] = area_m2(
                    zone.polygon, ground.image, ground.metres, ground.lonlat
                )
    return found


def ranked(
    store: Store, reader: Reader, views: Sequence[View], wish: Wish
) -> tuple[tuple[Line, ...], tuple[Apart, ...]]:
    """The ranked places, and the others with their reason."""
    start = midnight(wish.first, reader.tz)
    end = midnight(wish.last + timedelta(days=1), reader.tz)
    chosen = {href(view): view for view in views if wish.group in view.groups and view.place.kind != "line"}
    sizes = areas(store, list(chosen.values()))
    candidates, coverage, capacity = [], {}, {}
    for name, view in chosen.items():
        report = reader.report(view, wish.group, Period(start, end, DAY))
        place = view.place
        coverage[name], capacity[name] = report.total.coverage, report.bays
        area = sizes.get((place.device, place.camera, place.name))
        candidates.append(Candidate(name, report.bins, area, report.bays))
    found = rank(candidates, wish.measure, wish.per)
    top = found.ranks[0].value if found.ranks else 0.0
    size_of = {own.name: own.area_m2 for own in candidates}
    lines = tuple(
        Line(
            chosen[own.place],
            own.place,
            own,
            own.value / top if top else 0.0,
            coverage[own.place],
            size_of[own.place],
            capacity[own.place],
        )
        for own in found.ranks
    )
    apart = tuple(Apart(chosen[name], name, f"ranking.apart.{found.apart[name]}") for name in found.apart)
    return lines, apart


def figure(value: float | None, per: Per, texts: Texts) -> str:
    """A ranked figure: per capacity a share."""
    if per == "capacity":
        return texts.percent(value)
    return texts.number(value, 2 if value is not None and value < 10 else 1)


def _sentence(lines: Sequence[Line], wish: Wish, texts: Texts, label_of: Callable[[Any], str]) -> str:
    if not lines:
        return texts("ranking.nobody")
    first = lines[0]
    parts = [
        texts(
            "ranking.sentence",
            place=label_of(first.view.place),
            value=figure(first.rank.value, wish.per, texts),
            unit=texts(f"ranking.unit.{wish.measure}.{wish.per}"),
            days=first.rank.days,
        )
    ]
    if len(lines) > 1:
        second = lines[1]
        key = "ranking.clear" if second.rank.clear else "ranking.unclear"
        parts.append(texts(key, place=label_of(second.view.place)))
    return " ".join(parts)


def ranking(request: Request) -> Response:
    """The ranking."""
    reader, store, texts = reader_of(request), store_of(request), texts_of(request)
    now, error, status = reader.now, "", 200
    try:
        wish = wish_of(request, reader, now)
    except ValueError:
        error, status = "ranking.error", 400
        first, last = complete_days(reader, now, DAYS)
        wish = Wish("person", "mean", "place", first, last)
    views = reader.views()
    lines, apart = ranked(store, reader, views, wish)
    return page(
        request,
        "ranking.html",
        status,
        wish=wish,
        error=error,
        lines=lines,
        apart=apart,
        groups=GROUPS,
        measures=MEASURES,
        pers=PERS,
        figure=lambda value: figure(value, wish.per, texts),
        sentence=_sentence(lines, wish, texts, labels_of(request)),
        start=midnight(wish.first, texts.tz),
        end=midnight(wish.last, texts.tz),
    )


ROUTES: Final = (Route("GET", "/ranking", ranking, REPORTS),)
