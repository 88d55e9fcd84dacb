"""How long the crew's board takes with many open notices, and how a storm is taken in.

``python -m bench.notice_board [--open 10000] [--storm 1000] [--repeats 15] [--json]``: a store in a temporary folder gets as
many cases of ten operational lanes, through the way every record takes; the whole page is asked for over the application
(without a network) as its crew would, with several filters. Then a storm of cases arrives at once on a site with the usual
cap. Exit status 1 when a median passes `LIMIT_MS` or the storm shows more than the cap.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from bench.open_pages import logged_in
from contract.batch import canonical, parse_record
from server.app import create_app
from server.notice_rules import SiteRules
from server.settings import Settings
from server.store.base import AuditEntry, Incoming, Store
from server.store.notices_base import Wanted
from server.store.sqlite import open_store

LIMIT_MS: Final = 300.0
NOW: Final = 1_795_348_800
LANES: Final = 10
SIDE: Final = 40
PARIS: Final = ZoneInfo("Europe/Paris")
PATHS: Final = {
    "board": "/notices",
    "to verify": "/notices?state=to_verify",
    "one camera": "/notices?camera=bench/c3",
    "grave debris": "/notices?kind=debris&severity=high",
    "page 200": "/notices?page=200",
    "map": "/notices/map",
    "JSON, 100": "/api/v1/notices",
}


def _record(number: int, at: int, seq: int, device: str) -> dict[str, Any]:
    """One case, apart from every other of its lane: 40 x 40 places."""
    lane, place = number % LANES, number // LANES
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    return {
        "type": "parvis.anomaly.v1", "device": device, "run": "b" * 16, "seq": seq, "camera": f"c{lane}",
        "case": f"{number:016x}", "revision": 1, "kind": "debris", "state": "open", "zone": "lane", "first_seen": moment,
        "last_seen": moment, "x": (place % SIDE + 0.5) / SIDE, "y": (place // SIDE % SIDE + 0.5) / SIDE, "w": 0.004, "h": 0.004,
        "lon": None, "lat": None, "size_m": 0.1 + number % 9 / 10, "confidence": 0.8,
    }  # fmt: skip


def _configs(device: str) -> list[dict[str, Any]]:
    lane: dict[str, Any] = {
        "id": "lane", "kind": "road", "purpose": "operational", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]], "bays": {},
        "capacity": None, "classes": ["car"],
    }  # fmt: skip
    return [
        {
            "type": "parvis.config.v1", "device": device, "run": "b" * 16, "seq": number, "camera": f"c{number}",
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - 86400)), "interval_s": 60, "zones": [lane],
            "lines": [], "ground": None, "model": "bench", "model_sha256": "0" * 64, "software": "bench",
        }
        for number in range(LANES)
    ]  # fmt: skip


def deliver(store: Store, items: list[dict[str, Any]], at: int) -> None:
    """File records by batches of 500, as the server does."""
    for first in range(0, len(items), 500):
        records = [parse_record(item) for item in items[first : first + 500]]
        store.records.add([Incoming(record, canonical(record)) for record in records], at)


def take(store: Store) -> float:
    """Take everything that waits; seconds."""
    began = time.perf_counter()
    while store.notices.take(PARIS, 100):
        pass
    return time.perf_counter() - began


def pages(store: Store, settings: Settings, repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each page, median and worst, and its size in KiB."""
    app = create_app(settings, store)
    client = logged_in(app, store, "crew", NOW)
    found = {}
    for name, path in PATHS.items():
        spans = []
        for _ in range(repeats):
            began = time.perf_counter()
            answer = client.get(path)
            spans.append(1000 * (time.perf_counter() - began))
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answers {answer.status_code}")
        found[name] = {
            "median_ms": round(statistics.median(spans), 1),
            "worst_ms": round(max(spans), 1),
            "kib": round(len(answer.content) / 1024, 1),
        }
    return found


def measure(folder: Path, number: int, storm: int, repeats: int) -> dict[str, Any]:
    """Fill, ask, storm."""
    settings = Settings(data_dir=folder, clock=lambda: float(NOW + 60))
    store = open_store(settings.database)
    said = AuditEntry(NOW, "bench", "rules.set", "-")
    try:
        deliver(store, _configs("bench") + _configs("storm"), NOW - 86400)
        # A cap cannot be so high: the notices of days that are over are let in day by day.
        store.notices.set_rules(None, replace(SiteRules(), cap=1000), said)
        for first in range(0, number, 1000):
            day = NOW - 86400 * (2 + first // 1000)
            items = [_record(n, day - 60, n + 100, "bench") for n in range(first, min(number, first + 1000))]
            deliver(store, items, day)
        taken_s = take(store)
        told = {"open": store.notices.counts(Wanted()), "taken_per_s": round(number / taken_s)}
        result = {**told, "pages": pages(store, settings, repeats)}
        store.notices.set_rules(None, SiteRules(), said)
        deliver(store, [_record(n, NOW - 60, n + 100, "storm") for n in range(storm)], NOW)
        storm_s = take(store)
        counts = store.notices.counts(Wanted(device="storm"))
        result["storm"] = {
            "candidates": storm,
            "cap": SiteRules().cap,
            "shown": counts.get("to_verify", 0),
            "held": [f"{one.number} {one.reason}" for one in store.notices.held()],
            "seconds": round(storm_s, 2),
        }
        return result
    finally:
        store.close()


def main(arguments: list[str] | None = None) -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.notice_board")
    parser.add_argument("--open", type=int, default=10_000)
    parser.add_argument("--storm", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), asked.open, asked.storm, asked.repeats)
    slow = [name for name, page in result["pages"].items() if page["median_ms"] > LIMIT_MS]
    over = result["storm"]["shown"] > result["storm"]["cap"]
    if asked.json:
        print(json.dumps(result))
    else:
        for name, page in result["pages"].items():
            print(
                f"{name:14} median {page['median_ms']:7.1f} ms, worst {page['worst_ms']:7.1f} ms, {page['kib']:7.1f} KiB"
            )
        print(f"open: {result['open']}; taken in: {result['taken_per_s']} cases a second")
        print(f"storm: {result['storm']}")
    return int(bool(slow) or over)


if __name__ == "__main__":
    sys.exit(main())
