"""The base videos of the films: our rendered street, and real roads of `../shared/data/clips` where these are present."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.debris.films import WEATHERS, Film, Image, Thing
from bench.debris.sprites import Sprite
from contract.names import VEHICLES
from edge.config import load_config
from edge.replay import layout_of
from edge.video_file import VideoFile
from edge.zones import Layout, Zone

ROOT: Final = Path(__file__).parents[2]
DATA: Final = ROOT.parent / "shared" / "data"
WIDTH: Final = 640
SECONDS: Final = 400
# Corners of the road, fractions of the frame; drawn by hand on a median picture of the clip.
CLIPS: Final = {
    "crossing": (((0.10, 0.30), (0.45, 0.20), (0.93, 0.36), (0.70, 0.52), (0.50, 0.50), (0.10, 0.34)), ("day", "clouds", "rain", "dusk", "shadows")),
    "avenue": (((0.36, 0.22), (0.48, 0.22), (0.47, 0.98), (0.03, 0.98), (0.03, 0.62)), ("day", "clouds", "headlights")),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """Pictures (H, W, 3) uint8 BGR, one a second, and the one road zone of their layout."""

    name: str
    pictures: list[Image]
    layout: Layout
    real: bool
    things: tuple[Thing, ...] = ()

    @property
    def polygon(self) -> NDArray[np.float64]:
        """(M, 2) pixels."""
        return np.asarray(self.layout.zones[0].polygon)


def street() -> Base:
    """The rendered street with its ground plane."""
    box = load_config(ROOT / "sample_videos" / "street.yaml")
    pictures = _pictures(ROOT / "sample_videos" / "street.mp4")
    layout = layout_of(box, box.cameras[0], (pictures[0].shape[1], pictures[0].shape[0]))
    lane = next(zone for zone in layout.zones if zone.kind == "road")
    truth = json.loads((ROOT / "sample_videos" / "street.truth.json").read_text())
    own = tuple(
        Thing("carton", np.array(one["box"]), one["appears"], one["removed"], None, own=True)
        for one in truth["debris"]
    )
    return Base("street", pictures, replace(layout, zones=(lane,), lines=()), real=False, things=own)


def clip(name: str) -> Base | None:
    """A real road; None where the data is not there."""
    path = DATA / "clips" / f"{name}.mp4"
    if not path.is_file():
        return None
    pictures = _pictures(path)
    wh = (pictures[0].shape[1], pictures[0].shape[0])
    road = Zone("lane", "road", "0" * 16, VEHICLES, np.array(CLIPS[name][0]) * wh, {}, None)
    return Base(name, pictures, Layout(wh, (road,), ()), real=True)


def _pictures(path: Path) -> list[Image]:
    found = []
    for frame in VideoFile(path, rate=1.0):
        scale = min(1.0, WIDTH / frame.image.shape[1])
        size = (round(frame.image.shape[1] * scale), round(frame.image.shape[0] * scale))
        found.append(
            frame.image.copy()
            if scale == 1.0
            else cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
        )
    return found


def cutouts(least_px: float = 60.0) -> list[Sprite]:
    """Things of `../shared/data/debris`, cut out of their boxes by GrabCut; empty where the data is not there."""
    table = DATA / "debris" / "boxes.csv"
    if not table.is_file():
        return []
    cv2.setRNGSeed(1)
    found = []
    with table.open(newline="") as file:
        for row in csv.DictReader(file):
            x1, y1, x2, y2 = (int(float(row[key])) for key in ("x1", "y1", "x2", "y2"))
            picture = cv2.imread(str(DATA / "debris" / row["file"]))
            if picture is None or min(x2 - x1, y2 - y1) < least_px:
                continue
            scale = min(1.0, 160 / (x2 - x1))
            pad = 12
            size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
            small = cv2.copyMakeBorder(
                cv2.resize(picture, size, interpolation=cv2.INTER_AREA),
                pad,
                pad,
                pad,
                pad,
                cv2.BORDER_REFLECT,
            )
            box = (
                round(x1 * scale) + pad,
                round(y1 * scale) + pad,
                round((x2 - x1) * scale),
                round((y2 - y1) * scale),
            )
            mask = np.zeros(small.shape[:2], np.uint8)
            cv2.grabCut(small, mask, box, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_RECT)
            own = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD))[
                box[1] : box[1] + box[3], box[0] : box[0] + box[2]
            ]
            if own.mean() < 0.25:
                continue
            cut = small[box[1] : box[1] + box[3], box[0] : box[0] + box[2]]
            found.append(np.concatenate([cut, np.where(own, 255, 0).astype(np.uint8)[..., None]], axis=2))
    return found


def films(persistence_s: float, seconds: int = SECONDS) -> Iterator[tuple[Base, Film]]:
    """All films: every weather over the street, some over real roads; each with six things of its own."""
    number = 0
    pasted = cutouts()
    for base in filter(None, (street(), *(clip(name) for name in CLIPS))):
        weathers = CLIPS[base.name][1] if base.real else WEATHERS
        ground = base.layout.ground
        for weather in weathers:
            number += 1
            scale = None if ground is None else lambda foot, g=ground: float(g.px_per_metre(foot[None])[0])
            yield base, Film(
                base.name, base.pictures, base.polygon, weather, seconds, number, scale, persistence_s, pasted if base.real else (), own=base.things,
            )  # fmt: skip
