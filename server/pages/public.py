"""GET /public/{site}: the public day of a site as a page for anyone, with exactly the figures of the public table.

Rules:
1. Every figure comes from the published day (`server.publishing`), marks and all; nothing else of the store is read.
2. A site that is not public is answered like one that does not exist.
3. Too many at once are sent away: boxes and people share the server's threads with them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from server.access import PUBLIC, Route, settings_of, store_of
from server.api.public import AT_ONCE, FIRST_YEAR, LAST_YEAR
from server.pages.render import error_page, page, texts_of
from server.pages.texts import Texts
from server.public_table import HOUR_S
from server.publishing import PUBLISH_WITHIN_S, NotPublished, Publisher, day_borders
from server.settings import PublicSite, Settings
from server.sites import Details, label
from server.suppression import HIDDEN, SMALL

HEIGHT: Final = 40.0
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# What a chart shows of each kind: one figure upwards, or two, up and down.
CHARTED: Final[Mapping[str, tuple[str, ...]]] = {
    "zone": ("entries", "exits"),
    "line": ("entries", "exits"),
    "parking": ("mean",),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle: a figure, or the mark of one that is small, withheld or missing."""

    look: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Hour:
    """One row of the table, as text."""

    when: str
    coverage: str
    low: bool
    mean: str
    rate: str
    peak: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One place and class of the day: its bars, rows and sums, and the highest figure of its chart."""

    name: str
    counted: str
    kind: str
    group: str
    bars: Sequence[Bar]
    top: str
    hours: Sequence[Hour]
    day: Hour
    coverage: str
    seen: bool


def newest_day(settings: Settings, now: float) -> date:
    """The last local day that is final."""
    local = datetime.fromtimestamp(now - settings.public_after_s, settings.zone_info)
    return local.date() - timedelta(days=1)


def day_of(text: str) -> date:
    """A day written like 2026-11-21.

    Raises:
        ValueError: for anything else.
    """
    day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError("day must be written like 2026-11-21")
    return day


def why_not(day: date, settings: Settings, now: float) -> str:
    """Why a day is not published, as the end of a text's name."""
    end = day_borders(day, settings)[1]
    if now < end + settings.public_after_s:
        return "early"
    return "late" if now > end + PUBLISH_WITHIN_S else "nothing"


def said(value: Any, k: int, texts: Texts, digits: int = 0) -> str:
    """A figure as the table shows it."""
    if value == SMALL:
        return f"<{k}"
    if value == HIDDEN:
        return texts("public.hidden")
    return texts.number(value, digits)


def _figure(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def bars(bins: Sequence[Mapping[str, Any]], counted: str) -> tuple[list[Bar], float]:
    """The chart of hours, and the value at its edge; marks have a height of their own that tells no value."""
    names = CHARTED[counted]
    top = max([1.0, *(_figure(one[name]) for one in bins for name in names)])
    full = HEIGHT / len(names)
    found: list[Bar] = []
    for index, one in enumerate(bins):
        if all(one[name] is None for name in names):
            found.append(Bar("gap", index, 0.0, 1.0, HEIGHT))
            continue
        for up, name in zip((True, False), names, strict=False):
            value = one[name]
            if isinstance(value, str):
                look, height = ("small" if value == SMALL else "withheld"), 0.18 * full
            else:
                look, height = ("in" if up else "out"), max(0.5, _figure(value) / top * full)
            y = full - height if up else full
            found.append(Bar(look, round(index + 0.06, 2), round(y, 2), 0.88, round(height, 2)))
    return found, top


def hour_of(one: Mapping[str, Any], k: int, texts: Texts, when: str) -> Hour:
    """One bin as text."""
    return Hour(
        when=when,
        coverage=texts.percent(one["coverage"]),
        low=one["coverage"] < 0.9,
        mean=said(one["mean"], k, texts, 1),
        rate=texts.percent(one["rate"]),
        peak=said(one["peak"], k, texts),
        first=said(one["entries"], k, texts),
        second=said(one["exits"], k, texts),
    )


def shown(place: Mapping[str, Any], k: int, texts: Texts, details: Details) -> Shown:
    """One place and class, called as people call it now: what was published keeps its names."""
    known = details.get((place["device"], place["camera"], place["name"], place["counted"]))
    hours, [whole] = place["bins"][str(HOUR_S)], place["bins"]["day"]
    chart, top = bars(hours, place["counted"])
    offsets = {datetime.fromtimestamp(one["start"], texts.tz).utcoffset() for one in hours}
    rows = [
        hour_of(one, k, texts, texts.time(one["start"], date=False, offset=len(offsets) > 1)) for one in hours
    ]
    return Shown(
        name=label(known, texts.language, place["name"]) if known else place["name"],
        counted=place["counted"],
        kind=place["kind"],
        group=place["class"],
        bars=chart,
        top=texts.number(top, 0),
        hours=rows,
        day=hour_of(whole, k, texts, ""),
        coverage=texts.percent(whole["coverage"]),
        seen=whole["observed_s"] > 0,
    )


class PublicPage:
    """The page of each public site."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._slots = threading.BoundedSemaphore(AT_ONCE)

    def page(self, request: Request) -> Response:
        """The day asked for, or the last one that is final."""
        settings = settings_of(request)
        site = next((s for s in settings.public_sites if s.name == request.path_params["site"]), None)
        if site is None:
            return error_page(request, 404)
        if not self._slots.acquire(blocking=False):
            return error_page(request, 503, {"Retry-After": "5"})
        try:
            return self._answer(request, settings, site)
        finally:
            self._slots.release()

    def _answer(self, request: Request, settings: Settings, site: PublicSite) -> Response:
        texts, now, status = texts_of(request), settings.clock(), 200
        newest = newest_day(settings, now)
        try:
            day = day_of(request.query_params["day"]) if request.query_params.get("day") else newest
        except ValueError:
            status, day = 400, newest
        document: Mapping[str, Any] | None = None
        reason = ""
        try:
            document = self._publisher.document(store_of(request), settings, site, day)
        except NotPublished:
            reason = why_not(day, settings, now)
        k = document["k"] if document else settings.public_k
        details = store_of(request).sites.details()
        # Noon: a day's name must not depend on the clock's change.
        noon = day_borders(day, settings)[0] + 12 * HOUR_S
        return page(
            request,
            "public.html",
            status,
            site=site.name,
            day=day,
            day_text=f"{texts(f'weekday.{day.weekday()}')} {texts.date(noon)}",
            newest=newest,
            before=day - timedelta(days=1),
            after=day + timedelta(days=1) if day < newest else None,
            error=status != 200,
            reason=reason,
            appears=day_borders(day, settings)[1] + settings.public_after_s,
            within=PUBLISH_WITHIN_S,
            places=[shown(place, k, texts, details) for place in document["places"]] if document else [],
            k=k,
            operator=settings.operator,
            contact=settings.contact,
            steps=(("day", "step.day"), (str(HOUR_S), "public.hour"), ("900", "public.quarter")),
        )

    def routes(self) -> list[Route]:
        """The way to it."""
        return [Route("GET", "/public/{site}", self.page, PUBLIC)]
