"""One zone's forecasts from rolling origins against what came. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import numpy as np

from bench.forecast.series import Series
from server.backtest import Trial, naive, rolling
from server.forecast import LONGEST, Forecast, History, days_of, forecast
from server.kriging import HORIZON, Array

FIRST_ORIGIN: Final = 28
# A car park counts as full from here, so that there is something to foretell.
FULL: Final = 0.85
CHANCES: Final = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)


@dataclass(slots=True, eq=False)
class Tally:
    """Sums over the forecasts of one zone, which add up over zones.

    ``made`` and ``all`` (2, HORIZON): absolute errors of ours and of last week's values, by days ahead, of the forecasts
    that were not refused and of all; ``held`` (2,): slots within P10..P90, slots with a band; ``said`` (bins, 3):
    slots, sum of the chances said, times it came true; ``refused`` by reason; ``origins`` asked.
    """

    name: str = ""
    made: Array = field(default_factory=lambda: np.zeros((2, HORIZON)))
    all: Array = field(default_factory=lambda: np.zeros((2, HORIZON)))
    held: Array = field(default_factory=lambda: np.zeros(2))
    said: Array = field(default_factory=lambda: np.zeros((len(CHANCES) - 1, 3)))
    refused: dict[str, int] = field(default_factory=dict)
    origins: int = 0

    def add(self, other: Tally) -> None:
        """Take another zone in."""
        for mine, theirs in (
            (self.made, other.made),
            (self.all, other.all),
            (self.held, other.held),
            (self.said, other.said),
        ):
            np.add(mine, theirs, out=mine)
        for reason, count in other.refused.items():
            self.refused[reason] = self.refused.get(reason, 0) + count
        self.origins += other.origins

    def row(self) -> dict[str, Any]:
        """The figures; None where there is nothing to divide by."""
        refused = sum(self.refused.values())
        left = self.all - self.made
        return {
            "name": self.name,
            "origins": self.origins,
            "refused": self.refused,
            "refused_share": _ratio(refused, self.origins),
            "ratio": _ratio(*self.made.sum(axis=1)),
            "ratio_without_refusals": _ratio(*self.all.sum(axis=1)),
            "ratio_of_refused": _ratio(*left.sum(axis=1)),
            "within": _ratio(*self.held),
            "ratio_by_days_ahead": [_ratio(*pair) for pair in self.made.T],
            "chance": [
                {
                    "from": low,
                    "to": high,
                    "slots": int(slots),
                    "said": _ratio(total, slots),
                    "came": _ratio(came, slots),
                }
                for low, high, (slots, total, came) in zip(CHANCES, CHANCES[1:], self.said, strict=False)
            ],
        }


def _ratio(part: float, whole: float) -> float | None:
    return round(float(part / whole), 4) if whole > 0 else None


def measure(series: Series, every: int, *, calendar: bool = True) -> Tally:
    """Forecast ``series`` at day 28 and every so many days after; what is known at an origin is all it is given."""
    tally = Tally(series.name)
    for at in range(FIRST_ORIGIN, len(series.values), every):
        history = history_at(series, at, calendar=calendar)
        limit = None if series.capacity is None else FULL * series.capacity
        said = forecast(history, limit)
        tally.origins += 1
        truth = np.full((HORIZON, series.values.shape[1]), np.nan)
        coming = series.values[at : at + HORIZON]
        truth[: len(coming)] = coming
        other = naive(history.values, at)
        if isinstance(said, Forecast):
            errors = _errors(truth, said.p50, other)
            tally.made += errors
            tally.all += errors
            _judge(tally, truth, other, said, limit)
            continue
        tally.refused[said.reason] = tally.refused.get(said.reason, 0) + 1
        if said.reason == "not_better":
            tally.all += _errors(truth, _anyway(history).p50, other)
    return tally


def history_at(series: Series, at: int, *, calendar: bool) -> History:
    """What is known before day ``at``."""
    labels = series.labels if calendar else {}
    return History(
        series.first, series.values[:at], series.slot_min, series.opens_min, labels, series.capacity
    )


def _anyway(history: History) -> Trial:
    """The forecast that was refused."""
    values = history.values[-LONGEST:]
    upper = np.inf if history.capacity is None else history.capacity
    first = history.first + timedelta(days=len(history.values) - len(values))
    return rolling(values, days_of(first, len(values), history.labels), 0.0, upper)[-1]


def _errors(truth: Array, ours: Array, other: Array) -> Array:
    """Absolute errors of both by days ahead (2, HORIZON), over slots where all three are known."""
    missed = np.abs(np.array([ours, other]) - truth)
    return np.asarray(np.where(np.isfinite(missed).all(axis=0), missed, 0.0).sum(axis=2))


def _judge(tally: Tally, truth: Array, other: Array, said: Forecast, limit: float | None) -> None:
    """Band and chances, over the same slots as the errors."""
    known = np.isfinite(truth) & np.isfinite(other) & np.isfinite(said.p50)
    tally.held += ((truth >= said.p10) & (truth <= said.p90) & known).sum(), known.sum()
    if said.chance is None or limit is None:
        return
    chance, came = said.chance[known], truth[known] >= limit
    place = np.clip(np.searchsorted(CHANCES, chance, side="right") - 1, 0, len(CHANCES) - 2)
    for k in range(len(CHANCES) - 1):
        chosen = place == k
        tally.said[k] += chosen.sum(), chance[chosen].sum(), came[chosen].sum()


def together(name: str, tallies: Iterable[Tally]) -> Tally:
    """Several zones as one."""
    total = Tally(name)
    for tally in tallies:
        total.add(tally)
    return total


def worse_than_naive(tallies: Sequence[Tally]) -> list[str]:
    """Zones whose forecasts that were made did worse than last week's values."""
    return [tally.name for tally in tallies if tally.made[0].sum() > tally.made[1].sum()]
