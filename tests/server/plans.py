"""Small pictures, made byte by byte."""

from __future__ import annotations

import struct
import zlib

# The smallest thing a JPEG decoder takes: headers as T.81 wants them, and a scan that is never decoded here.
_APP0 = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0\1\1\0\0\1\0\1\0\0"
_SCAN = b"\xff\xda" + struct.pack(">H", 8) + b"\1\1\0\0\x3f\0" + b"\x12\x34\xff\x00\x56\xff\xd0\x78"


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int = 120, height: int = 80, *, more: bytes = b"") -> bytes:
    """A grey picture that browsers draw."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = min(height, 2000) * (b"\0" + b"\xc8" * min(width, 2000))
    return b"\x89PNG\r\n\x1a\n" + head + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(width: int = 120, height: int = 80, *, more: bytes = b"", frame: int = 0xC0) -> bytes:
    size = segment(frame, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    return b"\xff\xd8" + _APP0 + more + size + _SCAN + b"\xff\xd9"
