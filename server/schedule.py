"""Which weeks and months are reported, and when each report is due. Pure: the clock is an argument.

Rules:
1. A week runs from Monday to Sunday, a month from its first day to its last, in local days.
2. A week's report is due on Monday at 07:00 local time, a month's on the first at 07:00: whatever the clock was set to.
3. A month's report waits until every place has delivered beyond its end, at most ``LATEST_S``; then it is sent as it is,
   with the coverage that it has.
4. One mail a period: what was missed while the server was down is sent once afterwards, the latest period only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

PeriodKind = Literal["week", "month"]
AT: Final = time(7)
# A box that was offline over the weekend is worth waiting for; one that is broken is not.
LATEST_S: Final = 3 * 86400
_MONTH: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_WEEK: Final = re.compile(r"(20[0-9]{2})-W(0[1-9]|[1-4][0-9]|5[0-3])")


@dataclass(frozen=True, slots=True)
class Span:
    """A week or a month: local days from ``first`` up to, and without, ``end``."""

    kind: PeriodKind
    first: date
    end: date

    @property
    def name(self) -> str:
        """``2026-W47`` or ``2026-10``."""
        if self.kind == "month":
            return f"{self.first:%Y-%m}"
        year, week, _ = self.first.isocalendar()
        return f"{year}-W{week:02d}"

    @property
    def last(self) -> date:
        """The last day."""
        return self.end - timedelta(days=1)

    @property
    def days(self) -> int:
        """How many."""
        return (self.end - self.first).days

    def bounds(self, tz: ZoneInfo) -> tuple[int, int]:
        """Start and end in seconds since 1970."""
        return midnight(self.first, tz), midnight(self.end, tz)


def midnight(day: date, tz: ZoneInfo) -> int:
    """The start of a local day in seconds since 1970."""
    return int(datetime.combine(day, time(), tz).timestamp())


def local_day(at: float, tz: ZoneInfo) -> date:
    """The local date of an instant."""
    return datetime.fromtimestamp(at, tz).date()


def span_of(kind: PeriodKind, day: date) -> Span:
    """The week or month that a day lies in."""
    if kind == "week":
        first = day - timedelta(days=day.weekday())
        return Span("week", first, first + timedelta(days=7))
    first = day.replace(day=1)
    return Span("month", first, (first + timedelta(days=31)).replace(day=1))


def before(span: Span) -> Span:
    """The period before: of a week the week before, of a month the month before."""
    return span_of(span.kind, span.first - timedelta(days=1))


def named(text: str) -> Span:
    """The period written ``2026-10`` or ``2026-W47``.

    Raises:
        ValueError: for anything else.
    """
    month, week = _MONTH.fullmatch(text), _WEEK.fullmatch(text)
    try:
        if month:
            return span_of("month", date(int(month[1]), int(month[2]), 1))
        if week:
            return span_of("week", date.fromisocalendar(int(week[1]), int(week[2]), 1))
    except ValueError as exc:
        raise ValueError(f"period: {text} is no week of that year") from exc
    raise ValueError(
        f"period must be written like 2026-10 (a month) or 2026-W47 (a week), found {text[:20]!r}"
    )


def due_at(span: Span, tz: ZoneInfo) -> int:
    """When the report of a period is due at the earliest."""
    return int(datetime.combine(span.end, AT, tz).timestamp())


def latest_due(kind: PeriodKind, now: float, tz: ZoneInfo) -> Span:
    """The last period whose report is due by now."""
    span = before(span_of(kind, local_day(now, tz)))
    return span if due_at(span, tz) <= now else before(span)


def due(
    kind: PeriodKind, done_through: date, now: float, tz: ZoneInfo, delivered_until: int | None = None
) -> Span | None:
    """The period to be sent now, or None.

    Args:
        kind: what was subscribed to.
        done_through: the end of the last period that needs no mail any more.
        now: seconds since 1970.
        tz: the local time zone.
        delivered_until: up to when every place has delivered; None where nothing is waited for.
    """
    span = latest_due(kind, now, tz)
    if span.end <= done_through:
        return None
    complete = delivered_until is None or delivered_until >= midnight(span.end, tz)
    if kind == "month" and not complete and now < midnight(span.end, tz) + LATEST_S:
        return None
    return span
