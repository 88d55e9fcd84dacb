"""Keys of tools, what is official, and what others told us, in SQLite.

Rule: what is official is made of the events of notices alone, each taken in once; it can be thrown away and made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.notices import CaseKind, NoticeEvent
from server.open311 import STATUS, Status
from server.store.accounts import insert_audit
from server.store.base import AuditEntry
from server.store.connection import Connections
from server.store.open311_base import Known, Told, Tool
from server.store.purposes import operational_zones

USED_EVERY_S: Final = 3600
_TOOL: Final = "SELECT id, name, may_write, created_at, created_by, used_at, revoked_at FROM open311_keys"
_KNOWN: Final = "SELECT id, key, kind, lon, lat, received_at, notice FROM open311_known"
_TOLD: Final = "SELECT notice, kind, requested_at, updated_at, state FROM open311_told"


def _tool(row: dict[str, Any]) -> Tool:
    return Tool(**{**row, "may_write": bool(row["may_write"])})


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


class SqliteTools:
    """Implements `Tools`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add_key(self, name: str, key_hash: str, audit: AuditEntry, *, may_write: bool) -> int:
        """Store a tool's key; its id."""
        sql = (
            "INSERT INTO open311_keys (name, key_hash, may_write, created_at, created_by) VALUES (?, ?, ?, ?, ?)"
            " RETURNING id"
        )
        with self._connections.write() as db:
            values = (name, key_hash, int(may_write), audit.at, audit.actor)
            number = int(db.execute(sql, values).fetchone()[0])
            insert_audit(db, audit)
        return number

    def listed(self) -> list[Tool]:
        """Every tool, those that may still ask first."""
        with self._connections.read() as db:
            return [_tool(row) for row in db.query(f"{_TOOL} ORDER BY revoked_at IS NOT NULL, id DESC")]

    def key(self, key_hash: str, now: int) -> Tool | None:
        """The tool that is not revoked and has this key; notes, once an hour, that it asked."""
        with self._connections.read() as db:
            row = next(
                iter(db.query(f"{_TOOL} WHERE key_hash = ? AND revoked_at IS NULL", (key_hash,))), None
            )
        if row is None:
            return None
        if row["used_at"] is None or abs(now - row["used_at"]) >= USED_EVERY_S:
            with self._connections.write() as db:
                db.execute("UPDATE open311_keys SET used_at = ? WHERE id = ?", (now, row["id"]))
        return _tool(row)

    def revoke(self, key_id: int, audit: AuditEntry) -> bool:
        """Refuse a tool from now on; False when there is none such."""
        sql = "UPDATE open311_keys SET revoked_at = ?, revoked_by = ? WHERE id = ? AND revoked_at IS NULL"
        with self._connections.write() as db:
            done = bool(db.execute(sql, (audit.at, audit.actor, key_id)).rowcount)
            if done:
                insert_audit(db, audit)
        return done

    def followed(self) -> int:
        """The last event that ``tell`` took in, 0 for none."""
        with self._connections.read() as db:
            row = db.execute("SELECT event FROM open311_followed").fetchone()
        return int(row[0]) if row else 0

    def tell(self, events: Sequence[tuple[NoticeEvent, CaseKind | None]]) -> None:
        """Take events into what is official, in order, each once; kind None: of a notice that is gone."""
        begin = (
            "INSERT INTO open311_told (notice, kind, requested_at, updated_at, state, closed) VALUES (?, ?, ?, ?, ?, 0)"
            " ON CONFLICT DO NOTHING"
        )
        change = "UPDATE open311_told SET state = ?, closed = ?, updated_at = ? WHERE notice = ?"
        with self._connections.write() as db:
            row = db.execute("SELECT event FROM open311_followed").fetchone()
            last = int(row[0]) if row else 0
            for event, kind in events:
                if event.id <= last:
                    continue
                last = event.id
                status = STATUS.get(event.after)
                if kind is None or status is None or event.before == event.after:
                    continue
                if status == "open":
                    db.execute(begin, (event.notice, kind, event.at, event.at, event.after))
                db.execute(change, (event.after, int(status == "closed"), event.at, event.notice))
            follow = (
                "INSERT INTO open311_followed VALUES (1, ?) ON CONFLICT DO UPDATE SET event = excluded.event"
            )
            db.execute(follow, (last,))

    def told(
        self,
        *,
        since: int,
        until: int,
        kinds: Sequence[CaseKind],
        status: Status | None,
        limit: int,
        offset: int = 0,
    ) -> list[Told]:
        """What was confirmed first in ``[since, until]``, newest first."""
        sql = f"{_TOLD} WHERE requested_at BETWEEN ? AND ? AND kind IN ({_marks(kinds)})"
        values: list[Any] = [since, until, *kinds]
        if status is not None:
            sql, values = f"{sql} AND closed = ?", [*values, int(status == "closed")]
        with self._connections.read() as db:
            rows = db.query(
                f"{sql} ORDER BY requested_at DESC, notice DESC LIMIT ? OFFSET ?", (*values, limit, offset)
            )
            return [Told(**row) for row in rows]

    def told_of(self, notices: Sequence[int]) -> list[Told]:
        """What is official of these notices."""
        with self._connections.read() as db:
            sql = f"{_TOLD} WHERE notice IN ({_marks(notices)}) ORDER BY requested_at DESC, notice DESC"
            return [Told(**row) for row in db.query(sql, tuple(notices))]

    def operational(self) -> set[tuple[str, str, str]]:
        """Device, camera and zone of every zone that is operational now."""
        with self._connections.read() as db:
            return operational_zones(db)

    def add_known(self, own: Known) -> int:
        """Store a report of another system (its id is ignored); its id."""
        sql = (
            "INSERT INTO open311_known (key, kind, lon, lat, received_at, notice) VALUES (?, ?, ?, ?, ?, ?)"
            " RETURNING id"
        )
        with self._connections.write() as db:
            values = (own.key, own.kind, own.lon, own.lat, own.received_at, own.notice)
            return int(db.execute(sql, values).fetchone()[0])

    def known(self, since: int, *, limit: int = 1000, ids: Sequence[int] | None = None) -> list[Known]:
        """Reports of others that came at ``since`` or later (of these ids alone), newest first."""
        sql, values = f"{_KNOWN} WHERE received_at >= ?", [since]
        if ids is not None:
            sql, values = f"{sql} AND id IN ({_marks(ids)})", [since, *ids]
        with self._connections.read() as db:
            rows = db.query(f"{sql} ORDER BY received_at DESC, id DESC LIMIT ?", (*values, limit))
            return [Known(**row) for row in rows]

    def known_as(self, notice: int) -> Known | None:
        """The report of another system that is of the same object as a notice."""
        with self._connections.read() as db:
            rows = db.query(f"{_KNOWN} WHERE notice = ? ORDER BY id LIMIT 1", (notice,))
            return next((Known(**row) for row in rows), None)

    def merge(self, known_id: int, notice: int) -> None:
        """Note that a report is of the same object as a notice."""
        with self._connections.write() as db:
            sql = "UPDATE open311_known SET notice = ? WHERE id = ? AND notice IS NULL"
            db.execute(sql, (notice, known_id))

    def forget(self, before: int) -> None:
        """Delete reports that came before, and what is official of notices that changed last before."""
        with self._connections.write() as db:
            db.execute("DELETE FROM open311_known WHERE received_at < ?", (before,))
            db.execute("DELETE FROM open311_told WHERE updated_at < ? AND closed = 1", (before,))
