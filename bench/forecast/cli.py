"""Forecasts of two weeks on public series, against truth and against last week's values.

    python -m bench.forecast [--every 7] [--set birmingham|fremont …] [--shared DIR] [--zones] [--picture F] [--json]

Each zone is forecast at day 28 and every so many days after, from what was known then. A forecast that its own back-test
refuses does not count as made; the table has the figure without refusals as well. `--zones` lists every zone, `--picture`
draws two of them. The data are no part of the project and are looked for in DIR/data/series (default ../shared).
Every figure is defined in docs/forecast.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.forecast import series
from bench.forecast.measure import Tally, measure, together, worse_than_naive
from server.forecast import History, forecast

ROOT = Path(__file__).parents[2]
GOAL_RATIO: Final = 0.85
GOAL_WITHIN: Final = (0.70, 0.90)
CALENDARS: Final = {"with the calendar": True, "without": False}


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; 2 when no set is there, 1 when a goal is missed."""
    asked = _parser().parse_args(words)
    began = time.monotonic()
    found = load(asked.shared / "data" / "series", asked.sets)
    if not found:
        return 2
    out = sys.stderr if asked.json else sys.stdout
    rows, zones = [], []
    for name, parts in found.items():
        for calendar, use in CALENDARS.items():
            parted = {
                part: [measure(one, asked.every, calendar=use) for one in own] for part, own in parts.items()
            }
            every = [tally for own in parted.values() for tally in own]
            for part, own in {"all": every, **parted}.items():
                rows.append(_row(name, calendar, part, own))
                print(_line(rows[-1]), file=out, flush=True)
            zones += [{"set": name, "calendar": calendar, **tally.row()} for tally in every]
    if asked.zones:
        print(*(_zone_line(zone) for zone in zones), sep="\n", file=out)
    if asked.picture:
        from bench.forecast.picture import draw

        print(f"drawn: {draw(found, asked.picture)}", file=out)
    cpu = cpu_seconds()
    verdicts = judge(rows)
    print(f"one forecast of 400 days by 96 slots, back-test included: {cpu:.3f} s of CPU", file=out)
    print(*(f"{'met   ' if met else 'MISSED'} {goal}" for goal, met in verdicts.items()), sep="\n", file=out)
    if asked.json:
        document = {
            "version": 1,
            "seconds": round(time.monotonic() - began),
            "every": asked.every,
            "rows": rows,
        }
        print(json.dumps({**document, "zones": zones, "cpu_s": round(cpu, 4), "verdicts": verdicts}))
    return 0 if all(verdicts.values()) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench.forecast", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=7, help="days from one origin to the next (default 7)")
    parser.add_argument("--set", action="append", dest="sets", choices=["birmingham", "fremont"])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="where the real data lie")
    parser.add_argument("--zones", action="store_true", help="list every zone")
    parser.add_argument("--picture", type=Path, metavar="F", help="draw two zones into this PNG")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line of stdout")
    return parser


def load(folder: Path, sets: Sequence[str] | None) -> dict[str, dict[str, list[series.Series]]]:
    """The sets that are there, each in its two parts; says which are not."""
    readers: dict[str, tuple[str, Callable[[Path], list[series.Series]]]] = {
        "birmingham": (series.BIRMINGHAM, series.birmingham),
        "fremont": (series.FREMONT, series.fremont),
    }
    found = {}
    for name in sets or readers:
        file, read = readers[name]
        if (folder / file).exists():
            found[name] = series.halves(read(folder / file))
        else:
            print(f"bench.forecast: {name} skipped: {folder / file} is absent", file=sys.stderr)
    return found


def _row(name: str, calendar: str, part: str, tallies: Sequence[Tally]) -> dict[str, Any]:
    """The figures of several zones together, and how the zones spread."""
    ratios = [row["ratio"] for row in (tally.row() for tally in tallies) if row["ratio"] is not None]
    return {
        "set": name,
        "calendar": calendar,
        "part": part,
        "zones": len(tallies),
        "zones_forecast": len(ratios),
        "median_zone": round(float(np.median(ratios)), 4) if ratios else None,
        "worse_zones": worse_than_naive(tallies),
        **together(name, tallies).row(),
    }


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['set']:<11}{row['calendar']:<18}{row['part']:<13}"
        f" MAE / last week's {_two(row['ratio'])} (without refusals {_two(row['ratio_without_refusals'])},"
        f" median zone {_two(row['median_zone'])}), P10-P90 holds {_two(row['within'])},"
        f" refused {sum(row['refused'].values())} of {row['origins']} {row['refused'] or ''},"
        f" worse zones {len(row['worse_zones'])} of {row['zones_forecast']}"
    )


def _zone_line(zone: dict[str, Any]) -> str:
    return (
        f"  {zone['set']:<11}{zone['calendar']:<18}{zone['name']:<20} {_two(zone['ratio'])}"
        f" (without refusals {_two(zone['ratio_without_refusals'])}), holds {_two(zone['within'])},"
        f" refused {sum(zone['refused'].values())} of {zone['origins']} {zone['refused'] or ''}"
    )


def _two(value: float | None) -> str:
    return "  - " if value is None else f"{value:.3f}"


def judge(rows: Sequence[dict[str, Any]]) -> dict[str, bool]:
    """The goals, for each set as a whole and with its calendar."""
    goals = {}
    for row in rows:
        if row["calendar"] == "with the calendar" and row["part"] == "all":
            low, high = GOAL_WITHIN
            ratio, within = row["ratio"], row["within"]
            goals[f"{row['set']}: MAE at most {GOAL_RATIO} of last week's"] = (
                ratio is not None and ratio <= GOAL_RATIO
            )
            goals[f"{row['set']}: P10-P90 holds {low:.0%} to {high:.0%}"] = (
                within is not None and low <= within <= high
            )
    return goals


def cpu_seconds() -> float:
    """CPU time of one forecast of the largest history there is: 400 days by 96 slots, a fortnight in six of holidays."""
    rng = np.random.default_rng(0)
    values = 50 + 40 * np.sin(np.arange(96) / 96 * np.pi) + rng.normal(0, 5, (400, 96))
    first = series.SCHOOL_HOLIDAYS[0]
    labels = {first + timedelta(days=k): "school_holiday" for k in range(414) if k % 84 < 14 or k >= 400}
    history = History(first, values, 15, labels=labels, capacity=120.0)
    forecast(history)
    began = time.process_time()
    forecast(history)
    return time.process_time() - began
