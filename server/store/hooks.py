"""Targets of webhooks and their queue, in SQLite.

Rules:
1. A target has one message of an event for ever, stored whole before anything is sent.
2. Of a notice only its first waiting message is taken, so that a target hears of its steps in their order.
3. A message is sent at least once: one whose sender died is taken again when its lease is over. Its id stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from server.store.accounts import insert_audit
from server.store.base import AuditEntry
from server.store.connection import Connections
from server.store.crew_base import Delivery, Hook, NewDelivery

# The first of each notice that waits; those that come after it wait for it.
_NEXT: Final = (
    "SELECT id FROM crew_deliveries d WHERE hook = ? AND state = 'waiting' AND next_at <= ? AND NOT EXISTS"
    " (SELECT 1 FROM crew_deliveries b WHERE b.hook = d.hook AND b.notice = d.notice AND b.state = 'waiting'"
    " AND b.id < d.id) ORDER BY next_at, id LIMIT 1"
)


def _hook(row: Mapping[str, Any]) -> Hook:
    return Hook(**{**row, "unverified": bool(row["unverified"]), "internal": bool(row["internal"])})


class SqliteHooks:
    """Implements `Hooks`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, new: Hook, audit: AuditEntry) -> int:
        """Store a target (its id is ignored); its id."""
        sql = (
            "INSERT INTO crew_hooks (url, site, unverified, internal, secret, created_at, created_by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id"
        )
        values = (new.url, new.site, new.unverified, new.internal, new.secret, new.created_at, new.created_by)
        with self._connections.write() as db:
            number = int(db.execute(sql, values).fetchone()[0])
            insert_audit(db, audit)
        return number

    def hook(self, hook_id: int) -> Hook | None:
        """By its id, ended ones too."""
        with self._connections.read() as db:
            rows = list(db.query("SELECT * FROM crew_hooks WHERE id = ?", (hook_id,)))
        return _hook(rows[0]) if rows else None

    def hooks(self) -> list[Hook]:
        """Those that have not ended, the oldest first."""
        with self._connections.read() as db:
            rows = list(db.query("SELECT * FROM crew_hooks WHERE ended_at IS NULL ORDER BY id"))
        return [_hook(row) for row in rows]

    def end(self, hook_id: int, by: str, audit: AuditEntry) -> bool:
        """Send nothing more there and forget what waits and the secrets; False when it has ended or never was."""
        sql = (
            "UPDATE crew_hooks SET ended_at = ?, ended_by = ?, secret = '', secret_before = NULL"
            " WHERE id = ? AND ended_at IS NULL"
        )
        with self._connections.write() as db:
            changed = bool(db.execute(sql, (audit.at, by, hook_id)).rowcount == 1)
            if changed:
                db.execute("DELETE FROM crew_deliveries WHERE hook = ? AND state = 'waiting'", (hook_id,))
                insert_audit(db, audit)
            return changed

    def rotate(self, hook_id: int, secret: str, until: int, audit: AuditEntry) -> bool:
        """Another secret; the present one signs too until ``until``. False when there is no such target."""
        sql = (
            "UPDATE crew_hooks SET secret_before = secret, before_until = ?, secret = ?"
            " WHERE id = ? AND ended_at IS NULL"
        )
        with self._connections.write() as db:
            changed = bool(db.execute(sql, (until, secret, hook_id)).rowcount == 1)
            if changed:
                insert_audit(db, audit)
            return changed

    def queue(self, items: Sequence[NewDelivery], now: int) -> int:
        """Store messages to be sent, one an event and target for ever; the number of new ones."""
        if not items:
            return 0
        sql = (
            "INSERT INTO crew_deliveries (hook, event, notice, type, message_id, body, queued_at, state, next_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?) ON CONFLICT (hook, event) DO NOTHING"
        )
        rows = [(i.hook, i.event, i.notice, i.type, i.message_id, i.body, now, now) for i in items]
        with self._connections.write() as db:
            return sum(int(db.execute(sql, row).rowcount) for row in rows)

    def claim(self, hook_id: int, now: int, lease_s: int) -> Delivery | None:
        """Take the next message that is due, unless the target is paused."""
        open_ = "SELECT 1 FROM crew_hooks WHERE id = ? AND ended_at IS NULL AND paused_until <= ?"
        with self._connections.read() as db:
            if db.execute(open_, (hook_id, now)).fetchone() is None:
                return None
            if db.execute(_NEXT, (hook_id, now)).fetchone() is None:
                return None
        sql = (
            "UPDATE crew_deliveries SET attempts = attempts + 1, next_at = ?"  # noqa: S608 - constants only
            f" WHERE id = ({_NEXT}) RETURNING *"
        )
        with self._connections.write() as db:
            rows = list(db.query(sql, (now + lease_s, hook_id, now)))
        return Delivery(**rows[0]) if rows else None

    def sent(self, delivery: Delivery, now: int, status: int) -> None:
        """The target accepted it."""
        sql = (
            "UPDATE crew_deliveries SET state = 'sent', ended_at = ?, status = ?, problem = NULL, detail = NULL"
            " WHERE id = ? AND state = 'waiting'"
        )
        with self._connections.write() as db:
            db.execute(sql, (now, status, delivery.id))
            db.execute("UPDATE crew_hooks SET failures = 0, paused_until = 0 WHERE id = ?", (delivery.hook,))

    def failed(
        self, delivery: Delivery, now: int, next_at: int, problem: str, detail: str, status: int | None
    ) -> int:
        """The target did not accept it; how often in a row the target has failed."""
        sql = (
            "UPDATE crew_deliveries SET next_at = ?, problem = ?, detail = ?, status = ?"
            " WHERE id = ? AND state = 'waiting'"
        )
        with self._connections.write() as db:
            db.execute(sql, (next_at, problem, detail[:300], status, delivery.id))
            counted = "UPDATE crew_hooks SET failures = failures + 1 WHERE id = ? RETURNING failures"
            row = db.execute(counted, (delivery.hook,)).fetchone()
        return int(row[0]) if row else 0

    def pause(self, hook_id: int, until: int) -> None:
        """Try nothing at this target until then."""
        with self._connections.write() as db:
            db.execute("UPDATE crew_hooks SET paused_until = ? WHERE id = ?", (until, hook_id))

    def bury(self, hook_id: int, before: int, now: int) -> int:
        """Give up what was queued before; their number."""
        sql = (
            "UPDATE crew_deliveries SET state = 'dead', ended_at = ?, problem = coalesce(problem, 'paused')"
            " WHERE hook = ? AND state = 'waiting' AND queued_at < ?"
        )
        with self._connections.write() as db:
            return int(db.execute(sql, (now, hook_id, before)).rowcount)

    def again(self, hook_id: int, now: int, audit: AuditEntry) -> int:
        """Send once more what was given up; their number."""
        sql = (
            "UPDATE crew_deliveries SET state = 'waiting', ended_at = NULL, queued_at = ?, next_at = ?"
            " WHERE hook = ? AND state = 'dead'"
        )
        with self._connections.write() as db:
            number = int(db.execute(sql, (now, now, hook_id)).rowcount)
            db.execute("UPDATE crew_hooks SET paused_until = 0 WHERE id = ?", (hook_id,))
            insert_audit(db, audit)
        return number

    def counts(self) -> dict[int, dict[str, int]]:
        """How many messages each target has in which state."""
        found: dict[int, dict[str, int]] = {}
        with self._connections.read() as db:
            sql = "SELECT hook, state, count(*) FROM crew_deliveries GROUP BY hook, state"
            for hook, state, number in db.execute(sql):
                found.setdefault(hook, {})[state] = number
        return found

    def deliveries(self, limit: int) -> list[Delivery]:
        """The newest messages."""
        with self._connections.read() as db:
            rows = list(db.query("SELECT * FROM crew_deliveries ORDER BY id DESC LIMIT ?", (limit,)))
        return [Delivery(**row) for row in rows]

    def tidy(self, before: int) -> int:
        """Delete messages that ended before, and targets that ended before; the number of messages."""
        with self._connections.write() as db:
            number = int(db.execute("DELETE FROM crew_deliveries WHERE ended_at < ?", (before,)).rowcount)
            db.execute("DELETE FROM crew_hooks WHERE ended_at < ?", (before,))
        return number
