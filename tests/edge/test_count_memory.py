"""What is dropped with its track, and who rides a bicycle."""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import Any

import numpy as np
import pytest

from contract.messages import LineBody, ZoneBody
from contract.names import ObjectClass
from edge.counters import CameraCounters
from edge.grid import PresenceGrid
from edge.records import Detections
from edge.track import Tracker
from edge.yolo import merge_riders
from edge.zones import Layout
from tests.edge.lint_world import layout, line, zone
from tests.edge.pain_world import Script, run, script_of
from tests.edge.scene import START, ZONE, Motion, config, frames_of, walk
from tests.fakes import detections, join


def weight(thing: Any, seen: set[int] | None = None) -> int:
    """How many values an object holds, through its containers, arrays and attributes."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, (str, bytes, int, float, bool, type, type(None))):
        return 1
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        return thing.size
    if isinstance(thing, dict):
        return sum(weight(key, seen) + weight(value, seen) for key, value in thing.items())
    if isinstance(thing, (list, tuple, set, frozenset, deque)):
        return sum(weight(item, seen) for item in thing)
    names = [field.name for field in dataclasses.fields(thing)] if dataclasses.is_dataclass(thing) else []
    values = [getattr(thing, name) for name in names] or list(getattr(thing, "__dict__", {}).values())
    return 1 + sum(weight(value, seen) for value in values)


def test_what_is_known_of_a_track_is_dropped_with_it() -> None:
    """opendatacam#173: memory grew until the box froze. Here three thousand people come and go, eight at a time.

    Tracker, counters and grid are weighed each minute: the last minutes weigh no more than the first ones, and a quiet
    minute at the end as little as one at the beginning.
    """
    wire = config(interval_s=10)
    plan = Layout.of(wire, (640, 360))
    grid = PresenceGrid(wire, confidence=0.25)
    counting = CameraCounters(
        "cam", plan, interval_s=10, anchor=START.timestamp(), confidence=0.25, grid=grid
    )
    tracker = Tracker(frame_wh=plan.wh)
    weights: list[int] = []
    for minute in range(29):
        for at in (60 * minute + np.arange(0, 60, 0.25)).tolist():
            found = Detections.empty() if minute in (1, 28) else frames_of(short_walks(at), at)
            counting.observe(found, tracker.update(found, at), at)
        weights.append(weight([tracker, counting, grid]))
    assert tracker._next_id > 3000
    assert max(weights[20:28]) <= 1.1 * max(weights[2:8])
    assert weights[28] <= 1.1 * weights[1]


def short_walks(at: float) -> list[Motion]:
    """Eight places; at each somebody new comes every four seconds, crosses the line and vanishes."""
    starts = [at - (at + k / 2) % 4 for k in range(8)]
    return [walk(180 + 40 * k, 120, 180 + 40 * k, 250, start, start + 3.5) for k, start in enumerate(starts)]


BOTH = ("person", "bicycle", "motorcycle")
RING = layout(zone("lawn", *ZONE, classes=BOTH), line("gate", (0.5, 0.1), (0.5, 0.95), *BOTH))


def ride(name: ObjectClass, rate: float, missed: float = 0.0, seed: int = 1) -> Script:
    """Somebody rides across at 65 px a second; the cycle is found with .6, its rider with .8."""
    rng, way = np.random.default_rng(seed), walk(60, 220, 580, 220, 1, 9)

    def seen(at: float) -> Detections:
        place = way(at)
        if place is None:
            return Detections.empty()
        x, y = place
        rider = detections((x - 11, y - 68, x + 11, y - 12))
        cycle = detections((x - 28, y - 40, x + 28, y), name=name, confidence=0.6)
        return merge_riders(join(cycle, rider) if rng.random() >= missed else rider)

    return script_of(seen, 11, rate)


def counted(script: Script) -> dict[str, list[int]]:
    """Entries, exits and crossings by class."""
    found: dict[str, list[int]] = {}
    for body in run(RING, script, 11):
        if isinstance(body, ZoneBody):
            for name, zone_count in body.counts.items():
                found[name] = [zone_count.entries, zone_count.exits, 0]
        elif isinstance(body, LineBody):
            for name, line_count in body.counts.items():
                found[name][2] = line_count.in_ + line_count.out
    return found


@pytest.mark.parametrize("rate", [4, 10])
@pytest.mark.parametrize("name", ["bicycle", "motorcycle"])
def test_a_rider_counts_once_as_the_cycle(name: ObjectClass, rate: float) -> None:
    assert counted(ride(name, rate)) == {name: [1, 1, 1]}


@pytest.mark.parametrize(("rate", "missed"), [(6, 0.3), (10, 0.2), (10, 0.3)])
def test_a_rider_whose_cycle_is_missed_now_and_then_counts_once(rate: float, missed: float) -> None:
    """design.md section 5: a rider counts once, as the bicycle or motorcycle."""
    assert counted(ride("bicycle", rate, missed)) == {"bicycle": [1, 1, 1]}


def test_somebody_who_walks_beside_a_bicycle_is_two_objects() -> None:
    way = walk(60, 220, 580, 220, 1, 15)

    def seen(at: float) -> Detections:
        place = way(at)
        if place is None:
            return Detections.empty()
        x, y = place
        walker = detections((x - 60, y - 66, x - 38, y + 4))
        return merge_riders(
            join(walker, detections((x - 28, y - 40, x + 28, y), name="bicycle", confidence=0.6))
        )

    assert counted(script_of(seen, 17, 6)).keys() == {"person", "bicycle"}
