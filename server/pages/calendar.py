"""The planner's calendar of a site: what is kept, what the coming weeks hold, files in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from server.access import Route, settings_of, store_of
from server.api.forms import Form
from server.calendar import ENTRY_KINDS, Entry, check_entry
from server.calendar_csv import write_csv
from server.calendar_files import (
    MOST_BYTES,
    CalendarFaults,
    Fault,
    Into,
    clock,
    day_of,
    minutes_of,
    read_calendar,
)
from server.calendar_ics import write_ics
from server.official_days import school_days_known
from server.pages.planning import PLANNING, audit_entry, posted, site_of
from server.pages.render import error_page, page, texts_of
from server.pages.texts import Texts
from server.sites import Site, SiteError, label, site_label
from server.town_calendar import days_for

AHEAD_DAYS: Final = 60
# An academic zone whose table ends within this is told so.
SOON_DAYS: Final = 365
DONE: Final = frozenset({"kept", "gone", "none"})
FIELDS: Final = (
    "id", "kind", "scope", "name_fr", "name_en", "first", "last", "start", "end", "exceptions",
)  # fmt: skip
Values = Mapping[str, Any]


def day_text(day: date, texts: Texts) -> str:
    """``sam. 21/11/2026`` or ``Sat 21 Nov 2026``."""
    noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=texts.tz).timestamp())
    return f"{texts(f'weekday.short.{day.weekday()}')} {texts.date(noon)}"


def _values(entry: Entry | None, today: date) -> Values:
    if entry is None:
        return {
            **dict.fromkeys(FIELDS, ""),
            "kind": "event",
            "scope": "site",
            "first": today.isoformat(),
            "weekdays": (),
        }
    return {
        "id": str(entry.id),
        "kind": entry.kind,
        "scope": "town" if entry.site is None else "site",
        "name_fr": entry.name_fr,
        "name_en": entry.name_en,
        "first": entry.first.isoformat(),
        "last": entry.last.isoformat() if entry.last else "",
        "start": clock(entry.start_min),
        "end": clock(entry.end_min),
        "exceptions": " ".join(day.isoformat() for day in entry.exceptions),
        "weekdays": entry.weekdays,
    }


def _sent(form: Form) -> Values:
    weekdays = tuple(day for day in range(7) if form.text(f"weekday-{day}"))
    return {**{name: form.text(name) for name in FIELDS}, "weekdays": weekdays}


def _read(values: Values, site: Site) -> Entry:
    """The entry of a form.

    Raises:
        SiteError: when a field cannot be read or breaks a rule.
    """

    def one(name: str, rule: str, read: Any) -> Any:
        text = values[name]
        try:
            return read(text) if text else None
        except ValueError as exc:
            raise SiteError(rule, f"{name} cannot be read (found {text[:80]!r})", text) from exc

    first = one("first", "cal_date", day_of)
    if first is None:
        raise SiteError("cal_date", "an entry needs its first day", "")
    last = one("last", "cal_date", day_of)
    weekly = values["kind"] == "market_day"
    entry = Entry(
        kind=values["kind"],
        name_fr=values["name_fr"],
        name_en=values["name_en"],
        first=first,
        # One day is what an empty field means to whoever writes down a fair.
        last=last or (None if weekly else first),
        start_min=one("start", "cal_clock", minutes_of),
        end_min=one("end", "cal_clock", minutes_of),
        weekdays=values["weekdays"],
        exceptions=one("exceptions", "cal_date", lambda text: tuple(day_of(day) for day in text.split()))
        or (),
        site=None if values["scope"] == "town" else site.id,
        id=int(values["id"]) if values["id"].isdecimal() and len(values["id"]) < 16 else 0,
    )
    return check_entry(entry)


def calendar_page(
    request: Request,
    site: Site,
    *,
    values: Values | None = None,
    error: SiteError | None = None,
    faults: Sequence[Fault] = (),
) -> Response:
    """The page, with what was wrong and everything that was typed."""
    texts, store, now = texts_of(request), store_of(request), settings_of(request).clock()
    today = datetime.fromtimestamp(now, texts.tz).date()
    entries = store.sites.entries(site.id)
    wanted = request.query_params.get("entry", "") if request.method == "GET" else ""
    edited = next((one for one in entries if str(one.id) == wanted), None)
    known = school_days_known(site.school_zone)
    done = request.query_params.get("done", "") if request.method == "GET" else ""
    return page(
        request,
        "calendar.html",
        400 if error or faults else 200,
        site=site,
        site_name=site_label(site, texts.language),
        entries=entries,
        days=days_for(store, site.id, today, today + timedelta(days=AHEAD_DAYS)),
        day_text=lambda day: day_text(day, texts),
        name=lambda one: label(one, texts.language, ""),
        clock=clock,
        known_until=known[1] if known else None,
        ends_soon=known is not None and known[1] < today + timedelta(days=SOON_DAYS),
        values=values or _values(edited, today),
        error=error,
        faults=faults,
        kinds=ENTRY_KINDS,
        ahead=AHEAD_DAYS,
        done=done if done in DONE or (done.isdecimal() and len(done) < 6) else "",
        most_kb=MOST_BYTES // 1024,
    )


def calendar(request: Request) -> Response:
    """The calendar of a site; with ``entry`` its form holds that one."""
    site = site_of(request)
    return calendar_page(request, site) if site else error_page(request, 404)


def _done(site: Site, what: str) -> Response:
    return RedirectResponse(f"/sites/{site.id}/calendar?done={what}", 303)


def _save(request: Request, site: Site, form: Form) -> Response:
    values, store = _sent(form), store_of(request)
    try:
        entry = _read(values, site)
    except SiteError as exc:
        return calendar_page(request, site, values=values, error=exc)
    told = f"{entry.kind} {entry.name_fr!r} from {entry.first.isoformat()}"
    if not entry.id:
        added = store.sites.add_entries([entry], audit_entry(request, "calendar.add", site.id, told))
        return _done(site, "kept" if added else "none")
    # Only what this page shows may be changed from it.
    if entry.id not in {one.id for one in store.sites.entries(site.id)}:
        return error_page(request, 404)
    store.sites.replace_entry(entry, audit_entry(request, "calendar.change", site.id, told))
    return _done(site, "kept")


def _remove(request: Request, site: Site, form: Form) -> Response:
    store, wanted = store_of(request), form.text("id")
    entry = next((one for one in store.sites.entries(site.id) if str(one.id) == wanted), None)
    if entry is None:
        return error_page(request, 404)
    told = f"{entry.kind} {entry.name_fr!r} from {entry.first.isoformat()}"
    store.sites.remove_entry(entry.id, audit_entry(request, "calendar.remove", site.id, told))
    return _done(site, "gone")


def _import(request: Request, site: Site, form: Form) -> Response:
    kind = next((one for one in ENTRY_KINDS if one == form.text("kind")), ENTRY_KINDS[1])
    into = Into(site.id, kind, settings_of(request).zone_info)
    store = store_of(request)
    try:
        entries = read_calendar(form.files.get("file", b""), into)
    except CalendarFaults as exc:
        return calendar_page(request, site, faults=exc.faults)
    entry = audit_entry(request, "calendar.import", site.id, f"{len(entries)} entries")
    return _done(site, str(store.sites.add_entries(entries, entry)))


async def save(request: Request) -> Response:
    """Add an entry, or replace one."""
    return await posted(request, _save)


async def remove(request: Request) -> Response:
    """Forget an entry."""
    return await posted(request, _remove)


async def import_file(request: Request) -> Response:
    """Take the entries of a file, all of them or none."""
    return await posted(request, _import, 4 * MOST_BYTES)


def _file(request: Request, kind: str) -> Response:
    site = site_of(request)
    if site is None:
        return error_page(request, 404)
    entries = [replace(one, id=0) for one in store_of(request).sites.entries(site.id)]
    made_at = datetime.fromtimestamp(settings_of(request).clock(), UTC)
    text = write_csv(entries) if kind == "csv" else write_ics(entries, made_at)
    return Response(
        text,
        media_type="text/csv; charset=utf-8" if kind == "csv" else "text/calendar; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="parvis-{site.id}.{kind}"'},
    )


def calendar_csv(request: Request) -> Response:
    """The calendar as CSV, which the import takes back."""
    return _file(request, "csv")


def calendar_ics(request: Request) -> Response:
    """The calendar as iCalendar, which the import takes back."""
    return _file(request, "ics")


ROUTES: Final = (
    Route("GET", "/sites/{site}/calendar", calendar, PLANNING),
    Route("POST", "/sites/{site}/calendar", save, PLANNING),
    Route("POST", "/sites/{site}/calendar/remove", remove, PLANNING),
    Route("POST", "/sites/{site}/calendar/import", import_file, PLANNING),
    Route("GET", "/sites/{site}/calendar.csv", calendar_csv, PLANNING),
    Route("GET", "/sites/{site}/calendar.ics", calendar_ics, PLANNING),
)
