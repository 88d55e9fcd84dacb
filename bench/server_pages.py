"""What the server's pages cost after years: rows touched, time of the queries, time of the response, weight.

``python -m bench.server_pages [--zones N] [--years Y] [--repeats N] [--folder DIR] [--json]``; exit status 1 when a page
breaks a limit. The base (`bench/large_base.py`) is made once and kept in the folder, by default in the system's temporary
one. Rows: `bench/touched.py`. Times are of this machine, in this process, without a network. The queries' limit is held
against processor time: the files lie in the memory, so whatever passes besides is the machine's other work.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench.addresses import ADDRESSES, Address, places_at
from bench.large_base import Size, build
from bench.open_pages import logged_in, weight
from bench.touched import CountingStore, plain, timed
from server.app import create_app
from server.day_keeping import keep_days
from server.settings import PublicSite, Settings
from server.sites import PlaceDetail, Site
from server.store.base import AuditEntry
from server.store.sqlite import SqliteStore

QUERY_MS: Final = 150.0
ROWS: Final = 20_000
BYTES: Final = 200 * 1024
END: Final = 1_795_348_800  # 2026-11-22T12:00:00Z
ZONE: Final = "box-001/cam1/z0"
PARKING: Final = "box-001/cam1/p0"
LINE: Final = "box-001/cam1/gate"


@dataclass(frozen=True, slots=True)
class Cost:
    """One page: rows touched, statements, bytes with all assets, and milliseconds (medians and 95th percentiles)."""

    name: str
    status: int
    rows: int
    statements: int
    bytes: int
    query_p50_ms: float
    query_p95_ms: float
    query_cpu_p95_ms: float
    page_p50_ms: float
    page_p95_ms: float

    @property
    def broken(self) -> list[str]:
        """Which limits it breaks."""
        limits = (
            ("rows", self.rows, ROWS),
            ("query", self.query_cpu_p95_ms, QUERY_MS),
            ("bytes", self.bytes, BYTES),
        )
        return [name for name, value, most in limits if value > most]


def _percentile(values: list[float], share: float) -> float:
    if len(values) == 1:
        return round(values[0], 2)
    return round(statistics.quantiles(values, n=100, method="inclusive")[round(100 * share) - 1], 2)


def settings_at(path: Path, end: int) -> Settings:
    """A server whose clock stands shortly after the end of the base."""
    return Settings(
        data_dir=path.parent,
        clock=lambda: end + 1200.0,
        public_sites=(PublicSite("centre", (ZONE.partition("/")[0],)),),
    )


def prepare(path: Path, end: int) -> None:
    """A site for each box, a label for each place, and the local days that the server keeps at night."""
    store = SqliteStore(path)
    try:
        places = store.records.places()
        for device in sorted({one.device for one in places} - {one.id for one in store.sites.sites()}):
            said = AuditEntry(end, "bench", "site.add", device, "")
            store.sites.add(Site(device, f"Site {device}", f"Site {device}", "B", "", 1.44, 47.59), said)
            own = [one for one in places if one.device == device]
            store.sites.describe(
                [
                    PlaceDetail(one.device, one.camera, one.name, one.kind, device, f"{device}, {one.name}")
                    for one in own
                ],
                [AuditEntry(end, "bench", "place.describe", device, "")],
            )
        keep_days(store, settings_at(path, end), threading.Event())
    finally:
        store.close()


def rows_of(
    path: Path, end: int, addresses: tuple[Address, ...] = ADDRESSES
) -> dict[str, tuple[int, int, list[str]]]:
    """Status, rows touched and statements of each page, by its name."""
    prepare(path, end)
    store = CountingStore(path)
    app = create_app(settings_at(path, end), store)
    found = {}
    try:
        places = places_at(end, ZONE, PARKING, LINE)
        for address in addresses:
            client = logged_in(app, store, address.role, end + 1200)
            client.get("/healthz")
            if address.name == "public":  # the first visitor of a day makes it a file: once, for all others
                client.get(address.at(places))
            store.watch.clear()
            status = client.get(address.at(places)).status_code
            found[address.name] = (status, store.watch.rows, list(store.watch.statements))
            client.close()
    finally:
        store.close()
    return found


def measure(path: Path, end: int, repeats: int, addresses: tuple[Address, ...] = ADDRESSES) -> list[Cost]:
    """Every page."""
    counted = rows_of(path, end, addresses)
    store = SqliteStore(path)
    app = create_app(settings_at(path, end), store)
    places = places_at(end, ZONE, PARKING, LINE)
    found = []
    try:
        for address in addresses:
            status, rows, statements = counted[address.name]
            client = logged_in(app, store, address.role, end + 1200)
            pages: list[float] = []
            for _ in range(repeats):
                began = time.perf_counter()
                html = client.get(address.at(places)).text
                pages.append(1000 * (time.perf_counter() - began))
            with plain(path) as conn:
                queries = [timed(conn, statements) for _ in range(repeats)]
            heavy = weight(client, html)
            client.close()
            found.append(
                Cost(address.name, status, rows, len(statements), heavy,
                     _percentile([one for one, _ in queries], 0.5), _percentile([one for one, _ in queries], 0.95),
                     _percentile([used for _, used in queries], 0.95), _percentile(pages, 0.5), _percentile(pages, 0.95))
            )  # fmt: skip
    finally:
        store.close()
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and tell whether every limit holds."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.server_pages", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--zones", type=int, default=200)
    parser.add_argument("--years", type=float, default=5.0)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "parvis-bench")
    parser.add_argument("--only", default="", help="pages whose name begins like that")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    asked.folder.mkdir(parents=True, exist_ok=True)
    size = Size(zones=asked.zones, years=asked.years)
    path = build(asked.folder / f"pages-{asked.zones}-{asked.years:g}.sqlite3", size, END, told=True)
    addresses = tuple(address for address in ADDRESSES if address.name.startswith(asked.only))
    costs = measure(path, END, asked.repeats, addresses)
    if asked.json:
        document: dict[str, Any] = {"size": asdict(size), "database_mb": path.stat().st_size // 10**6}
        document["pages"] = [asdict(cost) | {"broken": cost.broken} for cost in costs]
        print(json.dumps(document))
    else:
        print(
            f"{'page':20} {'rows':>7} {'stmts':>5} {'query p50/p95, cpu':>22} {'page p50/p95':>15} {'KB':>6}"
        )
        for cost in costs:
            query = f"{cost.query_p50_ms:.1f}/{cost.query_p95_ms:.1f}, {cost.query_cpu_p95_ms:.1f}"
            page = f"{cost.page_p50_ms:.0f}/{cost.page_p95_ms:.0f}"
            broken = f"  over: {', '.join(cost.broken)}" if cost.broken else ""
            print(
                f"{cost.name:20} {cost.rows:7} {cost.statements:5} {query:>22} {page:>15} {cost.bytes / 1024:6.1f}{broken}"
            )
    return int(any(cost.broken for cost in costs))


if __name__ == "__main__":
    sys.exit(main())
