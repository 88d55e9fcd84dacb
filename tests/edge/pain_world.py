"""One scripted scene, counted twice: by the box and by the baseline of `bench.counts`, from the same detections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.counts import baseline
from bench.counts.counted import totals
from bench.counts.detections import CONFIDENCE, Sight
from contract.messages import Body, LineBody, ParkingBody, ZoneBody
from edge.counters import CameraCounters
from edge.records import Detections
from edge.track import Tracker, TrackerSettings
from edge.zones import Layout
from tests.edge.scene import START, WH

Script = Sequence[tuple[float, Detections]]
DEFAULT, tuned = baseline.DEFAULT, baseline.tuned


@dataclass(frozen=True)
class Told:
    """What was counted of everything in a scene with one zone, or one parking zone, and at most one line."""

    object_s: float = 0.0
    entries: int = 0
    exits: int = 0
    peak: int = 0
    ways: tuple[int, int] = (0, 0)  # in, out
    changes: tuple[int, int] = (0, 0)  # arrivals, departures of a parking zone
    bay_s: float = 0.0

    @property
    def crossings(self) -> int:
        return sum(self.ways)


def ours(layout: Layout, script: Script, end: float, **settings: Any) -> Told:
    """The box: its tracker and its counters."""
    return told(run(layout, script, end, **settings))


def run(layout: Layout, script: Script, end: float, interval_s: Any = 60) -> list[Body]:
    """Every record of the box, closed at ``end``."""
    counting = CameraCounters(
        "cam", layout, interval_s=interval_s, anchor=START.timestamp(), confidence=CONFIDENCE
    )
    tracker = Tracker(TrackerSettings(confidence=CONFIDENCE), layout.wh)
    bodies: list[Body] = []
    for at, seen in script:
        bodies += counting.observe(seen, tracker.update(seen, at), at)
    return bodies + counting.finish(end)


def told(bodies: Iterable[Body]) -> Told:
    """The sum over records and classes; of peaks the highest."""
    sums = Told()
    for body in bodies:
        if isinstance(body, ZoneBody):
            for count in body.counts.values():
                sums = replace(
                    sums,
                    object_s=sums.object_s + count.object_s,
                    entries=sums.entries + count.entries,
                    exits=sums.exits + count.exits,
                    peak=max(sums.peak, count.peak),
                )
        elif isinstance(body, LineBody):
            for way in body.counts.values():
                sums = replace(sums, ways=(sums.ways[0] + way.in_, sums.ways[1] + way.out))
        elif isinstance(body, ParkingBody):
            changes = (sums.changes[0] + body.arrivals, sums.changes[1] + body.departures)
            sums = replace(
                sums, changes=changes, bay_s=sums.bay_s + body.occupied_bay_s, peak=max(sums.peak, body.peak)
            )
    return sums


def theirs(
    layout: Layout,
    script: Script,
    rate: float,
    end: float,
    *,
    recipe: baseline.Recipe = DEFAULT,
    occupancy: str = "tracks",
) -> Told:
    """The baseline on the same detections; its peak is that of any single frame and is not told."""
    sights = [Sight(at, WH, seen) for at, seen in script]
    counted = baseline.count(layout, sights, rate, [(0.0, end)], recipe)
    flows, seen = counted["tracks"], counted[occupancy]
    entries, exits = _sum(flows.changes.values())
    return Told(
        object_s=sum(means[0] for means in seen.occupancy.values()) * end,
        entries=entries,
        exits=exits,
        ways=_sum(flows.crossings.values()),
        changes=_sum(counted["detections"].changes.values()),
        bay_s=sum(
            b - a for bays in counted["detections"].bays.values() for spans in bays.values() for a, b in spans
        ),
    )


def _sum(ways: Iterable[list[tuple[int, int]]]) -> tuple[int, int]:
    both = [totals(way) for way in ways]
    return sum(a for a, _ in both), sum(b for _, b in both)


def script_of(look: Callable[[float], Detections], end: float, rate: float, start: float = 0.0) -> Script:
    """A detector asked at a steady rate."""
    return [(float(at), look(float(at))) for at in np.arange(start, end, 1 / rate)]
