"""The real series as histories: car parks of Birmingham, bicycles on the Fremont bridge. Neither is part of the project.

Birmingham City Council, occupancy of 30 car parks (UCI 482), 4 October to 19 December 2016, every half hour from 8:00 to
16:30; a count below 0 is a fault and becomes a gap, so do times with no row. Seattle Department of Transportation, both
sidewalks of the Fremont bridge by the hour, from 3 October 2012; an hour with no count is a gap, the hour that comes
twice in autumn holds the mean of both.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import holidays
import numpy as np

from server.forecast import PUBLIC_HOLIDAY
from server.kriging import Array

BIRMINGHAM: Final = "birmingham_parking.csv"
FREMONT: Final = "fremont_bridge_hourly.csv"
OPENS_MIN, SLOT_MIN, SLOTS = 480, 30, 18
# Autumn half-term and the first week of the Christmas holidays of English schools, weekdays.
SCHOOL_HOLIDAYS: Final = tuple(
    first + timedelta(days=k) for first in (date(2016, 10, 24), date(2016, 12, 19)) for k in range(5)
)

Seen = dict[tuple[date, int], list[float]]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One zone: ``values`` (D, S) from ``first`` on, NaN in gaps, and what `server.forecast.History` asks for."""

    name: str
    first: date
    values: Array
    slot_min: int
    opens_min: int
    labels: Mapping[date, str]
    capacity: float | None


def birmingham(path: Path) -> list[Series]:
    """All 30 car parks, in the order of the file."""
    seen: dict[str, Seen] = defaultdict(lambda: defaultdict(list))
    capacity: dict[str, float] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["LastUpdated"])
            slot = round((at.hour * 60 + at.minute - OPENS_MIN) / SLOT_MIN)
            name, count = row["SystemCodeNumber"], float(row["Occupancy"])
            capacity[name] = float(row["Capacity"])
            if 0 <= slot < SLOTS and count >= 0:
                seen[name][at.date(), slot].append(count)
    public = holidays.country_holidays("GB", subdiv="ENG", years=[2016, 2017])
    labels = dict.fromkeys(SCHOOL_HOLIDAYS, "school_holiday") | dict.fromkeys(public, PUBLIC_HOLIDAY)
    return [
        Series(name, *_table(found, SLOTS), SLOT_MIN, OPENS_MIN, labels, capacity[name])
        for name, found in seen.items()
    ]


def fremont(path: Path) -> list[Series]:
    """The bridge as two zones: the first half of its days, and the second."""
    seen: Seen = defaultdict(list)
    with path.open(newline="") as file:
        for stamp, *sides in list(csv.reader(file))[1:]:
            at = datetime.strptime(stamp, "%m/%d/%Y %I:%M:%S %p")  # noqa: DTZ007 - wall clock of the bridge
            if all(sides):
                seen[at.date(), at.hour].append(sum(map(float, sides)))
    first, values = _table(seen, 24)
    public = holidays.country_holidays("US", subdiv="WA", years=range(first.year, first.year + 12))
    labels = dict.fromkeys(public, PUBLIC_HOLIDAY)
    half = len(values) // 2
    return [
        Series("bridge, first half", first, values[:half], 60, 0, labels, None),
        Series("bridge, second half", first + timedelta(days=half), values[half:], 60, 0, labels, None),
    ]


def _table(seen: Seen, slots: int) -> tuple[date, Array]:
    """The first day and the means by day and slot (D, S), NaN where nothing was seen."""
    first, last = min(day for day, _ in seen), max(day for day, _ in seen)
    values = np.full(((last - first).days + 1, slots), np.nan)
    for (day, slot), found in seen.items():
        values[(day - first).days, slot] = np.mean(found)
    return first, values


def halves(zones: Iterable[Series]) -> dict[str, list[Series]]:
    """Every other zone apart: the method was tuned on the first list, the second is what it never saw."""
    found = list(zones)
    return {"tuned on": found[::2], "not tuned on": found[1::2]}
