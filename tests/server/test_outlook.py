"""Forecasts from the store: made once for each history, refused with their reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from server.forecast import Refusal
from server.outlook import Outlooks, history_of
from server.pages.outlooks import _special, _wall
from server.pages.texts import Texts
from server.reading import LINE_KINDS, ZONE_KINDS, Reader
from server.spans import midnight
from tests.server.build import NOON, config, counts, line, parking, zone, zone_config

PARIS = ZoneInfo("Europe/Paris")
DAY_S = 86400


def feed(site, days: int, *, saturday: float = 40.0, level: float = 10.0, skip=()) -> None:
    """Open from 8 to 20 h, a market on Saturdays from 10 to 13 h; each week a little different."""
    rng = np.random.default_rng(1)
    zones = [
        zone_config("lawn", capacity=30),
        zone_config("p1", "parking", capacity=20),
    ]
    records = [config(0, NOON - (days + 2) * DAY_S, zones)]
    today, seq = date(2026, 11, 22), 10
    for ago in range(days, 0, -1):
        if ago in skip:
            continue
        day = today - timedelta(days=ago)
        factor, start = rng.uniform(0.9, 1.1), midnight(day, PARIS)
        for hour in range(24):
            people = level if 8 <= hour < 20 else 0.0
            people += saturday if day.weekday() == 5 and 10 <= hour < 13 else 0.0
            people *= factor
            crowd = {"person": counts(people * 900, int(people) + 1, 4, 4)}
            at = start + 3600 * hour
            at -= at % 900
            taken = min(1.0, people / 20)
            records += [
                zone(seq, at, interval_s=900, observed_s=900.0, counts=crowd),
                parking(
                    seq + 1,
                    at,
                    interval_s=900,
                    observed_s=900.0,
                    bays=20,
                    occupied_bay_s=taken * 18000,
                    observed_bay_s=18000.0,
                ),
                line(
                    seq + 2,
                    at,
                    interval_s=900,
                    observed_s=900.0,
                    counts={"person": {"in": int(people), "out": 1}},
                ),
            ]
            seq += 3
    records.append(zone(5, NOON - 3600, run="11" * 8))
    for n in range(0, len(records), 500):
        assert site.post(records[n : n + 500]).json()["rejected"] == []


def outlook(site, outlooks=None, name="lawn", group="person", kinds=ZONE_KINDS):
    reader = Reader(site.store, site.app.state.settings)
    view = reader.view("box-a", "north", name, kinds)
    return (outlooks or Outlooks()).of(site.store, reader, view, group)


@pytest.fixture
def town(site):
    feed(site, 42)
    return site


def test_the_market_on_saturday_is_expected_to_exceed_the_capacity(town):
    found = outlook(town)
    assert found.reason is None
    assert found.first == found.result.days[0] == date(2026, 11, 22)
    assert (found.size, found.limit) == (30, 30.0)
    assert {one.day for one in found.result.episodes} == {date(2026, 11, 28), date(2026, 12, 5)}
    for one in found.result.episodes:
        assert one.start_min >= 600
        assert one.end_min <= 780
        assert one.chance > 0.9


def test_a_car_park_is_asked_for_85_percent_and_never_holds_more_than_all(town):
    found = outlook(town, name="p1", group="vehicle")
    assert (found.size, found.limit) == (20, 17.0)
    assert np.nanmax(found.result.p90) <= 20
    assert {one.day.weekday() for one in found.result.episodes} == {5}


def test_a_line_is_forecast_by_crossings_an_hour_without_a_limit(town):
    found = outlook(town, name="gate", kinds=LINE_KINDS)
    assert found.limit is None
    assert found.result.chance is None
    assert np.nanmax(found.result.p50) > 100


def test_a_forecast_is_kept_until_its_history_changes(town):
    outlooks = Outlooks()
    first = outlook(town, outlooks)
    assert outlook(town, outlooks) is first
    assert outlooks.made == 1
    # A record of today is no history yet; a late one is.
    town.post([zone(6, NOON - 1800, run="11" * 8)])
    assert outlook(town, outlooks) is first
    late = midnight(date(2026, 11, 20), PARIS) + 12 * 3600
    town.post([zone(7, late, run="11" * 8, counts={"person": counts(60 * 500.0, 500)})])
    again = outlook(town, outlooks)
    assert again is not first
    assert outlooks.made == 2
    # The next day is another history.
    town.clock.now += DAY_S
    assert outlook(town, outlooks).first == date(2026, 11, 23)
    assert outlooks.made == 3


def test_another_process_forecasts_the_same(town):
    one, other = outlook(town), outlook(town)
    assert one is not other
    assert one.result.p50.tobytes() == other.result.p50.tobytes()


@pytest.mark.parametrize(
    ("days", "skip", "reason"),
    [(3, (), "short_history"), (60, range(1, 20), "gaps"), (60, range(1, 10), "stale")],
)
def test_no_forecast_without_enough_history(site, days, skip, reason):
    feed(site, days, skip=skip)
    found = outlook(site)
    assert isinstance(found.result, Refusal)
    assert found.reason == reason
    assert found.last_week is None


def test_a_place_that_began_today_has_no_history(site):
    site.post([zone(1, NOON - 3600)])
    site.clock.now = NOON + 3600
    assert outlook(site).reason == "short_history"


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 22)])
def test_half_hours_ahead_stand_where_the_wall_clock_puts_them(day):
    begin, after = midnight(day, PARIS), midnight(day + timedelta(days=1), PARIS)
    for slot in range(48):
        at = _wall(begin, after, slot)
        wall = f"{slot // 2:02d}:{slot % 2 * 30:02d}"
        if at is None:
            assert day == date(2026, 3, 29)
            assert wall in {"02:00", "02:30"}
        else:
            assert datetime.fromtimestamp(at, UTC).astimezone(PARIS).strftime("%H:%M") == wall


@pytest.mark.parametrize(
    ("label", "told"),
    [("market_day", "jour de marché"), ("public_holiday", "jour férié"), ("Braderie", "Braderie"), ("", "")],
)
def test_a_special_day_is_called_what_it_is(label, told):
    assert _special(label, Texts("fr", PARIS)) == told


def test_a_car_park_that_was_larger_once_never_held_more_than_it_can_now(site):
    feed(site, 40, skip={35})
    start = midnight(date(2026, 11, 22) - timedelta(days=35), PARIS) + 36000
    fuller = {"bays": 40, "occupied_bay_s": 35 * 900.0, "observed_bay_s": 36000.0}
    records = [
        parking(5000 + n, start + 900 * n, interval_s=900, observed_s=900.0, **fuller) for n in range(8)
    ]
    assert site.post(records).json()["rejected"] == []
    reader = Reader(site.store, site.app.state.settings)
    view = reader.view("box-a", "north", "p1", ZONE_KINDS)
    history, _, size = history_of(site.store, reader, view, "vehicle")
    assert size == 20
    assert np.nanmax(history.values) == 20.0  # what page and alert forecast alike
