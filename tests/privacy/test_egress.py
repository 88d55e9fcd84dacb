"""R35, the budget: 4 KB a camera-minute with eight zones, as sent, so that a picture would not fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import numpy as np

from contract.messages import Body, ConfigBody, GridBody, HealthBody, ZoneBody, ZoneConfig, ZoneCounts
from contract.names import CLASSES, UNOBSERVED_FLAGS, Flag, HealthReason
from edge.counters import CameraCounters
from edge.grid import CELLS, COLS, ROWS, PresenceGrid
from edge.records import Detections
from edge.spool import Spool
from edge.track import Tracker
from edge.uplink import Uplink
from edge.zones import Layout
from tests.edge.fault_server import RUN, TOKEN
from tests.privacy.recorder import Recorder

BUDGET = 4096
WH = (640, 360)
EARLY = datetime(2026, 6, 20, 9, 57, tzinfo=UTC)  # three minutes before an hour is over, and its grid with it
ZONES = tuple(
    ZoneConfig(
        id=f"place-{number}",
        kind="area",
        purpose="statistics",
        polygon=((x, y), (x + 0.25, y), (x + 0.25, y + 0.5), (x, y + 0.5)),
        capacity=None,
        classes=CLASSES,
    )
    for number, (x, y) in enumerate((0.25 * (n % 4), 0.5 * (n // 4)) for n in range(8))
)
CONFIG = ConfigBody(
    camera="north",
    at=EARLY,
    interval_s=60,
    zones=ZONES,
    lines=(),
    ground=None,
    model="starter",
    model_sha256="0" * 64,
    software="0.1.0",
)


def health(at: datetime) -> HealthBody:
    """With a figure in every field."""
    return HealthBody(
        camera="north",
        at=at,
        state="live",
        fps=9.87,
        frames_dropped=12345,
        reconnects=17,
        inference_ms=41.23,
        spool_depth=9,
        spool_age_s=12.3,
        dead_letters=1,
        last_acknowledged=at,
        disk_free_mb=12345,
        temperature_c=61.3,
        throttled=False,
        clock="synced",
        software="0.1.0",
        model="starter",
        verdict="failing",
        reasons=get_args(HealthReason),
        flags=get_args(Flag),
        spool_merged=123456789,
        spool_dropped=987654321,
        disk_degraded=True,
        boot_s=1234567.8,
        uptime_s=123456.7,
    )


class Line:
    """A box's queue and way to a server, and what went over it."""

    def __init__(self, spool: Spool, uplink: Uplink, server: Recorder) -> None:
        self._spool, self._uplink, self._server = spool, uplink, server

    def send(self, bodies: Sequence[Body]) -> int:
        """Bytes of the requests that deliver these, headers included."""
        before = self._server.size
        self._spool.append(bodies)
        assert self._uplink.push_once().outcome == "delivered"
        return self._server.size - before


@contextmanager
def line(folder: Path) -> Iterator[Line]:
    spool = Spool(folder / "spool.db", device="box-7f3a", run=RUN)
    with Recorder() as server:
        uplink = Uplink(spool, url=server.url, token=TOKEN)
        yield Line(spool, uplink, server)
        uplink.close()
    spool.close()


def test_a_busy_square_stays_within_the_budget(tmp_path: Path) -> None:
    """Thirty people and vehicles of all classes wander through eight zones, over the end of an hour."""
    rng, kinds = np.random.default_rng(4), np.arange(30) % len(CLASSES)
    phase, speed = rng.uniform(0, 6.3, (30, 2)), rng.uniform(0.005, 0.03, (30, 2))
    grid = PresenceGrid(CONFIG, confidence=0.25)
    anchor = EARLY.timestamp()
    counters = CameraCounters(
        "north", Layout.of(CONFIG, WH), interval_s=60, anchor=anchor, confidence=0.25, grid=grid
    )
    tracker = Tracker()
    minutes = [0] * 6
    types: set[str] = set()
    with line(tmp_path) as out:
        for second in range(360):
            feet = np.add((320, 190), (310, 165) * np.sin(phase + speed * second))
            boxes = np.column_stack([np.subtract(feet, (8, 40)), np.add(feet, (8, 0))]).astype(np.float32)
            found = Detections(boxes, np.full(30, 0.8, np.float32), kinds)
            closed = counters.observe(found, tracker.update(found, second), second)
            if second % 60 == 10:
                minutes[second // 60] += out.send([health(datetime.fromtimestamp(anchor + second, UTC))])
            if closed:
                types |= {body.type for body in closed}
                minutes[second // 60] += out.send(closed)
                zones = [body for body in closed if isinstance(body, ZoneBody)]
                assert len(zones) == 8
                assert sum(len(zone.counts) for zone in zones) > 30
    assert types == {"parvis.zone.v1", "parvis.grid.v1"}
    assert 500 < max(minutes) <= BUDGET, minutes


def crowded(rng: np.random.Generator) -> ZoneCounts:
    """A class in a zone for a minute, every number of it as it comes: nothing to compress."""
    bins = tuple(int(number) for number in rng.integers(0, 100, 8))
    few = [int(number) for number in rng.integers(0, 100, 4)]
    return ZoneCounts(
        object_s=round(float(rng.uniform(0, 6000)), 2),
        peak=few[0],
        entries=few[1],
        exits=few[2],
        dwell=bins,
        dwell_censored=few[3],
    )


def test_no_minute_of_noise_goes_over_the_budget(tmp_path: Path) -> None:
    """The most that 8 zones x 6 classes can weigh: every bin of every histogram full, every flag raised, at random."""
    rng = np.random.default_rng(5)
    zones = [
        ZoneBody(
            camera="north",
            zone=zone.id,
            zone_version=zone.version,
            start=EARLY,
            interval_s=60,
            observed_s=round(float(rng.uniform(20, 30)), 2),
            flag_s={flag: round(float(rng.uniform(1, 30)), 2) for flag in ("dark", "degraded", *sorted(UNOBSERVED_FLAGS))},
            time_quality="synced",
            counts={name: crowded(rng) for name in CLASSES},
            peak_vehicle=int(rng.integers(0, 100)),
        )
        for zone in ZONES
    ]  # fmt: skip
    grids = [
        GridBody(
            camera="north",
            start=EARLY.replace(minute=0),
            object_class=name,
            cols=COLS,
            rows=ROWS,
            observed_s=3599.8,
            object_s=tuple(round(float(seconds), 1) for seconds in rng.uniform(0, 3600, CELLS)),
        )
        for name in CLASSES
    ]
    with line(tmp_path) as out:
        minute = out.send([health(EARLY)]) + out.send(zones)
        hourly = out.send(grids)
    assert minute <= BUDGET
    assert (
        60 * minute + hourly
    ) / 60 <= BUDGET  # the grid, once an hour, does not fit into its minute beside that
    assert minute + hourly <= 2 * BUDGET
