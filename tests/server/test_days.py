"""Local days that are kept: the same figures as their hours, gone when anything below them changes."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.names import CLASSES
from server.days import SLOTS, Day, merged, pack, slots_of, unpack_rows, unpack_slots
from server.reading import ZONE_KINDS, Period, Reader
from server.reports import DAY, Amounts, Row, report
from server.spans import midnight
from tests.server.build import NOON, config, counts, line, parking, zone, zone_config

PARIS = ZoneInfo("Europe/Paris")
HOUR_S = 3600
FALL, SPRING = date(2026, 10, 25), date(2026, 3, 29)


def seconds(most: float) -> st.SearchStrategy[float]:
    """As boxes send them, in milliseconds."""
    return st.integers(0, int(most * 1000)).map(lambda ms: ms / 1000)


amounts = st.builds(
    Amounts,
    object_s=seconds(1e6),
    peak=st.integers(0, 99),
    entries=st.integers(0, 999),
    exits=st.integers(0, 999),
    censored=st.integers(0, 99),
    lengths=st.tuples(*[st.integers(0, 99)] * 8),
)
rows = st.builds(
    Row,
    start=st.integers(0, 23).map(lambda hour: NOON + HOUR_S * hour),
    interval_s=st.sampled_from([60, 900]),
    observed_s=seconds(3600),
    version=st.sampled_from(["a", "b"]),
    flag_s=st.dictionaries(st.sampled_from(["dark", "lost"]), seconds(3600)),
    unsynced=st.booleans(),
    counts=st.dictionaries(st.sampled_from(CLASSES), amounts),
    peak_vehicle=st.integers(0, 99),
    bays=st.integers(0, 40),
    observed_bay_s=seconds(1e5),
    parking=amounts,
    sized_s=seconds(3600),
    nearly_s=seconds(3600),
    full_s=seconds(3600),
)


@given(st.lists(rows, max_size=12), st.sampled_from(["zone", "parking", "line"]))
def test_a_day_of_merged_rows_reports_what_its_hours_report(hours, kind):
    borders = [NOON, NOON + 86400]
    day = merged(hours, NOON)
    text, _ = pack(Day(NOON, NOON + 86400, day))
    options = {"kind": kind, "group": "vehicle", "step": DAY, "borders": borders, "until": NOON + 86400}
    one, other = report(hours, **options).total, report(unpack_rows(text, NOON), **options).total
    for name in ("coverage", "mean", "rate", "observed_s"):
        figures = getattr(one, name), getattr(other, name)
        if None in figures:
            assert figures == (None, None), name
        else:
            assert figures[0] == pytest.approx(figures[1], rel=1e-9, abs=1e-6), name
    same = replace(other, coverage=one.coverage, mean=one.mean, rate=one.rate, observed_s=one.observed_s)
    assert dict(same.flag_s) == pytest.approx(dict(one.flag_s), abs=1e-6)
    assert replace(same, flag_s=one.flag_s) == one


def half(at: int, seen: float = 1800.0, people: float = 2.0) -> Row:
    return Row(at, 60, seen, counts={"person": Amounts(people * seen)})


def test_half_hours_go_by_the_wall_clock_when_it_changes():
    spring = midnight(SPRING, PARIS)
    found = slots_of([half(spring + 1800 * n, people=n) for n in range(46)], "zone", PARIS)["person"]
    assert found[4:6] == (None, None)
    assert found[3] == 3.0
    assert found[6] == 4.0
    fall = midnight(FALL, PARIS)
    found = slots_of([half(fall + 1800 * n, people=n) for n in range(50)], "zone", PARIS)["person"]
    assert None not in found
    assert found[4] == (4 + 6) / 2
    assert found[5] == (5 + 7) / 2
    assert found[6] == 8.0


def test_one_observed_second_is_no_half_hour():
    start = midnight(date(2026, 11, 20), PARIS)
    found = slots_of([half(start, seen=1.0, people=500)], "zone", PARIS)
    assert found["person"] == (None,) * SLOTS
    assert unpack_slots("{}", "person") == (None,) * SLOTS


def test_a_line_tells_crossings_an_hour_and_a_car_park_occupied_bays():
    start = midnight(date(2026, 11, 20), PARIS)
    crossed = Row(start, 60, 900.0, counts={"person": Amounts(entries=3, exits=2)})
    assert slots_of([crossed], "line", PARIS)["person"][0] == 20.0
    bays = Row(start, 60, 900.0, bays=10, observed_bay_s=9000.0, parking=Amounts(3600.0))
    assert slots_of([bays], "parking", PARIS)["vehicle"][0] == 4.0


def feed(site, days: int = 4) -> None:
    """Quarters of an hour with gaps, over ``days`` whole local days and a morning."""
    rng, seq = random.Random(3), 10
    zones = [zone_config("lawn", capacity=20), zone_config("p1", "parking", capacity=10)]
    site.post([config(0, NOON - 30 * 86400, zones)])
    start = midnight(date(2026, 11, 22), PARIS) - days * 86400
    sent = []
    for at in range(start, NOON - 900, 900):
        if rng.random() < 0.1:
            continue
        people = rng.uniform(0, 30)
        crowd = {"person": counts(people * 900, 40, 3, 2)}
        sent += [
            zone(seq, at, interval_s=900, observed_s=900.0, counts=crowd),
            parking(
                seq + 1, at, interval_s=900, observed_s=900.0, occupied_bay_s=900.0, observed_bay_s=9000.0
            ),
            line(seq + 2, at, interval_s=900, observed_s=900.0),
        ]
        seq += 3
    for n in range(0, len(sent), 400):
        assert site.post(sent[n : n + 400]).json()["rejected"] == []


def borders_of(days: int = 4) -> list[int]:
    first = date(2026, 11, 22) - timedelta(days=days)
    return [midnight(first + timedelta(days=n), PARIS) for n in range(days + 1)]


def test_reports_are_the_same_before_and_after_days_are_kept(site):
    feed(site)
    reader = Reader(site.store, site.app.state.settings)
    borders = borders_of()
    for view in reader.views():
        period = Period(borders[0], borders[-1] + 86400, DAY)
        before = reader.report(view, view.groups[0], period)
        assert site.store.days.fill(view.place, borders, view.until, PARIS) == 4
        assert site.store.days.fill(view.place, borders, view.until, PARIS) == 0
        after = reader.report(view, view.groups[0], period)
        assert after == before
        assert before.total.observed_s > 3 * 86400 * 0.8


def kept(site) -> int:
    with site.store._connections.read() as db:
        return int(db.execute("SELECT count(*) FROM days").fetchone()[0])


def test_a_late_record_takes_the_day_with_it_and_no_other(site):
    feed(site)
    reader, borders = Reader(site.store, site.app.state.settings), borders_of()
    lawn = reader.view("box-a", "north", "lawn", ZONE_KINDS)
    site.store.days.fill(lawn.place, borders, lawn.until, PARIS)
    assert kept(site) == 4
    late = borders[1] + 5 * HOUR_S
    before = reader.report(lawn, "person", Period(borders[1], borders[2], DAY)).total
    site.post([zone(9001, late, run="00" * 8, counts={"person": counts(6000.0, 99)})])
    assert kept(site) == 3
    assert borders[1] not in site.store.days.slots(lawn.place, borders, "person")
    after = reader.report(lawn, "person", Period(borders[1], borders[2], DAY)).total
    assert after.peak == 99 != before.peak
    assert site.store.days.fill(lawn.place, borders, lawn.until, PARIS) == 1


def test_a_record_of_today_takes_nothing_with_it(site):
    feed(site)
    reader, borders = Reader(site.store, site.app.state.settings), borders_of()
    lawn = reader.view("box-a", "north", "lawn", ZONE_KINDS)
    site.store.days.fill(lawn.place, borders, lawn.until, PARIS)
    site.post([zone(9001, borders[-1], run="00" * 8), zone(9002, NOON - 60, run="00" * 8)])
    assert kept(site) == 4


def test_half_hours_do_not_outlive_the_intervals(site):
    feed(site)
    reader, borders = Reader(site.store, site.app.state.settings), borders_of()
    lawn = reader.view("box-a", "north", "lawn", ZONE_KINDS)
    site.store.days.fill(lawn.place, borders, lawn.until, PARIS)
    fine = site.store.days.slots(lawn.place, borders, "person")
    site.clock.now = NOON + 92 * 86400
    site.post([zone(9001, NOON + 91 * 86400, run="00" * 8)])
    site.store.upkeep.purge(int(site.clock()), "test")
    assert kept(site) == 0
    lawn = reader.view("box-a", "north", "lawn", ZONE_KINDS)
    assert site.store.days.fill(lawn.place, borders, lawn.until, PARIS) == 4
    coarse = site.store.days.slots(lawn.place, borders, "person")
    assert fine != coarse
    for day in coarse.values():
        assert any(value is not None for value in day)
        assert [day[n] for n in range(0, SLOTS, 2)] == [day[n] for n in range(1, SLOTS, 2)]


def test_days_cut_in_another_time_zone_are_not_taken_for_these(site):
    feed(site)
    reader, borders = Reader(site.store, site.app.state.settings), borders_of()
    lawn = reader.view("box-a", "north", "lawn", ZONE_KINDS)
    site.store.days.fill(lawn.place, borders, lawn.until, PARIS)
    shifted = [border + HOUR_S for border in borders]
    assert site.store.days.slots(lawn.place, shifted, "person") == {}
    got = site.store.days.rows(lawn.place, shifted, lawn.until)
    assert {row.start for row in got}.isdisjoint(borders) or all(row.interval_s == 900 for row in got)
    hourly = site.store.records.rows(lawn.place, shifted[0], shifted[-1], lawn.until, HOUR_S)
    assert sum(row.observed_s for row in got) == sum(row.observed_s for row in hourly)
