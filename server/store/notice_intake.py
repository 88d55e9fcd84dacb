"""Revisions of cases into notices, and held notices out again: each batch is one transaction with its marks.

Rules:
1. Revisions are taken in order of arrival; each is marked as taken in the transaction that stores what it did, so that a
   killed server does nothing twice and loses nothing.
2. What is decided is decided as of the arrival of the revision: a backlog after a rest gives what it would have given.
3. Only zones that are operational now give notices (`server.store.purposes`); a case that goes is heard of any zone.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from server.notice_intake import Known, step_of
from server.notice_place import graver
from server.notices import CaseRevision, Notice, NoticeState, Severity, What
from server.store.base import AuditEntry
from server.store.notice_around import Around
from server.store.notice_rows import NOTICE, add_event, basis_of, last_basis, notice_of, set_state

_CASE_FIELDS: Final = (
    "revision", "received_at", "run", "camera", "zone", "kind", "state", "first_seen", "last_seen", "x", "y", "w", "h",
    "lon", "lat", "size_m", "confidence",
)  # fmt: skip
_CASE: Final = (
    f"INSERT INTO notice_cases (device, case_id, notice, ended, {', '.join(_CASE_FIELDS)})"
    f" VALUES (?, ?, ?, ?, {', '.join('?' * len(_CASE_FIELDS))}) ON CONFLICT (device, case_id) DO UPDATE SET"
    f" notice = excluded.notice, ended = excluded.ended, {', '.join(f'{n} = excluded.{n}' for n in _CASE_FIELDS)}"
)
_KNOWN: Final = (
    "SELECT c.revision, c.notice, n.state, n.ended_at, (SELECT count(*) FROM notice_cases o WHERE o.notice = c.notice"
    " AND o.state NOT IN ('cleared', 'silent') AND NOT (o.device = c.device AND o.case_id = c.case_id)) AS others"
    " FROM notice_cases c LEFT JOIN notices n ON n.id = c.notice WHERE c.device = ? AND c.case_id = ?"
)
_WAITING: Final = (
    "SELECT a.record_id, r.received_at, r.payload FROM anomalies a JOIN records r ON r.id = a.record_id"
    " WHERE a.taken IS NULL ORDER BY a.record_id LIMIT ?"
)
_HELD: Final = (
    f"SELECT {NOTICE} FROM notices WHERE state = 'new' AND held_until <= ? ORDER BY CASE severity"
    " WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END, id LIMIT ?"
)
_GROW: Final = (
    "UPDATE notices SET last_seen = max(last_seen, ?), first_seen = min(first_seen, ?), severity = ?,"
    " confidence = max(confidence, ?), lon = coalesce(lon, ?), lat = coalesce(lat, ?), size_m = coalesce(size_m, ?),"
    " cases = cases + ?, changed_at = CASE WHEN ? THEN max(changed_at, ?) ELSE changed_at END,"
    " held_until = CASE WHEN state = 'new' AND ? THEN 0 ELSE held_until END WHERE id = ?"
)
# What holds a notice of a zone that is no longer operational is asked again so much later.
ASLEEP_S: Final = 3600


def revision_of(record_id: int, received_at: int, payload: str) -> CaseRevision:
    """A stored anomaly as the core takes it."""
    told: dict[str, Any] = json.loads(payload)
    kept = ("device", "camera", "zone", "case", "revision", "kind", "state", "x", "y", "w", "h", "lon", "lat")
    times: dict[str, Any] = {
        name: int(datetime.fromisoformat(told[name]).timestamp()) for name in ("first_seen", "last_seen")
    }
    return CaseRevision(
        record_id,
        received_at,
        **times,
        size_m=told["size_m"],
        confidence=told["confidence"],
        run=told["run"],
        **{name: told[name] for name in kept},
    )


def _by_box(rev: CaseRevision) -> AuditEntry:
    return AuditEntry(rev.received_at, f"box:{rev.device}", "", "")


class Intake:
    """One batch, inside the caller's transaction."""

    def __init__(self, db: Any, tz: ZoneInfo) -> None:
        self._db = db
        self._around = Around(db, tz)

    def take(self, most: int) -> int:
        """Take up to ``most`` revisions in order of arrival; their number."""
        rows = list(self._db.execute(_WAITING, (most,)))
        for record_id, received_at, payload in rows:
            if payload:
                self._one(revision_of(record_id, received_at, payload))
        marks = ", ".join("?" * len(rows))
        self._db.execute(
            f"UPDATE anomalies SET taken = 1 WHERE record_id IN ({marks})", [row[0] for row in rows]
        )
        return len(rows)

    def release(self, now: int, most: int) -> tuple[int, int]:
        """Ask again what holds notices whose time is over, the gravest first; how many were asked and how many released."""
        asked = [Notice(**row) for row in self._db.query(_HELD, (now, most))]
        released = 0
        for own in asked:
            if not self._around.operational(own):
                self._db.execute("UPDATE notices SET held_until = ? WHERE id = ?", (now + ASLEEP_S, own.id))
                continue
            found = self._around.hold(own, own.site, own.severity, now)
            if found is not None:
                self._db.execute("UPDATE notices SET held = ?, held_until = ? WHERE id = ?", (*found, own.id))
                continue
            set_state(self._db, own, "to_verify", now)
            audit, basis = AuditEntry(now, "server", "", ""), last_basis(self._db, own.id)
            add_event(self._db, own.id, audit, "released", "new", "to_verify", basis, own.held or "")
            released += 1
        return len(asked), released

    def _one(self, rev: CaseRevision) -> None:
        row = next(iter(self._db.query(_KNOWN, (rev.device, rev.case))), None)
        known = Known(**row) if row else None
        step = step_of(
            rev,
            known,
            operational=self._around.operational(rev),
            cooldown_s=self._around.rules(self._around.site(rev)).cooldown_s,
            vetoed=self._around.vetoed_until(rev, rev.received_at) is not None,
        )
        if step == "late":
            return
        if step == "candidate":
            self._candidate(rev)
            return
        self._file(
            rev, known.notice if known else None, ended=known is not None and known.ended_at is not None
        )
        own = notice_of(self._db, known.notice) if known and known.notice else None
        if own is None or step == "file":
            return
        if step == "update":
            self._grow(own, rev, self._around.severity(rev), joined=False)
            return
        if step == "end":
            set_state(self._db, own, "cleared", rev.received_at, last_seen=max(own.last_seen, rev.last_seen))
        after: NoticeState = "cleared" if step == "end" else own.state
        add_event(self._db, own.id, _by_box(rev), "case_cleared", own.state, after, basis_of(self._db, rev))

    def _file(self, rev: CaseRevision, notice: int | None, *, ended: bool) -> None:
        values = [getattr(rev, name) for name in _CASE_FIELDS]
        self._db.execute(_CASE, (rev.device, rev.case, notice, int(ended), *values))

    def _candidate(self, rev: CaseRevision) -> None:
        """Gather a case under the notice that is open there, or begin one."""
        found = self._around.match(rev)
        own = notice_of(self._db, found) if found is not None else None
        grave = self._around.severity(rev)
        if own is None:
            self._open(rev, grave)
            return
        self._db.execute(
            "UPDATE notice_cases SET state = 'silent' WHERE notice = ? AND device = ? AND camera = ? AND run <> ?"
            " AND state <> 'cleared'",
            (own.id, rev.device, rev.camera, rev.run),
        )
        self._file(rev, own.id, ended=False)
        self._grow(own, rev, grave, joined=True)

    def _open(self, rev: CaseRevision, grave: Severity) -> None:
        site, at = self._around.site(rev), rev.received_at
        held, until = self._around.hold(rev, site, grave, at) or (None, None)
        state: NoticeState = "new" if held else "to_verify"
        values = {
            "site": site, "state": state, "held": held, "held_until": until, "severity": grave, "opened_at": at,
            "changed_at": at, "told_at": None if held else at,
            **{
                name: getattr(rev, name)
                for name in ("device", "camera", "zone", "kind", "first_seen", "last_seen", "x", "y", "w", "h", "lon",
                             "lat", "size_m", "confidence")
            },
        }  # fmt: skip
        sql = (
            f"INSERT INTO notices ({', '.join(values)}) VALUES ({', '.join('?' * len(values))}) RETURNING id"
        )
        number = int(self._db.execute(sql, tuple(values.values())).fetchone()[0])
        self._file(rev, number, ended=False)
        add_event(self._db, number, _by_box(rev), "opened", None, state, basis_of(self._db, rev), held or "")

    def _grow(self, own: Notice, rev: CaseRevision, grave: Severity, *, joined: bool) -> None:
        """What another case, or another sight, adds to a notice."""
        worst = graver(own.severity, grave)
        worse = worst != own.severity
        self._db.execute(
            _GROW,
            (
                rev.last_seen, rev.first_seen, worst, rev.confidence, rev.lon, rev.lat, rev.size_m, int(joined),
                joined or worse, rev.received_at, worse, own.id,
            ),
        )  # fmt: skip
        if joined or worse:
            what: What = "case_joined" if joined else "case_updated"
            told = f"severity {worst}" if worse else ""
            add_event(
                self._db, own.id, _by_box(rev), what, own.state, own.state, basis_of(self._db, rev), told
            )
