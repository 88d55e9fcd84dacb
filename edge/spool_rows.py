"""The rows under the spool: the schema, and the statements that change it, each inside one transaction.

With `edge.spool`, `edge.spool_repair` and `edge.spool_view` one adapter in four rooms; nothing else imports it.

Rules:
1. Each change of the schema is one more entry of `_MIGRATIONS`; entries that were released never change.
2. What counts rows (`totals`) changes in the transaction that changes the rows.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from contract.batch import Record
from contract.messages import canonical, parse_time
from contract.names import GRID_INTERVAL_S
from edge.errors import SpoolError

ROW_BYTES: Final = 170  # of key, index and bookkeeping per row: (file - payloads) / rows, measured
_RANK: Final = {"parvis.config.v1": 0, "parvis.health.v1": 2}  # all others 1

_BUSY, _LOCKED, _READONLY, _IOERR, _FULL, _CANTOPEN = 5, 6, 8, 10, 13, 14  # primary result codes of SQLite
_CAUSES: Final = {
    _BUSY: "another program holds the file locked; close it",
    _LOCKED: "another program holds the file locked; close it",
    _READONLY: "the disk is read-only, as after a fault of the card; check it and mount it writable",
    _IOERR: "the disk reports an I/O error; check the card and its contacts, and replace it if this returns",
    _FULL: "the disk is full; free space on it",
    _CANTOPEN: "the file cannot be opened; check that its folder exists, is writable and has space left",
}
_CORRUPT, _NOTADB = 11, 26


_MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """CREATE TABLE records (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,
           rank INTEGER NOT NULL, at REAL NOT NULL, crc INTEGER NOT NULL, payload TEXT NOT NULL)""",
        "CREATE INDEX records_rank ON records (rank, id)",
        """CREATE TABLE dead_letters (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL,
           reason TEXT NOT NULL, at REAL NOT NULL, crc INTEGER NOT NULL, payload TEXT NOT NULL)""",
        "CREATE TABLE runs (id INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE, next_seq INTEGER NOT NULL)",
        # One row; counts that need no scan, changed in the transaction that changes what they count.
        """CREATE TABLE totals (pending INTEGER, dead INTEGER, bytes INTEGER, closed INTEGER, accepted INTEGER,
           rejected INTEGER, dropped INTEGER, acknowledged INTEGER)""",
        "INSERT INTO totals VALUES (0, 0, 0, 0, 0, 0, 0, NULL)",
        """CREATE TRIGGER record_in AFTER INSERT ON records BEGIN
           UPDATE totals SET pending = pending + 1, bytes = bytes + length(new.payload) + 170; END""",
        """CREATE TRIGGER record_out AFTER DELETE ON records BEGIN
           UPDATE totals SET pending = pending - 1, bytes = bytes - length(old.payload) - 170; END""",
        """CREATE TRIGGER dead_in AFTER INSERT ON dead_letters BEGIN
           UPDATE totals SET dead = dead + 1, bytes = bytes + length(new.payload) + 170; END""",
        """CREATE TRIGGER dead_out AFTER DELETE ON dead_letters BEGIN
           UPDATE totals SET dead = dead - 1, bytes = bytes - length(old.payload) - 170; END""",
    ),
    # Sums that are not records yet, changed in the transaction that stores the records that come of them.
    ("CREATE TABLE kept (name TEXT PRIMARY KEY, crc INTEGER NOT NULL, payload TEXT NOT NULL)",),
    # A copy of what the server took last, for who asks what this box sends; no record is pending here.
    (
        """CREATE TABLE IF NOT EXISTS sent (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,
           at REAL NOT NULL, crc INTEGER NOT NULL, payload TEXT NOT NULL)""",
    ),
)
SENT_S: Final = 900  # the longest interval: what is shown of it is whole
SENT_ROWS: Final = 500
INSERT: Final = "INSERT OR IGNORE INTO records (key, rank, at, crc, payload) VALUES (?, ?, ?, ?, ?)"
KEEP: Final = "INSERT OR REPLACE INTO kept (name, crc, payload) VALUES (?, ?, ?)"
REMEMBER: Final = "INSERT OR REPLACE INTO sent (key, at, crc, payload) VALUES (?, ?, ?, ?)"
BURY: Final = "INSERT INTO dead_letters (key, reason, at, crc, payload) VALUES (?, ?, ?, ?, ?)"
# What goes first at the cap: health of the past, what the server refused, the oldest counts, configurations.
_SHED: Final = (
    (
        "SELECT id, length(payload) FROM records WHERE rank = 2 ORDER BY id",
        "DELETE FROM records WHERE id = ?",
    ),
    ("SELECT id, length(payload) FROM dead_letters ORDER BY id", "DELETE FROM dead_letters WHERE id = ?"),
    (
        "SELECT id, length(payload) FROM records WHERE rank = 1 ORDER BY id",
        "DELETE FROM records WHERE id = ?",
    ),
    (
        "SELECT id, length(payload) FROM records WHERE rank = 0 ORDER BY id",
        "DELETE FROM records WHERE id = ?",
    ),
)


SentRow = tuple[str, float, int, str]  # key, Unix seconds of its append, checksum, canonical JSON


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
class SpoolStats:
    """The state of the queue. ``oldest_at``: Unix seconds at which the oldest pending record was appended;
    ``last_acknowledged``: end of the latest interval in the last batch accepted; ``held``: bodies in memory;
    ``degraded``: the disk refuses writes; ``bytes``: what counts against the cap.
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
    held: int
    degraded: bool


