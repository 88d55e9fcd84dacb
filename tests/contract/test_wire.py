"""The wire: golden messages parse, spell back identically, and nothing else passes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.batch import Answer, parse_record, raw_key, stamp
from contract.messages import IntervalSeconds, LineBody, canonical, parse_time
from contract.names import CLASSES, DWELL_BOUNDS_S, GROUP_OF, INTERVALS_S, STAY_BOUNDS_S, dwell_bounds

GOLDEN = sorted(Path(__file__).parent.glob("*.json"))
ZONE = json.loads(Path(__file__).with_name("zone.json").read_text())


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_messages_spell_back_identically(path: Path) -> None:
    item = json.loads(path.read_text())
    assert json.loads(canonical(parse_record(item))) == item


def test_every_type_has_a_golden_message() -> None:
    assert {path.stem for path in GOLDEN} == {
        "zone",
        "parking",
        "line",
        "grid",
        "anomaly",
        "config",
        "health",
    }


# What a message may leave out: seconds under no flag, and what a box without a judgement of itself cannot tell.
OPTIONAL = {
    "flag_s", "type", "verdict", "reasons", "flags", "spool_merged", "spool_dropped", "disk_degraded", "boot_s", "uptime_s",
}  # fmt: skip


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_no_field_more_and_none_less(path: Path) -> None:
    item = json.loads(path.read_text())
    with pytest.raises(ValueError, match="track_id"):
        parse_record(item | {"track_id": 4821})
    for name in item:
        if name in OPTIONAL:
            continue
        with pytest.raises(ValueError, match=name):
            parse_record({key: value for key, value in item.items() if key != name})


BROKEN = [
    ("a fraction of a second", {"start": "2026-11-21T10:15:00.5Z"}),
    ("another time zone", {"start": "2026-11-21T10:15:00+01:00"}),
    ("an impossible day", {"start": "2026-02-30T10:15:00Z"}),
    ("a start off the grid", {"start": "2026-11-21T10:15:01Z"}),
    ("an interval that no box uses", {"interval_s": 61}),
    ("more seconds seen than there are", {"observed_s": 61.0}),
    ("seen and blind at once", {"flag_s": {"covered": 30.0}}),
    ("an unknown flag", {"flag_s": {"foggy": 1.0}}),
    ("a negative time", {"observed_s": -1.0}),
    ("a number as text", {"observed_s": "58.4"}),
    ("a boolean as a number", {"peak_vehicle": True}),
    ("not a number", {"observed_s": float("nan")}),
    ("infinity", {"observed_s": float("inf")}),
    ("a name with a line break", {"zone": "lawn\n"}),
    ("a name with markup", {"zone": "<b>lawn</b>"}),
    ("an upper-case name", {"zone": "Lawn"}),
    ("a class that no box counts", {"counts": {"dog": ZONE["counts"]["person"]}}),
    ("a histogram with seven bins", {"counts": {"person": ZONE["counts"]["person"] | {"dwell": [0] * 7}}}),
    ("half a person", {"counts": {"person": ZONE["counts"]["person"] | {"entries": 0.5}}}),
    ("people where nothing was seen", {"observed_s": 0.0}),
    ("a picture", {"zone_version": "data:image/png;base64,iVBORw0KGgo="}),
]


@pytest.mark.parametrize(("what", "change"), BROKEN, ids=[what for what, _ in BROKEN])
def test_broken_items_are_refused(what: str, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\S+: "):
        parse_record(ZONE | change)


@pytest.mark.parametrize("item", [None, 3, "x", [], {}, {"type": "parvis.zone.v2"}, {"type": []}])
def test_other_things_are_refused(item: object) -> None:
    with pytest.raises(ValueError):
        parse_record(item)
    assert raw_key(item, 7) == "item/7"


def test_a_broken_record_is_answered_under_its_key() -> None:
    assert raw_key(ZONE | {"observed_s": -1}, 0) == "box-7f3a/6b1e0c5d2a9f4e10/1234"
    assert (
        raw_key({"type": "parvis.anomaly.v1", "device": "d", "run": "r", "case": "c", "revision": 2}, 0)
        == "d/c/2"
    )


def test_an_answer_is_closed() -> None:
    good = {"accepted": ["a"], "rejected": [{"key": "b", "reason": "conflict"}]}
    assert Answer.model_validate(good).rejected[0].key == "b"
    with pytest.raises(ValueError):
        Answer.model_validate(good | {"extra": 1})


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(CLASSES), st.integers(0, 2**53))
def test_whatever_is_counted_comes_back(ins: int, out: int, name: str, seq: int) -> None:
    body = LineBody.model_validate(
        {
            "camera": "c",
            "line": "l",
            "start": parse_time("2026-11-21T10:15:00Z"),
            "interval_s": 60,
            "observed_s": 60,
            "time_quality": "synced",
            "counts": {name: {"in": ins, "out": out}},
        }
    )
    record = stamp(body, device="d", run="0" * 16, seq=seq)
    assert parse_record(json.loads(canonical(record))) == record


def test_bounds_never_change() -> None:
    # Histograms of different years are added up: these numbers are for ever.
    assert DWELL_BOUNDS_S == (10, 30, 60, 300, 900, 1800, 3600)
    assert STAY_BOUNDS_S == (300, 900, 1800, 3600, 7200, 14400, 28800)
    assert dwell_bounds("bicycle") == DWELL_BOUNDS_S
    assert dwell_bounds("bus") == STAY_BOUNDS_S
    assert set(GROUP_OF) == set(CLASSES)


def test_intervals_are_spelled_twice_alike() -> None:
    # Once for the type checker, once for whoever lists them.
    assert get_args(IntervalSeconds) == INTERVALS_S
