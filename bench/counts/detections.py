"""What a detector sees in a video; the network runs once and its answers are kept in a cache folder.

Kept are the answers' cells that pass the threshold. All that comes after the network (`edge/yolo.py`: decoding,
suppression, riders) is done anew in every run, so that a change there is measured at once and costs a second.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bench.counts.series import IntArray
from edge import detect, letterbox
from edge.decode import Rate
from edge.detect import Names, OnnxDetector
from edge.pipeline import WEAK
from edge.records import Detections, FloatArray, Frame
from edge.video_file import VideoFile

CONFIDENCE = 0.25  # of the configurations measured here
LEAST = WEAK * CONFIDENCE


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What was seen at ``at`` seconds in a picture of ``wh`` pixels."""

    at: float
    wh: tuple[int, int]
    detections: Detections


@dataclass(frozen=True, slots=True)
class Model:
    """A detector's file and the longer side of its input; class names for a file without them; what is kept.

    ``part``: what of the frames it looks at, pixels; None: all.
    """

    path: Path
    size: int
    names: Names = None
    least: float = LEAST
    part: letterbox.Part | None = None

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.path.stem}@{self.size}"

    def open(self) -> OnnxDetector:
        """As a replay opens it: all classes, weak detections too. Raises ModelError."""
        threads = min(os.cpu_count() or 1, 4)
        return OnnxDetector(
            self.path,
            confidence=self.least,
            classes=None,
            names=self.names,
            input_size=self.size,
            threads=threads,
            spinning=True,
            look=None if self.part is None else lambda wh: self.part,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The network's answer to one frame without the cells below the threshold."""

    at: float
    wh: tuple[int, int]
    shape: tuple[int, int]
    index: IntArray  # (K,) numbers of the kept cells
    cells: FloatArray  # (K, values of a cell)

    def whole(self) -> FloatArray:
        """The answer with zeros for what was not kept."""
        output = np.zeros(self.shape, np.float32)
        if _cells_are_columns(self.shape):
            output[:, self.index] = self.cells.T
        else:
            output[self.index] = self.cells
        return output


def default_cache() -> Path:
    """The user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "parvis-bench"


def at_rate(sights: Sequence[Sight], rate: float | None) -> list[Sight]:
    """The frames that `VideoFile` delivers at this rate; None keeps all."""
    thin = Rate(rate)
    return [sight for sight in sights if thin.keeps(sight.at)]


def of_video(name: str, path: Path, model: Model, cache: Path) -> list[Sight]:
    """Every frame of a video. Raises CameraError or ModelError."""
    return _sights(model, _remembered(name, [path], model, cache))


def of_pictures(paths: Sequence[Path], model: Model, cache: Path) -> list[Sight]:
    """Each picture as a frame of its own; ``at`` is its place in the list. Raises ValueError or ModelError."""
    return _sights(model, _remembered("pictures", paths, model, cache))


def of_frames(
    name: str, content: bytes, frames: Callable[[], Iterable[Frame]], model: Model, cache: Path
) -> list[Sight]:
    """Each of ``frames``, read only if the cache has none for ``content``, which stands for all of them."""
    return _sights(model, _kept(name, _key([content], model), frames, model, cache))


def _sights(model: Model, answers: Iterable[Answer]) -> list[Sight]:
    """Detections by the code of the box; a picture of another shape gets a detector of its own."""
    detectors: dict[tuple[int, int], OnnxDetector] = {}
    sights = []
    for answer in answers:
        if answer.wh not in detectors:
            detectors[answer.wh] = model.open()
            detectors[answer.wh].preprocess(np.zeros((answer.wh[1], answer.wh[0], 3), np.uint8))
        sights.append(Sight(answer.at, answer.wh, detectors[answer.wh].postprocess(answer.whole())))
    return sights


def _remembered(name: str, paths: Sequence[Path], model: Model, cache: Path) -> list[Answer]:
    contents = [hashlib.sha256(path.read_bytes()).digest() for path in paths]
    return _kept(name, _key(contents, model), lambda: _frames(paths), model, cache)


def _kept(
    name: str, key: str, frames: Callable[[], Iterable[Frame]], model: Model, cache: Path
) -> list[Answer]:
    file = cache / f"{name}-{model.name}-{key}.npz"
    if file.exists():
        return _load(file)
    cache.mkdir(parents=True, exist_ok=True)
    answers = list(_ask(name, frames(), model))
    part = file.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as stream:
        _save(stream, answers)
    part.replace(file)
    return answers


def _ask(name: str, frames: Iterable[Frame], model: Model) -> Iterator[Answer]:
    """Run the network over every frame."""
    began, number = time.monotonic(), 0
    detectors: dict[tuple[int, int], OnnxDetector] = {}
    for number, frame in enumerate(frames, start=1):
        wh = (frame.image.shape[1], frame.image.shape[0])
        detector = detectors.setdefault(wh, model.open()) if wh not in detectors else detectors[wh]
        output = detector.infer(detector.preprocess(frame.image))
        columns = _cells_are_columns(output.shape)
        scores = output[4:].max(axis=0) if columns else output[:, 4]
        index = np.flatnonzero(scores >= model.least)
        cells = output[:, index].T if columns else output[index]
        yield Answer(frame.at, wh, (output.shape[0], output.shape[1]), index, cells.copy())
        if number % 100 == 0:
            print(
                f"  {model.name} on {name}: {number} frames, {time.monotonic() - began:.0f} s",
                file=sys.stderr,
            )
    print(f"  {model.name} on {name}: {number} frames in {time.monotonic() - began:.0f} s", file=sys.stderr)


def _frames(paths: Sequence[Path]) -> Iterator[Frame]:
    if paths[0].suffix == ".mp4":
        with VideoFile(paths[0]) as video:
            yield from video
        return
    for place, path in enumerate(paths):
        image = cv2.imread(str(path))
        if image is None:
            raise ValueError(f"{path}: must be a readable picture")
        yield Frame(np.asarray(image, np.uint8), float(place))


def _cells_are_columns(shape: tuple[int, ...]) -> bool:
    """Whether an answer is [values, cells], as YOLO's raw one; the others are [cells, values], score fifth."""
    return shape[0] < shape[1]


def _key(contents: Sequence[bytes], model: Model) -> str:
    """Names everything that the answers depend on."""
    before = "".join(inspect.getsource(part) for part in (detect, letterbox))
    digest = hashlib.sha256(f"2 {model.size} {model.least} {model.part} {before}".encode())
    for content in (hashlib.sha256(model.path.read_bytes()).digest(), *contents):
        digest.update(content)
    return digest.hexdigest()[:20]


def _save(stream: object, answers: Sequence[Answer]) -> None:
    np.savez(
        stream,  # type: ignore[arg-type]
        at=np.array([answer.at for answer in answers]),
        wh=np.array([answer.wh for answer in answers]),
        shape=np.array([answer.shape for answer in answers]),
        kept=np.array([len(answer.index) for answer in answers]),
        index=np.concatenate([answer.index for answer in answers]),
        cells=np.concatenate([answer.cells for answer in answers]),
    )


def _load(file: Path) -> list[Answer]:
    with np.load(file) as kept:
        at, wh, shape = kept["at"].tolist(), kept["wh"].tolist(), kept["shape"].tolist()
        ends = np.cumsum(kept["kept"])[:-1]
        index, cells = np.split(kept["index"], ends), np.split(kept["cells"], ends)
    return [
        Answer(at[k], (wh[k][0], wh[k][1]), (shape[k][0], shape[k][1]), index[k], cells[k])
        for k in range(len(at))
    ]
