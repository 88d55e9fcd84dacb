"""Zones, bays and count lines in pixels of one frame size, built once from the fractions of the wire.

Frozen values: they carry geometry and names, and count nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract.messages import ConfigBody, LineConfig, ZoneConfig
from contract.names import ObjectClass, ZoneKind
from edge.ground import GroundPlane

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """One zone: ``polygon`` (M, 2) pixels (None for a parking zone that is only its bays), ``bays`` by name."""

    id: str
    kind: ZoneKind
    version: str
    classes: tuple[ObjectClass, ...]
    polygon: Points | None
    bays: dict[str, Points]
    capacity: int | None


@dataclass(frozen=True, slots=True, eq=False)
class CountLine:
    """A directed segment from ``a`` (2,) to ``b`` (2,), pixels; *in* is from c < 0 to c > 0."""

    id: str
    classes: tuple[ObjectClass, ...]
    a: Points
    b: Points

    @property
    def length(self) -> float:
        """Pixels."""
        return float(np.hypot(*(self.b - self.a)))


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What one camera counts, at one frame size ``wh`` (width, height) in pixels."""

    wh: tuple[int, int]
    zones: tuple[Zone, ...]
    lines: tuple[CountLine, ...]
    ground: GroundPlane | None = None

    @staticmethod
    def of(config: ConfigBody, wh: tuple[int, int]) -> Layout:
        """Turn the fractions of a configuration message into pixels."""
        scale = np.array(wh, np.float64)
        return Layout(
            wh,
            tuple(_zone(zone, scale) for zone in config.zones),
            tuple(_line(line, scale) for line in config.lines),
            None if config.ground is None else GroundPlane.of(config.ground, wh),
        )


def _zone(zone: ZoneConfig, scale: Points) -> Zone:
    polygon = None if zone.polygon is None else np.array(zone.polygon, np.float64) * scale
    bays = {name: np.array(corners, np.float64) * scale for name, corners in zone.bays.items()}
    return Zone(zone.id, zone.kind, zone.version, zone.classes, polygon, bays, zone.capacity)


def _line(line: LineConfig, scale: Points) -> CountLine:
    a, b = np.array(line.points, np.float64) * scale
    return CountLine(line.id, line.classes, a, b)
