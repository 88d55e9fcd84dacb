"""Special days: entries, official days, and the one label a day that a forecast takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.calendar import Entry, Special, check_entry, forecast_labels, special_days
from server.forecast import History
from server.official_days import SCHOOL_LAST, official_days, school_days_known
from server.sites import SiteError

CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

MARKET = Entry(
    "market_day", "Marché", date(2026, 1, 1), weekdays=(5, 2), start_min=480, end_min=780,
    exceptions=(date(2026, 5, 2),),
)  # fmt: skip
FAIR = Entry("event", "Braderie", date(2026, 9, 5), date(2026, 9, 6), name_en="Jumble sale")


def test_a_market_recurs_on_its_weekdays_but_on_its_exceptions():
    found = MARKET.days(date(2026, 4, 27), date(2026, 5, 10))
    assert found == [date(2026, 4, 29), date(2026, 5, 6), date(2026, 5, 9)]
    assert MARKET.days(date(2025, 1, 1), date(2025, 12, 31)) == []
    ended = replace(MARKET, last=date(2026, 4, 29))
    assert ended.days(date(2026, 4, 27), date(2026, 5, 10)) == [date(2026, 4, 29)]


def test_an_event_lasts_from_its_first_day_to_its_last():
    assert FAIR.days(date(2026, 9, 6), date(2026, 9, 30)) == [date(2026, 9, 6)]


@CALM
@given(st.dates(date(2025, 1, 1), date(2027, 1, 1)), st.integers(0, 60), st.integers(0, 60))
def test_days_of_a_part_are_the_part_of_the_days(first, length, more):
    for entry in (MARKET, FAIR):
        wide = entry.days(first - timedelta(more), first + timedelta(length + more))
        within = [day for day in wide if first <= day <= first + timedelta(length)]
        assert entry.days(first, first + timedelta(length)) == within


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        (replace(MARKET, kind="fair"), "cal_kind"),
        (replace(MARKET, name_fr="  "), "cal_name"),
        (replace(MARKET, name_fr="a\u202eb"), "label_control"),
        (replace(MARKET, name_en="x" * 121), "label_long"),
        (replace(MARKET, first=date(1999, 12, 31)), "cal_year"),
        (replace(FAIR, last=None), "cal_last"),
        (replace(FAIR, last=date(2026, 9, 4)), "cal_order"),
        (replace(FAIR, last=date(2028, 9, 4)), "cal_long"),
        (replace(MARKET, end_min=None), "cal_times"),
        (replace(MARKET, end_min=1441), "cal_time"),
        (replace(MARKET, end_min=480), "cal_time_order"),
        (replace(FAIR, last=FAIR.first, start_min=600, end_min=540), "cal_time_order"),
        (replace(FAIR, weekdays=(1,)), "cal_not_weekly"),
        (replace(MARKET, weekdays=()), "cal_weekdays"),
        (replace(MARKET, weekdays=(7,)), "cal_weekdays"),
        (replace(MARKET, exceptions=(date(2026, 5, 4),)), "cal_exception"),
        (replace(MARKET, last=date(2026, 4, 1)), "cal_exception"),
    ],
)
def test_an_entry_that_breaks_a_rule_is_refused_by_its_name(entry, rule):
    with pytest.raises(SiteError) as caught:
        check_entry(entry)
    assert caught.value.rule == rule


def test_a_good_entry_comes_back_in_order():
    assert check_entry(replace(MARKET, weekdays=(5, 2, 5))).weekdays == (2, 5)
    assert check_entry(replace(FAIR, start_min=1200, end_min=120)).end_min == 120


@pytest.mark.parametrize(
    ("zone", "day", "name"),
    [
        # Arrêté du 7 décembre 2022: winter of 2026 in zones A, B, C; spring in A.
        ("A", date(2026, 2, 7), "Vacances d'hiver"),
        ("A", date(2026, 2, 22), "Vacances d'hiver"),
        ("B", date(2026, 2, 14), "Vacances d'hiver"),
        ("C", date(2026, 3, 8), "Vacances d'hiver"),
        ("A", date(2026, 4, 19), "Vacances de printemps"),
        ("B", date(2025, 10, 18), "Vacances de la Toussaint"),
    ],
)
def test_school_holidays_are_those_of_the_decree(zone, day, name):
    [special] = [one for one in official_days(zone, "", day, day)[day] if one.kind == "school_holiday"]
    assert special.label_fr == name
    for beside in (date(2026, 2, 6), date(2026, 2, 23), date(2026, 3, 9), date(2026, 4, 20)):
        if zone == "A":
            assert "school_holiday" not in [
                one.kind for one in official_days("A", "", beside, beside).get(beside, [])
            ]


def test_what_is_not_decreed_yet_is_not_guessed():
    after = SCHOOL_LAST + timedelta(1)
    days = official_days("A", "", after, after + timedelta(400))
    assert {one.kind for reasons in days.values() for one in reasons} == {"public_holiday"}
    assert school_days_known("corse") is school_days_known("overseas") is school_days_known("") is None


def test_alsace_and_moselle_have_two_holidays_more():
    year = (date(2026, 1, 1), date(2026, 12, 31))
    more = set(official_days("", "alsace-moselle", *year)) - set(official_days("", "", *year))
    assert more == {date(2026, 4, 3), date(2026, 12, 26)}
    assert date(2026, 5, 22) in official_days("", "972", *year)


def test_a_day_has_one_label_and_the_rarer_reason_gives_it():
    official = official_days("A", "", date(2026, 4, 1), date(2026, 12, 31))
    feast = Entry("event", "Bal", date(2026, 7, 14), date(2026, 7, 14))
    days = special_days([MARKET, FAIR, feast], official, date(2026, 4, 1), date(2026, 12, 31))
    labels = forecast_labels(days)
    assert labels[date(2026, 7, 14)] == "Bal"
    assert [one.kind for one in days[date(2026, 7, 14)]] == ["event", "public_holiday", "school_holiday"]
    assert labels[date(2026, 5, 8)] == "public_holiday"
    assert labels[date(2026, 4, 8)] == "market_day"
    assert labels[date(2026, 4, 9)] == "school_holiday"
    assert labels[date(2026, 9, 5)] == "Braderie"
    assert date(2026, 5, 5) not in labels
    assert list(days) == sorted(days)
    assert History(date(2026, 4, 1), np.ones((5, 24)), 60, labels=labels).labels == labels


def test_what_lies_outside_is_left_out():
    official = {date(2026, 1, 1): [Special("public_holiday", "Jour de l'an")]}
    assert special_days([], official, date(2026, 1, 2), date(2026, 1, 3)) == {}
