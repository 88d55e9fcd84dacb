"""The next 14 days of one zone: P10, P50, P90, the chance that it is full, and how good such forecasts were. Pure.

Rules:
1. A row of the history is one local day of 96, 48 or 24 wall-clock slots (or those from ``opens_min`` on). On the day of
   23 hours the missing hour is NaN; on the day of 25 hours the hour that comes twice holds the mean of both.
2. What was not observed is NaN and stays unknown: no gap is ever read as 0, a slot that the zone does not use has no forecast.
3. The last row is the last complete day; the forecast starts the day after.
4. Every forecast carries its back-test (`server/backtest.py`) and is refused when that is missing or worse than last
   week's values, so a figure that is shown has been better than the naive one on this very zone.
5. The same history gives the same forecast, to the bit.

The method is in `server/kriging.py`; what it reaches on real series in docs/forecast.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal

import numpy as np

from server.backtest import Score, rolling, score
from server.kriging import HORIZON, SUNDAY, WINDOW, Array, Days, usable_days, usual_slots

PUBLIC_HOLIDAY: Final = "public_holiday"
SLOTS_MIN: Final = (15, 30, 60)
# Older days are not looked at.
LONGEST: Final = 400
SHORTEST: Final = 21
RECENT: Final = 28
LEAST_USABLE: Final = 14
STALE_DAYS: Final = 7
LEAST_COMPARED: Final = 14
# An episode is made of slots whose chance is at least this.
LIKELY: Final = 0.5

Reason = Literal["short_history", "gaps", "stale", "not_comparable", "not_better"]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What one zone did.

    Attributes:
        first: local date of the first row.
        values: (D, S) amounts per day and slot, 0 or more, NaN where not observed.
        slot_min: length of a slot in minutes: 15, 30 or 60.
        opens_min: minute of the local day at which the first slot starts.
        labels: special days, of the past and of the next 14: ``public_holiday`` (such a day starts out as a Sunday) or
            any other word (``school_holiday``, ``market_day``, the name of an event); days of one label behave alike.
            Weekdays and weekend follow from the date.
        capacity: in the unit of the values, above 0; None if there is none.
        bounded: whether the values cannot exceed the capacity (bays) or can (a square).
    """

    first: date
    values: Array
    slot_min: int
    opens_min: int = 0
    labels: Mapping[date, str] = field(default_factory=dict)
    capacity: float | None = None
    bounded: bool = True

    def __post_init__(self) -> None:
        values = self.values
        if values.ndim != 2 or not values.size:
            raise ValueError(f"history: values must be days by slots, found shape {values.shape}")
        if self.slot_min not in SLOTS_MIN:
            raise ValueError(f"history: a slot lasts 15, 30 or 60 minutes, found {self.slot_min}")
        end = self.opens_min + values.shape[1] * self.slot_min
        if self.opens_min < 0 or end > 1440:
            raise ValueError(
                f"history: slots must lie within the day, found minutes {self.opens_min} to {end}"
            )
        if np.isinf(values).any() or (values < 0).any():
            raise ValueError(
                "history: values are 0 or more, or NaN where nothing was observed; correct the rows"
            )
        if self.capacity is not None and not 0 < self.capacity < np.inf:
            raise ValueError(
                f"history: a capacity is above 0, found {self.capacity}; leave it out if there is none"
            )


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of one day in which the limit is likely reached; ``chance`` is the highest of its slots."""

    day: date
    start_min: int
    end_min: int
    chance: float


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """The next days. Arrays are (14, S), NaN in slots that the zone does not use.

    ``days`` their local dates; ``p10`` <= ``p50`` <= ``p90``, within 0 and a bounding capacity; ``chance`` that the
    mean of a slot reaches the limit, 0..1, None without one; ``score`` the back-test.
    """

    days: tuple[date, ...]
    p10: Array
    p50: Array
    p90: Array
    chance: Array | None
    episodes: tuple[Episode, ...]
    score: Score


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no forecast: ``found`` against what is ``needed``, in the unit of the reason.

    short_history: days from the first observed one (found, needed). gaps: usable days of the last 28. stale: days since
    the last usable one (found, at most). not_comparable: forecast days that the back-test could compare. not_better:
    mean absolute error of the forecast, and of last week's values; ``score`` has the rest.
    """

    reason: Reason
    found: float
    needed: float
    score: Score | None = None


