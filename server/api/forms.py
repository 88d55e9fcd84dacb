"""Forms with many fields or one file. Bounded before anything is held in memory; every refusal is a `Refused`.

Multipart is read as RFC 7578 has it, for what browsers send: parts between boundaries, each a field or a file. The file's own
name and declared type are ignored, for neither can be believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from server.api.body import Refused, read_bounded

MOST_FIELDS: Final = 2000
MOST_TEXT: Final = 256 * 1024
_BOUNDARY: Final = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_NAME: Final = re.compile(rb'[;\s]name="([^"\r\n]{1,200})"', re.IGNORECASE)
_IS_FILE: Final = re.compile(rb"[;\s]filename\*?=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Form:
    """What was sent: texts and files by their names; of a name that came twice, the last."""

    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A field without space around it, empty when it did not come."""
        return self.fields.get(name, "").strip()


async def read_form(request: Request, most_file: int = 0) -> Form:
    """The form of a request; ``most_file`` bytes of files are allowed besides ``MOST_TEXT`` of text.

    Raises:
        Refused: 400 for what is no form, 413 for too much.
    """
    declared = request.headers.get("content-type", "")
    kind = declared.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        data = await read_bounded(request, MOST_TEXT)
        try:
            pairs = parse_qsl(
                data.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
            )
        except ValueError as exc:
            raise Refused(400, "bad_form", "the form has too many fields") from exc
        return Form(dict(pairs))
    boundary = _BOUNDARY.search(declared)
    if kind != "multipart/form-data" or boundary is None:
        raise Refused(400, "content_type", "send a form")
    data = await read_bounded(request, MOST_TEXT + most_file)
    return _multipart(data, (boundary[1] or boundary[2]).encode("ascii", "replace"))


def _multipart(data: bytes, boundary: bytes) -> Form:
    mark = b"\r\n--" + boundary
    parts = (b"\r\n" + data).split(mark, MOST_FIELDS + 2)
    if len(parts) < 2 or len(parts) > MOST_FIELDS or not parts[-1].startswith(b"--"):
        raise Refused(400, "bad_form", "the form is not whole")
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for part in parts[1:-1]:
        head, gap, body = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if not gap or name is None:
            raise Refused(400, "bad_form", "a part of the form has no name")
        text = name[1].decode("utf-8", "replace")
        if _IS_FILE.search(head):
            files[text] = body
        else:
            fields[text] = body.decode("utf-8", "replace")
    return Form(fields, files)
