"""A box left alone while everything around it fails in turn (R38).

    python -m bench.soak [--minutes N] [--fault-s S] [--rest-s S] [--keep DIR] [--json]

The real `parvis edge run` counts the rendered square with the bundled model, played by a camera over HTTP, and delivers to
a real `parvis server run`. Camera gone and mute, server killed (once per round long enough to be red), answers of 500,
a link of a kilobyte a second, answers lost, a full disk and a clock that is set by hand follow each other, with a rest
between. At the end the server stays, the spool drains, the box is stopped, and it is asked:

- is every record that closed on the server, once, in a row without a hole; do the intervals of each zone and line lie
  side by side from the first to the last; does none without a picture say that it saw something;
- did `/healthz` tell each fault in its time, none that was not, and forget it within 90 s;
- do memory, open files and threads stay level (after half an hour, or a quarter of a shorter run), and the WAL small.

Exit status 1 when anything of that is not so. Needs ffmpeg; a disk to fill needs root, a clock to set needs gcc.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from bench.soak.run import Soak


def main() -> int:
    """Run the soak and print its figures."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--fault-s", type=float, default=75, help="how long each fault lasts")
    parser.add_argument("--rest-s", type=float, default=90, help="and the time until the next")
    parser.add_argument("--keep", type=Path, help="work in this new folder and leave the logs there")
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if shutil.which("ffmpeg") is None:
        print(
            "the soak's camera is read through ffmpeg, which is not installed: apt install ffmpeg",
            file=sys.stderr,
        )
        return 2
    folder = args.keep or Path(tempfile.mkdtemp(prefix="soak"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        result = Soak(folder, args.minutes * 60, args.fault_s, args.rest_s).run()
    finally:
        if args.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    said = asdict(result) | {"wrong": result.wrong}
    for name, value in said.items():
        print(f"{name:>16} {value}", file=sys.stderr if args.json else sys.stdout)
    if args.json:
        print(json.dumps(said))
    return int(bool(result.wrong))


if __name__ == "__main__":
    sys.exit(main())
