"""A request's body, read within bounds and parsed without surprises. Every refusal is a `Refused`."""

from __future__ import annotations

import json
import re
import zlib
from typing import Any, Final, NoReturn

from starlette.requests import Request

from contract.batch import MAX_BYTES, MAX_DEPTH, MAX_INFLATED_BYTES

# Strings are skipped whole; an unterminated one runs to the end, so that no input is scanned twice.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


class Refused(Exception):  # noqa: N818 - a decision, not a fault
    """A request that gets a status other than 200."""

    def __init__(self, status: int, error: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.error = error
        self.detail = detail


def check_headers(request: Request) -> bool:
    """True for gzip, False for plain JSON.

    Raises:
        Refused: 415 for anything else, 413 for a declared length beyond the limit, 400 for a bad length.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "content_type", "send application/json")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:
        raise Refused(415, "content_encoding", "send gzip or no encoding")
    declared = request.headers.get("content-length", "0")
    if not declared.isascii() or not declared.isdigit():
        raise Refused(400, "content_length", "content-length must be a number")
    if int(declared) > MAX_BYTES:
        raise Refused(413, "too_large", f"a body may have {MAX_BYTES} bytes; send fewer records at once")
    return encoding == "gzip"


async def read_bounded(request: Request, limit: int = MAX_BYTES) -> bytes:
    """The body; a chunked one is cut off at the limit, before it is held in memory.

    Raises:
        Refused: 413.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise Refused(413, "too_large", f"a body may have {limit} bytes; send fewer records at once")
        parts.append(part)
    return b"".join(parts)


def inflate(data: bytes) -> bytes:
    """One gzip member of at most ``MAX_INFLATED_BYTES``.

    Raises:
        Refused: 413 when it would inflate further, 400 when it is no whole gzip member.
    """
    engine = zlib.decompressobj(wbits=31)
    try:
        plain = engine.decompress(data, MAX_INFLATED_BYTES + 1)
    except zlib.error as exc:
        raise Refused(400, "bad_gzip", "the body is no gzip") from exc
    if len(plain) > MAX_INFLATED_BYTES:
        raise Refused(413, "too_large", f"a body may inflate to {MAX_INFLATED_BYTES} bytes")
    if not engine.eof or engine.unused_data:
        raise Refused(400, "bad_gzip", "the body is no single whole gzip member")
    return plain


def depth(data: bytes) -> int:
    """How deep the brackets of a JSON text nest, outside its strings."""
    level = deepest = 0
    for match in _TOKEN.finditer(data):
        mark = match.group()
        if mark in (b"{", b"["):
            level += 1
            deepest = max(deepest, level)
        elif mark in (b"}", b"]"):
            level -= 1
    return deepest


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def parse(data: bytes) -> Any:
    """Strict JSON in UTF-8.

    Raises:
        Refused: 400.
    """
    if depth(data) > MAX_DEPTH:
        raise Refused(400, "too_deep", f"JSON may nest {MAX_DEPTH} deep")
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        raise Refused(400, "bad_json", "the body is no JSON in UTF-8") from exc
