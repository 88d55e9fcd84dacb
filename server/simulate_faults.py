"""What goes wrong in the invented town: cameras away or covered, boxes without power, net or clock. Pure.

Rule: every site has its share by chance, and each sort of trouble comes to at least one of the first eight sites, so
that a small town shows them all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from server.simulate_world import Array, World

Trouble = Literal["lost", "covered", "frozen", "moved", "power", "offline", "clock", "reinstalled"]
# How often a month, and how long: median and widest, hours.
TROUBLES: Final[dict[Trouble, tuple[float, float, float]]] = {
    "lost": (0.5, 3, 30),
    "covered": (0.15, 9, 40),
    "frozen": (0.12, 2, 12),
    "moved": (0.08, 26, 80),
    "power": (0.2, 4, 30),
    "offline": (0.3, 20, 96),
    "clock": (0.05, 2, 6),
    "reinstalled": (0.04, 1.5, 3),
}
ORDER: Final[tuple[Trouble, ...]] = tuple(TROUBLES)
MONTH_S: Final = 30.4 * 86400
# What is wrong with which site as the series ends, and for how many hours: a fleet in which all is well is not one.
_AT_THE_END: Final[dict[int, tuple[Trouble, int]]] = {3: ("covered", 3), 5: ("offline", 15), 7: ("lost", 2)}
BLIND: Final = ("lost", "covered", "frozen", "moved")


@dataclass(slots=True, eq=False)
class Faults:
    """What the box of one site suffered; arrays are (N,) over the world's slots.

    Args:
        blind: name of the flag that blinds the camera in a slot, "" where it sees.
        dark, degraded: share of the slot under these flags, 0 to 1.
        off: no record is made: no power, or not installed.
        unsynced: the box did not know the time.
        layout: 0 until the box is installed anew, then 1, …
        runs: slots with which a new run of the box begins, ascending from 0.
        offline: spans of slots whose records arrive when the span ends; N: not yet.
    """

    blind: Array
    dark: Array
    degraded: Array
    off: Array
    unsynced: Array
    layout: Array
    runs: list[int] = field(default_factory=lambda: [0])
    offline: list[tuple[int, int]] = field(default_factory=list)


def _spans(
    rng: np.random.Generator, world: World, trouble: Trouble, *, surely: bool
) -> list[tuple[int, int]]:
    """When a trouble holds, in slots, within the world and never in its first hours."""
    rate, median, widest = TROUBLES[trouble]
    count = int(rng.poisson(rate * len(world) * world.step / MONTH_S))
    found = []
    for _ in range(max(count, int(surely))):
        hours = min(widest, float(median * rng.lognormal(0, 0.7)))
        first = int(rng.uniform(0.03, 0.97) * len(world))
        found.append((first, min(len(world), first + max(1, round(hours * 3600 / world.step)))))
    return found


def _now(world: World, number: int) -> tuple[Trouble, int] | None:
    """What is wrong as the series ends."""
    if len(world) * world.step <= 30 * 3600:
        return None
    return _AT_THE_END.get(number)


def faults(world: World, number: int, seed: int) -> Faults:
    """The troubles of the site of that number."""
    rng = np.random.default_rng([seed, 3, number])
    size = len(world)
    # The lamps of every third site are poor; rain spoils the picture of every fourth.
    dim = float(rng.uniform(0.7, 1.0)) if number % 3 == 1 else 0.0
    wet = 0.5 if number % 4 == 2 else 0.0
    found = Faults(
        blind=np.full(size, "", "U8"),
        dark=np.where(world.light, 0.0, dim),
        degraded=(wet * world.rain).clip(0, 1),
        off=np.zeros(size, bool),
        unsynced=np.zeros(size, bool),
        layout=np.zeros(size, int),
    )
    for index, trouble in enumerate(ORDER):
        for first, last in _spans(rng, world, trouble, surely=index == number % len(ORDER)):
            _suffer(found, trouble, first, last)
    now = _now(world, number)
    if now is not None:
        _suffer(found, now[0], size - now[1] * 3600 // world.step, size)
    found.runs = sorted(set(found.runs))
    return found


def _suffer(found: Faults, trouble: Trouble, first: int, last: int) -> None:
    if trouble in BLIND:
        found.blind[first:last] = trouble
        return
    if trouble == "offline":
        found.offline.append((first, last))
        return
    if trouble == "clock":
        found.unsynced[first:last] = True
        found.runs.append(first)
        return
    found.off[first:last] = True
    if last < len(found.off):
        found.runs.append(last)
    if trouble == "reinstalled":
        found.layout[last:] += 1
