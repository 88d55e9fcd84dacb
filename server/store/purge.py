"""Deletes what is past its time, so that no byte of it is left in the database or its log.

Rules:
1. Rows go in short transactions, so that deliveries get in between; a place says first that it is no longer whole.
2. ``secure_delete`` clears what a row occupied, but SQLite moves rows about and leaves copies between them (measured:
   one row in a thousand). So a purge ends with ``VACUUM``, which writes every page anew, and with an empty log.
3. That this is still to be done is on the disk before the first row goes.
4. Digests of deleted records are then looked for in the files, byte by byte.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from server.errors import StoreError
from server.retention import Cutoffs
from server.store.connection import Connections
from server.store.notes_purge import notes
from server.store.purposes import operational_zones

BATCH: Final = 1000
MARKERS: Final = 8
_SCAN_S: Final = 3600.0
_CHECKPOINTS: Final = 3
_PLACE: Final = "device = ? AND camera = ? AND name = ? AND kind = ?"
_RECORDS: Final = (("records", "id"),)
_INTERVALS: Final = (("counts", "record_id"), ("intervals", "record_id"), ("records", "id"))
_CASES: Final = (("cases_waiting", "record_id"), ("anomalies", "record_id"), ("records", "id"))
# Purposes and retention itself are accounted for as long as any figure is kept.
_ACCOUNTABLE: Final = "(action LIKE 'purpose.%' OR action LIKE 'retention.%')"
UNCOMPACTED: Final = "uncompacted"


@dataclass(frozen=True, slots=True)
class Doomed:
    """Rows to delete: ``choose`` finds their numbers, ``tables`` says where these stand in which column.

    ``first`` is a statement that runs in each transaction before rows go.
    """

    what: str
    choose: str
    values: tuple[Any, ...]
    tables: tuple[tuple[str, str], ...]
    first: tuple[str, tuple[Any, ...]] | None = None


def plan(db: Any, cut: Cutoffs) -> list[Doomed]:
    """Everything that is past its time."""
    places = [tuple(row) for row in db.execute("SELECT device, camera, name, kind FROM places")]
    operational = operational_zones(db)
    found = [_intervals(place, operational, cut) for place in places]
    for place in places:
        for table in ("hours", "hour_counts"):
            sql = f"SELECT rowid FROM {table} WHERE {_PLACE} AND hour < ?"
            found.append(Doomed(table, sql, (*place, cut.rollups), ((table, "rowid"),)))
    sql = "SELECT id FROM records WHERE type = ? AND quarantine IS NULL AND received_at < ?"
    found.append(Doomed("grids", sql, ("parvis.grid.v1", cut.grids), (("grids", "record_id"), *_RECORDS)))
    for what, kind, before in (
        ("health", "parvis.health.v1", cut.health),
        ("configurations", "parvis.config.v1", cut.rollups),
    ):
        found.append(Doomed(what, sql, (kind, before), _RECORDS))
    sql = "SELECT id FROM records WHERE quarantine IS NOT NULL AND received_at < ?"
    found.append(Doomed("quarantine", sql, (cut.statistics,), _RECORDS))
    sql = (
        "SELECT a.record_id FROM anomalies a WHERE (SELECT max(r.received_at) FROM anomalies b"
        " JOIN records r ON r.id = b.record_id WHERE b.device = a.device AND b.case_id = a.case_id) < ?"
    )
    found.append(Doomed("cases", sql, (cut.cases,), _CASES))
    found += [Doomed(*one) for one in notes(cut)]
    sql = f"SELECT id FROM audit WHERE at < ? OR (at < ? AND NOT {_ACCOUNTABLE})"
    may = ("INSERT INTO purging (before) VALUES (?)", (max(cut.audit, cut.rollups),))
    found.append(Doomed("audit", sql, (cut.rollups, cut.audit), (("audit", "id"),), may))
    sql = "SELECT rowid FROM sessions WHERE expires_at <= ?"
    found.append(Doomed("sessions", sql, (cut.now,), (("sessions", "rowid"),)))
    return found


def _intervals(place: tuple[Any, ...], operational: set[tuple[str, str, str]], cut: Cutoffs) -> Doomed:
    switched = place[3] != "line" and place[:3] in operational
    before = cut.intervals("operational" if switched else None)
    return Doomed(
        "intervals",
        f"SELECT record_id FROM intervals WHERE {_PLACE} AND start < ?",
        (*place, before),
        _INTERVALS,
        (
            f"UPDATE places SET purged_before = ? WHERE {_PLACE} AND purged_before < ?",
            (before, *place, before),
        ),
    )


def count(db: Any, doomed: Iterable[Doomed]) -> dict[str, int]:
    """Number of rows by what they are."""
    found: dict[str, int] = {}
    for one in doomed:
        rows = int(db.execute(f"SELECT count(*) FROM ({one.choose})", one.values).fetchone()[0])
        found[one.what] = found.get(one.what, 0) + rows
    return found


@dataclass(slots=True)
class Deletion:
    """Deletes, and remembers how many rows and the digests of some of them."""

    connections: Connections
    stop: Callable[[], bool]
    deleted: dict[str, int] = field(default_factory=dict)
    markers: list[str] = field(default_factory=list)

    def run(self, doomed: Iterable[Doomed]) -> None:
        """Delete all of it, or as much as there is time for."""
        for one in doomed:
            self.deleted.setdefault(one.what, 0)
            while not self.stop() and self._batch(one) == BATCH:
                pass

    def _batch(self, one: Doomed) -> int:
        with self.connections.write() as db:
            ids = [row[0] for row in db.execute(f"{one.choose} LIMIT ?", (*one.values, BATCH))]
            if not ids:
                return 0
            marks = ", ".join("?" * len(ids))
            db.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, '1')", (UNCOMPACTED,))
            if one.first is not None:
                db.execute(*one.first)
            if one.tables[-1] == _RECORDS[0] and len(self.markers) < MARKERS:
                sql = f"SELECT digest FROM records WHERE id IN ({marks}) LIMIT ?"
                self.markers += [r[0] for r in db.execute(sql, (*ids, MARKERS - len(self.markers)))]
            for table, column in one.tables:
                db.execute(f"DELETE FROM {table} WHERE {column} IN ({marks})", ids)
            db.execute("DELETE FROM purging")
        self.deleted[one.what] += len(ids)
        return len(ids)

    def forget_places(self, cut: Cutoffs) -> None:
        """Places and cameras of which nothing is left, and the extent of the others."""
        with self.connections.write() as db:
            db.execute(
                "UPDATE places SET first_start = ? WHERE first_start < ? AND last_end > ?", (cut.rollups,) * 3
            )
            for what, sql in (
                ("places", "DELETE FROM places WHERE last_end <= ?"),
                ("cameras", "DELETE FROM cameras WHERE last_received < ?"),
            ):
                self.deleted[what] = db.execute(sql, (cut.rollups,)).rowcount
            if self.deleted["places"] or self.deleted["cameras"]:
                db.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, '1')", (UNCOMPACTED,))


def must_compact(db: Any) -> bool:
    """Whether rows went since the file was last written anew."""
    return bool(db.execute("SELECT 1 FROM settings WHERE name = ?", (UNCOMPACTED,)).fetchone())


def compact(connections: Connections, wal: Path) -> int:
    """Write the file anew and empty its log.

    Returns:
        The size of the log afterwards, bytes: 0 unless a reader held it the whole time.
    """
    with connections.alone() as db:
        db.execute("VACUUM")
    for turn in range(_CHECKPOINTS):
        time.sleep(turn)
        with connections.alone() as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        size = wal.stat().st_size if wal.exists() else 0
        if size == 0:
            break
    return size


def holding(files: Sequence[Path], markers: Sequence[str]) -> list[Path]:
    """Those of the files in which one of the markers stands.

    Raises:
        StoreError: when they cannot be read.
    """
    if not files or not markers:
        return []
    script = Path(__file__).with_name("remains.py")
    done = subprocess.run(
        [sys.executable, "-I", str(script), *map(str, files)],
        input="\n".join(markers),
        capture_output=True,
        text=True,
        timeout=_SCAN_S,
        check=False,
    )
    if done.returncode:
        raise StoreError(
            f"{files[0].parent}: whether the purge left nothing cannot be checked: {done.stderr[-300:]}"
        )
    found = set(done.stdout.splitlines())
    return [path for path in files if str(path) in found]
