"""Ranges of numbers: exactly those that arrived, in few rows."""

from __future__ import annotations

import itertools
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store.keys import Received, joined, key_of

NUMBERS = st.lists(st.integers(0, 40), max_size=30)
RUNS = st.sampled_from(["a" * 16, "b" * 16])
BATCHES = st.lists(st.lists(st.tuples(RUNS, st.integers(0, 40)), min_size=1, max_size=12), max_size=12)


@pytest.fixture(scope="module")
def empty():
    db = sqlite3.connect(":memory:")
    db.execute(
        "CREATE TABLE received_keys (device TEXT, run TEXT, first INTEGER, last INTEGER,"
        " PRIMARY KEY (device, run, first)) WITHOUT ROWID"
    )
    yield db
    db.close()


@given(BATCHES)
def test_a_key_is_known_exactly_when_it_was_added(empty, batches):
    empty.execute("DELETE FROM received_keys")
    seen: set[tuple[str, int]] = set()
    for batch in batches:
        keys = [f"box/{run}/{number}" for run, number in batch]
        received = Received(empty, keys)
        for (run, number), key in zip(batch, keys, strict=True):
            assert (key in received) == ((run, number) in seen)
        for key in keys:
            if key not in received:
                received.add(key)
        received.store()
        seen |= set(batch)
    rows = empty.execute("SELECT run, first, last FROM received_keys ORDER BY run, first").fetchall()
    assert {(run, n) for run, first, last in rows for n in range(first, last + 1)} == seen
    for (run, _, last), (other, first, _) in itertools.pairwise(rows):
        assert run != other or first > last + 1  # ranges that touch are one


def test_a_run_without_gaps_is_one_row(empty):
    empty.execute("DELETE FROM received_keys")
    for first in (0, 20, 10):
        keys = [f"box/{'a' * 16}/{n}" for n in range(first, first + 10)]
        received = Received(empty, keys)
        for key in keys:
            received.add(key)
        received.store()
    assert empty.execute("SELECT first, last FROM received_keys").fetchall() == [(0, 29)]


@given(NUMBERS)
def test_joined_spans_hold_the_same_numbers(numbers):
    spans = joined((n, n) for n in numbers)
    assert [n for first, last in spans for n in range(first, last + 1)] == sorted(set(numbers))


def test_a_key_has_three_parts():
    assert key_of("box-a/00112233445566aa/7") == ("box-a", "00112233445566aa", 7)
