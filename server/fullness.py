"""How long a place was nearly full or full, and how often its bays turned over. Pure.

Rules:
1. An interval counts with its observed seconds, whole or not at all: full is one whose time-weighted mean occupancy is
   at least that share of the capacity. Shorter intervals therefore find more of a short crowd: the interval is named
   beside the figure.
2. What was not observed is neither full nor free: the share is of the observed time.
3. Vehicles in a car park over its capacity (double parking) are full, and told as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from contract.names import ClassGroup
from server.reports import Bin, Kind, Row, finish, sums_of

NEARLY: Final = 0.85
FULL: Final = 1.0
# A sum of milliseconds over a sum of milliseconds: what is full on paper shall be full.
_TINY: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Fullness:
    """Seconds at ``NEARLY`` of the capacity or more, and at ``FULL``, of ``observed_s``; ``interval_s`` the longest."""

    nearly_s: float
    full_s: float
    observed_s: float
    interval_s: int

    @property
    def nearly_share(self) -> float | None:
        """Of the observed time; None without any."""
        return self.nearly_s / self.observed_s if self.observed_s else None

    @property
    def full_share(self) -> float | None:
        """Of the observed time; None without any."""
        return self.full_s / self.observed_s if self.observed_s else None


def fullness(rows: Iterable[Row], kind: Kind, group: ClassGroup, capacity: int | None) -> Fullness | None:
    """Of single intervals; None for a place without a capacity (or a line)."""
    if kind == "line" or (kind == "zone" and not capacity):
        return None
    nearly = full = observed = 0.0
    longest = 0
    for row in rows:
        one = finish(
            sums_of(row, kind, group),
            row.start,
            row.start + row.interval_s,
            row.start + row.interval_s,
            kind,
            capacity,
        )
        longest = max(longest, row.interval_s)
        if one.rate is None:
            continue
        observed += one.observed_s
        nearly += one.observed_s if one.rate >= NEARLY - _TINY else 0.0
        full += one.observed_s if one.rate >= FULL - _TINY else 0.0
    return Fullness(round(nearly, 3), round(full, 3), round(observed, 3), longest)


def turnover(days: Sequence[Bin], bays: int) -> float | None:
    """Different vehicles per bay and day: arrivals per observed day and bay; None where nothing was observed.

    Arrivals are scaled by what was observed, so that a gap of the camera is no quiet day.

    Raises:
        ValueError: for no bay.
    """
    if bays < 1:
        raise ValueError(f"a car park must have bays (got {bays})")
    observed_s = sum(day.observed_s for day in days)
    if observed_s <= 0:
        return None
    return sum(day.entries or 0 for day in days) / (observed_s / 86400) / bays
