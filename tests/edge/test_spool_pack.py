"""Columns, not JSON: every record of the wire comes back bit by bit from its shape and its values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contract.batch import canonical, parse_record, stamp
from edge.spool_pack import join, split
from tests.edge.fault_server import RUN, config, health, line
from tests.edge.spool_files import gate_body, parking_body, zone_body

GOLDEN = sorted((Path(__file__).parents[1] / "contract").glob("*.json"))

NUMBERS = st.one_of(
    st.none(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-(10**9), 10**9, places=3).map(float),
    st.just(0.0),
    st.just(-0.0),
)
TEXTS = st.one_of(
    st.text(),
    st.datetimes().map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ")),
    st.sampled_from(
        ["2026-02-30T00:00:00Z", "0000-00-00T00:00:00Z", "1970-01-01T00:00:00Z", "\n", "null", "12"]
    ),
)
LEAVES = st.one_of(NUMBERS, TEXTS, st.booleans())
# Rows of leaves only: rows of rows of rows fill any memory.
ROWS = st.tuples(LEAVES, st.integers(1, 600)).map(lambda row: [row[0]] * row[1])
VALUES = st.recursive(
    st.one_of(LEAVES, ROWS),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_r7_any_json_comes_back_letter_by_letter(value: object) -> None:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    assert join(*split(text)) == text


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_r7_every_golden_message_comes_back(path: Path) -> None:
    found = json.loads(path.read_text())
    for item in found if isinstance(found, list) else [found]:
        text = json.dumps(item, sort_keys=True, separators=(",", ":"))
        assert join(*split(text)) == text


def test_r7_every_type_of_the_wire_is_small() -> None:
    sizes = {}
    for body in (zone_body(7), parking_body(7), gate_body(7), line(7), health(7), config()):
        text = canonical(stamp(body, device="box", run=RUN, seq=70_000))
        shape, values = split(text)
        assert join(shape, values) == text
        assert canonical(parse_record(json.loads(join(shape, values)))) == text
        sizes[body.type] = len(values)
    assert sizes["parvis.zone.v1"] <= 50
    assert sizes["parvis.health.v1"] <= 50


def test_r7_records_of_one_place_share_one_shape() -> None:
    shapes = {
        split(canonical(stamp(gate_body(minute), device="box", run=RUN, seq=minute)))[0]
        for minute in range(99)
    }
    assert len(shapes) == 1


@given(st.binary(max_size=40))
@example(b"\x83;\x00\x00\x00\x00")  # the year 10000
def test_damaged_values_are_an_error_or_another_text_never_a_crash(values: bytes) -> None:
    shape, _ = split('{"a":1,"b":2.5,"c":null}')
    try:
        assert isinstance(join(shape, values), str)
    except ValueError as exc:
        assert "values" in str(exc)  # noqa: PT017 - told, where it is told
