"""What the pages for planners cost: a town of many zones with a year of hours, one of them with 90 days of minutes.

Rules:
1. The rows are made in SQL, as ingest would have left them; days are made by the server's own `keep_days`.
2. Each page is asked for as a browser would, through the whole application. "First" is the first time, "again" the median
   of the next ones, in seconds of processor time: a busy machine adds waiting to the rest.

``python -m bench.planner_pages [--zones N] [--days N] [--json]``
"""

# ruff: noqa: S608 - statements are put together from numbers and names of this file
from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from contract.batch import parse_record
from contract.messages import canonical
from server.access import SESSION_COOKIE
from server.credentials import token_hash
from server.day_keeping import keep_days
from server.settings import Settings
from server.store.base import AuditEntry, Incoming
from server.store.sqlite import SqliteStore

NOW = 1_795_348_800  # 2026-11-22T12:00:00Z
MINUTES_DAYS = 90
PER_CAMERA = 8
_HOUR_COLUMNS = (
    "device, camera, name, kind, hour, version, interval_s, observed_s, unsynced, dark_s, degraded_s, moved_s,"
    " covered_s, frozen_s, lost_s, peak_vehicle, bays, occupied_bay_s, observed_bay_s, peak, arrivals, departures"
)
# A level by hour of the day and zone, a market on one weekday, and noise that is the same in every run.
_PEOPLE = (
    "max(0, 20 + z.value % 7 + 30 * ((h.value / 24) % 7 = 2 AND h.value % 24 BETWEEN 9 AND 12)"
    " - abs(h.value % 24 - 14) * 3) * (1 + ((h.value * 7919 + z.value * 104729) % 1000 - 500) / 2500.0)"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds of one page, first and again, and its size in bytes before compression."""

    path: str
    first_s: float
    again_s: float
    size: int


def fill(store: SqliteStore, zones: int, days: int) -> None:
    """Hours of every zone, and minutes of the first."""
    hours, start = days * 24, NOW - NOW % 3600 - days * 86400
    series = (
        f"WITH RECURSIVE h(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM h WHERE value < {hours - 1}),"
        f" z(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM z WHERE value < {zones - 1})"
    )
    name, camera = "'zone-' || z.value", f"'cam-' || (z.value / {PER_CAMERA})"
    with store._connections.write() as db:  # noqa: SLF001 - a bench stands in for months of deliveries
        db.execute("DROP TRIGGER days_hour_added")
        db.execute(
            f"INSERT INTO hours ({_HOUR_COLUMNS}) {series} SELECT 'box-a', {camera}, {name}, 'zone',"
            f" {start} + 3600 * h.value, 'v', 60, 3540, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM h, z"
        )
        db.execute(
            "INSERT INTO hour_counts (device, camera, name, kind, hour, version, class, object_s, peak, entries,"
            f" exits) {series} SELECT 'box-a', {camera}, {name}, 'zone', {start} + 3600 * h.value, 'v', 'person',"
            f" 3540 * {_PEOPLE}, 40, 50, 50 FROM h, z"
        )
        db.execute(
            "INSERT INTO places (device, camera, name, kind, first_start, last_end, interval_s, purged_before)"
            f" {series} SELECT 'box-a', {camera}, {name}, 'zone', {start}, {start + hours * 3600}, 60,"
            f" CASE z.value WHEN 0 THEN {NOW - MINUTES_DAYS * 86400} ELSE {start + hours * 3600} END FROM z"
        )
        _minutes(db, start + hours * 3600)
        db.execute(
            "CREATE TRIGGER days_hour_added AFTER INSERT ON hours BEGIN DELETE FROM days WHERE device = new.device AND"
            " camera = new.camera AND name = new.name AND kind = new.kind AND start > new.hour - 90000"
            " AND start <= new.hour AND end > new.hour; END"
        )


def configure(store: SqliteStore, zones: int) -> None:
    """What the cameras count, as their boxes would have said."""
    common = {"kind": "area", "purpose": "statistics", "bays": {}, "capacity": 60, "classes": ["person"]}
    corners = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
    for camera in range(-(-zones // PER_CAMERA)):
        numbers = range(camera * PER_CAMERA, min(zones, (camera + 1) * PER_CAMERA))
        record = parse_record(
            {
                "type": "parvis.config.v1",
                "device": "box-a",
                "run": "00000000000000aa",
                "seq": camera,
                "camera": f"cam-{camera}",
                "at": "2026-01-01T00:00:00Z",
                "interval_s": 60,
                "zones": [{"id": f"zone-{n}", "polygon": corners, **common} for n in numbers],
                "lines": [],
                "ground": None,
                "model": "starter",
                "model_sha256": "0" * 64,
                "software": "bench",
            }
        )
        store.records.add([Incoming(record, canonical(record))], NOW - 86400)


def _minutes(db: Any, end: int) -> None:
    count = MINUTES_DAYS * 1440
    series = f"WITH RECURSIVE m(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM m WHERE value < {count})"
    start = f"{end - count * 60} + 60 * (m.value - 1)"
    db.execute(
        "INSERT INTO records (id, key, type, device, camera, received_at, digest)"
        f" {series} SELECT m.value + 10000, 'k' || m.value, 'parvis.zone.v1', 'box-a', 'cam-0', {end}, '' FROM m"
    )
    columns = _HOUR_COLUMNS.replace("hour,", "start,")
    db.execute(
        f"INSERT INTO intervals (record_id, stay_censored, {columns}) {series} SELECT m.value + 10000, 0, 'box-a', 'cam-0',"
        f" 'zone-0', 'zone', {start}, 'v', 60, 59, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM m"
    )
    db.execute(
        "INSERT INTO counts (record_id, class, object_s, peak, entries, exits, dwell_censored)"
        f" {series} SELECT m.value + 10000, 'person', 59.0 * max(0, 20 - abs((m.value / 60) % 24 - 14) * 3"
        " + m.value % 5), 40, 1, 1, 0 FROM m"
    )


def measure(client: Any, path: str, turns: int) -> Cost:
    """Ask for a page."""
    took = []
    for _ in range(turns + 1):
        begin = time.process_time()
        answer = client.get(path)
        took.append(time.process_time() - begin)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: status {answer.status_code}")
    return Cost(path, round(took[0], 3), round(median(took[1:]), 3), len(answer.content))


def run(folder: Path, zones: int, days: int, turns: int) -> dict[str, Any]:
    """Everything."""
    with warnings.catch_warnings():
        # Starlette 1 prefers httpx2; httpx is what the box uses and what is locked here.
        warnings.simplefilter("ignore")
        from starlette.testclient import TestClient

    from server.app import create_app

    settings = Settings(data_dir=folder, clock=lambda: float(NOW))
    store = SqliteStore(settings.database)
    fill(store, zones, days)
    configure(store, zones)
    app = create_app(settings, store)
    entry = AuditEntry(NOW, "bench", "login.ok", "bench")
    store.accounts.add_user("bench", "planner", "scrypt$2$1$1$AA==$AA==", entry)
    store.accounts.open_session(token_hash("bench"), "bench", "csrf", NOW + 3600, entry)
    client = TestClient(app, base_url="http://127.0.0.1:8000", cookies={SESSION_COOKIE: "bench"})
    cold = measure(client, "/zones/box-a/cam-0/zone-0/forecast", 1)
    begin = time.process_time()
    kept = keep_days(store, settings, threading.Event())
    keeping_s = time.process_time() - begin
    one, two = "/zones/box-a/cam-0/zone-0", "/zones/box-a/cam-0/zone-1"
    paths = (
        one,
        f"{one}?span=day",
        f"{one}?span=month",
        f"{one}?span=year",
        f"{one}/week",
        f"{two}/forecast",
        f"/compare?place={one}",
        "/compare/places",
        "/ranking",
    )
    pages = [measure(client, path, turns) for path in paths]
    store.close()
    return {
        "zones": zones,
        "days": days,
        "days_kept": kept,
        "ms_per_day_kept": round(1000 * keeping_s / max(1, kept), 2),
        "forecast_with_90_days_of_minutes_unread": asdict(cold),
        "pages": [asdict(page) for page in pages],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--zones", type=int, default=200)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), options.zones, options.days, options.turns)
    if options.json:
        json.dump(found, sys.stdout, indent=1)
        return
    print(f"{found['zones']} zones, {found['days']} days; {found['ms_per_day_kept']} ms for each day kept")
    cold = found["forecast_with_90_days_of_minutes_unread"]
    print(f"a forecast whose 90 days of minutes nobody had read: {cold['first_s']:.2f} s")
    print(f"{'page':45} {'first':>7} {'again':>7} {'bytes':>8}")
    for page in found["pages"]:
        print(f"{page['path']:45} {page['first_s']:7.3f} {page['again_s']:7.3f} {page['size']:8d}")


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
