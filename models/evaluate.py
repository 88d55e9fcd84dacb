"""How good a model is: `python -m models.evaluate [--model F.onnx …] [--size N …] [--card models/starter.md] …`.

Runs each ONNX at each input size through the detector of the box over pictures with known boxes: people of
PETS09-S2L1 and TUD-Campus, the rendered sample videos, folders of rendered stills (`--stills`), and real pictures
corrected by hand (`models.hand_truth`). Prints AP50, AP (IoU .5 to .95) and recall by class and size with bootstrap
intervals, the difference to yolo11n at the same size, the count error of `bench.counts`, and milliseconds a frame.

Without `--model`: the starter, and the reference models under DIR/models (`--shared`) that are present. A model of
fixed input size gets one column. The networks' answers and the times are kept in the cache folder of `bench.counts`,
so that a repeat takes a minute and says the same; `--time-again` measures the times anew.

`--card` writes the tables between the markers of a model card, `--out` pictures of the curves and evaluate.json.
Exit status: 0 done, 1 the disk refuses, 2 wrong arguments, 4 a video, 5 a model or a card that cannot be used.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from bench.counts import cases, detections
from edge.detect import resolve_model
from edge.errors import EdgeError
from models import card, count_error, figures, speed, truths
from models.columns import REFERENCE, Column, columns, defaults
from models.truths import PictureSet

ROOT: Final = Path(__file__).parent.parent
SIZES: Final = (352, 640)
LEAST: Final = 0.01
QUICK: Final = 5  # every so many of the pictures
ROUNDS, QUICK_ROUNDS = 60, 8


def picture_sets(asked: argparse.Namespace) -> list[PictureSet]:
    """Everything to measure on that is present. Raises ValueError or CameraError."""
    thin = QUICK if asked.quick else 1
    found = [*truths.people(asked.shared, thin), *truths.rendered(ROOT / "sample_videos", thin)]
    found += [truths.stills(folder, thin) for folder in asked.stills]
    found += truths.by_hand(asked.shared, thin)
    if not found:
        raise ValueError(
            "nothing to measure on: every set of pictures is absent; check --shared, or give --stills"
        )
    return found


def scored(
    sets: Sequence[PictureSet], used: Sequence[Column], asked: argparse.Namespace
) -> dict[str, dict[str, dict[str, figures.Score]]]:
    """Scores by set, column and label."""
    found: dict[str, dict[str, dict[str, figures.Score]]] = {}
    for pictures in sets:
        weights = figures.weights_of(pictures, asked.samples, asked.seed)
        own = found[pictures.name] = {}
        for column in used:
            slug = "".join(letter if letter.isalnum() else "-" for letter in pictures.name)
            sights = detections.of_frames(
                slug, pictures.content, pictures.frames, column.model(LEAST), asked.cache
            )
            own[column.key] = figures.score(pictures, [(s.detections, s.wh) for s in sights], weights)
        print(f"  {pictures.name}: scored", file=sys.stderr)
    return found


def counts(used: Sequence[Column], asked: argparse.Namespace) -> list[dict[str, Any]]:
    """The count errors of every column, by set and rate."""
    rows: dict[tuple[cases.SetName, float], dict[str, Any]] = {}
    errors: dict[tuple[cases.SetName, float, str], count_error.Errors] = {}
    for name in count_error.RATES:
        found = cases.find(name, ROOT / "sample_videos", asked.shared)
        for column in used if found else ():
            for own in count_error.measure(column.model(detections.LEAST), found, asked.cache):
                errors[name, own.rate, column.key] = own
            print(f"  {name} {column.key}: counted", file=sys.stderr)
    references = {column.key: column.reference for column in used}
    for (which, rate, key), own in errors.items():
        reference = references[key]
        other = errors[which, rate, reference] if reference else None
        row = rows.setdefault((which, rate), {"set": which, "rate": rate, "true": own.true, "models": {}})
        row["models"][key] = count_error.compared(own, other, asked.samples, asked.seed)
    return list(rows.values())


def times(used: Sequence[Column], asked: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds and ratios by column; those of the last whole run on the same models unless asked anew."""
    rounds = QUICK_ROUNDS if asked.quick else ROUNDS
    models = {column.key: column.model(LEAST) for column in used}
    machine = f"{version('onnxruntime')} {platform.machine()} {os.cpu_count()}"
    words = [f"{rounds} {speed.THREADS} {machine}", *(f"{c.sha256} {c.key}" for c in used)]
    key = hashlib.sha256(" ".join(words).encode()).hexdigest()[:20]
    kept = asked.cache / f"times-{key}.json"
    if kept.exists() and not asked.time_again:
        return dict(json.loads(kept.read_text()))
    pictures = speed.frames(ROOT / "sample_videos" / "street.mp4")
    taken = speed.interleaved(models, pictures, rounds)
    found = speed.summary(taken, {c.key: c.reference for c in used if c.reference})
    asked.cache.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(found))
    return dict(found)


