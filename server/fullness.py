"""How long a place was nearly full or full, and how often its bays turned over. Pure.

Rules:
1. An interval counts with its observed seconds, whole or not at all: full is one whose time-weighted mean occupancy is
   at least that share of the capacity, of all classes that its zone counts together. Shorter intervals therefore find
   more of a short crowd. The store decides it when an interval arrives (`server.store.hours`).
2. What was not observed is neither full nor free: the share is of the observed time whose capacity is known.
3. The capacity is the one its box had then: a zone that was given another is judged by each in its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from server.reports import Bin, Row

NEARLY: Final = 0.85
FULL: Final = 1.0
# A sum of milliseconds over a sum of milliseconds: what is full on paper shall be full.
TINY: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Fullness:
    """Seconds at ``NEARLY`` of the capacity or more, and at ``FULL``, of the ``sized_s`` that were observed."""

    nearly_s: float
    full_s: float
    sized_s: float

    @property
    def nearly_share(self) -> float | None:
        """Of the observed time; None without any."""
        return self.nearly_s / self.sized_s if self.sized_s else None

    @property
    def full_share(self) -> float | None:
        """Of the observed time; None without any."""
        return self.full_s / self.sized_s if self.sized_s else None


def fullness(rows: Iterable[Row]) -> Fullness:
    """Of any sums of one place."""
    nearly = full = sized = 0.0
    for row in rows:
        nearly, full, sized = nearly + row.nearly_s, full + row.full_s, sized + row.sized_s
    return Fullness(round(nearly, 3), round(full, 3), round(sized, 3))


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
