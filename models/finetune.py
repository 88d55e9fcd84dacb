"""Trains the starter further on real and rendered pictures: `python -m models.finetune CHECKPOINT.pt --out DIR …`.

Folders hold `images/` and `labels/` (YOLO txt: class, centre x, centre y, width, height, fractions of the picture);
the classes are the starter's: 0 person, 1 bicycle, 2 car, 3 motorcycle, 4 bus, 5 truck.

Made for two CPU cores: both compute, one loader process, bfloat16 (ultralytics alone uses one thread and float32 on a
CPU, four times slower). Batches are cut to the shape that the box runs, such as 384x640, instead of a square: two
fifths less work at 16:9. Random numbers follow `--seed`; sums in two threads still differ in their last bits.

Every epoch writes `DIR/weights/last.pt` and a row of `DIR/results.csv`. Whatever ended the run, the same command with
`--resume` goes on from the last whole epoch. Needs the extra `models`; see `models.export_onnx` for trust.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from models.export_onnx import check_trust, offline, parse_size

NAMES: Final = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
KEEP_SHARE: Final = 0.4  # an object of which less is left after a cut is no example of it any more
SETTINGS: Final[dict[str, Any]] = {
    "device": "cpu", "pretrained": True, "exist_ok": True, "amp": False, "plots": False, "deterministic": False,
    "optimizer": "SGD", "momentum": 0.93, "weight_decay": 5e-4, "cos_lr": True, "lrf": 0.02, "warmup_epochs": 0.5,
    "hsv_v": 0.6, "translate": 0.1, "scale": 0.5, "fliplr": 0.5, "erasing": 0.0,
}  # fmt: skip

OPTIONS: Final[tuple[tuple[str, int | float, str], ...]] = (
    ("--repeat", 1, "how often each rendered picture counts"),
    ("--epochs", 6, "passes over all pictures"),
    ("--plain-epochs", 1, "of these, the last ones without mosaics"),
    ("--batch", 16, "pictures a step"),
    ("--lr", 0.005, "highest learning rate"),
    ("--mosaic", 0.4, "share of pictures put together from four"),
    ("--seed", 0, "of all random numbers"),
    ("--threads", 2, "1 on a machine that is busy with other work: there two are slower than one"),
)


def cut_boxes(
    xywh: NDArray[np.float32], side: int, top: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Boxes (N, 4), centre and size as fractions of a square, after cutting it to ``height`` rows from ``top``.

    Also (N,) which of them keep at least KEEP_SHARE of their area; the others are to be dropped.
    """
    upper = (xywh[:, 1] - xywh[:, 3] / 2) * side - top
    lower = (xywh[:, 1] + xywh[:, 3] / 2) * side - top
    new_upper, new_lower = upper.clip(0, height), lower.clip(0, height)
    keep = (new_lower - new_upper) >= KEEP_SHARE * (lower - upper)
    cut = xywh.copy()
    cut[:, 1], cut[:, 3] = (new_upper + new_lower) / 2 / height, (new_lower - new_upper) / height
    return cut, keep & (new_lower > new_upper)


def list_pictures(folder: Path, limit: int | None, rng: random.Random) -> list[str]:
    """The pictures of ``folder``/images that have a label file (an empty one: nothing to see), by name.

    Raises:
        ModelError: there is none.
    """
    files = sorted(
        folder.absolute().glob("images/*.[jp][pn]g")
    )  # absolute, links kept: a cache is written there
    found = [str(f) for f in files if (f.parents[1] / "labels" / f.name).with_suffix(".txt").is_file()]
    if not found:
        raise ModelError(
            f"{folder}: must hold images/*.jpg or .png and labels/*.txt of the same names; check the path"
        )
    return found if limit is None or limit >= len(found) else sorted(rng.sample(found, limit))


def write_mix(asked: argparse.Namespace) -> Path:
    """The list of training pictures, real ones once and rendered ones ``repeat`` times, and the data file."""
    rng = random.Random(asked.seed)  # noqa: S311
    real = [path for folder in asked.real for path in list_pictures(folder, asked.limit, rng)]
    rendered = [path for folder in asked.rendered for path in list_pictures(folder, asked.limit, rng)]
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "train.txt").write_text("\n".join(real + rendered * asked.repeat) + "\n")
    (asked.out / "valid.txt").write_text("\n".join(list_pictures(asked.valid, None, rng)) + "\n")
    data = {"path": str(asked.out.resolve()), "train": "train.txt", "val": "valid.txt", "names": list(NAMES)}
    (asked.out / "data.yaml").write_text(json.dumps(data) + "\n")  # JSON is YAML
    print(f"{len(real)} real, {len(rendered)} x {asked.repeat} rendered pictures", file=sys.stderr)
    return Path(asked.out, "data.yaml")


