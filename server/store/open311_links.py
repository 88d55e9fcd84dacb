"""Servers posted to and what became of each notice there, in SQLite.

Rule: a link changes only from the state it was read in, so that of two who act on it one alone does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from server.notices import NoticeEvent
from server.store.accounts import insert_audit
from server.store.base import AuditEntry
from server.store.connection import Connections
from server.store.open311_base import Endpoint, Link, LinkState

_ENDPOINT: Final = (
    "SELECT id, site, url, jurisdiction_id, form, codes, radius_m, days, not_ours, extra, language, private, key_on_get,"
    " created_at, created_by, asked_at, poll_at, failures, problem, detail, ended_at FROM open311_endpoints"
)
_LINK: Final = "SELECT * FROM open311_links"
_CHOSEN: Final = (
    "jurisdiction_id", "codes", "radius_m", "days", "not_ours", "extra", "language", "private", "key_on_get",
)  # fmt: skip
_CHANGES: Final = frozenset(
    {
        "state",
        "lon",
        "lat",
        "request_id",
        "token",
        "own",
        "tries",
        "next_at",
        "posted_at",
        "problem",
        "detail",
    }
)
# A request that stands for the notice, or may: a second confirmation makes no second one.
_HELD: Final = ("waiting", "posting", "checking", "asks", "token", "linked", "known", "untraced")


def _endpoint(row: dict[str, Any]) -> Endpoint:
    return Endpoint(
        **{
            **row,
            "codes": json.loads(row["codes"]),
            "not_ours": tuple(json.loads(row["not_ours"])),
            "extra": json.loads(row["extra"]),
            "private": bool(row["private"]),
            "key_on_get": bool(row["key_on_get"]),
        }
    )


def _link(row: dict[str, Any]) -> Link:
    return Link(**{**row, "own": bool(row["own"])})


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _chosen(own: Endpoint) -> dict[str, Any]:
    values = {name: getattr(own, name) for name in _CHOSEN}
    for name in ("codes", "not_ours", "extra"):
        values[name] = json.dumps(values[name], ensure_ascii=False)
    return values


class SqliteEndpoints:
    """Implements `Endpoints`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, own: Endpoint, audit: AuditEntry) -> int:
        """Store a server (its id is ignored); its id, or 0 when its site has one."""
        values = {
            "site": own.site,
            "url": own.url,
            "form": own.form,
            **_chosen(own),
            "created_at": audit.at,
            "created_by": audit.actor,
        }
        names, marks = ", ".join(values), _marks(list(values))
        sql = f"INSERT INTO open311_endpoints ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING RETURNING id"  # noqa: S608 - our names
        with self._connections.write() as db:
            row = db.execute(sql, tuple(values.values())).fetchone()
            if row is not None:
                insert_audit(db, audit)
        return int(row[0]) if row else 0

    def change(self, own: Endpoint, audit: AuditEntry) -> bool:
        """Replace what people chose of a server; its site and address stay."""
        values = _chosen(own)
        sets = ", ".join(f"{name} = ?" for name in values)
        sql = f"UPDATE open311_endpoints SET {sets} WHERE id = ? AND ended_at IS NULL"  # noqa: S608 - our names
        return self._audited(sql, (*values.values(), own.id), audit)

    def end(self, endpoint: int, audit: AuditEntry) -> bool:
        """Post there no more; what waits is dropped. False when there is none such."""
        sql = "UPDATE open311_endpoints SET ended_at = ?, ended_by = ? WHERE id = ? AND ended_at IS NULL"
        drop = "UPDATE open311_links SET state = 'dropped', changed_at = ? WHERE endpoint = ? AND state = 'waiting'"
        with self._connections.write() as db:
            done = bool(db.execute(sql, (audit.at, audit.actor, endpoint)).rowcount)
            if done:
                db.execute(drop, (audit.at, endpoint))
                insert_audit(db, audit)
        return done

    def _audited(self, sql: str, values: tuple[Any, ...], audit: AuditEntry | None) -> bool:
        with self._connections.write() as db:
            done = bool(db.execute(sql, values).rowcount)
            if done and audit is not None:
                insert_audit(db, audit)
        return done

    def active(self) -> list[Endpoint]:
        """Those that have not ended."""
        with self._connections.read() as db:
            return [_endpoint(row) for row in db.query(f"{_ENDPOINT} WHERE ended_at IS NULL ORDER BY site")]

    def asked(
        self, endpoint: int, at: int, poll_at: int, failures: int, problem: str, detail: str, form: str
    ) -> None:
        """Note how asking a server went."""
        sql = (
            "UPDATE open311_endpoints SET asked_at = ?, poll_at = ?, failures = ?, problem = ?, detail = ?, form = ?"
            " WHERE id = ?"
        )
        self._audited(sql, (at, poll_at, failures, problem, detail[:300], form, endpoint), None)

    def want(self, endpoint: int, event: NoticeEvent) -> None:
        """A notice was confirmed: it waits to be posted, unless this very event said so before; an open link stays."""
        held = _marks(_HELD)
        new = (
            "INSERT INTO open311_links (endpoint, notice, event, state, changed_at) VALUES (?, ?, ?, 'waiting', ?)"
            " ON CONFLICT (endpoint, notice) DO UPDATE SET event = excluded.event, state = 'waiting', request_id = '',"
            " token = '', own = 0, tries = 0, next_at = 0, posted_at = NULL, problem = '', detail = '',"
            " changed_at = excluded.changed_at"
            " WHERE open311_links.event < excluded.event AND open311_links.state NOT IN "
        )
        self._audited(f"{new}({held})", (endpoint, event.notice, event.id, event.at, *_HELD), None)

    def due(self, endpoint: int, states: Sequence[LinkState], now: int, limit: int) -> list[Link]:
        """Links in these states whose time has come, the oldest first."""
        sql = f"{_LINK} WHERE endpoint = ? AND state IN ({_marks(states)}) AND next_at <= ? ORDER BY next_at, id LIMIT ?"
        with self._connections.read() as db:
            return [_link(row) for row in db.query(sql, (endpoint, *states, now, limit))]

    def _step(self, link: Link, now: int, changes: dict[str, Any], audit: AuditEntry | None) -> bool:
        unknown = set(changes) - _CHANGES
        if unknown:
            raise TypeError(f"a link has no {unknown}")
        values = {**changes, "changed_at": now}
        if "detail" in values:
            values["detail"] = str(values["detail"])[:300]
        sets = ", ".join(f"{name} = ?" for name in values)
        sql = f"UPDATE open311_links SET {sets} WHERE id = ? AND state = ?"  # noqa: S608 - our names
        return self._audited(sql, (*values.values(), link.id, link.state), audit)

    def step(self, link: Link, now: int, **changes: Any) -> bool:
        """Change a link, if it is still in the state it was read in."""
        return self._step(link, now, changes, None)

    def decide(self, link: Link, audit: AuditEntry, **changes: Any) -> bool:
        """The same, by a person."""
        return self._step(link, audit.at, changes, audit)

    def links(self, limit: int, states: Sequence[LinkState] | None = None) -> list[Link]:
        """Links, newest change first."""
        sql, values = _LINK, tuple[str, ...]()
        if states is not None:
            sql, values = f"{_LINK} WHERE state IN ({_marks(states)})", tuple(states)
        with self._connections.read() as db:
            return [
                _link(row)
                for row in db.query(f"{sql} ORDER BY changed_at DESC, id DESC LIMIT ?", (*values, limit))
            ]

    def link(self, link_id: int) -> Link | None:
        """One link."""
        with self._connections.read() as db:
            return next((_link(row) for row in db.query(f"{_LINK} WHERE id = ?", (link_id,))), None)

    def taken(self, endpoint: int, notice: int) -> set[str]:
        """Ids of requests of this server, by whatever endpoint, that stand for other notices."""
        sql = (
            "SELECT request_id FROM open311_links WHERE notice != ? AND state = 'linked' AND endpoint IN"
            " (SELECT id FROM open311_endpoints WHERE url = (SELECT url FROM open311_endpoints WHERE id = ?))"
        )
        with self._connections.read() as db:
            return {str(row[0]) for row in db.execute(sql, (notice, endpoint))}
