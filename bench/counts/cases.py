"""The videos that counts are measured on: their configuration and their truth."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bench.counts.series import WINDOW_S
from bench.counts.truth import Truth, scene_truth, sequence_truth
from edge.config import BoxConfig, load_config
from edge.replay import layout_of as camera_layout
from edge.video_file import VideoFile
from edge.zones import Layout

SetName = Literal["scenes", "pets", "tud", "parking"]
SETS: tuple[SetName, ...] = ("scenes", "pets", "tud", "parking")
RATES = {"scenes": (5.0, 2.5), "pets": (5.0, 2.5), "tud": (10.0, 5.0, 2.5)}  # beside each video's own
SEQUENCES = {"pets": "PETS09-S2L1", "tud": "TUD-Campus"}

# Fixed before any result was seen (issue "Counts you can trust"), but for TUD's upper edge: fractions of the frame.
_ZONES = {
    "pets": {"all": (0.0, 0.0, 1.0, 1.0), "middle": (0.3, 0.3, 0.75, 0.75), "left": (0.0, 0.0, 0.4, 1.0)},
    # The ground alone: behind it people sit at a window who are seen and not annotated.
    "tud": {"left": (0.0, 0.5, 0.5, 1.0), "right": (0.5, 0.5, 1.0, 1.0)},
}
_LINES: dict[str, dict[str, Any]] = {
    "pets": {
        **{f"x{round(100 * x)}": [[x, 0.20], [x, 0.95]] for x in (0.25, 0.50, 0.75)},
        **{f"y{round(100 * y)}": [[0.10, y], [0.90, y]] for y in (0.40, 0.55, 0.70)},
    },
    "tud": {f"x{round(100 * x)}": [[x, 0.05], [x, 0.98]] for x in (0.25, 0.50, 0.75)},
}


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One video with its truth; ``layout`` in pixels of its frames."""

    set: SetName
    name: str
    video: Path
    box: BoxConfig
    layout: Layout
    truth: Truth


def find(name: SetName, scenes: Path, shared: Path) -> list[Case]:
    """The videos of a set; a message on stderr where there are none."""
    if name == "scenes":
        files = sorted(scenes.glob("*.truth.json"))
        if not files:
            print(f"scenes: no *.truth.json in {scenes}; skipped", file=sys.stderr)
        return [_scene(file) for file in files]
    folder = shared / "data" / "sequences" / SEQUENCES[name]
    if not (folder / "video.mp4").exists() or not (folder / "gt.txt").exists():
        print(f"{name}: {folder} is absent (it is no part of the project); skipped", file=sys.stderr)
        return []
    return [_sequence(name, folder)]


def rates_of(case_set: SetName, fps: float, asked: Sequence[float]) -> list[float]:
    """The rates to measure, highest first; one at or above the video's own means all of its frames."""
    wanted = [fps, *(asked or RATES[case_set])] if not asked else list(asked)
    return sorted({min(rate, fps) for rate in wanted}, reverse=True)


def _scene(file: Path) -> Case:
    name = file.name.removesuffix(".truth.json")
    box = load_config(file.with_name(f"{name}.yaml")).model_copy(update={"interval_s": round(WINDOW_S)})
    document = json.loads(file.read_text())
    layout = layout_of(box, (document["width"], document["height"]))
    video = file.with_name(f"{name}.mp4")
    return Case("scenes", name, video, box, layout, scene_truth(document, layout))


def _sequence(name: SetName, folder: Path) -> Case:
    with VideoFile(folder / "video.mp4") as video:
        wh, fps = (video.width, video.height), video.fps
    zones = [
        {"id": zone, "kind": "area", "polygon": [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]}
        for zone, (x1, y1, x2, y2) in _ZONES[name].items()
    ]
    lines = [{"id": line, "points": points} for line, points in _LINES[name].items()]
    camera = {"id": "c", "source": "video.mp4", "zones": zones, "lines": lines}
    box = BoxConfig.model_validate({"device": "bench", "interval_s": round(WINDOW_S), "cameras": [camera]})
    layout = layout_of(box, wh)
    rows = np.loadtxt(folder / "gt.txt", delimiter=",")
    return Case(name, folder.name, folder / "video.mp4", box, layout, sequence_truth(rows, fps, layout))


def layout_of(box: BoxConfig, wh: tuple[int, int]) -> Layout:
    """Zones and lines of a configuration's first camera, in pixels."""
    return camera_layout(box, box.cameras[0], wh)
