"""A month of data quality: coverage per place and day, what was lost to what, what is doubtful, what was changed."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import Request
from starlette.responses import Response

from server.access import SEEN, Route, settings_of, store_of
from server.api.reports import reader_of
from server.changes import Difference, differences
from server.coverage import HOUR_S, Account, Dead, account, dead_periods
from server.fleet import LOW_COVERAGE
from server.pages.fleet import key_of
from server.pages.render import page, texts_of
from server.pages.tally_words import told
from server.reading import View
from server.store.base import Place, Store
from server.store.quality_base import Configured, DoubledHour
from server.tally_reading import errors_of

# A month of hours for each: the page stays below 20,000 rows however many places there are.
SHOWN: Final = 20
DOUBLED_SHOWN: Final = 500
DEAD_SHOWN: Final = 40
_MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Square:
    """One day of one place: coverage (None of no time), its class on the page, and what is to be marked."""

    day: date
    coverage: float | None
    look: str
    doubled: bool
    changed: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One place over the month."""

    place: Place
    squares: Sequence[Square]
    whole: Account
    dead: Sequence[Dead]


@dataclass(frozen=True, slots=True)
class Change:
    """A configuration that differs from the one before it, and in what; ``first`` when there was none before."""

    configured: Configured
    found: Sequence[Difference]
    first: bool


@dataclass(frozen=True, slots=True)
class Twice:
    """Hours in a row of a place that were told twice, the runs that told them, and the seconds that are certain."""

    start: int
    end: int
    doubled_s: float
    hours: Sequence[DoubledHour]


def look_of(coverage: float | None) -> str:
    """The class of a coverage: five steps, and none for no time."""
    if coverage is None:
        return "q-out"
    steps = ((0.99, "q-full"), (LOW_COVERAGE, "q-most"), (0.5, "q-part"))
    return next((name for least, name in steps if coverage >= least), "q-low" if coverage > 0 else "q-none")


def month_of(text: str, now: int, tz: ZoneInfo) -> date:
    """The first day of a month written like 2026-11; of the current one for no text.

    Raises:
        ValueError: for anything else.
    """
    if not text:
        return datetime.fromtimestamp(now, tz).date().replace(day=1)
    if not _MONTH.fullmatch(text):
        raise ValueError("month must be written like 2026-11")
    return date.fromisoformat(f"{text}-01")


def days_of(first: date, tz: ZoneInfo) -> list[tuple[date, int, int]]:
    """The local days of a month with their borders, seconds since 1970, on whole UTC hours."""
    after = (first + timedelta(days=31)).replace(day=1)
    days = [first + timedelta(days=n) for n in range((after - first).days)]
    at = [
        int(datetime(one.year, one.month, one.day, tzinfo=tz).timestamp()) // HOUR_S * HOUR_S
        for one in [*days, after]
    ]
    return list(zip(days, at, at[1:], strict=False))


def line_of(
    store: Store, place: Place, days: Sequence[tuple[date, int, int]], now: int, marks: Mapping[int, set[int]]
) -> Line:
    """One place over these days; ``marks`` are hours told twice (0) and times of changes (1)."""
    born = place.first_start - place.first_start % HOUR_S
    start, end = max(days[0][1], born), min(days[-1][2], now - now % HOUR_S)
    hours = store.quality.seen(key_of(place), start, end) if start < end else []
    at = [one.hour for one in hours]
    squares = []
    for day, low, high in days:
        of_day = hours[bisect_left(at, low) : bisect_left(at, high)]
        own = account(of_day, max(low, start), min(high, end))
        coverage = own.coverage if own.elapsed_s > 0 else None
        doubled = any(low <= mark < high for mark in marks[0])
        squares.append(
            Square(day, coverage, look_of(coverage), doubled, any(low <= mark < high for mark in marks[1]))
        )
    whole = account(hours, start, max(start, end))
    return Line(place, squares, whole, dead_periods(hours, start, end) if start < end else ())


def changes_of(store: Store, device: str, camera: str, start: int, end: int) -> list[Change]:
    """The configurations of a camera within the period that differ from the one before."""
    found: list[Change] = []
    before: Configured | None = None
    for one in store.quality.configured(device, camera, start, end):
        if before is None:
            if one.at >= start:
                found.append(Change(one, (), first=True))
        else:
            parts: list[Difference] = []
            if one.config != before.config:
                was = store.quality.content(device, camera, before.config) or {}
                parts += differences(was, store.quality.content(device, camera, one.config) or {})
            parts += [
                Difference(name, "", getattr(before, name), getattr(one, name))
                for name in ("software", "model")
                if getattr(before, name) != getattr(one, name)
            ]
            if before.model == one.model and before.model_sha256 != one.model_sha256:
                parts.append(Difference("model", "", before.model_sha256[:8], one.model_sha256[:8]))
            if parts:
                found.append(Change(one, parts, first=False))
        before = one
    return found


