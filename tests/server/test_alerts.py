"""Alert rules: one letter an episode, quiet in between, and nothing live of a statistics zone."""

from __future__ import annotations

import itertools
import json
import math
import random
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.alerts import (
    CALM_S,
    FORGET_S,
    LIVE,
    Outlook,
    Sample,
    Watch,
    as_state,
    foresee,
    outlook_of,
    refusal,
    step,
    watch_of,
)
from server.forecast import Episode
from server.mail_settings import MailSettings
from server.store.base import AuditEntry
from server.store.desk_base import AlertRule
from server.watching import watch
from tests.server.build import NOON, config, counts, parking, zone, zone_config
from tests.server.test_post_office import plain

MINUTE = 60
LEVELS = st.lists(st.sampled_from([True, False, None]), max_size=120)
HOLDS, COOLDOWNS = st.integers(1, 30), st.integers(0, 90)
AUDIT = AuditEntry(NOON, "t", "t", "t")
MAIL = MailSettings("127.0.0.1", "p@e.fr", "https://p.e.fr", security="none")
ALL_NUMBERS = {"share": 0.85, "chance": 0.7, "days": 7, "minutes": 15, "cooldown_h": 12}


def minutes(levels, first: int = 0) -> list[Sample]:
    return [Sample(first + n * MINUTE, first + (n + 1) * MINUTE, own) for n, own in enumerate(levels)]


def run(levels, hold_min: int, cooldown_min: int) -> list[tuple[int, int]]:
    """A rule that looks each minute; (when, start of the episode) of each letter."""
    own, told = Watch(), []
    for sample in minutes(levels):
        own, since = step(own, [sample], hold_min * MINUTE, cooldown_min * MINUTE, sample.end)
        own = watch_of(json.loads(json.dumps(as_state(own))))
        if since is not None:
            told.append((sample.end, since))
    return told


@given(LEVELS, HOLDS, COOLDOWNS)
def test_letters_are_apart_by_the_cooldown_and_each_episode_has_one_at_most(levels, hold, cooldown):
    told = run(levels, hold, cooldown)
    assert all(b[0] - a[0] >= cooldown * MINUTE for a, b in itertools.pairwise(told))
    starts = [since for _, since in told]
    assert len(set(starts)) == len(starts)


