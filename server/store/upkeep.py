"""Retention, purge, backups and roll-ups of a SQLite file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from server.errors import StoreError
from server.retention import SILENCE_S, Retention, clock_is_doubtful, cutoffs
from server.store import backups
from server.store.accounts import insert_audit
from server.store.base import AuditEntry
from server.store.connection import Connections
from server.store.hours import remake
from server.store.purge import UNCOMPACTED, Deletion, compact, count, holding, must_compact, plan
from server.store.upkeep_base import Backup, Purged

_RETENTION: Final = "retention"
_LAST: Final = "last_purge"


def _never() -> bool:
    return False


def _setting(db: Any, name: str) -> Any:
    row = db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    return json.loads(row[0]) if row else None


def _set(db: Any, name: str, value: Any) -> None:
    db.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, json.dumps(value)))


class SqliteUpkeep:
    """Implements `Upkeep`."""

    def __init__(self, connections: Connections, path: Path) -> None:
        self._connections = connections
        self._path = path
        self._folder = path.parent / backups.FOLDER

    def retention(self) -> Retention:
        """What this installation chose."""
        with self._connections.read() as db:
            return Retention(**(_setting(db, _RETENTION) or {}))

    def choose(self, kept: Retention, audit: AuditEntry) -> None:
        """Choose how long things are kept."""
        with self._connections.write() as db:
            _set(db, _RETENTION, kept.as_dict())
            insert_audit(db, audit)

    def last_purge(self) -> int | None:
        """When the last purge that finished began."""
        with self._connections.read() as db:
            found: int | None = _setting(db, _LAST)
            return found

    def doomed(self, now: int) -> Purged:
        """What a purge would delete."""
        kept = self.retention()
        with self._connections.read() as db:
            deleted = count(db, plan(db, cutoffs(kept, now)))
        past = tuple(one.name for one in self.backups() if one.expires_at <= now)
        return Purged(deleted, expired=past)

    def purge(
        self, now: int, actor: str, stop: Callable[[], bool] = _never, *, all_backups: bool = False
    ) -> Purged:
        """Delete what is past its time, so that no byte of it is left; ``stop`` is asked between steps.

        Raises:
            StoreError: when something cannot be deleted, or the clock cannot be believed.
        """
        kept = self.retention()
        cut = cutoffs(kept, now)
        with self._connections.read() as db:
            newest = db.execute("SELECT max(last_received) FROM cameras").fetchone()[0]
            doomed = plan(db, cut)
        if clock_is_doubtful(now, newest):
            raise StoreError(
                f"{self._path}: nothing was delivered for {SILENCE_S // 86400} days by this machine's clock, which may"
                " be wrong, so nothing is deleted. Set the clock; or, if the boxes are gone, move this folder away"
            )
        deletion = Deletion(self._connections, stop)
        deletion.run(doomed)
        if not stop():
            deletion.forget_places(cut)
        expired = backups.expire(self._folder, kept, now, everything=all_backups)
        result = Purged(deletion.deleted, expired)
        return result if stop() else self._finish(result, deletion.markers, now, actor)

    def _finish(self, result: Purged, markers: list[str], now: int, actor: str) -> Purged:
        """Write the file anew, look for what was deleted, and say so in the audit."""
        with self._connections.read() as db:
            pending = must_compact(db)
        if pending:
            wal = self._path.with_name(self._path.name + "-wal")
            size = compact(self._connections, wal)
            copies = [self._folder / one.name / self._path.name for one in self.backups()]
            found = holding([self._path, wal, *copies], markers)
            result = replace(
                result,
                markers=len(markers),
                remains=tuple(path.name for path in found if path not in copies),
                backups=tuple(path.parent.name for path in found if path in copies),
                wal_bytes=size,
            )
        result = replace(result, finished=not result.remains and not result.wal_bytes)
        with self._connections.write() as db:
            if result.finished:
                db.execute("DELETE FROM settings WHERE name = ?", (UNCOMPACTED,))
                _set(db, _LAST, now)
            if pending or result.expired:
                insert_audit(db, AuditEntry(now, actor, "retention.purge", "database", _told(result)))
        return result

    def backup(self, now: int, actor: str) -> Backup:
        """Copy the database while it is used.

        Raises:
            StoreError: when that fails; nothing half made is left under the name of a backup.
        """
        made = backups.make(self._path, self._folder, self.retention(), now)
        with self._connections.write() as db:
            insert_audit(db, AuditEntry(now, actor, "backup.made", made.name, f"{made.bytes} bytes"))
        return made

    def backups(self) -> list[Backup]:
        """The backups there are, oldest first."""
        return backups.listed(self._folder, self.retention())

    def remake_hours(self) -> int:
        """Make the hours again whose intervals are all there; their number."""
        with self._connections.read() as db:
            sql = "SELECT device, camera, name, kind FROM places"
            places = [tuple(row) for row in db.execute(sql)]
        made = 0
        for place in places:
            with self._connections.write() as db:
                sql = "SELECT purged_before FROM places WHERE device = ? AND camera = ? AND name = ? AND kind = ?"
                row = db.execute(sql, place).fetchone()
                made += remake(db, place, row[0]) if row else 0
        return made


def _told(result: Purged) -> str:
    rows = ", ".join(f"{name} {number}" for name, number in result.deleted.items() if number) or "no rows"
    looked = f"{result.markers} digests looked for, left in {', '.join(result.remains) or 'no file'}"
    return (
        f"deleted: {rows}; {looked}; log {result.wal_bytes} bytes; backups expired {len(result.expired)},"
        f" holding deleted records until they expire {len(result.backups)}"
    )
