"""Looks into a box's spool without owning it: what was sent last, what waits, what was refused; while the box runs or not.

With `edge.spool` and the other ``edge.spool_*`` one adapter in several rooms. Opens the file read-only, takes no lock that
could stop the box, mends nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from edge.errors import SpoolError
from edge.spool_rows import DeadLetter, Totals, read, totals
from edge.spool_schema import FORMAT
from edge.spool_sql import cause, checksum

_WAIT_S: Final = 5.0
_ROWS: Final = (
    "SELECT s.text || '/' || r.number, r.at, r.crc, t.text, r.body, r.sent FROM records r"
    " LEFT JOIN sources s ON s.id = r.source LEFT JOIN shapes t ON t.id = r.shape"
)


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
        seconds: length of the time looked at; up to `spool_settle.SHOWN_S` it is whole.

    Raises:
        SpoolError: when there is a file that cannot be read, or of another version.
    """
    with _looking(path) as db:
        if db is None:
            return []
        (end,) = db.execute("SELECT max(at) FROM records").fetchone()
        if end is None:
            return []
        # Half open, so that a minute holds one record of what is made once a minute.
        return sorted(_seen(db, f"{_ROWS} WHERE r.at > ? ORDER BY r.id", (end - seconds,)), key=_order)


def waiting(path: Path) -> list[Seen]:
    """Every record that no server has accepted, in the order of their append. Raises as `newest`."""
    with _looking(path) as db:
        return [] if db is None else list(_seen(db, f"{_ROWS} WHERE r.sent = 0 ORDER BY r.id", ()))


def figures(path: Path) -> tuple[Totals, datetime | None] | None:
    """The counts of a spool and since when its oldest pending record waits; None without one. Raises as `newest`."""
    with _looking(path) as db:
        if db is None:
            return None
        oldest = db.execute("SELECT at FROM records WHERE sent = 0 ORDER BY id LIMIT 1").fetchone()
        return totals(db), None if oldest is None else datetime.fromtimestamp(oldest[0], UTC)


def letters(path: Path) -> list[DeadLetter]:
    """Every record that the server refused, oldest first. Raises as `newest`."""
    with _looking(path) as db:
        sql = "SELECT key, reason, at, payload FROM dead_letters ORDER BY id"
        return [] if db is None else [DeadLetter(*row) for row in db.execute(sql)]


@contextmanager
def _looking(path: Path) -> Iterator[sqlite3.Connection | None]:
    """The file at one moment; None where nothing is stored."""
    if not path.exists():
        yield None
        return
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_WAIT_S, isolation_level=None)) as db:
            db.execute("BEGIN")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version not in {0, FORMAT}:
                raise SpoolError(
                    f"{path}: of format {version}, and this Parvis reads {FORMAT}: start the box once, or use the"
                    " version that it runs"
                )
            yield db if version else None
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
    except sqlite3.Error as exc:
        raise SpoolError(f"{path}: the spool cannot be read: {cause(exc)}") from exc


def _order(seen: Seen) -> tuple[datetime, int]:
    """By time; what was appended together by its serial number."""
    return seen.at, int(seen.key.rpartition("/")[2])


def _seen(db: sqlite3.Connection, query: str, values: tuple[float, ...]) -> Iterator[Seen]:
    for key, at, crc, shape, body, sent in db.execute(query, values):
        payload = read(shape, body)
        if key is not None and payload is not None and checksum(key, payload) == crc:
            yield Seen(key, payload, datetime.fromtimestamp(at, UTC), bool(sent))
