"""What can still be read of a damaged spool, of whatever format, row by row into a fresh one.

With `edge.spool` one adapter in several rooms; nothing else imports it.

Rules:
1. A row counts as read only when its checksum, over its key and its canonical JSON, is right: a shape or a source that
   was damaged spoils no row unseen.
2. Texts that many rows share are read from their table and from its index, which lies on other pages.
3. Rows that no page leads to any more are looked for on every page that holds rows (`edge.spool_pages`).
"""

# ruff: noqa: S608 - statements are put together from constants; every value is a parameter
from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from edge import spool_pages
from edge.spool_keeping import keep, kept
from edge.spool_rows import BURY, place, read
from edge.spool_schema import packed
from edge.spool_sql import checksum

_CHUNK: Final = 500  # rows read at once
_LETTERS: Final = "SELECT key, reason, at, crc, payload FROM dead_letters WHERE id BETWEEN ? AND ?"
_OLD: Final = "SELECT id, key, rank, at, crc, payload FROM records WHERE id BETWEEN ? AND ?"
_ROWS: Final = (
    "SELECT id, source, number, rank, sent, at, crc, shape, body FROM records WHERE id BETWEEN ? AND ?"
)
_NAMES: Final = (
    "SELECT id, text FROM {0} NOT INDEXED ORDER BY id",
    "SELECT id, text FROM {0} INDEXED BY sqlite_autoindex_{0}_1 ORDER BY text",
)
_COUNTED: Final = ("closed", "accepted", "rejected", "dropped", "merged")
_PLACES: Final = ("offered", "next_id", "merged_900", "merged_3600", "next_seq")


def rescue(old: sqlite3.Connection, new: sqlite3.Connection) -> int:
    """Copy what can be read, inside the caller's transaction; returns the records lost."""
    for number, key, rank, at, crc, shape, body in _records(old):
        place(new, number, key, rank, at, crc, shape, body)
    letters = _rows(old, "dead_letters", _LETTERS)
    new.executemany(BURY, (row for row in letters if _intact(row[0], row[2], row[3], row[4])))
    with suppress(sqlite3.DatabaseError):
        runs = old.execute("SELECT run, next_seq FROM runs ORDER BY id").fetchall()
        new.executemany("INSERT OR IGNORE INTO runs (run, next_seq) VALUES (?, ?)", runs)
    with suppress(sqlite3.DatabaseError):
        keep(new, kept(old))
    return _carry_totals(old, new)


def _records(old: sqlite3.Connection) -> Iterator[tuple[int, str, int, float, int, str | None, bytes | str]]:
    """Id, key, rank, time of append, checksum, shape and values of every pending record that is whole."""
    sources, shapes = _names(old, "sources"), _names(old, "shapes")
    if not sources:
        for number, key, rank, at, crc, payload in _rows(old, "records", _OLD):
            if _intact(key, at, crc, payload):
                kind = payload.rpartition('"type":"')[2].partition('"')[0]
                yield number, key, rank, at, crc, *packed(kind, payload)
        return
    for number, source, serial, rank, sent, at, crc, shape, body in _packed_rows(old):
        if sent:
            continue
        for prefix in sources.get(source, ()):
            texts = (None,) if shape is None else shapes.get(shape, ())
            key = f"{prefix}/{serial}"
            whole = [text for text in texts if _intact(key, at, crc, read(text, body))]
            if whole:
                # As it stands: to pack it anew takes most of the time of a salvage.
                yield number, key, rank, at, crc, whole[0], body
                break


