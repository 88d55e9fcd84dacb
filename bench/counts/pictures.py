"""Counted beside true over time, as PNG. Colours of Okabe and Ito, told apart by form as well."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from bench.counts.counted import Counted
from bench.counts.summary import occupancy_of
from bench.counts.truth import Truth
from contract.names import ClassGroup

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

TRUE, OURS, THEIRS, TUNED, PALE = "#000000", "#0072B2", "#D55E00", "#E69F00", "#BBBBBB"
COLUMNS, DPI = 3, 110
PLURAL: dict[ClassGroup, str] = {"person": "people", "bicycle": "bicycles", "vehicle": "vehicles"}
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "axes.axisbelow": True,
}


def draw_video(
    folder: Path, run: dict[str, Any], video: dict[str, Any], truth: Truth, said: Mapping[str, Counted]
) -> Path:
    """Zones, lines and bays of one video in one picture; returns its path."""
    panels = len(video["zones"]) + len(video["lines"])
    rows = math.ceil(panels / COLUMNS)
    strip = max((len(bays) for bays in truth.bays.values()), default=0)
    heights = [2.3] * rows + ([0.32 * strip + 0.6] if strip else [])
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(12, sum(heights) + 1.0), layout="constrained", dpi=DPI)
        grid = figure.add_gridspec(len(heights), COLUMNS, height_ratios=heights)
        places = [figure.add_subplot(grid[k // COLUMNS, k % COLUMNS]) for k in range(panels)]
        best = run["occupancy"].get("baseline")
        for axes, zone in zip(places, video["zones"], strict=False):
            _occupancy(axes, zone, video["windows"], truth, best)
        for axes, line in zip(places[len(video["zones"]) :], video["lines"], strict=True):
            _crossings(axes, line, video["windows"], truth)
        for zone_id, bays in truth.bays.items():
            _bays(figure.add_subplot(grid[rows, :]), zone_id, bays, said["ours"].bays[zone_id], truth.end)
        figure.suptitle(f"{video['video']}, {run['model']}, {run['rate']:g} frames a second")
        names = {name: f"baseline (occupancy from {name})" for name in ("tracks", "detections")}
        handles = [
            Line2D([], [], color=PALE, label="true, at each moment"),
            Line2D([], [], color=TRUE, lw=2, label="true, mean of 10 s; true crossings"),
            Line2D([], [], color=OURS, lw=1.6, marker="o", ms=4, label="ours"),
            *([Line2D([], [], color=THEIRS, lw=1.2, marker="x", ms=5, label=names[best])] if best else []),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
        path = folder / f"{run['set']}-{video['video']}-{run['model']}-{run['rate']:g}fps.png".replace(
            "@", "-"
        )
        figure.savefig(path)
        plt.close(figure)
    return path


def _occupancy(
    axes: Any, zone: dict[str, Any], spans: Sequence[tuple[float, float]], truth: Truth, best: str | None
) -> None:
    steps = truth.occupancy[zone["zone"], zone["class"]]
    axes.step([*steps.times, steps.end], [*steps.values, steps.values[-1]], where="post", color=PALE, lw=0.8)
    _stairs(axes, spans, zone["true_windows"], TRUE, lw=2)
    theirs = occupancy_of(zone, best) if best else None
    if theirs:
        _stairs(axes, spans, theirs["windows"], THEIRS, lw=1.2, marker="x", ms=5)
    _stairs(axes, spans, zone["occupancy"]["ours"]["windows"], OURS, lw=1.6, marker="o", ms=4)
    axes.set_title(f"zone {zone['zone']}")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_ylim(bottom=0)
    axes.set_ylabel(PLURAL[zone["class"]] + " inside")
    _time_axis(axes, truth.end)


def _stairs(
    axes: Any, spans: Sequence[tuple[float, float]], values: Sequence[float], colour: str, **look: Any
) -> None:
    """A value for each window, marked in its middle."""
    edges = [spans[0][0], *(stop for _, stop in spans)]
    marker, size = look.pop("marker", None), look.pop("ms", None)
    axes.stairs(values, edges, color=colour, baseline=None, **look)
    if marker:
        middles = [(start + stop) / 2 for start, stop in spans]
        axes.plot(middles, values, marker, color=colour, ms=size)


def _crossings(axes: Any, line: dict[str, Any], spans: Sequence[tuple[float, float]], truth: Truth) -> None:
    """Cumulated: in upwards from 0, out downwards."""
    changes = truth.crossings[line["line"], line["class"]]
    ends = [spans[0][0], *(stop for _, stop in spans)]
    for place, (way, sign) in enumerate((("in", 1), ("out", -1))):
        own = [change.at for change in changes if change.way == way]
        axes.step([0, *own, truth.end], [0, *np.arange(1, len(own) + 1) * sign, len(own) * sign],
                  where="post", color=TRUE, lw=2)  # fmt: skip
        for name, colour, marker in (("tracks", THEIRS, "x"), ("ours", OURS, "o")):
            if name in line["windows"]:
                counted = sign * np.cumsum([0, *(window[place] for window in line["windows"][name])])
                axes.plot(ends, counted, color=colour, marker=marker, ms=4, lw=1.2)
    axes.set_title(f"line {line['line']}: in above, out below")
    axes.set_ylabel(PLURAL[line["class"]] + " so far")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    _time_axis(axes, truth.end)


def _bays(
    axes: Any,
    zone: str,
    true: Mapping[str, Sequence[tuple[float, float]]],
    counted: Mapping[str, Sequence[tuple[float, float]]],
    end: float,
) -> None:
    """Each bay's taken times: true above, counted below."""
    for row, name in enumerate(true):
        for spans, colour, above in ((true[name], TRUE, 0.02), (counted.get(name, ()), OURS, -0.34)):
            bars = [(start, min(stop, end) - start) for start, stop in spans]
            axes.broken_barh(bars, (-row + above, 0.32), facecolors=colour)
    axes.set_yticks([-row for row in range(len(true))], list(true))
    axes.set_ylim(-len(true) + 0.4, 0.6)
    axes.set_title(f"parking {zone}: bays taken")
    axes.legend(
        handles=[Patch(color=TRUE, label="true (above)"), Patch(color=OURS, label="ours (below)")],
        loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False,
    )  # fmt: skip
    _time_axis(axes, end)


