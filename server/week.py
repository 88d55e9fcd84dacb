"""The usual week of a place: what each hour of each weekday was like. Pure.

Rule: hours are pooled by their observed seconds, so an hour seen for ten minutes weighs a sixth of a whole one; what
nobody observed is None and weighs nothing. Hours are local: the hour that a change of the clock repeats is met twice in
one cell, the one that it leaves out not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from server.reports import Bin

HOURS: Final = 24
WEEKDAYS: Final = 7
_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Cell:
    """One hour of one weekday. None where nothing was observed, or where the place has no such figure.

    ``mean`` objects or occupied bays; ``rate`` of the capacity, 0..1; ``entries`` and ``exits`` per hour observed;
    ``peak`` the highest met; ``coverage`` 0..1 of the time that had elapsed; ``days`` on how many it was observed.
    """

    mean: float | None
    rate: float | None
    peak: int | None
    entries: float | None
    exits: float | None
    coverage: float
    days: int


@dataclass(slots=True)
class _Pool:
    elapsed_s: float = 0.0
    observed_s: float = 0.0
    mean_s: float = 0.0
    rate_s: float = 0.0
    weight_s: float = 0.0
    rate_weight_s: float = 0.0
    entries: int = 0
    exits: int = 0
    peak: int | None = None
    days: int = 0

    def add(self, one: Bin) -> None:
        # A bin of the running hour has not elapsed whole: its coverage says how much of what has.
        self.elapsed_s += one.observed_s / one.coverage if one.coverage > 0 else one.end - one.start
        if one.observed_s <= 0:
            return
        self.observed_s += one.observed_s
        self.days += 1
        self.entries += one.entries or 0
        self.exits += one.exits or 0
        if one.mean is not None:
            self.mean_s += one.mean * one.observed_s
            self.weight_s += one.observed_s
        if one.rate is not None:
            self.rate_s += one.rate * one.observed_s
            self.rate_weight_s += one.observed_s
        if one.peak is not None:
            self.peak = max(self.peak or 0, one.peak)

    def cell(self) -> Cell:
        seen = self.observed_s > 0
        return Cell(
            mean=self.mean_s / self.weight_s if self.weight_s else None,
            rate=self.rate_s / self.rate_weight_s if self.rate_weight_s else None,
            peak=self.peak,
            entries=self.entries / self.observed_s * _HOUR_S if seen else None,
            exits=self.exits / self.observed_s * _HOUR_S if seen else None,
            coverage=min(1.0, self.observed_s / self.elapsed_s) if self.elapsed_s else 0.0,
            days=self.days,
        )


def usual_week(hours: Iterable[Bin], tz: ZoneInfo) -> tuple[tuple[Cell, ...], ...]:
    """Seven weekdays (Monday first) of 24 local hours.

    Args:
        hours: bins of at most an hour that do not cross a local full hour.
        tz: the site's time zone.

    Raises:
        ValueError: for a bin longer than an hour.
    """
    pools = [[_Pool() for _ in range(HOURS)] for _ in range(WEEKDAYS)]
    for one in hours:
        if one.end - one.start > _HOUR_S:
            raise ValueError(f"bins must last an hour at most (got {one.end - one.start} s)")
        local = datetime.fromtimestamp(one.start, tz)
        pools[local.weekday()][local.hour].add(one)
    return tuple(tuple(pool.cell() for pool in day) for day in pools)
