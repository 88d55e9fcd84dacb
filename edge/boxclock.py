"""What time it is, and whether this box knows it.

Rules:
1. The time is unknown until the kernel calls its clock synchronised (`edge.health`), or the server has said what time it
   is in an answer that took less than `ANSWER_S`. A clock that runs is no clock that is right: a box without a battery
   wakes up in the past.
2. Once known it stays known while the machine runs, counted on by the kernel's own seconds, whatever the network does.
3. From then on the wall clock is followed only while the kernel calls it synchronised: who sets it by hand (the kernel
   then says unsynchronised) moves nothing here.
4. The machine's own seconds are those since it started, sleep included: a machine that slept has not stopped time.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from contract.names import TimeQuality

log = logging.getLogger("parvis.edge")

# A wall clock that moved this much against the machine's seconds was set, not slewed.
STEP_S: Final = 1.0
CHECK_S: Final = 10.0
# Half of it is how wrong the server's time can be when it arrives.
ANSWER_S: Final = 2.0
SKEW_S: Final = 5.0  # from which it is told
OLDEST: Final = datetime(
    2024, 1, 1, tzinfo=UTC
).timestamp()  # Parvis is younger; a server that says so is unset itself
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")

Change = Literal["none", "known", "moved"]


@dataclass(frozen=True, slots=True)
class Clocks:
    """The machine's clocks, seconds; tests replace them. ``uptime`` counts from its start, asleep or not."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    uptime: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)


class BoxClock:
    """The one clock of a running box.

    ``boot`` names this start of the machine (where nothing does, this start of the process). ``started`` is the Unix time
    at which the machine started, None while unknown. ``skew_s`` is how far this box is behind the server, seconds, by the
    latest answer; None before the first.

    Args:
        kernel: whether the kernel calls the wall clock synchronised.
        trusted: the wall clock is right, whatever the kernel says.
        clocks: the machine's clocks.
        boot: the name of this start; None asks the kernel.
    """

    def __init__(
        self,
        kernel: Callable[[], TimeQuality],
        *,
        trusted: bool = False,
        clocks: Clocks | None = None,
        boot: str | None = None,
    ) -> None:
        self._kernel: Callable[[], TimeQuality] = (lambda: "synced") if trusted else kernel
        self._clocks = clocks or Clocks()
        self.boot = boot or _boot_id()
        self.started: float | None = None
        self.skew_s: float | None = None
        self._asleep = self._clocks.uptime() - self._clocks.monotonic()
        self._said: float | None = None
        self._due, self._wall, self._told = float("-inf"), self.by_wall, 0.0
        self.look()

    @property
    def known(self) -> bool:
        """Whether the time is known."""
        return self.started is not None

    @property
    def quality(self) -> TimeQuality:
        """The same in the words of the wire."""
        return "synced" if self.known else "unsynced"

    @property
    def anchor(self) -> float:
        """What the clock reads at monotonic zero: Unix seconds once known, else seconds since the machine started."""
        return self._asleep + (self.started or 0.0)

    @property
    def machine(self) -> float:
        """How many seconds the machine had run (and slept since) at monotonic zero."""
        return self._asleep

    @property
    def by_wall(self) -> float:
        """When the machine started, by the wall clock as it is: Unix seconds, and anything while nobody has set it."""
        return self._clocks.wall() - self._clocks.uptime()

    def uptime(self) -> float:
        """Seconds since the machine started."""
        return self._clocks.uptime()

    def unix(self) -> float:
        """The time, Unix seconds: as known, or what the wall clock says."""
        return self._clocks.uptime() + (self.by_wall if self.started is None else self.started)

    def utc(self) -> datetime:
        """The same, to the second."""
        return datetime.fromtimestamp(int(max(0.0, self.unix())), UTC)

    def look(self) -> Change:
        """Look at the clocks: ``known`` once the time became known, ``moved`` when it has to be counted anew."""
        changes: Change = "none"
        asleep = self._clocks.uptime() - self._clocks.monotonic()
        if abs(asleep - self._asleep) >= STEP_S:
            log.warning("this machine slept for %.0f s", asleep - self._asleep)
            self._asleep, changes = asleep, "moved"
        wall, now = self.by_wall, self._clocks.monotonic()
        asked = now >= self._due or abs(wall - self._wall) >= STEP_S
        if asked:
            self._due, self._wall = now + CHECK_S, wall
        if self.started is None:
            return self._learn(asked and self._kernel() == "synced") or changes
        moved = wall - self.started
        if asked and abs(moved) >= STEP_S and self._kernel() == "synced":
            log.warning("the clock was put right by %+.1f s; the intervals follow it", moved)
            self.started, changes = self.by_wall, "moved"
        return changes

    def server_said(self, unix: float, sent: float, received: float) -> None:
        """An answer of the server told the time; ``sent`` and ``received`` are monotonic. From any thread."""
        if not 0 <= received - sent <= ANSWER_S or not OLDEST <= unix < 2**33:
            return
        self._said = unix - (sent + received) / 2 - self._asleep
        self.skew_s = self._said - (self.by_wall if self.started is None else self.started)
        if abs(self.skew_s - self._told) >= SKEW_S:
            self._told = self.skew_s
            log.warning("this box's clock is %+.1f s off the server's", -self.skew_s)

    def _learn(self, synced: bool) -> Change | None:
        if synced:
            self.started, source = self.by_wall, "the network's time service"
        elif self._said is not None:
            self.started, source = self._said, "the server"
        else:
            return None
        log.info("the time is known, from %s", source)
        return "known"


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text("ascii").strip() or secrets.token_hex(16)
    except OSError:
        return secrets.token_hex(16)