def migrate(db: sqlite3.Connection, path: Path) -> bool:
    """Bring the schema up to date, a transaction a step; returns whether anything changed.

    Raises:
        SpoolError: when the file is of a newer version.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(_MIGRATIONS):
        raise SpoolError(
            f"{path}: written by a newer Parvis (format {version}, this one knows {len(_MIGRATIONS)});"
            " install that version again, or move the file away"
        )
    for number, statements in enumerate(_MIGRATIONS[version:], version + 1):
        with transaction(db):
            for statement in statements:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number}")
    return bool(version < len(_MIGRATIONS))


def store(db: sqlite3.Connection, run: str, next_seq: int, records: Sequence[tuple[Record, float]]) -> None:
    """Insert records with the times of their append (Unix seconds). A key that is pending already is buried."""
    clashes = 0
    for record, at in records:
        key, payload = record.key, canonical(record)
        crc = checksum(key, payload)
        if not db.execute(INSERT, (key, _RANK.get(record.type, 1), at, crc, payload)).rowcount:
            clashes += 1
            db.execute(BURY, (key, "conflict: this key is already pending", at, crc, payload))
    db.execute(
        "INSERT INTO runs (run, next_seq) VALUES (?, ?)"
        " ON CONFLICT (run) DO UPDATE SET next_seq = excluded.next_seq",
        (run, next_seq),
    )
    db.execute("UPDATE totals SET closed = closed + ?, rejected = rejected + ?", (len(records), clashes))


def keep(db: sqlite3.Connection, values: Mapping[str, str | None]) -> None:
    """Replace what is kept under each name; None forgets it."""
    for name, payload in values.items():
        if payload is None:
            db.execute("DELETE FROM kept WHERE name = ?", (name,))
        else:
            db.execute(KEEP, (name, checksum(name, payload), payload))


def kept(db: sqlite3.Connection) -> dict[str, str]:
    """What is kept, by name; a row that its checksum does not match is left out."""
    rows = db.execute("SELECT name, crc, payload FROM kept ORDER BY name").fetchall()
    return {name: payload for name, crc, payload in rows if checksum(name, payload) == crc}


def settle(
    db: sqlite3.Connection, accepted: Collection[str], rejected: Mapping[str, str], *, at: float
) -> list[SentRow]:
    """Delete what the server has, bury what it refuses (key to reason); returns the rows deleted, for `remember`."""
    sent: list[SentRow] = []
    for key in accepted:
        sent += db.execute(
            "DELETE FROM records WHERE key = ? RETURNING key, at, crc, payload", (key,)
        ).fetchall()
    ends = [_interval_end(payload) for _, _, _, payload in sent]
    buried = 0
    for key, reason in rejected.items():
        gone = db.execute("DELETE FROM records WHERE key = ? RETURNING crc, payload", (key,)).fetchall()
        db.executemany(BURY, [(key, reason, at, crc, payload) for crc, payload in gone])
        buried += len(gone)
    latest = max((end for end in ends if end is not None), default=None)
    db.execute(
        "UPDATE totals SET accepted = accepted + ?, rejected = rejected + ?,"
        " acknowledged = coalesce(?, acknowledged)",
        (len(ends), buried, latest),
    )
    return sent


def remember(db: sqlite3.Connection, sent: Sequence[SentRow]) -> None:
    """Keep a copy of what was sent last: `SENT_S` seconds of appends, `SENT_ROWS` records at most."""
    db.executemany(REMEMBER, sorted(sent, key=lambda row: row[1])[-SENT_ROWS:])
    # Counted from the newest row: a clock that was set must neither keep old copies nor drop fresh ones.
    db.execute(
        "DELETE FROM sent WHERE id <= (SELECT max(id) FROM sent) - ?"
        " OR abs(at - (SELECT at FROM sent ORDER BY id DESC LIMIT 1)) > ?",
        (SENT_ROWS, SENT_S),
    )


def shed(db: sqlite3.Connection, max_bytes: int, *, spilled: int) -> int:
    """Delete down to the cap in the order of `_SHED`; returns how many pending records went.

    ``spilled`` records never reached the file; they are counted as closed and dropped here.
    """
    excess = db.execute("SELECT bytes FROM totals").fetchone()[0] - max_bytes
    dropped = 0
    for choose, delete in _SHED:
        doomed: list[tuple[int]] = []
        with closing(db.execute(choose)) as rows:
            while excess > 0 and (row := rows.fetchone()) is not None:
                doomed.append((row[0],))
                excess -= row[1] + ROW_BYTES
        db.executemany(delete, doomed)
        dropped += len(doomed) if "FROM records" in delete else 0
    db.execute("UPDATE totals SET closed = closed + ?, dropped = dropped + ?", (spilled, spilled + dropped))
    return dropped


def _interval_end(payload: str) -> int | None:
    """Unix seconds at which the interval of a stored record ends; None for records of no interval."""
    record = json.loads(payload)
    if "start" not in record:
        return None
    return int(parse_time(record["start"]).timestamp()) + int(record.get("interval_s", GRID_INTERVAL_S))


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; the commit returns after the sync."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite has often rolled back by itself
            db.execute("ROLLBACK")
        raise


def checksum(key: str, payload: str) -> int:
    """CRC-32 of a row: SQLite itself has none, and a flipped digit is still a number."""
    return zlib.crc32(f"{key}\n{payload}".encode())


def damage(what: str) -> sqlite3.DatabaseError:
    """The error that SQLite would raise had it seen this damage itself."""
    exc = sqlite3.DatabaseError(what)
    exc.sqlite_errorcode = _CORRUPT
    return exc


def is_damage(exc: sqlite3.Error) -> bool:
    """Whether the file is damaged."""
    return _code(exc) in {_CORRUPT, _NOTADB}


def is_passing(exc: sqlite3.Error) -> bool:
    """Whether the disk refused something that it may take later."""
    return _code(exc) in _CAUSES


def cause(exc: sqlite3.Error | OSError) -> str:
    """What happened and how to mend it, for people."""
    if isinstance(exc, OSError):
        return f"{exc.strerror or exc}; check the folder's permissions and its disk"
    return _CAUSES.get(_code(exc), f"SQLite says: {exc}")


def _code(exc: sqlite3.Error) -> int:
    return getattr(exc, "sqlite_errorcode", 0) & 0xFF
