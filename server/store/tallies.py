"""Counts by hand, in SQLite."""

from __future__ import annotations

from typing import Final

from server.sites import PlaceKey
from server.store.accounts import insert_audit
from server.store.base import AuditEntry
from server.store.connection import Connections
from server.tallies import Tally

_COLUMNS: Final = (
    "device, camera, name, kind, class_group, measure, start, end, counted, ours, coverage, version, by,"
    " entered_at, entered_by"
)
# A town that tallies every week at twenty places for five years.
MOST: Final = 5000


class SqliteTallies:
    """Implements `Tallies`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def tallies(self, place: PlaceKey | None = None) -> list[Tally]:
        """Of one place or of all, the newest first."""
        where = " WHERE device = ? AND camera = ? AND name = ? AND kind = ?" if place else ""
        sql = f"SELECT id, {_COLUMNS} FROM tallies{where} ORDER BY end DESC, id DESC LIMIT {MOST}"  # noqa: S608 - texts of ours
        with self._connections.read() as db:
            return [Tally(*row) for row in db.execute(sql, place or ())]

    def add(self, new: Tally, audit: AuditEntry) -> bool:
        """Store a tally (its id is ignored); False when it is there already."""
        sql = f"INSERT INTO tallies ({_COLUMNS}) VALUES ({', '.join('?' * 15)}) ON CONFLICT DO NOTHING"  # noqa: S608 - as above
        values = (
            *new.key, new.group, new.measure, new.start, new.end, new.counted, new.ours, new.coverage, new.version,
            new.by, new.entered_at, new.entered_by,
        )  # fmt: skip
        with self._connections.write() as db:
            added = bool(db.execute(sql, values).rowcount)
            if added:
                insert_audit(db, audit)
            return added

    def drop(self, tally_id: int, audit: AuditEntry) -> bool:
        """Forget a tally; False when there is none."""
        with self._connections.write() as db:
            gone = bool(db.execute("DELETE FROM tallies WHERE id = ?", (tally_id,)).rowcount)
            if gone:
                insert_audit(db, audit)
            return gone
