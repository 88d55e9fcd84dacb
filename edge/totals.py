"""Records added up over a run: the figures of one zone or line by class. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from contract.messages import Body, GridBody, LineBody, ParkingBody, ZoneBody
from contract.names import CLASSES

Kind = Literal["zone", "parking", "line", "grid"]
Record = ZoneBody | ParkingBody | LineBody | GridBody
Figures = dict[str, float]
BAYS: Final = "bays"  # what the totals of a parking zone are about, in the place of a class
FIGURES: Final[dict[Kind, tuple[str, ...]]] = {
    "zone": ("mean", "peak", "entries", "exits"),
    "parking": ("mean", "peak", "arrivals", "departures"),
    "line": ("in", "out"),
    "grid": ("object_s",),
}


def place_of(body: Body) -> tuple[Kind, str] | None:
    """Kind and name of what a record counts (a grid: its class); None for other messages."""
    if isinstance(body, ZoneBody):
        return "zone", body.zone
    if isinstance(body, ParkingBody):
        return "parking", body.zone
    if isinstance(body, LineBody):
        return "line", body.line
    return ("grid", body.object_class) if isinstance(body, GridBody) else None


def totals(bodies: Iterable[Body], kind: Kind, place: str) -> dict[str, Figures]:
    """Figures of one place by class (of bays under `BAYS`); ``mean`` is the time-weighted mean occupancy."""
    records = [body for body in bodies if place_of(body) == (kind, place)]
    found: dict[str, Figures] = {}
    for name in CLASSES:
        counts = [r.counts[name] for r in records if isinstance(r, ZoneBody) and name in r.counts]
        ways = [r.counts[name] for r in records if isinstance(r, LineBody) and name in r.counts]
        if counts:
            found[name] = {
                "mean": _mean(sum(count.object_s for count in counts), records),
                "peak": max(count.peak for count in counts),
                "entries": sum(count.entries for count in counts),
                "exits": sum(count.exits for count in counts),
            }
        if ways:
            found[name] = {"in": sum(way.in_ for way in ways), "out": sum(way.out for way in ways)}
    bays = [record for record in records if isinstance(record, ParkingBody)]
    if bays:
        found[BAYS] = {
            "mean": _mean(sum(record.occupied_bay_s for record in bays), records),
            "peak": max(record.peak for record in bays),
            "arrivals": sum(record.arrivals for record in bays),
            "departures": sum(record.departures for record in bays),
        }
    cells = [cell or 0.0 for record in records if isinstance(record, GridBody) for cell in record.object_s]
    if cells:
        found[place] = {"object_s": round(sum(cells), 3)}
    return found


def _mean(object_s: float, records: Iterable[Body]) -> float:
    observed_s = sum(record.observed_s for record in records if isinstance(record, ZoneBody | ParkingBody))
    return round(object_s / observed_s, 3) if observed_s else 0.0
