"""Counted against true: adds up the records of a scene and sets them beside its truth. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from contract.messages import Body, LineBody, ParkingBody, ZoneBody
from contract.names import GROUP_OF, ClassGroup

ZONE_FIGURES: Final = ("entries", "exits", "peak", "mean")
LINE_FIGURES: Final = ("in", "out")
# The mean is right within the larger of these two (issue "the main job": 15 % of the truth or 0.3 objects).
MEAN_SHARE: Final = 0.15
MEAN_OBJECTS: Final = 0.3

Figures = dict[str, float]


def zone_totals(bodies: Iterable[Body], zone: str, group: ClassGroup) -> Figures:
    """Entries, exits, peak and time-weighted mean of a class group in a zone; for bays, of occupied bays."""
    object_s, observed_s, entries, exits, peak = 0.0, 0.0, 0, 0, 0
    for body in bodies:
        if isinstance(body, ParkingBody) and body.zone == zone and group == "vehicle":
            object_s += body.occupied_bay_s
            observed_s += body.observed_s
            entries += body.arrivals
            exits += body.departures
            peak = max(peak, body.peak)
        elif isinstance(body, ZoneBody) and body.zone == zone:
            counts = [count for name, count in body.counts.items() if GROUP_OF[name] == group]
            object_s += sum(count.object_s for count in counts)
            observed_s += body.observed_s
            entries += sum(count.entries for count in counts)
            exits += sum(count.exits for count in counts)
            highest = body.peak_vehicle if group == "vehicle" else max((c.peak for c in counts), default=0)
            peak = max(peak, highest)
    mean = object_s / observed_s if observed_s else 0.0
    return {"entries": entries, "exits": exits, "peak": peak, "mean": round(mean, 3)}


def line_totals(bodies: Iterable[Body], line: str, group: ClassGroup) -> Figures:
    """Crossings of a class group, by direction."""
    counts = [
        count
        for body in bodies
        if isinstance(body, LineBody) and body.line == line
        for name, count in body.counts.items()
        if GROUP_OF[name] == group
    ]
    return {"in": sum(count.in_ for count in counts), "out": sum(count.out for count in counts)}


def compare(bodies: Sequence[Body], truth: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Each zone, line and class group of a scene's truth beside what was counted."""
    zones = [
        {
            "zone": zone,
            "class": group,
            "counted": zone_totals(bodies, zone, group),
            "true": {figure: true[figure] for figure in ZONE_FIGURES},
        }
        for zone, groups in truth["zones"].items()
        for group, true in groups.items()
    ]
    lines = [
        {
            "line": line,
            "class": group,
            "counted": line_totals(bodies, line, group),
            "true": {figure: true[figure] for figure in LINE_FIGURES},
        }
        for line, groups in truth["lines"].items()
        for group, true in groups.items()
    ]
    return {"zones": zones, "lines": lines}


def mean_is_right(counted: float, true: float) -> bool:
    """Whether a mean occupancy is within the stated bounds."""
    return abs(counted - true) <= max(MEAN_SHARE * true, MEAN_OBJECTS) + 1e-9
