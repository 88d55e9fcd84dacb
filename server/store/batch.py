"""A batch on its way into the tables, inside the caller's transaction: rows are gathered and written together.

Rules:
1. A row may refer to a record that is still gathered: such references are checked at the end of the transaction.
2. An hour grows once a batch and version, by the sum of what arrived for it, and last: by then every configuration of
   the batch is known, also one that came after its intervals.
3. Numbers of records are given here: the one writer holds the database.
"""

from __future__ import annotations

from typing import Any, Final

from contract.batch import ConfigRecord, GridRecord, HealthRecord
from server.store.base import Incoming
from server.store.hours import grow
from server.store.noted import Noted
from server.store.typed import (
    INSERT,
    INSERT_COUNTS,
    TYPED,
    CameraSeen,
    PlaceSeen,
    count_rows,
    insert_case,
    interval_row,
    note_camera,
    note_cameras,
    note_places,
)

_RECORD: Final = (
    "INSERT INTO records (id, key, type, device, camera, received_at, digest, quarantine, payload)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class Batch:
    """Records that were not there before; `store` writes what is still gathered."""

    def __init__(self, db: Any, received_at: int) -> None:
        self._db = db
        self._received_at = received_at
        self.noted = Noted(db)  # stored after the rows that it looks at
        db.execute("PRAGMA defer_foreign_keys=ON")
        self._next: int = db.execute("SELECT coalesce(max(id), 0) + 1 FROM records").fetchone()[0]
        self._digests: dict[str, str] = {}
        self._records: list[tuple[Any, ...]] = []
        self._intervals: list[tuple[Any, ...]] = []
        self._counts: list[tuple[Any, ...]] = []
        self._places: PlaceSeen = {}
        self._cameras: CameraSeen = {}

    def digest(self, key: str) -> str | None:
        """What was added under a key in this batch."""
        return self._digests.get(key)

    def add(self, item: Incoming, digest: str) -> int:
        """Take a new record and give it its number; one in quarantine reaches no other table."""
        record, number = item.record, self._next
        self._next += 1
        self._digests[record.key] = digest
        self.noted.add(number, record, item.quarantine, self._received_at)
        # Intervals and grids live in typed columns; a second copy as JSON would triple the file.
        filed = isinstance(record, (*TYPED, GridRecord)) and item.quarantine is None
        payload = None if filed else item.canonical
        self._records.append(
            (
                number,
                record.key,
                record.type,
                record.device,
                record.camera,
                self._received_at,
                digest,
                item.quarantine,
                payload,
            )
        )
        if item.quarantine is not None:
            return number
        if isinstance(record, TYPED):
            row = interval_row(number, record)
            self._intervals.append(row)
            self._counts += count_rows(number, record)
            self._see(row)
            return number
        insert_case(self._db, number, record)
        if isinstance(record, (ConfigRecord, HealthRecord)):
            note_camera(self._db, record, item.canonical, self._received_at)
        self._cameras.setdefault((record.device, record.camera), None)
        return number

    def _see(self, row: tuple[Any, ...]) -> None:
        start, length = row[6], row[7]
        end = start + length
        first, last, longest = self._places.get(row[1:5], (start, end, length))
        if end >= last:
            last, longest = end, length
        self._places[row[1:5]] = (min(first, start), last, longest)
        before = self._cameras.get(row[1:3])
        self._cameras[row[1:3]] = end if before is None else max(before, end)

    def store(self) -> None:
        """Write what was gathered."""
        self._db.conn.executemany(_RECORD, self._records)
        if self._intervals:
            self._db.conn.executemany(INSERT, self._intervals)
            self._db.conn.executemany(INSERT_COUNTS, self._counts)
            grow(self._db, self._intervals[0][0], self._intervals[-1][0])
        note_places(self._db, self._places)
        note_cameras(self._db, self._cameras, self._received_at)
        for gathered in (self._records, self._intervals, self._counts):
            gathered.clear()
        self._places.clear()
        self._cameras.clear()
