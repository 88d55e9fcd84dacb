"""Trains a detector on real and rendered pictures: `python -m models.train START --out DIR --pictures P …`.

START is one of our checkpoints (.pt), or `starter` or `small`: that network with random weights
(`models.architectures`). Never foreign weights. P is a folder of pictures with YOLO labels (`P/images` and `P/labels`, or any `…/images/…` folder with
its twin `…/labels/…`; class, centre x, centre y, width, height as fractions): 0 person, 1 bicycle, 2 car,
3 motorcycle, 4 bus, 5 truck; a cycle and whoever rides it are two boxes. `P=3` counts its pictures three times.

Made for two CPU cores: both compute, one loader process, bfloat16 (ultralytics alone uses one thread and float32 on a
CPU, four times slower); `--device 0` takes a GPU. Batches are cut to the shape that the box runs, such as 384x640, and
shrunk by a random factor, so that one file serves all input sizes. Rare classes are shown more often: a picture counts
max(1, sqrt(B / share of pictures with its rarest class)) times (repeat factor sampling; Gupta et al., LVIS, 2019).
Random numbers follow `--seed`; sums in two threads still differ in their last bits.

Nothing is written next to the pictures. `DIR/recipe.json` says what was run on what; every epoch writes
`DIR/weights/last.pt` and a row of `DIR/results.csv`. Whatever ended the run, the same command with `--resume` goes on
from the last whole epoch. Needs the extra `models`; see `models.checkpoint` for trust.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from edge.errors import ModelError
from models.architectures import SCALES, write_architecture
from models.checkpoint import check_trust, sha256_of
from models.few_cores import trainer_class
from models.pictures import NAMES, Source, parse_size, parse_source, write_mix

SETTINGS: Final[dict[str, Any]] = {
    "pretrained": True, "exist_ok": True, "plots": False, "deterministic": False, "optimizer": "SGD", "momentum": 0.93,
    "weight_decay": 5e-4, "cos_lr": True, "lrf": 0.02, "warmup_epochs": 0.5, "hsv_v": 0.5, "translate": 0.1,
    "scale": 0.5, "fliplr": 0.5, "erasing": 0.0,
}  # fmt: skip

OPTIONS: Final[tuple[tuple[str, int | float, str], ...]] = (
    ("--epochs", 12, "passes over all pictures"),
    ("--plain-epochs", 2, "of these, the last ones without mosaics"),
    ("--batch", 16, "pictures a step"),
    ("--lr", 0.01, "highest learning rate"),
    ("--mosaic", 0.5, "share of pictures put together from four"),
    ("--balance", 0.0, "B of the rule above; 0: every picture counts once"),
    ("--least", 0, "longer side to which batches are shrunk at most, at random; 0: never"),
    ("--evenings", 0.0, "share of pictures turned into evenings, vehicles lit (models.evening)"),
    ("--seed", 0, "of all random numbers"),
    ("--threads", 2, "1 on a machine that is busy with other work: there two are slower than one"),
)


def recipe(asked: argparse.Namespace, counts: dict[str, int]) -> dict[str, Any]:
    """What is run on what: enough to run it again. Paths stay out: folders are named by their last parts."""
    options = {name[2:]: getattr(asked, name[2:].replace("-", "_")) for name, *_ in OPTIONS}
    start = asked.start if asked.start in SCALES else {"sha256": sha256_of(Path(asked.start))}
    return {
        "start": start, "size": list(asked.size), **options, "device": asked.device,
        "teacher": sha256_of(asked.teacher) if asked.teacher else None,
        "pictures": [{"folder": "/".join(s.folder.parts[-2:]), "repeat": s.repeat} for s in asked.pictures],
        "shown_each_epoch": counts, "settings": SETTINGS,
    }  # fmt: skip


def train(asked: argparse.Namespace) -> Path:
    """Run or resume the training; the path of the last checkpoint.

    Raises:
        ModelError: pictures or ultralytics are missing, or a checkpoint is not to be trusted.
    """
    last = Path(asked.out, "weights", "last.pt")
    if asked.resume and not last.is_file():
        raise ModelError(f"{last}: must exist to resume (the first epoch writes it); leave --resume out")
    started = [] if asked.start in SCALES else [Path(asked.start)]
    for checkpoint in started + ([asked.teacher] if asked.teacher else []):
        check_trust(checkpoint, trust=asked.trust)
    cls = trainer_class(asked.size, asked.least, asked.threads, asked.seed, asked.device, asked.evenings)
    data, counts = write_mix(asked.out, asked.pictures, asked.valid, asked.balance, asked.limit, asked.seed)
    Path(asked.out, "recipe.json").write_text(json.dumps(recipe(asked, counts), indent=1) + "\n")
    print(f"pictures an epoch: {counts}", file=sys.stderr)
    model = write_architecture(asked.start, asked.out) if asked.start in SCALES else asked.start
    settings: dict[str, Any] = {
        **SETTINGS, "model": str(model), "data": str(data), "imgsz": max(asked.size), "epochs": asked.epochs,
        "close_mosaic": asked.plain_epochs, "batch": asked.batch, "nbs": asked.batch, "lr0": asked.lr,
        "mosaic": asked.mosaic, "seed": asked.seed, "val": asked.val, "name": asked.out.name, "device": asked.device,
        "project": str(asked.out.resolve().parent), "cache": "ram" if asked.ram else False,
        "amp": asked.device != "cpu",
    }  # fmt: skip
    if asked.teacher:
        settings["distill_model"] = str(asked.teacher)
    if asked.resume:
        settings["resume"] = str(last)
    cls(overrides=settings).train()
    return last


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="models.train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("start", metavar="START", help="checkpoint .pt of ours, starter or small")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pictures", type=parse_source, action="append", default=[], metavar="P[=N]")
    parser.add_argument(
        "--valid", type=parse_source, required=True, help="folder of pictures never trained on"
    )
    parser.add_argument("--size", type=parse_size, default=(384, 640), help="N or HxW, H <= W")
    parser.add_argument("--limit", type=int, help="pictures of each folder at most, drawn at random")
    parser.add_argument("--device", default="cpu", help="cpu, or the number of a GPU")
    parser.add_argument(
        "--teacher", type=Path, help="checkpoint of ours whose features a small model imitates"
    )
    for name, default, text in OPTIONS:
        parser.add_argument(name, type=type(default), default=default, help=f"{text} (default {default})")
    for flag, text in (
        ("--ram", "keep the decoded pictures in memory"),
        ("--val", "measure on --valid after every epoch"),
        ("--resume", "go on from DIR/weights/last.pt"),
        ("--trust", "open a checkpoint that is not registered"),
    ):
        parser.add_argument(flag, action="store_true", help=text)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    try:
        last = train(asked)
    except ModelError as exc:
        print(exc, file=sys.stderr)
        return exc.exit_code
    print(json.dumps({"checkpoint": str(last), "sha256": sha256_of(last)}) if asked.json else last)
    return 0


__all__ = ["NAMES", "OPTIONS", "SETTINGS", "Source", "main", "recipe", "train"]

if __name__ == "__main__":
    sys.exit(main())
