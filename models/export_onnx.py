"""Checkpoint to ONNX, proven equal: `python -m models.export_onnx CHECKPOINT.pt [--out F.onnx] [--size 640] …`.

A checkpoint is a pickle: whoever opens it runs its code. So only checkpoints whose SHA-256 is registered below are
opened, unless `--trust` says that you know where yours comes from.

The exported file is loaded by the very code that runs on the box, and both networks see the same pictures. Limits:
a score may differ by 0.01, a box that scores at least 0.05 by one pixel of the input; beyond that nothing is written.

Needs the extra `models` (ultralytics and torch; gigabytes), on a workstation and never on a box.
Exit status: 0 done, 2 wrong arguments, 5 refused or not equal.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import cv2
import numpy as np

from edge.detect import OnnxDetector
from edge.errors import ModelError
from edge.records import FloatArray, ImageArray

KNOWN: Final = {
    "5dd07789a69451735255167d602223d1aca48591a8d43d10523f073741daa627": "starter.pt, before the rendered pictures",
    "04b200bb0d698f45806da4acf729ed65def35fbf8cd0dbf7bb206619b9482bcc": "starter.pt, release 0.1",
}
OPSET: Final = 17
SCORE_LIMIT: Final = 0.01
BOX_LIMIT_PX: Final = 1.0
SEEN: Final = 0.05  # boxes that score less are never used, so their place does not matter


@dataclass(frozen=True, slots=True)
class Parity:
    """How far the two networks lay apart at worst, over all pictures."""

    pictures: int
    boxes: int
    score_difference: float
    box_difference_px: float

    @property
    def good(self) -> bool:
        """Within the limits."""
        return self.score_difference <= SCORE_LIMIT and self.box_difference_px <= BOX_LIMIT_PX


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_trust(checkpoint: Path, *, trust: bool) -> str:
    """The checkpoint's SHA-256.

    Raises:
        ModelError: it is missing, no .pt, or neither registered nor trusted.
    """
    if checkpoint.suffix != ".pt" or not checkpoint.is_file():
        raise ModelError(f"{checkpoint}: must be an existing .pt checkpoint; check the path")
    found = sha256_of(checkpoint)
    if found not in KNOWN and not trust:
        raise ModelError(
            f"{checkpoint}: its SHA-256 must be registered in models/export_onnx.py (got {found}), because opening a "
            "checkpoint runs the code inside it; if you trained it yourself, or got this sum from its makers over "
            "another way, add --trust"
        )
    return found


def parse_size(text: str) -> tuple[int, int]:
    """``640`` or ``384x640`` (height x width) as (height, width), multiples of 32."""
    height, _, width = text.partition("x")
    try:
        size = int(height), int(width or height)
    except ValueError:
        size = (0, 0)
    if any(side <= 0 or side % 32 for side in size):
        raise argparse.ArgumentTypeError(
            f"must be N or HxW, multiples of 32 (got {text}); write e.g. 640 or 384x640"
        )
    return size


def load_pictures(folder: Path | None, size: tuple[int, int]) -> list[ImageArray]:
    """Pictures of a folder (the first 32 by name), or ones made up of noise and blocks, always the same."""
    if folder is not None:
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png"})[:32]
        read = [cv2.imread(str(path)) for path in files]
        pictures = [np.asarray(picture, np.uint8) for picture in read if picture is not None]
        if not pictures:
            raise ModelError(f"{folder}: must hold .jpg or .png pictures; give another folder to --pictures")
        return pictures
    rng = np.random.default_rng(0)
    pictures = []
    for cells in (2, 5, 11, 24, 60):
        small = rng.integers(0, 256, (cells, 2 * cells, 3), np.uint8)
        pictures.append(np.asarray(cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC), np.uint8))
    pictures.append(rng.integers(0, 256, (*size, 3), np.uint8))
    return pictures


def compare(first: FloatArray, second: FloatArray) -> tuple[int, float, float]:
    """Boxes that count, the largest difference of a score, and that of their coordinates: both (4+nc, N) raw."""
    if first.shape != second.shape:
        raise ModelError(f"parity: both outputs must have one shape (got {first.shape} and {second.shape})")
    seen = np.maximum(first[4:].max(axis=0), second[4:].max(axis=0)) >= SEEN
    score = float(np.abs(first[4:] - second[4:]).max())
    box = float(np.abs(first[:4, seen] - second[:4, seen]).max()) if seen.any() else 0.0
    if not np.isfinite(first).all() or not np.isfinite(second).all():
        raise ModelError("parity: both outputs must be finite numbers")
    return int(seen.sum()), score, box


def offline() -> None:
    """Before ultralytics is imported: it shall neither install packages nor fetch or send anything."""
    for name, value in (("YOLO_AUTOINSTALL", "false"), ("YOLO_OFFLINE", "true")):
        os.environ.setdefault(name, value)


class Opened(Protocol):
    """A checkpoint that has been opened."""

    def export(self, folder: Path, size: tuple[int, int], *, dynamic: bool) -> Path:
        """Write an .onnx file into ``folder``."""

    def run(self, blob: FloatArray) -> FloatArray:
        """The raw output (4+nc, N) float32 for an input (1, 3, H, W) float32."""


class UltralyticsCheckpoint:
    """A detection checkpoint in ultralytics. Its messages go to stderr; it neither installs nor fetches anything.

    Raises:
        ModelError: ultralytics is missing, or the checkpoint holds no detector.
    """

    def __init__(self, path: Path) -> None:
        offline()
        try:
            with redirect_stdout(sys.stderr):
                from ultralytics import YOLO
        except ImportError as exc:
            raise ModelError(
                f"export: ultralytics and torch must be installed ({exc}); run pip install 'parvis[models]' on a "
                "workstation"
            ) from exc
        self._path = path
        self._yolo: Any = YOLO(str(path))
        if self._yolo.task != "detect":
            raise ModelError(f"{path}: must be a detection model (got {self._yolo.task}); choose another")
        self._network = self._yolo.model.float().eval()

    def export(self, folder: Path, size: tuple[int, int], *, dynamic: bool) -> Path:
        """By ultralytics, on a copy, since it writes next to the checkpoint and changes the network it exports."""
        copy = folder / self._path.name
        shutil.copyfile(self._path, copy)
        settings = {
            "imgsz": list(size),
            "dynamic": dynamic,
            "simplify": False,
            "opset": OPSET,
            "device": "cpu",
        }
        with redirect_stdout(sys.stderr):
            return Path(type(self._yolo)(str(copy)).export(format="onnx", **settings))

    def run(self, blob: FloatArray) -> FloatArray:
        """The network as it was trained, without the fusing of layers that the export does."""
        import torch

        with torch.no_grad():
            output = self._network(torch.from_numpy(blob.copy()))
        result: FloatArray = (output[0] if isinstance(output, (tuple, list)) else output)[0].numpy()
        return result


def export(
    opened: Opened, out: Path, size: tuple[int, int], *, dynamic: bool, pictures: Path | None
) -> Parity:
    """Write ``out`` and return how equal it is.

    Raises:
        ModelError: the box cannot use the result, or the two networks differ; then ``out`` is not written.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = opened.export(Path(folder), size, dynamic=dynamic)
        detector = OnnxDetector(made, input_size=size)
        boxes, score, place = 0, 0.0, 0.0
        shown = load_pictures(pictures, size)
        for picture in shown:
            blob = detector.preprocess(picture)
            n, worst_score, worst_place = compare(opened.run(blob), detector.infer(blob))
            boxes, score, place = boxes + n, max(score, worst_score), max(place, worst_place)
        parity = Parity(len(shown), boxes, score, place)
        if not parity.good:
            raise ModelError(
                f"{out}: the export must equal its checkpoint within {SCORE_LIMIT} of a score and {BOX_LIMIT_PX} px of a "
                f"box (got {score:.4f} and {place:.2f} px); nothing was written, try another version of torch or "
                "ultralytics"
            )
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, out)
    return parity


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="models.export_onnx", description="Checkpoint to ONNX, proven equal."
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, help="default: the checkpoint's name with .onnx")
    parser.add_argument("--size", type=parse_size, default=(640, 640), help="N or HxW (default 640)")
    parser.add_argument(
        "--dynamic", action="store_true", help="leave height and width open; --size is then advice"
    )
    parser.add_argument(
        "--pictures", type=Path, help="folder of pictures for the comparison; default: synthetic"
    )
    parser.add_argument("--trust", action="store_true", help="open a checkpoint that is not registered")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    out = asked.out or asked.checkpoint.with_suffix(".onnx")
    try:
        if out.suffix != ".onnx":
            raise ModelError(f"{out}: the output must end in .onnx; the box loads nothing else")
        source = check_trust(asked.checkpoint, trust=asked.trust)
        opened = UltralyticsCheckpoint(asked.checkpoint)
        parity = export(opened, out, asked.size, dynamic=asked.dynamic, pictures=asked.pictures)
    except ModelError as exc:
        print(exc, file=sys.stderr)
        return exc.exit_code
    report = {"out": str(out), "sha256": sha256_of(out), "checkpoint_sha256": source, **asdict(parity)}
    if asked.json:
        print(json.dumps(report))
    else:
        print("\n".join(f"{name:18} {value}" for name, value in report.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
