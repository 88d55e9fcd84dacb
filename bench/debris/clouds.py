"""`../shared/data/clouds`: PETS2001 dataset 3, sun and cloud over parked cars and grass; nothing falls, so every case is false."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from bench.debris.films import Image
from bench.debris.run import run
from bench.debris.scenes import DATA
from bench.debris.score import poisson_most
from contract.names import VEHICLES
from edge.detect import OnnxDetector
from edge.video_file import VideoFile
from edge.zones import Layout, Zone

PASSES: Final = 4  # to and fro, so that light changes at other moments of what was learnt


def cloud_run(persistence_s: float, detector: OnnxDetector) -> dict[str, Any] | None:
    """False cases of ours and of the recipe, the lower two thirds of the picture taken for a road; None without the data."""
    path = DATA / "clouds" / "video.mp4"
    if not path.is_file():
        return None
    pictures = [frame.image.copy() for frame in VideoFile(path, rate=1.0)]
    height, width = pictures[0].shape[:2]
    corners = np.array([[0, 0.3 * height], [width, 0.3 * height], [width, height], [0, height]])
    layout = Layout((width, height), (Zone("lane", "road", "0" * 16, VEHICLES, corners, {}, None),), ())
    done = run(_to_and_fro(pictures), layout, persistence_s, detector)
    hours = PASSES * len(pictures) / 3600
    return {
        "false": len(done.ours),
        "recipe_false": len(done.recipe),
        "hours": round(hours, 3),
        "false_most_an_hour": round(poisson_most(len(done.ours)) / hours, 1),
        "unjudged_s": done.unjudged_s,
    }


def _to_and_fro(pictures: list[Image]) -> Iterator[tuple[float, Image]]:
    for number in range(PASSES * len(pictures)):
        turn, index = divmod(number, len(pictures))
        yield float(number), pictures[index if turn % 2 == 0 else -1 - index]
