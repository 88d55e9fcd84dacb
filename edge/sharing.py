"""Several cameras on one processor: whose frame is next, and at what pace. Part of the composition root.

The rules are `edge.turns` and `edge.pace`; this brings them together with the cameras, the clock and the heat.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from contract.messages import Body
from edge.camera import LiveCamera
from edge.pace import Pace, ladder
from edge.station import Station
from edge.turns import Turns

log = logging.getLogger("parvis.edge")

PACE_S: Final = 10.0
# Cameras without a frame are told the time this often, so that their intervals close.
TICK_S: Final = 0.5


class Heat(Protocol):
    """What tells how hot it is; `edge.health.HealthProbe` fits."""

    def temperature_c(self) -> float | None:
        """The processor's temperature, degrees Celsius."""
        ...

    def throttled(self) -> bool | None:
        """Whether the processor is slowed down now."""
        ...


class Sharing:
    """Counts one frame at a time of the camera that has waited longest.

    ``pace`` tells how often and how closely the box looks now, for the health record.
    """

    def __init__(
        self,
        stations: Sequence[Station],
        heat: Heat,
        *,
        resizable: bool,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stations, self._heat, self._now = tuple(stations), heat, now
        rates = [station.entry.max_fps for station in stations]
        self._turns = Turns(rates)
        self.pace = Pace(ladder(rates, resizable=resizable), rates)
        self._tick_at = self._pace_at = now()
        self._work_s = [0.0] * len(self._stations)
        self._frames = [0] * len(self._stations)
        self._counted = [0] * len(self._stations)

    def step(self, timeout_s: float) -> list[Body]:
        """Wait for a frame of any camera, count it, and return what closed, with or without a frame."""
        closed = self._count_next(timeout_s)
        at = self._now()
        if at >= self._tick_at + TICK_S:
            self._tick_at = at
            for station in self._stations:
                if at - station.counted_at >= TICK_S:
                    closed += station.wait()
        if at >= self._pace_at + PACE_S:
            self.mind_pace(at)
        return closed

    def counted(self) -> list[int]:
        """Frames counted so far, camera by camera."""
        return list(self._counted)

    def mind_pace(self, at: float) -> None:
        """Look at heat and load, and step down or back."""
        load = self._load()
        self._pace_at = at
        self._work_s, self._frames = [0.0] * len(self._stations), [0] * len(self._stations)
        temperature_c, throttled = self._heat.temperature_c(), self._heat.throttled()
        before = self.pace.level
        if not self.pace.observe(at, temperature_c=temperature_c, throttled=throttled, load=load):
            return
        rung = self.pace.rung
        for number, station in enumerate(self._stations):
            self._turns.limit(number, rung.fps)
            station.at_pace(rung)
        log.warning(
            "%s: %s frames a second and %.0f %% of the input's size from now on (%s degrees, load %s)",
            f"too much {self.pace.reason}" if self.pace.level > before else "back",
            "all" if rung.fps is None else f"at most {rung.fps:g}",
            100 * rung.size,
            "unknown" if temperature_c is None else f"{temperature_c:g}",
            "unknown" if load is None else f"{load:.2f}",
        )

    def _count_next(self, timeout_s: float) -> list[Body]:
        # Under the lock, so that no frame slips in between the look and the wait.
        with LiveCamera.changed:
            at = self._now()
            for number in self._turns.order(at):
                frame = self._stations[number].camera.latest(0.0)
                if frame is not None:
                    break
            else:
                pause_s = self._turns.pause_s(at)
                LiveCamera.changed.wait(timeout_s if pause_s is None else min(timeout_s, pause_s))
                return []
        closed = self._stations[number].count(frame)
        cost_s = self._now() - at
        self._turns.served(number, at, cost_s)
        self._work_s[number] += cost_s
        self._frames[number] += 1
        self._counted[number] += 1
        return closed

    def _load(self) -> float | None:
        """Seconds of work that the frames of one second ask for; None where nothing was counted."""
        if not any(self._frames):
            return None
        limit = self.pace.rung.fps
        asked = [
            station.camera.fps if limit is None else min(station.camera.fps, limit)
            for station in self._stations
        ]
        return sum(
            fps * work_s / frames
            for fps, work_s, frames in zip(asked, self._work_s, self._frames, strict=True)
            if frames
        )
