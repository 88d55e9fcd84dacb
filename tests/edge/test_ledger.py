"""The metrics of zones and lines: right sums, no live state of statistics zones, a text that Prometheus reads."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.messages import (
    ConfigBody,
    LineBody,
    LineConfig,
    LineCounts,
    ParkingBody,
    ZoneBody,
    ZoneConfig,
    ZoneCounts,
)
from edge.exposition import Family, Sample, expose, sample
from edge.ledger import STATISTICS_DELAY_S, Ledger

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SQUARE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9))


def zone_config(name: str, kind: str = "area", purpose: str = "statistics") -> ZoneConfig:
    return ZoneConfig(
        id=name, kind=kind, purpose=purpose, polygon=SQUARE, capacity=9, classes=("person", "bicycle")
    )


CONFIG = ConfigBody(
    camera="north", at=START, interval_s=60, ground=None, model="starter", model_sha256="0" * 64, software="0.1.0",
    zones=(zone_config("lawn"), zone_config("lane", purpose="operational"), zone_config("p1", "parking", "operational")),
    lines=(LineConfig(id="gate", points=((0.1, 0.5), (0.9, 0.5)), classes=("person",)),),
)  # fmt: skip


def common(number: int, observed_s: float) -> dict[str, object]:
    return {
        "camera": "north", "start": START + timedelta(minutes=number), "interval_s": 60, "observed_s": observed_s,
        "time_quality": "synced",
    }  # fmt: skip


def zone(
    name: str, number: int = 0, *, observed_s: float = 60.0, object_s: float = 30.0, entries: int = 2
) -> ZoneBody:
    counts = ZoneCounts(object_s=object_s, peak=3, entries=entries, exits=1, dwell=(0,) * 8, dwell_censored=0)
    counted = {"person": counts} if object_s or entries else {}
    return ZoneBody(
        **common(number, observed_s), zone=name, zone_version="0" * 16, counts=counted, peak_vehicle=0
    )


def line(number: int = 0, ins: int = 4) -> LineBody:
    return LineBody(**common(number, 60.0), line="gate", counts={"person": LineCounts(in_=ins, out=1)})


def parking(number: int = 0) -> ParkingBody:
    return ParkingBody(
        **common(number, 30.0), zone="p1", zone_version="0" * 16, bay_mode="drawn", bays=4, occupied_bay_s=75.0,
        observed_bay_s=120.0, peak=3, arrivals=2, departures=1, stay=(0,) * 8, stay_censored=0,
    )  # fmt: skip


def values(families: list[Family]) -> dict[str, float]:
    """Each sample by its line's left side: read back from the text, by the rules of the format."""
    found: dict[str, float] = {}
    typed: set[str] = set()
    for text in expose(families).splitlines():
        if text.startswith("#"):
            match = re.fullmatch(r"# (HELP|TYPE) ([a-z_][a-z0-9_]*) (.+)", text)
            assert match, text
            if match[1] == "TYPE":
                assert match[3] in {"gauge", "counter", "summary"}
                assert match[2] not in typed, "one TYPE line a family"
                assert (match[3] == "counter") == match[2].endswith("_total")
                typed.add(match[2])
            continue
        match = re.fullmatch(r'([a-z_][a-z0-9_]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)+\})? (\S+)', text)
        assert match, text
        assert re.sub("_(sum|count)$", "", match[1]) in typed or match[1] in typed
        key = match[1] + (match[2] or "").replace('camera="north",', "")
        assert key not in found, "no sample twice"
        found[key] = float(match[3])
    return found


def test_an_operational_zone_is_told_at_once_a_statistics_zone_a_quarter_of_an_hour_later() -> None:
    ledger = Ledger([CONFIG])
    ledger.add([zone("lawn"), zone("lane"), line(), parking()], 100.0)
    now, almost, later = (
        values(ledger.families(100.0 + s)) for s in (0, STATISTICS_DELAY_S - 1, STATISTICS_DELAY_S)
    )
    for told in (now, almost):
        assert told['parvis_zone_occupancy{zone="lane",class="person"}'] == 0.5
        assert told['parvis_zone_entries_total{zone="lane",class="person"}'] == 2
        assert told['parvis_parking_occupied_bays{zone="p1"}'] == 2.5
        live = {key: value for key, value in told.items() if "lawn" in key or "gate" in key}
        assert set(live.values()) == {0}, (
            "no figure of a statistics zone or a line, not even as a difference of sums"
        )
        assert all(key.partition("{")[0].endswith("_total") for key in live)
    assert later['parvis_zone_occupancy{zone="lawn",class="person"}'] == 0.5
    assert later['parvis_zone_entries_total{zone="lawn",class="person"}'] == 2
    assert later['parvis_line_crossings_total{line="gate",class="person",direction="in"}'] == 4
    assert STATISTICS_DELAY_S == 900


def test_figures_are_those_of_the_last_interval_and_sums_of_all() -> None:
    ledger = Ledger([CONFIG])
    ledger.add([zone("lane", 0), zone("lane", 1, observed_s=20.0, object_s=5.0, entries=1)], 0.0)
    told = values(ledger.families(0.0))
    assert told['parvis_zone_occupancy{zone="lane",class="person"}'] == 0.25
    assert told['parvis_zone_occupancy{zone="lane",class="bicycle"}'] == 0
    assert told['parvis_zone_coverage_ratio{zone="lane"}'] == pytest.approx(1 / 3)
    assert told['parvis_zone_observed_seconds_total{zone="lane"}'] == 80
    assert told['parvis_zone_object_seconds_total{zone="lane",class="person"}'] == 35
    assert told['parvis_zone_entries{zone="lane",class="person"}'] == 1
    assert told['parvis_zone_interval_end_timestamp_seconds{zone="lane"}'] == START.timestamp() + 120


def test_what_was_not_seen_is_no_figure() -> None:
    ledger = Ledger([CONFIG])
    ledger.add([zone("lane", observed_s=0.0, object_s=0.0, entries=0)], 0.0)
    told = values(ledger.families(0.0))
    assert told['parvis_zone_coverage_ratio{zone="lane"}'] == 0
    assert not [key for key in told if key.startswith("parvis_zone_occupancy")]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=40))
def test_sums_only_grow_and_lose_nothing(intervals: list[tuple[int, int]]) -> None:
    ledger, total, before = Ledger([CONFIG]), 0, -1.0
    for number, (ins, pause) in enumerate(intervals):
        ledger.add([line(number, ins)], 60.0 * number)
        total += ins
        now = values(ledger.families(60.0 * number + pause))
        grown = now['parvis_line_crossings_total{line="gate",class="person",direction="in"}']
        assert grown >= before
        before = grown
    told = values(ledger.families(1e9))
    assert told['parvis_line_crossings_total{line="gate",class="person",direction="in"}'] == total


def test_text_is_escaped_and_unknown_figures_are_left_out() -> None:
    odd = Family("parvis_x", "gauge", "a\nb\\", [Sample(1.5, (("a", 'say "x"\\\n'),)), *sample(None, a="b")])
    assert (
        expose([odd])
        == '# HELP parvis_x a\\nb\\\\\n# TYPE parvis_x gauge\nparvis_x{a="say \\"x\\"\\\\\\n"} 1.5\n'
    )
    assert expose([Family("parvis_y", "gauge", "none", [])]) == ""
    assert values([Family("parvis_z", "gauge", "z", [Sample(float("inf"))])]) == {"parvis_z": float("inf")}
