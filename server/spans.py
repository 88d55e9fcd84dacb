"""Days, weeks, months and years of the calendar, in local time. Pure.

Rules:
1. A span begins and ends at local midnights, so a day may last 23 or 25 hours and a week 167 or 169.
2. Weeks begin on Monday (ISO 8601).
3. The span before and the one after touch it: nothing is counted twice, nothing is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from server.reports import DAY, Step

Unit = Literal["day", "week", "month", "year"]
UNITS: Final[tuple[Unit, ...]] = get_args(Unit)
# A quarter of an hour where it is still kept, else an hour.
FINEST: Final[dict[Unit, Step]] = {"day": 900, "week": 3600, "month": DAY, "year": DAY}
_LATEST: Final = date(2105, 1, 1)
_EARLIEST: Final = date(1971, 1, 1)


@dataclass(frozen=True, slots=True)
class Span:
    """The local days ``[first, after)``."""

    unit: Unit
    first: date
    after: date

    def seconds(self, tz: ZoneInfo) -> tuple[int, int]:
        """Start and end in UTC seconds since 1970."""
        return midnight(self.first, tz), midnight(self.after, tz)

    def previous(self) -> Span:
        """The one that ends where this one begins."""
        return span_of(self.unit, self.first - timedelta(days=1))

    def next(self) -> Span:
        """The one that begins where this one ends."""
        return span_of(self.unit, self.after)


def midnight(day: date, tz: ZoneInfo) -> int:
    """The start of a local day, in UTC seconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=tz).timestamp())


def day_of(at: int, tz: ZoneInfo) -> date:
    """The local day of an instant."""
    return datetime.fromtimestamp(at, tz).date()


def span_of(unit: Unit, day: date) -> Span:
    """The span of this unit in which a day lies."""
    if unit == "day":
        return Span(unit, day, day + timedelta(days=1))
    if unit == "week":
        monday = day - timedelta(days=day.weekday())
        return Span(unit, monday, monday + timedelta(days=7))
    if unit == "month":
        first = day.replace(day=1)
        return Span(unit, first, (first + timedelta(days=31)).replace(day=1))
    return Span(unit, day.replace(month=1, day=1), date(day.year + 1, 1, 1))


def day_from(text: str) -> date:
    """``2026-11-22``.

    Raises:
        ValueError: for anything else, or a day outside 1971..2104.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"a day must be written like 2026-11-22 (got {text[:20]!r})") from exc
    if not _EARLIEST <= day < _LATEST:
        raise ValueError(f"a day must lie within 1971..2104 (got {day})")
    return day
