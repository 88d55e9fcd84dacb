"""Rows touched are counted exactly, and no page touches more than it may after years."""

from __future__ import annotations

import sqlite3

import pytest

from bench.addresses import ADDRESSES
from bench.large_base import Size, build
from bench.server_pages import END, ROWS, rows_of
from bench.touched import Watch, hide

# What a page reads of one place does not grow with the number of places; what it reads of all of them grows in
# proportion. A year and a week of minutes are as long as any page looks back.
SMALL = Size(zones=8, years=1.2, minute_days=2, grid_days=40, health_days=1)
FULL_ZONES = 200


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    path = build(tmp_path_factory.mktemp("base") / "pages.sqlite3", SMALL, END)
    return rows_of(path, END)


@pytest.fixture
def db():
    conn = sqlite3.connect(":memory:")
    conn.executescript(
        "CREATE TABLE a (x, y, z); CREATE INDEX a_by_x ON a (x, y);"
        "CREATE TABLE b (k TEXT, n INTEGER, v, PRIMARY KEY (k, n)) WITHOUT ROWID;"
    )
    conn.executemany("INSERT INTO a VALUES (?, ?, ?)", [(i % 10, i, "z") for i in range(200)])
    conn.executemany("INSERT INTO b VALUES (?, ?, ?)", [(str(i % 4), i, i) for i in range(100)])
    watch = Watch()
    hide(conn, watch)
    yield conn, watch
    conn.close()


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT count(*) FROM a", 200),
        ("SELECT * FROM a WHERE x = 3", 20),
        ("SELECT * FROM a WHERE x = 3 AND z = 'nothing'", 20),
        ("SELECT * FROM a WHERE x = 3 AND y >= 100", 10),
        ("SELECT y FROM a WHERE x = 3 AND y % 3 = 0", 20),
        ("SELECT max(y) FROM a WHERE x = 3", 1),
        ("SELECT * FROM a WHERE z = 'z' ORDER BY x LIMIT 5", 5),
        ("SELECT * FROM b WHERE k = '2'", 25),
        ("SELECT * FROM b WHERE k = '2' AND v > 90", 25),
        ("SELECT * FROM b WHERE v = 1", 100),
        ("SELECT * FROM a JOIN b ON b.k = '1' AND b.n = a.y WHERE a.x = 1", 20 + 5),
        ("SELECT * FROM a LEFT JOIN b ON b.k = '1' AND b.n = a.y WHERE a.x = 1", 20 + 5),
        ("SELECT (SELECT count(*) FROM b WHERE k = '0') FROM a WHERE x = 5", 20 + 25),
        ("SELECT x, sum(y) FROM a WHERE x = 1 GROUP BY x", 20),
    ],
)
def test_every_row_that_is_read_is_counted_once(db, sql, rows):
    conn, watch = db
    plan = conn.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
    assert not any("MATERIALIZE" in row[-1] or "CO-ROUTINE" in row[-1] for row in plan), (
        "the view was not merged"
    )
    watch.clear()
    conn.execute(sql).fetchall()
    assert watch.rows == rows
    assert watch.statements == [sql]


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address.name)
def test_no_page_touches_more_rows_than_it_may(counted, address):
    status, rows, statements = counted[address.name]
    assert status == (404 if address.name == "not-found" else 200)
    assert rows <= ROWS, "\n".join(statements)


def test_what_a_page_reads_of_all_places_stays_bounded_with_two_hundred_zones(counted):
    assert counted["overview"][1] * FULL_ZONES / SMALL.zones <= ROWS