def _time_axis(axes: Any, end: float) -> None:
    axes.set_xlim(0, end)
    axes.set_xlabel("seconds")


def draw_summary(folder: Path, runs: Sequence[dict[str, Any]]) -> Path:
    """Errors of ours, the baseline and the tuned one by rate, for each set and model."""
    columns = list(dict.fromkeys((run["set"], run["model"]) for run in runs))
    parts = (
        ("occupancy", "occupancy error, objects"),
        ("entries_exits", "wrong entries and exits"),
        ("lines", "wrong line crossings"),
    )
    with plt.rc_context(STYLE | {"axes.grid.axis": "y"}):
        figure, table = plt.subplots(
            len(parts), len(columns), figsize=(2.7 * len(columns) + 0.6, 7.2), squeeze=False,
            layout="constrained", dpi=DPI,
        )  # fmt: skip
        for k, column in enumerate(columns):
            own = [run for run in runs if (run["set"], run["model"]) == column]
            for row, (part, label) in enumerate(parts):
                _bars(table[row][k], own, part)
                if not k:
                    table[row][k].set_ylabel(label)
            table[0][k].set_title(f"{column[0]}, {column[1]}")
            table[-1][k].set_xlabel("frames a second")
        figure.suptitle("Counting error by frame rate: lower is better")
        handles = [
            Patch(facecolor=OURS, label="ours"),
            Patch(
                facecolor=THEIRS,
                hatch="//",
                edgecolor="white",
                label="baseline (of occupancy the better one)",
            ),
            Patch(facecolor=TUNED, hatch="..", edgecolor="white", label="baseline tuned by hand"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
        path = folder / "summary.png"
        figure.savefig(path)
        plt.close(figure)
    return path


def _bars(axes: Any, runs: Sequence[dict[str, Any]], part: str) -> None:
    places = np.arange(len(runs))
    for shift, name, colour, hatch in ((-0.27, "ours", OURS, ""), (0, "baseline", THEIRS, "//"), (0.27, "tuned", TUNED, "..")):  # fmt: skip
        values = []
        for run in runs:
            figures = run[part]
            key = figures.get("baseline", "tracks") if name == "baseline" else name
            values.append(figures.get(key, np.nan))
        axes.bar(places + shift, values, 0.25, color=colour, hatch=hatch, edgecolor="white", linewidth=0)
    axes.set_xticks(places, [f"{run['rate']:g}" for run in runs])