@given(LEVELS, HOLDS)
def test_a_letter_needs_so_many_minutes_above_without_one_below(levels, hold):
    for when, since in run(levels, hold, 0):
        seen = levels[: when // MINUTE]
        begun = since // MINUTE
        assert sum(own is True for own in seen) >= hold
        last_below = max((n for n, own in enumerate(seen) if own is False), default=-1)
        if last_below < begun:
            assert sum(own is True for own in seen[last_below + 1 :]) >= hold


@given(st.lists(st.sampled_from([False, None]), max_size=200), HOLDS)
def test_what_is_unknown_or_below_never_writes(levels, hold):
    assert run(levels, hold, 0) == []


@given(LEVELS, HOLDS, COOLDOWNS)
def test_looking_twice_at_the_same_changes_nothing(levels, hold, cooldown):
    samples, end = minutes(levels), len(levels) * MINUTE
    once, told = step(Watch(), samples, hold * MINUTE, cooldown * MINUTE, end)
    twice, again = step(once, samples, hold * MINUTE, cooldown * MINUTE, end)
    assert again is None
    assert twice == once
    assert told is None or once.told


def test_an_episode_ends_after_calm_and_the_next_is_told_again():
    calm = CALM_S // MINUTE
    levels = [True] * 10 + [False] * (calm - 1) + [True] * 10
    assert len(run(levels, 10, 0)) == 1, "a short dip is the same episode"
    levels = [True] * 10 + [False] * calm + [True] * 10
    assert run(levels, 10, 0) == [(600, 0), ((20 + calm) * MINUTE, (10 + calm) * MINUTE)]
    assert len(run(levels, 10, 60)) == 1, "the second began within the cooldown and was over before its end"
    assert len(run(levels + [True] * 60, 10, 60)) == 2


def test_a_hold_does_not_survive_an_hour_of_blindness():
    blind = [None] * (FORGET_S // MINUTE + 1)
    assert run([True] * 9 + blind + [True], 10, 0) == []
    assert len(run([True] * 9 + blind[:-2] + [True], 10, 0)) == 1


TODAY = date(2026, 11, 22)
DAYS = st.lists(st.lists(st.integers(0, 20), max_size=4), max_size=12)


@given(DAYS, st.integers(1, 14), st.integers(0, 5))
def test_a_coming_day_is_told_once_and_only_within_the_days_asked_for(found, days, cooldown_days):
    own, told = Outlook(), []
    for n, ahead in enumerate(found):
        today = TODAY + timedelta(days=n)
        episodes = [Episode(today + timedelta(days=own_day), 600, 720, 0.8) for own_day in sorted(set(ahead))]
        now = n * 86400
        own, new = foresee(own, episodes, days, cooldown_days * 86400, now, today)
        own = outlook_of(json.loads(json.dumps(as_state(own))))
        assert all(today <= each.day < today + timedelta(days=days) for each in new)
        told += [(now, each.day) for each in new]
    assert len({day for _, day in told}) == len(told)
    times = sorted({now for now, _ in told})
    assert all(b - a >= cooldown_days * 86400 for a, b in itertools.pairwise(times))


@given(st.sampled_from(["forecast", "live_rate", "camera_away"]), st.sampled_from(["statistics", None]))
def test_only_a_forecast_may_watch_a_zone_that_is_not_operational(kind, purpose):
    found = refusal(kind, ALL_NUMBERS, purpose=purpose, place_kind="zone", capacity=10)
    assert (found is not None) == (kind in LIVE)
    assert refusal(kind, ALL_NUMBERS, purpose="operational", place_kind="zone", capacity=10) is None
    assert refusal(kind, ALL_NUMBERS, purpose="operational", place_kind="line", capacity=10) == ("line", "")


def test_numbers_outside_their_limits_and_capacity_0_are_refused():
    for name, value in (("share", math.nan), ("share", 0.0), ("minutes", 0), ("cooldown_h", -1)):
        numbers = ALL_NUMBERS | {name: value}
        found = refusal("live_rate", numbers, purpose="operational", place_kind="zone", capacity=10)
        assert found == ("bad_number", name)
    for capacity in (0, None):
        assert refusal("live_rate", ALL_NUMBERS, purpose="operational", place_kind="zone", capacity=capacity)


def rule(site, kind: str, scope: str = "box-a/north/lawn", **numbers: float) -> int:
    known = {"live_rate": {"share": 0.85, "minutes": 5}, "camera_away": {"minutes": 10},
             "forecast": {"share": 0.9, "chance": 0.6, "days": 7}}[kind]  # fmt: skip
    new = AlertRule(0, kind, scope, "a@b.fr", "en", known | {"cooldown_h": 1} | numbers, NOON, "t", {})
    return site.store.alert_rules.add(new, AUDIT)


def look(site) -> list[str]:
    watch(site.store, site.app.state.settings, MAIL, int(site.clock()))
    return [own.subject for own in site.store.mails.listed(99)]


def test_a_full_square_writes_one_letter_that_says_since_when(site):
    site.post([config(0, NOON - 7200, [zone_config("lawn", capacity=10)])])
    rule(site, "live_rate")
    for n in range(30):
        people = 9.0 if n >= 10 else 2.0
        site.clock.now = NOON + 60 * (n + 1)
        site.post([zone(n + 1, NOON + 60 * n, counts={"person": counts(60 * people, 9)})])
        letters = look(site)
        assert len(letters) == (1 if n >= 14 else 0), n
    assert letters == ["Nearly full: box-a / north / lawn"]
    _, message = site.store.mails.claim(int(site.clock()))
    assert "since 22 Nov 2026 13:10" in plain(message)
    assert "https://p.e.fr/zones/box-a/north/lawn" in plain(message)
    assert b"List-Unsubscribe" not in message


def test_a_zone_that_turns_to_statistics_is_watched_no_more_and_the_page_says_why(site):
    site.post([config(0, NOON - 7200, [zone_config("lawn", capacity=10)])])
    rule(site, "live_rate")
    full = {"person": counts(60 * 10.0, 10)}
    site.post([config(900, NOON, [zone_config("lawn", capacity=10, purpose="statistics")])])
    for n in range(30):
        site.clock.now = NOON + 60 * (n + 1)
        site.post([zone(n + 1, NOON + 60 * n, counts=full)])
        assert look(site) == []
    [own] = site.store.alert_rules.active()
    assert own.problem == "statistics_zone"
    page = site.client("planner").get("/alerts", headers={"Accept-Language": "en"}).text
    assert "this is a statistics zone now" in page


@pytest.mark.parametrize("silent", [True, False], ids=["delivers nothing", "observes nothing"])
def test_a_camera_that_is_away_writes_one_letter_and_again_after_it_was_back(site, silent):
    site.post([config(0, NOON - 7200, [zone_config("lawn")])])
    rule(site, "camera_away", cooldown_h=0)
    for n in range(90):
        away = 20 <= n < 50 or n >= 65
        site.clock.now = NOON + 60 * (n + 1)
        if not away or not silent:
            seen = {"observed_s": 0.0, "counts": {}, "flag_s": {"lost": 60.0}} if away else {}
            site.post([zone(n + 1, NOON + 60 * n, **seen)])
        letters = look(site)
        if n < 30:
            assert not letters
        if 36 <= n < 70:
            assert len(letters) == 1
    assert letters == ["Camera away: box-a / north / lawn"] * 2


def test_a_forecast_of_a_full_car_park_is_told_once_a_day_ahead_with_its_chance(site):
    tz = ZoneInfo("Europe/Paris")
    site.post(
        [config(0, NOON - 60 * 86400, [zone_config("p1", "parking", purpose="statistics", capacity=10)])]
    )
    records, seq, chance = [], 1, random.Random(1)
    start = int(datetime(2026, 9, 28, tzinfo=tz).timestamp())
    for hour in range((NOON - start) // 3600):
        at = start + 3600 * hour
        local = datetime.fromtimestamp(at, tz)
        busy = local.weekday() == 5 and 9 <= local.hour < 13
        share = chance.uniform(0.93, 1.0) if busy else chance.uniform(0.05, 0.5)
        for quarter in range(4):
            records.append(parking(seq, at + 900 * quarter, interval_s=900, observed_s=900.0,
                                   occupied_bay_s=9000.0 * share, observed_bay_s=9000.0))  # fmt: skip
            seq += 1
    for first in range(0, len(records), 400):
        site.post(records[first : first + 400])
    rule(site, "forecast", "box-a/north/p1")
    first = look(site)
    assert first, site.store.alert_rules.active()[0].problem
    assert first == ["Forecast: box-a / north / p1 will be full"]
    _, message = site.store.mails.claim(int(site.clock()))
    assert "Saturday 28 Nov 2026, 9:00 to 13:00: chance up to" in plain(message)
    for day in range(1, 4):
        site.clock.now = NOON + 86400 * day
        assert len(look(site)) == 1
    [own] = site.store.alert_rules.active()
    assert own.problem is None


def test_a_forecast_that_is_refused_is_told_on_the_page(site):
    site.post([config(0, NOON - 7200, [zone_config("lawn", capacity=10)])])
    site.post([zone(1, NOON - 3600)])
    rule(site, "forecast")
    assert look(site) == []
    page = site.client("planner").get("/alerts", headers={"Accept-Language": "en"}).text
    assert "fewer than three weeks of figures" in page
