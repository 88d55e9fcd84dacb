"""A server's database after years, made in SQL: hours of every zone, days of minutes, grids, health, configurations.

Rows go in by time, as they arrive, and not zone by zone: where a row lies decides what a page costs. Figures are
arithmetic, not plausible; `server/simulate.py` makes plausible ones.
"""

# ruff: noqa: S608 - statements are put together from constants of this file; every value is a parameter
from __future__ import annotations

import json
import sqlite3
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench.large_notices import with_notices
from contract.batch import canonical, parse_record
from contract.layout import ZoneConfig
from server.simulate_town import zone_config
from server.store.sqlite import SqliteStore

HOUR_S: Final = 3600
DAY_S: Final = 86400
ZONES_EACH: Final = 4
HEX: Final = "0123456789abcdef"
_ROUND: Final = 50_000  # rows of a statement, about: so that a long build can tell how far it is


@dataclass(frozen=True, slots=True)
class Size:
    """How large: zones (each camera has four, and a line), years of hours, days of minutes and of grids."""

    zones: int = 200
    years: float = 5.0
    minute_days: int = 7
    grid_days: int = 400
    health_days: int = 7


def build(path: Path, size: Size, end: int, *, told: bool = False) -> Path:
    """The database at ``path``, made anew unless one of this size is there.

    Args:
        path: of the SQLite file.
        size: how large.
        end: the whole hour at which everything ends, seconds since 1970.
        told: say how far it is, on stderr.
    """
    stamp = path.with_suffix(".json")
    wanted = {**asdict(size), "end": end}
    if path.exists() and stamp.exists() and json.loads(stamp.read_text()) == wanted:
        SqliteStore(path).close()  # brings its schema up to today's
        with_notices(path, end)
        return path
    for old in (path, stamp, *path.parent.glob(f"{path.name}-*")):
        old.unlink(missing_ok=True)
    SqliteStore(path).close()
    db = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in (
            "journal_mode=OFF",
            "synchronous=OFF",
            "cache_size=-400000",
            "secure_delete=OFF",
            "foreign_keys=OFF",
        ):
            db.execute(f"PRAGMA {pragma}")
        _fill(db, size, end, told)
        db.execute("PRAGMA journal_mode=WAL")
    finally:
        db.close()
    with_notices(path, end)
    stamp.write_text(json.dumps(wanted))
    return path


def _zones(number: int) -> list[ZoneConfig]:
    """The four zones of a camera."""
    box = (0.1, 0.3, 0.9, 0.9)
    both: dict[str, Any] = {"classes": ("person", "bicycle"), "capacity": 60 + number % 7}
    return [
        zone_config("z0", "area", "statistics", box, **both),
        zone_config("z1", "area", "statistics", box, capacity=40),
        zone_config("z2", "area", "operational", box),
        zone_config("p0", "parking", "operational", box, classes=("car", "bus"), capacity=50),
    ]


