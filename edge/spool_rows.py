"""The rows under the spool: the statements that store, read, settle and keep, each inside one transaction.

With `edge.spool` and the other ``edge.spool_*`` one adapter in several rooms; nothing else imports it.
"""

# ruff: noqa: S608 - statements are put together from constants; every value is a parameter
from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from contract.batch import Record
from contract.messages import canonical
from edge.spool_pack import join
from edge.spool_schema import name_id, packed
from edge.spool_sql import checksum, damage

_RANK: Final = {
    "parvis.config.v1": 0,
    "parvis.health.v1": 2,
}  # all others 1; 3: sent again from the dead letters
AGAIN: Final = 3
# Ids that are marked as offered before they are given, so that not every batch has to wait for the disk.
AHEAD: Final = 256
# Of the cap: what is stored while less waits is marked as offered at once, in the same transaction.
_LITTLE: Final = 1 / 16

STORED: Final = (
    "SELECT r.id, s.text || '/' || r.number, r.rank, r.at, r.crc, t.text, r.body FROM records r"
    " LEFT JOIN sources s ON s.id = r.source LEFT JOIN shapes t ON t.id = r.shape"
)
_INSERT: Final = "INSERT OR IGNORE INTO records (id, source, number, rank, at, crc, shape, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
BURY: Final = "INSERT INTO dead_letters (key, reason, at, crc, payload) VALUES (?, ?, ?, ?, ?)"
_TOTALS: Final = "pending, dead, bytes, closed, accepted, rejected, dropped, merged, acknowledged"


@dataclass(frozen=True, slots=True)
class Spooled:
    """One pending record: its key and its canonical JSON."""

    key: str
    payload: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record that will not be sent again: why, and since when (Unix seconds)."""

    key: str
    reason: str
    at: float
    payload: str


@dataclass(frozen=True, slots=True)
class Stored:
    """One record as the file has it; ``at``: Unix seconds of its append."""

    id: int
    key: str
    rank: int
    at: float
    payload: str


@dataclass(frozen=True, slots=True)
class Totals:
    """The counts of a file; ``acknowledged``: Unix seconds at which the latest interval of the last batch ended."""

    pending: int
    dead: int
    bytes: int
    closed: int
    accepted: int
    rejected: int
    dropped: int
    merged: int
    acknowledged: int | None


@dataclass(frozen=True, slots=True)
class SpoolStats:
    """The state of the queue. ``oldest_at``: Unix seconds at which the oldest pending record was appended;
    ``last_acknowledged``: end of the latest interval in the last batch accepted; ``held``: records in memory, among
    them none of ``pending``; ``degraded``: the disk refuses writes; ``bytes``: what counts against the cap;
    ``merged_total``: records that were added to another one at the cap.
    """

    pending: int
    dead_letters: int
    oldest_at: float | None
    last_acknowledged: datetime | None
    bytes: int
    accepted_total: int
    rejected_total: int
    closed_total: int
    dropped_total: int
    merged_total: int
    held: int
    degraded: bool


def totals(db: sqlite3.Connection) -> Totals:
    """The counts of the file."""
    return Totals(*db.execute(f"SELECT {_TOTALS} FROM totals").fetchone())


def stored(rows: Iterator[tuple[Any, ...]]) -> Iterator[Stored]:
    """The records of a query that begins with `STORED`.

    Raises:
        sqlite3.DatabaseError: at the first row that its checksum does not match.
    """
    for number, key, rank, at, crc, shape, body in rows:
        payload = read(shape, body)
        if key is None or payload is None or checksum(key, payload) != crc:
            raise damage("a stored record differs from its checksum")
        yield Stored(number, key, rank, at, payload)


def read(shape: str | None, body: bytes | str | None) -> str | None:
    """A record's JSON from what the file has of it; None when that is damaged."""
    if not isinstance(body, bytes):
        return body if shape is None else None
    try:
        return None if shape is None else join(shape, body)
    except ValueError:
        return None


def insert(
    db: sqlite3.Connection, number: int, key: str, rank: int, at: float, payload: str, kind: str
) -> bool:
    """Put one record under an id; False where its key is pending already."""
    return place(db, number, key, rank, at, checksum(key, payload), *packed(kind, payload))


def place(
    db: sqlite3.Connection,
    number: int,
    key: str,
    rank: int,
    at: float,
    crc: int,
    shape: str | None,
    body: bytes | str,
) -> bool:
    """As `insert`, for a record that is packed already."""
    prefix, _, serial = key.rpartition("/")
    source = name_id(db, "sources", prefix)
    shape_id = None if shape is None else name_id(db, "shapes", shape)
    row = (number, source, int(serial), rank, at, crc, shape_id, body)
    if db.execute(_INSERT, row).rowcount:
        return True
    # What the server has already, and is only kept to be shown, stands in nobody's way.
    db.execute("DELETE FROM records WHERE source = ? AND number = ? AND sent = 1", (source, int(serial)))
    return bool(db.execute(_INSERT, row).rowcount)


def store(
    db: sqlite3.Connection,
    following: int,
    records: Sequence[tuple[Record, float]],
    *,
    max_bytes: int,
    offered: bool = False,
) -> None:
    """Insert records with the times of their append (Unix seconds). A key that is pending already is buried.

    ``following``: the run's next number; ``offered``: the server may know these already.
    """
    clashes = 0
    (first,) = db.execute("SELECT next_id FROM totals").fetchone()
    for number, (record, at) in enumerate(records, first):
        key, payload = record.key, canonical(record)
        if not insert(db, number, key, _RANK.get(record.type, 1), at, payload, record.type):
            clashes += 1
            reason = "conflict: this key is already pending"
            db.execute(BURY, (key, reason, at, checksum(key, payload), payload))
    last = first + len(records) - 1
    db.execute(
        "UPDATE totals SET closed = closed + ?, rejected = rejected + ?, next_id = ?, next_seq = max(next_seq, ?),"
        " offered = max(offered, CASE WHEN ? OR bytes < ? THEN ? ELSE 0 END)",
        (len(records), clashes, last + 1, following, offered, max_bytes * _LITTLE, last),
    )


def pending(db: sqlite3.Connection, limit: int, *, marked_after: int | None = None) -> list[Stored]:
    """The next to be sent: configurations first, else oldest first.

    ``marked_after``: only those with a higher id that are marked as offered already, oldest first.
    """
    # The plus keeps SQLite off the index, which would sort the whole queue for each batch.
    choices = ["r.rank = 0 AND r.rank <> 1", "+r.rank > 0"]
    if marked_after is not None:
        choices = [f"r.id > {marked_after:d} AND r.id <= (SELECT offered FROM totals)"]
    found: list[Stored] = []
    for which in choices:
        query = f"{STORED} WHERE {which} AND r.sent = 0 ORDER BY r.id LIMIT ?"
        with closing(db.execute(query, (limit - len(found),))) as rows:
            found += stored(rows)
    return found


def unmarked(db: sqlite3.Connection, rows: Sequence[Stored]) -> int | None:
    """The id up to which must be marked before these rows may be sent; None when they are."""
    last = max((row.id for row in rows if row.rank), default=0)
    return last if last > int(db.execute("SELECT offered FROM totals").fetchone()[0]) else None


def mark(db: sqlite3.Connection, last: int) -> None:
    """Note that the server may know every record up to the id ``last``, and somewhat further."""
    db.execute("UPDATE totals SET offered = max(offered, ?)", (last + AHEAD,))
