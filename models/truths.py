"""What `models.evaluate` measures on: pictures with the boxes that are really there.

Truth and detections are put alike: a rider and the cycle are one object, the cycle, with the box of both, as
`edge.yolo.merge_riders` makes it. Boxes are pixels of the picture, classes numbers of `contract.names.CLASSES`.
Pictures that hang together are a *block* of the bootstrap: 4 s of a video (an eighth of a video shorter than 32 s),
the stills of one rendering, the frames of one place corrected by hand, or one picture.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.names import CLASSES
from edge.geometry import covered_share
from edge.records import Detections, FloatArray, Frame, IntArray
from edge.video_file import VideoFile
from edge.yolo import merge_riders
from models.average_precision import SPARED_SHARE
from models.pictures import NAMES

BLOCK_S: Final = 4.0
LEAST_BLOCKS: Final = 8
LEAST_VISIBLE, LEAST_HEIGHT = 0.25, 8  # of a rendered object that must be found; height in pixels of 640
LONGER_SIDE: Final = 640
PEOPLE: Final = {"PETS09-S2L1": 8, "TUD-Campus": 2}  # every so many frames
SCENES: Final = ("square", "car_park", "street")
SCENE_STEP: Final = 6
_CYCLES: Final = [CLASSES.index(name) for name in ("bicycle", "motorcycle")]


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """One picture: ``xyxy`` (N, 4), ``class_id`` (N,), ``spared`` (N,): nobody must find it; ``block`` its number.

    ``areas`` (M, 4): what a detection says that lies in one by half of its own area is not heard.
    """

    block: int
    xyxy: FloatArray
    class_id: IntArray
    spared: NDArray[np.bool_]
    areas: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PictureSet:
    """Pictures and their truth. ``blocks``: the numbers of each video's blocks; ``content`` stands for all pictures."""

    name: str
    about: str
    truths: tuple[Truth, ...]
    blocks: list[list[int]]
    frames: Callable[[], Iterator[Frame]]
    content: bytes


def people(shared: Path, thin: int = 1) -> list[PictureSet]:
    """PETS09-S2L1 and TUD-Campus with boxes drawn by humans, people only; a message on stderr where absent."""
    found = []
    for name, step in PEOPLE.items():
        folder = shared / "data" / "sequences" / name
        if not (folder / "video.mp4").exists() or not (folder / "gt.txt").exists():
            print(f"{name}: {folder} is absent (it is no part of the project); skipped", file=sys.stderr)
            continue
        rows = human_boxes(folder)
        boxes = [rows[rows[:, 0] == number, 1:] for number in range(int(rows[:, 0].max()) + 1)]
        person = [np.full(len(own), CLASSES.index("person")) for own in boxes]
        film = _film(folder / "video.mp4", step * thin, list(zip(boxes, person, strict=True)), 0)
        found.append(_of_films(name, f"one frame in {step * thin}, boxes by hand", [film]))
    return found


def human_boxes(folder: Path) -> NDArray[np.float64]:
    """Rows (N, 5) of a MOTChallenge text: frame number from 0, x1, y1, x2, y2 in pixels."""
    rows = np.loadtxt(folder / "gt.txt", delimiter=",")[:, :6]
    x, y, width, height = rows[:, 2], rows[:, 3], rows[:, 4], rows[:, 5]
    return np.stack([rows[:, 0] - rows[:, 0].min(), x, y, x + width, y + height], axis=1)


