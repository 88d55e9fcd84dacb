"""How records leave the file: accepted, refused, or counted as gone from memory; each call inside one transaction.

With `edge.spool` and the other ``edge.spool_*`` one adapter in several rooms; nothing else imports it.
"""

# ruff: noqa: S608 - statements are put together from constants; every value is a parameter
from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from contract.messages import parse_time
from contract.names import GRID_INTERVAL_S
from edge.spool_rows import BURY, STORED, DeadLetter, Stored, read, stored
from edge.spool_sql import checksum

# The longest interval: what was sent in this time before the last one is still shown, whole.
SHOWN_S: Final = 900
SENT_S: Final = 1200  # and forgotten by then, many at once: each time wears the card
SENT_ROWS: Final = 500
_OF_KEY: Final = "source = (SELECT id FROM sources WHERE text = ?) AND number = ?"


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
    end = last_end(payload for _, payload in done if payload is not None)
    buried = sum(bury(db, key, reason, at=at) for key, reason in rejected.items())
    db.execute(
        "UPDATE totals SET accepted = accepted + ?, rejected = rejected + ?,"
        " acknowledged = coalesce(?, acknowledged)",
        (len(done), buried, end),
    )
    _forget(db)


def bury(db: sqlite3.Connection, key: str, reason: str, *, at: float) -> int:
    """Move a pending record to the dead letters; returns how many that were."""
    found = named(db, [key])
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


def last_end(payloads: Iterable[str]) -> int | None:
    """Unix seconds at which the latest interval of these records ends; None where none of them has one."""
    return max(
        (
            int(parse_time(record["start"]).timestamp()) + int(record.get("interval_s", GRID_INTERVAL_S))
            for record in map(json.loads, payloads)
            if "start" in record
        ),
        default=None,
    )


def settle_up(
    db: sqlite3.Connection,
    refused: Sequence[DeadLetter],
    accepted: int,
    dropped: int,
    acknowledged: int | None = None,
) -> None:
    """Count what left from memory while the disk refused, and bury what the server refused of it.

    ``acknowledged``: as in `Totals`, None where nothing was confirmed meanwhile.
    """
    for dead in refused:
        db.execute(BURY, (dead.key, dead.reason, dead.at, checksum(dead.key, dead.payload), dead.payload))
    db.execute(
        "UPDATE totals SET closed = closed + ?, accepted = accepted + ?, rejected = rejected + ?, dropped = dropped + ?,"
        " acknowledged = coalesce(?, acknowledged)",
        (len(refused) + accepted + dropped, accepted, len(refused), dropped, acknowledged),
    )


def named(db: sqlite3.Connection, keys: Collection[str]) -> list[Stored]:
    """The pending records with these keys."""
    query, found = f"{STORED} WHERE s.text = ? AND r.number = ? AND r.sent = 0", list[Stored]()
    for key in keys:
        prefix, _, serial = key.rpartition("/")
        found += stored(db.execute(query, (prefix, serial)))
    return found
