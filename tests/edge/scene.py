"""A small world for the counting tests: anchors over time in, records out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from contract.messages import (
    Body,
    ConfigBody,
    LineBody,
    LineConfig,
    ParkingBody,
    ZoneBody,
    ZoneConfig,
    parse_time,
)
from edge.counters import CameraCounters
from edge.records import Detections
from edge.track import Tracker
from edge.zones import Layout
from tests.fakes import detections, standing

WH = (640, 360)
START = parse_time("2026-01-01T00:00:00Z")
ZONE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))  # x 160..480, y 90..270 pixels
LINE = ((0.25, 0.5), (0.75, 0.5))  # y 180, x 160..480

# Where one object's anchor is at a time, or None while it is not detected.
Motion = Callable[[float], tuple[float, float] | None]


def config(
    *,
    kind: Any = "area",
    classes: Any = ("person",),
    interval_s: Any = 60,
    bays: Any = None,
    capacity: Any = None,
) -> ConfigBody:
    """One zone and one line across its middle."""
    return ConfigBody(
        camera="cam",
        at=START,
        interval_s=interval_s,
        zones=(
            ZoneConfig(
                id="zone",
                kind=kind,
                purpose="statistics",
                polygon=None if bays else ZONE,
                bays=bays or {},
                capacity=capacity,
                classes=classes,
            ),
        ),
        lines=(LineConfig(id="line", points=LINE, classes=classes),),
        ground=None,
        model="test",
        model_sha256="0" * 64,
        software="0.1.0",
    )


def counters(wire: ConfigBody, **settings: Any) -> CameraCounters:
    """Counters whose run begins at a whole minute."""
    return CameraCounters(
        "cam",
        Layout.of(wire, WH),
        interval_s=wire.interval_s,
        anchor=START.timestamp(),
        confidence=0.25,
        **settings,
    )


def times(end: float, fps: float = 6.0, start: float = 0.0) -> list[float]:
    """Frame times."""
    return [float(at) for at in np.arange(start, end, 1 / fps)]


def frames_of(
    motions: Sequence[Motion], at: float, *, height: float = 40.0, name: str = "person"
) -> Detections:
    """What a perfect detector sees."""
    places = [place for motion in motions if (place := motion(at)) is not None]
    return detections(*[standing(*place, height) for place in places], name=name)


def count(
    motions: Sequence[Motion],
    at: Iterable[float],
    *,
    wire: ConfigBody | None = None,
    end: float | None = None,
    **looks: Any,
) -> list[Body]:
    """Run the motions through tracker and counters; every record, closed at the end."""
    wire = wire or config()
    counting, tracker = counters(wire), Tracker()
    bodies: list[Body] = []
    moments = list(at)
    for moment in moments:
        seen = frames_of(motions, moment, **looks)
        bodies += counting.observe(seen, tracker.update(seen, moment), moment)
    return bodies + counting.finish(end if end is not None else moments[-1] + (moments[-1] - moments[-2]))


def zones(bodies: Iterable[Body]) -> list[ZoneBody]:
    return [body for body in bodies if isinstance(body, ZoneBody)]


def lines(bodies: Iterable[Body]) -> list[LineBody]:
    return [body for body in bodies if isinstance(body, LineBody)]


def parking(bodies: Iterable[Body]) -> list[ParkingBody]:
    return [body for body in bodies if isinstance(body, ParkingBody)]


def total(bodies: Iterable[Body], field: str, name: Any = "person") -> float:
    """The sum of one counted field over all zone records."""
    return sum(getattr(body.counts[name], field) for body in zones(bodies) if name in body.counts)


def crossed(bodies: Iterable[Body], name: Any = "person") -> tuple[int, int]:
    """(in, out) over all line records."""
    found = [body.counts[name] for body in lines(bodies) if name in body.counts]
    return sum(count.in_ for count in found), sum(count.out for count in found)


def walk(x0: float, y0: float, x1: float, y1: float, start: float, end: float) -> Motion:
    """Straight from one anchor to another between two times; there only then."""

    def motion(at: float) -> tuple[float, float] | None:
        if not start <= at <= end:
            return None
        share = (at - start) / (end - start)
        return x0 + share * (x1 - x0), y0 + share * (y1 - y0)

    return motion


def stand(x: float, y: float, start: float = 0.0, end: float = float("inf")) -> Motion:
    """At one place between two times."""
    return lambda at: (x, y) if start <= at <= end else None
