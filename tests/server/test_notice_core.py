"""The pure part of notices: which moves there are, where an object lies, what holds it, how often a camera is right."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.notice_intake import Known, again, step_of
from server.notice_place import (
    GAP,
    NEAR_M,
    covers,
    depth,
    graver,
    metres,
    same_object,
    severity,
    veto_radius,
)
from server.notice_rules import (
    DAY_S,
    VETO_MOST_DAYS,
    Precision,
    SiteRules,
    holding,
    quiet_until,
    veto_seconds,
    wilson,
)
from server.notices import ENDED, MOVES, OPEN, CaseRevision, NoticeState, Veto, may

PARIS = ZoneInfo("Europe/Paris")
SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
BASE = CaseRevision(
    1, 1000, "box-a", "north", "lane", "c", 1, "debris", "open", 900, 1000, 0.5, 0.5, 0.1, 0.1, None, None, None, 0.8
)  # fmt: skip


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=PARIS).timestamp())


def test_what_people_may_make_of_a_notice():
    table = {
        "new": "to_verify confirmed cleared nothing_there not_ours",
        "to_verify": "confirmed cleared nothing_there not_ours",
        "confirmed": "assigned in_work cleared nothing_there not_ours",
        "assigned": "assigned confirmed in_work cleared nothing_there not_ours",
        "in_work": "assigned cleared nothing_there not_ours",
        "cleared": "to_verify",
        "nothing_there": "to_verify",
        "not_ours": "to_verify",
    }
    assert {state: set(MOVES[state]) for state in MOVES} == {
        state: set(text.split()) for state, text in table.items()
    }
    assert set(MOVES) == set(get_args(NoticeState)) == ENDED | set(OPEN)


@given(st.lists(st.sampled_from(get_args(NoticeState)), max_size=12))
def test_nothing_is_official_that_no_person_confirmed(wishes):
    """From ``new`` nothing gets to work without having been confirmed, and nothing ever goes back to ``new``."""
    state, path = "new", ["new"]
    for wish in wishes:
        if may(state, wish):
            state = wish
            path.append(state)
    assert "new" not in path[1:]
    for place, one in enumerate(path):
        if one in {"assigned", "in_work"}:
            assert "confirmed" in path[:place]
    assert all(after == "to_verify" for before, after in pairwise(path) if before in ENDED)


@dataclass
class Model:
    """The simplest thing that could be right: one case, one notice at a time, as a dictionary would keep it."""

    seen: int = 0
    state: str | None = None
    opened: list[int] = field(default_factory=list)

    def hears(self, revision: int, state: str, now: int) -> None:
        if revision <= self.seen:
            return
        self.seen = revision
        if self.state in OPEN:
            if state == "cleared":
                self.state = "cleared"
        elif state != "cleared" and self.state in (None, "cleared"):
            self.state = "to_verify"
            self.opened.append(now)

    def told(self, after: str) -> None:
        if self.state is not None and may(self.state, after):
            self.state = after


REVISION = st.tuples(
    st.just("box"), st.integers(1, 9), st.sampled_from(["open", "updated", "cleared"]), st.integers(0, 900)
)
TOLD = st.tuples(
    st.just("person"), st.just(0), st.sampled_from(sorted(get_args(NoticeState))), st.integers(0, 900)
)


@given(st.lists(REVISION | TOLD, max_size=30))
def test_the_steps_of_a_case_follow_a_simple_model(steps):
    """A veto stands wherever "nothing there" was said, so nothing begins there again."""
    model, known, opened, now = Model(), None, [], 0
    for who, revision, what, later in steps:
        now += later
        if who == "person":
            model.told(what)
            if known is not None and known.state is not None and may(known.state, what):
                known = replace(known, state=what)
            continue
        model.hears(revision, what, now)
        rev = replace(BASE, revision=revision, state=what, received_at=now)
        step = step_of(rev, known, operational=True, vetoed=True)
        if step == "late":
            continue
        known = replace(known or Known(0), revision=revision)
        if step == "candidate":
            opened.append(now)
            known = replace(known, notice=len(opened), state="to_verify")
        elif step == "end":
            known = replace(known, state="cleared")
    assert opened == model.opened
    assert (known.state if known else None) == model.state
    assert (known.revision if known else 0) == model.seen


@pytest.mark.parametrize(
    ("state", "expected"),
    [("cleared", [True, True]), ("nothing_there", [True, False]), ("not_ours", [False, False])],
)
def test_when_a_case_that_goes_on_begins_another_notice(state, expected):
    assert [again(state, vetoed=vetoed) for vetoed in (False, True)] == expected


def test_a_case_of_several_ends_only_itself_and_a_zone_that_sleeps_opens_none():
    gone = replace(BASE, revision=2, state="cleared")
    ask = {"operational": True, "vetoed": False}
    assert step_of(gone, Known(1, 7, "confirmed", 1), **ask) == "case_cleared"
    assert step_of(gone, Known(1, 7, "confirmed", 0), **ask | {"operational": False}) == "end"
    assert step_of(gone, None, **ask) == "file"
    assert step_of(BASE, None, **ask | {"operational": False}) == "file"


def test_one_object_of_one_camera_by_its_boxes():
    edge = 0.1 + GAP
    assert same_object(BASE, replace(BASE, x=0.5 + edge - 1e-9))
    assert not same_object(BASE, replace(BASE, x=0.5 + edge + 1e-6))
    assert not same_object(BASE, replace(BASE, kind="obstruction"))
    assert not same_object(BASE, replace(BASE, camera="south"))


def test_one_object_of_two_cameras_by_its_place_on_earth_and_its_size():
    here = replace(BASE, lon=2.35, lat=48.85, size_m=1.0)
    north = lambda d, size: replace(here, camera="south", lat=48.85 + d / 111_320, size_m=size)  # noqa: E731
    assert metres(here, north(5, 1.0)) == pytest.approx(5.0)
    assert metres(here, replace(here, lon=2.35 + 5 / 111_320)) == pytest.approx(3.29, abs=0.01)
    assert same_object(here, north(NEAR_M + 0.99, 1.0))
    assert not same_object(here, north(NEAR_M + 1.01, 1.0))
    assert same_object(here, north(NEAR_M + 2.9, 5.0))


@given(*(st.floats(0, 1) for _ in range(4)), st.sampled_from(["north", "south"]), st.floats(0.01, 0.3))
def test_being_one_object_has_no_direction(x, y, u, v, camera, size):
    a = replace(BASE, x=x, y=y, lon=2.35 + x / 1e4, lat=48.85 + y / 1e4, size_m=1.0)
    b = replace(BASE, x=u, y=v, w=size, camera=camera, lon=2.35 + u / 1e4, lat=48.85 + v / 1e4)
    assert same_object(a, b) == same_object(b, a)


def test_depth_is_that_of_the_middle_of_a_lane():
    lane = ((0.0, 0.4), (1.0, 0.4), (1.0, 0.8), (0.0, 0.8))
    assert depth(0.5, 0.6, lane) == pytest.approx(1, abs=0.05)
    assert depth(0.5, 0.45, lane) == pytest.approx(0.25, abs=0.02)
    assert depth(0.5, 0.4, lane) == depth(0.5, 0.2, lane) == 0


@pytest.mark.parametrize(
    ("kind", "size", "sure", "deep", "expected"),
    [
        ("debris", 0.15, 0.8, 0.9, "medium"),
        ("debris", 0.3, 0.8, 0.9, "high"),
        ("debris", 0.3, 0.4, 0.9, "medium"),
        ("debris", 0.15, 0.8, 0.0, "low"),
        ("debris", 0.9, 0.8, 0.0, "medium"),
        ("debris", 0.9, 0.8, 0.3, "high"),
        ("stopped_vehicle", 4.0, 0.8, 0.0, "medium"),
        ("stopped_vehicle", 4.0, 0.8, 0.3, "high"),
        ("obstruction", None, 0.8, None, "high"),
        ("debris", None, 0.8, 0.9, "high"),
    ],
)
def test_severity(kind, size, sure, deep, expected):
    assert severity(kind, size, 0.05, 0.05, sure, deep) == expected
    assert graver("low", expected) == graver(expected, "low") == expected


def test_a_veto_is_a_circle_of_one_camera_for_a_time():
    veto = Veto(1, "box-a", "north", "lane", 0.5, 0.5, 0.04, 100, "luc", 1, 200)
    assert covers(veto, "box-a", "north", 0.539, 0.5, 199)
    assert covers(veto, "box-a", "north", 0.5, 0.57, 199)
    assert not covers(veto, "box-a", "north", 0.541, 0.5, 199)
    assert not covers(veto, "box-a", "north", 0.5, 0.58, 199)
    assert not covers(veto, "box-a", "north", 0.5, 0.5, 200)
    assert not covers(veto, "box-a", "south", 0.5, 0.5, 199)
    assert (veto_radius(0.001, 0.001), veto_radius(0.2, 0.1)) == (0.03, 0.2)


def test_a_veto_lasts_twice_as_long_each_time_but_not_for_ever():
    days = [veto_seconds(SiteRules(), times) / DAY_S for times in (1, 2, 3, 6, 7, 1000)]
    assert days == [2, 4, 8, 64, VETO_MOST_DAYS, VETO_MOST_DAYS]


NIGHT = SiteRules(quiet_from=22 * 60, quiet_to=6 * 60)


@pytest.mark.parametrize(
    ("rules", "moment", "expected"),
    [
        (NIGHT, "2026-11-21T21:59", None),
        (NIGHT, "2026-11-21T22:00", "2026-11-22T06:00"),
        (NIGHT, "2026-11-22T05:59", "2026-11-22T06:00"),
        (NIGHT, "2026-11-22T06:00", None),
        (SiteRules(quiet_from=720, quiet_to=840), "2026-11-22T13:00", "2026-11-22T14:00"),
        (SiteRules(), "2026-11-22T03:00", None),
        # The night in which the clock goes forward, and the one in which it goes back.
        (NIGHT, "2026-03-28T23:00", "2026-03-29T06:00"),
        (NIGHT, "2026-10-24T23:00", "2026-10-25T06:00"),
    ],
)
def test_quiet_hours_are_local(rules, moment, expected):
    assert quiet_until(rules, at(moment), PARIS) == (None if expected is None else at(expected))


@given(st.integers(1_790_000_000, 1_800_000_000), st.integers(0, 1439), st.integers(0, 1439))
def test_quiet_hours_end_within_a_day_and_are_over_then(moment, start, end):
    if start == end:
        return
    rules = SiteRules(quiet_from=start, quiet_to=end)
    until = quiet_until(rules, moment, PARIS)
    if until is not None:
        assert moment < until <= moment + DAY_S + 3600
        local = datetime.fromtimestamp(until, UTC).astimezone(PARIS)
        assert quiet_until(rules, until, PARIS) is None or local.fold


def hold(severity_="medium", shown=0, veto=None, cooled=None, moment="2026-11-22T23:00", rules=NIGHT):
    return holding(rules, at(moment), PARIS, severity_, shown=shown, vetoed_until=veto, cooled_until=cooled)


def test_what_holds_a_notice_and_until_when():
    later = at("2026-11-24T00:00")
    assert hold(veto=later, cooled=later + 1, shown=99) == ("veto", later)
    assert hold(cooled=later, shown=99) == ("cooldown", later)
    assert hold(shown=99) == ("quiet_hours", at("2026-11-23T06:00"))
    assert hold("high", shown=40) == ("cap", at("2026-11-23T00:00"))
    assert hold("high", shown=39) is None
    assert hold("high", rules=replace(NIGHT, high_passes=False))[0] == "quiet_hours"
    assert hold(moment="2026-11-22T12:00", veto=at("2026-11-22T12:00")) is None


@pytest.mark.parametrize(
    "wrong",
    [{"cap": 0}, {"cap": 1001}, {"cooldown_s": -1}, {"veto_days": 65}, {"quiet_from": 60},
     {"quiet_from": 60, "quiet_to": 60}, {"quiet_from": 60, "quiet_to": 1440}],
)  # fmt: skip
def test_rules_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="got"):
        SiteRules(**wrong)


def test_wilson_is_the_published_interval():
    """Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, and 0 of 20; 95 %."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(0, 0) is None
    assert Precision("b", "c", "2026-11", 0, 0).share is None


@given(st.integers(1, 5000), st.integers(0, 5000))
def test_the_interval_holds_the_share(answered, real):
    real = min(real, answered)
    low, high = wilson(real, answered)
    assert 0 <= low <= real / answered + 1e-12
    assert real / answered - 1e-12 <= high <= 1
