"""What the spool writes to the card: bytes and waits for the disk, an hour as it is on a box, extrapolated to a day.

Rules:
1. Eight zones closed at one instant each minute, with the presence grids kept beside them; a health record at another
   instant; each delivered and settled at once, as `Uplink` does. Nothing sleeps: time is simulated.
2. Bytes are those of ``/proc/self/io`` (``write_bytes``: pages handed to the disk) and of the write calls (``wchar``);
   waits are the fsync and fdatasync calls that strace counts.

``python -m bench.spool_wear [--minutes N] [--folder DIR] [--json]``; DIR must lie on a real disk for ``write_bytes``.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.spool_bench import options, tell
from bench.spool_month import minute_bodies
from contract.messages import HealthBody
from edge.spool import Spool

_WARM_MINUTES = 20  # until what was sent is forgotten as fast as it comes


@dataclass(frozen=True, slots=True)
class Wear:
    """Figures per minute and day; None where this machine cannot tell."""

    minutes: int
    disk_mb_per_day: float | None
    written_mb_per_day: float
    syncs_per_minute: float | None


def grid_text(minute: int) -> str:
    """As large as what a busy camera keeps of its presence grids: two classes, 144 cells, sums and tracks."""
    cells = [round((cell * 37 + minute * 13) % 4000 / 7, 3) for cell in range(288)]
    return json.dumps({"object_s": cells, "tracks": [cell % 9 for cell in range(288)]}, separators=(",", ":"))


def counters() -> tuple[int, int]:
    """``write_bytes`` and ``wchar`` of this process."""
    found = dict(re.findall(r"(\w+): (\d+)", Path("/proc/self/io").read_text()))
    return int(found["write_bytes"]), int(found["wchar"])


def live(folder: Path, minutes: int) -> tuple[int, int]:
    """So many simulated minutes; what they wrote."""
    now = [1_767_225_600.0]
    with Spool(folder / "spool.db", device="box-7f3a", run="00000000000000aa", now=lambda: now[0]) as spool:
        before = (0, 0)
        for minute in range(_WARM_MINUTES + minutes):
            if minute == _WARM_MINUTES:
                before = counters()
                print("begin", file=sys.stderr, flush=True)
            bodies = minute_bodies(minute, 8)
            healths = [body for body in bodies if isinstance(body, HealthBody)]
            for part in ([body for body in bodies if body not in healths], healths):
                now[0] += 30
                spool.append(part, {"grid/north": grid_text(minute)})
                batch = spool.peek()
                spool.settle([item.key for item in batch], {})
        print("end", file=sys.stderr, flush=True)
        after = counters()
    return after[0] - before[0], after[1] - before[1]


def measure(folder: Path, minutes: int) -> Wear:
    """Run a child for the bytes, and one under strace for the waits."""
    command = [sys.executable, "-m", "bench.spool_wear", "--child", "--minutes", str(minutes), "--folder"]
    plain = subprocess.run([*command, str(folder / "a")], capture_output=True, text=True, check=True)
    disk, written = json.loads(plain.stdout)
    per_day = 1440 / minutes / 1e6
    return Wear(
        minutes=minutes,
        disk_mb_per_day=round(disk * per_day, 1) if disk else None,
        written_mb_per_day=round(written * per_day, 1),
        syncs_per_minute=_syncs(command, folder, minutes),
    )


def _syncs(command: list[str], folder: Path, minutes: int) -> float | None:
    strace, log = shutil.which("strace"), folder / "trace"
    if strace is None:
        return None
    options = [strace, "-f", "-o", str(log), "-e", "trace=fsync,fdatasync,write"]
    if subprocess.run([*options, *command, str(folder / "b")], capture_output=True, check=False).returncode:
        return None
    text = log.read_text()
    hour = text[text.index('"begin') : text.index('"end')]
    return round(len(re.findall(r"f(?:data)?sync\(", hour)) / minutes, 2)


def main() -> int:
    """Run the bench and print its figures."""
    parser = options("bench.spool_wear", "what the spool writes", minutes=60)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(live(args.folder, args.minutes)))
        return 0
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        result = measure(Path(folder), args.minutes)
    tell(result, as_json=args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
