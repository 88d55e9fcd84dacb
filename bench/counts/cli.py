"""Counts against truth: occupancy, entries, exits, lines and bays of the box, next to a baseline.

    python -m bench.counts [--model F.onnx …] [--size 640] [--rate R …] [--set scenes|pets|tud|parking …]
        [--look zones] [--scenes DIR] [--shared DIR] [--out DIR] [--no-baseline] [--json] [--markdown] [--samples 2000] [--seed 0]

`--look zones` takes each zone alone and counts it twice: with the detector on the whole frame, and on the part that
the zone needs (`look: zones` in a configuration); it adds how long a frame of each takes.

Sets: the rendered scenes; PETS09-S2L1 and TUD-Campus; pictures of parking lots. The last three are no part of the
project and are looked for in DIR/data (default ../shared). Every figure is defined in docs/counting-error.md. The
network's answers are kept in a cache folder; a second run takes a minute or two.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from bench.counts import cases, detections, looking, parking_pictures, table
from bench.counts.run import measure
from bench.counts.verdict import Verdict, judge
from edge.detect import resolve_model
from edge.errors import EdgeError

ROOT = Path(__file__).parent.parent.parent
REFERENCE = "yolo11n.onnx"


def main(words: Sequence[str] | None = None) -> None:
    """Parse the command line, measure, print."""
    asked = _parser().parse_args(words)
    began = time.monotonic()
    try:
        runs, lots, looks = _measure(asked)
    except (EdgeError, ValueError, OSError) as exc:
        sys.exit(f"bench.counts: {exc}")
    if not runs and not lots:
        sys.exit("bench.counts: nothing to measure; every set asked for is absent")
    verdicts = judge([run for run in runs if _judged(run, asked.model)])
    seconds = round(time.monotonic() - began)
    _say(runs, lots, looks, verdicts, markdown=asked.markdown, out=sys.stderr if asked.json else sys.stdout)
    print(f"bench.counts: {seconds} s", file=sys.stderr)
    document = {
        "version": 1,
        "seconds": seconds,
        "samples": asked.samples,
        "seed": asked.seed,
        "runs": runs,
        "parking": lots,
        "look": looks,
        "verdicts": [verdict.row() for verdict in verdicts],
    }
    if asked.out:
        (asked.out / "counts.json").write_text(json.dumps(document) + "\n")
    if asked.json:
        print(json.dumps(document))


def _say(
    runs: list[dict[str, Any]],
    lots: list[dict[str, Any]],
    looks: list[dict[str, Any]],
    verdicts: Sequence[Verdict],
    *,
    markdown: bool,
    out: TextIO,
) -> None:
    """The table with its legend and the verdicts; as plain text also every zone and line before it."""
    body = table.rows(runs, lots)
    if not markdown:
        print(*(table.details(run) for run in runs), "", sep="\n", file=out)
    drawn = table.markdown(table.HEAD, body) if markdown else table.plain(table.HEAD, body)
    judged = table.verdicts(verdicts)
    print(
        drawn,
        "",
        table.LEGEND,
        "",
        *([*looking.lines(looks), ""] if looks else []),
        *([f"```text\n{judged}\n```"] if markdown else [judged]),
        sep="\n",
        file=out,
    )


def _measure(
    asked: argparse.Namespace,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Runs of the videos, parking lots, and what looking at zones alone saves."""
    runs: list[dict[str, Any]] = []
    looks: list[dict[str, Any]] = []
    lots: list[dict[str, Any]] = []
    drawn: list[tuple[dict[str, Any], list[cases.Case], dict[str, Any]]] = []
    for name in asked.set or cases.SETS:
        models = [detections.Model(path, asked.size) for path in asked.model or _models(name, asked.shared)]
        if name == "parking":
            lots += _lots(models, asked)
            continue
        found = cases.find(name, asked.scenes, asked.shared)
        if asked.look == "zones":
            found = [one for case in found for one in looking.alone(case)]
            looks += [row for model in models for row in looking.times(found, model)]
        for model, look in [(m, k) for m in models if found for k in _looks(asked)]:
            seen = [(c, looking.model_for(c, model) if look == "zones" else model) for c in found]
            videos = [
                (c, detections.of_video(c.name.partition(" ")[0], c.video, m, asked.cache)) for c, m in seen
            ]
            label = model.name if look == "frame" else f"{model.name} zones"
            for rate in cases.rates_of(name, max(case.truth.fps for case in found), asked.rate):
                run, said = measure(
                    videos,
                    label,
                    rate,
                    with_baseline=not asked.no_baseline,
                    samples=asked.samples,
                    seed=asked.seed,
                )
                if asked.look == "zones":
                    run["tracking"] = {}  # its truth knows all who are in the frame
                runs.append(run)
                drawn.append((run, found, said))
                print(f"  {name} {label} {rate:g} fps", file=sys.stderr)
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        _draw(asked.out, drawn)
    return runs, lots, looks


