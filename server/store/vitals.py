"""Health by the hour, presence grids and sums of the quarantine, inside the caller's transaction."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from contract.batch import AnomalyRecord, ConfigRecord, GridRecord, HealthRecord, Record

HOUR_S: Final = 3600
DAY_S: Final = 86400
_HEALTH: Final = (
    "INSERT INTO health_hours (device, camera, hour, samples, live, unsynced, throttled, queue_most, age_most,"
    " temperature_least, temperature_most, disk_least, last_at, queue_last, age_last, temperature_last)"
    " VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, camera, hour) DO UPDATE SET"
    " samples = samples + 1, live = live + excluded.live, unsynced = unsynced + excluded.unsynced,"
    " throttled = throttled + excluded.throttled, queue_most = max(queue_most, excluded.queue_most),"
    # SQLite's two-sided max and min are null when either side is.
    " age_most = coalesce(max(age_most, excluded.age_most), age_most, excluded.age_most),"
    " temperature_least ="
    " coalesce(min(temperature_least, excluded.temperature_least), temperature_least, excluded.temperature_least),"
    " temperature_most ="
    " coalesce(max(temperature_most, excluded.temperature_most), temperature_most, excluded.temperature_most),"
    " disk_least = coalesce(min(disk_least, excluded.disk_least), disk_least, excluded.disk_least),"
    " queue_last = iif(excluded.last_at >= last_at, excluded.queue_last, queue_last),"
    " age_last = iif(excluded.last_at >= last_at, excluded.age_last, age_last),"
    " temperature_last = iif(excluded.last_at >= last_at, excluded.temperature_last, temperature_last),"
    " last_at = max(last_at, excluded.last_at)"
)
_GRID: Final = (
    "INSERT INTO grids (record_id, device, camera, class, start, cols, rows, observed_s, cells)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_QUARANTINE: Final = (
    "INSERT INTO quarantine_days (device, camera, reason, day, records, first_told, last_told)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, camera, reason, day) DO UPDATE SET"
    " records = records + excluded.records, first_told = min(first_told, excluded.first_told),"
    " last_told = max(last_told, excluded.last_told)"
)


def told_at(record: Record) -> int:
    """The time that a record speaks of, seconds since 1970."""
    if isinstance(record, (ConfigRecord, HealthRecord)):
        return int(record.at.timestamp())
    if isinstance(record, AnomalyRecord):
        return int(record.first_seen.timestamp())
    return int(record.start.timestamp())


def note_health(db: Any, record: HealthRecord) -> None:
    """Add a health record to its hour."""
    at = int(record.at.timestamp())
    latest = (record.spool_depth, record.spool_age_s, record.temperature_c)
    db.execute(
        _HEALTH,
        (
            record.device,
            record.camera,
            at - at % HOUR_S,
            int(record.state == "live"),
            int(record.clock == "unsynced"),
            int(bool(record.throttled)),
            record.spool_depth,
            record.spool_age_s,
            record.temperature_c,
            record.temperature_c,
            record.disk_free_mb,
            at,
            *latest,
        ),
    )


def note_grid(db: Any, record_id: int, record: GridRecord) -> None:
    """File a presence grid under its own columns."""
    start = int(record.start.timestamp())
    cells = json.dumps(record.object_s, separators=(",", ":"))
    db.execute(
        _GRID,
        (
            record_id,
            record.device,
            record.camera,
            record.object_class,
            start,
            record.cols,
            record.rows,
            record.observed_s,
            cells,
        ),
    )


class Quarantine:
    """The records of one batch that go into quarantine, by reason."""

    def __init__(self, db: Any) -> None:
        self._db = db
        self._new: dict[tuple[str, str, str, int], tuple[int, int, int]] = {}

    def add(self, record: Record, reason: str, received_at: int) -> None:
        """Note a record."""
        key = (record.device, record.camera, reason, received_at - received_at % DAY_S)
        at = told_at(record)
        number, first, last = self._new.get(key, (0, at, at))
        self._new[key] = (number + 1, min(first, at), max(last, at))

    def store(self) -> None:
        """Write what was noted."""
        for key, found in self._new.items():
            self._db.execute(_QUARANTINE, (*key, *found))
        self._new.clear()


def told_in(payload: str) -> int:
    """The time that a stored payload speaks of."""
    fields = json.loads(payload)
    text = fields.get("start") or fields.get("at") or fields.get("first_seen")
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp())
