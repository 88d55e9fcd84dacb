"""Records into typed columns, inside the caller's transaction."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import json
from typing import Any, Final, get_args

from contract.batch import (
    AnomalyRecord,
    ConfigRecord,
    HealthRecord,
    LineRecord,
    ParkingRecord,
    Record,
    ZoneRecord,
)
from contract.names import Flag
from server.store.hours import grow
from server.store.purposes import note_purposes
from server.store.versions import note_versions

FLAGS: Final[tuple[str, ...]] = get_args(Flag)
TYPED: Final = (ZoneRecord, ParkingRecord, LineRecord)
Interval = ZoneRecord | ParkingRecord | LineRecord

_COLUMNS: Final = (
    "record_id, device, camera, name, kind, version, start, interval_s, observed_s, unsynced, "
    + ", ".join(f"{flag}_s" for flag in FLAGS)
    + ", peak_vehicle, bay_mode, bays, occupied_bay_s, observed_bay_s, peak, arrivals, departures, stay, stay_censored"
)
_INSERT: Final = f"INSERT INTO intervals ({_COLUMNS}) VALUES ({', '.join('?' * len(_COLUMNS.split(',')))})"
_INSERT_COUNTS: Final = (
    "INSERT INTO counts (record_id, class, object_s, peak, entries, exits, dwell, dwell_censored)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_PLACE: Final = (
    "INSERT INTO places (device, camera, name, kind, first_start, last_end, interval_s)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (device, camera, name, kind) DO UPDATE SET"
    " first_start = CASE WHEN excluded.first_start < places.first_start"
    " THEN excluded.first_start ELSE places.first_start END,"
    " interval_s = CASE WHEN excluded.last_end >= places.last_end"
    " THEN excluded.interval_s ELSE places.interval_s END,"
    " last_end = CASE WHEN excluded.last_end > places.last_end THEN excluded.last_end ELSE places.last_end END"
)
_CAMERA: Final = (
    "INSERT INTO cameras (device, camera, last_received, last_end) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (device, camera) DO UPDATE SET last_received = excluded.last_received,"
    " last_end = CASE WHEN excluded.last_end IS NULL OR excluded.last_end < cameras.last_end"
    " THEN cameras.last_end ELSE excluded.last_end END"
)


def seconds(record: Interval) -> int:
    """The start of a record's interval, seconds since 1970."""
    return int(record.start.timestamp())


def _histogram(values: tuple[int, ...] | None) -> str | None:
    return None if values is None else json.dumps(values, separators=(",", ":"))


def _interval(record_id: int, record: Interval) -> tuple[Any, ...]:
    kind, name, version = "line", "", ""
    special: tuple[Any, ...] = (0, None, 0, 0.0, 0.0, 0, 0, 0, None, 0)
    if isinstance(record, LineRecord):
        name = record.line
    elif isinstance(record, ParkingRecord):
        kind, name, version = "parking", record.zone, record.zone_version
        special = (
            0,
            record.bay_mode,
            record.bays,
            record.occupied_bay_s,
            record.observed_bay_s,
            record.peak,
            record.arrivals,
            record.departures,
            _histogram(record.stay),
            record.stay_censored,
        )
    else:
        kind, name, version = "zone", record.zone, record.zone_version
        special = (record.peak_vehicle, *special[1:])
    return (
        record_id,
        record.device,
        record.camera,
        name,
        kind,
        version,
        seconds(record),
        record.interval_s,
        record.observed_s,
        int(record.time_quality == "unsynced"),
        *(dict(record.flag_s).get(flag, 0.0) for flag in FLAGS),  # type: ignore[call-overload]
        *special,
    )


def _counts(record_id: int, record: Interval) -> list[tuple[Any, ...]]:
    if isinstance(record, LineRecord):
        return [(record_id, name, 0.0, 0, c.in_, c.out, None, 0) for name, c in record.counts.items()]
    if isinstance(record, ParkingRecord):
        return []
    return [
        (record_id, name, c.object_s, c.peak, c.entries, c.exits, _histogram(c.dwell), c.dwell_censored)
        for name, c in record.counts.items()
    ]


def insert_typed(db: Any, record_id: int, record: Record) -> None:
    """File an interval or an anomaly under its own columns; other records need none."""
    if isinstance(record, TYPED):
        row = _interval(record_id, record)
        db.execute(_INSERT, row)
        for counts in _counts(record_id, record):
            db.execute(_INSERT_COUNTS, counts)
        grow(db, record_id)
        start, length = row[6], row[7]
        db.execute(_PLACE, (*row[1:5], start, start + length, length))
    elif isinstance(record, AnomalyRecord):
        db.execute(
            "INSERT INTO anomalies (record_id, device, case_id, revision) VALUES (?, ?, ?, ?)",
            (record_id, record.device, record.case, record.revision),
        )


def note_camera(db: Any, record: Record, canonical: str, received_at: int) -> None:
    """Remember when a camera last delivered, and its newest configuration and health by their own time."""
    end = seconds(record) + record.interval_s if isinstance(record, TYPED) else None
    db.execute(_CAMERA, (record.device, record.camera, received_at, end))
    if isinstance(record, ConfigRecord):
        note_purposes(db, record, received_at)
        note_versions(db, record)
    if isinstance(record, (ConfigRecord, HealthRecord)):
        what = "config" if isinstance(record, ConfigRecord) else "health"
        at = int(record.at.timestamp())
        db.execute(
            f"UPDATE cameras SET {what} = ?, {what}_at = ? WHERE device = ? AND camera = ?"
            f" AND ({what}_at IS NULL OR {what}_at <= ?)",
            (canonical, at, record.device, record.camera, at),
        )
