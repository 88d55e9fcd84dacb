"""When which week and month is reported: local clocks, missed mails, late boxes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.schedule import AT, LATEST_S, before, due, due_at, latest_due, local_day, midnight, named, span_of

PARIS = ZoneInfo("Europe/Paris")
ZONES = st.sampled_from([PARIS, ZoneInfo("America/Cayenne"), ZoneInfo("Pacific/Marquesas"), ZoneInfo("UTC")])
KINDS = st.sampled_from(["week", "month"])
DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).timestamp()


@given(KINDS, DAYS)
def test_periods_follow_each_other_without_gap_and_their_names_lead_back(kind, day):
    span = span_of(kind, day)
    assert span.first <= day < span.end
    assert before(span).end == span.first
    assert named(span.name) == span
    assert span.days == 7 or kind == "month"


@given(KINDS, DAYS, ZONES)
def test_a_report_is_due_at_seven_by_the_clock_on_the_wall(kind, day, tz):
    local = datetime.fromtimestamp(due_at(span_of(kind, day), tz), tz)
    assert local.time() == AT
    assert local.weekday() == 0 if kind == "week" else local.day == 1


@given(KINDS, DAYS, ZONES, st.lists(st.integers(1, 40 * 24), min_size=1, max_size=40))
def test_whenever_the_server_looks_each_period_is_sent_once_and_the_latest_is_never_left_out(
    kind, day, tz, hours
):
    """The server is up at some moments only; the gaps between them are up to forty days long."""
    now = midnight(day, tz)
    done = span_of(kind, day).first
    sent = []
    for hour in hours:
        now += hour * 3600
        span = due(kind, done, now, tz)
        if span:
            assert due_at(span, tz) <= now
            sent.append(span.name)
            done = span.end
        assert latest_due(kind, now, tz).end <= max(done, span_of(kind, day).first)
    assert len(sent) == len(set(sent))


def test_mondays_at_seven_also_after_the_clock_was_changed():
    for monday, utc_hour in (("2026-10-19", 5), ("2026-10-26", 6), ("2027-03-29", 5)):
        moment = at(f"{monday}T07:00")
        assert datetime.fromtimestamp(moment, UTC).hour == utc_hour
        through = local_day(moment, PARIS) - timedelta(days=7)
        assert due("week", through, moment - 1, PARIS) is None
        assert due("week", through, moment, PARIS).end == local_day(moment, PARIS)


def test_what_was_missed_is_sent_once_afterwards_the_latest_only():
    span = due("week", date(2026, 11, 2), at("2026-11-26T15:00"), PARIS)
    assert span.name == "2026-W47"
    assert due("week", span.end, at("2026-11-26T15:00"), PARIS) is None


def test_a_month_waits_for_a_late_box_and_not_for_ever():
    end = midnight(date(2026, 11, 1), PARIS)
    through, morning = date(2026, 10, 1), at("2026-11-01T07:00")
    assert due("month", through, morning, PARIS, end - 900) is None
    assert due("month", through, morning, PARIS, end).name == "2026-10"
    assert due("month", through, end + LATEST_S - 1, PARIS, end - 900) is None
    assert due("month", through, end + LATEST_S, PARIS, end - 900).name == "2026-10"
    assert due("week", date(2026, 10, 26), at("2026-11-02T07:00"), PARIS, 0).name == "2026-W44"


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-W54", "2025-W53", "2026-1", "1999-01", "2026-10 "]
)
def test_what_is_no_period_is_refused(text):
    with pytest.raises(ValueError, match="period"):
        named(text)
