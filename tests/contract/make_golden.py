"""Writes the golden messages: ``python tests/contract/make_golden.py`` (only when the wire gains a type)."""

from __future__ import annotations

import json
from pathlib import Path

from contract.batch import stamp
from contract.messages import (
    AnomalyBody,
    Body,
    ConfigBody,
    GridBody,
    HealthBody,
    LineBody,
    LineConfig,
    LineCounts,
    ParkingBody,
    ZoneBody,
    ZoneConfig,
    ZoneCounts,
    canonical,
    parse_time,
)

T = parse_time("2026-11-21T10:15:00Z")
INTERVAL = {"camera": "north", "start": T, "interval_s": 60, "time_quality": "synced"}
BODIES: dict[str, Body] = {
    "zone": ZoneBody(
        **INTERVAL,
        observed_s=58.4,
        flag_s={"dark": 12.0},
        zone="lawn",
        zone_version="9c1e44d0a1b2c3d4",
        counts={
            "person": ZoneCounts(
                object_s=213.5, peak=6, entries=4, exits=3, dwell=(0, 1, 2, 0, 0, 0, 0, 0), dwell_censored=1
            )
        },
        peak_vehicle=0,
    ),
    "parking": ParkingBody(
        **INTERVAL,
        observed_s=60.0,
        zone="p1",
        zone_version="0011223344556677",
        bay_mode="drawn",
        bays=24,
        occupied_bay_s=1180.0,
        observed_bay_s=1440.0,
        peak=20,
        arrivals=2,
        departures=1,
        stay=(0, 0, 1, 0, 0, 0, 0, 0),
        stay_censored=0,
    ),
    "line": LineBody(
        **INTERVAL,
        observed_s=60.0,
        line="gate",
        counts={"person": LineCounts.model_validate({"in": 2, "out": 1})},
    ),
    "grid": GridBody(
        camera="north",
        start=parse_time("2026-11-21T10:00:00Z"),
        object_class="person",
        cols=2,
        rows=2,
        observed_s=3540.0,
        object_s=(12.5, None, 0.0, 7.25),
    ),
    "anomaly": AnomalyBody(
        camera="north",
        case="00ff00ff00ff00ff",
        revision=3,
        kind="debris",
        state="updated",
        zone="lane",
        first_seen=T,
        last_seen=parse_time("2026-11-21T10:16:00Z"),
        x=0.41,
        y=0.77,
        w=0.05,
        h=0.03,
        lon=None,
        lat=None,
        size_m=0.6,
        confidence=0.82,
    ),
    "config": ConfigBody(
        camera="north",
        at=T,
        interval_s=60,
        zones=(
            ZoneConfig(
                id="lawn",
                kind="area",
                purpose="statistics",
                polygon=((0.1, 0.4), (0.6, 0.4), (0.6, 0.9)),
                capacity=200,
                classes=("person",),
            ),
        ),
        lines=(LineConfig(id="gate", points=((0.2, 0.5), (0.8, 0.5)), classes=("person",)),),
        ground=None,
        model="starter",
        model_sha256="0" * 64,
        software="0.1.0",
    ),
    "health": HealthBody(
        camera="north",
        at=T,
        state="live",
        fps=5.9,
        frames_dropped=3,
        reconnects=0,
        inference_ms=31.5,
        spool_depth=2,
        spool_age_s=1.5,
        dead_letters=0,
        last_acknowledged=T,
        disk_free_mb=1024,
        temperature_c=None,
        throttled=None,
        clock="synced",
        software="0.1.0",
        model="starter",
        verdict="degraded",
        reasons=("picture_poor", "backlog"),
        flags=("dark",),
        spool_merged=0,
        spool_dropped=0,
        disk_degraded=False,
        boot_s=86400.5,
        uptime_s=3600.5,
    ),
}

if __name__ == "__main__":
    for name, body in BODIES.items():
        record = stamp(body, device="box-7f3a", run="6b1e0c5d2a9f4e10", seq=1234)
        text = json.dumps(json.loads(canonical(record)), indent=1) + "\n"
        Path(__file__).with_name(f"{name}.json").write_text(text)
