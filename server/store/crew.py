"""Recipients of notices, reminders and keys, in SQLite.

Rule: a letter's job is ``notice/NOTICE/RECIPIENT/…`` and unique, so what follows the events may be killed anywhere and
start again: nothing is written twice.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from server.store.accounts import insert_audit
from server.store.base import AuditEntry
from server.store.connection import Connections
from server.store.crew_base import FeedKey, LinkKey, Recipient, Reminder
from server.store.desk_base import Mail, NewMail
from server.store.mail import SHOWN, insert_mail

_KEY: Final = "crew_link_key"
_IDENTITY: Final = "installation"


def _recipient(row: Mapping[str, Any]) -> Recipient:
    return Recipient(**{**row, "kinds": tuple(json.loads(row["kinds"]))})


def _setting(db: Any, name: str) -> Any:
    row = db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    return json.loads(row[0]) if row else None


class SqliteCrew:
    """Implements `Crew`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, new: Recipient, audit: AuditEntry) -> int:
        """Store a recipient (its id is ignored); its id."""
        sql = (
            "INSERT INTO crew_recipients (address, language, stage, site, kinds, least, created_at, created_by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
        )
        first = (new.address, new.language, new.stage, new.site, json.dumps(new.kinds), new.least)
        with self._connections.write() as db:
            number = int(db.execute(sql, (*first, new.created_at, new.created_by)).fetchone()[0])
            insert_audit(db, audit)
        return number

    def recipient(self, recipient_id: int) -> Recipient | None:
        """By its id, ended ones too."""
        with self._connections.read() as db:
            rows = list(db.query("SELECT * FROM crew_recipients WHERE id = ?", (recipient_id,)))
        return _recipient(rows[0]) if rows else None

    def recipients(self) -> list[Recipient]:
        """Those that have not ended, the oldest first."""
        with self._connections.read() as db:
            rows = list(db.query("SELECT * FROM crew_recipients WHERE ended_at IS NULL ORDER BY id"))
        return [_recipient(row) for row in rows]

    def end(self, recipient_id: int, by: str, audit: AuditEntry) -> bool:
        """No more letters, and its links die; False when it has ended or never was."""
        sql = "UPDATE crew_recipients SET ended_at = ?, ended_by = ? WHERE id = ? AND ended_at IS NULL"
        with self._connections.write() as db:
            changed = bool(db.execute(sql, (audit.at, by, recipient_id)).rowcount == 1)
            if changed:
                insert_audit(db, audit)
            return changed

    def written(self, notice: int) -> set[str]:
        """The jobs of all letters about a notice."""
        # "0" comes after "/", so the range holds the jobs of this notice alone.
        bounds = (f"notice/{notice}/", f"notice/{notice}0")
        with self._connections.read() as db:
            rows = db.execute("SELECT job FROM mails WHERE job >= ? AND job < ?", bounds)
            return {str(row[0]) for row in rows}

    def write(self, mails: Sequence[NewMail], now: int, reminded: Reminder | None = None) -> int:
        """Store letters, each once for ever by its job, and forget the reminder they are about; their number."""
        if not mails and reminded is None:
            return 0
        with self._connections.write() as db:
            stored = sum(insert_mail(db, mail, now) for mail in mails)
            if reminded:
                sql = "DELETE FROM crew_reminders WHERE notice = ? AND until = ?"
                db.execute(sql, (reminded.notice, reminded.until))
            return stored

    def remind(self, reminder: Reminder) -> None:
        """Remember a reminder, in the place of the notice's former one."""
        sql = "INSERT OR REPLACE INTO crew_reminders (notice, until, actor) VALUES (?, ?, ?)"
        with self._connections.write() as db:
            db.execute(sql, (reminder.notice, reminder.until, reminder.actor))

    def reminders(self, now: int, limit: int) -> list[Reminder]:
        """Those that are due, the oldest first."""
        sql = "SELECT * FROM crew_reminders WHERE until <= ? ORDER BY until, notice LIMIT ?"
        with self._connections.read() as db:
            return [Reminder(**row) for row in db.query(sql, (now, limit))]

    def letters(self, limit: int) -> list[Mail]:
        """The newest letters about notices."""
        # "+job": from the newest backwards, instead of sorting every letter about notices.
        sql = (
            f"SELECT {SHOWN} FROM mails WHERE +job >= 'notice/' AND +job < 'notice0'"  # noqa: S608 - constants only
            " ORDER BY id DESC LIMIT ?"
        )
        with self._connections.read() as db:
            return [Mail(**row) for row in db.query(sql, (limit,))]

    def known_link_key(self) -> LinkKey | None:
        """The key that signs links; None when nothing was ever signed."""
        with self._connections.read() as db:
            known = _setting(db, _KEY)
        return LinkKey(known["id"], bytes.fromhex(known["secret"])) if known else None

    def link_key(self) -> LinkKey:
        """The key that signs links; made at its first use."""
        found = self.known_link_key()
        if found is not None:
            return found
        with self._connections.write() as db:
            known = _setting(db, _KEY) or self._set_key(db, 1)
        return LinkKey(known["id"], bytes.fromhex(known["secret"]))

    def renew_link_key(self, audit: AuditEntry) -> LinkKey:
        """Another key: every link that is out dies."""
        with self._connections.write() as db:
            known = _setting(db, _KEY)
            made = self._set_key(db, known["id"] + 1 if known else 1)
            insert_audit(db, audit)
        return LinkKey(made["id"], bytes.fromhex(made["secret"]))

    def _set_key(self, db: Any, number: int) -> dict[str, Any]:
        made = {"id": number, "secret": secrets.token_hex(32)}
        sql = "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)"
        db.execute(sql, (_KEY, json.dumps(made)))
        return made

    def identity(self) -> str:
        """A name of this installation that never changes (UUID), for ids of messages and feeds."""
        with self._connections.read() as db:
            known = _setting(db, _IDENTITY)
        if known is None:
            sql = "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"
            with self._connections.write() as db:
                db.execute(sql, (_IDENTITY, json.dumps(str(uuid.uuid4()))))
                known = _setting(db, _IDENTITY)
        return str(known)

    def feeds(self) -> list[FeedKey]:
        """The keys there are, by site."""
        with self._connections.read() as db:
            return [FeedKey(**row) for row in db.query("SELECT * FROM crew_feeds ORDER BY site")]

    def feed(self, site: str) -> FeedKey | None:
        """One of them."""
        with self._connections.read() as db:
            rows = db.query("SELECT * FROM crew_feeds WHERE site = ?", (site,))
            return next((FeedKey(**row) for row in rows), None)

    def set_feed(self, key: FeedKey, audit: AuditEntry) -> None:
        """Give a feed a key in the place of its former one."""
        sql = "INSERT OR REPLACE INTO crew_feeds (site, key_hash, made_at, made_by) VALUES (?, ?, ?, ?)"
        with self._connections.write() as db:
            db.execute(sql, (key.site, key.key_hash, key.made_at, key.made_by))
            insert_audit(db, audit)

    def end_feed(self, site: str, audit: AuditEntry) -> bool:
        """Let nobody in by key any more; False when nobody could."""
        with self._connections.write() as db:
            changed = bool(db.execute("DELETE FROM crew_feeds WHERE site = ?", (site,)).rowcount == 1)
            if changed:
                insert_audit(db, audit)
            return changed

    def tidy(self, before: int) -> None:
        """Delete recipients that ended before: addresses are people's."""
        with self._connections.write() as db:
            db.execute("DELETE FROM crew_recipients WHERE ended_at < ?", (before,))
