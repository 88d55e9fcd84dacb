"""The invented town: plausible, bounded, the same for the same seed, and taken in like any box's records."""

from __future__ import annotations

import json
from collections import Counter
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.batch import canonical, parse_record
from server.accounts import add_device
from server.errors import AccountError
from server.reading import ZONE_KINDS, Period, Reader
from server.settings import Settings
from server.simulate import Wish, deliveries
from server.simulate_demand import BELLS, RAIN, SCHOOL, SEASON, demand
from server.simulate_run import calendar_of, write
from server.simulate_series import bays, presence
from server.simulate_town import plan
from server.simulate_world import Calendar, world
from server.store.notices_base import Wanted
from server.store.sqlite import SqliteStore
from tests.front_door import parvis
from tests.server.build import NOON

PARIS = ZoneInfo("Europe/Paris")
HOUR = 3600


def wish(**changes) -> Wish:
    return Wish(**{"sites": 2, "months": 0.1, "seed": 7, "end": NOON} | changes)


def sent(asked: Wish) -> list[tuple[int, str, dict]]:
    return [(one.at, one.device, item) for one in deliveries(asked) for item in one.items]


def test_the_same_seed_says_the_same_and_another_seed_something_else():
    first, again, other = (list(deliveries(wish(seed=seed))) for seed in (7, 7, 8))
    assert json.dumps([one.items for one in first]) == json.dumps([one.items for one in again])
    assert [one.items for one in first] != [one.items for one in other]


def test_every_record_is_one_of_the_wire_and_no_key_comes_twice():
    keys: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for at, device, item in sent(wish(sites=6, months=0.12)):
        record = parse_record(item)
        assert record.device == device
        assert canonical(record)
        if hasattr(record, "start"):
            assert record.start.timestamp() < at <= NOON + 60
        keys[record.key] += 1
        types[record.type] += 1
    assert set(keys.values()) == {1}
    assert set(types) == {
        f"parvis.{name}.v1" for name in ("anomaly", "config", "grid", "health", "line", "parking", "zone")
    }


def test_every_interval_lies_in_the_configuration_that_came_before_it():
    known: set[tuple[str, str, str]] = set()
    for _, device, item in sent(wish(sites=3)):
        record = parse_record(item)
        if record.type == "parvis.config.v1":
            known |= {(device, zone.id, zone.version) for zone in record.zones}
        elif hasattr(record, "zone_version"):
            assert (device, record.zone, record.zone_version) in known


def test_a_box_that_is_installed_anew_gets_another_version_and_run():
    """Site 7 is surely reinstalled (ORDER of server/simulate_faults.py)."""
    items = [item for _, device, item in sent(wish(sites=8, months=0.5)) if device == plan(8, 7)[7].device]
    zones = [item for item in items if item["type"] == "parvis.zone.v1" and item["zone"] == "trottoir"]
    versions = list(dict.fromkeys(item["zone_version"] for item in zones))
    runs = list(dict.fromkeys(item["run"] for item in items))
    assert len(versions) >= 2
    assert len(runs) >= 2


def test_every_sort_of_trouble_is_there():
    asked = wish(sites=8, months=0.6)
    arrived = sent(asked)
    intervals = [item for _, _, item in arrived if "flag_s" in item]
    flags = {name for item in intervals for name in item["flag_s"]}
    assert flags == {"lost", "covered", "frozen", "moved", "dark", "degraded"}
    assert any(item["time_quality"] == "unsynced" for item in intervals)
    offline = [
        one for one in deliveries(asked) if len({item.get("start", "")[:10] for item in one.items}) > 3
    ]
    assert offline, "nothing was delivered late"
    slots = {(device, item["start"]) for _, device, item in arrived if "flag_s" in item}
    assert len(slots) < 8 * (NOON - asked.start) / 900, "no box was ever without power"


def test_where_nothing_was_seen_nothing_is_counted():
    blind = 0
    for _, _, item in sent(wish(sites=4, months=0.4)):
        if item["type"] == "parvis.zone.v1" and item["observed_s"] == 0:
            blind += 1
            for counts in item["counts"].values():
                assert not any(
                    (
                        counts["object_s"],
                        counts["peak"],
                        counts["entries"],
                        counts["exits"],
                        sum(counts["dwell"]),
                    )
                )
    assert blind > 10


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 60), st.floats(0, 3), st.booleans())
def test_bays_are_bounded_and_nobody_leaves_who_did_not_come(seed, size, share, brief):
    slots = 300
    found = bays(np.random.default_rng(seed), np.full(slots, share), size, 900, np.ones(slots), brief=brief)
    assert found.mean.min() >= 0
    assert found.peak.max() <= size
    assert found.mean.max() <= size
    held = np.cumsum(found.arrivals - found.departures)
    assert held.min() >= -size
    assert (found.lengths.sum(1) + found.censored == found.departures).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 80), st.floats(5, 4000))
