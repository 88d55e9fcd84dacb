"""The planner's calendar, in SQLite."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any, Final

from server.calendar import Entry
from server.errors import StoreError
from server.store.accounts import insert_audit
from server.store.base import AuditEntry
from server.store.connection import Connections

_COLUMNS: Final = (
    "site, kind, name_fr, name_en, first_day, last_day, start_min, end_min, weekdays, exceptions"
)


def _values(entry: Entry) -> tuple[Any, ...]:
    return (
        entry.site,
        entry.kind,
        entry.name_fr,
        entry.name_en,
        entry.first.isoformat(),
        entry.last.isoformat() if entry.last else None,
        entry.start_min,
        entry.end_min,
        json.dumps(entry.weekdays),
        json.dumps([day.isoformat() for day in entry.exceptions]),
    )


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(
        kind=row["kind"],
        name_fr=row["name_fr"],
        name_en=row["name_en"],
        first=date.fromisoformat(row["first_day"]),
        last=date.fromisoformat(row["last_day"]) if row["last_day"] else None,
        start_min=row["start_min"],
        end_min=row["end_min"],
        weekdays=tuple(json.loads(row["weekdays"])),
        exceptions=tuple(date.fromisoformat(day) for day in json.loads(row["exceptions"])),
        site=row["site"],
        id=row["id"],
    )


def _read(db: Any, site: str | None) -> list[Entry]:
    sql = f"SELECT id, {_COLUMNS} FROM calendar WHERE site IS NULL OR site = ? ORDER BY first_day, id"
    return [_entry(row) for row in db.query(sql, (site,))]


class CalendarRows:
    """The calendar's part of `Sites`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def entries(self, site: str | None) -> list[Entry]:
        """The calendar of the whole town and, if one is named, of a site, by first day."""
        with self._connections.read() as db:
            return _read(db, site)

    def add_entries(self, entries: Iterable[Entry], audit: AuditEntry) -> int:
        """Add to the calendar, all of it or nothing, leaving out what is there already; the number added.

        Raises:
            StoreError: when a site does not exist.
        """
        new = list(entries)
        with self._connections.write() as db:
            for site in {entry.site for entry in new if entry.site is not None}:
                if db.execute("SELECT 1 FROM sites WHERE id = ?", (site,)).fetchone() is None:
                    raise StoreError(f"there is no site {site!r}; nothing was added")
            there: set[Entry] = set()
            for site_or_town in {entry.site for entry in new}:
                there |= {replace(entry, id=0) for entry in _read(db, site_or_town)}
            added = 0
            for entry in new:
                if replace(entry, id=0) in there:
                    continue
                there.add(replace(entry, id=0))
                marks = ", ".join("?" * len(_values(entry)))
                db.execute(f"INSERT INTO calendar ({_COLUMNS}) VALUES ({marks})", _values(entry))
                added += 1
            if added:
                insert_audit(db, audit)
            return added

    def replace_entry(self, entry: Entry, audit: AuditEntry) -> bool:
        """Replace the entry with this id; False when there is none."""
        settings = ", ".join(f"{name} = ?" for name in _COLUMNS.split(", "))
        return self._changed(
            f"UPDATE calendar SET {settings} WHERE id = ?", (*_values(entry), entry.id), audit
        )

    def remove_entry(self, entry_id: int, audit: AuditEntry) -> bool:
        """Forget an entry; False when there is none."""
        return self._changed("DELETE FROM calendar WHERE id = ?", (entry_id,), audit)

    def _changed(self, sql: str, values: tuple[Any, ...], audit: AuditEntry) -> bool:
        with self._connections.write() as db:
            changed = bool(db.execute(sql, values).rowcount == 1)
            if changed:
                insert_audit(db, audit)
            return changed
