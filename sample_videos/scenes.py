"""The three scenes by name."""

from __future__ import annotations

from . import ambience, scene_car_park, scene_square, scene_street
from .world import Scene

NAMES = ("square", "car_park", "street")


def build(name: str, seed: int = ambience.DEFAULT_SEED) -> Scene:
    """The scene of that name for a seed; the same pair always gives the same scene."""
    builders = {"square": scene_square.build, "car_park": scene_car_park.build, "street": scene_street.build}
    return builders[name](seed)
