"""One video, one model, one rate: the figures of ours and of the baseline beside the truth. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.counts.counted import Counted, totals
from bench.counts.series import Span, agreement, weighted_mean, windows, without
from bench.counts.truth import Change, Key, Truth

SETTLE_S = 6.0  # a bay may change this late: what is asked of the box

Named = Mapping[str, Counted]  # the counters by name: "ours", "tracks", "detections", …


def zone_figures(truth: Truth, key: Key, counters: Named) -> dict[str, Any]:
    """Occupancy by window and its error, entries and exits, of one zone and class group."""
    spans = windows(truth.end)
    true = [truth.occupancy[key].mean(*span) for span in spans]
    mean = weighted_mean(true, spans)
    occupancy: dict[str, Any] = {}
    for name, counted in counters.items():
        if key not in counted.occupancy:
            continue
        values = counted.occupancy[key]
        error = weighted_mean(np.abs(np.subtract(values, true)), spans)
        occupancy[name] = {
            "error": error,
            "share": error / mean if mean else None,
            "mean": weighted_mean(values, spans),
            "windows": values,
        }
    return {
        "zone": key[0],
        "class": key[1],
        "true_mean": mean,
        "true_windows": true,
        "occupancy": occupancy,
        **{
            name: {
                "lasting": truth.lasting.get(key, truth.totals[key])[way],
                **_way(truth.totals[key], {n: c.changes for n, c in counters.items()}, key, way),
            }
            for way, name in enumerate(("entries", "exits"))
        },
    }


def line_figures(truth: Truth, key: Key, counters: Named) -> dict[str, Any]:
    """Crossings of one line by one class group, both ways, and by window."""
    crossings = {name: counted.crossings for name, counted in counters.items()}
    return {
        "line": key[0],
        "class": key[1],
        "in": _way(truth.totals[key], crossings, key, 0),
        "out": _way(truth.totals[key], crossings, key, 1),
        "true_windows": by_window(truth.crossings[key], windows(truth.end)),
        "windows": {name: found[key] for name, found in crossings.items() if key in found},
    }


def bay_figures(truth: Truth, zone: str, counters: Named) -> dict[str, Any]:
    """Seconds in which each bay's state was right, over all bays: without the settle times, and in all."""
    found: dict[str, Any] = {"zone": zone, "bays": len(truth.bays[zone])}
    whole: list[Span] = [(0.0, truth.end)]
    for name, counted in counters.items():
        if zone not in counted.bays:
            continue
        settled, everything = np.zeros(2), np.zeros(2)
        for bay, true in truth.bays[zone].items():
            changes = [edge for span in true for edge in span if 0 < edge < truth.end]
            taken = counted.bays[zone].get(bay, [])
            settled += agreement(true, taken, without(truth.end, changes, SETTLE_S))
            everything += agreement(true, taken, whole)
        found[name] = {
            "right": float(settled[0] / settled[1]),
            "right_with_settling": float(everything[0] / everything[1]),
            "bay_s": float(settled[1]),
            "bay_s_with_settling": float(everything[1]),
        }
    return found


def video_figures(truth: Truth, counters: Named) -> dict[str, Any]:
    """All zones, lines and bays of one video."""
    return {
        "seconds": truth.end,
        "windows": windows(truth.end),
        "zones": [zone_figures(truth, key, counters) for key in truth.occupancy],
        "lines": [line_figures(truth, key, counters) for key in truth.crossings],
        "bays": [bay_figures(truth, zone, counters) for zone in truth.bays],
    }


def by_window(changes: Sequence[Change], spans: Sequence[Span]) -> list[tuple[int, int]]:
    """(in, out) in each window."""
    found = []
    for start, stop in spans:
        ways = [change.way for change in changes if start <= change.at < stop]
        found.append((ways.count("in"), ways.count("out")))
    return found


def _way(
    true: tuple[int, int], found: Mapping[str, Mapping[Key, list[tuple[int, int]]]], key: Key, way: int
) -> dict[str, int]:
    return {
        "true": true[way],
        **{name: totals(counts[key])[way] for name, counts in found.items() if key in counts},
    }
