"""Live cameras: the newest frame of a source that may stall, lie, crash or vanish at any time.

Rules:
1. The source is opened and decoded in a child process (`edge.capture`); this process only copies finished
   pictures and survives whatever happens there.
2. Only the newest frame counts. Frames nobody fetched in time are dropped, and counted.
3. The watchdog knows monotonic time alone. A child silent for ``stall_s`` (noticed: within 10 s) is replaced, after a
   pause that grows, with jitter, from 1 to 60 s while the camera does not come back.
4. The first picture fixes the size until the service restarts: zones drawn on one view do not fit another. A
   camera that comes back with another size stays lost, as ``stream_changed``, and is tried again.
5. No password in an address appears in any message.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import re
import select
import subprocess
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self

from edge.capture import Ring, start_child, verdict
from edge.decode import MAX_SIDE_PX, mask
from edge.records import Frame
from edge.sources import parse
from edge.video_file import VideoFile

__all__ = ["Camera", "CameraState", "LiveCamera", "VideoFile", "open_source"]

CameraState = Literal["starting", "live", "lost", "ended"]

log = logging.getLogger("parvis.edge")

_FPS_WINDOW_S: Final = 5.0
_MAX_LINE_BYTES: Final = 65_536


class Camera(Protocol):
    """What the box needs of a live source; see `LiveCamera`."""

    state: CameraState
    reason: str | None
    dropped: int
    reconnects: int

    @property
    def fps(self) -> float:
        """Frames captured per second."""
        ...

    def latest(self, timeout_s: float) -> Frame | None:
        """The newest frame not returned before."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class LiveCamera:
    """The newest frame of one live source.

    ``state`` is starting until the first frame, then live; lost while it is away; ended once a recording is over
    or `close` was called. ``reason`` says why it was lost last. ``dropped`` counts frames captured but never
    fetched, ``reconnects`` the child processes started after the first.

    Args:
        source: ``rtsp://…``, ``rtsps://…``, ``/dev/videoN`` or its number, ``picamera:N``, ``ffmpeg:…``, or a recording
            to play at its own pace (`edge.sources`).
        rate: frames a second to capture at most.
        loop: play a recording again and again.
        stall_s: silence after which the capture process is replaced; it gives up by itself at 80 % of that.
        pause_s: shortest and longest pause before a new attempt.
        memory_mb: private memory the capture process may use.
        max_side_px: the largest width or height accepted.

    Raises:
        CameraError: no such kind of source.
    """

    changed = _changed = threading.Condition()  # one for all cameras, to wait for any

    def __init__(
        self,
        source: str,
        *,
        rate: float | None = None,
        loop: bool = False,
        stall_s: float = 9.5,
        pause_s: tuple[float, float] = (1.0, 60.0),
        memory_mb: int = 400,
        max_side_px: int = MAX_SIDE_PX,
    ) -> None:
        kind, address = parse(source)
        self.name = mask(source)
        # Played again after a fault, a recording would be counted twice.
        self._once = kind == "file" and not loop
        self.state: CameraState = "starting"
        self.reason: str | None = None
        self.dropped = self.reconnects = 0
        self._orders: dict[str, Any] = {
            "kind": kind,
            "address": address,
            "rate": rate,
            "loop": loop,
            "timeout_s": 0.8 * stall_s,
            "memory_mb": memory_mb,
            "max_side_px": max_side_px,
            "wh": None,
        }
        self._stall_s, self._pause_s = stall_s, pause_s
        self._ring = Ring.create(max_side_px)
        self._taken, self._last_at = 0, float("-inf")
        self._arrivals: deque[float] = deque(maxlen=512)
        self._child: subprocess.Popen[bytes] | None = None
        self._unreaped: list[subprocess.Popen[bytes]] = []
        self._closing = threading.Event()
        self._closed = False
        # The kernel ends the child with the thread that started it, so this thread lives as long as the camera.
        self._thread = threading.Thread(target=self._supervise, name="camera", daemon=True)
        self._thread.start()

    @property
    def fps(self) -> float:
        """Frames captured per second over the last 5 s."""
        with self._changed:
            times = [at for at in self._arrivals if at >= time.monotonic() - _FPS_WINDOW_S]
        return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0

    def latest(self, timeout_s: float) -> Frame | None:
        """The newest frame not returned before, waiting up to ``timeout_s``; None when there is none.

        ``at`` is `time.monotonic` at its capture, and increases from frame to frame.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while (frame := self._take()) is None:
                left_s = deadline - time.monotonic()
                if left_s <= 0 or self.state == "ended":
                    return None
                self._changed.wait(left_s)
        return frame

    def close(self) -> None:
        """End capture and give everything back; afterwards there are no frames."""
        self._closing.set()
        with self._changed:
            if self._child is not None:
                self._child.kill()
        self._thread.join()
        with self._changed:
            if not self._closed:
                self._closed = True
                self._ring.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self) -> Frame | None:
        found = None if self._closed else self._ring.read(self._taken)
        if found is None:
            return None
        number, frame = found
        self.dropped += number - self._taken - 1
        self._taken = number
        height, width = frame.image.shape[:2]
        wh = self._orders["wh"] or (width, height)
        # The child's word is not trusted: time moves on, not into the future, and the size stays.
        if not self._last_at < frame.at <= time.monotonic() or wh != (width, height):
            self.dropped += 1
            return None
        self._last_at, self._orders["wh"] = frame.at, wh
        return frame

    def _supervise(self) -> None:
        failures, fault = 0, None
        while not self._closing.is_set():
            fault, lived_s = self._one_life()
            if fault is None or self._once or self._closing.is_set():
                break
            failures = 1 if lived_s >= self._stall_s else failures + 1
            pause_s = self._pause(failures)
            self._become("lost", fault)
            log.warning("%s; next attempt in %.1f s", self.reason, pause_s)
            if self._closing.wait(pause_s):
                break
            self.reconnects += 1
        self._become("ended", fault)

    def _pause(self, failures: int) -> float:
        shortest, longest = self._pause_s
        return random.SystemRandom().uniform(shortest, min(longest, shortest * 2 ** min(failures, 16)))

    def _become(self, state: CameraState, fault: str | None = None) -> None:
        with self._changed:
            self.state = state
            if fault is not None:
                self.reason = f"{self.name}: {fault}"
            self._changed.notify_all()

    def _one_life(self) -> tuple[str | None, float]:
        """Run one child to its end: why it failed (None: it ended well), and for how long it delivered."""
        with self._changed:
            self.dropped += max(0, self._ring.newest() - self._taken)
            self._ring.clear()
            self._taken = 0
        began = time.monotonic()
        inlet, outlet = os.pipe()
        try:
            child = start_child(self._orders, self._ring, outlet)
        except OSError as exc:
            os.close(inlet)
            return f"no capture process could be started ({os.strerror(exc.errno or 0)})", 0.0
        finally:
            os.close(outlet)
        with self._changed:
            self._child = child
        fault = None if self._closing.is_set() else self._watch(inlet)
        self._reap(child)
        os.close(inlet)
        return fault, max(self._arrivals, default=began) - began

    def _reap(self, child: subprocess.Popen[bytes]) -> None:
        """Kill and collect a child; one stuck in a driver is left for later, since nothing may block here."""
        child.kill()
        with self._changed:
            self._child = None
        self._unreaped = [old for old in [*self._unreaped, child] if old.poll() is None]
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(1.0)

    def _watch(self, inlet: int) -> str | None:
        """Follow the child's lines until it ends (None), fails or falls silent."""
        poll = select.poll()
        poll.register(inlet, select.POLLIN)
        rest, heard = b"", time.monotonic()
        while (left_s := heard + self._stall_s - time.monotonic()) > 0:
            if not poll.poll(1000 * min(left_s, 0.5)):
                continue
            data = os.read(inlet, _MAX_LINE_BYTES)
            *lines, rest = (rest + data).split(b"\n")
            heard = time.monotonic()
            for line in lines:
                if line == b"f":
                    self._arrived(heard)
                elif line != b"b":
                    return verdict(line)
            if not data or len(rest) > _MAX_LINE_BYTES:
                return "its capture process died"
        return f"no picture for {self._stall_s:g} s, so its capture process is replaced"

    def _arrived(self, at: float) -> None:
        with self._changed:
            self._arrivals.append(at)
            if self.state != "live":
                log.info("%s is live", self.name)
            self.state = "live"
            self._changed.notify_all()


def open_source(source: str, base: Path, *, rate: float | None = None, loop: bool = False) -> LiveCamera:
    """The live camera that a configuration's ``source`` names; a relative path counts from ``base``.

    Raises:
        CameraError: no such kind of source, or no such recording.
    """
    is_path = re.match(r"[A-Za-z][A-Za-z0-9+.-]+:|[0-9]+\Z", source) is None
    return LiveCamera(str(base / source) if is_path else source, rate=rate, loop=loop)
