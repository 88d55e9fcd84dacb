"""Which places are visited most, said no more surely than the days allow. Pure.

Rules:
1. What is ranked is a rate that time observed, area and capacity do not inflate: a mean over observed time, a flow per
   observed hour, either as it is, per 100 m² of the zone, or as a share of its capacity.
2. Days are compared with the same days: the interval is that of the differences day by day, so that weather and markets
   which two places share do not blur it (a paired t interval, `server.chance`).
3. A place whose difference to the one before it has an interval that holds 0 is marked; so is one that was seen on too
   few common days to tell.
4. A place without the figure (no area, no capacity, nothing observed) is listed apart with the reason, never as 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, Literal

from server.chance import mean_interval
from server.comparison import Measure, value_of
from server.reports import Bin

Per = Literal["place", "area", "capacity"]
Reason = Literal["nothing_observed", "no_area", "no_capacity"]
AREA_M2: Final = 100.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place to rank: its local days, and its size where that is known (m², persons or bays; both above 0)."""

    name: str
    days: Sequence[Bin]
    area_m2: float | None = None
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class Rank:
    """``value`` is the mean over ``days`` usable days; ``interval`` its 95 %, None with too few days.

    ``clear``: whether its difference to the place before it is more than chance; None for the first.
    """

    place: str
    number: int
    value: float
    interval: tuple[float, float] | None
    days: int
    clear: bool | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """The ranked places, the highest first, and the reasons why others are not ranked."""

    ranks: tuple[Rank, ...]
    apart: Mapping[str, Reason]


def rank(candidates: Sequence[Candidate], measure: Measure, per: Per = "place") -> Ranking:
    """Rank places by one measure. Places with equal figures keep the order of their names.

    Raises:
        ValueError: when two places have one name.
    """
    if len({own.name for own in candidates}) != len(candidates):
        raise ValueError("places to rank must have different names")
    found: dict[str, dict[int, float]] = {}
    apart: dict[str, Reason] = {}
    for own in candidates:
        size = {"place": 1.0, "area": (own.area_m2 or 0) / AREA_M2, "capacity": own.capacity or 0}[per]
        if not size:
            apart[own.name] = "no_area" if per == "area" else "no_capacity"
            continue
        days = {day.start: value_of(day, measure) for day in own.days}
        usable = {at: value / size for at, value in days.items() if value is not None}
        if usable:
            found[own.name] = usable
        else:
            apart[own.name] = "nothing_observed"
    means = {name: fmean(days.values()) for name, days in found.items()}
    order = sorted(found, key=lambda name: (-means[name], name))
    ranks = [
        Rank(
            name,
            place + 1,
            means[name],
            mean_interval(list(found[name].values())),
            len(found[name]),
            _clear(found[order[place - 1]], found[name]) if place else None,
        )
        for place, name in enumerate(order)
    ]
    return Ranking(tuple(ranks), apart)


def _clear(above: Mapping[int, float], below: Mapping[int, float]) -> bool:
    shared = sorted(above.keys() & below.keys())
    found = mean_interval([above[day] - below[day] for day in shared])
    return found is not None and found[0] > 0
