"""R9: how long a box is held up by a damaged spool at its start, and what that costs.

Rules:
1. The file holds what `bench.spool_month` puts into it in so many days; then whole pages, drawn at random, are overwritten.
2. ``seconds`` and ``cpu_s`` are those of the next opening: the check, the salvage, the first record stored.

``python -m bench.spool_salvage [--days N] [--pages N] [--seed S] [--json]``
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.spool_bench import options, tell
from bench.spool_month import minute_bodies, offline
from edge.spool import Spool
from edge.spool_schema import PAGE_BYTES


@dataclass(frozen=True, slots=True)
class Salvage:
    """The figures; ``lost`` as the box counts it."""

    records: int
    file_mb: float
    pages: int
    saved: int
    lost: int
    seconds: float
    cpu_s: float
    us_per_record: float


def measure(folder: Path, days: float, pages: int, seed: int) -> Salvage:
    """Fill, damage, open."""
    path = folder / "spool.db"
    with offline(folder, days, 8, [0.0]) as spool:
        records = spool.stats().pending
    size, draw = path.stat().st_size, random.Random(seed)
    with path.open("r+b") as file:
        for page in draw.sample(range(1, size // PAGE_BYTES), pages):
            file.seek(page * PAGE_BYTES)
            file.write(draw.randbytes(PAGE_BYTES))
    wall, cpu = time.monotonic(), time.process_time()
    with Spool(path, device="box-7f3a", run="f" * 16) as spool:
        spool.append(minute_bodies(0, 1))
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
        found = spool.stats()
    return Salvage(
        records=records,
        file_mb=round(size / 1e6, 2),
        pages=pages,
        saved=found.pending - len(minute_bodies(0, 1)),
        lost=found.dropped_total,
        seconds=round(wall, 2),
        cpu_s=round(cpu, 2),
        us_per_record=round(cpu / records * 1e6, 1),
    )


def main() -> int:
    """Run the bench and print its figures."""
    asked = options(
        "bench.spool_salvage", "a damaged spool at the start", days=30.0, pages=20, seed=1
    ).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), asked.days, asked.pages, asked.seed)
    tell(result, as_json=asked.json)
    return int(result.saved + result.lost != result.records)


if __name__ == "__main__":
    sys.exit(main())
