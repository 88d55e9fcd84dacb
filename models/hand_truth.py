"""Vehicles and cycles of real pictures, their boxes corrected by hand: `models/truth/vehicles.csv` with the pictures.

The table holds numbers and relative paths; the pictures themselves are no part of the project and are read from
SHARED/data. `models/truth/README.md` says how the boxes were made, by which rules, and what they are not good for.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.names import CLASSES
from edge.records import FloatArray, ImageArray
from edge.video_file import VideoFile

TABLE: Final = Path(__file__).parent / "truth" / "vehicles.csv"
COLUMNS: Final = (
    "source", "frame", "width", "height", "class", "ridden", "x1", "y1", "x2", "y2", "seen",
)  # fmt: skip
IGNORE: Final = "ignore"
LABELS: Final = (*CLASSES[1:], IGNORE)  # people are measured elsewhere
CYCLES: Final = ("bicycle", "motorcycle")
VIDEOS: Final = {".mp4"}
PICTURES: Final = {".jpg", ".jpeg", ".png"}
ONE_PLACE: Final = ("parking",)  # folders whose pictures all show one place
_PIXELS: Final = re.compile(r"\d+(\.\d)?")


@dataclass(frozen=True, slots=True, eq=False)
class HandPicture:
    """One real picture and its true boxes, pixels of the picture as `read` gives it.

    ``source``: path below SHARED/data; ``frame``: number from 0 in a video, None for a picture; ``seen``: whether
    other frames of the same scene are in the training set. ``classes``: N names of `contract.names.CLASSES`;
    ``boxes`` (N, 4) float32; ``ridden`` (N,) bool, for cycles: somebody rides it and the box is the union of both.
    ``ignore`` (M, 4) float32: what lies there is neither right nor wrong.
    """

    source: str
    frame: int | None
    seen: bool
    classes: tuple[str, ...]
    boxes: FloatArray
    ridden: NDArray[np.bool_]
    ignore: FloatArray
    _load: Callable[[], ImageArray] = field(repr=False)

    def read(self) -> ImageArray:
        """The picture (H, W, 3) uint8 BGR.

        Raises:
            ValueError: it cannot be read, is shorter than the table says, or has another size.
            CameraError: the video is none.
        """
        return self._load()

    @property
    def place(self) -> str:
        """What pictures of one place share: they are not independent of one another."""
        folder = PurePosixPath(self.source).parent.as_posix()
        return folder if folder in ONE_PLACE else self.source


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    source: str
    frame: int | None
    wh: tuple[int, int]
    label: str
    ridden: bool
    box: tuple[float, ...]
    seen: bool


def pictures(shared: Path, table: Path = TABLE) -> list[HandPicture]:
    """Every picture of the table whose source is present, in the table's order; the others named on stderr.

    ``shared``: the folder that holds ``data/``. A video is decoded once, when its first frame is read, and the frames
    of the table are kept.

    Raises:
        ValueError: a line of the table is malformed.
    """
    if not table.is_file():
        print(f"hand: {table} is absent (a checkout has it, an installed package has not)", file=sys.stderr)
        return []
    together: dict[tuple[str, int | None], list[_Row]] = {}
    for row in _rows(table):
        same = together.setdefault((row.source, row.frame), [])
        _agree(same[0] if same else row, row, table)
        same.append(row)
    folder = shared / "data"
    wanted = dict.fromkeys(source for source, _ in together)
    absent = [source for source in wanted if not (folder / source).is_file()]
    if absent:
        print(
            f"hand: {len(absent)} of {len(wanted)} sources are absent below {folder} (they are no part of the "
            f"project), their pictures are skipped: {', '.join(absent[:3])}{' …' if len(absent) > 3 else ''}",
            file=sys.stderr,
        )
    numbers: dict[str, set[int]] = {}
    for source, number in together:
        if number is not None:
            numbers.setdefault(source, set()).add(number)
    films = {source: _Film(folder / source, frozenset(own)) for source, own in numbers.items()}
    found = []
    for (source, number), rows in together.items():
        if source not in absent:
            load = (
                partial(_still, folder / source) if number is None else partial(films[source].frame, number)
            )
            found.append(_picture(rows, partial(_sized, load, rows[0].wh, f"{folder / source}")))
    return found


def _picture(rows: list[_Row], load: Callable[[], ImageArray]) -> HandPicture:
    own = [row for row in rows if row.label != IGNORE]
    return HandPicture(
        rows[0].source,
        rows[0].frame,
        rows[0].seen,
        tuple(row.label for row in own),
        _boxes(own),
        np.array([row.ridden for row in own], bool),
        _boxes([row for row in rows if row.label == IGNORE]),
        load,
    )


def _boxes(rows: list[_Row]) -> FloatArray:
    return np.array([row.box for row in rows], np.float32).reshape(-1, 4)


def _rows(table: Path) -> Iterator[_Row]:
    with table.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        head = next(reader, [])
        if tuple(head) != COLUMNS:
            raise ValueError(
                f"{table}, line 1: the columns must be {','.join(COLUMNS)} (got {','.join(head)[:120]}); write them so"
            )
        for cells in reader:
            yield _row(cells, f"{table}, line {reader.line_num}", reader.line_num)


def _row(cells: list[str], where: str, line: int) -> _Row:
    if len(cells) != len(COLUMNS):
        raise ValueError(
            f"{where}: must have {len(COLUMNS)} columns (got {len(cells)}); add or remove commas until it has"
        )
    cell = dict(zip(COLUMNS, cells, strict=True))

    def need(column: str, good: bool, rule: str, mend: str) -> None:
        if not good:
            raise ValueError(f"{where}, column {column}: must be {rule} (got {cell[column]!r:.80}); {mend}")

    source = PurePosixPath(cell["source"])
    inside = bool(cell["source"]) and not source.is_absolute() and ".." not in source.parts
    need("source", inside, "a relative path below SHARED/data", "write it from that folder on, without '..'")
    film = source.suffix in VIDEOS
    need("source", film or source.suffix in PICTURES, "a .jpg, .png or .mp4 file", "name such a file")
    if film:
        need("frame", _whole(cell["frame"]), "a frame number from 0", "number the video's frames from 0")
    else:
        need("frame", not cell["frame"], "empty for a picture", "remove the number")
    for column in ("width", "height"):
        need(
            column,
            _whole(cell[column]) and int(cell[column]) > 0,
            "pixels from 1",
            "give the picture's own size",
        )
    label = cell["class"]
    need("class", label in LABELS, "one of " + ", ".join(LABELS), "choose one of them")
    for column in ("ridden", "seen"):
        need(column, cell[column] in {"0", "1"}, "0 or 1", "write 1 for yes and 0 for no")
    ridden = cell["ridden"] == "1"
    need("ridden", not ridden or label in CYCLES, "0 for what is no cycle", "write 0")
    for column in ("x1", "y1", "x2", "y2"):
        good = _PIXELS.fullmatch(cell[column]) is not None
        need(
            column,
            good,
            "pixels with at most one decimal, not negative",
            "round it, and cut the box at the edge",
        )
    x1, y1, x2, y2 = (float(cell[column]) for column in ("x1", "y1", "x2", "y2"))
    wh = (int(cell["width"]), int(cell["height"]))
    for column, low, high, side in (("x2", x1, x2, wh[0]), ("y2", y1, y2, wh[1])):
        rule = f"above {low:g} and at most {side}, the picture's side"
        need(column, low < high <= side, rule, "cut the box at the edge and order its corners")
    number = int(cell["frame"]) if film else None
    return _Row(line, str(source), number, wh, label, ridden, (x1, y1, x2, y2), cell["seen"] == "1")


def _whole(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _agree(first: _Row, row: _Row, table: Path) -> None:
    """All lines of one picture give it the same size and the same ``seen``."""
    for columns, one, other in (("width,height", first.wh, row.wh), ("seen", first.seen, row.seen)):
        if one != other:
            raise ValueError(
                f"{table}, line {row.line}, column {columns}: must be what line {first.line} says of the same picture, "
                f"{one} (got {other}); make them equal"
            )


class _Film:
    """The frames of a video that the table names, decoded together when the first is asked for."""

    def __init__(self, path: Path, numbers: frozenset[int]) -> None:
        self._path, self._numbers = path, numbers
        self._frames: dict[int, ImageArray] = {}

    def frame(self, number: int) -> ImageArray:
        if not self._frames:
            with VideoFile(self._path) as video:
                for place, frame in enumerate(video):
                    if place in self._numbers:
                        self._frames[place] = frame.image
                    if place >= max(self._numbers):
                        break
        if number not in self._frames:
            raise ValueError(
                f"{self._path}: must have a frame {number} (got {len(self._frames)} of the {len(self._numbers)} frames "
                "that the table names); fetch the video again, it may be cut"
            )
        return self._frames[number].copy()


def _still(path: Path) -> ImageArray:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path}: must be a readable picture (it is none); fetch it again")
    return np.asarray(image, np.uint8)


def _sized(load: Callable[[], ImageArray], wh: tuple[int, int], where: str) -> ImageArray:
    image = load()
    height, width = image.shape[:2]
    if (width, height) != wh:
        raise ValueError(
            f"{where}: must be {wh[0]}x{wh[1]} pixels as its boxes are (got {width}x{height}); fetch the original"
        )
    return image