def together(hours: Sequence[DoubledHour]) -> list[Twice]:
    """Hours told twice, in a row and of one place, as one."""
    found: list[Twice] = []
    for one in sorted(hours, key=lambda one: (one.place, one.hour)):
        last = found[-1] if found else None
        if last is not None and last.hours[0].place == one.place and last.end == one.hour:
            found[-1] = Twice(
                last.start, one.hour + HOUR_S, last.doubled_s + one.doubled_s, [*last.hours, one]
            )
        else:
            found.append(Twice(one.hour, one.hour + HOUR_S, one.doubled_s, [one]))
    return sorted(found, key=lambda one: -one.end)


def _dead(lines: Sequence[Line]) -> list[tuple[Dead, str, str, list[Place]]]:
    """Dead periods, the longest first, those of the places of one camera as one."""
    found: dict[tuple[str, str, Dead], list[Place]] = {}
    for line in lines:
        for dead in line.dead:
            found.setdefault((line.place.device, line.place.camera, dead), []).append(line.place)
    listed = [(dead, device, camera, names) for (device, camera, dead), names in found.items()]
    return sorted(listed, key=lambda one: one[0].start - one[0].end)


def _first(request: Request) -> int:
    return max(0, int(request.query_params.get("from", "0") or "0", 10))


def tallied_views(request: Request, shown: Sequence[Place]) -> list[View]:
    """Those of these places that somebody tallied."""
    tallied = {one.key for one in store_of(request).tallies.tallies()}
    reader = reader_of(request)
    views = [
        reader.view(place.device, place.camera, place.name, (place.kind,))
        for place in shown
        if key_of(place) in tallied
    ]
    return [view for view in views if view is not None]


def quality(request: Request) -> Response:
    """The page of one month."""
    store, settings = store_of(request), settings_of(request)
    now, tz = int(settings.clock()), settings.zone_info
    status = 200
    try:
        month, first = month_of(request.query_params.get("month", ""), now, tz), _first(request)
    except ValueError:
        status, month, first = 400, month_of("", now, tz), 0
    days = days_of(month, tz)
    start, end = days[0][1], days[-1][2]
    every = store.records.places()
    device = request.query_params.get("device", "")
    chosen = [place for place in every if device in {"", place.device}]
    shown = chosen[first : first + SHOWN]
    cameras = sorted({(place.device, place.camera) for place in shown})
    doubled = [
        one for one in store.quality.doubled(start, end, DOUBLED_SHOWN) if device in {"", one.place[0]}
    ]
    changes = [change for camera in cameras for change in changes_of(store, *camera, start, end)]
    lines = []
    for place in shown:
        mine = {one.hour for one in doubled if one.place == key_of(place)}
        own = {
            change.configured.at
            for change in changes
            if (change.configured.device, change.configured.camera) == (place.device, place.camera)
            and not change.first
        }
        lines.append(line_of(store, place, days, now, {0: mine, 1: own}))
    dead = _dead(lines)
    elapsed = sum(line.whole.elapsed_s for line in lines)
    return page(
        request,
        "quality.html",
        status,
        error=status != 200,
        month=month,
        before=(month - timedelta(days=1)).strftime("%Y-%m"),
        after=(month + timedelta(days=31)).strftime("%Y-%m") if end <= now else "",
        days=[one for one, _, _ in days],
        lines=lines,
        everything=len(chosen),
        devices=sorted({place.device for place in every}),
        device=device,
        first=first,
        size=SHOWN,
        coverage=sum(line.whole.observed_s for line in lines) / elapsed if elapsed else None,
        poor=sum((line.whole.coverage or 0) < LOW_COVERAGE for line in lines if line.whole.elapsed_s),
        known=sum(bool(line.whole.elapsed_s) for line in lines),
        dead=dead[:DEAD_SHOWN],
        all_dead=len(dead),
        twice=together(doubled),
        kept_out=store.quality.quarantined_sums(start, device),
        errors=told(errors_of(reader_of(request), store, tallied_views(request, shown)), texts_of(request)),
        changes=sorted(changes, key=lambda change: -change.configured.at),
        start=start,
        look=look_of,
    )


ROUTES: Final = (Route("GET", "/quality", quality, SEEN),)
