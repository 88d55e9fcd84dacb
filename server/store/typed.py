"""Records into typed columns, inside the caller's transaction."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

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
from server.store.purposes import note_purposes
from server.store.versions import note_versions

FLAGS: Final[tuple[str, ...]] = get_args(Flag)
TYPED: Final = (ZoneRecord, ParkingRecord, LineRecord)
Interval = ZoneRecord | ParkingRecord | LineRecord
# Device, camera, name and kind, to the first start, the last end and the length of the last interval.
PlaceSeen = dict[tuple[Any, ...], tuple[int, int, int]]
# Device and camera, to where their last interval ends; None where none came.
CameraSeen = dict[tuple[Any, ...], int | None]

_COLUMNS: Final = (
    "record_id, device, camera, name, kind, version, start, interval_s, observed_s, unsynced, "
    + ", ".join(f"{flag}_s" for flag in FLAGS)
    + ", peak_vehicle, bay_mode, bays, occupied_bay_s, observed_bay_s, peak, arrivals, departures, stay, stay_censored"
)
INSERT: Final = f"INSERT INTO intervals ({_COLUMNS}) VALUES ({', '.join('?' * len(_COLUMNS.split(',')))})"
INSERT_COUNTS: Final = (
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
    return None if values is None else f"[{','.join(map(str, values))}]"


def interval_row(record_id: int, record: Interval) -> tuple[Any, ...]:
    """A record as the values of `INSERT`."""
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


def count_rows(record_id: int, record: Interval) -> list[tuple[Any, ...]]:
    """A record's classes as the values of `INSERT_COUNTS`; none of a car park."""
    if isinstance(record, LineRecord):
        return [(record_id, name, 0.0, 0, c.in_, c.out, None, 0) for name, c in record.counts.items()]
    if isinstance(record, ParkingRecord):
        return []
    return [
        (record_id, name, c.object_s, c.peak, c.entries, c.exits, _histogram(c.dwell), c.dwell_censored)
        for name, c in record.counts.items()
    ]


def insert_case(db: Any, record_id: int, record: Record) -> None:
    """File an anomaly under its case, and for the notice desk; other records need no row of their own."""
    if isinstance(record, AnomalyRecord):
        db.execute(
            "INSERT INTO anomalies (record_id, device, case_id, revision) VALUES (?, ?, ?, ?)",
            (record_id, record.device, record.case, record.revision),
        )
        db.execute("INSERT OR IGNORE INTO cases_waiting (record_id) VALUES (?)", (record_id,))


def note_places(db: Any, seen: PlaceSeen) -> None:
    """Remember which places sent intervals, and from when to when."""
    db.conn.executemany(_PLACE, [(*key, *extent) for key, extent in seen.items()])


def note_cameras(db: Any, seen: CameraSeen, received_at: int) -> None:
    """Remember when cameras last delivered, and where their intervals end."""
    db.conn.executemany(_CAMERA, [(*key, received_at, end) for key, end in seen.items()])


def note_camera(db: Any, record: ConfigRecord | HealthRecord, canonical: str, received_at: int) -> None:
    """Remember a camera's newest configuration or health, by their own time."""
    note_cameras(db, {(record.device, record.camera): None}, received_at)
    if isinstance(record, ConfigRecord):
        note_purposes(db, record, received_at)
        note_versions(db, record)
    what = "config" if isinstance(record, ConfigRecord) else "health"
    at = int(record.at.timestamp())
    db.execute(
        f"UPDATE cameras SET {what} = ?, {what}_at = ? WHERE device = ? AND camera = ?"
        f" AND ({what}_at IS NULL OR {what}_at <= ?)",
        (canonical, at, record.device, record.camera, at),
    )
