"""A month without a network: what it takes on the card, and how long it takes to tell afterwards.

Rules:
1. Eight zones, a record a minute each, with something happening in every minute; a health record a minute, a presence
   grid an hour, a configuration a day. They go through the real `Spool`, and out through the real `Uplink`.
2. Time is simulated: the uplink's own pace is added up, the server answers at once. What is reported besides is counted.

``python -m bench.spool_month [--days N] [--zones N] [--json]``
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import httpx

from bench.spool_bench import accepting, key_of, options, tell
from contract.messages import Body, ConfigBody, GridBody, HealthBody, ZoneBody, ZoneCounts
from contract.names import BINS, ObjectClass
from edge.spool import Spool
from edge.uplink import Uplink

_START = datetime(2026, 1, 1, tzinfo=UTC)
_RUN = "00000000000000aa"
_TOKEN = "t0ken"  # noqa: S105 - of no server
_CLASSES: Sequence[ObjectClass] = get_args(ObjectClass)[:2]  # people and bicycles, as in a square
_DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Month:
    """The figures; ``file_mb`` with the WAL at its end, ``seconds`` at the uplink's pace."""

    days: float
    records: int
    file_mb: float
    bytes_per_record: float
    dropped: int
    merged: int
    requests: int
    request_rate: float
    seconds: float
    delivered: int


def minute_bodies(minute: int, zones: int) -> list[Body]:
    """What a box with one camera closes in one minute."""
    at = _START + timedelta(minutes=minute)
    bodies: list[Body] = [_zone(minute, number, at) for number in range(zones)]
    bodies.append(_health(minute, at))
    if minute % 60 == 0:
        bodies += [_grid(minute, name, at) for name in _CLASSES]
    if minute % _DAY_MINUTES == 0:
        bodies.append(
            ConfigBody(
                camera="north", at=at, interval_s=60, zones=(), lines=(), ground=None, model="starter",
                model_sha256="0" * 64, software="0.1.0",
            )
        )  # fmt: skip
    return bodies


def _zone(minute: int, number: int, at: datetime) -> ZoneBody:
    salt = (minute * 31 + number * 7919) % 10007
    counts = {
        name: ZoneCounts(
            object_s=round(salt * 0.037 + place, 3),
            peak=salt % 9 + 1,
            entries=salt % 5,
            exits=salt % 4,
            dwell=tuple(int(salt % BINS == place) * (salt % 3) for place in range(BINS)),
            dwell_censored=salt % 2,
        )
        for place, name in enumerate(_CLASSES)
    }
    return ZoneBody(
        camera="north", zone=f"zone-{number}", zone_version=f"{number:x}" * 16, start=at, interval_s=60,
        observed_s=60.0 if salt % 3 else round(50 + salt % 1000 / 100, 3), flag_s={} if salt % 9 else {"dark": 7.25},
        time_quality="synced", counts=counts, peak_vehicle=0,
    )  # fmt: skip


def _health(minute: int, at: datetime) -> HealthBody:
    return HealthBody(
        camera="north", at=at, state="live", fps=round(4 + minute % 100 / 100, 2), frames_dropped=minute % 1000,
        reconnects=minute % 7, inference_ms=round(100 + minute % 977 / 10, 2), spool_depth=minute % 100_000,
        spool_age_s=round(minute * 60.1, 1), dead_letters=0, last_acknowledged=_START, disk_free_mb=9000 - minute % 50,
        temperature_c=round(45 + minute % 200 / 10, 1), throttled=False, clock="synced", software="0.1.0", model="starter",
    )  # fmt: skip


def _grid(minute: int, name: ObjectClass, at: datetime) -> GridBody:
    cells = tuple(
        None if (cell + minute) % 3 else round((cell * 37 + minute) % 4000 / 7, 3) for cell in range(144)
    )
    return GridBody.model_validate(
        {
            "camera": "north",
            "start": at,
            "class": name,
            "cols": 16,
            "rows": 9,
            "observed_s": 3540.0,
            "object_s": cells,
        }
    )


def offline(folder: Path, days: float, zones: int, now: list[float]) -> Spool:
    """A spool that nobody emptied for so many days, filled in batches of an hour."""
    spool = Spool(folder / "spool.db", device="box-7f3a", run=_RUN, now=lambda: now[0])
    for hour in range(round(days * 24)):
        minutes = range(hour * 60, hour * 60 + 60)
        spool.append([body for minute in minutes for body in minute_bodies(minute, zones)])
        now[0] += 3600
    return spool


def measure(folder: Path, days: float, zones: int) -> Month:
    """Fill, look, empty."""
    now, seconds, answers = [_START.timestamp()], [0.0], [0]

    def server(request: httpx.Request) -> httpx.Response:
        answers[0] += 1
        keys = [key_of(item) for item in json.loads(gzip.decompress(request.content))["records"]]
        return httpx.Response(200, stream=httpx.ByteStream(accepting(keys)))

    def wait(_: threading.Event, length_s: float) -> None:
        seconds[0] += length_s

    with offline(folder, days, zones, now) as spool:
        full = spool.stats()
        size = sum(path.stat().st_size for path in folder.glob("spool.db*"))
        uplink = Uplink(
            spool, url="http://127.0.0.1:1", token=_TOKEN, transport=httpx.MockTransport(server), wait=wait,
            clock=lambda: seconds[0],
        )  # fmt: skip
        uplink.drain(3600)
        uplink.close()
        return Month(
            days=days,
            records=full.closed_total,
            file_mb=round(size / 1e6, 2),
            bytes_per_record=round(size / full.closed_total, 1),
            dropped=full.dropped_total,
            merged=full.merged_total,
            requests=answers[0],
            request_rate=round(answers[0] / seconds[0], 2),
            seconds=round(seconds[0], 1),
            delivered=spool.stats().accepted_total,
        )


def main() -> int:
    """Run the bench and print its figures."""
    args = options("bench.spool_month", "a month offline", days=30.0, zones=8).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), args.days, args.zones)
    tell(result, as_json=args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
