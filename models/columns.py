"""Which models `models.evaluate` measures, and at which sizes: the columns of its tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.counts import detections
from edge.detect import Names, OnnxDetector, resolve_model
from edge.errors import ModelError

REFERENCE: Final = "yolo11n"
OTHERS: Final = (REFERENCE, "yolo26n", "yolox_nano")


@dataclass(frozen=True, slots=True)
class Column:
    """A model at a size: ``key`` names it in all tables; ``reference`` is the key of yolo11n at the same size."""

    key: str
    name: str
    path: Path
    sha256: str
    size: int
    names: Names
    reference: str | None

    def model(self, least: float) -> detections.Model:
        """With what its answers keep."""
        return detections.Model(self.path, self.size, self.names, least)

    def row(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "key": self.key, "model": self.name, "sha256": self.sha256, "size": self.size, "reference": self.reference,
        }  # fmt: skip


def columns(paths: Sequence[Path], sizes: Sequence[int]) -> list[Column]:
    """Each model at each size, at its own if that is fixed; by size. Raises ModelError."""
    found: list[Column] = []
    for path in dict.fromkeys(paths):
        detector, names = _opened(path)
        name = path.stem
        if any(other.name == name and other.sha256 != detector.sha256 for other in found):
            name = f"{name}-{detector.sha256[:6]}"
        own = [max(detector.input_hw)] if detector.input_hw else list(dict.fromkeys(sizes))
        found += [Column(f"{name}@{size}", name, path, detector.sha256, size, names, None) for size in own]
    known = {column.key for column in found}
    with_reference = [
        Column(c.key, c.name, c.path, c.sha256, c.size, c.names, f"{REFERENCE}@{c.size}")
        if f"{REFERENCE}@{c.size}" in known
        else c
        for c in {column.key: column for column in found}.values()
    ]
    return sorted(with_reference, key=lambda column: column.size)


def _opened(path: Path) -> tuple[OnnxDetector, Names]:
    """The model, and ``coco`` if it says no class names and fits COCO's."""
    try:
        return OnnxDetector(path), None
    except ModelError as nameless:
        try:
            detector = OnnxDetector(path, names="coco")
        except ModelError:
            raise nameless from None
        print(f"{path.name}: names no classes; taken for COCO's 80", file=sys.stderr)
        return detector, "coco"


def defaults(shared: Path) -> list[Path]:
    """The starter and the reference models that are present."""
    others = [shared / "models" / f"{name}.onnx" for name in OTHERS]
    for path in others:
        if not path.exists():
            print(f"{path.name}: absent (it is no part of the project); skipped", file=sys.stderr)
    return [resolve_model("starter"), *(path for path in others if path.exists())]
