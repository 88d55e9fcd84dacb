"""The planner's calendar as iCalendar (RFC 5545), the part of it that a calendar of days needs. Pure.

Read: events with DTSTART, DTEND and SUMMARY; a weekly RRULE (BYDAY, UNTIL) makes market days, EXDATE their exceptions. What
kind of day an event without a rule is, CATEGORIES may say (MARKET_DAY, EVENT, SCHOOL_HOLIDAY), else the one who imports.
Written: local times without a zone, which is what a market has.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from server.calendar import DAY_MIN, ENTRY_KINDS, Entry, EntryKind, check_entry
from server.calendar_files import CalendarFaults, Fault, Into, day_of
from server.sites import SiteError

_PROPERTY: Final = re.compile(
    r'([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)*):(.*)', re.DOTALL
)
_TIME: Final = re.compile(r"(\d{8})T(\d{2})(\d{2})\d{2}(Z?)")
_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# They would change which days are meant.
_UNKNOWN: Final = frozenset({"RDATE", "EXRULE", "RECURRENCE-ID", "DURATION"})
_SCOPE: Final = "X-PARVIS-SCOPE"
_ENGLISH: Final = "X-PARVIS-NAME-EN"
_ESCAPED: Final = {"n": " ", "N": " ", ",": ",", ";": ";", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class _Property:
    line: int
    name: str
    params: str
    value: str


class _Wrong(Exception):  # noqa: N818 - carries a fault to the one who collects them
    def __init__(self, at: _Property, rule: str, found: str = "") -> None:
        super().__init__(rule)
        self.fault = Fault(at.line, rule, at.name, (found or at.value)[:80])


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    start, whole = 1, ""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if line[:1] in {" ", "\t"}:
            whole += line[1:]
            continue
        if whole.strip():
            yield start, whole
        start, whole = number, line
    if whole.strip():
        yield start, whole


def _properties(text: str, faults: list[Fault]) -> list[_Property]:
    found = []
    for line, whole in _unfolded(text):
        parts = _PROPERTY.fullmatch(whole)
        if parts is None:
            faults.append(Fault(line, "cal_ics_line", found=whole[:80]))
        else:
            found.append(_Property(line, parts[1].upper(), parts[2].upper(), parts[3]))
    return found


def _events(properties: Iterable[_Property], faults: list[Fault]) -> list[list[_Property]]:
    """The properties of each event, its BEGIN first; alarms within and time zones beside are passed over."""
    events: list[list[_Property]] = []
    open_: list[_Property] = []
    for one in properties:
        if one.name == "BEGIN":
            open_.append(one)
            name = one.value.upper()
            if name == "VEVENT":
                events.append([one])
            elif name not in {"VCALENDAR", "VTIMEZONE", "STANDARD", "DAYLIGHT", "VALARM"}:
                faults.append(Fault(one.line, "cal_ics_component", "BEGIN", name[:80]))
        elif one.name == "END":
            if not open_ or open_.pop().value.upper() != one.value.upper():
                faults.append(Fault(one.line, "cal_ics_end", "END", one.value[:80]))
        elif open_ and open_[-1].value.upper() == "VEVENT":
            events[-1].append(one)
    faults += [Fault(one.line, "cal_ics_end", "BEGIN", one.value[:80]) for one in open_]
    return events


def _moment(at: _Property, text: str, tz: ZoneInfo) -> tuple[date, int | None]:
    """Local day and minute, None for a whole day."""
    match = _TIME.fullmatch(text)
    try:
        if match is None:
            return day_of(text), None
        day, minute = day_of(match[1]), int(match[2]) * 60 + int(match[3])
        zone = re.search(r";TZID=\"?([^\";]+)", at.params)
        if not match[4] and zone is None:
            return day, minute
        named = "UTC" if match[4] else zone[1] if zone else ""
        if named == tz.key.upper():
            return day, minute
        if named != "UTC":
            raise _Wrong(at, "cal_ics_zone", named)
        local = (
            datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("UTC")) + timedelta(minutes=minute)
        ).astimezone(tz)
    except (ValueError, OverflowError) as exc:
        raise _Wrong(at, "cal_date", text) from exc
    return local.date(), local.hour * 60 + local.minute


def _weekly(at: _Property, start: date, tz: ZoneInfo) -> dict[str, Any]:
    rule = dict(part.partition("=")[::2] for part in at.value.upper().split(";") if part)
    odd = set(rule) - {"FREQ", "BYDAY", "UNTIL", "INTERVAL", "WKST"}
    days = [day for day in rule.get("BYDAY", "").split(",") if day]
    if rule.get("FREQ") != "WEEKLY" or rule.get("INTERVAL", "1") != "1" or odd or not set(days) <= set(_DAYS):
        raise _Wrong(at, "cal_ics_rule")
    return {
        "weekdays": tuple(_DAYS.index(day) for day in days) or (start.weekday(),),
        "last": _moment(at, rule["UNTIL"], tz)[0] if "UNTIL" in rule else None,
    }


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: _ESCAPED.get(m[1], m[0]), text).strip()


def _kind(event: Mapping[str, _Property], into: Into) -> EntryKind:
    said = event["CATEGORIES"].value.lower().split(",") if "CATEGORIES" in event else []
    known = next((kind for kind in ENTRY_KINDS if kind in said), None)
    return known or ("market_day" if "RRULE" in event else into.kind)


def _span(event: Mapping[str, _Property], tz: ZoneInfo) -> tuple[date, int | None, date, int | None]:
    """First day and minute, last day and minute; the end of whole days is exclusive, as the standard has it."""
    start = event["DTSTART"]
    first, start_min = _moment(start, start.value, tz)
    if "DTEND" not in event:
        return first, start_min, first, None if start_min is None else DAY_MIN
    last, end_min = _moment(event["DTEND"], event["DTEND"].value, tz)
    if (start_min is None) != (end_min is None):
        raise _Wrong(event["DTEND"], "cal_times")
    if end_min in {None, 0} and last > first:
        last, end_min = last - timedelta(1), None if end_min is None else DAY_MIN
    return first, start_min, last, end_min


def _entry(properties: list[_Property], into: Into) -> Entry:
    event = {one.name: one for one in reversed(properties)}
    odd = next((one for one in properties if one.name in _UNKNOWN), None)
    if odd is not None:
        raise _Wrong(odd, "cal_ics_property")
    if "DTSTART" not in event:
        raise _Wrong(properties[0], "cal_ics_start")
    if event.get("STATUS") and event["STATUS"].value.upper() == "CANCELLED":
        raise _Wrong(event["STATUS"], "cal_ics_property")
    first, start_min, last, end_min = _span(event, into.tz)
    weekly: dict[str, Any] = {"last": last}
    if "RRULE" in event:
        if last != first:
            raise _Wrong(event["DTEND"], "cal_time_order")
        weekly = _weekly(event["RRULE"], first, into.tz)
    exceptions = [
        _moment(one, text, into.tz)[0]
        for one in properties
        if one.name == "EXDATE"
        for text in one.value.split(",")
    ]
    entry = Entry(
        kind=_kind(event, into),
        name_fr=_plain(event["SUMMARY"].value) if "SUMMARY" in event else "",
        name_en=_plain(event[_ENGLISH].value) if _ENGLISH in event else "",
        first=first,
        start_min=start_min,
        end_min=end_min,
        exceptions=tuple(exceptions),
        site=None if event.get(_SCOPE) and event[_SCOPE].value.upper() == "TOWN" else into.site,
        **weekly,
    )
    try:
        return check_entry(entry)
    except SiteError as exc:
        raise _Wrong(properties[0], exc.rule, exc.found) from exc


def read_ics(text: str, into: Into) -> list[Entry]:
    """The entries of a file.

    Raises:
        CalendarFaults: with everything that is wrong.
    """
    faults: list[Fault] = []
    entries = []
    for properties in _events(_properties(text, faults), faults):
        try:
            entries.append(_entry(properties, into))
        except _Wrong as exc:
            faults.append(exc.fault)
    if not entries and not faults:
        faults.append(Fault(1, "cal_file_empty"))
    if faults:
        raise CalendarFaults(faults)
    return entries


def _folded(line: str) -> str:
    parts: list[str] = []
    part = ""
    for char in line:
        if len((part + char).encode()) > (74 if parts else 75):
            parts.append(part)
            part = ""
        part += char
    return "\r\n ".join([*parts, part]) + "\r\n"


def _escaped(text: str) -> str:
    return re.sub(r"([\\;,])", r"\\\1", text)


def _stamp(day: date, minute: int | None) -> str:
    if minute is None:
        return f";VALUE=DATE:{day:%Y%m%d}"
    day, minute = (day + timedelta(1), 0) if minute == DAY_MIN else (day, minute)
    return f":{day:%Y%m%d}T{minute // 60:02d}{minute % 60:02d}00"


def _event(entry: Entry, made_at: datetime) -> list[str]:
    uid = hashlib.sha256(repr(entry).encode()).hexdigest()[:32]
    # An occurrence of a rule begins on one of its weekdays.
    first = entry.first
    while entry.weekdays and first.weekday() not in entry.weekdays:
        first += timedelta(1)
    last = first if entry.kind == "market_day" else entry.last or first
    end = last + timedelta(1) if entry.end_min is None else last
    lines = [
        "BEGIN:VEVENT",
        f"UID:{uid}@parvis",
        f"DTSTAMP:{made_at:%Y%m%dT%H%M%SZ}",
        "DTSTART" + _stamp(first, entry.start_min),
        "DTEND" + _stamp(end, entry.end_min),
        f"SUMMARY:{_escaped(entry.name_fr)}",
        f"CATEGORIES:{entry.kind.upper()}",
    ]
    if entry.name_en:
        lines.append(f"{_ENGLISH}:{_escaped(entry.name_en)}")
    if entry.site is None:
        lines.append(f"{_SCOPE}:TOWN")
    if entry.kind == "market_day":
        until = f";UNTIL={entry.last:%Y%m%d}" if entry.last else ""
        if until and entry.start_min is not None:
            until += "T235959"
        lines.append(f"RRULE:FREQ=WEEKLY;BYDAY={','.join(_DAYS[day] for day in entry.weekdays)}{until}")
    lines += ["EXDATE" + _stamp(day, entry.start_min) for day in entry.exceptions]
    return [*lines, "END:VEVENT"]


def write_ics(entries: Iterable[Entry], made_at: datetime) -> str:
    """The entries as a file, made at a UTC time."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Parvis//Calendar//FR"]
    for entry in entries:
        lines += _event(entry, made_at)
    return "".join(_folded(line) for line in [*lines, "END:VCALENDAR"])
