"""Looks into a box's spool without owning it: what was sent last and what waits, while the box runs or after.

With `edge.spool`, `edge.spool_rows` and `edge.spool_repair` one adapter in four rooms. Opens the file read-only, takes no
lock that could stop the box, mends nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from edge.errors import SpoolError
from edge.spool_rows import cause, checksum

_WAIT_S: Final = 5.0
_WAITING: Final = "SELECT key, at, crc, payload FROM records WHERE at BETWEEN ? AND ? ORDER BY id"
_SENT: Final = "SELECT key, at, crc, payload FROM sent WHERE at BETWEEN ? AND ? ORDER BY id"


@dataclass(frozen=True, slots=True)
class Seen:
    """One record as stored: its key, its canonical JSON, when it was appended (UTC), whether the server has it."""

    key: str
    payload: str
    at: datetime
    sent: bool


def newest(path: Path, seconds: float) -> list[Seen]:
    """The records of the last ``seconds`` before the newest one, oldest first; empty where nothing is stored.

    Args:
        path: the spool's file; it need not exist.
        seconds: length of the time looked at; up to `spool_rows.SENT_S` it is whole.

    Raises:
        SpoolError: when there is a file that cannot be read.
    """
    if not path.exists():
        return []
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_WAIT_S)) as db:
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            return sorted(_rows(db, seconds, with_sent="sent" in tables), key=_order)
    except sqlite3.Error as exc:
        raise SpoolError(f"{path}: the spool cannot be read: {cause(exc)}") from exc


def _order(seen: Seen) -> tuple[datetime, int]:
    """By time; what was appended together by its serial number."""
    return seen.at, int(seen.key.rpartition("/")[2])


def _rows(db: sqlite3.Connection, seconds: float, *, with_sent: bool) -> Iterator[Seen]:
    queries = [(_WAITING, False), (_SENT, True)] if with_sent else [(_WAITING, False)]
    db.execute("BEGIN")  # one moment for both tables: a record between them would be missed
    ends = [
        row[0]
        for query, _ in queries
        for row in db.execute(f"SELECT max(at) FROM ({query})", (float("-inf"), float("inf")))  # noqa: S608 - constants
        if row[0] is not None
    ]
    if not ends:
        return
    end = max(ends)
    for query, sent in queries:
        # Half open, so that a minute holds one record of what is made once a minute.
        for key, at, crc, payload in db.execute(query, (end - seconds, end)):
            if at > end - seconds and checksum(key, payload) == crc:
                yield Seen(key, payload, datetime.fromtimestamp(at, UTC), sent)
