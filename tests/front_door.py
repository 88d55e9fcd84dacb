"""Runs the installed command as a user would: a process, its exit code, what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.onnx_factory import constant_model, raw_output

BOX = """\
device: box-test
{extra}model: {{path: {model}, confidence: 0.25}}
interval_s: 10
clock: trusted
cameras:
  - id: cam
    source: {source}
    zones:
      - id: middle
        kind: area
        polygon: [[0.2, 0.2], [0.8, 0.2], [0.8, 0.95], [0.2, 0.95]]
    lines:
      - {{id: gate, points: [[0.1, 0.5], [0.9, 0.5]]}}
"""


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


def parvis(*words: object, timeout: float = 120) -> Said:
    """Run ``parvis`` with these words."""
    command = [sys.executable, "-m", "parvis", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def person_model(path: Path) -> Path:
    """A model that sees one person in the middle of every picture."""
    return constant_model(path, raw_output([(32, 32, 10, 20, 0, 0.9)], 6, 84))


def blind_model(path: Path) -> Path:
    """A model that never sees anything."""
    return constant_model(path, np.zeros((1, 10, 84), np.float32))


def box_file(folder: Path, *, source: str = "clip.mp4", extra: str = "", model: str = "tiny.onnx") -> Path:
    """A configuration, next to the model it names."""
    if model == "tiny.onnx":
        person_model(folder / model)
    path = folder / "box.yaml"
    path.write_text(BOX.format(source=source, extra=extra, model=model))
    return path
