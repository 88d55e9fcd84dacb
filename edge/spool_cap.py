"""What the spool does at its cap, inside the transaction that would pass it: merge before it drops.

Rules:
1. In this order go: health of the past, what the server refused; then the oldest counts merge, to a quarter of an hour,
   then to an hour (`edge.spool_merge`); only then the oldest counts go, and configurations last.
2. A record that the server may know is never merged: its acknowledgement may have been lost, and its sums are counted.
3. A merged record takes the place and the number of its first part. Every record that vanished so is counted.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import itertools
import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from typing import Final

from contract.batch import Record, canonical, parse_record
from edge.spool_merge import LENGTHS_S, kin, merged, slot
from edge.spool_rows import STORED, Stored, insert, stored
from edge.spool_schema import LETTER_BYTES, ROW_BYTES

CHUNK: Final = (
    1000  # records looked at in one go: seven quarters of an hour of eight zones and a health record
)
_RECORDS: Final = "FROM records WHERE sent = 0 AND {} ORDER BY id"
_FIRST: Final = (
    ("records", "rank = 2 AND rank <> 1"),
    ("dead_letters", ""),
)
_LAST: Final = (("records", "+rank IN (1, 3)"), ("records", "rank = 0 AND rank <> 1"))


def shed(db: sqlite3.Connection, max_bytes: int) -> tuple[int, int]:
    """Bring the file down to its cap; returns how many pending records were dropped, and how many merged away."""
    excess = _excess(db, max_bytes)
    if excess <= 0:
        return 0, 0
    dropped = _drop(db, _FIRST, excess)
    gone = 0
    while _excess(db, max_bytes) > 0 and (here := _merge_some(db)) is not None:
        gone += here
    dropped += _drop(db, _LAST, _excess(db, max_bytes))
    db.execute("UPDATE totals SET dropped = dropped + ?, merged = merged + ?", (dropped, gone))
    return dropped, gone


def _excess(db: sqlite3.Connection, max_bytes: int) -> int:
    return int(db.execute("SELECT bytes FROM totals").fetchone()[0]) - max_bytes


def _drop(db: sqlite3.Connection, order: Sequence[tuple[str, str]], excess: int) -> int:
    """Delete the oldest until ``excess`` bytes are free; returns how many pending records went."""
    dropped = 0
    for table, which in order:
        choose = f"SELECT id, length(body) {_RECORDS.format(which)}"
        weight = ROW_BYTES
        if table == "dead_letters":
            choose, weight = "SELECT id, length(payload) FROM dead_letters ORDER BY id", LETTER_BYTES
        doomed: list[tuple[int]] = []
        with closing(db.execute(choose)) as rows:
            while excess > 0 and (row := rows.fetchone()) is not None:
                doomed.append((row[0],))
                excess -= row[1] + weight
        db.executemany(f"DELETE FROM {table} WHERE id = ?", doomed)
        dropped += len(doomed) if table == "records" else 0
    return dropped


def _merge_some(db: sqlite3.Connection) -> int | None:
    """Merge the next chunk of the oldest records; how many vanished, or None when nothing is left to look at."""
    # What is not ripe merges too before anything is dropped: two records of one slot add up as well.
    for eager, length_s in itertools.product((False, True), LENGTHS_S):
        done = f"merged_{length_s}"
        (since,) = db.execute(f"SELECT max(offered, {done}) FROM totals").fetchone()
        query = f"{STORED} WHERE r.id > ? AND r.sent = 0 AND +r.rank = 1 ORDER BY r.id LIMIT ?"
        with closing(db.execute(query, (since, CHUNK))) as rows:
            found = [(row, parse_record(json.loads(row.payload))) for row in stored(rows)]
        ripe = found if eager else _ripe(found, length_s)
        if ripe:
            db.execute(f"UPDATE totals SET {done} = ?", (ripe[-1][0].id,))
            return _merge(db, ripe, length_s)
    return None


def _ripe(found: list[tuple[Stored, Record]], length_s: int) -> list[tuple[Stored, Record]]:
    """Those before the last slot: of that one more may follow. Of a whole chunk in one slot, all."""
    slots = [slot(record, length_s) for _, record in found]
    last = next((number for number in reversed(slots) if number is not None), None)
    first = next((at for at, number in enumerate(slots) if number == last and number is not None), 0)
    return found if len(found) == CHUNK and first == 0 else found[:first]


def _merge(db: sqlite3.Connection, found: list[tuple[Stored, Record]], length_s: int) -> int:
    groups: defaultdict[tuple[object, ...], list[tuple[Stored, Record]]] = defaultdict(list)
    for row, record in found:
        which, where = kin(record), slot(record, length_s)
        if which is not None and where is not None:
            groups[*which, where].append((row, record))
    gone = 0
    for parts in groups.values():
        one = merged([record for _, record in parts], length_s) if len(parts) > 1 else None
        if one is None:
            continue
        db.executemany("DELETE FROM records WHERE id = ?", [(row.id,) for row, _ in parts])
        first = parts[0][0]
        insert(db, first.id, one.key, first.rank, first.at, canonical(one), one.type)
        gone += len(parts) - 1
    return gone
