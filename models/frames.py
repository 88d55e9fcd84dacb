"""Pictures for the comparison and the calibration of models: from folders, recordings, or made up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from edge.errors import ModelError
from edge.records import ImageArray
from edge.video_file import VideoFile

SAMPLES: Final = Path(__file__).parent.parent / "sample_videos"
SAMPLE_FRAMES: Final = 4  # of each sample video
GIVEN_FRAMES: Final = 32
_PICTURES: Final = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
_VIDEOS: Final = {".mp4", ".mkv", ".avi", ".mov", ".ts"}


def read(source: Path, count: int, phase: float = 0.5) -> Iterator[ImageArray]:
    """At most ``count`` pictures (H, W, 3) uint8 BGR, evenly spread over a folder's pictures or a video's length.

    A folder without pictures gives frames of its videos, the same number of each. ``phase`` in [0, 1) is where in
    each of the ``count`` equal parts the picture is taken: another phase takes other pictures of a long source.

    Raises:
        ModelError: there is nothing to read.
        CameraError: a video is not readable.
    """
    if source.is_file() and source.suffix.lower() not in _PICTURES:
        yield from _video(source, count, phase)
        return
    names = [source] if source.is_file() else sorted(source.iterdir()) if source.is_dir() else []
    pictures = [name for name in names if name.suffix.lower() in _PICTURES]
    videos = [name for name in names if name.suffix.lower() in _VIDEOS]
    found = 0
    for number in sorted(_spread(len(pictures), count, phase)):
        picture = cv2.imread(str(pictures[number]), cv2.IMREAD_COLOR)
        if picture is not None:
            found += 1
            yield np.asarray(picture, np.uint8)
    if not pictures and videos:
        for video in videos[:count]:
            yield from _video(video, max(1, count // len(videos)), phase)
    elif not found:
        raise ModelError(
            f"{source}: must be a video, or a folder that holds .jpg or .png pictures or videos; give another"
        )


def for_comparison(source: Path | None, size: tuple[int, int]) -> list[ImageArray]:
    """What two networks are compared on: pictures of ``source``, or frames of the sample videos and made-up ones."""
    if source is not None:
        return list(read(source, GIVEN_FRAMES, 0.25))
    videos = sorted(SAMPLES.glob("*.mp4"))
    if not videos:
        raise ModelError(f"{SAMPLES}: must hold the sample videos; install Parvis again, or give --pictures")
    return [frame for video in videos for frame in _video(video, SAMPLE_FRAMES, 0.25)] + made_up(size)


def made_up(size: tuple[int, int]) -> list[ImageArray]:
    """Six pictures of ``size`` (height, width) made up of noise and blocks, always the same."""
    rng = np.random.default_rng(0)
    pictures = []
    for cells in (2, 5, 11, 24, 60):
        small = rng.integers(0, 256, (cells, 2 * cells, 3), np.uint8)
        pictures.append(np.asarray(cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC), np.uint8))
    return [*pictures, rng.integers(0, 256, (*size, 3), np.uint8)]


def _spread(total: int, count: int, phase: float) -> set[int]:
    return {int((i + phase) * total / count) for i in range(count)} if total > count else set(range(total))


def _video(path: Path, count: int, phase: float) -> Iterator[ImageArray]:
    with VideoFile(path) as film:
        wanted = _spread(film.frames or sum(1 for _ in film), count, phase)
        taken = 0
        for number, frame in enumerate(film):
            if number in wanted:
                taken += 1
                yield frame.image
            if number >= max(wanted):
                return
    if not taken:
        raise ModelError(
            f"{path}: must be a whole video, but it ends before a frame could be taken; copy it again"
        )
