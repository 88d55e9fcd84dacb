"""A small world for the checks of a layout: tracks over time in, a measured dry run out; no tracker, no detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from contract.messages import ConfigBody, LineConfig, ZoneConfig
from contract.names import CLASSES, ObjectClass
from edge.dry_run import DryRun
from edge.measured import Measured
from edge.records import Track
from edge.zones import Layout
from tests.edge.scene import START, WH, Motion, times, walk

# People of this world grow down the frame: .04 of its height at the top, .24 at the bottom.
TOP, GROWTH = 0.04, 0.2


def height_at(y: float) -> float:
    """Pixels, of a person whose feet are at ``y`` pixels."""
    return (TOP + GROWTH * y / WH[1]) * WH[1]


@dataclass(frozen=True)
class Actor:
    """One object: where its feet are, what it is, and when the detector misses it."""

    motion: Motion
    name: ObjectClass = "person"
    aspect: float = 0.4
    scale: float = 1.0  # of a person's height
    missed: Callable[[float], bool] = lambda at: False


def tracks_of(actors: Sequence[Actor], at: float, seen: dict[int, float]) -> list[Track]:
    """What a tracker that never errs says; ``seen`` keeps the time each was found last."""
    tracks = []
    for number, actor in enumerate(actors):
        place = actor.motion(at)
        if place is None:
            continue
        height = actor.scale * height_at(place[1])
        half = actor.aspect * height / 2
        box = np.array([place[0] - half, place[1] - height, place[0] + half, place[1]], np.float32)
        box = box.clip(0, np.array((*WH, *WH), np.float32))
        if not actor.missed(at):
            seen[number] = at
        if number in seen:
            tracks.append(Track(number, box, 0.8, CLASSES.index(actor.name), "confirmed", 0.0, seen[number]))
    return tracks


def look(
    actors: Sequence[Actor],
    *,
    seconds: float = 20.0,
    fps: float = 6.0,
    input_hw: tuple[int, int] | None = (384, 640),
) -> Measured:
    """A dry run over these actors."""
    run, seen = DryRun(WH, confidence=0.25, input_hw=input_hw), {}
    for at in times(seconds + 1e-6, fps):
        run.observe(tracks_of(actors, at, seen), at)
    return run.measured()


def crowd(**settings: Any) -> list[Actor]:
    """People who walk from left to right at all depths, at .8 of their heights a second."""
    actors = []
    for y in range(100, 360, 30):
        speed = 0.8 * height_at(y)
        actors.append(Actor(walk(40, y, 40 + 20 * speed, y, 0, 20), **settings))
    return actors


def zone(name: str, *corners: tuple[float, float], **settings: Any) -> ZoneConfig:
    """One zone, fractions; people in an area unless told otherwise."""
    values = {
        "kind": "area",
        "purpose": "statistics",
        "bays": {},
        "capacity": None,
        "classes": ("person",),
        "polygon": corners or None,
        **settings,
    }
    return ZoneConfig(id=name, **values)


def box_of(x0: float, y0: float, x1: float, y1: float) -> tuple[tuple[float, float], ...]:
    """The corners of an upright rectangle."""
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def line(name: str, a: tuple[float, float], b: tuple[float, float], *classes: ObjectClass) -> LineConfig:
    """One count line, for people unless told otherwise."""
    return LineConfig(id=name, points=(a, b), classes=classes or ("person",))


def layout(*parts: ZoneConfig | LineConfig, ground: Any = None) -> Layout:
    """Zones and lines at the size of the scene's frame."""
    return Layout.of(
        ConfigBody(
            camera="cam",
            at=START,
            interval_s=60,
            zones=tuple(part for part in parts if isinstance(part, ZoneConfig)),
            lines=tuple(part for part in parts if isinstance(part, LineConfig)),
            ground=ground,
            model="test",
            model_sha256="0" * 64,
            software="0.1.0",
        ),
        WH,
    )
