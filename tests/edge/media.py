"""Recordings for the tests, made on the spot. Frame number i is a flat grey of level `grey(i)`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

MILLISECOND = Fraction(1, 1000)


def grey(index: int) -> int:
    return 20 + index * 8 % 200


def video(
    path: Path,
    count: int = 25,
    *,
    fps: int = 25,
    wh: tuple[int, int] = (64, 48),
    times_ms: Sequence[int] | None = None,
    codec: str = "libx264",
    container: str | None = None,
    movflags: str | None = None,
    noise: bool = False,
    pix_fmt: str = "yuv420p",
) -> Path:
    """A recording; the suffix chooses the container. ``noise`` makes its packets large enough to damage."""
    options = {} if movflags is None else {"movflags": movflags}
    rng = np.random.default_rng(7)
    with av.open(str(path), "w", format=container, container_options=options) as out:
        stream = out.add_stream(codec, rate=fps)
        stream.width, stream.height = wh
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else pix_fmt
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "g": "10", "threads": "1"}
        stream.codec_context.time_base = MILLISECOND
        for index in range(count):
            image = np.full((wh[1], wh[0], 3), grey(index), np.uint8)
            if noise:
                image = rng.integers(0, 255, image.shape, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts = times_ms[index] if times_ms is not None else index * 1000 // fps
            frame.time_base = MILLISECOND
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def audio(path: Path) -> Path:
    """A second of silence and no pictures."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=8000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        frame.pts = 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def joined(path: Path, *parts: Path) -> Path:
    """Parts written one after the other, as MPEG-TS and raw MJPEG allow."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def cut(source: Path, path: Path, share: float) -> Path:
    """The beginning of a recording."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def holed(source: Path, path: Path, start: float, length: float) -> Path:
    """A recording with zeros in the middle."""
    data = bytearray(source.read_bytes())
    a, b = int(len(data) * start), int(len(data) * (start + length))
    data[a:b] = bytes(b - a)
    path.write_bytes(data)
    return path


def turned(source: Path, path: Path) -> Path:
    """An MP4 that asks to be shown turned by 90 degrees clockwise, as a telephone held upright films."""
    data = bytearray(source.read_bytes())
    box = data.index(b"tkhd")
    matrix = box + 4 + 4 + 20 + 8 + 8  # version and flags, five numbers, reserved, layer to reserved
    one = 0x10000
    values = (0, one, 0, -one & 0xFFFFFFFF, 0, 0, 64 * one, 0, 0x40000000)
    data[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big") for value in values)
    path.write_bytes(data)
    return path