def rendered(folder: Path, thin: int = 1) -> list[PictureSet]:
    """The three shipped sample videos with their exact truth, as one set; training never sees their seed."""
    films: list[_Film] = []
    for name in SCENES:
        document = json.loads((folder / f"{name}.truth.json").read_text())
        class_of = {item["id"]: CLASSES.index(item["class"]) for item in document["objects"]}
        boxes, spared = [], []
        for rows in document["track"]:
            xyxy = np.array([row[1:5] for row in rows], float).reshape(-1, 4)
            boxes.append((xyxy, np.array([class_of[row[0]] for row in rows], np.int64)))
            scale = LONGER_SIDE / max(document["width"], document["height"])
            low = (xyxy[:, 3] - xyxy[:, 1]) * scale < LEAST_HEIGHT
            spared.append(low | (np.array([row[7] for row in rows], float) < LEAST_VISIBLE))
        first = 1 + max((block for film in films for block in film.blocks), default=-1)
        films.append(_film(folder / f"{name}.mp4", SCENE_STEP * thin, boxes, first, spared))
    about = f"one frame in {SCENE_STEP * thin} of the three sample videos, exact"
    return [_of_films("rendered", about, films)]


def stills(folder: Path, thin: int = 1) -> PictureSet:
    """Pictures of ``folder``/images with YOLO labels; a block is what shares a name before the last hyphen.

    Raises:
        ValueError: no labelled picture, or a label that is none.
    """
    files = sorted(folder.glob("images/*.[jp][pn]g"))[::thin]
    labels = [folder / "labels" / f"{file.stem}.txt" for file in files]
    pairs = [(file, label) for file, label in zip(files, labels, strict=True) if label.exists()]
    if not pairs:
        raise ValueError(
            f"{folder}: must hold images/*.jpg or .png with labels/*.txt; give another to --stills"
        )
    names = [file.stem.rpartition("-")[0] or file.stem for file, _ in pairs]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    truths, digest = [], hashlib.sha256()
    for (file, label), name in zip(pairs, names, strict=True):
        digest.update(file.read_bytes())
        xyxy, class_id, longer = _labelled(file, label)
        low = (xyxy[:, 3] - xyxy[:, 1]) * LONGER_SIDE / longer < LEAST_HEIGHT
        truths.append(_truth(numbers[name], xyxy, class_id, low))

    def frames() -> Iterator[Frame]:
        return (Frame(_read(file), float(place)) for place, (file, _) in enumerate(pairs))

    title = folder.resolve().name
    about = "rendered stills, exact"
    return PictureSet(title, about, tuple(truths), [list(numbers.values())], frames, digest.digest())


def by_hand(shared: Path, thin: int = 1) -> list[PictureSet]:
    """Real pictures corrected by hand: all of them, and those of places no training has seen.

    A message on stderr where they, or the module that knows them, are absent.
    """
    try:
        hand_truth = importlib.import_module("models.hand_truth")
    except ModuleNotFoundError:
        print("hand: models/hand_truth.py is absent; skipped", file=sys.stderr)
        return []
    found = list(hand_truth.pictures(shared))[::thin]
    if not found:
        print("hand: its pictures are absent (they are no part of the project); skipped", file=sys.stderr)
        return []
    unseen = [picture for picture in found if not picture.seen]
    sets = [_by_hand("hand", "real pictures corrected by hand", found)]
    if unseen:
        sets.append(_by_hand("hand, unseen", "of these, places never seen in training", unseen))
    return sets


def _by_hand(name: str, about: str, pictures: Sequence[Any]) -> PictureSet:
    digest = hashlib.sha256()
    truths = []
    numbers_of = {name: number for number, name in enumerate(dict.fromkeys(p.place for p in pictures))}
    for picture in pictures:
        digest.update(picture.read().tobytes())
        numbers = np.array([CLASSES.index(word) for word in picture.classes], np.int64)
        boxes = np.asarray(picture.boxes, float).reshape(-1, 4)
        # A machine that is pushed or parked counts neither way: what is asked for are riders.
        idle = np.isin(numbers, _CYCLES) & ~np.asarray(picture.ridden, bool)
        areas = np.concatenate([np.asarray(picture.ignore, float).reshape(-1, 4), _with_walker(boxes[idle])])
        # no detection of such a box would be heard either
        unheard = np.asarray((covered_share(boxes, areas) >= SPARED_SHARE).any(axis=1), bool)
        truths.append(_truth(numbers_of[picture.place], boxes, numbers, unheard, areas))

    def frames() -> Iterator[Frame]:
        return (Frame(picture.read(), float(place)) for place, picture in enumerate(pictures))

    return PictureSet(name, about, tuple(truths), [list(numbers_of.values())], frames, digest.digest())


