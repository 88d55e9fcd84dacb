"""Delivered records, in SQLite: written by batches, read as sums."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from contract.batch import ConfigRecord, Record, parse_record
from contract.names import BINS, ObjectClass
from server.reports import Amounts, Kind, Row
from server.store.accounts import insert_audit
from server.store.base import AuditEntry, CameraState, Incoming, Place, Quarantined
from server.store.batch import Batch
from server.store.connection import Connections
from server.store.doubled import marked, told_twice
from server.store.hours import FULLNESS, HOUR_S, histogram_sums, measured
from server.store.hours import last_end as last_hour_end
from server.store.hours import read as hours
from server.store.keys import Received
from server.store.purposes import operational_zones
from server.store.typed import FLAGS

_WHERE: Final = (
    "t.device = ? AND t.camera = ? AND t.name = ? AND t.kind = ?"
    " AND t.start >= ? AND t.start < ? AND t.start + t.interval_s <= ?"
)
_SUMMED: Final = ("observed_s", "occupied_bay_s", "observed_bay_s", "arrivals", "departures", "stay_censored")
_HIGHEST: Final = ("unsynced", "peak_vehicle", "bays", "peak")
_SUMS: Final = (
    "SELECT t.start - t.start % ? AS bin, t.version AS version, max(t.interval_s) AS longest, "
    + ", ".join(f"sum(t.{name}) AS {name}" for name in (*_SUMMED, *(f"{flag}_s" for flag in FLAGS)))
    + "".join(f", max(t.{name}) AS {name}" for name in _HIGHEST)
    + "".join(f", sum({expression}) AS {name}" for name, expression in FULLNESS.items())
    + f", {histogram_sums('stay', 't')} FROM {measured(_WHERE)} GROUP BY bin, t.version ORDER BY bin"
)
_COUNTS: Final = (
    "SELECT t.start - t.start % ? AS bin, t.version AS version, c.class AS class, sum(c.object_s),"
    f" max(c.peak), sum(c.entries), sum(c.exits), sum(c.dwell_censored), {histogram_sums('dwell', 'c')}"
    f" FROM intervals t JOIN counts c ON c.record_id = t.record_id WHERE {_WHERE} GROUP BY bin, t.version, c.class"
)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest_before(db: Any, record: Record) -> str | None:
    """The digest of a record that came in an earlier batch; None when it was purged and cannot be compared."""
    row = db.execute("SELECT digest FROM records WHERE key = ?", (record.key,)).fetchone()
    return None if row is None else row[0]


def _key(place: Place) -> tuple[str, str, str, str]:
    return place.device, place.camera, place.name, place.kind


def _parking(row: Mapping[str, Any]) -> Amounts:
    return Amounts(
        object_s=row["occupied_bay_s"],
        peak=row["peak"],
        entries=row["arrivals"],
        exits=row["departures"],
        censored=row["stay_censored"],
        lengths=tuple(row[f"stay_{number}"] for number in range(BINS)),
    )


def rows_in(db: Any, place: Place, start: int, end: int, until: int, grain_s: int) -> list[Row]:
    """`Records.rows`, inside the caller's transaction."""
    # Whole hours that have passed come from their sums; the rest from the intervals themselves.
    whole = start
    if grain_s % HOUR_S == 0:
        whole = max(start, min(end, until - until % HOUR_S))
    values = (grain_s, *_key(place), whole, end, until)
    sums, amounts_of = hours(db, place, start, whole) if whole > start else ([], [])
    sums += db.query(_SUMS, values)
    if place.kind != "parking":
        amounts_of += db.execute(_COUNTS, values)
    twice = told_twice(db, place, start, end, grain_s)
    counts: dict[tuple[int, str], dict[ObjectClass, Amounts]] = {}
    for bin_start, version, name, object_s, peak, entries, exits, censored, *lengths in amounts_of:
        amounts = Amounts(object_s, peak, entries, exits, censored, tuple(lengths))
        counts.setdefault((bin_start, version), {})[name] = amounts
    found = [
        Row(
            start=row["bin"],
            interval_s=row["longest"],
            observed_s=row["observed_s"],
            version=row["version"],
            flag_s={flag: row[f"{flag}_s"] for flag in FLAGS},
            unsynced=bool(row["unsynced"]),
            counts=counts.get((row["bin"], row["version"]), {}),
            peak_vehicle=row["peak_vehicle"],
            bays=row["bays"],
            observed_bay_s=row["observed_bay_s"],
            parking=_parking(row),
            **{name: row[name] for name in FULLNESS},
        )
        for row in sums
    ]
    return marked(found, twice, grain_s) if twice else found


