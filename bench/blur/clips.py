"""What is to be hidden, and where: pictures and sequences with the boxes of faces, heads or plates.

A picture is a clip of one frame. Boxes are pixels of the frame; an object keeps its number through a clip.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import ImageArray
from edge.video_file import VideoFile
from models.truths import human_boxes

HEAD: Final = 1 / 7  # of a standing person's box, from above
MOVING_FPS: Final = 12.5
MOVING_FRAMES: Final = 25
MOVES: Final = ("pan", "zoom", "shake")
LEAST_INSIDE: Final = 0.8  # of a face in the picture; less is no face to be found
Boxes = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """One frame. ``secret`` (N, 4) must be hidden, ``number`` (N,) names each; ``free`` (M, 4) may be: whoever is there.

    ``free`` None: not known, so that the area masked in vain cannot be measured.
    """

    image: ImageArray
    at: float
    secret: Boxes
    number: NDArray[np.int64]
    free: Boxes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Frames that belong together. ``fps`` 0: a picture on its own."""

    name: str
    fps: float
    frames: Callable[[], Iterator[Sight]]


def all_sets(shared: Path, thin: int, most: int | None) -> dict[str, list[Clip]]:
    """The sets that are present, every ``thin``-th picture or moving clip of them, ``most`` frames of a sequence."""
    data = shared / "data"
    sets = {
        "faces": _pictures(data / "faces", thin),
        "faces, moving": _moving(data / "faces", 5 * thin),
        "plates": _pictures(data / "plates", thin),
        "plates, other half": _pictures(data / "plates", thin, held_back),
        **{
            name: _sequence(data / "sequences" / name, fps, most)
            for name, fps in (("TUD-Campus", 25.0), ("PETS09-S2L1", 10.0))
        },
        "rendered": _rendered(Path(__file__).parents[2] / "sample_videos", most),
    }
    return {name: clips for name, clips in sets.items() if clips}


def _absent(folder: Path) -> list[Clip]:
    print(f"{folder.name}: {folder} is absent (it is no part of the project); skipped", file=sys.stderr)
    return []


def _boxes(folder: Path) -> dict[Path, Boxes]:
    rows = defaultdict(list)
    with (folder / "boxes.csv").open() as file:
        for row in csv.DictReader(file):
            rows[row["file"]].append([float(row[k]) for k in ("x1", "y1", "x2", "y2")])
    places = {path.name: path for path in folder.rglob("*") if path.suffix in {".jpg", ".png"}}
    return {places[name]: np.array(boxes) for name, boxes in sorted(rows.items())}


def _read(path: Path) -> ImageArray:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path}: must be a picture")
    return np.asarray(image, np.uint8)


def held_back(path: Path) -> bool:
    """Whether a picture was looked at by nobody while the mask was made: half of them, by the hash of their names."""
    return hashlib.sha256(path.name.encode()).digest()[0] % 2 == 1


def _pictures(folder: Path, thin: int, only: Callable[[Path], bool] = lambda _: True) -> list[Clip]:
    if not (folder / "boxes.csv").exists():
        return _absent(folder)

    def sight(path: Path, boxes: Boxes) -> Sight:
        image = _read(path)
        told = boxes[shows(image, boxes)]
        return Sight(image, 0.0, told, np.arange(len(told)))

    def clip(path: Path, boxes: Boxes) -> Clip:
        return Clip(path.stem, 0, lambda: iter((sight(path, boxes),)))

    return [clip(path, boxes) for path, boxes in list(_boxes(folder).items())[::thin] if only(path)]


def shows(image: ImageArray, boxes: Boxes) -> NDArray[np.bool_]:
    """(N,) whether there is anything in each box: one picture of plates is black from edge to edge."""
    corners = np.round(boxes).astype(int)
    return np.array([np.ptp(image[max(y1, 0) : y2, max(x1, 0) : x2]) > 0 for x1, y1, x2, y2 in corners], bool)


def _moving(folder: Path, thin: int) -> list[Clip]:
    """Pictures that the camera pans over, zooms into or shakes at, blurred along the motion."""
    if not (folder / "boxes.csv").exists():
        return _absent(folder)

    def clip(index: int, path: Path, boxes: Boxes) -> Clip:
        kind = MOVES[index % len(MOVES)]
        return Clip(f"{path.stem} {kind}", MOVING_FPS, lambda: moved(_read(path), boxes, kind, index))

    return [clip(i, *pair) for i, pair in enumerate(list(_boxes(folder).items())[::thin])]


