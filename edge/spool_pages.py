"""The pages of an SQLite file, read without SQLite: for a salvage that lost the pages which lead to the others. Pure.

Rules:
1. The layout is that of https://www.sqlite.org/fileformat2.html. An image is the whole file, its WAL applied.
2. Nothing here is believed: who reads rows so checks each by its checksum.
3. SQLite lays out every new file of one format alike. So the pages of a new one that hold the schema serve in a damaged
   one; in a file that grew from an older format they may lie elsewhere, and then nothing that is read makes sense.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

from edge.spool_schema import PAGE_BYTES

_HEADER: Final = 100
_LEAF, _INTERIOR = 13, 5
_MAGIC: Final = b"SQLite format 3\0"
_MOST_LOCAL: Final = PAGE_BYTES - 35
_LEAST_LOCAL: Final = (PAGE_BYTES - 12) * 32 // 255 - 23
_WIDTHS: Final = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)  # of the serial types 0 to 9
_REAL: Final = 7
_UNKNOWN: Final = bytes(4) + b"\xff" * 4  # which pages are free: so many, and the first is none


def with_schema(damaged: bytes, sound: bytes) -> bytes:
    """A damaged image with the schema of a new file."""
    pages = max(-(-len(damaged) // PAGE_BYTES), len(sound) // PAGE_BYTES)
    image = bytearray(damaged.ljust(pages * PAGE_BYTES, b"\0"))
    if image[:18] != sound[:18]:
        image[:_HEADER] = sound[:_HEADER]
        image[28:32] = struct.pack(">I", pages)
        image[32:40] = _UNKNOWN
        image[92:96] = image[24:28]  # else the number of pages is not believed
    for page in _schema_pages(sound):
        start = page * PAGE_BYTES + (0 if page else _HEADER)
        image[start : (page + 1) * PAGE_BYTES] = sound[start : (page + 1) * PAGE_BYTES]
    return bytes(image)


def rows(image: bytes, columns: int) -> Iterator[tuple[Any, ...]]:
    """Id and columns of every row of so many columns in any table; what cannot be read is skipped.

    None where free pages cannot be told from others: rows on them were deleted, and counted, long ago.
    """
    if image[32:40] == _UNKNOWN:
        return
    free = _free_pages(image)
    for page in range(len(image) // PAGE_BYTES):
        start = page * PAGE_BYTES
        if page in free or image[start] != _LEAF:
            continue
        (cells,) = struct.unpack_from(">H", image, start + 3)
        for cell in range(min(cells, PAGE_BYTES // 4)):
            try:
                (at,) = struct.unpack_from(">H", image, start + 8 + 2 * cell)
                number, values = _row(image, start, at)
            except (IndexError, struct.error, UnicodeError):
                continue
            if len(values) == columns:
                yield number, *values


def _schema_pages(image: bytes) -> list[int]:
    """The pages of the first table of a file, counted from 0; it has two levels at most."""
    if image[_HEADER] != _INTERIOR:
        return [0]
    (cells,) = struct.unpack_from(">H", image, _HEADER + 3)
    places = struct.unpack_from(f">{cells}H", image, _HEADER + 12)
    children = [struct.unpack_from(">I", image, place)[0] for place in (*places, _HEADER + 8)]
    return [0, *(child - 1 for child in children)]


def _free_pages(image: bytes) -> set[int]:
    found: set[int] = set()
    (trunk,) = struct.unpack_from(">I", image, 32)
    while trunk and (trunk - 1) not in found and trunk * PAGE_BYTES <= len(image):
        found.add(trunk - 1)
        following, leaves = struct.unpack_from(">II", image, (trunk - 1) * PAGE_BYTES)
        leaves = min(leaves, PAGE_BYTES // 4 - 2)
        listed = struct.unpack_from(f">{leaves}I", image, (trunk - 1) * PAGE_BYTES + 8)
        found.update(page - 1 for page in listed)
        trunk = following
    return found


def _row(image: bytes, start: int, at: int) -> tuple[int, list[Any]]:
    size, at = _varint(image, start + at)
    number, at = _varint(image, at)
    local = size
    if size > _MOST_LOCAL:
        fits = _LEAST_LOCAL + (size - _LEAST_LOCAL) % (PAGE_BYTES - 4)
        local = fits if fits <= _MOST_LOCAL else _LEAST_LOCAL
    if at + local > start + PAGE_BYTES or size > len(image):
        raise IndexError("a cell beyond its page")
    raw, at = image[at : at + local], at + local
    if size > local:
        raw += _overflow(image, at, size - local)
    return number, _values(raw)


def _overflow(image: bytes, at: int, size: int) -> bytes:
    raw, left = b"", size
    while left > 0:
        (page,) = struct.unpack_from(">I", image, at)
        at = (page - 1) * PAGE_BYTES
        if page < 1 or at + PAGE_BYTES > len(image):
            raise IndexError("a chain that leads nowhere")
        raw += image[at + 4 : at + 4 + min(left, PAGE_BYTES - 4)]
        left -= PAGE_BYTES - 4
    return raw


def _values(raw: bytes) -> list[Any]:
    end, at = _varint(raw, 0)
    body, found = end, list[Any]()
    while at < end:
        kind, at = _varint(raw, at)
        width = (kind - 12) // 2 if kind >= 12 else _WIDTHS[kind]
        part = raw[body : body + width]
        if len(part) < width:
            raise IndexError("a row that is cut short")
        body += width
        found.append(_value(kind, part))
    return found


def _value(kind: int, part: bytes) -> Any:
    if kind >= 12:
        return part.decode() if kind % 2 else part
    if kind in {0, 8, 9}:
        return None if kind == 0 else kind - 8
    return struct.unpack(">d", part)[0] if kind == _REAL else int.from_bytes(part, signed=True)


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(9):
        byte = raw[at + place]
        if place == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + place + 1
    raise IndexError("no number")
