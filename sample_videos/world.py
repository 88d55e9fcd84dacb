"""The vocabulary of a scene: camera, light, actors with their tracks, zones, bays, lines, events.

Pure: numbers only. Lengths are metres, times seconds, angles radians, image points pixels with y down.
x runs to the right of the picture, y away from the camera, z upwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Point = tuple[float, float]

WIDTH, HEIGHT = 640, 360
FPS = 6.0
CLASSES = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
VEHICLES = ("car", "motorcycle", "bus", "truck")


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without distortion; `focal_px` holds for a picture WIDTH pixels wide."""

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    focal_px: float

    @lru_cache(maxsize=32)  # noqa: B019 - a handful of small frozen cameras
    def axes(self) -> tuple[Floats, Floats, Floats]:
        """Right, up and forward as unit vectors."""
        forward = np.subtract(self.target, self.position).astype(float)
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right /= np.linalg.norm(right)
        return right, np.cross(right, forward), forward

    def project(self, points: Any) -> Floats:
        """World points (..., 3) or ground points (..., 2) to (..., 3): pixel x, pixel y, depth in metres."""
        p = np.asarray(points, float)
        if p.shape[-1] == 2:
            p = np.concatenate([p, np.zeros((*p.shape[:-1], 1))], axis=-1)
        right, up, forward = self.axes()
        d = p - np.asarray(self.position)
        depth = d @ forward
        safe = np.maximum(depth, 0.05)
        x = WIDTH / 2 + self.focal_px * (d @ right) / safe
        y = HEIGHT / 2 - self.focal_px * (d @ up) / safe
        return np.stack([x, y, depth], axis=-1)

    def sees(self, point: Point) -> bool:
        """Whether a ground point lies within the picture."""
        x, y, depth = self.project(point)
        return bool(depth > 0.1 and 0 <= x <= WIDTH and 0 <= y <= HEIGHT)


@dataclass(frozen=True)
class Light:
    """The sun and the sky. `azimuth` points from the scene to the sun, 0 = to the right, pi/2 = away."""

    elevation: float
    azimuth: float
    colour: tuple[float, float, float]
    strength: float
    sky: float

    @property
    def night(self) -> bool:
        """Whether the sky is so dark that lamps are lit."""
        return self.sky < 0.3


@dataclass
class Track:
    """Where an actor is over time, sampled evenly; `values` has one row per sample and the columns COLUMNS."""

    start: float
    step: float
    values: Floats

    COLUMNS = ("x", "y", "heading", "phase", "swing", "sit", "talk", "z")

    @property
    def end(self) -> float:
        """The time of the last sample."""
        return self.start + self.step * (len(self.values) - 1)

    def at(self, t: float) -> Floats:
        """The interpolated row at time t, held at both ends."""
        k = min(max((t - self.start) / self.step, 0.0), len(self.values) - 1.0)
        i = min(int(k), max(len(self.values) - 2, 0))
        j = min(i + 1, len(self.values) - 1)
        row: Floats = self.values[i] + (k - i) * (self.values[j] - self.values[i])
        return row


@dataclass
class Actor:
    """Something that moves. `cls` is None for what is drawn but never counted (a box)."""

    id: int
    cls: str | None
    kind: str
    look: Any
    track: Track
    since: float
    until: float

    def exists(self, t: float) -> bool:
        """Whether the actor is in the world at time t."""
        return self.since <= t <= self.until


@dataclass(frozen=True)
class Prop:
    """A static thing: what, where, turned how, how big, which variant."""

    kind: str
    x: float
    y: float
    turn: float = 0.0
    size: float = 1.0
    variant: int = 0


@dataclass(frozen=True)
class Patch:
    """A flat piece of ground: corners, the material's name, height."""

    polygon: tuple[Point, ...]
    material: str
    z: float


@dataclass(frozen=True)
class Zone:
    """A zone of the configuration, in metres on the ground."""

    id: str
    kind: str
    classes: tuple[str, ...]
    polygon: tuple[Point, ...] = ()
    bays: dict[str, tuple[Point, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """A count line from a to b, in metres on the ground."""

    id: str
    a: Point
    b: Point
    classes: tuple[str, ...]


@dataclass
class Scene:
    """All that is drawn and all that is true."""

    name: str
    seed: int
    frames: int
    camera: Camera
    light: Light
    actors: list[Actor]
    props: list[Prop]
    patches: list[Patch]
    zones: list[Zone]
    lines: list[Line]
    ground: tuple[Point, ...]
    events: list[dict[str, Any]] = field(default_factory=list)
    debris: list[dict[str, Any]] = field(default_factory=list)
    bay_spans: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def sunshine(self, t: float) -> float:
        """The share of sunlight left by passing clouds at time t, 0..1, with ramps of 2.5 s."""
        share = 1.0
        for e in self.events:
            if e["kind"] == "cloud":
                inside = min((t - e["from"]) / 2.5, (e["to"] - t) / 2.5)
                share = min(share, 1.0 - 0.85 * min(max(inside, 0.0), 1.0))
        return share


def rectangle(x0: float, y0: float, x1: float, y1: float) -> tuple[Point, ...]:
    """Four corners, far left first, clockwise in the picture."""
    return ((x0, y1), (x1, y1), (x1, y0), (x0, y0))
