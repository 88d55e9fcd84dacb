"""Beside the queue in its file: which number a run gives next, and texts that are kept by name.

With `edge.spool` one adapter in several rooms; nothing else imports it.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Mapping
from contextlib import closing
from typing import Final

from edge.spool_sql import checksum

_KEEP: Final = "INSERT OR REPLACE INTO kept (name, crc, payload) VALUES (?, ?, ?)"


def next_seq(db: sqlite3.Connection, run: str) -> int:
    """The first number that a run did not use yet."""
    last, following = db.execute("SELECT run, next_seq FROM totals").fetchone()
    if last == run:
        return int(following)
    row = db.execute("SELECT next_seq FROM runs WHERE run = ?", (run,)).fetchone()
    return int(row[0]) if row else 0


def begin_run(db: sqlite3.Connection, run: str) -> None:
    """Make a run the one whose numbers `totals` holds; those of the last hundred others stay known."""
    last, following = db.execute("SELECT run, next_seq FROM totals").fetchone()
    if last == run:
        return
    if last is not None:
        db.execute("INSERT OR REPLACE INTO runs (run, next_seq) VALUES (?, ?)", (last, following))
    db.execute("UPDATE totals SET run = ?, next_seq = ?", (run, next_seq(db, run)))
    db.execute("DELETE FROM runs WHERE id <= (SELECT max(id) FROM runs) - 100")


def keep(db: sqlite3.Connection, values: Mapping[str, str | None]) -> None:
    """Replace what is kept under each name; None forgets it."""
    for name, payload in values.items():
        if payload is None:
            db.execute("DELETE FROM kept WHERE name = ?", (name,))
        else:
            db.execute(_KEEP, (name, checksum(name, payload), zlib.compress(payload.encode())))


def kept(db: sqlite3.Connection) -> dict[str, str]:
    """What is kept, by name; a row that its checksum does not match is left out."""
    found: dict[str, str] = {}
    with closing(db.execute("SELECT name, crc, payload FROM kept ORDER BY name")) as rows:
        for name, crc, payload in rows:
            try:
                text = payload if isinstance(payload, str) else zlib.decompress(payload).decode()
            except (zlib.error, UnicodeError):
                continue
            if checksum(name, text) == crc:
                found[name] = text
    return found