def moved(image: ImageArray, boxes: Boxes, kind: str, seed: int) -> Iterator[Sight]:
    """MOVING_FRAMES frames of a camera that moves over one picture (H, W, 3); the same seed gives the same."""
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    way = rng.uniform(-1, 1, 2)
    way *= width * rng.uniform(0.25, 0.5) / np.hypot(*way)
    before = None
    for k in range(MOVING_FRAMES):
        share = k / (MOVING_FRAMES - 1) - 0.5
        scale = 1.0 + (0.6 * (share + 0.5) if kind == "zoom" else 0.15)
        shift = rng.normal(0, 0.012 * width, 2) if kind == "shake" else way * share * (kind == "pan")
        middle = np.array([width, height]) / 2
        offset = middle - scale * middle + shift
        warp = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
        frame = cv2.warpAffine(image, warp, (width, height), borderMode=cv2.BORDER_REFLECT_101)
        step = np.zeros(2) if before is None else shift - before
        before = shift
        found = boxes.reshape(-1, 2, 2) * scale + offset
        secret = found.reshape(-1, 4)
        inside = secret.clip(0, (width, height, width, height))
        area = (secret[:, 2:] - secret[:, :2]).prod(axis=1)
        kept = (inside[:, 2:] - inside[:, :2]).prod(axis=1) >= LEAST_INSIDE * area
        yield Sight(_blurred(frame, step), k / MOVING_FPS, inside[kept], np.flatnonzero(kept))


def _blurred(image: ImageArray, step: NDArray[np.float64]) -> ImageArray:
    """Blurred over half of the way to the frame before: a shutter that is open half of the time."""
    length = int(np.hypot(*step) / 2)
    if length < 2:
        return np.asarray(image, np.uint8)
    kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
    end = step / np.hypot(*step) * length / 2
    middle = np.array([length, length], float)
    start, stop = (tuple(int(v) for v in np.round(middle + side * end)) for side in (-1, 1))
    cv2.line(kernel, start, stop, 1.0, 1)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def _sequence(folder: Path, fps: float, most: int | None) -> list[Clip]:
    if not (folder / "gt.txt").exists():
        return _absent(folder)
    numbers = np.loadtxt(folder / "gt.txt", delimiter=",")[:, 1].astype(np.int64)
    rows = human_boxes(folder)

    def frames() -> Iterator[Sight]:
        with VideoFile(folder / "video.mp4") as video:
            for k, frame in enumerate(islice(video, most)):
                here = rows[:, 0] == k
                people = rows[here, 1:]
                height, width = frame.image.shape[:2]
                secret = heads(people).clip(0, (width, height, width, height))
                yield Sight(frame.image, k / fps, secret, numbers[here], people)

    return [Clip(folder.name, fps, frames)]


def heads(people: Boxes) -> Boxes:
    """The top seventh of people's boxes (N, 4)."""
    top = people.copy()
    top[:, 3] = people[:, 1] + HEAD * (people[:, 3] - people[:, 1])
    return top


def _rendered(folder: Path, most: int | None) -> list[Clip]:
    return [_scene(folder, name, most) for name in ("square", "car_park", "street")]


def _scene(folder: Path, name: str, most: int | None) -> Clip:
    """Heads of people on foot, at least half seen; everybody and every vehicle there may be hidden."""
    document = json.loads((folder / f"{name}.truth.json").read_text())
    people = {item["id"] for item in document["objects"] if item["class"] == "person"}

    def frames() -> Iterator[Sight]:
        with VideoFile(folder / f"{name}.mp4") as video:
            for frame, rows in zip(islice(video, most), document["track"], strict=False):
                free = np.array([row[1:5] for row in rows], float).reshape(-1, 4)
                told = np.array([row[0] in people and row[7] >= 0.5 for row in rows], bool)
                number = np.array([row[0] for row in rows], np.int64)
                yield Sight(frame.image, frame.at, heads(free[told]), number[told], free)

    return Clip(name, float(document["fps"]), frames)
