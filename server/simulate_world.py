"""The weather, the light and the calendar that all sites of the invented town share, slot by slot. Pure.

Rain comes by the day and within it by spells; temperature follows the year and wanders. None of it is a record of any
real weather.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

HOUR_S: Final = 3600
Array = np.ndarray[Any, np.dtype[Any]]
_LATITUDE: Final = np.radians(47.6)


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """The days on which people behave otherwise, as local dates."""

    public: Collection[date] = ()
    school: Collection[date] = ()


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Every array has one value a slot, (N,).

    Args:
        start: the first slot's start, seconds since 1970, UTC.
        step: seconds of a slot.
        starts: the slots' starts.
        hour: local time of day in the middle of the slot, hours.
        weekday: Monday 0; a public holiday stays what it is.
        day: number of the local day, from 0 on.
        public, school: whether it is such a day.
        warm: -1 in the coldest part of the year to 1 in the warmest.
        celsius: air temperature.
        rain: 0 none to 1 pouring.
        light: whether the sun is up.
        bustle: what the town's day is worth, about 1; the same for all its sites.
    """

    start: int
    step: int
    starts: Array
    hour: Array
    weekday: Array
    day: Array
    public: Array
    school: Array
    warm: Array
    celsius: Array
    rain: Array
    light: Array
    bustle: Array

    def __len__(self) -> int:
        return len(self.starts)


def _local(starts: Array, tz: ZoneInfo) -> Array:
    """Local seconds since 1970 of UTC ones; the offset is asked for once an hour."""
    hours, index = np.unique(starts // HOUR_S, return_inverse=True)
    offsets = [
        int(datetime.fromtimestamp(int(hour) * HOUR_S, UTC).astimezone(tz).utcoffset().total_seconds())  # type: ignore[union-attr]
        for hour in hours
    ]
    return np.asarray(starts + np.array(offsets)[index])


def _rain(rng: np.random.Generator, days: int, warm_of_day: Array, seconds: Array, day: Array) -> Array:
    """Rain by slot: a wet day begets a wet one, and on a wet day it rains in spells."""
    wet = np.zeros(days, bool)
    draws = rng.random(days)
    for number in range(days):
        after_wet = number > 0 and bool(wet[number - 1])
        wet[number] = draws[number] < (0.55 if after_wet else 0.22) - 0.06 * warm_of_day[number]
    spells = rng.random((days, 24)) < 0.3
    strength = rng.gamma(2.0, 0.28, (days, 24)).clip(0, 1)
    hour = (seconds % 86400 // HOUR_S).astype(int)
    return np.asarray(np.where(wet[day] & spells[day, hour], strength[day, hour], 0.0))


def _sun(of_year: Array, hour: Array) -> Array:
    """Whether the sun is up: its declination and hour angle; local noon is taken for 13:00, which is near enough."""
    declination = np.radians(-23.44) * np.cos(2 * np.pi * (of_year + 10) / 365.25)
    angle = np.radians(15 * (hour - 13.0))
    height = np.sin(_LATITUDE) * np.sin(declination) + np.cos(_LATITUDE) * np.cos(declination) * np.cos(angle)
    return np.asarray(height > np.sin(np.radians(-4)))


def world(start: int, end: int, step: int, tz: ZoneInfo, calendar: Calendar, seed: int) -> World:
    """Everything that the sites share over ``[start, end)``, whole slots."""
    rng = np.random.default_rng([seed, 2])
    starts = np.arange(start, end, step, dtype=np.int64)
    local = _local(starts, tz)
    ordinal = local // 86400
    day = (ordinal - ordinal[0]).astype(int)
    days = int(day[-1]) + 1
    dates = [date.fromordinal(int(ordinal[0]) + 719163 + number) for number in range(days)]
    of_year = np.array([one.timetuple().tm_yday for one in dates])
    warm = -np.cos(2 * np.pi * (of_year - 20) / 365.25)
    wander = np.zeros(days)
    shocks = rng.normal(0, 2.0, days)
    for number in range(1, days):
        wander[number] = 0.7 * wander[number - 1] + shocks[number]
    hour = (local % 86400 + step / 2) / HOUR_S
    celsius = (12 + 8 * warm + wander)[day] + 4 * np.sin(2 * np.pi * (hour - 9.5) / 24)
    return World(
        start=start,
        step=step,
        starts=starts,
        hour=hour,
        weekday=np.array([one.weekday() for one in dates])[day],
        day=day,
        public=np.array([one in calendar.public for one in dates])[day],
        school=np.array([one in calendar.school for one in dates])[day],
        warm=warm[day],
        celsius=celsius,
        rain=_rain(rng, days, warm, local, day),
        light=_sun(of_year[day], hour),
        bustle=rng.lognormal(0, 0.09, days)[day],
    )
