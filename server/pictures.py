"""Is this file a plan? PNG and JPEG, told by their content and never by their name; no pixel is decoded. Pure.

Rules:
1. The file is walked from its signature to its end: chunks of a PNG with their check sums, segments of a JPEG. What does
   not hold together is refused, and what follows the end is dropped, so that nothing else can hide in it.
2. Width and height are read before anything else could unfold them; a picture may have ``MOST_PIXELS``.
3. Only what draws the picture is kept. Texts, times, places and previews that programs write beside it are dropped.

PNG: https://www.w3.org/TR/png-3/ (sections 5 and 11); JPEG: ITU-T T.81, annex B.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from dataclasses import dataclass
from typing import Final

from server.sites import SiteError

MOST_BYTES: Final = 4 * 1024 * 1024
MOST_SIDE: Final = 10_000
MOST_PIXELS: Final = 40_000_000
LEAST_SIDE: Final = 50

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
# Critical chunks, and those that say how colours and transparency are meant.
_PNG_KEPT: Final = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs"}
)
# APP0 (JFIF) and APP14 (Adobe: how colours are meant) belong to drawing; the others, and comments, do not.
_JPEG_DROPPED: Final = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
_OTHER_FRAMES: Final = frozenset({0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})
_MARKER: Final = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
_KNOWN: Final = (
    (b"%PDF", "PDF"), (b"GIF8", "GIF"), (b"<svg", "SVG"), (b"<?xml", "XML"), (b"RIFF", "WebP"), (b"BM", "BMP"),
    (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"PK\3\4", "ZIP"), (b"<!", "HTML"), (b"<html", "HTML"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """A plan as it is stored and served: its type, its size in pixels, its bytes."""

    media_type: str
    width: int
    height: int
    content: bytes

    @property
    def sha256(self) -> str:
        """The digest of the bytes, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def read_picture(data: bytes) -> Picture:
    """The picture in a file.

    Raises:
        SiteError: rule ``plan_empty``, ``plan_large``, ``plan_type``, ``plan_damaged`` or ``plan_size``.
    """
    if not data:
        raise SiteError("plan_empty", "the plan is empty; choose a file")
    if len(data) > MOST_BYTES:
        raise SiteError(
            "plan_large",
            f"the plan must have at most {MOST_BYTES} bytes (found {len(data)}); make it smaller",
            len(data),
        )
    if data.startswith(_PNG):
        return _png(data)
    if data.startswith(_JPEG):
        return _jpeg(data)
    start = data[:256].lstrip().lower()
    other = "text" if all(byte > 31 or byte in b"\t\r\n" for byte in start) else data[:8].hex(" ")
    guess = next((name for head, name in _KNOWN if start.startswith(head.lower())), other)
    raise SiteError(
        "plan_type",
        f"the plan must be a PNG or JPEG picture (found {guess}); save it as one of these",
        guess,
    )


def _damaged(what: str) -> SiteError:
    return SiteError(
        "plan_damaged", f"the picture is damaged (found {what}); save it anew and try again", what
    )


def _sized(width: int, height: int) -> tuple[int, int]:
    if (
        not LEAST_SIDE <= min(width, height) <= max(width, height) <= MOST_SIDE
        or width * height > MOST_PIXELS
    ):
        found = f"{width} x {height}"
        raise SiteError(
            "plan_size",
            f"a plan must have {LEAST_SIDE} to {MOST_SIDE} pixels a side and {MOST_PIXELS} in all (found {found});"
            " make it smaller",
            found,
        )
    return width, height


def _png(data: bytes) -> Picture:
    at, kept, size, pixels = len(_PNG), [_PNG], (0, 0), False
    while True:
        if at + 12 > len(data):
            raise _damaged(f"the end after {len(data)} bytes")
        (length,) = struct.unpack_from(">I", data, at)
        name, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            raise _damaged(f"the end within chunk {name!r}")
        if struct.unpack_from(">I", data, end - 4)[0] != zlib.crc32(data[at + 4 : end - 4]):
            raise _damaged(f"a wrong check sum of chunk {name!r} at byte {at}")
        if (at == len(_PNG)) != (name == b"IHDR") or (name == b"IHDR" and length != 13):
            raise _damaged(f"chunk {name!r} where IHDR belongs")
        if name == b"IHDR":
            size = _sized(*struct.unpack_from(">II", data, at + 8))
        pixels = pixels or (name == b"IDAT" and length > 0)
        if name in _PNG_KEPT:
            kept.append(data[at:end])
        elif name[:1].isupper():
            raise _damaged(f"the unknown chunk {name!r}")
        at = end
        if name == b"IEND":
            break
    if not pixels:
        raise _damaged("no pixels")
    return Picture("image/png", *size, b"".join(kept))


def _jpeg(data: bytes) -> Picture:
    at, kept, size, scans = 2, [data[:2]], (0, 0), 0
    while True:
        found = _MARKER.match(data, at)
        if found is None:
            raise _damaged(f"no marker at byte {at}")
        marker, body = data[found.end() - 1], found.end()
        if marker == 0xD9:
            break
        if marker == 0xD8 or body + 2 > len(data):
            raise _damaged(f"no segment at byte {at}")
        end = body + struct.unpack_from(">H", data, body)[0]
        if end < body + 2 or end > len(data):
            raise _damaged(f"the end within segment FF{marker:02X}")
        if marker in _OTHER_FRAMES:
            raise _damaged(f"the coding FF{marker:02X}, which browsers do not show")
        if marker in _FRAMES:
            if size != (0, 0) or end < body + 8:
                raise _damaged("two frames or a broken one")
            height, width = struct.unpack_from(">HH", data, body + 3)
            size = _sized(width, height)
        if marker == 0xDA:
            if size == (0, 0):
                raise _damaged("pixels before their size")
            scans += 1
            after = _MARKER.search(data, end)
            end = after.start() if after else len(data)
        if marker not in _JPEG_DROPPED:
            kept.append(data[found.end() - 2 : end])
        at = end
    if not scans:
        raise _damaged("no pixels")
    return Picture("image/jpeg", *size, b"".join([*kept, b"\xff\xd9"]))
