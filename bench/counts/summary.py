"""All videos of a set at one model and rate, added up; which baseline counts, and how sure the comparison is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bench.counts.statistics import Paired, ratio, ratio_interval

OCCUPANCIES = ("ours", "tracks", "detections", "tuned")
FLOWS = ("ours", "tracks", "tuned")


def summarise(videos: Sequence[dict[str, Any]], samples: int, seed: int) -> dict[str, Any]:
    """Sums over zones, lines and bays of the videos' figures (`measure.video_figures`)."""
    zones = [zone for video in videos for zone in video["zones"]]
    parked = {(bays["zone"], id(video)) for video in videos for bays in video["bays"]}
    flows = [z for v in videos for z in v["zones"] if (z["zone"], id(v)) not in parked]
    bays = [z for v in videos for z in v["zones"] if (z["zone"], id(v)) in parked]
    lines = _wrong([line for video in videos for line in video["lines"]], ("in", "out"))
    return {
        "occupancy": _occupancy(videos, zones, samples, seed),
        "entries_exits": _wrong(flows, ("entries", "exits")),
        "arrivals_departures": _wrong(bays, ("entries", "exits")),
        "lines": lines,
        "line_share": {
            name: wrong / lines["true"] for name, wrong in lines.items() if name != "true" and lines["true"]
        },
        "bays": _bays([bays for video in videos for bays in video["bays"]]),
    }


def occupancy_of(zone: dict[str, Any], name: str) -> dict[str, Any] | None:
    """A counter's occupancy of a zone; bays know one baseline only, so it stands for each of them."""
    found = zone["occupancy"]
    if name != "ours" and name not in found and "tracks" not in found:
        name = "detections"
    figures: dict[str, Any] | None = found.get(name)
    return figures


def flow_of(way: dict[str, int], name: str) -> int | None:
    """A counter's number of entries, exits or crossings; of bays the one baseline's."""
    return way.get(name, way.get("detections") if name != "ours" else None)


def _occupancy(
    videos: Sequence[dict[str, Any]], zones: Sequence[dict[str, Any]], samples: int, seed: int
) -> dict[str, Any]:
    errors: dict[str, Any] = {"true": sum(zone["true_mean"] for zone in zones)}
    for name in OCCUPANCIES:
        found = [occupancy_of(zone, name) for zone in zones]
        if all(found):
            errors[name] = sum(figures["error"] for figures in found if figures)
    errors["share"] = errors["ours"] / errors["true"] if errors["true"] else None
    rivals = [name for name in ("tracks", "detections") if name in errors]
    if rivals:
        best = min(rivals, key=lambda name: errors[name])
        pairs = [_paired(video, best) for video in videos]
        errors |= {
            "baseline": best,
            "ratio": ratio(pairs),
            "interval": ratio_interval(pairs, samples, seed) if samples else None,
        }
    return errors


def _paired(video: dict[str, Any], name: str) -> Paired:
    """Errors summed over zones, by window."""
    ours, theirs = np.zeros(len(video["windows"])), np.zeros(len(video["windows"]))
    for zone in video["zones"]:
        own, other = occupancy_of(zone, "ours"), occupancy_of(zone, name)
        assert own is not None and other is not None  # noqa: S101, PT018 - the caller summed them before
        ours += np.abs(np.subtract(own["windows"], zone["true_windows"]))
        theirs += np.abs(np.subtract(other["windows"], zone["true_windows"]))
    return Paired(ours, theirs, np.array([stop - start for start, stop in video["windows"]]))


def _wrong(parts: Iterable[dict[str, Any]], ways: tuple[str, str]) -> dict[str, int]:
    """Counted too many or too few, summed over places and directions, and how many there were to count."""
    found: dict[str, int] = {"true": 0}
    for part in parts:
        for way in ways:
            true = part[way]["true"]
            found["true"] += true
            for name in FLOWS:
                counted = flow_of(part[way], name)
                if counted is not None:
                    found[name] = found.get(name, 0) + abs(counted - true)
    return found


def _bays(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Shares over all bays of all videos."""
    found: dict[str, Any] = {}
    for name in ("ours", "detections"):
        own = [part[name] for part in parts if name in part]
        if own:
            settled = sum(part["bay_s"] for part in own)
            whole = sum(part["bay_s_with_settling"] for part in own)
            found[name] = {
                "right": sum(part["right"] * part["bay_s"] for part in own) / settled,
                "right_with_settling": sum(
                    part["right_with_settling"] * part["bay_s_with_settling"] for part in own
                )
                / whole,
                "bay_s": settled,
            }
    return found
