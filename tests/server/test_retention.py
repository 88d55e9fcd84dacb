"""The rules of retention: limits, cut-offs, when the purge is due, which backups are past their time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.retention import (
    DAY_S,
    HOUR_S,
    LIMITS,
    Retention,
    backup_name,
    backup_time,
    clock_is_doubtful,
    cutoffs,
    due,
    expired_backups,
)
from tests.server.build import NOON

PARIS = ZoneInfo("Europe/Paris")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=PARIS).timestamp())


def test_the_defaults_are_those_that_are_documented():
    assert Retention().as_dict() == {
        "intervals_days": 90,
        "operational_days": None,
        "rollups_years": 5,
        "grids_days": 400,
        "health_days": 7,
        "cases_days": 365,
        "audit_days": 365,
        "backups_days": 14,
    }


@pytest.mark.parametrize("name", sorted(LIMITS))
@pytest.mark.parametrize("side", [0, 1])
def test_a_value_outside_its_limits_is_refused_with_them(name, side):
    bad = LIMITS[name][side] + (1 if side else -1)
    with pytest.raises(ValueError, match=f"{name} must be within .*got {bad}"):
        Retention(**{name: bad})


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ({"operational_days": "91"}, "operational_days must not exceed intervals_days, 90"),
        ({"intervals_days": "1830", "rollups_years": "1"}, "rollups_years must cover"),
        ({"intervals_days": "ninety"}, "whole number"),
        ({"intervals_days": ""}, "whole number"),
        ({"intervals": "90"}, "there is no setting 'intervals'"),
        ({"intervals_days": "34"}, "within 35..1830"),  # boxes may be offline for a month
    ],
)
def test_what_cannot_be_chosen_is_refused(wishes, says):
    with pytest.raises(ValueError, match=says):
        Retention().changed(wishes)


def test_a_choice_keeps_the_others():
    kept = Retention().changed({"intervals_days": "120", "operational_days": "60"})
    assert (kept.intervals_days, kept.operational_days, kept.rollups_years) == (120, 60, 5)
    assert kept.changed({"operational_days": "same"}).operational_days is None


@given(st.integers(1_700_000_000, 2_500_000_000), st.integers(35, 366), st.integers(35, 366))
def test_intervals_go_by_whole_hours_and_never_too_early(now, days, operational):
    kept = Retention(intervals_days=max(days, operational), operational_days=operational)
    cut = cutoffs(kept, now)
    for purpose, wanted in (
        ("statistics", kept.intervals_days),
        (None, kept.intervals_days),
        ("operational", operational),
    ):
        assert cut.intervals(purpose) % HOUR_S == 0
        assert 0 <= now - wanted * DAY_S - cut.intervals(purpose) < HOUR_S
    assert cut.rollups <= cut.statistics


def test_operational_zones_are_kept_like_the_others_until_somebody_chooses():
    cut = cutoffs(Retention(), NOON)
    assert cut.operational == cut.statistics == NOON - 90 * DAY_S


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        (None, "2026-11-22T12:00", True),
        ("2026-11-22T03:31", "2026-11-22T12:00", False),
        ("2026-11-22T03:29", "2026-11-22T12:00", True),
        ("2026-11-22T03:31", "2026-11-23T03:29", False),
        ("2026-11-22T03:31", "2026-11-23T03:30", True),
        ("2026-10-01T03:31", "2026-11-22T12:00", True),  # the server was off
        ("2026-10-24T03:30", "2026-10-25T03:29", False),  # a day of 25 hours
        ("2026-10-24T03:30", "2026-10-25T03:30", True),
    ],
)
def test_the_purge_is_due_once_a_night(last, now, expected):
    assert due(None if last is None else at(last), at(now), PARIS) is expected


def test_a_clock_that_leapt_ahead_is_doubted():
    assert not clock_is_doubtful(NOON, None)
    assert not clock_is_doubtful(NOON + 400 * DAY_S, NOON)
    assert clock_is_doubtful(NOON + 401 * DAY_S, NOON)


def test_only_backups_past_their_time_are_named():
    names = [backup_name(NOON - day * DAY_S) for day in (0, 13, 14, 20)]
    others = [
        "parvis.sqlite3",
        "parvis-20260101T000000Z.bak",
        "notes",
        "parvis-20269999T000000Z",
        ".partial-x",
    ]
    assert names[0] == "parvis-20261122T120000Z"
    assert backup_time(names[0]) == NOON
    assert expired_backups([*names, *others], Retention(), NOON) == sorted(names[2:])
    assert backup_time("parvis-20269999T000000Z") is None
    assert datetime.fromtimestamp(backup_time(names[3]), UTC).hour == 12


def test_the_page_on_retention_names_every_setting_with_its_default_and_limits():
    page = (Path(__file__).parents[2] / "docs" / "retention.md").read_text()
    for name, value in Retention().as_dict().items():
        least, most = LIMITS[name]
        shown = "same" if value is None else value
        assert f"`{name}` ({shown}, {least} to {most}" in page
    grounds = page.split("## Grounds")[1]
    items = re.findall(r"^[0-9]\. ", grounds, re.MULTILINE)
    assert len(items) == grounds.count("*To be confirmed by your DPO.*") > 5
