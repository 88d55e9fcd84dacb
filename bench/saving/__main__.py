"""What the box saves, and that it costs no count.

    python -m bench.saving [--part cpu|counts|halts|cameras …] [--shared DIR] [--scenes DIR] [--cache DIR] [--json]

cpu      processor time a frame: the square, and the same square with nobody in it, both as a live box counts them
counts   the sample scenes and PETS09-S2L1 counted with and without skipping, at 6, 5 and 2.5 frames a second
halts    the same of the scenes made to halt: everybody stands still for 10 s again and again (runs the network)
cameras  1, 2 and 4 cameras in one process: frames a second of each, memory with and without shared sessions
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.counts.detections import default_cache
from bench.saving import counts, films, processor

ROOT = Path(__file__).parent.parent.parent
FRAMES = 120


def _cpu(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    video, config = asked.scenes / "square.mp4", asked.scenes / "square.yaml"
    with tempfile.TemporaryDirectory() as folder:
        empty = films.still(video, Path(folder) / "empty.mp4", (FRAMES + processor.WARM) / 6)
        rows = {
            name: processor.measured("film", path, config, FRAMES, skip)
            for name, path, skip in (
                ("busy", video, True),
                ("empty", empty, True),
                ("empty always", empty, False),
            )
        }
    for name, row in rows.items():
        share = row["ms_a_frame"] / rows["busy"]["ms_a_frame"]
        yield {"scene": name, **row, "of_busy": round(share, 3)}


def _cameras(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    video, config = asked.scenes / "square.mp4", asked.scenes / "square.yaml"
    for count, shared in ((1, True), (2, True), (4, True), (4, False)):
        yield processor.measured("cameras", video, config, count, shared)


PARTS: dict[str, Callable[[argparse.Namespace], Iterator[dict[str, Any]]]] = {
    "cpu": _cpu,
    "counts": lambda a: counts.compared(a.shared, a.cache, a.scenes, counts.RATES),
    "halts": lambda a: counts.halting(a.cache, a.scenes, counts.RATES),
    "cameras": _cameras,
}


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.saving",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--part", choices=PARTS, action="append", help="default: all")
    parser.add_argument("--scenes", type=Path, default=ROOT / "sample_videos")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="folder with data/")
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), help="where the network's answers are kept"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line of stdout")
    asked = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {}
    for part in asked.part or PARTS:
        found[part] = []
        for row in PARTS[part](asked):
            found[part].append(row)
            said = ", ".join(f"{name} {value}" for name, value in row.items())
            print(f"{part}: {said}", file=sys.stderr if asked.json else sys.stdout, flush=True)
    if asked.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
