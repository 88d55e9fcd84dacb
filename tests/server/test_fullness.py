"""How long a place was full: decided per interval, summed per hour, whatever order records came in."""

from __future__ import annotations

import random
from typing import Any

import pytest

from contract.batch import canonical, parse_record
from contract.messages import ZoneConfig
from server.fullness import Fullness, fullness
from server.store.base import Incoming
from server.store.sqlite import SqliteStore
from tests.server.build import NOON, config, counts, line, parking, zone, zone_config

START = NOON - 7200
DAY_S = 86400


def incoming(item: dict[str, Any]) -> Incoming:
    record = parse_record(item)
    return Incoming(record, canonical(record))


def sized(capacity: int | None, **changes: Any) -> tuple[dict[str, Any], str]:
    """A zone of that capacity, and its version."""
    own = zone_config("lawn", capacity=capacity, **changes)
    return own, ZoneConfig.model_validate(own, strict=False).version


def told(store: SqliteStore, grain_s: int = 3600, name: str = "lawn") -> Fullness:
    [place] = [place for place in store.records.places() if place.name == name]
    return fullness(store.records.rows(place, START, NOON, NOON, grain_s))


def crowd(seq: int, people: float, version: str, seconds: float = 60.0, **changes: Any) -> dict[str, Any]:
    own = {"person": counts(people * seconds, 50)}
    return zone(seq, START + 60 * seq, zone_version=version, observed_s=seconds, counts=own, **changes)


@pytest.mark.parametrize("grain_s", [60, 900, 3600])
@pytest.mark.parametrize("late", [False, True])
def test_minutes_nearly_full_and_full_are_told_of_the_observed_time(site, grain_s, late):
    own, version = sized(20)
    records = [
        crowd(number, people, version, seconds)
        for number, (people, seconds) in enumerate(
            [(16.99, 60), (17, 60), (20, 60), (31, 30), (0, 60), (20, 0)]
        )
    ]
    known = [config(100, START, [own])]
    site.post(records + known if late else known + records)
    assert told(site.store, grain_s) == Fullness(150.0, 90.0, 270.0)
    assert told(site.store, grain_s).full_share == pytest.approx(1 / 3)


def test_all_classes_of_a_zone_fill_it_together(site):
    own, version = sized(10, classes=["person", "bicycle"])
    both = {"person": counts(6 * 60.0), "bicycle": counts(4 * 60.0)}
    site.post([config(100, START, [own]), zone(0, START, zone_version=version, counts=both)])
    assert told(site.store).full_s == 60.0


def test_bays_need_no_capacity_and_lines_have_none(site):
    site.post([parking(0, START, occupied_bay_s=510.0), parking(1, START + 60, occupied_bay_s=600.0)])
    site.post([line(2, START)])
    assert told(site.store, name="p1") == Fullness(120.0, 60.0, 120.0)
    assert told(site.store, name="gate") == Fullness(0.0, 0.0, 0.0)


def test_without_a_capacity_nothing_is_full_and_nothing_free(site):
    own, version = sized(None)
    site.post([config(100, START, [own]), crowd(0, 500, version)])
    assert told(site.store) == Fullness(0.0, 0.0, 0.0)
    assert told(site.store).full_share is None


def test_each_interval_is_judged_by_the_capacity_of_its_time(site):
    small, first = sized(10)
    large, second = sized(40)
    site.post([config(100, START, [small]), crowd(0, 20, first)])
    site.post([config(101, START + 60, [large]), crowd(1, 20, second)])
    assert told(site.store) == Fullness(60.0, 60.0, 120.0)


def test_what_grew_is_what_is_made_again_and_what_a_purge_leaves(site):
    rng = random.Random(3)
    own, version = sized(20)
    records = [config(500, START, [own])]
    records += [
        crowd(n, rng.choice([0, 17, 20.5]), version, round(rng.uniform(1, 60), 3)) for n in range(100)
    ]
    rng.shuffle(records)
    site.post(records)
    before = told(site.store)
    assert 0 < before.full_s < before.nearly_s < before.sized_s
    assert site.store.upkeep.remake_hours() == 2
    assert told(site.store) == before
    assert told(site.store, 60) == before
    site.clock.now = NOON + 100 * DAY_S
    assert site.store.upkeep.purge(int(site.clock.now), "test").finished
    assert told(site.store) == before


def test_a_database_from_before_learns_it_from_what_it_kept(tmp_path):
    path = tmp_path / "old.db"
    own, version = sized(20)
    store = SqliteStore(path)
    store.records.add([incoming(item) for item in (config(9, START, [own]), crowd(0, 30, version))], NOON)
    wanted = told(store)
    with store._connections.write() as db:
        for name in ("sized_s", "nearly_s", "full_s"):
            db.execute(f"ALTER TABLE hours DROP COLUMN {name}")
        db.execute("DROP TABLE zone_versions")
        db.execute("DELETE FROM _sqlite_migrations WHERE name = 'm003_versions'")
    store.close()
    store = SqliteStore(path)
    assert told(store) == wanted == Fullness(60.0, 60.0, 60.0)
    store.close()


def test_visits_and_stays_reach_the_reports(site):
    dwell = {"dwell": [1, 2, 3, 4, 5, 6, 7, 8], "dwell_censored": 9}
    site.post([zone(n, START + 60 * n, counts={"person": counts(1.0, 1) | dwell}) for n in range(3)])
    site.post([parking(9, START, stay=[8, 7, 6, 5, 4, 3, 2, 1], stay_censored=5)])
    lawn, p1 = site.store.records.places()
    for grain_s in (900, 3600):
        [people] = site.store.records.rows(lawn, START, NOON, NOON, grain_s)
        assert people.counts["person"].lengths == (3, 6, 9, 12, 15, 18, 21, 24)
        assert people.counts["person"].censored == 27
        [cars] = site.store.records.rows(p1, START, NOON, NOON, grain_s)
        assert (cars.parking.lengths, cars.parking.censored) == ((8, 7, 6, 5, 4, 3, 2, 1), 5)
