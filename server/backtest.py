"""How good a forecast of a zone has been: rolling origins, each made from what was known then. Pure.

1. Origins run from the day after two weeks of history to the last day, at most `ORIGINS`, no more than `STRIDE` days
   apart, so that every weekday is an origin.
2. At each origin the days that followed are forecast, the weights of the estimates and the width of the band included,
   from the days before it alone; nothing is fitted to what it is compared with.
3. Last week's naive forecast is the newest value of the same weekday and slot that was known at the origin, at most
   four weeks older than the nearest possible one. Errors of both count where truth, forecast and naive all exist.
4. The band comes from past errors of the same procedure (split conformal prediction: Vovk, Gammerman and Shafer,
   Algorithmic Learning in a Random World (2005)), divided by what is usual for their slot, week ahead and group of days.
   Days are not exchangeable, so its share of truth is measured, not promised: `Score.within`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from server.kriging import (
    HORIZON,
    MOODS,
    WINDOW,
    Array,
    Days,
    Ints,
    coming_days,
    usable_days,
    usual_slots,
)

FIRST_ORIGIN: Final = 14
ORIGINS: Final = 28
STRIDE: Final = 3
# An estimate whose past error is 10 % above the best one's weighs .68 of it.
SHARPNESS: Final = 4.0
LOW, HIGH = 0.1, 0.9
# Error days without which there is no band.
LEAST_DAYS: Final = 7
# What is usual for a group of days is worth this many error days before its own are seen.
PRIOR_DAYS: Final = 5.0
# Of the largest value: less is a rounding error.
TINY: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Score:
    """What the back-test found, over all compared slots.

    ``mae`` and ``naive_mae`` in the unit of the history; ``within`` the share of truth in P10..P90, 0..1, None before
    there was a band; ``origins`` forecasts made; ``days`` forecast days compared (an origin compares up to 14);
    ``since`` days ago the first origin was.
    """

    mae: float
    naive_mae: float
    within: float | None
    origins: int
    days: int
    since: int

    @property
    def ratio(self) -> float | None:
        """``mae`` over ``naive_mae``; None where the naive forecast made no error at all."""
        return self.mae / self.naive_mae if self.naive_mae > 0 else None

    @property
    def worse(self) -> bool:
        """Whether last week's values would have done better."""
        return self.mae > self.naive_mae


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """Errors known at some time: ``rest`` (N, S) truth minus P50, ``week`` (N,) 0 or 1, ``weekend`` (N,), ``day`` (N,)."""

    rest: Array
    week: Ints
    weekend: Ints
    day: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """How far truth falls from P50: ``sample`` (K,) sorted standardised errors, times ``scale`` (HORIZON, S).

    ``days`` is the number of days whose errors these are.
    """

    sample: Array
    scale: Array
    days: int

    def around(self, p50: Array, lower: float, upper: float) -> tuple[Array, Array]:
        """P10 and P90 (HORIZON, S), each on its own side of P50, widened for few days, within the bounds."""
        spare = max(0.0, 1 - HIGH * (self.days + 1) / self.days)
        low, high = np.quantile(self.sample, (spare, 1 - spare))
        return (
            np.clip(p50 + min(float(low), 0.0) * self.scale, lower, upper),
            np.clip(p50 + max(float(high), 0.0) * self.scale, lower, upper),
        )

    def reached(self, gap: Array) -> Array:
        """The chance 0..1 that truth is ``gap`` (HORIZON, S) or more above P50; NaN where that is NaN."""
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(self.scale > 0, gap / self.scale, np.where(gap > 0, np.inf, -np.inf))
        chance = 1 - np.searchsorted(self.sample, z, side="left") / len(self.sample)
        return np.where(np.isfinite(gap), chance, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One forecast: ``p50`` (HORIZON, S), ``band`` or None, and the estimates (len(MOODS), HORIZON, S) it mixes."""

    at: int
    p50: Array
    band: Band | None
    estimates: Array


def naive(values: Array, at: int) -> Array:
    """Last week's forecast of the days from ``at`` on (rule 3): (HORIZON, S), NaN where nothing is known."""
    out = np.full((HORIZON, values.shape[1]), np.nan)
    for ahead in range(HORIZON):
        nearest = at + ahead - 7 * (ahead // 7 + 1)
        for day in range(nearest, max(nearest - 28, -1), -7):
            out[ahead] = np.where(np.isnan(out[ahead]), values[day], out[ahead])
    return out


def origins(days: int) -> list[int]:
    """Where forecasts start when ``days`` are known, oldest first; the last one is ``days`` itself."""
    first = max(FIRST_ORIGIN, days - ORIGINS * STRIDE)
    stride = min(STRIDE, max(1, -(-(days - first) // ORIGINS)))
    return list(range(days, first - 1, -stride))[::-1]


def rolling(values: Array, days: Days, lower: float, upper: float) -> list[Trial]:
    """A trial at each origin (rule 2), the last one being the forecast of the days after ``values`` (D, S).

    P50 is kept within ``lower`` and ``upper``. An origin with no usable day in the two weeks before it has no trial.
    """
    trials: list[Trial] = []
    for at in origins(len(values)):
        window = values[max(0, at - WINDOW) : at]
        if not usable_days(window, usual_slots(window))[-HORIZON:].any():
            continue
        estimates = np.clip(coming_days(values, days, at), lower, upper)
        known = [_known(trial, values, at) for trial in trials]
        weights = _weights(trials, known)
        p50 = np.clip(np.tensordot(weights, estimates, axes=1), lower, upper)
        weekend_ahead = days.weekend(np.arange(at, at + HORIZON))
        trials.append(Trial(at, p50, _band(_errors(trials, known, days), weekend_ahead), estimates))
    return trials


def _known(trial: Trial, values: Array, at: int) -> Array:
    """What turned out before ``at`` of the days a trial forecast: (K, S), K up to HORIZON."""
    return values[trial.at : min(trial.at + HORIZON, at)]


def _weights(trials: list[Trial], known: list[Array]) -> Array:
    """How much each estimate counts, by its past errors: (len(MOODS),), summing to 1."""
    losses = np.zeros(len(MOODS))
    for trial, truth in zip(trials, known, strict=True):
        losses += np.nansum(np.abs(trial.estimates[:, : len(truth)] - truth), axis=(1, 2))
    if not losses.max() > 0:
        return np.full(len(MOODS), 1 / len(MOODS))
    worth = np.maximum(losses / losses.max(), TINY) ** -SHARPNESS
    return np.asarray(worth / worth.sum())


def _errors(trials: list[Trial], known: list[Array], days: Days) -> Errors | None:
    """Errors of P50 known by now, or None before there are enough."""
    rest = [truth - trial.p50[: len(truth)] for trial, truth in zip(trials, known, strict=True)]
    if not rest:
        return None
    week = np.concatenate([np.arange(len(truth)) // 7 for truth in known])
    day = np.concatenate(
        [trial.at + np.arange(len(truth)) for trial, truth in zip(trials, known, strict=True)]
    )
    together = np.concatenate(rest)
    seen = np.isfinite(together).any(axis=1)
    found = Errors(together[seen], week[seen], days.weekend(day[seen]), day[seen])
    return found if len(np.unique(found.day)) >= LEAST_DAYS else None


def _band(errors: Errors | None, weekend_ahead: Ints) -> Band | None:
    """The band of rule 4 for the coming days, given which of them are weekend (HORIZON,)."""
    if errors is None:
        return None
    size = np.abs(errors.rest)
    seen = np.isfinite(size)
    usual = np.where(seen, size, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    usual = np.maximum(usual, usual[seen.any(axis=0)].mean() / 10)
    days = len(np.unique(errors.day))
    if not usual.max() > 0:
        return Band(np.zeros(1), np.zeros((HORIZON, len(usual))), days)
    of_week = _factors(size / usual, errors.week)
    size = size / usual / of_week[errors.week][:, None]
    of_group = usual * _by_slot(size, errors.weekend, _factors(size, errors.weekend))
    rest = errors.rest / (of_week[errors.week][:, None] * of_group[errors.weekend])
    scale = of_week[np.arange(HORIZON) // 7][:, None] * of_group[weekend_ahead]
    return Band(np.sort(rest[seen]), scale, days)


def _by_slot(size: Array, kind: Ints, mean: Array) -> Array:
    """How large errors of kind 0 and 1 are in each slot, drawn towards the ``mean`` (2,) of their kind: (2, S)."""
    seen = np.isfinite(size)
    own = [(np.where(seen, size, 0.0)[kind == k].sum(axis=0), seen[kind == k].sum(axis=0)) for k in (0, 1)]
    return np.array(
        [(total + PRIOR_DAYS * mean[k]) / (count + PRIOR_DAYS) for k, (total, count) in enumerate(own)]
    )


def _factors(size: Array, kind: Ints) -> Array:
    """How large errors of kind 0 and 1 are, drawn towards 1 while there are few: (2,)."""
    mean = np.nanmean(size, axis=1)
    own = [mean[kind == k] for k in (0, 1)]
    return np.array([(few.sum() + PRIOR_DAYS) / (len(few) + PRIOR_DAYS) for few in own])


def score(values: Array, trials: list[Trial], lower: float, upper: float) -> Score | None:
    """What trials before the last one were worth; None when nothing can be compared."""
    now = len(values)
    tiny = TINY * float(np.nanmax(values))
    errors = np.zeros(2)
    compared = inside = banded = days = made = 0
    for trial in trials[:-1]:
        truth = _known(trial, values, now)
        p50, other = trial.p50[: len(truth)], naive(values, trial.at)[: len(truth)]
        fair = np.isfinite(truth) & np.isfinite(p50) & np.isfinite(other)
        missed = np.abs(np.array([truth - p50, truth - other]))[:, fair]
        errors += np.where(missed > tiny, missed, 0.0).sum(axis=1)
        compared += int(fair.sum())
        days += int(fair.any(axis=1).sum())
        made += bool(fair.any())
        if trial.band is not None:
            low, high = (side[: len(truth)] for side in trial.band.around(trial.p50, lower, upper))
            held = (truth >= low - tiny) & (truth <= high + tiny)
            inside, banded = inside + int(held[fair].sum()), banded + int(fair.sum())
    if not compared:
        return None
    mae, naive_mae = (float(error) / compared for error in errors)
    return Score(mae, naive_mae, inside / banded if banded else None, made, days, now - trials[0].at)
