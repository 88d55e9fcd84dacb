"""How the box itself is: disk, heat, power, clock; and the word to systemd that it is alive.

Rules:
1. Null means that this box cannot tell. No probe raises, blocks for longer than 2 s or writes anything.
2. The clock counts as synced only when the kernel says so, or, where the kernel may not be asked, when
   systemd-timesyncd has left its mark since boot. Not knowing is unsynced: a count filed under a wrong hour is
   worse than one marked as doubtful. (chrony tells the kernel only with its ``rtcsync``, Debian's default.)
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from contract.messages import HealthBody
from contract.names import TimeQuality

_TIMEOUT_S: Final = 2.0
_STA_UNSYNC: Final = 0x40
_TIME_ERROR: Final = 5
# Under-voltage, frequency capped, throttled, soft temperature limit: now, not since boot (bits 16 to 19).
_THROTTLED_NOW: Final = 0xF


class Source(Protocol):
    """What a camera tells about itself; `edge.camera.Camera` fits."""

    state: Literal["starting", "live", "lost", "ended"]
    dropped: int
    reconnects: int

    @property
    def fps(self) -> float:
        """Frames captured per second."""
        ...


class Queue(Protocol):
    """What the spool tells about itself; `edge.spool.SpoolStats` fits."""

    @property
    def pending(self) -> int:
        """Records not yet accepted."""
        ...

    @property
    def oldest_at(self) -> float | None:
        """Unix seconds at which the oldest of them was appended."""
        ...

    @property
    def dead_letters(self) -> int:
        """Records refused by the server."""
        ...

    @property
    def last_acknowledged(self) -> datetime | None:
        """End of the latest interval accepted."""
        ...


class HealthProbe:
    """Reads the state of this machine.

    Args:
        folder: where the box keeps its data; its disk is the one that matters.
        root: the root of the file system, replaced by tests.
        vcgencmd: the Raspberry Pi's firmware tool; None where there is none.
        kernel_clock: whether the kernel calls its clock synchronised; None when it may not be asked.
    """

    def __init__(
        self,
        folder: Path,
        *,
        root: Path = Path("/"),
        vcgencmd: str | None = shutil.which("vcgencmd"),
        kernel_clock: Callable[[], bool | None] | None = None,
    ) -> None:
        self._folder, self._root, self._vcgencmd = folder, root, vcgencmd
        self._kernel_clock = kernel_clock or kernel_clock_synced

    def clock(self) -> TimeQuality:
        """Whether the wall clock can be believed (rule 2)."""
        synced = self._kernel_clock()
        if synced is None:
            synced = (self._root / "run/systemd/timesync/synchronized").exists()
        return "synced" if synced else "unsynced"

    def disk_free_mb(self) -> int | None:
        """Free space for this process, in 10^6 bytes."""
        try:
            state = os.statvfs(self._folder)
        except OSError:
            return None
        return state.f_bavail * state.f_frsize // 10**6

    def temperature_c(self) -> float | None:
        """The processor's temperature, degrees Celsius."""
        return temperature_c(self._root / "sys/class/thermal")

    def boot_s(self) -> float:
        """Seconds since this machine started, asleep or awake."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def throttled(self) -> bool | None:
        """Whether heat or weak power slows the processor down now (Raspberry Pi)."""
        if self._vcgencmd is None:
            return None
        try:
            done = subprocess.run(
                [self._vcgencmd, "get_throttled"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return parse_throttled(done.stdout.decode("ascii", "replace"))

    def body(
        self,
        *,
        camera: str,
        at: datetime,
        source: Source,
        spool: Queue,
        inference_ms: float | None,
        model: str,
        software: str,
        standing: Mapping[str, Any] | None = None,
        clock: TimeQuality | None = None,
    ) -> HealthBody:
        """The health record of one camera at ``at``, a whole second in UTC; ``standing``: more of its fields."""
        age_s = None if spool.oldest_at is None else max(0.0, at.timestamp() - spool.oldest_at)
        return HealthBody(
            camera=camera,
            at=at,
            state=source.state,
            fps=round(min(source.fps, 1000.0), 2),
            frames_dropped=min(source.dropped, 10_000_000),
            reconnects=min(source.reconnects, 10_000_000),
            inference_ms=None if inference_ms is None else round(inference_ms, 2),
            spool_depth=spool.pending,
            spool_age_s=None if age_s is None else round(age_s, 1),
            dead_letters=spool.dead_letters,
            last_acknowledged=spool.last_acknowledged,
            disk_free_mb=self.disk_free_mb(),
            temperature_c=self.temperature_c(),
            throttled=self.throttled(),
            clock=clock or self.clock(),
            software=software,
            model=model,
            **(standing or {}),
        )


def temperature_c(zones: Path) -> float | None:
    """The hottest processor zone under a ``/sys/class/thermal``; the hottest of any kind if none is named so.

    Zones that cannot be read or are out of range say nothing; the ``PMIC-Die`` of a Jetson always says 100.
    """
    processor: list[float] = []
    others: list[float] = []
    for zone in sorted(zones.glob("thermal_zone*")):
        try:
            kind = (zone / "type").read_text().strip().lower()
            celsius = int((zone / "temp").read_text()) / 1000
        except (OSError, ValueError):
            continue
        if "pmic" not in kind and -40 < celsius < 150:
            (processor if re.search("cpu|soc|pkg", kind) else others).append(round(celsius, 1))
    return max(processor or others, default=None)


def parse_throttled(answer: str) -> bool | None:
    """Of ``throttled=0x50005``: whether it happens now; None for any other answer."""
    match = re.match(r"throttled=0x([0-9a-fA-F]{1,8})\s*\Z", answer)
    return None if match is None else bool(int(match[1], 16) & _THROTTLED_NOW)


class _Timex(ctypes.Structure):
    """The beginning of ``struct timex``, with room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),  # 0: read only
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 208),
    )


def kernel_clock_synced() -> bool | None:
    """Whether the kernel calls its clock synchronised, by adjtimex(2); None when it may not be asked."""
    timex = _Timex()
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR and not timex.status & _STA_UNSYNC


def notify(message: str) -> bool:
    """Tell systemd ``READY=1``, ``WATCHDOG=1``, ``STATUS=…`` or ``STOPPING=1``; False where no systemd listens.

    Never raises and never blocks: a supervisor's trouble must not stop the counting.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
            link.setblocking(False)
            # "@" is how systemd spells the zero byte of an abstract address.
            link.sendto(message.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
    except OSError:
        return False
    return True
