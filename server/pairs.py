"""What is kept of a camera on a plan: the nouns of `server.placing`, without its arithmetic. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fit = Literal["scale", "stretch", "free"]


@dataclass(frozen=True, slots=True)
class Pair:
    """One point: fractions of the frame (x, y) and of the plan (u, v), from the top left."""

    x: float
    y: float
    u: float
    v: float


@dataclass(frozen=True, slots=True)
class Ground:
    """Four points of the frame, fractions, and where they lie in metres."""

    image: tuple[tuple[float, float], ...]
    metres: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Placing:
    """What is kept of a camera: on which site's plan (by its digest), how it fits, its points, and the ground points in force."""

    device: str
    camera: str
    site: str
    plan: str
    fit: Fit
    pairs: tuple[Pair, ...]
    ground: Ground | None
    at: int
