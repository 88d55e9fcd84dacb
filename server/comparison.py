"""Before and after: what changed between two periods of one place, and whether the days say so. Pure.

Rules:
1. Weekdays are compared with the same weekdays, each weighing the same: a period with one more Saturday than the other
   is not busier for it.
2. A day counts from ``LEAST_COVERAGE`` on, scaled to nothing: its mean is over what was seen of it, its flows are per
   observed hour.
3. The interval covers chance between days (`server.chance`), not the counting error. It comes of how days of one
   weekday differ within a period; where there are too few of them, as when two weeks are compared, of how the
   weekdays differ in their change.
4. Too few days is a refusal with its reason, never a figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, variance
from typing import Final, Literal
from zoneinfo import ZoneInfo

from server.chance import LEAST_DAYS, interval_of
from server.reports import Bin

Measure = Literal["mean", "rate", "entries", "exits"]
LEAST_COVERAGE: Final = 0.5
_LEAST_FREEDOM: Final = 3


@dataclass(frozen=True, slots=True)
class Effect:
    """``before`` and ``after`` are means over the weekdays both periods have (``weekdays``, Monday is 0); ``change`` is
    after minus before with its 95 % ``interval``, ``relative`` the same as a share of before, None where that is 0.

    ``days`` of each period that were used, and ``left_out`` those seen too little or of a weekday the other has not.
    """

    measure: Measure
    before: float
    after: float
    change: float
    interval: tuple[float, float]
    relative: float | None
    weekdays: tuple[int, ...]
    days: tuple[int, int]
    left_out: tuple[int, int]

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out no change."""
        low, high = self.interval
        return low > 0 or high < 0


@dataclass(frozen=True, slots=True)
class NoComparison:
    """Why two periods cannot be compared: which of them, and how many usable days it has of the least number."""

    period: Literal["before", "after", "both"]
    days: int
    least: int = LEAST_DAYS


def value_of(day: Bin, measure: Measure) -> float | None:
    """A day's figure, None where it was not seen enough; flows are per observed hour."""
    if day.coverage < LEAST_COVERAGE:
        return None
    if measure == "mean":
        return day.mean
    if measure == "rate":
        return day.rate
    count = day.entries if measure == "entries" else day.exits
    return None if count is None or not day.observed_s else count / day.observed_s * 3600


def by_weekday(days: Iterable[Bin], measure: Measure, tz: ZoneInfo) -> dict[int, list[float]]:
    """The usable days' figures by local weekday, Monday is 0."""
    found: dict[int, list[float]] = {}
    for day in days:
        value = value_of(day, measure)
        if value is not None:
            found.setdefault(datetime.fromtimestamp(day.start, tz).weekday(), []).append(value)
    return found


def compare(
    before: Sequence[Bin], after: Sequence[Bin], measure: Measure, tz: ZoneInfo
) -> Effect | NoComparison:
    """The change of one measure between two periods given as daily bins."""
    first, second = by_weekday(before, measure, tz), by_weekday(after, measure, tz)
    for name, found in (("before", first), ("after", second)):
        usable = sum(map(len, found.values()))
        if usable < LEAST_DAYS:
            return NoComparison("before" if name == "before" else "after", usable)
    shared = sorted(first.keys() & second.keys())
    used = [sum(len(own[kind]) for kind in shared) for own in (first, second)]
    if min(used) < LEAST_DAYS:
        return NoComparison("both", min(used))
    first, second = ({kind: own[kind] for kind in shared} for own in (first, second))
    was, now = _mean(first), _mean(second)
    spread = _spread(first, second)
    if spread is None:
        return NoComparison("both", min(used))
    return Effect(
        measure=measure,
        before=was,
        after=now,
        change=now - was,
        interval=interval_of(now - was, *spread),
        relative=(now - was) / was if was > 0 else None,
        weekdays=tuple(shared),
        days=(used[0], used[1]),
        left_out=(len(before) - used[0], len(after) - used[1]),
    )


def _mean(by_kind: Mapping[int, Sequence[float]]) -> float:
    return fmean(fmean(days) for days in by_kind.values())


def _spread(
    first: Mapping[int, Sequence[float]], second: Mapping[int, Sequence[float]]
) -> tuple[float, float] | None:
    """The standard error of the change and its degrees of freedom; None where nothing tells it."""
    kinds, within, freedoms = len(first), 0.0, []
    for own in (first, second):
        freedom = sum(len(days) - 1 for days in own.values())
        freedoms.append(freedom)
        if freedom:
            squares = sum(variance(days) * (len(days) - 1) for days in own.values() if len(days) > 1)
            within += squares / freedom * sum(1 / len(days) for days in own.values()) / kinds**2
    if min(freedoms) >= _LEAST_FREEDOM:
        return math.sqrt(within), min(freedoms)
    if kinds < LEAST_DAYS:
        return None
    return math.sqrt(variance([fmean(second[k]) - fmean(first[k]) for k in first]) / kinds), kinds - 1
