"""The three scenes by name, and the one for training."""

from __future__ import annotations

from . import ambience, scene_anywhere, scene_car_park, scene_square, scene_street
from .world import Scene

NAMES = ("square", "car_park", "street")
STILLS = (*NAMES, scene_anywhere.NAME)  # what stills can be drawn of; nothing moves in the last one


def build(name: str, seed: int = ambience.DEFAULT_SEED) -> Scene:
    """The scene of that name for a seed; the same pair always gives the same scene."""
    builders = {"square": scene_square.build, "car_park": scene_car_park.build, "street": scene_street.build,
                scene_anywhere.NAME: scene_anywhere.build}  # fmt: skip
    return builders[name](seed)
