"""Calendar periods in local time."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.spans import UNITS, day_from, day_of, midnight, span_of

PARIS = ZoneInfo("Europe/Paris")


@given(st.dates(date(1972, 1, 1), date(2100, 1, 1)), st.sampled_from(UNITS))
def test_neighbours_touch_and_hold_their_day(day, unit):
    span = span_of(unit, day)
    assert span.first <= day < span.after
    assert span.previous().after == span.first
    assert span.next().first == span.after
    assert span.next().previous() == span
    start, end = span.seconds(PARIS)
    assert start < end == span.next().seconds(PARIS)[0]
    assert day_of(start, PARIS) == span.first
    assert day_of(end - 1, PARIS) < span.after


@pytest.mark.parametrize(
    ("unit", "day", "hours"),
    [
        ("day", date(2026, 3, 29), 23),
        ("day", date(2026, 10, 25), 25),
        ("week", date(2026, 3, 25), 167),
        ("week", date(2026, 10, 19), 169),
        ("month", date(2026, 2, 14), 28 * 24),
        ("month", date(2026, 10, 31), 31 * 24 + 1),
        ("year", date(2024, 2, 29), 366 * 24),
    ],
)
def test_spans_last_as_long_as_the_clock_says(unit, day, hours):
    start, end = span_of(unit, day).seconds(PARIS)
    assert end - start == hours * 3600


def test_weeks_begin_on_monday():
    assert span_of("week", date(2026, 11, 22)).first == date(2026, 11, 16)
    assert span_of("week", date(2026, 11, 23)).first == date(2026, 11, 23)


@pytest.mark.parametrize("text", ["", "2026-13-01", "yesterday", "1970-01-01", "2105-01-01", "x" * 5000])
def test_days_that_cannot_be_meant_are_refused_with_what_was_found(text):
    with pytest.raises(ValueError, match="a day must"):
        day_from(text)


def test_midnight_is_local():
    assert midnight(date(2026, 7, 1), PARIS) - midnight(date(2026, 7, 1), ZoneInfo("UTC")) == -7200
