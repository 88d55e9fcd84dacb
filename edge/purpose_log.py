"""What each zone was for, and on what ground: a file that only grows. Part of the composition root.

``purposes.jsonl`` in the box's state folder has one line for each switch: a zone that becomes operational or ceases to
be, and an operational zone whose legal basis or impact assessment changes. Each line holds the SHA-256 of the one
before, so that a line taken out or changed later is noticed.

The two references are texts that somebody wrote; they stay on the box, for no text may leave it (contract.messages).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from contract.messages import format_time
from contract.version import VERSION
from edge.config import BoxConfig, ZoneEntry
from edge.errors import SpoolError

log = logging.getLogger("parvis.edge")

FILE: Final = "purposes.jsonl"
_FIRST: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class PurposeLine:
    """One switch, of ``before`` into ``after``: statistics, operational, or none for a zone that is gone.

    ``at`` is the box's own UTC time; ``previous`` the SHA-256 of the line before, 64 zeros in the first one.
    """

    at: str
    device: str
    camera: str
    zone: str
    zone_version: str | None
    before: str
    after: str
    legal_basis: str | None
    dpia_reference: str | None
    software: str
    previous: str = _FIRST


def _parsed(text: str) -> PurposeLine | None:
    try:
        return PurposeLine(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _texts(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise SpoolError(f"{path}: cannot be read ({exc.strerror}); check the folder's permissions") from exc
    return text.removesuffix("\n").split("\n") if text else []


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def read_purposes(path: Path) -> tuple[list[PurposeLine], list[int]]:
    """The lines of a file, and the numbers (from 1) of those that cannot be read or do not follow the one before.

    Raises:
        SpoolError: when the file is there but cannot be read.
    """
    lines: list[PurposeLine] = []
    broken: list[int] = []
    previous = _FIRST
    for number, text in enumerate(_texts(path), 1):
        line = _parsed(text)
        if line is None or line.previous != previous:
            broken.append(number)
        if line is not None:
            lines.append(line)
        previous = _digest(text)
    return lines, broken


def _ground(zone: ZoneEntry) -> tuple[str | None, str | None]:
    if zone.purpose != "operational" or zone.operational is None:
        return None, None
    return zone.operational.legal_basis, zone.operational.dpia_reference


def switches(lines: Sequence[PurposeLine], box: BoxConfig, at: datetime) -> Iterator[PurposeLine]:
    """What a configuration switches, given the lines there are. A zone without a line is statistics, as by default."""
    last = {(line.camera, line.zone): line for line in lines}
    zones = {(camera.id, zone.id): zone for camera in box.cameras for zone in camera.zones}
    common: Mapping[str, Any] = {"at": format_time(at), "device": box.device, "software": VERSION}
    for place in sorted(zones.keys() | last.keys()):
        known, zone = last.get(place), zones.get(place)
        was = "statistics" if known is None or known.after == "none" else known.after
        grounds = (None, None) if known is None else (known.legal_basis, known.dpia_reference)
        after, now = ("none", (None, None)) if zone is None else (zone.purpose, _ground(zone))
        if (was, after) == ("statistics", "none") or (was, grounds) == (after, now):
            continue
        yield PurposeLine(
            camera=place[0],
            zone=place[1],
            zone_version=None if zone is None else zone.wire().version,
            before=was,
            after=after,
            legal_basis=now[0],
            dpia_reference=now[1],
            **common,
        )


def record_purposes(folder: Path, box: BoxConfig, at: datetime) -> None:
    """Write what a configuration switches to the log and to the file in ``folder``, on the disk before this returns.

    Raises:
        SpoolError: when it cannot be written: what is not on record must not begin.
    """
    path = folder / FILE
    lines, broken = read_purposes(path)
    if broken:
        log.warning("%s: line %d cannot be read, or was changed or taken out before", path, broken[0])
    new = list(switches(lines, box, at))
    if not new:
        return
    texts = _texts(path)
    previous = _digest(texts[-1]) if texts else _FIRST
    data = ""
    for line in new:
        text = json.dumps({**asdict(line), "previous": previous})
        data += text + "\n"
        previous = _digest(text)
    _append(path, data.encode())
    for line in new:
        log.info("%s: zone %s: purpose %s -> %s", line.camera, line.zone, line.before, line.after)


def _append(path: Path, data: bytes) -> None:
    try:
        before = path.read_bytes() if path.exists() else b""
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(number, "ab") as file:
            # A line that a power cut tore stays, by itself.
            file.write((b"\n" if before and not before.endswith(b"\n") else b"") + data)
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as exc:
        raise SpoolError(
            f"{path}: a switch of a zone's purpose cannot be recorded ({exc.strerror}), so counting does not begin;"
            " make the folder writable, or write the purpose that the zone had before"
        ) from exc