def test_what_enters_a_zone_leaves_it(seed, expected, dwell_s):
    found = presence(np.random.default_rng(seed), np.full(200, expected), dwell_s, 900, np.ones(200))
    inside = np.cumsum(found.entries - found.exits)
    assert inside.min() >= 0
    assert inside.max() <= found.entries.max()
    assert (found.peak >= found.mean).all()
    assert (found.lengths.sum(1) + found.censored == found.exits).all()


def shared(months: float, calendar: Calendar, end: int = NOON):
    asked = wish(months=months, end=end)
    return world(asked.start, end, HOUR, PARIS, calendar, 7)


def test_the_town_lives_as_towns_do():
    year = shared(12, calendar_of(NOON - 370 * 86400, NOON, "B"))
    plain = ~year.public & ~year.school
    saturday, tuesday = year.weekday == 5, year.weekday == 1
    morning = (year.hour > 9) & (year.hour < 12)
    square = demand(year, "market", {5})
    assert square[saturday & morning & plain].mean() > 3 * square[tuesday & morning & plain].mean()
    lawn = demand(year, "lawn")
    noon = (year.hour > 14) & (year.hour < 17) & plain
    assert lawn[noon & (year.warm > 0.7)].mean() > 2 * lawn[noon & (year.warm < -0.7)].mean()
    assert lawn[noon & (year.rain > 0.5)].mean() < 0.6 * lawn[noon & (year.rain == 0)].mean()
    commute = demand(year, "commute")
    weekday = (year.weekday < 5) & (year.hour > 7) & (year.hour < 9)
    assert commute[weekday & year.public].mean() < 0.4 * commute[weekday & plain].mean()
    assert commute[weekday & year.school & ~year.public].mean() < 0.8 * commute[weekday & plain].mean()
    assert year.public.sum() > 24 * 9
    assert 0.03 < (year.rain > 0).mean() < 0.25
    assert 4000 < year.light.sum() < 5300


def test_each_habit_is_told_in_full():
    assert set(BELLS) == set(RAIN) == set(SEASON) == set(SCHOOL)


def test_days_of_23_and_25_hours_keep_their_local_hours():
    spring = 1_774_746_000  # 2026-03-29T01:00:00Z, when clocks go forward
    found = world(spring - 86400, spring + 86400, HOUR, PARIS, Calendar(), 1)
    assert np.bincount(found.day).tolist()[1] == 23
    assert 2.5 not in found.hour[found.day == 1]


def test_the_town_is_taken_in_as_any_box_s_records_are(tmp_path):
    store = SqliteStore(tmp_path / "parvis.sqlite3")
    asked = wish(sites=8, months=0.2)
    done = write(store, asked)
    assert done.rejected == 0
    assert done.accepted == sum(done.records.values()) == store.records.count()
    assert done.quarantined == len(store.records.quarantined(10_000)) > 0
    reader = Reader(store, Settings(data_dir=tmp_path, clock=lambda: float(NOON)))
    view = reader.view("parking-des-halles", "cam1", "nord", ZONE_KINDS)
    total = reader.report(view, "vehicle", Period(NOON - 4 * 86400, NOON, HOUR)).total
    assert 0.05 < total.rate < 0.9
    assert 0.3 < total.coverage <= 1
    notices = store.notices.counts(Wanted())
    assert notices["to_verify"] >= 4
    assert notices["cleared"] > 0
    assert store.notices.take(PARIS, 1) == 0
    store.close()


def test_invented_figures_never_stand_beside_counted_ones(tmp_path):
    store = SqliteStore(tmp_path / "parvis.sqlite3")
    add_device(store, "box-a")
    with pytest.raises(AccountError, match="new folder"):
        write(store, wish())
    assert store.records.count() == 0
    store.close()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"sites": 0}, "1 to 200"),
        ({"sites": 201}, "1 to 200"),
        ({"months": 0.0}, "months"),
        ({"months": 61}, "months"),
        ({"interval_s": 10}, "interval"),
        ({"seed": -1}, "seed"),
        ({"months": 40}, "2024"),
    ],
)
def test_a_wish_that_cannot_be_met_says_why(changes, word):
    with pytest.raises(ValueError, match=word):
        wish(**changes)


def test_the_command_writes_a_town_and_refuses_a_used_folder(tmp_path):
    words = ("server", "simulate", "--data", str(tmp_path), "--sites", "1", "--months", "0.05", "--seed", "3")
    said = parvis(*words, "--end", "2026-11-20T12:00:00Z", "--json")
    assert said.code == 0
    done = json.loads(said.out)
    assert done["accepted"] == sum(done["records"].values()) > 300
    assert done["sites"][0]["label_fr"] == "Place du Marché"
    again = parvis(*words)
    assert again.code == 8
    assert "new folder" in again.err
