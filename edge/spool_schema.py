"""The tables of the spool, and how a file of an older format becomes one of this.

Rules:
1. Each change of the schema is one more entry of `_MIGRATIONS`; entries that were released never change.
2. All steps to this format are one transaction: whoever looks meanwhile, and whoever comes after a kill, finds the
   old format or the new, never one between.
3. What counts rows (`totals`) changes in the transaction that changes the rows.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Final

from edge.errors import SpoolError
from edge.spool_pack import split
from edge.spool_sql import checksum, transaction

# Small pages: a record is a hundred bytes, and each commit writes every page it touched to the card.
PAGE_BYTES: Final = 1024
ROW_BYTES: Final = 60  # of index and bookkeeping per pending record: (file - bodies) / rows, measured
LETTER_BYTES: Final = 170  # the same of a dead letter, whose text lies plain
# Records of these types share shapes; of the others nearly every one would be a shape of its own.
SHAPED: Final = (
    "parvis.zone.v1",
    "parvis.parking.v1",
    "parvis.line.v1",
    "parvis.grid.v1",
    "parvis.health.v1",
)


def packed(kind: str, payload: str) -> tuple[str | None, bytes | str]:
    """A record's canonical JSON as it is stored: its shape and values, or None and itself."""
    return split(payload) if kind in SHAPED else (None, payload)


def name_id(db: sqlite3.Connection, table: str, text: str) -> int:
    """The number of a shared text in ``shapes`` or ``sources``; a new one is added."""
    row = db.execute(f"SELECT id FROM {table} WHERE text = ?", (text,)).fetchone()  # noqa: S608 - a constant
    if row is None:
        return int(db.execute(f"INSERT INTO {table} (text) VALUES (?)", (text,)).lastrowid or 0)  # noqa: S608
    return int(row[0])


def _to_columns(db: sqlite3.Connection) -> None:
    """Format 4: what records share is stored once, and their values as a few bytes."""
    for statement in _COLUMNS:
        db.execute(statement)
    lost = 0
    rows = db.execute("SELECT id, key, rank, at, crc, payload FROM old_records ORDER BY id")
    for number, key, rank, at, crc, payload in rows.fetchall():
        if checksum(key, payload) != crc:
            lost += 1
            continue
        prefix, _, serial = key.rpartition("/")
        kind = payload.rpartition('"type":"')[2].partition('"')[0]
        shape, body = packed(kind, payload)
        db.execute(
            "INSERT INTO records (id, source, number, rank, at, crc, shape, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                name_id(db, "sources", prefix),
                int(serial),
                rank,
                at,
                crc,
                None if shape is None else name_id(db, "shapes", shape),
                body,
            ),
        )
    # Whether the server was offered any of these is not known: none of them may merge.
    db.execute(
        "UPDATE totals SET dropped = dropped + ?, offered = (SELECT coalesce(max(id), 0) FROM records),"
        " next_id = (SELECT coalesce(max(id), 0) + 1 FROM records)",
        (lost,),
    )
    for name, payload in db.execute("SELECT name, payload FROM kept").fetchall():
        db.execute("UPDATE kept SET payload = ? WHERE name = ?", (zlib.compress(payload.encode()), name))
    db.execute("DROP TABLE old_records")


_COLUMNS: Final = (
    "DROP TRIGGER record_in",
    "DROP TRIGGER record_out",
    "DROP TRIGGER dead_in",
    "DROP TRIGGER dead_out",
    "DROP INDEX records_rank",
    "DROP TABLE IF EXISTS sent",
    "ALTER TABLE records RENAME TO old_records",
    # The index of a UNIQUE text holds it a second time, on other pages: the salvage reads both.
    "CREATE TABLE sources (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    "CREATE TABLE shapes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    # key = source/number. sent: the server has it, and it stays for a while for who asks what this box sends.
    """CREATE TABLE records (id INTEGER PRIMARY KEY, source INTEGER NOT NULL, number INTEGER NOT NULL,
       rank INTEGER NOT NULL, sent INTEGER NOT NULL DEFAULT 0, at REAL NOT NULL, crc INTEGER NOT NULL,
       shape INTEGER, body BLOB NOT NULL, UNIQUE (source, number))""",
    "CREATE INDEX records_rank ON records (rank, id) WHERE rank <> 1",
    "CREATE INDEX records_sent ON records (id) WHERE sent = 1",
    "ALTER TABLE totals ADD COLUMN merged INTEGER NOT NULL DEFAULT 0",
    # Records with an id up to this may be known to the server.
    "ALTER TABLE totals ADD COLUMN offered INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE totals ADD COLUMN next_id INTEGER NOT NULL DEFAULT 1",
    # How far the merging to a quarter of an hour, and to an hour, has come.
    "ALTER TABLE totals ADD COLUMN merged_900 INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE totals ADD COLUMN merged_3600 INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE totals ADD COLUMN run TEXT",
    "ALTER TABLE totals ADD COLUMN next_seq INTEGER NOT NULL DEFAULT 0",
    "UPDATE totals SET pending = 0, bytes = (SELECT coalesce(sum(length(payload) + 170), 0) FROM dead_letters)",
    """CREATE TRIGGER record_in AFTER INSERT ON records BEGIN
       UPDATE totals SET pending = pending + 1, bytes = bytes + length(new.body) + 60; END""",
    """CREATE TRIGGER record_sent AFTER UPDATE OF sent ON records WHEN new.sent > old.sent BEGIN
       UPDATE totals SET pending = pending - 1, bytes = bytes - length(old.body) - 60; END""",
    """CREATE TRIGGER record_out AFTER DELETE ON records WHEN old.sent = 0 BEGIN
       UPDATE totals SET pending = pending - 1, bytes = bytes - length(old.body) - 60; END""",
    """CREATE TRIGGER dead_in AFTER INSERT ON dead_letters BEGIN
       UPDATE totals SET dead = dead + 1, bytes = bytes + length(new.payload) + 170; END""",
    """CREATE TRIGGER dead_out AFTER DELETE ON dead_letters BEGIN
       UPDATE totals SET dead = dead - 1, bytes = bytes - length(old.payload) - 170; END""",
)

_MIGRATIONS: Final[tuple[tuple[str | Callable[[sqlite3.Connection], None], ...], ...]] = (
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
    (_to_columns,),
)
FORMAT: Final = len(_MIGRATIONS)


def migrate(db: sqlite3.Connection, path: Path) -> bool:
    """Bring the schema up to date in one transaction; returns whether anything changed.

    Raises:
        SpoolError: when the file is of a newer version.
    """
    if _version(db, path) == FORMAT:
        return False
    with transaction(db):
        for step in chain.from_iterable(_MIGRATIONS[_version(db, path) :]):
            if isinstance(step, str):
                db.execute(step)
            else:
                step(db)
        db.execute(f"PRAGMA user_version = {FORMAT}")
    return True


def _version(db: sqlite3.Connection, path: Path) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > FORMAT:
        raise SpoolError(
            f"{path}: written by a newer Parvis (format {version}, this one knows {FORMAT});"
            " install that version again, or move the file away"
        )
    return version
