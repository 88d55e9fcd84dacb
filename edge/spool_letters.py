"""What people do about the records that the server refused: send them once more, or give them up. While the box runs, too.

With `edge.spool` and the other ``edge.spool_*`` one adapter in several rooms. Each change is one transaction of SQLite,
which keeps this process and the box apart; neither needs to stop.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from edge.errors import SpoolError
from edge.spool_rows import AGAIN, insert
from edge.spool_schema import FORMAT
from edge.spool_sql import cause, checksum, damage, transaction

_WAIT_S = 10.0
_OF_KEY = "WHERE ? IS NULL OR key = ?"


def retry(path: Path, key: str | None) -> list[str]:
    """Put dead letters back into the queue, all when ``key`` is None; returns the keys that will be sent once more.

    They never merge with others: the server has seen them.

    Raises:
        SpoolError: when there is no such letter, or the file cannot be changed.
    """
    moved: list[str] = []
    with _changing(path) as db:
        query = f"SELECT id, key, at, crc, payload FROM dead_letters {_OF_KEY} ORDER BY id"  # noqa: S608 - constants
        for number, name, at, crc, payload in db.execute(query, (key, key)).fetchall():
            if checksum(name, payload) != crc:
                raise damage("a dead letter differs from its checksum")
            (following,) = db.execute("SELECT next_id FROM totals").fetchone()
            kind = payload.rpartition('"type":"')[2].partition('"')[0]
            if not insert(db, following, name, AGAIN, at, payload, kind):
                continue  # this key waits already
            db.execute("UPDATE totals SET next_id = next_id + 1, rejected = rejected - 1")
            db.execute("DELETE FROM dead_letters WHERE id = ?", (number,))
            moved.append(name)
        _known(path, key, len(moved))
    return moved


def discard(path: Path, key: str | None) -> int:
    """Delete dead letters for good, all when ``key`` is None; returns how many. Raises as `retry`."""
    with _changing(path) as db:
        gone = db.execute(f"DELETE FROM dead_letters {_OF_KEY}", (key, key)).rowcount  # noqa: S608 - constants
        _known(path, key, gone)
    return gone


def _known(path: Path, key: str | None, found: int) -> None:
    if key is not None and not found:
        raise SpoolError(f"{path}: no dead letter has the key {key}; `parvis edge outbox` lists them")


@contextmanager
def _changing(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.exists():
        raise SpoolError(f"{path}: there is no spool here; name its folder with --state")
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version != FORMAT:
                raise SpoolError(
                    f"{path}: of format {version}, and this Parvis changes {FORMAT}: start the box once, or use the"
                    " version that it runs"
                )
            db.execute("PRAGMA synchronous = FULL")
            with transaction(db):
                yield db
    except sqlite3.Error as exc:
        raise SpoolError(f"{path}: the spool cannot be changed: {cause(exc)}") from exc
