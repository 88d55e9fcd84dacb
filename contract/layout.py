"""What one camera counts, as the configuration message tells it: its zones, lines and ground points."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import Field

from contract.base import Metres, Point, Strict, canonical
from contract.names import Name, ObjectClass, Purpose, ZoneKind


class ZoneConfig(Strict):
    """One zone as the box counts it; its version names exactly this geometry and these rules."""

    id: Name
    kind: ZoneKind
    purpose: Purpose
    polygon: tuple[Point, ...] | None
    bays: dict[Name, tuple[Point, ...]] = Field(default_factory=dict)
    capacity: Annotated[int, Field(ge=1, le=100_000)] | None
    classes: tuple[ObjectClass, ...]

    @property
    def version(self) -> str:
        """First 16 hex digits of the SHA-256 of this zone's canonical JSON."""
        return hashlib.sha256(canonical(self).encode()).hexdigest()[:16]


class LineConfig(Strict):
    """One count line, from a to b."""

    id: Name
    points: tuple[Point, Point]
    classes: tuple[ObjectClass, ...]


class GroundConfig(Strict):
    """Four image points (fractions) and their place on the ground, in metres or as (lon, lat)."""

    image: tuple[Point, Point, Point, Point]
    metres: tuple[Metres, Metres, Metres, Metres] | None = None
    lonlat: tuple[Metres, Metres, Metres, Metres] | None = None
