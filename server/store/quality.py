"""The quality of the figures, in SQLite."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, cast

from contract.names import CLASSES, ObjectClass
from server.coverage import Hour
from server.reports import Kind
from server.store.connection import Connections
from server.store.quality_base import (
    Configured,
    DoubledHour,
    GridPart,
    HealthHour,
    PlaceKey,
    QuarantineSum,
    RunPart,
    SeenSum,
)
from server.store.typed import FLAGS

HOUR_S: Final = 3600
_NO_FLAGS: Final[Mapping[str, float]] = MappingProxyType({})
DAY_S: Final = 86400
# A box that starts anew each minute must not make a page slow.
MOST_RUNS: Final = 200
_PLACE: Final = "device = ? AND camera = ? AND name = ? AND kind = ?"
_FLAG_SUMS: Final = ", ".join(f"sum({flag}_s)" for flag in FLAGS)
_SEEN: Final = (
    f"SELECT hour, sum(observed_s), {_FLAG_SUMS} FROM hours WHERE {_PLACE}"
    " AND hour >= ? AND hour < ? GROUP BY hour ORDER BY hour"
)
_SUMMED: Final = (
    f"SELECT count(*), sum(min({HOUR_S}.0, o)), sum(u), {', '.join(f'sum({flag})' for flag in FLAGS)} FROM"
    " (SELECT sum(observed_s) AS o, max(unsynced) AS u, "
    + ", ".join(f"sum({flag}_s) AS {flag}" for flag in FLAGS)
    + f" FROM hours WHERE {_PLACE} AND hour >= ? AND hour < ? GROUP BY hour)"
)
_OBSERVED: Final = f"SELECT sum(observed_s) FROM hours WHERE {_PLACE} AND hour >= ? AND hour < ?"
_RUNS: Final = (
    "SELECT r.run, p.version AS zone_version, min(h.hour) AS first_hour, max(h.hour) AS last_hour,"
    " sum(h.records) AS records, sum(h.observed_s) AS observed_s, r.configured_at, r.config, r.interval_s,"
    " r.model, r.model_sha256, r.software"
    " FROM run_places p JOIN run_hours h ON h.run_place = p.id AND h.hour >= ? AND h.hour < ?"
    " JOIN runs r ON r.id = p.run_id"
    " WHERE p.device = ? AND p.camera = ? AND p.name = ? AND p.kind = ? AND p.last_end > ? AND p.first_start < ?"
    " GROUP BY p.id ORDER BY first_hour, p.id"
)
_CONFIGURED: Final = "SELECT device, camera, run, configured_at AS at, config, interval_s, model, model_sha256, software FROM runs"
_OF_CAMERA: Final = " WHERE device = ? AND camera = ? AND configured_at"
_WITHIN: Final = (
    f"{_CONFIGURED}{_OF_CAMERA} >= ? AND configured_at < ? ORDER BY configured_at DESC, id DESC LIMIT ?"
)
_BEFORE: Final = f"{_CONFIGURED}{_OF_CAMERA} < ? ORDER BY configured_at DESC, id DESC LIMIT 1"
_DOUBLED: Final = (
    "SELECT device, camera, name, kind, hour, doubled_s FROM doubled_hours WHERE hour >= ? AND hour < ?"
    " ORDER BY hour DESC LIMIT ?"
)
_TELLERS: Final = (
    "SELECT DISTINCT r.run FROM run_places p JOIN run_hours h ON h.run_place = p.id AND h.hour = ?"
    " JOIN runs r ON r.id = p.run_id WHERE p.device = ? AND p.camera = ? AND p.name = ? AND p.kind = ?"
    " AND p.last_end > ? AND p.first_start < ? ORDER BY r.configured_at, r.id"
)
_QUARANTINE: Final = (
    "SELECT device, camera, reason, sum(records) AS records, min(first_told) AS first_told,"
    " max(last_told) AS last_told, max(day) AS last_day FROM quarantine_days WHERE day > ?"
)
_HEALTH: Final = (
    "SELECT camera, hour, samples, live, unsynced, throttled, queue_most, age_most, temperature_least,"
    " temperature_most, disk_least, last_at, queue_last, age_last, temperature_last FROM health_hours"
    " WHERE device = ? AND camera = ? AND hour >= ? AND hour < ? ORDER BY hour"
)


class SqliteQuality:
    """Implements `Quality`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def seen(self, place: PlaceKey, start: int, end: int) -> list[Hour]:
        """The hours of a place that begin in ``[start, end)``, those that were told at all, in order."""
        with self._connections.read() as db:
            return [
                Hour(hour, observed_s, dict(zip(FLAGS, flags, strict=True)) if any(flags) else _NO_FLAGS)
                for hour, observed_s, *flags in db.execute(_SEEN, (*place, start, end))
            ]

    def seen_sum(self, place: PlaceKey, start: int, end: int) -> SeenSum:
        """The sums of those hours."""
        with self._connections.read() as db:
            hours, *sums = db.execute(_SUMMED, (*place, start, end)).fetchone()
        observed_s, unsynced, *flags = (value or 0 for value in sums)
        return SeenSum(hours, observed_s, unsynced, dict(zip(FLAGS, flags, strict=True)))

    def observed(self, place: PlaceKey, start: int, end: int) -> float:
        """Observed seconds of the hours that begin in ``[start, end)``."""
        with self._connections.read() as db:
            return float(db.execute(_OBSERVED, (*place, start, end)).fetchone()[0] or 0.0)

    def runs(self, place: PlaceKey, start: int, end: int) -> list[RunPart]:
        """Which runs told the hours of a place that begin in ``[start, end)``, by their first hour."""
        with self._connections.read() as db:
            values = (start, end, *place, start, end)
            return [RunPart(**row) for row in db.query(_RUNS, values)]

    def configured(self, device: str, camera: str, start: int, end: int) -> list[Configured]:
        """Configurations of a camera announced in ``[start, end)``, the newest `MOST_RUNS`, and the last one before."""
        with self._connections.read() as db:
            found = list(db.query(_BEFORE, (device, camera, start)))
            found += list(db.query(_WITHIN, (device, camera, start, end, MOST_RUNS)))[::-1]
        return [Configured(**row) for row in found]

    def latest_configured(self) -> list[Configured]:
        """The latest announcement of every camera."""
        found: list[Configured] = []
        with self._connections.read() as db:
            for device, camera in list(db.execute("SELECT device, camera FROM cameras")):
                found += [Configured(**row) for row in db.query(_BEFORE, (device, camera, 2**62))]
        return found

    def content(self, device: str, camera: str, version: str) -> Mapping[str, object] | None:
        """What a version of a configuration draws: ``zones``, ``lines``, ``ground``, ``interval_s`` as on the wire."""
        sql = "SELECT content FROM configurations WHERE device = ? AND camera = ? AND version = ?"
        with self._connections.read() as db:
            row = db.execute(sql, (device, camera, version)).fetchone()
        return cast("Mapping[str, object]", json.loads(row[0])) if row else None

    def doubled(self, start: int, end: int, limit: int) -> list[DoubledHour]:
        """The newest hours that begin in ``[start, end)`` in which a place told more seconds than there were."""
        with self._connections.read() as db:
            return [
                DoubledHour(
                    (*names, cast("Kind", kind)), hour, doubled_s, self._tellers(db, (*names, kind), hour)
                )
                for *names, kind, hour, doubled_s in list(db.execute(_DOUBLED, (start, end, limit)))
            ]

    @staticmethod
    def _tellers(db: Any, place: tuple[str, ...], hour: int) -> tuple[str, ...]:
        rows = db.execute(_TELLERS, (hour, *place, hour, hour + HOUR_S))
        return tuple(str(row[0]) for row in rows)

    def quarantined_sums(self, since: int, device: str = "") -> list[QuarantineSum]:
        """Sums of the records that came into quarantine on UTC days that end after ``since``."""
        values: tuple[Any, ...] = (since - DAY_S,)
        where = ""
        if device:
            values, where = (*values, device), " AND device = ?"
        sql = f"{_QUARANTINE}{where} GROUP BY device, camera, reason ORDER BY last_day DESC, device, camera, reason"
        with self._connections.read() as db:
            return [QuarantineSum(**row) for row in db.query(sql, values)]

    def health_hours(self, device: str, start: int, end: int) -> list[HealthHour]:
        """Health of a device's cameras by the hour, in order."""
        cameras = "SELECT camera FROM cameras WHERE device = ? ORDER BY camera"
        with self._connections.read() as db:
            return [
                HealthHour(**row)
                for (camera,) in list(db.execute(cameras, (device,)))
                for row in db.query(_HEALTH, (device, camera, start, end))
            ]

    def grid_classes(self, device: str, camera: str) -> list[ObjectClass]:
        """Classes of which a camera sent presence grids."""
        sql = "SELECT 1 FROM grids WHERE device = ? AND camera = ? AND class = ? LIMIT 1"
        with self._connections.read() as db:
            return [name for name in CLASSES if db.execute(sql, (device, camera, name)).fetchone()]

    def grid_extent(self, device: str, camera: str) -> tuple[int, int] | None:
        """The start of the first and of the last hour of which a camera sent presence grids."""
        # Two questions: SQLite answers each from one end of the index, and both at once by reading all of it.
        sql = "SELECT {}(start) FROM grids WHERE device = ? AND camera = ? AND class = ?"
        with self._connections.read() as db:
            ends = [
                [db.execute(sql.format(end), (device, camera, name)).fetchone()[0] for name in CLASSES]
                for end in ("min", "max")
            ]
        first, last = ([at for at in own if at is not None] for own in ends)
        return (min(first), max(last)) if first else None

    def grids(
        self, device: str, camera: str, classes: Sequence[ObjectClass], start: int, end: int
    ) -> list[GridPart]:
        """Presence grids of one camera, of hours that begin in ``[start, end)``, in order."""
        sql = (
            "SELECT start, cols, rows, observed_s, cells FROM grids WHERE device = ? AND camera = ? AND class = ?"
            " AND start >= ? AND start < ? ORDER BY start, record_id"
        )
        with self._connections.read() as db:
            return [
                GridPart(name, at, cols, rows, observed_s, tuple(json.loads(cells)))
                for name in classes
                for at, cols, rows, observed_s, cells in db.execute(sql, (device, camera, name, start, end))
            ]
