"""Calendars as files: the same days come back, and a wrong line is told with its number while nothing is taken."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.calendar import Entry, check_entry
from server.calendar_csv import write_csv
from server.calendar_files import CalendarFaults, Into, read_calendar
from server.calendar_ics import write_ics
from server.sites import SiteError

CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PARIS = ZoneInfo("Europe/Paris")
INTO = Into("place", "event", PARIS)
MADE = datetime(2026, 11, 22, 12, tzinfo=UTC)
FIRST, LAST = date(2025, 1, 1), date(2028, 1, 1)
NAME = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=40)


@st.composite
def entries(draw):
    first = draw(st.dates(FIRST, date(2027, 1, 1)))
    length = draw(st.integers(0, 60))
    times = draw(st.one_of(st.none(), st.tuples(st.integers(0, 700), st.integers(701, 1440))))
    entry = Entry(
        kind=draw(st.sampled_from(["market_day", "event", "school_holiday"])),
        name_fr=draw(NAME),
        name_en=draw(st.one_of(st.just(""), NAME)),
        first=first,
        last=first + timedelta(length),
        start_min=times[0] if times else None,
        end_min=times[1] if times else None,
        site=draw(st.sampled_from([None, "place"])),
    )
    if entry.kind == "market_day":
        weekdays = tuple(draw(st.sets(st.integers(0, 6), min_size=1)))
        entry = Entry(**{n: getattr(entry, n) for n in entry.__slots__} | {"weekdays": weekdays})
        days = entry.days(FIRST, LAST)
        exceptions = tuple(draw(st.sets(st.sampled_from(days), max_size=3))) if days else ()
        entry = Entry(**{n: getattr(entry, n) for n in entry.__slots__} | {"exceptions": exceptions})
        if draw(st.booleans()) and days:
            entry = Entry(**{n: getattr(entry, n) for n in entry.__slots__} | {"last": None})
    try:
        return check_entry(entry)
    except SiteError:
        return Entry("event", "Fête", first, first)


def told(entry: Entry):
    return (
        entry.kind, entry.name_fr, entry.name_en, entry.site, entry.start_min, entry.end_min,
        entry.days(FIRST, LAST),
    )  # fmt: skip


@CALM
@given(st.lists(entries(), min_size=1, max_size=5))
def test_what_is_written_reads_back_as_the_same_days(kept):
    for text in (write_csv(kept), write_ics(kept, MADE)):
        again = read_calendar(text.encode(), INTO)
        assert [told(entry) for entry in again] == [told(entry) for entry in kept]


def test_a_csv_gives_its_entries_to_the_bit():
    kept = [
        Entry("market_day", "=Marché; grand", FIRST, weekdays=(2, 5), exceptions=(date(2025, 1, 4),)),
        Entry("event", 'Bal "14"', date(2026, 7, 13), date(2026, 7, 14), "Ball", 1200, 120, site="place"),
    ]
    text = write_csv(kept)
    assert text.startswith("\ufeffkind;scope;")
    assert "'=Marché" in text
    assert read_calendar(text.encode(), INTO) == kept


def test_a_french_spreadsheet_is_understood():
    text = "Kind;name_fr;first;last;start;end;weekdays\r\nmarket_day;Marché;03/01/2026;;8:00:00;12h30;mer. samedi\r\n"
    [entry] = read_calendar(text.encode("cp1252"), INTO)
    assert (entry.first, entry.start_min, entry.end_min, entry.weekdays) == (
        date(2026, 1, 3),
        480,
        750,
        (2, 5),
    )
    assert entry.site == "place"


def faults(text: str | bytes) -> list[tuple[int, str, str, str]]:
    with pytest.raises(CalendarFaults) as caught:
        read_calendar(text if isinstance(text, bytes) else text.encode(), INTO)
    return [(f.line, f.rule, f.field, f.found) for f in caught.value.faults]


def test_every_wrong_line_of_a_csv_is_told_at_once():
    lines = [
        "kind,name_fr,first,last,start,end,weekdays,exceptions",
        "event,Bal,2026-07-14,2026-07-14,,,,",
        "event,Bal,2026-13-14,14.7.26,25:00,,,",
        "",
        'event,"Fête',
        'de la musique",2026-06-21,2026-06-20,,,,',
        "fair,X,2026-01-01,2026-01-01,,,,",
        "market_day,Marché,2026-01-01,,08:00,13:00,sat,2026-01-05",
        "market_day,Marché,2026-01-01,,08:00,13:00,samstag,",
        "event,too,short",
        "event,,2026-01-01,2026-01-01,,,,",
    ]
    text = "\n".join(lines)
    assert faults(text) == [
        (3, "cal_date", "first", "2026-13-14"),
        (3, "cal_date", "last", "14.7.26"),
        (3, "cal_clock", "start", "25:00"),
        (5, "label_control", "", "U+000A"),
        (7, "cal_kind", "", "fair"),
        (8, "cal_exception", "", "2026-01-05"),
        (9, "cal_weekdays", "weekdays", "samstag"),
        (10, "cal_cells", "", "3 / 8"),
        (11, "cal_name", "", "none"),
    ]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "cal_file_empty"),
        (b" \n ", "cal_file_empty"),
        (b"kind;name_fr\n", "cal_column_missing"),
        (b"kind;name_fr;first;lats\n", "cal_column"),
        (b"kind;name_fr;first;first\n", "cal_column"),
        (b"PK\3\4\0\0", "cal_file_text"),
        (b"\x81\x8d", "cal_file_text"),
        (b"x" * 300_000, "cal_file_large"),
        (b"kind;name_fr;first\n" + b"event;a;2026-01-01\n", "cal_last"),
        (b'kind;name_fr;first\nevent;"a"b;2026-01-01\n', "cal_csv"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "cal_file_empty"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "cal_ics_end"),
    ],
)
def test_a_file_that_cannot_be_a_calendar_is_refused(data, rule):
    assert rule in [fault[1] for fault in faults(data)]


def test_too_many_entries_are_refused():
    line = "event;a;2026-01-01;2026-01-01\n"
    assert faults("kind;name_fr;first;last\n" + 1001 * line) == [(1, "cal_file_many", "", "1001")]


def ics(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *lines, "END:VCALENDAR", ""])


def event(*lines: str) -> list[str]:
    return ["BEGIN:VEVENT", *lines, "END:VEVENT"]


def test_school_holidays_of_a_zone_without_a_table_can_be_imported():
    text = ics(
        "BEGIN:VTIMEZONE", "TZID:Europe/Paris", "END:VTIMEZONE",
        *event(
            "DTSTART;VALUE=DATE:20261017", "DTEND;VALUE=DATE:20261102",
            "SUMMARY:Vacances de la Toussaint\\, acadé", " mie de Corse",
            "BEGIN:VALARM", "TRIGGER:-PT15M", "DURATION:PT5M", "END:VALARM",
        ),
    )  # fmt: skip
    [entry] = read_calendar(text.encode(), Into("place", "school_holiday", PARIS))
    assert entry == Entry(
        "school_holiday", "Vacances de la Toussaint, académie de Corse", date(2026, 10, 17), date(2026, 11, 1),
        site="place",
    )  # fmt: skip


def test_times_are_local_whatever_zone_they_come_in():
    text = ics(
        *event("DTSTART:20260714T200000Z", "DTEND:20260714T220000Z", "SUMMARY:UTC"),
        *event("DTSTART;TZID=Europe/Paris:20260714T220000", "DTEND:20260715T000000", "SUMMARY:Paris"),
    )
    one, other = read_calendar(text.encode(), INTO)
    assert (one.first, one.start_min, one.last, one.end_min) == (
        date(2026, 7, 14),
        1320,
        date(2026, 7, 14),
        1440,
    )
    assert told(one)[4:] == told(other)[4:]


def test_every_wrong_line_of_an_icalendar_is_told_at_once():
    text = ics(
        *event("DTSTART:20260714", "SUMMARY:Good"),
        *event("DTSTART:2026-07-99", "SUMMARY:Bad day"),
        *event("DTSTART:20260714", "RRULE:FREQ=YEARLY", "SUMMARY:Bad rule"),
        *event("DTSTART;TZID=America/New_York:20260714T100000", "SUMMARY:Zone"),
        *event("SUMMARY:No start"),
        "BEGIN:VTODO",
        "END:VTODO",
        "nonsense",
        *event("DTSTART:20260714", "RDATE:20260801", "SUMMARY:More days"),
        *event("DTSTART:20260714"),
    )
    assert faults(text) == [
        (8, "cal_date", "DTSTART", "2026-07-99"),
        (13, "cal_ics_rule", "RRULE", "FREQ=YEARLY"),
        (17, "cal_ics_zone", "DTSTART", "AMERICA/NEW_YORK"),
        (20, "cal_ics_start", "BEGIN", "VEVENT"),
        (23, "cal_ics_component", "BEGIN", "VTODO"),
        (25, "cal_ics_line", "", "nonsense"),
        (28, "cal_ics_property", "RDATE", "20260801"),
        (31, "cal_name", "BEGIN", "none"),
    ]


@CALM
@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_damage_is_told_or_harmless(junk, at):
    whole = write_ics([Entry("market_day", "Marché", FIRST, weekdays=(1,))], MADE).encode()
    try:
        read_calendar(whole[:at] + junk + whole[at + len(junk) :], INTO)
    except CalendarFaults as exc:
        told = exc.faults
        assert told
