"""Public holidays of France and school holidays of its academic zones, from the package `holidays`.

What it knows, and until when:
- public holidays: every year; regional ones by `Region`. In Alsace and Moselle, Good Friday and 26 December.
- school holidays of zones A, B and C: from the autumn of 2017 to the end of the school year 2027-2028, the last one that is
  decreed (arrêté du 7 décembre 2022; arrêté du 22 octobre 2025; arrêté du 21 juillet 2026). The package goes on computing
  later years by its rules; these are guesses and are left out here.
- Corsica and overseas: none; the planner enters or imports them (`server/calendar.py`, rule 3).
"""

from __future__ import annotations

import functools
from datetime import date
from typing import Final

import holidays

from server.calendar import Special
from server.sites import Region, SchoolZone

SCHOOL_FIRST: Final = date(2017, 10, 21)
# The day before the first decree that is not out yet would begin.
SCHOOL_LAST: Final = date(2028, 8, 31)
_SUBDIVISION: Final[dict[Region, str | None]] = {
    "": None,
    "alsace-moselle": "6AE",
    "971": "971",
    "972": "972",
    "973": "973",
    "974": "974",
    "976": "976",
}


def school_days_known(zone: SchoolZone) -> tuple[date, date] | None:
    """First and last day for which official school holidays are known here; None for zones without any."""
    return (SCHOOL_FIRST, SCHOOL_LAST) if zone in {"A", "B", "C"} else None


def _names(category: str, subdivision: str | None, year: int) -> dict[date, Special]:
    french, english = (
        holidays.country_holidays(
            "FR", subdiv=subdivision, years=year, categories=(category,), language=language
        )
        for language in ("fr", "en_US")
    )
    kind: Final = "school_holiday" if category == holidays.SCHOOL else "public_holiday"
    return {day: Special(kind, name, english.get(day, "")) for day, name in french.items()}


@functools.lru_cache(maxsize=256)
def _year(zone: SchoolZone, region: Region, year: int) -> tuple[tuple[date, Special], ...]:
    found = list(_names(holidays.PUBLIC, _SUBDIVISION[region], year).items())
    if school_days_known(zone) is not None:
        school = _names(holidays.SCHOOL, f"Zone {zone}", year).items()
        found += [(day, special) for day, special in school if SCHOOL_FIRST <= day <= SCHOOL_LAST]
    return tuple(sorted(found, key=lambda one: one[0]))


def official_days(zone: SchoolZone, region: Region, first: date, last: date) -> dict[date, list[Special]]:
    """Public and school holidays within ``[first, last]``; school holidays within `school_days_known` only."""
    found: dict[date, list[Special]] = {}
    for year in range(first.year, last.year + 1):
        for day, special in _year(zone, region, year):
            if first <= day <= last:
                found.setdefault(day, []).append(special)
    return found
