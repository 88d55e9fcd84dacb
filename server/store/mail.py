"""The outbox, in SQLite.

Rules:
1. A letter is stored whole before anything is sent; ``job`` is unique, so no period and no episode has two.
2. A letter is claimed by one sender in a transaction. Before the final dot goes out the sender says ``handed``.
3. What a dead sender left in ``sending`` cannot have been accepted, since its dot was never sent: it waits again. What it
   left in ``handed`` may have been: it becomes ``unsure`` and is sent again only when a person says so, under the same
   Message-ID.
4. Old letters are deleted. Of a notice that has not ended their jobs stay, empty: they are all that says who was told.
"""

from __future__ import annotations

import json
from typing import Any, Final

from server.notices import ENDED
from server.store.accounts import insert_audit
from server.store.base import AuditEntry
from server.store.connection import Connections
from server.store.desk_base import Mail, MailState, NewMail

# Longer than a mail server may take for one letter (mailer.py), so a living sender is never robbed.
LEASE_S: Final = 1800
SHOWN: Final = (
    "id, job, message_id, recipient, subject, created_at, state, attempts, next_at, ended_at, problem, detail"
)

# But letters that were sent about a notice that is not over: job = notice/NUMBER/…, of which the cast takes the number.
_FORGET: Final = """
DELETE FROM mails WHERE ended_at < ? AND NOT (state = 'sent' AND job LIKE 'notice/%' AND EXISTS (
  SELECT 1 FROM notices n WHERE n.id = CAST(substr(job, 8) AS INTEGER)
  AND n.state NOT IN (SELECT value FROM json_each(?))))
"""
_EMPTY: Final = (
    "UPDATE mails SET recipient = '', subject = '', message = x'' WHERE ended_at < ? AND recipient <> ''"
)


def insert_mail(db: Any, mail: NewMail, now: int) -> bool:
    """Store a letter inside the caller's transaction; False when there is one for its job."""
    sql = (
        "INSERT INTO mails (job, message_id, recipient, subject, message, created_at, state, next_at)"
        " VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?) ON CONFLICT (job) DO NOTHING"
    )
    values = (mail.job, mail.message_id, mail.recipient, mail.subject, mail.message, now, now)
    return bool(db.execute(sql, values).rowcount == 1)


class SqliteMails:
    """Implements `Mails`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def _run(self, sql: str, values: tuple[Any, ...]) -> int:
        with self._connections.write() as db:
            return int(db.execute(sql, values).rowcount)

    def add(self, mail: NewMail, now: int) -> bool:
        """Store a letter to be sent; False when there is one for its job already."""
        with self._connections.write() as db:
            return insert_mail(db, mail, now)

    def claim(self, now: int) -> tuple[Mail, bytes] | None:
        """Take the next letter that is due, for one sender alone."""
        with self._connections.read() as db:
            due = db.execute("SELECT 1 FROM mails WHERE state = 'waiting' AND next_at <= ? LIMIT 1", (now,))
            if due.fetchone() is None:
                return None
        sql = (
            "UPDATE mails SET state = 'sending', claimed_at = ?, attempts = attempts + 1 WHERE id ="
            " (SELECT id FROM mails WHERE state = 'waiting' AND next_at <= ? ORDER BY next_at, id LIMIT 1)"
            " RETURNING *"
        )
        with self._connections.write() as db:
            row = next(iter(db.query(sql, (now, now))), None)
        if row is None:
            return None
        return Mail(**{field: row[field] for field in SHOWN.split(", ")}), bytes(row["message"])

    def handed(self, mail_id: int) -> None:
        """Note that only the final dot is missing: from here on the mail server may have accepted it."""
        self._run("UPDATE mails SET state = 'handed' WHERE id = ?", (mail_id,))

    def sent(self, mail_id: int, now: int) -> None:
        """The mail server accepted it."""
        sql = "UPDATE mails SET state = 'sent', ended_at = ?, problem = NULL, detail = NULL WHERE id = ?"
        self._run(sql, (now, mail_id))

    def put_back(self, mail_id: int, next_at: int, problem: str, detail: str) -> None:
        """It was not accepted; it is tried again at ``next_at``."""
        sql = "UPDATE mails SET state = 'waiting', next_at = ?, problem = ?, detail = ? WHERE id = ?"
        self._run(sql, (next_at, problem, detail[:500], mail_id))

    def give_up(self, mail_id: int, state: MailState, now: int, problem: str, detail: str) -> None:
        """It will not be tried again by itself: ``failed``, or ``unsure`` whether it was accepted."""
        sql = "UPDATE mails SET state = ?, ended_at = ?, problem = ?, detail = ? WHERE id = ?"
        self._run(sql, (state, now, problem, detail[:500], mail_id))

    def recover(self, now: int) -> int:
        """Judge what a sender left that died: not handed, it waits again; handed, it is unsure. Their number."""
        old = now - LEASE_S
        with self._connections.read() as db:
            sql = "SELECT 1 FROM mails WHERE state IN ('sending', 'handed') AND claimed_at <= ? LIMIT 1"
            if db.execute(sql, (old,)).fetchone() is None:
                return 0
        waiting = (
            "UPDATE mails SET state = 'waiting', next_at = ?, problem = 'interrupted' WHERE state = 'sending'"
            " AND claimed_at <= ?"
        )
        unsure = (
            "UPDATE mails SET state = 'unsure', ended_at = ?, problem = 'interrupted' WHERE state = 'handed'"
            " AND claimed_at <= ?"
        )
        with self._connections.write() as db:
            return sum(int(db.execute(sql, (now, old)).rowcount) for sql in (waiting, unsure))

    def again(self, mail_id: int, now: int, audit: AuditEntry) -> bool:
        """Send once more what failed, is unsure or waits; False for any other."""
        sql = (
            "UPDATE mails SET state = 'waiting', next_at = ?, ended_at = NULL"
            " WHERE id = ? AND state IN ('waiting', 'failed', 'unsure')"
        )
        with self._connections.write() as db:
            changed = bool(db.execute(sql, (now, mail_id)).rowcount == 1)
            if changed:
                insert_audit(db, audit)
            return changed

    def listed(self, limit: int) -> list[Mail]:
        """The newest letters, unsent ones first."""
        sql = f"SELECT {SHOWN} FROM mails WHERE recipient <> '' ORDER BY state = 'sent', id DESC LIMIT ?"  # noqa: S608 - constants only
        with self._connections.read() as db:
            return [Mail(**row) for row in db.query(sql, (limit,))]

    def tidy(self, before: int) -> int:
        """Delete letters, subscriptions and rules that ended before: addresses are people's; the number of letters."""
        with self._connections.write() as db:
            db.execute("DELETE FROM subscriptions WHERE ended_at < ?", (before,))
            db.execute("DELETE FROM alert_rules WHERE ended_at < ?", (before,))
            deleted = db.execute(_FORGET, (before, json.dumps(sorted(ENDED)))).rowcount
            emptied = db.execute(_EMPTY, (before,)).rowcount
            return int(deleted + emptied)