def _with_walker(machines: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cycles (N, 4) with the room of who pushes them: detectors draw one box around both as often as not."""
    width, height = (machines[:, 2:] - machines[:, :2]).T
    room: NDArray[np.float64] = machines + np.stack([-width / 2, -height, width / 2, 0 * height], axis=1)
    return room


@dataclass(frozen=True, slots=True, eq=False)
class _Film:
    path: Path
    step: int
    truths: list[Truth]

    @property
    def blocks(self) -> list[int]:
        return sorted({truth.block for truth in self.truths})


def _film(
    path: Path,
    step: int,
    boxes: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    first: int,
    spared: Sequence[NDArray[np.bool_]] | None = None,
) -> _Film:
    """Every ``step``-th frame of a video, in blocks numbered from ``first``."""
    with VideoFile(path) as video:
        fps, frames = video.fps, video.frames or len(boxes)
    per_block = max(1, round(min(BLOCK_S, frames / fps / LEAST_BLOCKS) * fps / step))
    truths = []
    for place, number in enumerate(range(0, frames, step)):
        xyxy, class_id = boxes[number] if number < len(boxes) else (np.zeros((0, 4)), np.zeros(0, np.int64))
        truths.append(
            _truth(first + place // per_block, xyxy, class_id, None if spared is None else spared[number])
        )
    return _Film(path, step, truths)


def _of_films(name: str, about: str, films: Sequence[_Film]) -> PictureSet:
    digest = hashlib.sha256()
    for film in films:
        digest.update(str(film.step).encode() + film.path.read_bytes())

    def frames() -> Iterator[Frame]:
        for film in films:
            with VideoFile(film.path) as video:
                yield from itertools.islice(video, 0, None, film.step)

    truths = tuple(truth for film in films for truth in film.truths)
    return PictureSet(name, about, truths, [film.blocks for film in films], frames, digest.digest())


def _truth(
    block: int,
    xyxy: NDArray[Any],
    class_id: NDArray[Any],
    spared: NDArray[np.bool_] | None = None,
    areas: NDArray[Any] | None = None,
) -> Truth:
    none = np.zeros(len(xyxy), bool) if spared is None else spared
    ignored = np.zeros((0, 4)) if areas is None else areas
    return Truth(block, xyxy.astype(np.float32), class_id, none, ignored.astype(np.float32))


def _labelled(file: Path, label: Path) -> tuple[FloatArray, IntArray, int]:
    """Boxes in pixels and classes, riders merged into their cycles, and the picture's longer side."""
    height, width = _read(file).shape[:2]
    try:
        rows = np.array([[float(word) for word in line.split()] for line in label.read_text().splitlines()])
        rows = rows.reshape(-1, 5)
        numbers = np.array([CLASSES.index(NAMES[int(number)]) for number in rows[:, 0]], np.int64)
    except (ValueError, IndexError) as exc:
        raise ValueError(
            f"{label}: each line must be a class 0..{len(NAMES) - 1} and four fractions ({exc}); write it again"
        ) from exc
    half = rows[:, 3:5] / 2
    boxes = np.concatenate([rows[:, 1:3] - half, rows[:, 1:3] + half], axis=1) * (
        width,
        height,
        width,
        height,
    )
    merged = merge_riders(Detections(boxes.astype(np.float32), np.ones(len(rows), np.float32), numbers))
    return merged.xyxy, merged.class_id, max(width, height)


def _read(file: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(file))
    if image is None:
        raise ValueError(f"{file}: must be a readable picture; remove it or write it again")
    return np.asarray(image, np.uint8)
