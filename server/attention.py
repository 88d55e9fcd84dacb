"""What a planner should look at first: cameras that see nothing, gaps, places nearly full, records kept out. Pure.

Rules:
1. A concern names the camera or place it is about, and the figure it rests on.
2. One line a camera: of several reasons the first of `KINDS` is told, for the others usually follow from it.
3. Coverage is that of the last 24 whole hours, of the camera's worst place, and not told of a camera that has been told of
   already or of a place that is younger than an hour.
4. Nearly full rests on the last figure that may be shown, and on none that is older than ``FRESH_S``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from contract.names import UNOBSERVED_FLAGS
from server.fullness import NEARLY
from server.sites import PlaceKey

ConcernKind = Literal[
    "full", "verify", "away", "silent", "blind", "failing", "clock", "coverage", "quarantine"
]
KINDS: Final[tuple[ConcernKind, ...]] = get_args(ConcernKind)
LATE_S: Final = 600
FRESH_S: Final = 3600
LOW: Final = 0.8
HOUR_S: Final = 3600
COVERED_H: Final = 24


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing to look at. ``value``: a rate or coverage (0..1), seconds since the last delivery, or a number of records or
    notices.
    """

    kind: ConcernKind
    device: str = ""
    camera: str = ""
    place: PlaceKey | None = None
    value: float = 0.0
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A place's last figure: its occupancy rate if it has one, when it ended, and the coverage of the last whole hours."""

    key: PlaceKey
    rate: float | None
    ended: int | None
    coverage: float | None


def window(now: int, first_start: int) -> tuple[int, int]:
    """The last 24 whole hours, from the hour after a place began on."""
    end = now - now % HOUR_S
    return max(end - COVERED_H * HOUR_S, first_start + -first_start % HOUR_S), end


def camera_concern(
    device: str, camera: str, last_received: int, health: Mapping[str, Any] | None, now: float
) -> Concern | None:
    """What is wrong with one camera, by its last health record."""
    if now - last_received > LATE_S:
        return Concern("silent", device, camera, value=now - last_received)
    if not health:
        return None
    since = max(0.0, now - datetime.fromisoformat(health["at"]).timestamp())
    flags = tuple(flag for flag in health.get("flags") or () if flag in UNOBSERVED_FLAGS or flag == "dark")
    if health["state"] in {"lost", "ended"}:
        return Concern("away", device, camera, value=since)
    if flags:
        return Concern("blind", device, camera, value=since, flags=flags)
    if health.get("verdict") == "failing":
        return Concern("failing", device, camera, value=since, flags=tuple(health.get("reasons") or ()))
    if health["clock"] != "synced":
        return Concern("clock", device, camera, value=since)
    return None


def concerns(
    cameras: Iterable[Concern | None],
    places: Iterable[Seen],
    quarantined: int,
    now: float,
    unverified: int = 0,
) -> list[Concern]:
    """Everything to look at, in the order of `KINDS`; ``unverified``: notices that wait for the one who looks."""
    found = [one for one in cameras if one is not None]
    told = {(one.device, one.camera) for one in found}
    worst: dict[tuple[str, str], Concern] = {}
    for seen in places:
        device, camera = seen.key[:2]
        if (
            seen.rate is not None
            and seen.rate >= NEARLY
            and seen.ended is not None
            and now - seen.ended <= FRESH_S
        ):
            found.append(Concern("full", device, camera, seen.key, seen.rate))
        if seen.coverage is None or seen.coverage >= LOW or (device, camera) in told:
            continue
        known = worst.get((device, camera))
        if known is None or seen.coverage < known.value:
            worst[device, camera] = Concern("coverage", device, camera, seen.key, seen.coverage)
    found += worst.values()
    if unverified:
        found.append(Concern("verify", value=unverified))
    if quarantined:
        found.append(Concern("quarantine", value=quarantined))
    order = {kind: place for place, kind in enumerate(KINDS)}
    return sorted(found, key=lambda one: (order[one.kind], one.device, one.camera, one.place or ()))