def forecast(history: History, limit: float | None = None) -> Forecast | Refusal:
    """The next 14 days, or why not.

    Args:
        history: at least three weeks; what is older than 400 days is not looked at.
        limit: a value whose reaching is asked for (say 85 % of the capacity), above 0; the capacity if None.

    Raises:
        ValueError: for a limit of 0 or less.
    """
    limit = history.capacity if limit is None else limit
    if limit is not None and not limit > 0:
        raise ValueError(f"forecast: a limit is above 0, found {limit}")
    cut = max(0, len(history.values) - LONGEST)
    values = np.asarray(history.values[cut:], dtype=np.float64)
    refused = _refusal(values)
    if refused:
        return refused
    first = history.first + timedelta(days=cut)
    days = days_of(first, len(values), history.labels)
    upper = history.capacity if history.capacity is not None and history.bounded else np.inf
    trials = rolling(values, days, 0.0, upper)
    found = score(values, trials, 0.0, upper)
    last = trials[-1]
    if found is None or found.days < LEAST_COMPARED or last.band is None:
        return Refusal("not_comparable", found.days if found else 0, LEAST_COMPARED, found)
    if found.worse:
        return Refusal("not_better", found.mae, found.naive_mae, found)
    p10, p90 = last.band.around(last.p50, 0.0, upper)
    ahead = tuple(first + timedelta(days=len(values) + k) for k in range(HORIZON))
    chance = None if limit is None else last.band.reached(limit - last.p50)
    episodes = () if chance is None else episodes_of(chance, ahead, history.slot_min, history.opens_min)
    return Forecast(ahead, p10, last.p50, p90, chance, episodes, found)


def _refusal(values: Array) -> Refusal | None:
    """What the history alone forbids."""
    observed = np.flatnonzero(np.isfinite(values).any(axis=1))
    span = len(values) - int(observed[0]) if len(observed) else 0
    if span < SHORTEST:
        return Refusal("short_history", span, SHORTEST)
    window = values[-WINDOW:]
    usable = usable_days(window, usual_slots(window))[-RECENT:]
    if usable.sum() < LEAST_USABLE:
        return Refusal("gaps", int(usable.sum()), LEAST_USABLE)
    idle = len(usable) - 1 - int(np.flatnonzero(usable)[-1])
    return Refusal("stale", idle, STALE_DAYS) if idle > STALE_DAYS else None


def days_of(first: date, count: int, labels: Mapping[date, str]) -> Days:
    """Weekdays and labels of ``count`` days from ``first`` on and of the horizon after them, as numbers."""
    dates = [first + timedelta(days=k) for k in range(count + HORIZON)]
    words = sorted({labels[day] for day in dates if day in labels})
    number = {word: place + 1 for place, word in enumerate(words)}
    label = [number[labels[day]] if day in labels else 0 for day in dates]
    weekday = [SUNDAY if labels.get(day) == PUBLIC_HOLIDAY else day.weekday() for day in dates]
    return Days(np.array(weekday, dtype=np.int64), np.array(label, dtype=np.int64))


def episodes_of(
    chance: Array, days: tuple[date, ...], slot_min: int, opens_min: int = 0, likely: float = LIKELY
) -> tuple[Episode, ...]:
    """Neighbouring slots of one day whose chance is ``likely`` or more, as one episode each, in order of time."""
    found: list[Episode] = []
    for day, row in zip(days, chance, strict=True):
        start: int | None = None
        for slot, is_likely in enumerate([*(row >= likely), False]):
            if is_likely and start is None:
                start = slot
            elif not is_likely and start is not None:
                highest = float(row[start:slot].max())
                begin, end = (opens_min + place * slot_min for place in (start, slot))
                found.append(Episode(day, begin, end, highest))
                start = None
    return tuple(found)
