"""Where a notice lies, how sure that is, and which request lies nearby. Pure.

Rules:
1. The position of the object itself counts first, else that of its zone, else that of its site; each is unsure by so many
   metres. None of them: the notice has no position, and nothing is made up.
2. Distances are great circles on a sphere (haversine), good to .5 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from server.notices import Notice
from server.reports import Kind
from server.sites import Details, Site

Source = Literal["object", "zone", "site"]
# A camera's ground points and a phone's GPS lie by some metres; a zone and a square are as large as this.
UNCERTAIN_M: Final[dict[Source, float]] = {"object": 10.0, "zone": 50.0, "site": 150.0}
EARTH_M: Final = 6_371_008.8
_KINDS: Final[tuple[Kind, ...]] = ("zone", "parking", "line")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Position:
    """A place on the earth, degrees WGS 84, and by how many metres it may be wrong."""

    lon: float
    lat: float
    uncertain_m: float
    source: Source


def distance_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Metres between two places on the earth."""
    one, two = math.radians(lat), math.radians(other_lat)
    half = math.sin((two - one) / 2) ** 2
    half += math.cos(one) * math.cos(two) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(half)))


def position(notice: Notice, details: Details, site: Site | None) -> Position | None:
    """Where a notice lies, as well as it is known; None where nothing is."""
    if notice.lon is not None and notice.lat is not None:
        return Position(notice.lon, notice.lat, UNCERTAIN_M["object"], "object")
    for kind in _KINDS:
        own = details.get((notice.device, notice.camera, notice.zone, kind))
        if own is not None and own.lon is not None and own.lat is not None:
            return Position(own.lon, own.lat, UNCERTAIN_M["zone"], "zone")
    if site is not None and site.lon is not None and site.lat is not None:
        return Position(site.lon, site.lat, UNCERTAIN_M["site"], "site")
    return None


def nearest(
    place: Position,
    within_m: float,
    candidates: Iterable[T],
    where: Callable[[T], tuple[float, float] | None],
) -> tuple[T, float] | None:
    """The candidate nearest to a place and its distance in metres, if one lies within ``within_m`` plus what is unsure."""
    best: tuple[T, float] | None = None
    for own in candidates:
        at = where(own)
        if at is None:
            continue
        metres = distance_m(place.lon, place.lat, *at)
        if metres <= within_m + place.uncertain_m and (best is None or metres < best[1]):
            best = own, metres
    return best
