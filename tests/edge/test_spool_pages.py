"""Pages of SQLite read without SQLite say what SQLite says."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.spool_pages import rows, with_schema
from edge.spool_schema import PAGE_BYTES

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False).filter(lambda number: number != int(number) if abs(number) < 1e15 else True),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40),
    st.binary(max_size=6000),
)


def database() -> closing[sqlite3.Connection]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    db.execute("PRAGMA secure_delete = OFF")
    db.execute("CREATE TABLE three (id INTEGER PRIMARY KEY, a, b)")
    db.execute("CREATE TABLE two (id INTEGER PRIMARY KEY, a)")
    return closing(db)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), max_size=25))
def test_every_row_reads_as_sqlite_reads_it(pairs: list[tuple[object, object]]) -> None:
    with database() as db:
        db.executemany("INSERT INTO three (a, b) VALUES (?, ?)", pairs)
        db.executemany("INSERT INTO two (a) VALUES (?)", [(a,) for a, _ in pairs])
        found = sorted(rows(db.serialize(), 3), key=lambda row: row[0])
        assert [(number, a, b) for number, _, a, b in found] == db.execute("SELECT * FROM three").fetchall()
        assert len(list(rows(db.serialize(), 2))) == len(pairs)


def test_rows_that_were_deleted_stay_so() -> None:
    with database() as db:
        db.executemany(
            "INSERT INTO three (a, b) VALUES (?, ?)", [(number, "x" * 50) for number in range(900)]
        )
        db.execute("DELETE FROM three WHERE id > 5")
        image = db.serialize()
    assert b"x" * 50 in image[10 * PAGE_BYTES :], "they still lie there"
    assert [row[0] for row in rows(image, 3)] == [1, 2, 3, 4, 5]
    lost = bytes(PAGE_BYTES) + image[PAGE_BYTES:]
    with database() as db:
        assert list(rows(with_schema(lost, db.serialize()), 3)) == [], (
            "with the first page went which are free"
        )


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=60, max_size=300), st.integers(0, 30 * PAGE_BYTES))
def test_noise_on_a_page_costs_rows_and_nothing_else(noise: bytes, at: int) -> None:
    with database() as db:
        db.executemany(
            "INSERT INTO three (a, b) VALUES (?, ?)", [(number, "y" * 90) for number in range(200)]
        )
        image = bytearray(db.serialize())
    at = min(at, len(image) - len(noise))
    image[at : at + len(noise)] = noise
    assert len(list(rows(bytes(image), 3))) <= 200 + len(noise)


def test_a_row_cut_short_is_none() -> None:
    with database() as db:
        db.execute("INSERT INTO three (a, b) VALUES (1, ?)", (b"z" * 5000,))
        image = db.serialize()
    assert len(list(rows(image, 3))) == 1
    assert list(rows(image[: -2 * PAGE_BYTES], 3)) == []
    with pytest.raises(StopIteration):
        next(rows(bytes(3 * PAGE_BYTES), 3))