class SqliteRecords:
    """Implements `Records`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, items: Sequence[Incoming], received_at: int) -> list[bool]:
        """Store a batch in one transaction; False for a key whose first payload differs (kept, audited)."""
        with self._connections.write() as db:
            received = Received(db, (item.record.key for item in items))
            batch = Batch(db, received_at)
            stored = [self._add_one(db, item, received, batch, received_at) for item in items]
            batch.store()
            batch.noted.store()
            received.store()
            return stored

    def _add_one(self, db: Any, item: Incoming, received: Received, batch: Batch, received_at: int) -> bool:
        record, digest = item.record, _digest(item.canonical)
        before = batch.digest(record.key)
        if before is None and record.key in received:
            before = _digest_before(db, record)
            if before is None:
                return True
        if before is None:
            batch.add(item, digest)
            received.add(record.key)
            return True
        if before == digest:
            return True
        detail = f"kept {before[:16]}, refused {digest[:16]}"
        insert_audit(db, AuditEntry(received_at, record.device, "record.conflict", record.key, detail))
        return False

    def places(self) -> list[Place]:
        """Everything that ever sent an interval, sorted by name."""
        with self._connections.read() as db:
            sql = "SELECT * FROM places ORDER BY device, camera, kind = 'line', name"
            return [Place(**row) for row in db.query(sql)]

    def place(self, device: str, camera: str, name: str, kinds: Sequence[Kind]) -> Place | None:
        """The one that sent last under this name."""
        sql = "SELECT * FROM places WHERE device = ? AND camera = ? AND name = ? ORDER BY last_end DESC"
        with self._connections.read() as db:
            found = [Place(**row) for row in db.query(sql, (device, camera, name))]
        return next((place for place in found if place.kind in kinds), None)

    def rows(self, place: Place, start: int, end: int, until: int, grain_s: int) -> list[Row]:
        """Sums per ``grain_s`` and version of intervals that start in ``[start, end)`` and end by ``until``."""
        with self._connections.read() as db:
            return rows_in(db, place, start, end, until, grain_s)

    def last_end(self, place: Place, until: int) -> int | None:
        """The end of the last interval that ends by ``until``."""
        sql = (
            "SELECT start + interval_s FROM intervals WHERE device = ? AND camera = ? AND name = ? AND kind = ?"
            " AND start <= ? AND start + interval_s <= ? ORDER BY start DESC LIMIT 1"
        )
        with self._connections.read() as db:
            row = db.execute(sql, (*_key(place), until, until)).fetchone()
            # Of a place that fell silent long ago only its hours are left.
            return int(row[0]) if row else last_hour_end(db, place, until)

    def config(self, device: str, camera: str) -> ConfigRecord | None:
        """The latest configuration by its own time."""
        sql = "SELECT config FROM cameras WHERE device = ? AND camera = ? AND config IS NOT NULL"
        with self._connections.read() as db:
            row = db.execute(sql, (device, camera)).fetchone()
        record = parse_record(json.loads(row[0])) if row else None
        return record if isinstance(record, ConfigRecord) else None

    def cameras(self) -> list[CameraState]:
        """Every camera that ever delivered."""
        sql = "SELECT device, camera, last_received, last_end, health FROM cameras ORDER BY device, camera"
        with self._connections.read() as db:
            return [
                CameraState(**{**row, "health": json.loads(row["health"]) if row["health"] else None})
                for row in db.query(sql)
            ]

    def quarantined(self, limit: int) -> list[Quarantined]:
        """The newest records kept out of the reports."""
        sql = (
            "SELECT key, type, device, camera, received_at, quarantine AS reason, payload FROM records"
            " WHERE quarantine IS NOT NULL ORDER BY received_at DESC, id DESC LIMIT ?"
        )
        with self._connections.read() as db:
            return [Quarantined(**row) for row in db.query(sql, (limit,))]

    def cases(self, limit: int) -> list[Mapping[str, Any]]:
        """Anomaly cases of operational zones, each at its highest revision, newest first, as payloads."""
        sql = (
            "SELECT r.payload FROM anomalies a JOIN records r ON r.id = a.record_id WHERE a.revision ="
            " (SELECT max(b.revision) FROM anomalies b WHERE b.device = a.device AND b.case_id = a.case_id)"
            " ORDER BY r.received_at DESC, r.id DESC"
        )
        with self._connections.read() as db:
            allowed = operational_zones(db)
            cases = (json.loads(row[0]) for row in db.execute(sql))
            shown = (case for case in cases if (case["device"], case["camera"], case["zone"]) in allowed)
            return list(itertools.islice(shown, limit))

    def count(self) -> int:
        """Number of stored records, quarantined ones included."""
        with self._connections.read() as db:
            return int(db.execute("SELECT count(*) FROM records").fetchone()[0])

    def ping(self) -> None:
        """Read something.

        Raises:
            StoreError: when that fails.
        """
        with self._connections.read() as db:
            db.execute("SELECT 1 FROM records LIMIT 1").fetchone()
