"""Words, classes and bounds that box and server must agree on for ever.

Nothing here may change within version 1 of the wire: histograms of different years add up only while their
bounds stay the same.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, get_args

from pydantic import StringConstraints

NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,63}$"
NAME: Final = re.compile(NAME_PATTERN.replace("$", r"\Z"))
HEX16_PATTERN: Final = r"^[0-9a-f]{16}$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Hex16 = Annotated[str, StringConstraints(pattern=HEX16_PATTERN)]

ObjectClass = Literal["person", "bicycle", "motorcycle", "car", "bus", "truck"]
CLASSES: Final[tuple[ObjectClass, ...]] = get_args(ObjectClass)
VEHICLES: Final[tuple[ObjectClass, ...]] = ("motorcycle", "car", "bus", "truck")

ClassGroup = Literal["person", "bicycle", "vehicle"]
GROUPS: Final[tuple[ClassGroup, ...]] = get_args(ClassGroup)
GROUP_OF: Final[dict[ObjectClass, ClassGroup]] = {
    "person": "person",
    "bicycle": "bicycle",
    "motorcycle": "vehicle",
    "car": "vehicle",
    "bus": "vehicle",
    "truck": "vehicle",
}

ZoneKind = Literal["area", "parking", "road"]
Purpose = Literal["statistics", "operational"]
TimeQuality = Literal["synced", "unsynced"]
Flag = Literal["dark", "degraded", "moved", "covered", "frozen", "lost"]
# Seconds under these flags saw nothing trustworthy, so they are missing from observed_s.
UNOBSERVED_FLAGS: Final[frozenset[Flag]] = frozenset({"moved", "covered", "frozen", "lost"})

# How a box is, by its own judgement (`edge.vitals`), and why. Failing: intervals are not counted, stored or delivered.
HealthVerdict = Literal["healthy", "degraded", "failing"]
HealthReason = Literal[
    "starting",
    "loop_stalled",
    "camera_lost",
    "camera_ended",
    "picture_blind",
    "picture_poor",
    "inference_stalled",
    "nothing_closed",
    "disk_refuses",
    "disk_full",
    "disk_low",
    "not_delivering",
    "backlog",
    "records_refused",
    "records_dropped",
    "records_merged",
    "clock_unsynced",
    "hot",
    "throttled",
]

INTERVALS_S: Final = (10, 30, 60, 300, 900)
GRID_INTERVAL_S: Final = 3600

# Upper bounds of the first seven bins, seconds; bins are [lower, upper), the eighth is open.
DWELL_BOUNDS_S: Final = (10, 30, 60, 300, 900, 1800, 3600)
STAY_BOUNDS_S: Final = (300, 900, 1800, 3600, 7200, 14400, 28800)
BINS: Final = 8


def dwell_bounds(name: ObjectClass) -> tuple[int, ...]:
    """Bounds, in seconds, of the dwell histogram of a class: people and bicycles, or vehicles."""
    return STAY_BOUNDS_S if GROUP_OF[name] == "vehicle" else DWELL_BOUNDS_S
