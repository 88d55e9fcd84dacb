"""When people come, by what they come for: a share of the busiest usual hour for each slot. Pure.

A habit is a sum of bells over the local day for each sort of day, times what season, weather, light and holidays do
to it. The numbers are invented; the shapes are those any town knows.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np

from server.simulate_town import Habit
from server.simulate_world import Array, World

# Hour of the bell, its width in hours, its height: on weekdays, on Saturdays, on Sundays and public holidays.
Bells = tuple[tuple[float, float, float], ...]
BELLS: Final[dict[Habit, tuple[Bells, Bells, Bells]]] = {
    "market": (
        ((12.6, 1.1, 0.5), (17.8, 2.0, 0.55), (10.0, 1.6, 0.25)),
        ((11.0, 1.8, 0.7), (16.0, 2.3, 0.8)),
        ((11.2, 1.5, 0.4), (16.5, 2.4, 0.4)),
    ),
    "terrace": (
        ((12.8, 0.7, 0.6), (19.5, 1.8, 0.55)),
        ((12.9, 0.9, 0.8), (20.0, 2.2, 1.0)),
        ((12.8, 1.0, 0.7), (17.5, 2.0, 0.5)),
    ),
    "shopping": (
        ((8.2, 0.6, 0.3), (12.3, 1.0, 0.55), (17.6, 1.3, 0.75)),
        ((11.2, 1.6, 0.75), (15.9, 2.0, 1.0)),
        ((11.0, 1.5, 0.3), (16.0, 2.0, 0.3)),
    ),
    "traffic": (
        ((8.1, 0.8, 0.95), (12.4, 1.0, 0.55), (17.6, 1.2, 1.0), (14.0, 4.0, 0.3)),
        ((11.0, 1.9, 0.7), (16.5, 2.4, 0.7)),
        ((11.5, 2.0, 0.45), (17.5, 2.4, 0.5)),
    ),
    "lawn": (((12.7, 0.9, 0.3), (17.2, 1.7, 0.5)), ((15.8, 2.1, 0.9),), ((15.9, 2.2, 1.0),)),
    "playground": (((10.5, 1.0, 0.15), (16.9, 0.9, 0.7)), ((10.8, 1.1, 0.4), (16.0, 1.7, 0.9)), ((10.9, 1.1, 0.4), (16.1, 1.8, 1.0))),
    "commute": (((7.7, 0.6, 1.0), (12.4, 0.9, 0.25), (17.7, 0.9, 0.95)), ((10.5, 2.0, 0.4), (18.0, 2.2, 0.4)), ((11.0, 2.0, 0.25), (18.9, 1.6, 0.6))),
    "parking": (((10.3, 1.9, 0.85), (14.9, 2.0, 0.85)), ((10.6, 1.5, 1.05), (15.6, 2.0, 1.0)), ((11.2, 1.4, 0.35), (15.8, 2.2, 0.3))),
    "brief": (((7.7, 0.7, 0.9), (17.8, 1.1, 0.9), (13.0, 3.5, 0.3)), ((10.5, 2.2, 0.5), (18.0, 2.2, 0.5)), ((11.0, 2.0, 0.3), (18.8, 1.6, 0.7))),
}  # fmt: skip
# What full rain takes away, what the warm half of the year adds, and what school holidays do.
RAIN: Final[dict[Habit, float]] = {"market": 0.45, "terrace": 0.85, "shopping": 0.35, "traffic": -0.05, "lawn": 0.9, "playground": 0.92, "commute": 0.05, "parking": -0.05, "brief": -0.15}  # fmt: skip
SEASON: Final[dict[Habit, float]] = {"market": 0.2, "terrace": 0.7, "shopping": 0.08, "traffic": -0.04, "lawn": 0.75, "playground": 0.45, "commute": -0.08, "parking": 0.03, "brief": 0.0}  # fmt: skip
SCHOOL: Final[dict[Habit, float]] = {"market": 1.12, "terrace": 1.1, "shopping": 1.1, "traffic": 0.82, "lawn": 1.2, "playground": 1.25, "commute": 0.62, "parking": 0.93, "brief": 0.7}  # fmt: skip
_OUTDOOR: Final[frozenset[Habit]] = frozenset({"lawn", "playground"})
_NIGHT: Final = 0.012


def _bell(hour: Array, at: float, width: float) -> Array:
    """A bell over the day that knows that 23:30 is near midnight."""
    away = np.abs(hour - at)
    return np.asarray(np.exp(-0.5 * (np.minimum(away, 24 - away) / width) ** 2))


def demand(world: World, habit: Habit, market: Collection[int] = ()) -> Array:
    """Expected presence, crossings or arrivals, as a share of the busiest usual hour; (N,), at least 0."""
    weekdays, saturdays, sundays = (
        _NIGHT
        + sum((height * _bell(world.hour, at, width) for at, width, height in bells), np.zeros(len(world)))
        for bells in BELLS[habit]
    )
    rest = world.public | (world.weekday == 6)
    share = np.where(rest, sundays, np.where(world.weekday == 5, saturdays, weekdays))
    if habit == "playground":
        # No school on Wednesday afternoons.
        free = (world.weekday == 2) & ~rest
        share = share + np.where(free, 0.6 * _bell(world.hour, 15.5, 1.5), 0.0)
    share = share * np.where(world.school & ~rest, SCHOOL[habit], 1.0)
    share = share * (1 + SEASON[habit] * world.warm).clip(0.08) * (1 - RAIN[habit] * world.rain)
    if habit in _OUTDOOR:
        share = share * np.where(world.light, 1.0, 0.06) * (1 + 0.025 * (world.celsius - 14)).clip(0.2, 1.5)
    if market and habit in {"market", "shopping", "parking"}:
        stalls = np.isin(world.weekday, list(market)) * _bell(world.hour, 10.6, 1.35)
        share = share + {"market": 1.9, "shopping": 0.8, "parking": 0.5}[habit] * stalls * (
            1 - 0.3 * world.rain
        )
    return np.asarray(share * world.bustle)