def measure(
    sets: Sequence[PictureSet], asked: argparse.Namespace
) -> tuple[dict[str, Any], dict[str, dict[str, dict[str, figures.Score]]]]:
    """The results, ready for JSON, and the scores behind them, for curves."""
    used = columns(asked.model or defaults(asked.shared), asked.size or SIZES)
    scores = scored(sets, used, asked)
    blocks = {own.name: len({truth.block for truth in own.truths}) for own in sets}
    references = {
        column.key: column.reference for column in used if column.reference not in {None, column.key}
    }
    document = {
        "version": 1,
        "command": _command(asked),
        "quick": asked.quick,
        "samples": asked.samples,
        "seed": asked.seed,
        "setting": {
            "threads": speed.THREADS, "machine": platform.machine(), "onnxruntime": version("onnxruntime"),
            "reference": REFERENCE,
        },
        "columns": [column.row() for column in used],
        "sets": [_described(own, blocks[own.name], scores[own.name]) for own in sets],
        "figures": {
            name: {key: figures.row(own, blocks[name]) for key, own in by_key.items()}
            for name, by_key in scores.items()
        },
        "differences": {
            name: {
                key: figures.difference(by_key[key], by_key[reference], blocks[name])
                for key, reference in references.items() if reference
            }
            for name, by_key in scores.items()
        },
        "counts": [] if asked.no_counts or asked.quick else counts(used, asked),
        "speed": times(used, asked),
    }  # fmt: skip
    return document, scores


def _described(own: PictureSet, blocks: int, by_key: dict[str, dict[str, figures.Score]]) -> dict[str, Any]:
    first = next(iter(by_key.values()))
    return {
        "name": own.name,
        "about": own.about,
        "pictures": len(own.truths),
        "blocks": blocks,
        "boxes": {label: len(found.heights) for label, found in first.items()},
        "spared": int(sum(truth.spared.sum() for truth in own.truths)),
    }


def _command(asked: argparse.Namespace) -> str:
    """The command line that gives these results, by names alone."""
    words = ["python -m models.evaluate"]
    words += [f"--model {path.name}" for path in asked.model]
    words += [f"--size {size}" for size in asked.size]
    words += [f"--stills {folder.resolve().name}" for folder in asked.stills]
    words += [flag for flag, on in (("--quick", asked.quick), ("--no-counts", asked.no_counts)) if on]
    words += [f"--card models/{asked.card.name}"] if asked.card else []
    return " ".join(words)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.card and asked.quick:
        parser.error("--card: must hold whole measurements (got --quick); leave one of the two out")
    try:
        asked.model = [resolve_model(str(path)) for path in asked.model]
        if asked.card:
            card.split(asked.card)
        try:
            sets = picture_sets(asked)
        except ValueError as exc:
            parser.error(str(exc))
        document, scores = measure(sets, asked)
        if asked.card:
            card.rewrite(asked.card, document)
        if asked.out:
            from models import curves

            asked.out.mkdir(parents=True, exist_ok=True)
            (asked.out / "evaluate.json").write_text(json.dumps(document) + "\n")
            for path in curves.draw(asked.out, document, scores):
                print(f"  {path}", file=sys.stderr)
    except EdgeError as exc:
        print(exc, file=sys.stderr)
        return exc.exit_code
    except OSError as exc:
        print(f"models.evaluate: {exc}", file=sys.stderr)
        return 1
    print(card.text(document, as_markdown=False), file=sys.stderr if asked.json else sys.stdout)
    if asked.json:
        print(json.dumps(document))
    return 0


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 (got {text}); write e.g. 1000")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", type=Path, action="append", default=[], help="an .onnx file, or starter; may be repeated")
    add(
        "--size", type=int, action="append", default=[], help="longer side of the input (default 352 and 640)"
    )
    add("--shared", type=Path, default=ROOT.parent / "shared", help="folder with data/ and models/")
    add("--stills", type=Path, action="append", default=[], help="folder with images/ and labels/")
    add("--out", type=Path, help="write evaluate.json and the curves as pictures here")
    add("--card", type=Path, help="a model card whose block between the markers is written anew")
    add("--cache", type=Path, default=detections.default_cache(), help="where answers and times are kept")
    add("--samples", type=_count, default=1000, help="of the bootstrap (default 1000); 0: no intervals")
    add("--seed", type=_count, default=0, help="of the bootstrap")
    add("--quick", action="store_true", help=f"every {QUICK}th of the pictures, no counts: to try things out")
    add("--no-counts", action="store_true", help="without the count error of bench.counts")
    add("--time-again", action="store_true", help="measure the times anew instead of those kept")
    add("--json", action="store_true", help="one JSON object as the last line of stdout, the rest on stderr")
    return parser


if __name__ == "__main__":
    sys.exit(main())
