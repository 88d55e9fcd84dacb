"""Notices as boards and tables show them: filtered pages, counts, what is held and why, rules, precision."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from server.notice_rules import Precision, SiteRules
from server.notices import Notice, NoticeState
from server.store.accounts import insert_audit
from server.store.base import AuditEntry
from server.store.connection import Connections
from server.store.notice_rows import NOTICE, ask_again, rules_of
from server.store.notices_base import CaseSeen, HeldBack, Wanted

# What waits for a person first, then what somebody has begun, then what is held, then what has ended.
_RANK: Final = (
    "CASE state WHEN 'to_verify' THEN 0 WHEN 'confirmed' THEN 1 WHEN 'assigned' THEN 2 WHEN 'in_work' THEN 3"
    " WHEN 'new' THEN 4 ELSE 5 END, CASE severity WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END"
)


def where_of(wanted: Wanted) -> tuple[str, list[Any]]:
    """A wish as a condition and its values."""
    parts: list[str] = ["1"]
    values: list[Any] = []
    if wanted.states:
        parts.append(f"state IN ({', '.join('?' * len(wanted.states))})")
        values += sorted(wanted.states)
    if wanted.site is not None:
        parts.append("site IS ?")
        values.append(wanted.site or None)
    for name in ("kind", "severity", "device", "camera", "held"):
        value = getattr(wanted, name)
        if value is not None:
            parts.append(f"{name} = ?")
            values.append(value)
    return " AND ".join(parts), values


class SqliteNoticeBoard:
    """The reading half of `SqliteNotices`, and the rules."""

    _connections: Connections

    def board(self, wanted: Wanted, limit: int, offset: int = 0) -> list[Notice]:
        """Notices of a wish: what waits for a person first, the gravest and newest of it first."""
        where, values = where_of(wanted)
        sql = f"SELECT {NOTICE} FROM notices WHERE {where} ORDER BY {_RANK}, opened_at DESC, id DESC LIMIT ? OFFSET ?"
        with self._connections.read() as db:
            return [Notice(**row) for row in db.query(sql, (*values, limit, offset))]

    def counts(self, wanted: Wanted) -> dict[NoticeState, int]:
        """How many notices of a wish there are in each state, whatever states it names."""
        where, values = where_of(replace(wanted, states=frozenset(), held=None))
        sql = f"SELECT state, count(*) FROM notices WHERE {where} GROUP BY state"
        with self._connections.read() as db:
            return {state: int(number) for state, number in db.execute(sql, values)}

    def waiting(self) -> int:
        """How many notices wait to be verified."""
        with self._connections.read() as db:
            sql = "SELECT count(*) FROM notices WHERE state = 'to_verify'"
            return int(db.execute(sql).fetchone()[0])

    def held(self, site: str | None = None) -> list[HeldBack]:
        """What is held back, by site and reason; ``site`` None: of every site, empty: of places without one."""
        where, values = where_of(Wanted(site=site))
        sql = (
            "SELECT site, held AS reason, count(*) AS number, min(held_until) AS until FROM notices"
            f" WHERE state = 'new' AND {where} GROUP BY site, held ORDER BY site, held"
        )
        with self._connections.read() as db:
            return [HeldBack(**row) for row in db.query(sql, values)]

    def cameras_with_notices(self) -> list[tuple[str, str]]:
        """Device and camera of every notice there is."""
        with self._connections.read() as db:
            sql = "SELECT DISTINCT device, camera FROM notices ORDER BY device, camera"
            return [tuple(row) for row in db.execute(sql)]

    def cases_of(self, notice_id: int) -> list[CaseSeen]:
        """The cases gathered under a notice, the first seen first."""
        sql = (
            'SELECT device, camera, zone, case_id AS "case", revision, state, first_seen, last_seen, x, y, w, h,'
            " confidence FROM notice_cases WHERE notice = ? ORDER BY first_seen, device, case_id"
        )
        with self._connections.read() as db:
            return [CaseSeen(**row) for row in db.query(sql, (notice_id,))]

    def rules(self, site: str | None) -> SiteRules:
        """The rules in force for a site; None: for places without one."""
        with self._connections.read() as db:
            return rules_of(db, site)

    def own_rules(self) -> frozenset[str | None]:
        """Which sites have rules of their own; None: those of places without a site were changed."""
        with self._connections.read() as db:
            return frozenset(row[0] for row in db.execute("SELECT site FROM notice_rules"))

    def set_rules(self, site: str | None, rules: SiteRules, audit: AuditEntry) -> None:
        """Give a site rules; what is held is asked again.

        Raises:
            StoreError: when there is no such site.
        """
        with self._connections.write() as db:
            before, values = rules_of(db, site), asdict(rules)
            db.execute("DELETE FROM notice_rules WHERE ifnull(site, '') = ?", (site or "",))
            db.execute(
                f"INSERT INTO notice_rules (site, {', '.join(values)}) VALUES (?, {', '.join('?' * len(values))})",
                (site, *values.values()),
            )
            ask_again(db)
            old = asdict(before)
            told = ", ".join(
                f"{name} {old[name]} -> {new}" for name, new in values.items() if new != old[name]
            )
            insert_audit(db, replace(audit, detail=told or "as before"))

    def precision(self, months: Sequence[tuple[str, int, int]]) -> list[Precision]:
        """Of the notices begun in each month that people answered, how many were something, by camera.

        ``months``: name, start and end (UTC seconds). A camera that gave notices but no answer has 0 answered.
        """
        sql = (
            "SELECT device, camera, ? AS month, count(verdict) AS answered, coalesce(sum(verdict), 0) AS real"
            " FROM notices WHERE opened_at >= ? AND opened_at < ? GROUP BY device, camera ORDER BY device, camera"
        )
        with self._connections.read() as db:
            return [Precision(**row) for month in months for row in db.query(sql, month)]
