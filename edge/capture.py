"""The child process in which a live camera is read, and the memory it shares with `edge.camera`.

Rules:
1. The child is expendable. It gets its orders on stdin (an address may hold a password, and command lines and
   environments are public), writes pictures into shared memory and one line per event into a pipe: ``f`` a
   frame, ``b`` alive without one, at the end ``{"end": null}`` or ``{"fault": "why"}``.
2. The kernel confines it, not our good intentions: private memory is capped, no file can be written, no core
   dumped, and it dies with the thread that started it.
3. Pictures carry CLOCK_MONOTONIC, which all processes of a machine share.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import mmap
import os
import resource
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.decode import explain
from edge.errors import CameraError
from edge.readers import READERS
from edge.records import Frame, ImageArray

_ROOT: Final = Path(__file__).resolve().parent.parent
_SLOTS: Final = 3
_HEADER: Final = struct.Struct("<qdii")  # number (0: empty), at, width, height
_HEADER_BYTES: Final = 4096  # one page, so that pictures start on a page


class Ring:
    """Three picture slots in anonymous shared memory, each read and written under its own kernel lock.

    Kernel locks because they order memory on every processor and let go when their holder is killed. The writer
    never touches the newest slot and the reader holds one at most, so neither ever waits.
    """

    def __init__(self, fd: int, max_side_px: int) -> None:
        self.fd = fd
        self._slot_bytes = _HEADER_BYTES + max_side_px * max_side_px * 3
        self._max_side_px = max_side_px
        self._map = mmap.mmap(fd, self._slot_bytes * _SLOTS)
        self._written = 0

    @classmethod
    def create(cls, max_side_px: int) -> Ring:
        """A new one. Only pages that a picture has touched take memory."""
        fd = os.memfd_create("parvis-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, (_HEADER_BYTES + max_side_px * max_side_px * 3) * _SLOTS)
        # A child gone wrong could otherwise shrink the memory under its reader, which is a fatal signal.
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        return cls(fd, max_side_px)

    def write(self, image: ImageArray, at: float) -> None:
        """Publish a picture as the newest."""
        for slot in self._by_age()[: _SLOTS - 1]:
            if not self._lock(slot):
                continue
            try:
                start = slot * self._slot_bytes
                _HEADER.pack_into(self._map, start, 0, 0.0, 0, 0)  # killed in between: an empty slot
                np.copyto(self._pixels(slot, image.shape[1], image.shape[0]), image)
                self._written += 1
                _HEADER.pack_into(self._map, start, self._written, at, image.shape[1], image.shape[0])
            finally:
                self._unlock(slot)
            return

    def read(self, after: int) -> tuple[int, Frame] | None:
        """The newest picture and its number (> ``after``), copied out; None when there is none."""
        for slot in reversed(self._by_age()):
            if self._head(slot)[0] <= after or not self._lock(slot):
                continue
            try:
                number, at, width, height = self._head(slot)
                if number > after and 0 < width <= self._max_side_px and 0 < height <= self._max_side_px:
                    return number, Frame(self._pixels(slot, width, height).copy(), at)
            finally:
                self._unlock(slot)
        return None

    def newest(self) -> int:
        """The number of the newest picture; 0 when there is none."""
        return max(self._head(slot)[0] for slot in range(_SLOTS))

    def clear(self) -> None:
        """Forget all pictures; only while no writer lives."""
        for slot in range(_SLOTS):
            _HEADER.pack_into(self._map, slot * self._slot_bytes, 0, 0.0, 0, 0)

    def close(self) -> None:
        """Give the memory back."""
        self._map.close()
        os.close(self.fd)

    def _by_age(self) -> list[int]:
        return sorted(range(_SLOTS), key=lambda slot: self._head(slot)[0])

    def _head(self, slot: int) -> tuple[int, float, int, int]:
        number, at, width, height = _HEADER.unpack_from(self._map, slot * self._slot_bytes)
        return number, at, width, height

    def _pixels(self, slot: int, width: int, height: int) -> ImageArray:
        start = slot * self._slot_bytes + _HEADER_BYTES
        return np.frombuffer(self._map, np.uint8, width * height * 3, start).reshape(height, width, 3)

    def _lock(self, slot: int) -> bool:
        try:
            fcntl.lockf(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, slot)
        except OSError:
            return False
        return True

    def _unlock(self, slot: int) -> None:
        fcntl.lockf(self.fd, fcntl.LOCK_UN, 1, slot)


def start_child(orders: dict[str, Any], ring: Ring, pipe: int) -> subprocess.Popen[bytes]:
    """Start a capture process that writes into ``ring`` and tells of it on ``pipe`` (OSError: it cannot start)."""
    # No secrets of the box; no worker threads of numeric libraries, whose stacks count as memory.
    kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    child = subprocess.Popen(
        [sys.executable, "-B", "-m", "edge.capture"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(ring.fd, pipe),
        env=kept | {"PYTHONPATH": str(_ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
    orders = orders | {"parent": os.getpid(), "fd": ring.fd, "pipe": pipe}
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError), child.stdin as inlet:
            inlet.write(json.dumps(orders).encode())
    return child


def verdict(line: bytes) -> str | None:
    """The last line of a child: None when the source ended well, else what failed."""
    try:
        fault = json.loads(line).get("fault")
    except (ValueError, AttributeError):
        return "its capture process died"
    if isinstance(fault, str) and fault.startswith("stream_changed"):
        return f"{fault}. If that is meant, check the zones against the new picture and restart the service"
    return None if fault is None else str(fault)


def _confine(parent: int, memory_mb: int, core: int) -> None:
    """Bind this process to its parent's life and take its rights away (rule 2), and those of what it starts."""
    libc = ctypes.CDLL(None)
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        core = 0  # asking for more than one was born with is an error, and no camera would ever come up
    libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    libc.prctl(4, 0)  # PR_SET_DUMPABLE: a kernel that pipes its dumps to a program ignores the limit below
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)
    limits = (
        (resource.RLIMIT_DATA, memory_mb << 20),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, core),
    )
    for limit, value in limits:
        resource.setrlimit(limit, (value, value))


def main() -> None:
    """Deliver pictures until the source ends or fails, then say why."""
    orders = json.loads(sys.stdin.buffer.read())
    # A program started from here is dumpable again. A limit of one byte stops a dump to a program too (fs/coredump.c of
    # the kernel); a limit of nothing stops only files.
    _confine(orders["parent"], orders["memory_mb"], core=orders["kind"] == "ffmpeg")
    pipe, ring = orders["pipe"], Ring(orders["fd"], orders["max_side_px"])
    orders["wh"] = orders["wh"] and tuple(orders["wh"])

    def tell(line: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # the parent is behind; these lines only wake it
            os.write(pipe, line + b"\n")

    os.set_blocking(pipe, False)
    verdict: dict[str, str | None] = {"end": None}
    try:
        for image in READERS[orders["kind"]](orders, lambda: tell(b"b")):
            ring.write(image, time.monotonic())
            tell(b"f")
    except CameraError as exc:
        verdict = {"fault": str(exc)}
    except Exception as exc:  # whatever a hostile stream provokes ends this process only
        verdict = {"fault": explain(exc)}
    os.set_blocking(pipe, True)
    tell(json.dumps(verdict).encode())


if __name__ == "__main__":
    main()
