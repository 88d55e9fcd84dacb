"""The command: `python -m bench.blur [--model M …] [--plates P] [--thin N] [--frames N] [--shared DIR] [--out DIR] [--json]`.

Masks every set with `parvis edge blur` (the shipped starter, and yolo11n where present) and with `deface` at its
defaults, in one run. A secret (a face, a plate, or a head: the top seventh of a person's true box) counts as hidden in
a frame when 80 % of its box is. "Ever exposed" is of the tracks with a secret of 20 pixels or more: one frame is enough.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.blur.clips import all_sets
from bench.blur.report import draw, table
from bench.blur.score import Score
from bench.blur.systems import Deface, Parvis, System

ROOT = Path(__file__).parents[2]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench.blur", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", action="append", help="starter or an .onnx file; may be repeated")
    parser.add_argument(
        "--plates", default="bundled", help="bundled (default), none, or a plate detector (.onnx)"
    )
    parser.add_argument("--set", action="append", dest="sets", help="only this set; may be repeated")
    parser.add_argument("--thin", type=int, default=1, help="every so many pictures only (default 1)")
    parser.add_argument("--frames", type=int, help="so many frames of each sequence at most")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="where the real data lie")
    parser.add_argument("--out", type=Path, help="folder for blur.json and the pictures")
    parser.add_argument("--no-deface", action="store_true", help="leave deface out")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line of stdout")
    return parser


def systems(asked: argparse.Namespace) -> list[System]:
    """The masks to be compared."""
    yolo = asked.shared / "models" / "yolo11n.onnx"
    models = asked.model or ["starter", *([str(yolo)] if yolo.exists() else [])]
    found: list[System] = [Parvis.of(model, asked.plates, asked.threads) for model in models]
    return found if asked.no_deface else [*found, Deface()]


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Run all masks over all sets."""
    sets = all_sets(asked.shared, asked.thin, asked.frames)
    if asked.sets:
        sets = {name: clips for name, clips in sets.items() if name in asked.sets}
    compared = systems(asked)
    figures: dict[str, dict[str, Any]] = {}
    for name, clips in sets.items():
        figures[name] = {}
        for system in compared:
            score = Score()
            for k, clip in enumerate(clips):
                print(f"\r{name}, {system.name}: {k + 1} of {len(clips)} ", end="", file=sys.stderr)
                score.add(system, clip)
            print(file=sys.stderr)
            figures[name][system.name] = score.figures()
    times = {
        system.name: {
            "frames": system.clock.frames,
            "detector_ms": round(1000 * system.clock.detector_s / max(1, system.clock.frames), 1),
            "mask_ms": round(1000 * system.clock.mask_s / max(1, system.clock.frames), 1),
            "mask_share": round(system.clock.mask_s / max(1e-9, system.clock.detector_s), 3),
        }
        for system in compared
    }
    return {"version": 1, "thin": asked.thin, "threads": asked.threads, "sets": figures, "times": times}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    asked = _parser().parse_args(arguments)
    found = measure(asked)
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "blur.json").write_text(json.dumps(found) + "\n")
        draw(found, asked.out)
    print(json.dumps(found) if asked.json else table(found))
    return 0
