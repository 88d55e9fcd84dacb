"""Notices, their events, vetoes and rules, in SQLite. Every write is one transaction with its audit row."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from server.notices import ENDED, MOVES, Notice, NoticeConflict, NoticeEvent, NoticeState, Veto, may
from server.store.accounts import insert_audit
from server.store.base import AuditEntry
from server.store.connection import Connections
from server.store.notice_board import SqliteNoticeBoard
from server.store.notice_intake import Intake
from server.store.notice_rows import (
    EVENT,
    NOTICE,
    VETO,
    add_event,
    last_basis,
    lift,
    make_veto,
    notice_of,
    present,
    set_state,
)

_UNATTENDED = ("box:", "server")


class SqliteNotices(SqliteNoticeBoard):
    """Implements `Notices`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def take(self, tz: ZoneInfo, most: int) -> int:
        """Take up to ``most`` revisions of cases in order of arrival; how many there were."""
        with self._connections.read() as db:
            if db.execute("SELECT 1 FROM anomalies WHERE taken IS NULL LIMIT 1").fetchone() is None:
                return 0
        with self._connections.write() as db:
            return Intake(db, tz).take(most)

    def release(self, now: int, tz: ZoneInfo, most: int) -> tuple[int, int]:
        """Ask again what holds up to ``most`` notices whose time is over; how many were asked and how many released."""
        with self._connections.read() as db:
            sql = "SELECT 1 FROM notices WHERE state = 'new' AND held_until <= ? LIMIT 1"
            if db.execute(sql, (now,)).fetchone() is None:
                return 0, 0
        with self._connections.write() as db:
            return Intake(db, tz).release(now, most)

    def notice(self, notice_id: int) -> Notice | None:
        """One notice."""
        with self._connections.read() as db:
            return notice_of(db, notice_id)

    def events(self, notice_id: int) -> list[NoticeEvent]:
        """Its steps, the first first."""
        sql = f"SELECT {EVENT} FROM notice_events WHERE notice = ? ORDER BY id"
        with self._connections.read() as db:
            return [NoticeEvent(**row) for row in db.query(sql, (notice_id,))]

    def events_after(self, event_id: int, limit: int) -> list[NoticeEvent]:
        """Steps of all notices numbered above ``event_id``, in order."""
        sql = f"SELECT {EVENT} FROM notice_events WHERE id > ? ORDER BY id LIMIT ?"
        with self._connections.read() as db:
            return [NoticeEvent(**row) for row in db.query(sql, (event_id, limit))]

    def cursor(self, channel: str) -> int:
        """Up to which event a channel has followed; a channel that is new begins at the newest event, not in the past."""
        sql = "SELECT event FROM notice_cursors WHERE channel = ?"
        with self._connections.read() as db:
            row = db.execute(sql, (channel,)).fetchone()
        if row is None:
            with self._connections.write() as db:
                db.execute(
                    "INSERT INTO notice_cursors (channel, event) SELECT ?, coalesce(max(id), 0) FROM notice_events"
                    " WHERE true ON CONFLICT DO NOTHING",
                    (channel,),
                )
                row = db.execute(sql, (channel,)).fetchone()
        return int(row[0])

    def follow(self, channel: str, event_id: int) -> None:
        """Note how far a channel has followed; never back."""
        with self._connections.write() as db:
            db.execute(
                "INSERT INTO notice_cursors (channel, event) VALUES (?, ?) ON CONFLICT (channel) DO UPDATE SET"
                " event = max(event, excluded.event)",
                (channel, event_id),
            )

    def move(
        self,
        notice_id: int,
        version: int,
        after: NoticeState,
        audit: AuditEntry,
        *,
        assigned_to: str | None = None,
        detail: str = "",
    ) -> Notice:
        """Change a notice's state, as `audit.actor` at `audit.at`, with its event, its veto if it is ``nothing_there``, and the
        audit row, all or nothing. A wrong "nothing there" that is taken back takes its veto with it.

        Raises:
            NoticeConflict: when ``version`` is not the present one, or `notices.may` refuses.
        """
        with self._connections.write() as db:
            own = present(db, notice_id)
            if own.version != version:
                raise NoticeConflict(
                    f"notice {notice_id} was changed meanwhile (version {own.version}, not {version}); it is {own.state}",
                    "version",
                )
            if not may(own.state, after):
                allowed = ", ".join(sorted(MOVES[own.state]))
                raise NoticeConflict(
                    f"notice {notice_id} is {own.state} and may become {allowed}, not {after}"
                )
            changes: dict[str, Any] = {}
            if assigned_to is not None or after in {"to_verify", "confirmed"}:
                changes["assigned_to"] = assigned_to or ""
            if not audit.actor.startswith(_UNATTENDED):
                changes["verdict"] = None if after == "to_verify" else int(after != "nothing_there")
            set_state(db, own, after, audit.at, **changes)
            if own.state == "nothing_there":
                lift(db, "notice", own.id, audit)
            if after == "nothing_there":
                make_veto(db, own, audit)
            told = detail or (assigned_to or "")
            add_event(db, own.id, audit, "moved", own.state, after, last_basis(db, own.id), told)
            return present(db, own.id)

    def later(self, notice_id: int, until: int, audit: AuditEntry) -> Notice:
        """Remind again at ``until``; the state stays.

        Raises:
            NoticeConflict: when the notice has ended.
        """
        with self._connections.write() as db:
            own = present(db, notice_id)
            if own.state in ENDED:
                raise NoticeConflict(
                    f"notice {notice_id} has ended as {own.state}: there is nothing to remind of"
                )
            db.execute(
                "UPDATE notices SET later_until = ?, changed_at = ?, version = version + 1 WHERE id = ?",
                (until, audit.at, own.id),
            )
            add_event(db, own.id, audit, "later", own.state, own.state, last_basis(db, own.id), str(until))
            return present(db, own.id)

    def note(self, notice_id: int, text: str, audit: AuditEntry) -> None:
        """Add what somebody writes of a notice; everything else stays.

        Raises:
            NoticeConflict: when there is no such notice.
        """
        with self._connections.write() as db:
            own = present(db, notice_id)
            add_event(db, own.id, audit, "note", own.state, own.state, last_basis(db, own.id), text)

    def listed(
        self, *, site: str | None, states: frozenset[NoticeState], since: int, until: int, limit: int
    ) -> list[Notice]:
        """Notices changed in ``[since, until)``, newest change first; ``site`` None: of every site."""
        marks = ", ".join("?" * len(states))
        sql = (
            f"SELECT {NOTICE} FROM notices WHERE changed_at >= ? AND changed_at < ? AND state IN ({marks})"
            " AND (? IS NULL OR site = ?) ORDER BY changed_at DESC, id DESC LIMIT ?"
        )
        with self._connections.read() as db:
            return [
                Notice(**row) for row in db.query(sql, (since, until, *sorted(states), site, site, limit))
            ]

    def vetoes(self, now: int) -> list[Veto]:
        """Those in force."""
        sql = f"SELECT {VETO} FROM vetoes WHERE ends_at > ? AND lifted_at IS NULL ORDER BY ends_at, id"
        with self._connections.read() as db:
            return [Veto(**row) for row in db.query(sql, (now,))]

    def lift_veto(self, veto_id: int, audit: AuditEntry) -> bool:
        """End a veto before its time; False when it is not in force."""
        with self._connections.write() as db:
            done = bool(lift(db, "id", veto_id, audit))
            if done:
                insert_audit(db, replace(audit, subject=audit.subject or f"veto/{veto_id}"))
            return done