def _draw(folder: Path, drawn: Sequence[tuple[dict[str, Any], list[cases.Case], dict[str, Any]]]) -> None:
    """One picture of every video at its highest and its lowest rate, and one of all errors."""
    from bench.counts import pictures

    for run, found, said in drawn:
        rates = [
            other["rate"]
            for other, *_ in drawn
            if (other["set"], other["model"]) == (run["set"], run["model"])
        ]
        if run["rate"] in {max(rates), min(rates)}:
            for case, video in zip(found, run["videos"], strict=True):
                pictures.draw_video(folder, run, video, case.truth, said[case.name])
    if drawn:
        pictures.draw_summary(folder, [run for run, *_ in drawn])


def _looks(asked: argparse.Namespace) -> tuple[str, ...]:
    return ("frame", "zones") if asked.look == "zones" else ("frame",)


def _lots(models: Sequence[detections.Model], asked: argparse.Namespace) -> list[dict[str, Any]]:
    folder = asked.shared / "data" / "parking"
    if not folder.is_dir():
        print(f"parking: {folder} is absent (it is no part of the project); skipped", file=sys.stderr)
        return []
    found = []
    for model in models:
        found.append(
            parking_pictures.measure(folder, model, asked.cache, with_baseline=not asked.no_baseline)
        )
        print(f"  parking {model.name}", file=sys.stderr)
    return found


def _models(name: str, shared: Path) -> list[Path]:
    """The starter; on real data the reference first, where it is present."""
    starter, reference = resolve_model("starter"), shared / "models" / REFERENCE
    return [starter] if name == "scenes" or not reference.exists() else [reference, starter]


def _judged(run: dict[str, Any], models: Sequence[Path] | None) -> bool:
    """The goals are stated for the starter on the scenes and the reference on PETS, or for what was asked for."""
    return bool(models) or run["set"] == "scenes" or run["model"].startswith(Path(REFERENCE).stem)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.counts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", type=Path, action="append", help="an .onnx file; default: the starter, and the reference")
    add(
        "--look",
        choices=("frame", "zones"),
        default="frame",
        help="zones: also with the detector on them alone",
    )
    add("--size", type=int, default=640, help="longer side of the network's input (default 640)")
    add(
        "--rate",
        type=float,
        action="append",
        default=[],
        help="frames a second; default: the video's own, 10, 5, 2.5",
    )
    add("--set", choices=cases.SETS, action="append", help="default: all that are present")
    add("--scenes", type=Path, default=ROOT / "sample_videos", help="NAME.mp4, .yaml and .truth.json")
    add("--shared", type=Path, default=ROOT.parent / "shared", help="folder with data/ and models/")
    add("--cache", type=Path, default=detections.default_cache(), help="where the network's answers are kept")
    add("--out", type=Path, help="write counts.json and pictures here")
    add("--no-baseline", action="store_true", help="the box alone")
    add("--json", action="store_true", help="one JSON object as the last line of stdout, the rest on stderr")
    add("--markdown", action="store_true", help="the table as Markdown")
    add("--samples", type=int, default=2000, help="of the bootstrap; 0: no interval")
    add("--seed", type=int, default=0, help="of the bootstrap")
    return parser
