"""How often and how closely the box looks, when it is hot or has too much to do.

Rules:
1. A ladder of rungs, from what is configured down to `LEAST_FPS` frames a second and a smaller input: no further than
   the counting error is published for (docs/counting-error.md, docs/saving.md).
2. Down: a rung when it is hot or throttled, then one every `STEP_S` while that lasts; and one when the work has not
   fitted into the time for `OVERLOAD_S`.
3. Back: one rung after `CALM_S` in which it was cool and the work of the next rung would have fitted with room to
   spare. Who has to go down again soon after waits twice as long the next time.
4. What cannot be measured (None) says nothing.

Time, heat and load come as values; nothing here reads a clock or a sensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Reason = Literal["heat", "load"]

LEAST_FPS: Final = 2.5
# A Raspberry Pi slows itself down from 80 degrees Celsius on.
HOT_C: Final = 80.0
COOL_C: Final = 72.0
STEP_S: Final = 30.0
OVERLOAD_S: Final = 30.0
CALM_S: Final = 120.0
LONGEST_CALM_S: Final = 3600.0
RELAPSE_S: Final = 600.0
FULL: Final = 1.0  # seconds of work a second
SPARE: Final = 0.8
_SLACK_S: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Rung:
    """At most ``fps`` frames a second of each camera (None: as configured); ``size``: share of the input's side."""

    fps: float | None = None
    size: float = 1.0


RUNGS: Final = (Rung(), Rung(5.0), Rung(LEAST_FPS), Rung(LEAST_FPS, 0.55))


def ladder(rates: Sequence[float], *, resizable: bool) -> tuple[Rung, ...]:
    """The rungs that change anything for cameras of these rates; ``resizable``: the model takes other input sizes."""
    rungs = [Rung()]
    for rung in RUNGS[1:]:
        size = rung.size if resizable else 1.0
        fps = rung.fps if rung.fps is not None and rung.fps < max(rates) else None
        if Rung(fps, size) != rungs[-1]:
            rungs.append(Rung(fps, size))
    return tuple(rungs)


class Pace:
    """The rung the box stands on. ``level`` is 0 at full pace; ``reason`` says why it went down last."""

    def __init__(self, rungs: Sequence[Rung], rates: Sequence[float]) -> None:
        self._rungs, self._rates = tuple(rungs), tuple(rates)
        self.level = 0
        self.reason: Reason | None = None
        self._moved_at = self._rose_at = float("-inf")
        self._overloaded_since: float | None = None
        self._calm_since: float | None = None
        self._calm_s = CALM_S

    @property
    def rung(self) -> Rung:
        """Where it stands."""
        return self._rungs[self.level]

    @property
    def reduced(self) -> bool:
        """Whether it looks less often or less closely than configured."""
        return self.level > 0

    def observe(
        self, at: float, *, temperature_c: float | None, throttled: bool | None, load: float | None
    ) -> bool:
        """The state at ``at``, in order of time; whether the rung changed.

        ``temperature_c`` of the processor, degrees Celsius; ``load``: seconds of work that the frames of one second
        ask for at the present rung, above 1 when not all of them can be counted.
        """
        hot = bool(throttled) or (temperature_c is not None and temperature_c >= HOT_C)
        cool = not throttled and (temperature_c is None or temperature_c <= COOL_C)
        overloaded = load is not None and load > FULL
        if not overloaded:
            self._overloaded_since = None
        elif self._overloaded_since is None:
            self._overloaded_since = at
        if hot and at - self._moved_at >= STEP_S - _SLACK_S:
            return self._down(at, "heat")
        if self._overloaded_since is not None and at - self._overloaded_since >= OVERLOAD_S - _SLACK_S:
            return self._down(at, "load")
        if not self.reduced or not cool or overloaded or not self._would_fit(load):
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = at
        elif at - self._calm_since >= self._calm_s - _SLACK_S:
            return self._up(at)
        return False

    def _down(self, at: float, reason: Reason) -> bool:
        self._calm_since = self._overloaded_since = None
        if self.level + 1 >= len(self._rungs):
            return False
        relapse = at - self._rose_at < RELAPSE_S
        self._calm_s = min(2 * self._calm_s, LONGEST_CALM_S) if relapse else CALM_S
        self.level, self.reason, self._moved_at = self.level + 1, reason, at
        return True

    def _up(self, at: float) -> bool:
        self.level -= 1
        self._calm_since, self._moved_at, self._rose_at = None, at, at
        self.reason = self.reason if self.reduced else None
        return True

    def _would_fit(self, load: float | None) -> bool:
        if load is None:
            return True
        more = self._work(self._rungs[self.level - 1]) / self._work(self.rung)
        return load * more <= SPARE

    def _work(self, rung: Rung) -> float:
        """The work of a rung in arbitrary units: frames a second times the input's area."""
        frames = sum(rate if rung.fps is None else min(rate, rung.fps) for rate in self._rates)
        return frames * rung.size**2
