"""Recordings: every frame in order, with its presentation time.

Rules:
1. Frames are decoded ahead in one thread, two at most: decoding then hides behind inference, and memory stays small.
2. What can be decoded is delivered; what is missing becomes a warning at the end, never silence.
"""

from __future__ import annotations

import contextlib
import queue
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import av
from av.error import FFmpegError

from edge.decode import (
    MAX_SIDE_PX,
    BrokenStreamError,
    Decoder,
    Rate,
    StreamChangedError,
    Timeline,
    bgr,
    explain,
    open_container,
)
from edge.errors import CameraError
from edge.records import Frame

_AHEAD: Final = 2


class VideoFile:
    """Every frame of a recording, in order, with its presentation time; the first is at 0.0 s.

    Decoding runs ahead of the consumer in a thread of its own. Iterate again to read again. After an iteration
    ``decoded`` is the number of pictures decoded, ``skipped`` those whose time did not increase, and ``warning``
    says how far a truncated or damaged recording could be read.

    Args:
        path: a plain local file.
        rate: thin the frames to that many a second, by time; None delivers all.
        max_side_px: the largest width or height accepted.

    Raises:
        CameraError: not a readable recording; while iterating, `StreamChangedError` when the size changes.
    """

    def __init__(self, path: Path, *, rate: float | None = None, max_side_px: int = MAX_SIDE_PX) -> None:
        self.path = check_file(path)
        self.decoded = self.skipped = 0
        self.warning: str | None = None
        self._rate = rate
        self._max_side_px = max_side_px
        self._stop = threading.Event()
        try:
            with open_container(path, max_side_px) as container:
                decoder = Decoder(container, max_side_px=max_side_px)
                if next(iter(decoder), None) is None or decoder.wh is None:
                    raise BrokenStreamError("it holds no picture that can be decoded")
                self.width, self.height = decoder.wh
                self.fps = decoder.fps
                self.frames: int | None = decoder.stream.frames or None
                self.duration_s = _duration_s(container, decoder.stream)
        except (FFmpegError, CameraError) as exc:
            why = str(exc) if isinstance(exc, CameraError) else explain(exc)
            raise CameraError(
                f"{path}: must be a video with pictures of at most {max_side_px}x{max_side_px} pixels, and {why}. "
                "Check that it plays, or convert it: ffmpeg -i INPUT -an -c:v libx264 OUTPUT.mp4"
            ) from None

    def __iter__(self) -> Iterator[Frame]:
        self.close()
        self._stop = stop = threading.Event()
        ready: queue.Queue[Frame | Exception | None] = queue.Queue(_AHEAD)
        thread = threading.Thread(target=self._decode, args=(ready, stop), name="decode", daemon=True)
        thread.start()
        try:
            while not stop.is_set():
                with contextlib.suppress(queue.Empty):
                    item = ready.get(timeout=0.5)
                    if item is None:
                        return
                    if isinstance(item, Exception):
                        raise item
                    yield item
        finally:
            stop.set()
            thread.join()

    def close(self) -> None:
        """End a running iteration."""
        self._stop.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decode(self, ready: queue.Queue[Frame | Exception | None], stop: threading.Event) -> None:
        end: Exception | None = None
        try:
            for frame in self._frames():
                if not _put(ready, frame, stop):
                    return
        except StreamChangedError as exc:
            end = StreamChangedError(f"{self.path}: {exc}. Cut the recording there and replay the parts.")
        except FFmpegError as exc:
            end = CameraError(
                f"{self.path}: the recording was read before, and now {explain(exc)}. Copy it again."
            )
        except Exception as exc:  # must reach the consumer, who would wait for ever
            end = exc
        _put(ready, end, stop)

    def _frames(self) -> Iterator[Frame]:
        self.decoded = self.skipped = 0
        self.warning = broken = None
        rate, at, ends = Rate(self._rate), 0.0, 0.0
        with open_container(self.path, self._max_side_px) as container:
            decoder = Decoder(container, (self.width, self.height), self._max_side_px)
            timeline = Timeline(decoder.fps)
            try:
                for picture in decoder:
                    self.decoded += 1
                    stamp = timeline.stamp(picture.time)
                    if stamp is None:
                        self.skipped += 1
                        continue
                    at = stamp
                    ends = at + max(
                        timeline.step_s, float((picture.duration or 0) * (picture.time_base or 0))
                    )
                    if rate.keeps(at):
                        yield Frame(bgr(picture), at)
            except BrokenStreamError as exc:
                broken = str(exc)
        self.warning = self._verdict(at, ends, decoder.damaged, broken)

    def _verdict(self, at: float, ends: float, damaged: int, broken: str | None) -> str | None:
        """A warning when the recording gave less than it states; trailing sound or a cut list is no fault."""
        few = self.frames is None or self.decoded < self.frames
        short = (
            few and self.duration_s is not None and ends < self.duration_s - max(0.5, 0.01 * self.duration_s)
        )
        if not (damaged or broken or short):
            return None
        stated = f" of {self.frames}" if self.frames else ""
        until = f" of {self.duration_s:.2f} s" if self.duration_s is not None else ""
        cause = broken or (f"left out as damaged: {damaged}" if damaged else "the rest is missing")
        return (
            f"{self.path}: a recording must be whole, but {self.decoded}{stated} frames could be decoded, the last "
            f"at {at:.2f} s{until} ({cause}). Its counts end or have gaps there; copy the file again if you can."
        )


def _put(
    ready: queue.Queue[Frame | Exception | None], item: Frame | Exception | None, stop: threading.Event
) -> bool:
    """Queue an item, waiting while the consumer is behind; False once nobody consumes any more."""
    while not stop.is_set():
        with contextlib.suppress(queue.Full):
            ready.put(item, timeout=0.1)
            return True
    return False


def check_file(path: Path) -> Path:
    """``path`` itself, if it is a plain file with something in it (else CameraError)."""
    try:
        state = path.stat()
    except OSError as exc:
        raise CameraError(
            f"{path}: the video must be a readable file, and {explain(exc)}. Check the path; a relative one "
            "counts from the configuration file's folder."
        ) from None
    got = None
    if not stat.S_ISREG(state.st_mode):
        got = "a folder" if stat.S_ISDIR(state.st_mode) else "no plain file"
    elif state.st_size == 0:
        got = "empty (0 bytes)"
    if got:
        raise CameraError(
            f"{path}: the video must be a plain file with pictures, and this is {got}. Name a recording."
        )
    return path


def _duration_s(container: Any, stream: Any) -> float | None:
    """The stated length of the pictures, seconds; None when only sound may have set it."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    if (tag := stream.metadata.get("DURATION")) is not None:  # Matroska
        with contextlib.suppress(ValueError):
            hours, minutes, seconds = (float(part) for part in tag.split(":"))
            return hours * 3600 + minutes * 60 + seconds
    if container.duration is None or container.streams.audio:
        return None
    return float(container.duration / av.time_base)
