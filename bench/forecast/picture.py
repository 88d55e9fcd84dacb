"""Two forecasts with their bands, drawn over what came, as PNG. Colours of Okabe and Ito, told apart by form as well."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np

from bench.counts.pictures import OURS, STYLE, THEIRS, TRUE
from bench.forecast.measure import history_at
from bench.forecast.series import Series
from server.backtest import naive
from server.forecast import Forecast, forecast
from server.kriging import HORIZON, Array

mpl.use("Agg")
from matplotlib import pyplot as plt

# A car park of the part that the method was not tuned on, and the second half of the bridge, each at a fixed day that
# was chosen before the picture was seen: as the car parks' fifth week ends, and in the bridge's second summer.
SHOWN: Final = {
    "birmingham": ("Broad Street", 35, "cars"),
    "fremont": ("bridge, second half", 616, "bicycles an hour"),
}


def draw(found: dict[str, dict[str, list[Series]]], path: Path) -> Path:
    """One panel for each set that is there; returns the picture's path."""
    shown = [
        (zone, *SHOWN[name][1:])
        for name, parts in found.items()
        for zones in parts.values()
        for zone in zones
        if zone.name == SHOWN[name][0]
    ]
    with plt.rc_context(STYLE):
        figure, places = plt.subplots(
            len(shown), 1, figsize=(11, 2.9 * len(shown) + 0.5), squeeze=False, layout="constrained", dpi=90
        )
        for axes, (zone, at, unit) in zip(places[:, 0], shown, strict=True):
            _panel(axes, zone, at, unit)
        handles, names = places[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False)
        figure.savefig(path)
        plt.close(figure)
    return path


def _panel(axes: Any, zone: Series, at: int, unit: str) -> None:
    """The 14 days from ``at`` on."""
    said = forecast(history_at(zone, at, calendar=True))
    if not isinstance(said, Forecast):
        raise TypeError(f"bench.forecast: the forecast to be drawn was refused: {said}")
    truth = np.full(said.p50.shape, np.nan)
    coming = zone.values[at : at + HORIZON]
    truth[: len(coming)] = coming
    last_week = naive(zone.values[:at], at)
    for day in range(HORIZON):
        first = day == 0
        times = list(_times(zone, at + day))
        axes.fill_between(
            times,
            said.p10[day],
            said.p90[day],
            color=OURS,
            alpha=0.25,
            lw=0,
            label="P10 to P90" if first else None,
        )
        _curve(
            axes, times, last_week[day], color=THEIRS, lw=0.9, ls=":", label="last week's" if first else None
        )
        _curve(
            axes, times, said.p50[day], color=OURS, lw=1.6, ls="--", label="forecast, P50" if first else None
        )
        _curve(axes, times, truth[day], color=TRUE, lw=1.3, label="what came" if first else None)
    axes.set_ylim(bottom=0)
    axes.set_ylabel(unit)
    middays = [datetime.combine(day, datetime.min.time()) + timedelta(hours=12) for day in said.days]
    axes.set_xticks(middays, [f"{day:%a %d %b}" for day in said.days])
    axes.tick_params(axis="x", labelsize=7)
    score = said.score
    held = "-" if score.within is None else f"{score.within:.0%}"
    axes.set_title(
        f"{zone.name}, made on {said.days[0]:%d %B %Y}; its back-test then: MAE {score.ratio:.2f} of last week's, band held {held}"
    )


def _times(zone: Series, day: int) -> Iterator[datetime]:
    start = datetime.combine(zone.first + timedelta(days=day), datetime.min.time())
    for slot in range(zone.values.shape[1]):
        yield start + timedelta(minutes=zone.opens_min + slot * zone.slot_min)


def _curve(axes: Any, times: list[datetime], values: Array, **look: Any) -> None:
    axes.plot(times, values, **look)
