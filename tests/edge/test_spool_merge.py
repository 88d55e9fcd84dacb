"""Merging: sums to the last thousandth, the highest peak, and never two things that are not the same."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.batch import Record, stamp
from contract.messages import LineBody, LineCounts, ParkingBody, ZoneBody, ZoneCounts
from contract.names import CLASSES, Flag
from edge.spool_merge import HIGHEST, SUMMED, kin, merged, slot
from tests.edge.fault_server import RUN, START, config, health
from tests.edge.spool_files import VERSION, gate_body, parking_body, zone_body

COUNT = st.integers(0, 9999)
HISTOGRAM = st.lists(st.integers(0, 99), min_size=8, max_size=8).map(tuple)


def seconds(most: float) -> st.SearchStrategy[float]:
    return st.integers(0, int(most * 1000)).map(lambda thousandths: thousandths / 1000)


ZONE_COUNTS = st.builds(
    ZoneCounts,
    object_s=seconds(9999),
    peak=COUNT,
    entries=COUNT,
    exits=COUNT,
    dwell=HISTOGRAM,
    dwell_censored=COUNT,
)
LINE_COUNTS = st.builds(LineCounts, in_=COUNT, out=COUNT)


@st.composite
def interval(draw: st.DrawFn) -> dict[str, Any]:
    seen = draw(seconds(60)) or 0.001
    flags = draw(st.dictionaries(st.sampled_from(get_args(Flag)), seconds(1), max_size=3))
    return {
        "camera": "north", "interval_s": 60, "observed_s": round(min(seen, 58.0), 3), "time_quality": "synced",
        "flag_s": flags,
    }  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn, kind: str, minute: int) -> ZoneBody | ParkingBody | LineBody:
    common = draw(interval()) | {"start": START + timedelta(minutes=minute)}
    if kind == "line":
        counts = draw(st.dictionaries(st.sampled_from(CLASSES), LINE_COUNTS, max_size=3))
        return LineBody(**common, line="gate", counts=counts)
    place = {"zone": "lawn", "zone_version": VERSION}
    if kind == "zone":
        counts = draw(st.dictionaries(st.sampled_from(CLASSES), ZONE_COUNTS, max_size=3))
        return ZoneBody(**common, **place, counts=counts, peak_vehicle=draw(COUNT))
    room = draw(seconds(1200))
    return ParkingBody(
        **common, **place, bay_mode="drawn", bays=24, observed_bay_s=room, peak=draw(st.integers(0, 24)),
        occupied_bay_s=draw(seconds(room)), arrivals=draw(COUNT), departures=draw(COUNT), stay=draw(HISTOGRAM),
        stay_censored=draw(COUNT),
    )  # fmt: skip


def leaves(value: Any, path: tuple[object, ...] = ()) -> Iterator[tuple[tuple[object, ...], Decimal]]:
    """Every number of a record, by its place."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from leaves(inner, (*path, place))
    elif isinstance(value, int | float):
        yield path, Decimal(repr(value))


def totals(records: list[Record]) -> dict[tuple[object, ...], Decimal]:
    """Sums, and of the peaks the highest, of everything that is counted."""
    found: Counter[tuple[object, ...]] = Counter()
    for record in records:
        for path, number in leaves(record.model_dump(mode="json")):
            if path[0] in {"seq", "interval_s", "bays"}:
                continue
            highest = path[-1] in HIGHEST
            found[path] = max(found[path], number) if highest else found[path] + number  # type: ignore[assignment]
    return {path: number for path, number in found.items() if number}  # type: ignore[misc]


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(["zone", "parking", "line"]), st.sampled_from([900, 3600]))
def test_r8_sums_are_conserved_exactly(data: st.DataObject, kind: str, length_s: int) -> None:
    minutes = sorted(data.draw(st.sets(st.integers(0, length_s // 60 - 1), min_size=2, max_size=6)))
    records = [
        stamp(data.draw(bodies(kind, minute)), device="box", run=RUN, seq=40 + number)
        for number, minute in enumerate(minutes)
    ]
    one = merged(records, length_s)
    assert one is not None
    assert totals([one]) == totals(records)
    assert (one.seq, one.interval_s, one.start) == (40, length_s, START)  # type: ignore[union-attr]
    assert kin(one) == kin(records[0])
    # In two steps, as a box does it that has no room for years: the same.
    halves = [
        merged(list(half), 900) or half[0] for _, half in itertools.groupby(records, lambda r: slot(r, 900))
    ]
    if length_s == 3600:
        assert merged([*halves], 3600) == one or len(halves) == 1


def test_r8_every_number_of_an_interval_has_a_rule() -> None:
    """A field that is added to the wire must be given one, or a spool at its cap would lose it."""
    ruled = SUMMED | HIGHEST | {"seq", "interval_s", "bays"}
    for body in (zone_body(7), parking_body(7), gate_body(7)):
        names = {
            name for path, _ in leaves(body.model_dump(mode="json")) for name in path if isinstance(name, str)
        }
        assert names - {"counts", *CLASSES, *get_args(Flag)} <= ruled


def test_r8_what_differs_is_no_kin() -> None:
    records = [
        stamp(body, device="box", run=run, seq=1)
        for body, run in [
            (zone_body(1), RUN),
            (zone_body(1), "f" * 16),
            (zone_body(1, "path"), RUN),
            (zone_body(1, zone_version="0" * 16), RUN),
            (zone_body(1, time_quality="unsynced"), RUN),
            (zone_body(1, camera="south"), RUN),
            (parking_body(1), RUN),
            (parking_body(1).model_copy(update={"bays": 25}), RUN),
            (parking_body(1).model_copy(update={"bay_mode": "capacity", "stay": None}), RUN),
            (gate_body(1), RUN),
            (gate_body(1, "exit"), RUN),
        ]
    ]
    assert len({kin(record) for record in records}) == len(records)
    for body in (config(), health(1)):
        assert kin(stamp(body, device="box", run=RUN, seq=1)) is None


@pytest.mark.parametrize("more", [{"observed_s": 60.0}, {"counts": {}, "observed_s": 60.0}])
def test_r8_what_would_be_no_valid_record_stays_apart(more: dict[str, object]) -> None:
    """A clock that was set back lets one minute be counted sixteen times: no quarter of an hour holds that."""
    same = [stamp(zone_body(1, **more), device="box", run=RUN, seq=number) for number in range(16)]
    assert merged(same, 900) is None
    assert merged(same[:15], 900) is not None


def test_r8_what_cannot_be_added_exactly_stays_apart() -> None:
    odd = [
        stamp(zone_body(minute, observed_s=0.1 + minute / 3), device="box", run=RUN, seq=minute)
        for minute in (1, 2)
    ]
    assert merged(odd, 900) is None
