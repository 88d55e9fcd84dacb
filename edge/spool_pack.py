"""Small spellings of canonical JSON: what many records share is kept once, what differs becomes a few bytes. Pure.

Rules:
1. A *shape* is the text with every number, null and time cut out, a newline where each was (canonical JSON has none of
   its own); the *values* are those in order. `join` gives back the text bit by bit, whatever `split` was given.
2. A value takes one to nine bytes: small integers one, decimals their digits as an integer and where the point was,
   times their seconds since 1970, a row of equal values three. What fits none of these is kept letter by letter.
3. The codes are stored on boxes in the field: none may ever change its meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from contract.messages import format_time

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|null|-?[0-9][0-9.eE+-]*')
_TIME: Final = re.compile(r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"')
_DECIMAL: Final = re.compile(r"-?\d+\.(\d{1,7})")
_MARK: Final = "\n"
# Codes: 0 to 127 are themselves; then single codes; 0x90 + bytes: an integer; 0xC0 + 8 x decimals + bytes - 1.
_SMALL: Final = 0x80
_NULL, _ZERO, _TEXT, _SECONDS, _AGAIN = 0x80, 0x81, 0x82, 0x83, 0x84
_INTEGER, _POINT = 0x90, 0xC0
_SECONDS_BYTES: Final = 5
_MOST: Final = 255  # letters of a text, repetitions at once
_WIDEST: Final = 8


def split(text: str) -> tuple[str, bytes]:
    """The shape of a canonical JSON text and its values."""
    pieces: list[str] = []
    tokens: list[str] = []
    end = 0
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token[0] == '"' and not _TIME.fullmatch(token):
            continue
        pieces.append(text[end : found.start()])
        tokens.append(token)
        end = found.end()
    pieces.append(text[end:])
    return _MARK.join(pieces), b"".join(_packed(tokens))


def join(shape: str, values: bytes) -> str:
    """The text of which `split` made these.

    Raises:
        ValueError: when they do not belong together, or are damaged.
    """
    try:
        tokens = list(_unpacked(values))
    except (IndexError, OverflowError, OSError, ValueError) as exc:
        raise ValueError("these values are damaged") from exc
    pieces = shape.split(_MARK)
    if len(tokens) != len(pieces) - 1:
        raise ValueError("these values are not of this shape")
    return pieces[0] + "".join(token + piece for token, piece in zip(tokens, pieces[1:], strict=True))


def _packed(tokens: list[str]) -> Iterator[bytes]:
    for token, row in groupby(tokens):
        code = _code(token)
        yield code
        more = sum(1 for _ in row) - 1
        while more * len(code) > 2:
            yield bytes((_AGAIN, min(more, _MOST)))
            more -= min(more, _MOST)
        yield code * more


def _code(token: str) -> bytes:
    if token == "null":  # noqa: S105 - no password
        return bytes((_NULL,))
    if token == "0.0":  # noqa: S105 - no password
        return bytes((_ZERO,))
    if token[0] == '"':
        return _time_code(token)
    decimal = _DECIMAL.fullmatch(token)
    if decimal:
        point, digits = len(decimal[1]), int(token.replace(".", ""))
    elif token.removeprefix("-").isdecimal():
        point, digits = 0, int(token)
        if 0 <= digits < _SMALL:
            return bytes((digits,)) if str(digits) == token else _letters(token)
    else:
        return _letters(token)
    width = (digits.bit_length() + 8) // 8
    if width > _WIDEST or _spelt(digits, point) != token:
        return _letters(token)
    code = _POINT + 8 * point + width - 1 if point else _INTEGER + width
    return bytes((code,)) + digits.to_bytes(width, signed=True)


def _time_code(token: str) -> bytes:
    try:
        seconds = int(datetime.fromisoformat(token[1:-2]).replace(tzinfo=UTC).timestamp())
        code = bytes((_SECONDS,)) + seconds.to_bytes(_SECONDS_BYTES)
    except (ValueError, OverflowError):
        return _letters(token)
    return code if _moment(seconds) == token else _letters(token)


def _letters(token: str) -> bytes:
    raw = token.encode("ascii")
    if len(raw) > _MOST:
        raise ValueError(f"a number of {len(raw)} digits is no number of the wire")
    return bytes((_TEXT, len(raw))) + raw


def _spelt(digits: int, point: int) -> str:
    if not point:
        return str(digits)
    text = str(abs(digits)).zfill(point + 1)
    return f"{'-' if digits < 0 else ''}{text[:-point]}.{text[-point:]}"


def _moment(seconds: int) -> str:
    return f'"{format_time(datetime.fromtimestamp(seconds, UTC))}"'


def _unpacked(values: bytes) -> Iterator[str]:
    at, last = 0, ""
    while at < len(values):
        code = values[at]
        at += 1
        if code == _AGAIN:
            for _ in range(values[at]):
                yield last
            at += 1
            continue
        width = _width(code, values, at)
        at += code == _TEXT
        raw = values[at : at + width]
        if len(raw) < width:
            raise IndexError("cut short")
        at += width
        last = _token(code, raw)
        yield last


def _width(code: int, values: bytes, at: int) -> int:
    """Bytes that follow a code, beside the length of a text."""
    if code < _SMALL or code in {_NULL, _ZERO}:
        return 0
    if code == _TEXT:
        return values[at]
    if code == _SECONDS:
        return _SECONDS_BYTES
    if _INTEGER < code <= _INTEGER + _WIDEST:
        return code - _INTEGER
    if code >= _POINT + 8:
        return code % 8 + 1
    raise IndexError("no such code")


def _token(code: int, raw: bytes) -> str:
    if code < _SMALL:
        return str(code)
    if code in {_NULL, _ZERO}:
        return "null" if code == _NULL else "0.0"
    if code == _TEXT:
        return raw.decode("ascii")
    if code == _SECONDS:
        return _moment(int.from_bytes(raw))
    point = (code - _POINT) // 8 if code >= _POINT else 0
    return _spelt(int.from_bytes(raw, signed=True), point)
