"""Counted beside true: the arithmetic of the demonstration's table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contract.messages import LineBody, LineCounts, ParkingBody, ZoneBody, ZoneCounts, parse_time
from parvis.demo import _start
from parvis.tally import compare, line_totals, mean_is_right, zone_totals

NONE = (0,) * 8


def interval(second: int, observed_s: float) -> dict[str, Any]:
    start = parse_time(f"2026-01-01T00:00:{second:02d}Z")
    return {
        "camera": "c",
        "start": start,
        "interval_s": 10,
        "observed_s": observed_s,
        "time_quality": "synced",
    }


def zone(second: int, observed_s: float, **counts: ZoneCounts) -> ZoneBody:
    return ZoneBody(
        **interval(second, observed_s), zone="z", zone_version="0" * 16, counts=counts, peak_vehicle=3
    )


def of(object_s: float, peak: int, entries: int = 0, exits: int = 0) -> ZoneCounts:
    return ZoneCounts(
        object_s=object_s, peak=peak, entries=entries, exits=exits, dwell=NONE, dwell_censored=0
    )


def test_means_are_weighted_by_what_was_observed() -> None:
    bodies = [zone(0, 10, person=of(20, 4, 1, 0)), zone(10, 5, person=of(5, 2, 0, 2))]
    assert zone_totals(bodies, "z", "person") == {
        "entries": 1,
        "exits": 2,
        "peak": 4,
        "mean": round(25 / 15, 3),
    }


def test_vehicles_are_four_classes_and_peak_together() -> None:
    bodies = [zone(0, 10, car=of(10, 2, 1), truck=of(5, 1, 1), bicycle=of(50, 5))]
    assert zone_totals(bodies, "z", "vehicle") == {"entries": 2, "exits": 0, "peak": 3, "mean": 1.5}
    assert zone_totals(bodies, "z", "bicycle")["mean"] == 5


def test_bays_count_as_occupied_bays() -> None:
    body = ParkingBody(
        **interval(0, 10),
        zone="p",
        zone_version="0" * 16,
        bay_mode="drawn",
        bays=4,
        occupied_bay_s=25,
        observed_bay_s=40,
        peak=3,
        arrivals=1,
        departures=2,
        stay=NONE,
        stay_censored=0,
    )
    assert zone_totals([body], "p", "vehicle") == {"entries": 1, "exits": 2, "peak": 3, "mean": 2.5}


def test_lines() -> None:
    body = LineBody(
        **interval(0, 10),
        line="l",
        counts={"car": LineCounts(in_=1, out=2), "person": LineCounts(in_=7, out=0)},
    )
    assert line_totals([body, body], "l", "vehicle") == {"in": 2, "out": 4}


def test_the_table_follows_the_truth_file() -> None:
    truth = json.loads(
        '{"zones":{"z":{"person":{"entries":1,"exits":0,"peak":4,"mean":2.0}}},'
        '"lines":{"l":{"vehicle":{"in":0,"out":0}}}}'
    )
    rows = compare([zone(0, 10, person=of(20, 4, 1))], truth)
    assert rows["zones"] == [
        {
            "zone": "z",
            "class": "person",
            "counted": {"entries": 1, "exits": 0, "peak": 4, "mean": 2.0},
            "true": {"entries": 1, "exits": 0, "peak": 4, "mean": 2.0},
        }
    ]
    assert rows["lines"][0]["counted"] == {"in": 0, "out": 0}


@pytest.mark.parametrize(
    ("counted", "true", "right"),
    [(0.3, 0, True), (0.31, 0, False), (11.5, 10, True), (8.4, 10, False), (1.2, 1.5, True)],
)
def test_bounds_of_the_mean(counted: float, true: float, right: bool) -> None:
    assert mean_is_right(counted, true) is right


def test_a_scene_ends_now_on_whole_intervals() -> None:
    now = parse_time("2026-03-01T10:00:07Z")
    assert _start(now, 62, 10) == parse_time("2026-03-01T09:58:50Z")
