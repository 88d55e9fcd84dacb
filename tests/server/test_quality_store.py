"""What the store notes beside each record: origins, what was told twice, health by the hour, grids, quarantine."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.overlap import SLACK_S, told_twice_s
from server.store.base import Incoming
from server.store.sqlite import SqliteStore
from tests.server.build import NOON, config, grid, health, line, parking, zone, zone_config
from tests.server.test_purge import incoming

OTHER = "ffff0c5d2a9f4e10"
HOUR = NOON - 7200
LAWN = ("box-a", "north", "lawn", "zone")
TABLES = ("run_hours", "run_places", "runs", "configurations", "doubled_hours", "quarantine_days", "grids")
TABLES += ("health_hours",)


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "parvis.sqlite3")
    yield made
    made.close()


def add(store, items, quarantine=None, at=NOON):
    assert all(store.records.add([incoming(item, quarantine) for item in items], at))


def minutes(seq, number, start=HOUR, **changes):
    return [zone(seq + n, start + 60 * n, **changes) for n in range(number)]


def test_a_restart_within_an_interval_is_rightful(store):
    first = [*minutes(0, 30), zone(30, HOUR + 1800, observed_s=20.0)]
    second = [zone(0, HOUR + 1800, run=OTHER, observed_s=38.0), *minutes(1, 29, HOUR + 1860, run=OTHER)]
    add(store, first)
    add(store, second)
    assert store.quality.doubled(0, NOON, 9) == []
    place = store.records.place("box-a", "north", "lawn", ["zone"])
    assert all("doubled" not in row.flag_s for row in store.records.rows(place, HOUR, NOON, NOON, 3600))


@pytest.mark.parametrize("seen", [60.0, 40.0])
def test_two_boxes_under_one_name_are_found_and_every_figure_is_marked(store, seen):
    """Of two that see 40 s of each minute, 20 s a minute are certain."""
    add(store, minutes(0, 60, observed_s=seen))
    add(store, minutes(0, 60, run=OTHER, observed_s=seen))
    [found] = store.quality.doubled(0, NOON, 9)
    least = 60 * (2 * seen - 60)
    assert (found.place, found.hour, found.doubled_s, found.runs) == (
        LAWN,
        HOUR,
        least,
        ("6b1e0c5d2a9f4e10", OTHER),
    )
    place = store.records.place("box-a", "north", "lawn", ["zone"])
    [hour] = store.records.rows(place, HOUR, HOUR + 3600, NOON, 3600)
    assert hour.flag_s["doubled"] == least
    bins = store.records.rows(place, HOUR, HOUR + 3600, NOON, 60)
    assert [row.flag_s.get("doubled") for row in bins] == [2 * seen - 60] * 60
    [whole] = store.records.rows(place, HOUR - 3600, HOUR + 7200, NOON, 10800)[:1]
    assert whole.flag_s["doubled"] == least


def test_it_is_found_whichever_comes_late_and_in_whatever_order(store):
    add(store, minutes(0, 60)[::-1])
    for item in minutes(0, 60, run=OTHER)[::7]:
        add(store, [item])
    [found] = store.quality.doubled(0, NOON, 9)
    assert found.doubled_s == 9 * 60.0


def test_an_hour_merged_by_a_full_box_beside_minutes_of_another_is_found_too(store):
    add(store, [zone(0, HOUR, interval_s=3600, observed_s=3600.0)])
    add(store, minutes(0, 10, run=OTHER))
    assert store.quality.doubled(0, NOON, 9)[0].doubled_s == 600.0


@given(st.lists(st.floats(0, 60), min_size=1, max_size=60), st.floats(0, 1))
def test_one_box_that_restarts_anywhere_is_never_accused(observed, share):
    parts = [(60 * n, 60, seen * part) for n, seen in enumerate(observed) for part in (share, 1 - share)]
    assert told_twice_s(parts) == 0.0


@given(
    st.lists(st.floats(0, 60), min_size=1, max_size=60), st.lists(st.floats(0, 60), min_size=60, max_size=60)
)
def test_no_more_is_said_to_be_told_twice_than_the_smaller_box_told(one, other):
    told = [(60 * n, 60, seen) for own in (one, other) for n, seen in enumerate(own)]
    assert told_twice_s(told) <= min(sum(one), sum(other)) + 1e-6


def test_a_clock_may_be_off_by_a_little():
    assert told_twice_s([(0, 60, 60.0), (0, 60, SLACK_S)]) == 0.0
    assert told_twice_s([(0, 60, 60.0), (0, 60, SLACK_S + 1)]) == SLACK_S + 1


def test_runs_tell_their_configuration_their_records_and_from_when_to_when(store):
    zones = [zone_config("lawn")]
    add(store, [config(900, HOUR, zones), *minutes(0, 90)])
    late = config(901, HOUR + 5400, [zone_config("lawn", capacity=5)], run=OTHER, software="parvis-0.2.0")
    add(store, minutes(0, 30, HOUR + 5400, run=OTHER))
    assert store.quality.runs(LAWN, HOUR, NOON)[1].software is None
    add(store, [late])
    first, second = store.quality.runs(LAWN, HOUR, NOON)
    assert (first.records, first.observed_s, first.first_hour, first.last_hour) == (
        90,
        5400.0,
        HOUR,
        HOUR + 3600,
    )
    assert (second.records, second.run, second.software) == (30, OTHER, "parvis-0.2.0")
    assert first.config != second.config
    assert store.quality.content("box-a", "north", second.config)["zones"][0]["capacity"] == 5
    assert [part.records for part in store.quality.runs(LAWN, HOUR, HOUR + 3600)] == [60]
    assert [one.run for one in store.quality.configured("box-a", "north", HOUR + 60, NOON)] == [
        first.run,
        OTHER,
    ]


def test_quarantine_is_summed_with_the_times_that_were_told(store):
    add(store, minutes(0, 3, 60_000), "before_2024")
    add(store, [zone(9, NOON + 400 * 86400), line(10, NOON + 86400), health(11, NOON + 86400)], "future")
    future, past = sorted(store.quality.quarantined_sums(0), key=lambda one: one.reason, reverse=True)
    assert (past.records, past.first_told, past.last_told) == (3, 60_000, 60_120)
    assert (future.records, future.last_told) == (3, NOON + 400 * 86400)
    assert store.quality.quarantined_sums(NOON + 86400) == []
    assert store.quality.quarantined_sums(0, "box-b") == []


def test_health_is_kept_as_least_most_and_last_of_each_hour(store):
    values = [(3, 10.0, 41.0), (90, 5000.0, None), (0, None, 39.5)]
    items = [
        health(n, HOUR + 600 * n, spool_depth=depth, spool_age_s=age, temperature_c=heat, throttled=bool(n))
        for n, (depth, age, heat) in enumerate(values)
    ]
    add(store, [items[0], items[2], items[1]])
    [hour] = store.quality.health_hours("box-a", HOUR, NOON)
    assert (hour.samples, hour.live, hour.throttled, hour.unsynced) == (3, 3, 2, 0)
    assert (hour.queue_most, hour.age_most, hour.temperature_least, hour.temperature_most) == (
        90,
        5000.0,
        39.5,
        41.0,
    )
    assert (hour.queue_last, hour.age_last, hour.temperature_last) == (0, None, 39.5)


def test_grids_come_back_with_their_nulls(store):
    add(store, [grid(1, HOUR), grid(2, HOUR, **{"class": "car"})])
    [part] = store.quality.grids("box-a", "north", ["person"], HOUR, NOON)
    assert part.cells == (None,) * 143 + (12.5,)
    assert store.quality.grid_classes("box-a", "north") == ["person", "car"]
    assert store.quality.grid_extent("box-a", "north") == (HOUR, HOUR)
    assert store.quality.grid_extent("box-a", "south") is None
    assert store.quality.grids("box-a", "north", ["bus"], HOUR, NOON) == []


def dumped(store):
    """Every row of every table, but for the numbers that rows were given."""
    named = {
        "run_places": "SELECT r.run, p.name, p.kind, p.version, p.first_start, p.last_end FROM run_places p"
        " JOIN runs r ON r.id = p.run_id",
        "run_hours": "SELECT r.run, p.name, h.hour, h.records, h.observed_s FROM run_hours h"
        " JOIN run_places p ON p.id = h.run_place JOIN runs r ON r.id = p.run_id",
        "runs": "SELECT device, camera, run, configured_at, config, software FROM runs",
    }
    with store._connections.read() as db:
        return {
            table: sorted(tuple(row) for row in db.execute(named.get(table, f"SELECT * FROM {table}")))
            for table in TABLES
        }


def test_an_older_database_is_noted_as_if_it_had_always_been(store, tmp_path):
    add(
        store, [config(900, HOUR, [zone_config("lawn")]), health(901, HOUR), grid(902, HOUR), *minutes(0, 60)]
    )
    add(store, [*minutes(0, 20, run=OTHER), parking(500, HOUR), line(501, HOUR)])
    add(store, [zone(700, 60_000)], "before_2024")
    expected = dumped(store)
    assert all(expected.values())
    store.close()
    raw = sqlite3.connect(tmp_path / "parvis.sqlite3")
    for table in TABLES:
        raw.execute(f"DROP TABLE {table}")
    raw.execute("DELETE FROM _sqlite_migrations WHERE name = 'm006_quality'")
    raw.execute(
        "UPDATE records SET payload = ? WHERE type = 'parvis.grid.v1'", (incoming(grid(902, HOUR)).canonical,)
    )
    raw.commit()
    raw.close()
    again = SqliteStore(tmp_path / "parvis.sqlite3")
    assert dumped(again) == expected
    again.close()


def test_the_notes_go_with_what_they_note(store):
    add(
        store, [config(900, HOUR, [zone_config("lawn")]), health(901, HOUR), grid(902, HOUR), *minutes(0, 60)]
    )
    other = config(903, HOUR + 60, [zone_config("lawn", capacity=3)], run=OTHER)
    add(store, [other, *minutes(0, 20, run=OTHER)])
    add(store, [zone(700, 60_000)], "before_2024")
    store.upkeep.purge(NOON + 36 * 86400, "test")
    kept = dumped(store)
    assert kept["health_hours"] == []
    assert all(kept[table] for table in TABLES if table != "health_hours")
    add(store, [zone(10_000, NOON + 3000 * 86400)], at=NOON + 3000 * 86400)
    store.upkeep.purge(NOON + 3000 * 86400, "test")
    left = {table for table, rows in dumped(store).items() if rows}
    assert len(dumped(store)["configurations"]) == 1
    assert left == {"run_hours", "run_places", "runs", "configurations"}


def test_a_conflict_or_a_repeat_is_noted_once(store):
    add(store, minutes(0, 3))
    add(store, minutes(0, 3))
    other = incoming(zone(1, HOUR + 60, observed_s=1.0))
    assert store.records.add([Incoming(other.record, other.canonical)], NOON) == [False]
    [part] = store.quality.runs(LAWN, HOUR, NOON)
    assert (part.records, part.observed_s) == (3, 180.0)
