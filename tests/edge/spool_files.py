"""Files of spools as older versions wrote them, and records of every kind: helper code of the tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from contract.batch import Record
from contract.messages import LineBody, LineCounts, ParkingBody, ZoneBody, ZoneCounts, canonical
from edge.spool_schema import _MIGRATIONS
from edge.spool_sql import checksum
from tests.edge.fault_server import START

RANK = {"parvis.config.v1": 0, "parvis.health.v1": 2}
VERSION = "9c1e44d0a1b2c3d4"


def old_file(path: Path, version: int, records: Sequence[Record]) -> None:
    """A file of format 1, 2 or 3, as it was written: with JSON in its rows, pages of 4096 bytes and a WAL."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA page_size = 4096")
    db.execute("PRAGMA journal_mode = WAL")
    for steps in _MIGRATIONS[:version]:
        for step in steps:
            assert isinstance(step, str)
            db.execute(step)
    for record in records:
        key, payload = record.key, canonical(record)
        row = (key, RANK.get(record.type, 1), 1000.5, checksum(key, payload), payload)
        db.execute("INSERT INTO records (key, rank, at, crc, payload) VALUES (?, ?, ?, ?, ?)", row)
        db.execute(
            "INSERT INTO runs (run, next_seq) VALUES (?, ?) ON CONFLICT (run) DO UPDATE SET next_seq = excluded.next_seq",
            (record.run, record.seq + 1),
        )
    db.execute("UPDATE totals SET closed = ?", (len(records),))
    db.execute(f"PRAGMA user_version = {version}")
    db.commit()
    db.close()


def zone_body(minute: int, zone: str = "lawn", **more: object) -> ZoneBody:
    """One minute of a zone in which something happens, different each minute; numbers as `edge.closing` rounds them."""
    seen = 60.0 if minute % 5 else 57.214
    counts = ZoneCounts(
        object_s=round((minute * 7.913) % 213.5, 3) if seen else 0.0,
        peak=minute % 7,
        entries=minute % 4,
        exits=minute % 3,
        dwell=tuple(int(minute % 8 == place) for place in range(8)),
        dwell_censored=minute % 2,
    )
    values: dict[str, object] = {
        "camera": "north", "zone": zone, "zone_version": VERSION, "start": START + timedelta(minutes=minute),
        "interval_s": 60, "observed_s": seen, "flag_s": {} if minute % 11 else {"dark": 12.5},
        "time_quality": "synced", "counts": {"person": counts}, "peak_vehicle": 0,
    }  # fmt: skip
    return ZoneBody.model_validate(values | more)


def parking_body(minute: int) -> ParkingBody:
    """One minute of a car park."""
    return ParkingBody(
        camera="north", zone="p1", zone_version=VERSION, start=START + timedelta(minutes=minute), interval_s=60,
        observed_s=60.0, time_quality="synced", bay_mode="drawn", bays=24, observed_bay_s=1440.0,
        occupied_bay_s=round(minute * 3.333 % 1440, 3), peak=minute % 24, arrivals=minute % 2, departures=minute % 3,
        stay=tuple(int(minute % 8 == place) for place in range(8)), stay_censored=minute % 2,
    )  # fmt: skip


def gate_body(minute: int, line: str = "gate") -> LineBody:
    """One minute of a count line."""
    return LineBody(
        camera="north", line=line, start=START + timedelta(minutes=minute), interval_s=60, observed_s=59.998,
        time_quality="synced", counts={"person": LineCounts(in_=minute % 5, out=minute % 3)},
    )  # fmt: skip