def _fill(db: sqlite3.Connection, size: Size, end: int, told: bool) -> None:
    start = end - round(size.years * 365.25 * 24) * HOUR_S
    db.execute("CREATE TEMP TABLE one (n INTEGER PRIMARY KEY, device, camera, name, kind, version)")
    db.execute("CREATE TEMP TABLE class (kind, name, class)")
    db.executemany(
        "INSERT INTO class VALUES (?, ?, ?)",
        [("zone", "z0", "person"), ("zone", "z0", "bicycle"), ("zone", "z1", "person"), ("zone", "z2", "person"), ("line", "gate", "person")],
    )  # fmt: skip
    for number in range(-(-size.zones // ZONES_EACH)):
        _camera(db, number, min(ZONES_EACH, size.zones - number * ZONES_EACH), start, end)
    places = db.execute("SELECT count(*) FROM one").fetchone()[0]
    _steps(db, HOURS, start, end, HOUR_S, places, "hours", told)
    _steps(db, HOUR_COUNTS, start, end, HOUR_S, places, "counts of hours", told)
    since = end - size.minute_days * DAY_S
    for sql, what in ((RECORDS, "records"), (INTERVALS, "intervals"), (COUNTS, "counts")):
        _steps(db, sql, since, end, 60, places, what, told)
    cameras = -(-size.zones // ZONES_EACH)
    _payloads(db, "health", end - size.health_days * DAY_S, end, 60, cameras, told)
    _payloads(db, "grid", end - size.grid_days * DAY_S, end, HOUR_S, cameras, told)


def _camera(db: sqlite3.Connection, number: int, zones: int, start: int, end: int) -> None:
    device, camera = f"box-{number:03}", "cam1"
    config: dict[str, Any] = {
        "type": "parvis.config.v1",
        "device": device,
        "run": f"{number:016x}",
        "seq": 0,
        "camera": camera,
        "at": _text(start),
        "interval_s": 60,
        "zones": [zone.model_dump(mode="json") for zone in _zones(number)[:zones]],
        "lines": [{"id": "gate", "points": [[0.1, 0.5], [0.9, 0.5]], "classes": ["person"]}],
        "ground": None,
        "model": "starter",
        "model_sha256": 64 * "0",
        "software": "parvis-0.1.0",
    }
    db.execute(
        "INSERT INTO cameras (device, camera, last_received, last_end, config_at, config) VALUES (?, ?, ?, ?, ?, ?)",
        (device, camera, end, end, start, canonical(parse_record(config))),
    )
    db.execute("INSERT INTO devices VALUES (?, ?, ?, NULL)", (device, f"{number:064x}", start))
    for zone in _zones(number)[:zones]:
        row = (
            device,
            camera,
            zone.id,
            zone.version,
            start,
            zone.kind,
            zone.purpose,
            zone.capacity,
            json.dumps(zone.classes),
        )
        db.execute("INSERT INTO zone_versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        kind = "parking" if zone.kind == "parking" else "zone"
        db.execute(
            "INSERT INTO one VALUES (NULL, ?, ?, ?, ?, ?)", (device, camera, zone.id, kind, zone.version)
        )
    db.execute("INSERT INTO one VALUES (NULL, ?, ?, 'gate', 'line', '')", (device, camera))
    db.execute(
        "INSERT INTO places (device, camera, name, kind, first_start, last_end, interval_s)"
        " SELECT device, camera, name, kind, ?, ?, 60 FROM one WHERE device = ?",
        (start, end, device),
    )


def _text(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _steps(
    db: sqlite3.Connection, sql: str, start: int, end: int, step: int, width: int, what: str, told: bool
) -> None:
    """A statement over ``[start, end)``, a few thousand times of day at once."""
    stride = max(1, _ROUND // max(1, width)) * step
    db.execute("BEGIN")
    for first in range(start, end, stride):
        db.execute(sql, {"first": first, "last": min(end, first + stride), "step": step, "since": start})
        if told and sys.stderr.isatty():
            print(f"\r{what}: {100 * (first - start) // (end - start)} %  ", end="", file=sys.stderr)
    db.execute("COMMIT")


_TIMES: Final = (
    "WITH RECURSIVE t(at) AS (SELECT :first UNION ALL SELECT at + :step FROM t WHERE at + :step < :last),"
    " f AS (SELECT at, (at / 3600 + 1) % 24 AS h, (at / 86400) % 7 AS d FROM t)"
)
# A share between 0 and 1: the time of day, the weekday, and arithmetic instead of chance.
_SHARE: Final = "(max(0, 8 - abs(f.h - 14)) / 9.0 * (1 + (f.d > 4) * .3) * (.5 + (f.at / 3600 * 7919 + p.n * 104729) % 997 / 1994.0) / 1.4)"
_BAYS: Final = 50
HOURS: Final = (
    _TIMES
    + " INSERT INTO hours (device, camera, name, kind, hour, version, interval_s, observed_s, unsynced, dark_s,"
    " degraded_s, moved_s, covered_s, frozen_s, lost_s, peak_vehicle, bays, occupied_bay_s, observed_bay_s, peak, arrivals,"
    " departures, bay_mode, stay_2, stay_3, sized_s, nearly_s)"
    " SELECT p.device, p.camera, p.name, p.kind, f.at, p.version, 60, 3550.0, 0, (f.h < 6) * 3000.0, 0, 0, 0, 0, 0, 0,"
    f" (p.kind = 'parking') * {_BAYS}, (p.kind = 'parking') * {_BAYS} * 3550.0 * {_SHARE}, (p.kind = 'parking') * {_BAYS} * 3550.0,"
    f" (p.kind = 'parking') * cast({_BAYS} * {_SHARE} AS INTEGER), (p.kind = 'parking') * 9, (p.kind = 'parking') * 9,"
    " CASE p.kind WHEN 'parking' THEN 'capacity' ELSE '' END, (p.kind = 'parking') * 4, (p.kind = 'parking') * 5, 3550.0, 0"
    " FROM f CROSS JOIN one p"
)
HOUR_COUNTS: Final = (
    _TIMES
    + " INSERT INTO hour_counts (device, camera, name, kind, hour, version, class, object_s, peak, entries, exits,"
    " dwell_2, dwell_4)"
    " SELECT p.device, p.camera, p.name, p.kind, f.at, p.version, c.class, (p.kind = 'zone') * 3550.0 * 20 * "
    f"{_SHARE}, (p.kind = 'zone') * cast(30 * {_SHARE} AS INTEGER), cast(90 * {_SHARE} AS INTEGER), cast(88 * {_SHARE} AS INTEGER), 20, 40"
    " FROM f CROSS JOIN one p JOIN class c ON c.kind = p.kind AND c.name = p.name"
)
_ID: Final = "((f.at - :since) / 60 * (SELECT max(n) FROM one) + p.n)"
RECORDS: Final = (
    _TIMES + " INSERT INTO records (id, key, type, device, camera, received_at, digest)"
    f" SELECT {_ID}, p.device || '/' || printf('%016x', p.n) || '/' || (f.at / 60), 'parvis.' || p.kind || '.v1', p.device,"
    f" p.camera, f.at + 95, printf('%064d', {_ID}) FROM f CROSS JOIN one p"
)
INTERVALS: Final = (
    _TIMES + " INSERT INTO intervals"
    f" SELECT {_ID}, p.device, p.camera, p.name, p.kind, p.version, f.at, 60, 59.2, 0, (f.h < 6) * 50.0, 0, 0, 0, 0, 0, 0,"
    f" CASE p.kind WHEN 'parking' THEN 'capacity' END, (p.kind = 'parking') * {_BAYS}, (p.kind = 'parking') * {_BAYS} * 59.2 * {_SHARE},"
    f" (p.kind = 'parking') * {_BAYS} * 59.2, (p.kind = 'parking') * cast({_BAYS} * {_SHARE} AS INTEGER), 0, 0, NULL, 0"
    " FROM f CROSS JOIN one p"
)
COUNTS: Final = (
    _TIMES + " INSERT INTO counts"
    f" SELECT {_ID}, c.class, (p.kind = 'zone') * 59.2 * 20 * {_SHARE}, (p.kind = 'zone') * 2, 1, 1,"
    " CASE p.kind WHEN 'zone' THEN '[0,0,1,0,0,0,0,0]' END, 0"
    " FROM f CROSS JOIN one p JOIN class c ON c.kind = p.kind AND c.name = p.name"
)


def _payloads(
    db: sqlite3.Connection, what: str, start: int, end: int, step: int, cameras: int, told: bool
) -> None:
    """Records that are kept as JSON: one a camera and step, alike but for their times."""
    body = _HEALTH if what == "health" else _GRID
    if what == "health":
        newest = body | {
            "device": "box-000",
            "run": 16 * "a",
            "seq": 1,
            "at": _text(end),
            "last_acknowledged": _text(end),
        }
        text = canonical(parse_record(newest))
        db.execute("UPDATE cameras SET health_at = ?, health = ?", (end, text))
    moment = "at" if what == "health" else "start"
    parts = json.dumps(body, sort_keys=True, separators=(",", ":"))[:-1].replace("'", "''")
    time_text = "strftime('%Y-%m-%dT%H:%M:%SZ', f.at, 'unixepoch')"
    more = f',"last_acknowledged":"\' || {time_text} || \'"' if what == "health" else ""
    sql = (
        _TIMES + " INSERT INTO records (key, type, device, camera, received_at, digest, payload)"
        f" SELECT p.device || '/{what}/' || f.at, 'parvis.{what}.v1', p.device, p.camera, f.at + 95, printf('%064d', f.at),"
        f' \'{parts},"device":"\' || p.device || \'","run":"{16 * "a"}","seq":\' || f.at || \',"{moment}":"\' || {time_text}'
        f" || '\"{more}}}' FROM f CROSS JOIN one p WHERE p.kind = 'line'"
    )
    _steps(db, sql, start, end, step, cameras, what, told)


_HEALTH: Final[dict[str, Any]] = {
    "type": "parvis.health.v1", "camera": "cam1", "state": "live", "fps": 9.5, "frames_dropped": 3, "reconnects": 0,
    "inference_ms": 41.0, "spool_depth": 4, "spool_age_s": 31.0, "dead_letters": 0, "disk_free_mb": 9000,
    "temperature_c": 51.0, "throttled": False, "clock": "synced", "software": "parvis-0.1.0", "model": "starter",
    "verdict": "healthy", "reasons": [], "flags": [],
}  # fmt: skip
_GRID: Final[dict[str, Any]] = {
    "type": "parvis.grid.v1", "camera": "cam1", "class": "person", "cols": 16, "rows": 9, "observed_s": 3550.0,
    "object_s": [None] * 48 + [round(7.5 + 13 * (n % 11), 1) for n in range(96)],
}  # fmt: skip
