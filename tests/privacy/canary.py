"""Looks for known pictures in bytes: raw, or in the encodings in which a picture could hide in text.

A needle is eight bytes in a row of a known picture in one of its layouts (`layouts`). The search looks at every
offset of what it is given, and of everything that can be decoded from it (`views`), so a leak of eight pixels of a
plane, or of three of a row, is found wherever it lies. Of random noise a needle turns up by chance in one of 10^13
bytes.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.decode import bgr

Bytes = NDArray[np.uint8]
WINDOW = 8
_TABLE_BITS = 22

# What a picture or a video begins with, of four bytes or more: shorter ones occur by chance in a database.
MAGIC = {
    "JPEG": b"\xff\xd8\xff\xe0",
    "JPEG with Exif": b"\xff\xd8\xff\xe1",
    "bare JPEG": b"\xff\xd8\xff\xdb",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "GIF": b"GIF89a",
    "WebP": b"WEBPVP8",
    "TIFF": b"II*\x00",
    "JPEG XL": b"\x00\x00\x00\x0cJXL ",
    "MP4 or HEIF": b"\x00\x00\x00\x18ftyp",
    "Matroska": b"\x1aE\xdf\xa3",
    "H.264 SPS": b"\x00\x00\x00\x01\x67",
    "H.264 IDR": b"\x00\x00\x00\x01\x65",
    "H.265 VPS": b"\x00\x00\x00\x01\x40\x01",
    "NumPy": b"\x93NUMPY",
}
# A page of a database is full of zeros and small numbers, which is what a start code looks like.
CHANCE_IN_FILES = {"H.264 SPS", "H.264 IDR", "H.265 VPS", "TIFF"}


SIDE_PX = 64  # the input of the stub model: what goes into the network is a layout of the picture as well


def video(path: Path, distinct: int, *, seconds: float, fps: int) -> Path:
    """A recording of so many different pictures of noise, over and over, without loss; the same at every call."""
    rng = np.random.default_rng(35)
    noise = rng.integers(0, 256, (distinct, SIDE_PX, SIDE_PX, 3), np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=fps)
        stream.width, stream.height, stream.pix_fmt = SIDE_PX, SIDE_PX, "yuv420p"
        for index in range(round(seconds * fps)):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(noise[index % distinct], format="bgr24")))
        out.mux(stream.encode(None))
    return path


def frames(path: Path) -> Iterator[tuple[Bytes, av.VideoFrame]]:
    """The pictures of a video as the box decodes them, (H, W, 3) BGR, and as they came out of the decoder."""
    with av.open(str(path)) as container:
        for picture in container.decode(video=0):
            yield np.asarray(bgr(picture), np.uint8), picture


def layouts(image: Bytes, picture: av.VideoFrame) -> Iterator[bytes]:
    """A picture as a program may hold it: by rows in BGR and RGB, by planes, as a network's input, grey, as decoded."""
    yield image.tobytes()
    yield image[..., ::-1].tobytes()
    for channel in range(3):
        plane = np.ascontiguousarray(image[..., channel])
        yield plane.tobytes()
        yield (plane.astype(np.float32) * np.float32(1 / 255)).tobytes()
    yield cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).tobytes()
    for name in ("gray", "yuv420p", "nv12"):
        yield picture.to_ndarray(format=name).tobytes()


def windows(data: bytes) -> NDArray[np.uint64]:
    """The eight bytes from each offset on, as numbers."""
    parts = [
        np.frombuffer(data, np.uint64, (len(data) - shift) // WINDOW, shift)
        for shift in range(min(WINDOW, len(data) - WINDOW + 1))
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


class Needles:
    """Eight-byte windows of pictures; `found` counts them in bytes."""

    def __init__(self, pictures: Iterable[bytes]) -> None:
        every = np.unique(np.concatenate([windows(picture) for picture in pictures]))
        # Eight bytes that hardly change are no picture: zeros, a fill, a count.
        values = every.view(np.uint8).reshape(-1, WINDOW)
        self._sorted = every[(values[:, 1:] != values[:, :-1]).sum(axis=1) >= 4]
        # Most of what is searched is told apart by one look into this table.
        self._table = np.zeros(1 << _TABLE_BITS, np.bool_)
        self._table[self._slot(self._sorted)] = True

    def __len__(self) -> int:
        return len(self._sorted)

    @staticmethod
    def _slot(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        return (numbers * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - _TABLE_BITS)

    def found(self, data: bytes) -> int:
        """How many offsets of ``data``, or of what is encoded in it, hold eight bytes of a picture."""
        return sum(self._found(view) for view in views(data))

    def _found(self, data: bytes) -> int:
        here = windows(data)
        here = here[self._table[self._slot(here)]]
        at = np.searchsorted(self._sorted, here).clip(max=len(self._sorted) - 1)
        return int((self._sorted[at] == here).sum())


def views(data: bytes) -> Iterator[bytes]:
    """The bytes themselves, and what is in them as compressed data, base64, hexadecimal, numbers or escapes."""
    yield data
    for start in (match.start() for match in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]", data)):
        engine = zlib.decompressobj(47)  # gzip or zlib
        try:
            yield engine.decompress(data[start:])
        except zlib.error:
            continue
    runs = re.findall(rb"[A-Za-z0-9+/_-]{12,}", data)
    for shift in range(4):
        yield b"\0".join(_base64(run[shift:]) for run in runs)
    runs = re.findall(rb"[0-9a-fA-F]{16,}", data)
    for shift in range(2):
        yield b"\0".join(
            bytes.fromhex(run[shift : shift + (len(run) - shift) // 2 * 2].decode()) for run in runs
        )
    lists = re.findall(rb"(?:\b\d{1,3}(?:[\s,;()\[\]]|\\n)+){7,}\d{1,3}", data)
    yield b"\0".join(bytes(min(int(n), 255) for n in re.findall(rb"\d+", item)) for item in lists)
    yield re.sub(rb"\\x([0-9a-fA-F]{2})|\\u00([0-9a-fA-F]{2})", _escaped, data)
    yield data.decode("utf-8", "replace").encode("latin-1", "replace")


def _base64(run: bytes) -> bytes:
    return base64.b64decode(run[: len(run) // 4 * 4].replace(b"-", b"+").replace(b"_", b"/"))


def _escaped(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex((match[1] or match[2]).decode())


def magic(data: bytes, *, in_files: bool = False) -> list[str]:
    """Names of the picture and video formats that begin somewhere in ``data`` or in what is encoded in it."""
    names = [name for name in MAGIC if not (in_files and name in CHANCE_IN_FILES)]
    return sorted({name for view in views(data) for name in names if MAGIC[name] in view})
