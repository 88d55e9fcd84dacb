"""What the pages on fleet, data quality, provenance and presence cost: 200 zones on 50 cameras, DAYS of hours.

The hours, their origins, health and grids are made in SQL; each page is then asked for five times through the real server, and
its cheapest turn told: rows that its queries read out, processor time of the queries, compressed size.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import json
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from server.access import SESSION_COOKIE
from server.app import create_app
from server.credentials import new_token, token_hash
from server.settings import Settings
from server.store.base import AuditEntry
from server.store.quality import SqliteQuality
from server.store.sqlite import SqliteStore

NOW: Final = 1_795_348_800  # 2026-11-22T12:00:00Z
DAY_S: Final = 86400
PLACE: Final = "box-07/north/z1"
PAGES: Final = (
    "/fleet",
    "/fleet/box-07",
    "/quality",
    f"/provenance/zones/{PLACE}",
    f"/provenance/zones/{PLACE}?from=2025-11-22&to=2026-11-22",
    "/cameras/box-00/north/presence",
    "/cameras/box-00/north/presence?from=2026-08-24&to=2026-11-22",
)
ASKED: Final = (
    "seen", "seen_sum", "observed", "runs", "configured", "latest_configured", "doubled", "quarantined_sums",
    "health_hours", "grids", "content",
)  # fmt: skip
_FILL: Final = """
CREATE TEMP TABLE h AS WITH RECURSIVE x(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM x WHERE i < {last})
 SELECT {start} + 3600 * i AS hour FROM x;
CREATE TEMP TABLE p AS WITH RECURSIVE x(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM x WHERE i < 199)
 SELECT i AS id, printf('box-%02d', i / 4) AS device, 'north' AS camera, 'z' || (i % 4) AS name, 'zone' AS kind FROM x;
INSERT INTO devices SELECT DISTINCT device, device, {start}, NULL FROM p;
INSERT INTO cameras (device, camera, last_received, last_end) SELECT DISTINCT device, camera, {now}, {now} FROM p;
INSERT INTO places (device, camera, name, kind, first_start, last_end, interval_s)
 SELECT device, camera, name, kind, {start}, {now}, 60 FROM p;
INSERT INTO runs (device, camera, run, configured_at, config, interval_s, model, model_sha256, software)
 SELECT DISTINCT device, camera, '6b1e0c5d2a9f4e10', {start}, 'v', 60, 'starter', 'x', 'parvis-0.1.0' FROM p;
INSERT INTO run_places (id, run_id, device, camera, name, kind, version, first_start, last_end)
 SELECT p.id + 1, r.id, p.device, p.camera, p.name, p.kind, 'v', {start}, {now} FROM p JOIN runs r USING (device);
INSERT INTO hours (device, camera, name, kind, hour, version, interval_s, observed_s, unsynced, dark_s, degraded_s,
 moved_s, covered_s, frozen_s, lost_s, peak_vehicle, bays, occupied_bay_s, observed_bay_s, peak, arrivals, departures)
 SELECT device, camera, name, kind, hour, 'v', 60, 3500, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0 FROM p, h;
INSERT INTO run_hours SELECT p.id + 1, hour, 60, 3500 FROM p, h;
INSERT INTO health_hours SELECT DISTINCT device, camera, hour, 60, 60, 0, 0, 4, 30.0, 40.0, 50.0, 9000, hour + 3590, 4,
 30.0, 44.0 FROM p, h WHERE hour >= {now} - 35 * 86400;
INSERT INTO records (id, key, type, device, camera, received_at, digest)
 SELECT 1 + row_number() OVER (), hour, 'parvis.grid.v1', device, camera, hour, 'x' FROM p, h
 WHERE p.id = 0 AND hour >= {now} - 100 * 86400;
INSERT INTO grids SELECT id, device, camera, 'person', received_at, 16, 9, 3500, '{cells}' FROM records;
"""


def fill(store: SqliteStore, days: int) -> None:
    """Make the hours of 200 zones."""
    cells = json.dumps([None, 123.4] * 72, separators=(",", ":"))
    start, last = NOW - days * DAY_S, days * 24 - 1
    with store._connections.write() as db:  # noqa: SLF001 - what no box sends is made here
        for statement in _FILL.format(start=start, last=last, now=NOW, cells=cells).split(";\n"):
            db.execute(statement)


@contextmanager
def counted() -> Iterator[dict[str, float]]:
    """Rows and processor time of the store's answers while the block runs."""
    told = {"rows": 0.0, "cpu_s": 0.0}

    def watched(own: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(own)
        def ask(*values: Any, **more: Any) -> Any:
            began = time.thread_time()
            answer = own(*values, **more)
            told["cpu_s"] += time.thread_time() - began
            told["rows"] += len(answer) if isinstance(answer, list) else 1
            return answer

        return ask

    before = {name: getattr(SqliteQuality, name) for name in ASKED}
    for name, own in before.items():
        setattr(SqliteQuality, name, watched(own))
    try:
        yield told
    finally:
        for name, own in before.items():
            setattr(SqliteQuality, name, own)


def measure(days: int, folder: Path) -> list[dict[str, Any]]:
    """Each page's cheapest of five turns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from starlette.testclient import TestClient
    app = create_app(Settings(data_dir=folder, clock=lambda: NOW))
    store = app.state.store
    fill(store, days)
    entry, token = AuditEntry(NOW, "bench", "login.ok", "planner"), new_token()
    store.accounts.add_user("planner", "planner", "scrypt$2$1$1$AA==$AA==", entry)
    store.accounts.open_session(token_hash(token), "planner", "csrf", NOW + 3600, entry)
    client = TestClient(app, base_url="http://127.0.0.1:8000", cookies={SESSION_COOKIE: token})
    found = []
    for path in PAGES:
        turns: list[dict[str, Any]] = []
        for _ in range(5):
            with counted() as told:
                answer = client.get(path)
            if answer.status_code != 200:
                raise RuntimeError(f"{path}: {answer.status_code}")
            turns.append({**told, "page": path, "kb": round(len(gzip.compress(answer.content)) / 1000, 1)})
        best = min(turns, key=lambda turn: turn["cpu_s"])
        found.append({**best, "queries_ms": round(1000 * best.pop("cpu_s"), 1), "rows": int(best["rows"])})
    size = (folder / "parvis.sqlite3").stat().st_size
    store.close()
    return [one | {"database_mb": round(size / 1e6)} for one in found]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(chosen.days, Path(folder))
    if chosen.json:
        print(json.dumps(found))
        return
    for one in found:
        print(f"{one['page']:64} {one['rows']:6} rows {one['queries_ms']:6} ms {one['kb']:5} KB")


if __name__ == "__main__":
    main()
