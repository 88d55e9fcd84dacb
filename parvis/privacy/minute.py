"""The last minute of a box, as it sends it: from its spool, else from a real run over its recording, else nothing.

Rule: never an example. What is shown was stored by the box, or counted here and now from the recording that the
configuration names; where there is neither, the page says so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Final, Literal

from contract.batch import pack, stamp
from contract.messages import Body, canonical
from edge.config import BoxConfig, CameraEntry
from edge.spool_view import newest

SHOWN_S: Final = 60.0
REPLAY_START: Final = datetime(2026, 1, 1, tzinfo=UTC)  # as `parvis edge replay` stamps a recording

From = Literal["spool", "recording", "nothing"]
Progress = Callable[[str, float], None]  # camera, share done


@dataclass(frozen=True, slots=True)
class Sent:
    """One record, exactly as it goes over the wire; ``arrived``: whether the server has it, None where none was asked."""

    payload: str
    arrived: bool | None


@dataclass(frozen=True, slots=True)
class Minute:
    """The records of ``seconds`` seconds up to ``end`` (of a recording: of its first seconds, and no end)."""

    source: From
    records: tuple[Sent, ...] = ()
    seconds: float = SHOWN_S
    end: datetime | None = None

    @property
    def body(self) -> str:
        """The JSON of one delivery of these records, before compression."""
        return '{"records":[' + ",".join(record.payload for record in self.records) + "]}"

    @property
    def json_bytes(self) -> int:
        """Size of `body`."""
        return len(self.body.encode())

    @property
    def sent_bytes(self) -> int:
        """Size as sent: the same, compressed as the uplink does. HTTP and TLS add their own around it."""
        return len(pack(record.payload for record in self.records))

    @property
    def digest(self) -> str:
        """SHA-256 of `body`."""
        return hashlib.sha256(self.body.encode()).hexdigest()


def last_minute(box: BoxConfig, base: Path, spool: Path, progress: Progress) -> Minute:
    """What this box sent, or would send, in a minute.

    Args:
        box: the configuration.
        base: the folder that its paths count from.
        spool: the spool's file; it need not exist.
        progress: told while a recording is counted.

    Raises:
        SpoolError, CameraError, ModelError: when what is there cannot be read.
    """
    # A zone's interval may be longer than a minute: a minute of such a box would mostly show no count at all.
    seconds = max(SHOWN_S, float(box.interval_s))
    seen = newest(spool, seconds)
    if seen:
        records = tuple(Sent(item.payload, item.sent) for item in seen)
        return Minute("spool", records, seconds, seen[-1].at)
    recordings = [camera for camera in box.cameras if is_recording(camera.source)]
    if recordings:
        payloads = chain.from_iterable(_counted(box, base, camera, progress) for camera in recordings)
        return Minute("recording", tuple(Sent(payload, None) for payload in payloads))
    return Minute("nothing")


def is_recording(source: str) -> bool:
    """Whether a camera's source is a file: no address, no device."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:|[0-9]+\Z|/dev/", source) is None


def _counted(box: BoxConfig, base: Path, camera: CameraEntry, progress: Progress) -> Iterator[str]:
    """The records of the first minute of a recording, as `parvis edge replay` makes them."""
    from edge.replay import Replay, build_detector
    from edge.video_file import VideoFile

    path = base / camera.source
    with VideoFile(path) as video:
        job = Replay(video, box, camera, build_detector(box, base, camera, spinning=True), REPLAY_START)

        def bodies() -> Iterator[Body]:
            yield job.begin()
            for frame in video:
                if frame.at >= SHOWN_S:
                    break
                progress(camera.id, frame.at / SHOWN_S)
                yield from job.step(frame)
            yield from job.end()

        for seq, body in enumerate(bodies()):
            yield canonical(stamp(body, device=box.device, run=job.run, seq=seq))
