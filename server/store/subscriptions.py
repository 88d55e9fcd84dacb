"""Subscriptions and alert rules, in SQLite: what they remember and the letter they write change together."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from server.store.accounts import insert_audit
from server.store.base import AuditEntry
from server.store.connection import Connections
from server.store.desk_base import AlertRule, NewMail, Subscription
from server.store.mail import insert_mail

_SECRET: Final = "letters_key"  # noqa: S105 - the name of a setting


def _subscription(row: Mapping[str, Any]) -> Subscription:
    return Subscription(**{**row, "done_through": date.fromisoformat(row["done_through"])})


def _rule(row: Mapping[str, Any]) -> AlertRule:
    return AlertRule(**{**row, "numbers": json.loads(row["numbers"]), "state": json.loads(row["state"])})


class _Ended:
    """What a planner starts and ends."""

    _END: str

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def end(self, number: int, by: str, audit: AuditEntry) -> bool:
        """No more letters; False when it has ended or never was."""
        with self._connections.write() as db:
            changed = bool(db.execute(self._END, (audit.at, by, number)).rowcount == 1)
            if changed:
                insert_audit(db, audit)
            return changed


class SqliteSubscriptions(_Ended):
    """Implements `Subscriptions`."""

    _END = "UPDATE subscriptions SET ended_at = ?, ended_by = ? WHERE id = ? AND ended_at IS NULL"

    def add(self, new: Subscription, audit: AuditEntry) -> int:
        """Store a subscription (its id is ignored); its id."""
        sql = (
            "INSERT INTO subscriptions (recipient, scope, kind, language, format, created_at, created_by,"
            " done_through) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
        )
        through = new.done_through.isoformat()
        values = (
            new.recipient,
            new.scope,
            new.kind,
            new.language,
            new.format,
            new.created_at,
            new.created_by,
        )
        with self._connections.write() as db:
            number = int(db.execute(sql, (*values, through)).fetchone()[0])
            insert_audit(db, audit)
        return number

    def one(self, subscription_id: int) -> Subscription | None:
        """By its id, ended ones too."""
        with self._connections.read() as db:
            rows = list(db.query("SELECT * FROM subscriptions WHERE id = ?", (subscription_id,)))
        return _subscription(rows[0]) if rows else None

    def active(self) -> list[Subscription]:
        """Those that have not ended, the oldest first."""
        with self._connections.read() as db:
            rows = list(db.query("SELECT * FROM subscriptions WHERE ended_at IS NULL ORDER BY id"))
        return [_subscription(row) for row in rows]

    def write(self, subscription_id: int, through: date, mail: NewMail | None, now: int) -> bool:
        """Store the letter of a period and note that it needs none any more, both or neither."""
        sql = (
            "UPDATE subscriptions SET done_through = ?, problem = NULL"
            " WHERE id = ? AND ended_at IS NULL AND done_through < ?"
        )
        day = through.isoformat()
        with self._connections.write() as db:
            if db.execute(sql, (day, subscription_id, day)).rowcount != 1:
                return False
            return mail is None or insert_mail(db, mail, now)

    def note_problem(self, subscription_id: int, problem: str) -> None:
        """Why its report could not be made; shown until one can."""
        with self._connections.write() as db:
            sql = "UPDATE subscriptions SET problem = ? WHERE id = ?"
            db.execute(sql, (problem[:500], subscription_id))

    def secret(self) -> bytes:
        """The key that signs links out of letters; made at its first use."""
        find = "SELECT value FROM settings WHERE name = ?"
        with self._connections.read() as db:
            row = db.execute(find, (_SECRET,)).fetchone()
        if row is None:
            with self._connections.write() as db:
                sql = "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"
                db.execute(sql, (_SECRET, json.dumps(secrets.token_hex(32))))
                row = db.execute(find, (_SECRET,)).fetchone()
        return bytes.fromhex(json.loads(row[0]))


class SqliteAlertRules(_Ended):
    """Implements `AlertRules`."""

    _END = "UPDATE alert_rules SET ended_at = ?, ended_by = ? WHERE id = ? AND ended_at IS NULL"

    def add(self, new: AlertRule, audit: AuditEntry) -> int:
        """Store a rule (its id is ignored); its id."""
        sql = (
            "INSERT INTO alert_rules (kind, scope, recipient, language, numbers, created_at, created_by, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
        )
        said = (json.dumps(dict(new.numbers)), new.created_at, new.created_by, json.dumps(dict(new.state)))
        with self._connections.write() as db:
            values = (new.kind, new.scope, new.recipient, new.language, *said)
            number = int(db.execute(sql, values).fetchone()[0])
            insert_audit(db, audit)
        return number

    def active(self) -> list[AlertRule]:
        """Those that have not ended, the oldest first."""
        with self._connections.read() as db:
            rows = list(db.query("SELECT * FROM alert_rules WHERE ended_at IS NULL ORDER BY id"))
        return [_rule(row) for row in rows]

    def step(
        self, rule_id: int, state: Mapping[str, Any], mail: NewMail | None, now: int, problem: str | None
    ) -> None:
        """Store what a rule remembers and the letter it writes, both or neither."""
        sql = "UPDATE alert_rules SET state = ?, problem = ? WHERE id = ? AND ended_at IS NULL"
        with self._connections.write() as db:
            changed = db.execute(sql, (json.dumps(dict(state)), problem, rule_id)).rowcount == 1
            if changed and mail is not None:
                insert_mail(db, mail, now)