def trainer_class(size: tuple[int, int], threads: int, seed: int) -> Any:
    """A DetectionTrainer for few cores; ultralytics is imported only here.

    Raises:
        ModelError: the extra `models` is not installed.
    """
    offline()
    try:
        import torch
        from ultralytics.engine import trainer as engine
        from ultralytics.models.yolo.detect import DetectionTrainer
    except ImportError as exc:
        raise ModelError(
            f"finetune: ultralytics and torch are missing ({exc}): pip install 'parvis[models]'"
        ) from exc
    engine.autocast = lambda *_args, **_kwargs: torch.autocast("cpu", dtype=torch.bfloat16)
    height, width = size
    rng = np.random.default_rng(seed)

    class FewCoresTrainer(DetectionTrainer):  # type: ignore[misc]
        pictures = 0
        started = 0.0

        def get_dataloader(self, *args: Any, **kwargs: Any) -> Any:
            self.args.workers = 1
            return super().get_dataloader(*args, **kwargs)

        def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
            torch.set_num_threads(threads)  # the loader's start resets it
            self.started = self.started or time.monotonic()
            side = batch["img"].shape[2]
            if height < width and side == width:
                slack = (side - height) // 2
                top = slack + int(rng.integers(-slack // 3, slack // 3 + 1))
                boxes, keep = cut_boxes(batch["bboxes"].numpy(), side, top, height)
                batch["img"] = batch["img"][:, :, top : top + height].contiguous()
                batch["bboxes"] = torch.from_numpy(boxes[keep])
                for key in ("cls", "batch_idx"):
                    batch[key] = batch[key][torch.from_numpy(keep)]
            self.pictures += len(batch["img"])
            return dict(super().preprocess_batch(batch))

    return FewCoresTrainer


def _report(trainer: Any) -> None:
    rate = trainer.pictures / max(time.monotonic() - trainer.started, 1e-9)
    print(f"epoch {trainer.epoch + 1}: {rate:.1f} pictures/s since the start", file=sys.stderr)


def train(asked: argparse.Namespace) -> Path:
    """Run or resume the training; the path of the last checkpoint.

    Raises:
        ModelError: pictures or ultralytics are missing, or the checkpoint is not to be trusted.
    """
    last = Path(asked.out, "weights", "last.pt")
    if asked.resume and not last.is_file():
        raise ModelError(f"{last}: must exist to resume (the first epoch writes it); leave --resume out")
    check_trust(asked.checkpoint, trust=asked.trust)
    cls = trainer_class(asked.size, asked.threads, asked.seed)
    settings: dict[str, Any] = {
        **SETTINGS, "model": str(asked.checkpoint), "data": str(write_mix(asked)), "imgsz": max(asked.size),
        "epochs": asked.epochs, "close_mosaic": asked.plain_epochs, "batch": asked.batch, "nbs": asked.batch,
        "lr0": asked.lr, "mosaic": asked.mosaic, "seed": asked.seed, "val": asked.val, "name": asked.out.name,
        "project": str(asked.out.resolve().parent), "cache": "ram" if asked.ram else False,
    }  # fmt: skip
    if asked.resume:
        settings["resume"] = str(last)
    trainer = cls(overrides=settings)
    trainer.add_callback("on_train_epoch_end", _report)
    trainer.train()
    return last


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="models.finetune", description="Train the starter further.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    for kind in ("--real", "--rendered"):
        parser.add_argument(kind, type=Path, action="append", default=[], help="folder; may be repeated")
    parser.add_argument("--valid", type=Path, required=True, help="folder of pictures never trained on")
    parser.add_argument("--size", type=parse_size, default=(384, 640), help="N or HxW, H <= W")
    parser.add_argument("--limit", type=int, help="pictures of each folder at most, drawn at random")
    for name, default, text in OPTIONS:
        parser.add_argument(name, type=type(default), default=default, help=f"{text} (default {default})")
    for flag in ("--ram", "--val", "--resume", "--trust"):
        parser.add_argument(flag, action="store_true")
    asked = parser.parse_args(arguments)
    try:
        print(train(asked))
    except ModelError as exc:
        print(exc, file=sys.stderr)
        return exc.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
