"""The next days of one zone from its past days, by kriging. Pure.

A day is a vector of slots. What a day holds is taken as the sum of:

1. the usual values of its weekday (the median of nine weeks); a public holiday counts as a Sunday;
2. what its label adds (school holiday, market day, …), the same for all days of that label, weekdays and weekend apart;
3. levels that drift (one of all days, one of the weekdays, one of the weekend, one of each weekday), and what all days,
   weekdays or weekend steadily gained or lost over the last nine weeks;
4. noise, each day its own.

Parts 2 to 4 are Gaussian with fixed variances in units of the noise (`Mood`), so the best linear estimate of a coming
day is a weighted sum of what past days held beyond part 1, the weights depending on the dates and labels alone
(kriging, or Gaussian process regression: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), eq. 2.25).
A past day that its neighbours do not explain (a marathon, a faulty camera) is pulled back to where they would let it
be: its leave-one-out residual (same book, eq. 5.12) is clipped. Scaling the history or adding a constant to it does
the same to the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

HORIZON: Final = 14
# Days that are looked at; of labels that come again, also older days, the latest ones.
WINDOW: Final = 63
OLD_DAYS: Final = 30
SUNDAY: Final = 6
# Robust standard deviations beyond which a day's leave-one-out residual is clipped.
CLIP: Final = 2.2
# An odd day misleads what its neighbours say of each other, less in each pass; more than three change nothing.
PASSES: Final = 3


@dataclass(frozen=True, slots=True)
class Mood:
    """Variances in units of the noise: of the levels that drift (of all days, of a group of days, of one weekday), and of
    a steady rise or fall over the window (of all days, and as much again of a group).
    """

    common: float
    group: float
    weekday: float
    trend: float


# From zones that hardly drift to zones whose last days say most.
MOODS: Final = (Mood(0.5, 0.5, 0.2, 0.0), Mood(8.0, 2.5, 0.5, 40.0), Mood(30.0, 8.0, 0.5, 40.0))
# Days over which the three levels forget themselves, and the variances of what does not drift: the mean of all days,
# of a group, of a weekday, of a label.
LAST_COMMON, LAST_GROUP, LAST_WEEKDAY = 130.0, 18.0, 90.0
ALL, GROUP, WEEKDAY, LABEL = 300.0, 150.0, 4.0, 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """What is known of the dates of a history and its horizon: ``weekday`` 0..6 (0 Monday), ``label`` numbers, 0 ordinary.

    Both have shape (days + HORIZON,).
    """

    weekday: Ints
    label: Ints

    def weekend(self, rows: Ints) -> Ints:
        """1 for days that count as weekend, public holidays among them, else 0; given and returned (R,)."""
        return (self.weekday[rows] >= 5).astype(np.int64)

    def covariance(self, rows: Ints, columns: Ints, mood: Mood, since: int) -> Array:
        """Between days (R,) and (C,), given by index: (R, C), in units of the noise.

        A day before ``since`` shares its label alone: its levels went with the usual values of its time.
        """
        apart = np.abs(rows[:, None] - columns[None])
        same_group = self.weekend(rows)[:, None] == self.weekend(columns)[None]
        same_day = self.weekday[rows][:, None] == self.weekday[columns][None]
        rise = (rows - since)[:, None] * (columns - since)[None] / WINDOW**2
        same_label = same_group & (self.label[rows][:, None] == self.label[columns][None])
        levels = (
            ALL
            + mood.common * np.exp(-apart / LAST_COMMON)
            + same_group * (GROUP + mood.group * np.exp(-apart / LAST_GROUP))
            + mood.trend * (1 + same_group) * rise
            + same_day * (WEEKDAY + mood.weekday * np.exp(-apart / LAST_WEEKDAY))
        )
        both_recent = (rows >= since)[:, None] & (columns >= since)[None]
        return np.asarray(both_recent * levels + same_label * LABEL)


def usual_slots(values: Array) -> Mask:
    """Slots (S,) that are observed on at least a third of the days (D, S) with any observation."""
    seen = np.isfinite(values)
    days = seen.any(axis=1).sum()
    return np.asarray(seen.sum(axis=0) * 3 >= max(days, 1))


def usable_days(values: Array, usual: Mask) -> Mask:
    """Days (D,) with at least half of the usual slots observed."""
    return np.asarray(np.isfinite(values[:, usual]).sum(axis=1) * 2 >= max(int(usual.sum()), 1))


def _median(values: Array) -> Array:
    """Of what is observed: (D, S) -> (S,), NaN where nothing is."""
    if not len(values):
        return np.full(values.shape[1], np.nan)
    ordered = np.sort(values, axis=0)
    seen = np.isfinite(values).sum(axis=0)
    middle = np.stack([np.maximum(seen - 1, 0) // 2, np.minimum(seen // 2, len(values) - 1)])
    return np.asarray(np.take_along_axis(ordered, middle, axis=0).mean(axis=0))


def usual_values(values: Array, weekday: Ints) -> Array:
    """Part 1 for each weekday (7, S), from days (D, S) with ``weekday`` (D,).

    A slot not yet seen on a weekday takes the median of its group of days, else of all days. One that is never seen, or
    not on three such weekdays and more (closed on Sundays), is NaN.
    """
    own = np.array([_median(values[weekday == k]) for k in range(7)])
    halves = [_median(values[weekday < 5]), _median(values[weekday >= 5])]
    group = np.array([halves[k >= 5] for k in range(7)])
    closed = np.isnan(own) & (np.bincount(weekday, minlength=7) >= 3)[:, None]
    found = np.where(np.isfinite(own), own, np.where(np.isfinite(group), group, _median(values)))
    return np.where(closed, np.nan, found)


def coming_days(values: Array, days: Days, at: int) -> Array:
    """The expected values of the days ``at`` .. ``at + HORIZON - 1``, one estimate for each of `MOODS`.

    Args:
        values: (D, S) with D >= ``at``; NaN where nothing was observed. Nothing from ``at`` on is looked at.
        days: of the dates of ``values`` and at least HORIZON more.
        at: index of the first day to forecast, with a usable day within the last `WINDOW` before it.

    Returns:
        (len(MOODS), HORIZON, S), NaN in slots that the zone does not use.
    """
    start = max(0, at - WINDOW)
    window = values[start:at]
    usual = usual_slots(window)
    past = np.flatnonzero(usable_days(window, usual)) + start
    ahead = np.arange(at, at + HORIZON)
    base = usual_values(window, days.weekday[start:at])
    beyond = _beyond(values[past], base[days.weekday[past]])
    old, beyond_old = _old_days(values, days, start, ahead, usual)
    rows = np.concatenate([past, old])
    known = np.concatenate([beyond, beyond_old])
    levels = np.array([_krige(rows, known, ahead, days, mood, start) for mood in MOODS])
    return np.where(usual, base[days.weekday[ahead]] + levels, np.nan)


def _beyond(observed: Array, base: Array) -> Array:
    """What days (D, S) hold beyond their base; an unobserved slot gets what its day holds beyond it on average."""
    rest = observed - base
    seen = np.isfinite(rest)
    mean = np.where(seen, rest, 0.0).sum(axis=1, keepdims=True) / np.maximum(
        seen.sum(axis=1, keepdims=True), 1
    )
    return np.where(seen, rest, mean)


def _old_days(values: Array, days: Days, start: int, ahead: Ints, usual: Mask) -> tuple[Ints, Array]:
    """Days before the window whose label comes again, and what they held beyond that weekday's usual around then.

    Around then: in the four weeks before and after, days without a label.
    """
    coming = set(days.label[ahead].tolist()) - {0}
    old = np.flatnonzero(np.isin(days.label[:start], list(coming)))[-OLD_DAYS:]
    kept, beyond = [], []
    for day in old:
        near = np.arange(max(0, day - 28), day + 28)
        plain = near[(days.label[near] == 0) & (days.weekday[near] == days.weekday[day])]
        base = _median(values[plain])
        if usable_days(values[day : day + 1], usual)[0] and np.isfinite(base[usual]).all():
            kept.append(int(day))
            beyond.append(_beyond(values[day : day + 1], base[None])[0])
    return np.array(kept, dtype=np.int64), np.array(beyond).reshape(len(kept), values.shape[1])


def _krige(rows: Ints, known: Array, ahead: Ints, days: Days, mood: Mood, since: int) -> Array:
    """What the coming days hold beyond their base: (HORIZON, S), from the past days ``rows`` (R,) and (R, S)."""
    inverse = np.linalg.inv(days.covariance(rows, rows, mood, since) + np.eye(len(rows)))
    others_say = np.zeros_like(known)
    for _ in range(PASSES):
        width = 1.4826 * np.median(np.abs(known - others_say), axis=0)
        bound = CLIP * np.maximum(width, width.mean() / 2)
        tamed = np.clip(known, others_say - bound, others_say + bound)
        others_say = tamed - (inverse @ tamed) / np.diag(inverse)[:, None]
    return np.asarray(days.covariance(ahead, rows, mood, since) @ (inverse @ tamed))
