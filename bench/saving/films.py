"""Films for the measurements of this folder: what a camera's picture does when nothing moves.

Sensor noise is new in every frame and everything goes through H.264 with a key frame every 2 s, as an IP camera sends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np

from edge.records import ImageArray
from edge.video_file import VideoFile

NOISE = 3.0  # grey levels, standard deviation
PLAY_S, STOP_S, FILM_S = 10.0, 10.0, 40.0


def write(path: Path, images: Iterable[ImageArray], fps: float, noise: float = NOISE, draw: int = 1) -> Path:
    """A film of pictures (H, W, 3) uint8 BGR with noise; ``draw`` says which."""
    rng = np.random.default_rng(draw)
    with av.open(str(path), "w") as out:
        stream: Any = None
        for number, image in enumerate(images):
            if stream is None:
                stream = out.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
                stream.width, stream.height, stream.pix_fmt = image.shape[1], image.shape[0], "yuv420p"
                stream.options = {"preset": "veryfast", "crf": "23", "g": str(round(2 * fps)), "threads": "1"}
            noisy = image + noise * rng.standard_normal(image.shape, np.float32)
            frame = av.VideoFrame.from_ndarray(noisy.round().clip(0, 255).astype(np.uint8), format="bgr24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def still(video: Path, path: Path, seconds: float, fps: float | None = None) -> Path:
    """The place of a video without anybody in it: the median of its frames, standing still."""
    with VideoFile(video) as source:
        step = max(1, (source.frames or 300) // 60)
        pictures = [frame.image for frame in islice(source, 0, None, step)]
        fps = fps or source.fps
    empty = np.median(np.stack(pictures), axis=0).astype(np.uint8)
    return write(path, (empty for _ in range(round(seconds * fps))), fps)


def stop_and_go(video: Path, path: Path, draw: int = 1) -> Path:
    """`FILM_S` of the video with a halt of `STOP_S` after each `PLAY_S`, in which everybody stands still."""
    with VideoFile(video) as source:
        return write(path, islice(_halting(source), round(FILM_S * source.fps)), source.fps, draw=draw)


def _halting(source: VideoFile) -> Iterator[ImageArray]:
    for number, frame in enumerate(source, start=1):
        yield frame.image
        if number % round(PLAY_S * source.fps) == 0:
            yield from (frame.image for _ in range(round(STOP_S * source.fps)))