def _packed_rows(old: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Every row of the records that can be read, each once, those that no page leads to last."""
    waiting, seen = 0, defaultdict[int, int](int)  # ids as bits: there may be hundreds of thousands
    for row in _rows(old, "records", _ROWS):
        waiting += not row[4]
        seen[row[0] >> 10] |= 1 << (row[0] & 1023)
        yield row
    with suppress(sqlite3.DatabaseError):
        if old.execute("SELECT pending FROM totals").fetchone() == (waiting,):
            return
    with suppress(sqlite3.DatabaseError):
        columns = len(old.execute("SELECT * FROM records LIMIT 0").description)
        for number, _, source, serial, rank, sent, at, *rest in spool_pages.rows(old.serialize(), columns):
            if not seen[number >> 10] >> (number & 1023) & 1:
                # SQLite stores a REAL that is whole as an integer.
                yield number, source, serial, rank, sent, float(at) if isinstance(at, int) else at, *rest


def _names(old: sqlite3.Connection, table: str) -> dict[int, set[str]]:
    """The texts found under each number: mostly one, more where the table and its index differ."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    for query in _NAMES:
        with suppress(sqlite3.DatabaseError):
            # Row by row: what stands before a damaged page is kept.
            for number, text in old.execute(query.format(table)):
                if isinstance(number, int) and isinstance(text, str):
                    found[number].add(text)
    return found


def _carry_totals(old: sqlite3.Connection, new: sqlite3.Connection) -> int:
    """Carry the counts over so that they still add up; returns the records lost."""
    pending, dead, last = new.execute(
        "SELECT pending, dead, (SELECT max(id) FROM records) FROM totals"
    ).fetchone()
    counts = dict.fromkeys(_COUNTED, 0) | {"closed": pending + dead + _gaps(new), "rejected": dead}
    # Which records the server was offered is not known then: none of them may merge.
    last = last or 0
    places: dict[str, Any] = {"offered": last, "next_id": last + 1, "acknowledged": None, "run": None}
    with suppress(sqlite3.DatabaseError):
        cursor = old.execute("SELECT * FROM totals")
        row = dict(zip((name for name, *_ in cursor.description), cursor.fetchone() or (), strict=False))
        if all(type(row.get(name, 0)) is int for name in (*_COUNTED, *_PLACES)) and "closed" in row:
            counts = {name: row.get(name, 0) for name in _COUNTED}
            places |= {name: row[name] for name in (*_PLACES, "acknowledged", "run") if name in row}
    lost = max(0, counts["closed"] - sum(counts[name] for name in _COUNTED[1:]) - pending)
    counts["dropped"] += lost
    places["next_id"] = max(places["next_id"], last + 1)
    values = counts | places
    new.execute(f"UPDATE totals SET {', '.join(f'{name} = ?' for name in values)}", tuple(values.values()))
    return int(lost)


def _gaps(new: sqlite3.Connection) -> int:
    """Numbers missing between those that are left of each run."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    query = "SELECT s.text || '/' || r.number FROM records r JOIN sources s ON s.id = r.source"
    for (key,) in new.execute(f"{query} UNION SELECT key FROM dead_letters").fetchall():
        source, _, number = key.rpartition("/")
        numbers[source].append(int(number))
    return sum(max(found) - min(found) + 1 - len(found) for found in numbers.values())


def _rows(old: sqlite3.Connection, table: str, query: str) -> Iterator[tuple[Any, ...]]:
    """Every row that can be read: by chunks, and one by one where a chunk holds a damaged page."""
    first, last = 1, 0
    for source in (
        "SELECT 1, seq FROM sqlite_sequence WHERE name = ?",
        "SELECT 1, next_id FROM totals WHERE ? = 'records'",
        "SELECT min(id), max(id) FROM records WHERE ? = 'records'",
        "SELECT min(id), max(id) FROM dead_letters WHERE ? = 'dead_letters'",
    ):
        with suppress(sqlite3.DatabaseError):
            for low, high in old.execute(source, (table,)).fetchall():
                first, last = max(first, low or 1), max(last, high or 0)
    for start in range(first, last + 1, _CHUNK):
        try:
            yield from old.execute(query, (start, start + _CHUNK - 1)).fetchall()
        except sqlite3.DatabaseError:
            for number in range(start, start + _CHUNK):
                with suppress(sqlite3.DatabaseError):
                    yield from old.execute(query, (number, number)).fetchall()


def _intact(key: object, at: object, crc: object, payload: object) -> bool:
    return (
        isinstance(key, str)
        and isinstance(payload, str)
        and isinstance(at, float)
        and checksum(key, payload) == crc
    )
