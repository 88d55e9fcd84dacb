"""The rows under the spool: the statements that store, read, settle and keep, each inside one transaction.

With `edge.spool` and the other ``edge.spool_*`` one adapter in several rooms; nothing else imports it.
"""

# ruff: noqa: S608 - statements are put together from constants; every value is a parameter
from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from contract.batch import Record
from contract.messages import canonical, parse_time
from contract.names import GRID_INTERVAL_S
from edge.spool_pack import join
from edge.spool_schema import name_id, packed
from edge.spool_sql import checksum, damage

_RANK: Final = {
    "parvis.config.v1": 0,
    "parvis.health.v1": 2,
}  # all others 1; 3: sent again from the dead letters
AGAIN: Final = 3
SHOWN_S: Final = (
    900  # the longest interval: what was sent in this time before the last one is still shown, whole
)
SENT_S: Final = 1200  # and forgotten by then, many at once: each time wears the card
SENT_ROWS: Final = 500
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
_OF_KEY: Final = "source = (SELECT id FROM sources WHERE text = ?) AND number = ?"
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
    prefix, _, serial = key.rpartition("/")
    source = name_id(db, "sources", prefix)
    shape, body = packed(kind, payload)
    row = (
        number,
        source,
        int(serial),
        rank,
        at,
        checksum(key, payload),
        None if shape is None else name_id(db, "shapes", shape),
        body,
    )
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


def settle_up(db: sqlite3.Connection, refused: Sequence[DeadLetter], accepted: int, dropped: int) -> None:
    """Count what left from memory while the disk refused, and bury what the server refused of it."""
    for dead in refused:
        db.execute(BURY, (dead.key, dead.reason, dead.at, checksum(dead.key, dead.payload), dead.payload))
    db.execute(
        "UPDATE totals SET closed = closed + ?, accepted = accepted + ?, rejected = rejected + ?, dropped = dropped + ?",
        (len(refused) + accepted + dropped, accepted, len(refused), dropped),
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


def highest(db: sqlite3.Connection, keys: Collection[str]) -> int:
    """The highest id of pending records with one of these keys; 0 for none."""
    found = [0]
    for key in keys:
        prefix, _, serial = key.rpartition("/")
        rows = db.execute(f"SELECT id FROM records WHERE {_OF_KEY}", (prefix, serial))
        found += [number for (number,) in rows.fetchall()]
    return max(found)


def settle(
    db: sqlite3.Connection, accepted: Collection[str], rejected: Mapping[str, str], *, at: float
) -> None:
    """Set aside what the server has, bury what it refuses (key to reason)."""
    done: list[tuple[int, str | None]] = []
    for key in accepted:
        prefix, _, serial = key.rpartition("/")
        sql = f"UPDATE records SET sent = 1 WHERE {_OF_KEY} AND sent = 0 RETURNING id, body, shape"
        for number, body, shape in db.execute(sql, (prefix, serial)).fetchall():
            text = db.execute("SELECT text FROM shapes WHERE id = ?", (shape,)).fetchone()
            done.append((number, read(text[0] if text else None, body)))
    ends = [end for _, payload in done if payload is not None and (end := _interval_end(payload)) is not None]
    buried = sum(bury(db, key, reason, at=at) for key, reason in rejected.items())
    db.execute(
        "UPDATE totals SET accepted = accepted + ?, rejected = rejected + ?,"
        " acknowledged = coalesce(?, acknowledged)",
        (len(done), buried, max(ends, default=None)),
    )
    _forget(db)


def bury(db: sqlite3.Connection, key: str, reason: str, *, at: float) -> int:
    """Move a pending record to the dead letters; returns how many that were."""
    prefix, _, serial = key.rpartition("/")
    found = list(
        stored(db.execute(f"{STORED} WHERE s.text = ? AND r.number = ? AND r.sent = 0", (prefix, serial)))
    )
    for row in found:
        db.execute(BURY, (key, reason, at, checksum(key, row.payload), row.payload))
        db.execute("DELETE FROM records WHERE id = ?", (row.id,))
    return len(found)


def _forget(db: sqlite3.Connection) -> None:
    """Delete what was sent longer ago than `SHOWN_S` once some is older than `SENT_S`, or more than `SENT_ROWS`."""
    sent = "FROM records WHERE sent = 1 ORDER BY id"
    row = db.execute(
        f"SELECT (SELECT at {sent} LIMIT 1), (SELECT at {sent} DESC LIMIT 1), (SELECT id {sent} DESC LIMIT 1 OFFSET ?)",
        (SENT_ROWS,),
    ).fetchone()
    oldest, newest, surplus = row
    # Counted from the newest row: a clock that was set must neither keep old ones nor drop fresh ones.
    if surplus is not None or (oldest is not None and abs(newest - oldest) > SENT_S):
        db.execute(
            "DELETE FROM records WHERE sent = 1 AND (id <= ? OR abs(at - ?) > ?)",
            (surplus or 0, newest, SHOWN_S),
        )


def _interval_end(payload: str) -> int | None:
    """Unix seconds at which the interval of a stored record ends; None for records of no interval."""
    record = json.loads(payload)
    if "start" not in record:
        return None
    return int(parse_time(record["start"]).timestamp()) + int(record.get("interval_s", GRID_INTERVAL_S))
