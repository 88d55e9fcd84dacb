"""Which run told what, inside the caller's transaction: the origin of every hour, and what was told twice.

Rules:
1. A run has one configuration for each camera (design.md, section 4), so a record's run says under what it was counted.
2. Sums grow in the transaction that stores a record, once a batch and hour, however late the record is.
3. An hour that several runs told is looked at again with each record it gets; what was found told twice stays marked.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from contract.batch import ConfigRecord, LineRecord, ParkingRecord, Record, ZoneRecord
from server.overlap import told_twice_s

HOUR_S: Final = 3600
_RUN: Final = (
    "INSERT INTO runs (device, camera, run) VALUES (?, ?, ?)"
    " ON CONFLICT (device, camera, run) DO UPDATE SET run = excluded.run RETURNING id"
)
_CONFIGURED: Final = (
    "INSERT INTO runs (device, camera, run, configured_at, config, interval_s, model, model_sha256, software)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, camera, run) DO UPDATE SET"
    " configured_at = excluded.configured_at, config = excluded.config, interval_s = excluded.interval_s,"
    " model = excluded.model, model_sha256 = excluded.model_sha256, software = excluded.software"
    " WHERE configured_at IS NULL OR configured_at <= excluded.configured_at"
)
_RUN_PLACE: Final = (
    "INSERT INTO run_places (run_id, device, camera, name, kind, version, first_start, last_end)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, name, kind, version) DO UPDATE SET"
    " first_start = min(first_start, excluded.first_start), last_end = max(last_end, excluded.last_end) RETURNING id"
)
_RUN_HOUR: Final = (
    "INSERT INTO run_hours (run_place, hour, records, observed_s) VALUES (?, ?, ?, ?) ON CONFLICT (run_place, hour)"
    " DO UPDATE SET records = records + excluded.records, observed_s = observed_s + excluded.observed_s"
)
_OF_PLACE: Final = "device = ? AND camera = ? AND name = ? AND kind = ?"
_RUNS_THEN: Final = (
    f"SELECT count(DISTINCT run_id) FROM run_places WHERE {_OF_PLACE} AND last_end > ? AND first_start < ?"
)
_TOLD: Final = (
    f"SELECT start, interval_s, observed_s FROM intervals WHERE {_OF_PLACE} AND start >= ? AND start < ?"
)
_DOUBLED: Final = (
    "INSERT INTO doubled_hours (device, camera, name, kind, hour, doubled_s) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (device, camera, name, kind, hour) DO UPDATE SET doubled_s = max(doubled_s, excluded.doubled_s)"
)
_BACKFILL_RUNS: Final = (
    "INSERT OR IGNORE INTO runs (device, camera, run)"
    " SELECT DISTINCT t.device, t.camera, substr(r.key, length(t.device) + 2, 16)"
    " FROM intervals t JOIN records r ON r.id = t.record_id"
)
_FROM_RUNS: Final = (
    " FROM intervals t JOIN records r ON r.id = t.record_id JOIN runs n ON n.device = t.device"
    " AND n.camera = t.camera AND n.run = substr(r.key, length(t.device) + 2, 16)"
)
_BACKFILL_PLACES: Final = (
    "INSERT INTO run_places (run_id, device, camera, name, kind, version, first_start, last_end)"
    " SELECT n.id, t.device, t.camera, t.name, t.kind, t.version, min(t.start), max(t.start + t.interval_s)"
    f"{_FROM_RUNS} GROUP BY n.id, t.name, t.kind, t.version"
)
_BACKFILL_HOURS: Final = (
    "INSERT INTO run_hours (run_place, hour, records, observed_s)"
    f" SELECT p.id, t.start - t.start % {HOUR_S} AS hour, count(*), sum(t.observed_s){_FROM_RUNS}"
    " JOIN run_places p ON p.run_id = n.id AND p.name = t.name AND p.kind = t.kind AND p.version = t.version"
    " GROUP BY p.id, hour"
)
_SHARED_HOURS: Final = (
    "SELECT p.device, p.camera, p.name, p.kind, h.hour FROM run_places p JOIN run_hours h ON h.run_place = p.id"
    " GROUP BY p.device, p.camera, p.name, p.kind, h.hour HAVING count(DISTINCT p.run_id) > 1"
)

Key = tuple[str, str, str, str]


def content_of(record: ConfigRecord) -> tuple[str, str]:
    """What a configuration draws, as canonical JSON, and its version: the first 16 hex digits of its SHA-256."""
    fields = record.model_dump(mode="json", include={"interval_s", "zones", "lines", "ground"})
    content = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return content, hashlib.sha256(content.encode()).hexdigest()[:16]


def note_configuration(db: Any, record: ConfigRecord) -> None:
    """Remember under what a run counts."""
    content, version = content_of(record)
    db.execute(
        "INSERT INTO configurations (device, camera, version, content) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (device, camera, version) DO NOTHING",
        (record.device, record.camera, version, content),
    )
    db.execute(
        _CONFIGURED,
        (
            record.device,
            record.camera,
            record.run,
            int(record.at.timestamp()),
            version,
            record.interval_s,
            record.model,
            record.model_sha256,
            record.software,
        ),
    )


def _mark(db: Any, place: Key, hour: int) -> None:
    """Note what of an hour was told twice."""
    doubled_s = told_twice_s(db.execute(_TOLD, (*place, hour, hour + HOUR_S)))
    if doubled_s > 0:
        db.execute(_DOUBLED, (*place, hour, doubled_s))


def backfill(db: Any) -> None:
    """Work out from stored intervals what `Origins` notes as they come."""
    for statement in (_BACKFILL_RUNS, _BACKFILL_PLACES, _BACKFILL_HOURS):
        db.execute(statement)
    for *place, hour in list(db.execute(_SHARED_HOURS)):
        _mark(db, tuple(place), hour)


class Origins:
    """The intervals of one batch, by run, place and hour."""

    def __init__(self, db: Any) -> None:
        self._db = db
        # (device, camera, name, kind), run, version -> hour -> records, observed seconds, first start, last end
        self._new: dict[tuple[Key, str, str], dict[int, tuple[int, float, int, int]]] = {}

    def add(self, record: Record) -> None:
        """Note an interval, or a configuration, that was stored just now."""
        if isinstance(record, ConfigRecord):
            note_configuration(self._db, record)
        if not isinstance(record, (ZoneRecord, ParkingRecord, LineRecord)):
            return
        kind = {"parvis.zone.v1": "zone", "parvis.parking.v1": "parking"}.get(record.type, "line")
        name, version = (
            (record.line, "") if isinstance(record, LineRecord) else (record.zone, record.zone_version)
        )
        start = int(record.start.timestamp())
        hours = self._new.setdefault(((record.device, record.camera, name, kind), record.run, version), {})
        end = start + record.interval_s
        records, observed_s, first, last = hours.get(start - start % HOUR_S, (0, 0.0, start, end))
        hours[start - start % HOUR_S] = (
            records + 1,
            observed_s + record.observed_s,
            min(first, start),
            max(last, end),
        )

    def store(self) -> None:
        """Write what was noted, and look for seconds told twice."""
        db = self._db
        for (place, run, version), hours in self._new.items():
            run_id = db.execute(_RUN, (place[0], place[1], run)).fetchone()[0]
            first, last = min(h[2] for h in hours.values()), max(h[3] for h in hours.values())
            row = (run_id, *place, version, first, last)
            run_place = db.execute(_RUN_PLACE, row).fetchone()[0]
            for hour, (records, observed_s, _, _) in hours.items():
                db.execute(_RUN_HOUR, (run_place, hour, records, observed_s))
        for place, hour in {(key[0], hour) for key, hours in self._new.items() for hour in hours}:
            if db.execute(_RUNS_THEN, (*place, hour, hour + HOUR_S)).fetchone()[0] > 1:
                _mark(db, place, hour)
        self._new.clear()
