"""Records to send, a clock to set, and a server as a test sees it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from server.access import SESSION_COOKIE
from server.credentials import new_token, token_hash
from server.store.base import AuditEntry, Store

with warnings.catch_warnings():
    # Starlette 1 prefers httpx2; httpx is what the box uses and what is locked here.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

NOON = 1_795_348_800  # 2026-11-22T12:00:00Z
RUN = "6b1e0c5d2a9f4e10"
VERSION = "9c1e44d0a1b2c3d4"


@dataclass
class Clock:
    """Seconds since 1970, as the test says."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now


def utc(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def counts(object_s: float = 0.0, peak: int = 0, entries: int = 0, exits: int = 0) -> dict[str, Any]:
    return {
        "object_s": object_s,
        "peak": peak,
        "entries": entries,
        "exits": exits,
        "dwell": [0] * 8,
        "dwell_censored": 0,
    }


def zone(seq: int, start: int, **changes: Any) -> dict[str, Any]:
    """A zone record of one minute with two people all the time."""
    record = {
        "type": "parvis.zone.v1",
        "device": "box-a",
        "run": RUN,
        "seq": seq,
        "camera": "north",
        "zone": "lawn",
        "zone_version": VERSION,
        "start": utc(start),
        "interval_s": 60,
        "observed_s": 60.0,
        "flag_s": {},
        "time_quality": "synced",
        "counts": {"person": counts(120.0, 3, 1, 2)},
        "peak_vehicle": 0,
    }
    return record | changes


def parking(seq: int, start: int, **changes: Any) -> dict[str, Any]:
    """A car park of 10 bays of which 4 are occupied."""
    record = zone(seq, start, type="parvis.parking.v1", zone="p1")
    for name in ("counts", "peak_vehicle"):
        del record[name]
    record |= {
        "bay_mode": "drawn",
        "bays": 10,
        "occupied_bay_s": 240.0,
        "observed_bay_s": 600.0,
        "peak": 5,
        "arrivals": 2,
        "departures": 1,
        "stay": [0] * 8,
        "stay_censored": 0,
    }
    return record | changes


def line(seq: int, start: int, **changes: Any) -> dict[str, Any]:
    """A line crossed by people."""
    record = zone(seq, start, type="parvis.line.v1", line="gate", counts={"person": {"in": 3, "out": 1}})
    for name in ("zone", "zone_version", "peak_vehicle"):
        del record[name]
    return record | changes


def grid(seq: int, start: int, **changes: Any) -> dict[str, Any]:
    """Where people were in the hour of ``start``."""
    record = {
        "type": "parvis.grid.v1",
        "device": "box-a",
        "run": RUN,
        "seq": seq,
        "camera": "north",
        "start": utc(start - start % 3600),
        "class": "person",
        "cols": 16,
        "rows": 9,
        "observed_s": 3540.0,
        "object_s": [None] * 143 + [12.5],
    }
    return record | changes


def zone_config(
    name: str, kind: str = "area", purpose: str = "operational", **changes: Any
) -> dict[str, Any]:
    record = {
        "id": name,
        "kind": kind,
        "purpose": purpose,
        "polygon": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]],
        "bays": {},
        "capacity": None,
        "classes": ["person"] if kind == "area" else ["car", "bus"],
    }
    return record | changes


def config(seq: int, at: int, zones: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    record = {
        "type": "parvis.config.v1",
        "device": "box-a",
        "run": RUN,
        "seq": seq,
        "camera": "north",
        "at": utc(at),
        "interval_s": 60,
        "zones": zones,
        "lines": [],
        "ground": None,
        "model": "starter",
        "model_sha256": "0" * 64,
        "software": "parvis-0.1.0",
    }
    return record | changes


def health(seq: int, at: int, **changes: Any) -> dict[str, Any]:
    record = {
        "type": "parvis.health.v1",
        "device": "box-a",
        "run": RUN,
        "seq": seq,
        "camera": "north",
        "at": utc(at),
        "state": "live",
        "fps": 9.5,
        "frames_dropped": 3,
        "reconnects": 0,
        "inference_ms": 41.0,
        "spool_depth": 4,
        "spool_age_s": 31.0,
        "dead_letters": 0,
        "last_acknowledged": utc(at - 60),
        "disk_free_mb": 9000,
        "temperature_c": None,
        "throttled": None,
        "clock": "synced",
        "software": "parvis-0.1.0",
        "model": "starter",
    }
    return record | changes


def anomaly(revision: int, at: int, **changes: Any) -> dict[str, Any]:
    record = {
        "type": "parvis.anomaly.v1",
        "device": "box-a",
        "run": RUN,
        "seq": 9000 + revision,
        "camera": "north",
        "case": "00112233445566aa",
        "revision": revision,
        "kind": "debris",
        "state": "open",
        "zone": "lane",
        "first_seen": utc(at),
        "last_seen": utc(at),
        "x": 0.4,
        "y": 0.7,
        "w": 0.05,
        "h": 0.03,
        "lon": None,
        "lat": None,
        "size_m": None,
        "confidence": 0.8,
    }
    return record | changes


@dataclass
class Site:
    """One running server as a test sees it."""

    app: Any
    store: Store
    clock: Clock
    token: str
    clients: list[TestClient] = field(default_factory=list)

    def client(self, role: str | None = None, **options: Any) -> TestClient:
        """A browser, logged in as a user of that role without the price of a password."""
        client = TestClient(self.app, base_url="http://127.0.0.1:8000", follow_redirects=False, **options)
        self.clients.append(client)
        if role is not None:
            name = f"{role}-1"
            now = int(self.clock())
            self.store.accounts.add_user(
                name, role, "scrypt$2$1$1$AA==$AA==", AuditEntry(now, "t", "t", name)
            )
            token = new_token()
            entry = AuditEntry(now, name, "login.ok", name)
            self.store.accounts.open_session(token_hash(token), name, f"csrf-{role}", now + 3600, entry)
            client.cookies.set(SESSION_COOKIE, token)
        return client

    def post(self, records: list[Any], token: str | None = None) -> Any:
        """Deliver, as the box does."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        client = self.clients[0] if self.clients else self.client()
        return client.post("/api/v1/records", json={"records": records}, headers=headers)

    def series(self, path: str, role: str = "planner", **query: Any) -> Any:
        """A report as JSON."""
        return self.client(role).get(f"/api/v1/{path}/series", params=query)
