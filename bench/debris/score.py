"""Cases against what truly lay there. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.debris.films import Thing
from edge.boxes import area, common
from edge.cases import Box

# A case may be told this long after its thing was taken away and still be of it.
LATE_S = 5.0
# What lies for so much longer than the persistence time must be told.
BRIEF_S = 30.0


@dataclass(slots=True)
class Told:
    """One case of debris or an obstruction: its box when it opened, when it opened and was cleared, seconds of the film."""

    xyxy: Box
    opened: float
    cleared: float | None = None


@dataclass(slots=True)
class Score:
    """Of one way over some films. ``as_vehicle``: told as a stopped vehicle. ``late_s``: from the end of the persistence to the case; ``clear_s``: from the removal on."""

    things: int = 0
    found: int = 0
    as_vehicle: int = 0
    doubled: int = 0
    false: int = 0
    seconds: float = 0.0
    late_s: list[float] = field(default_factory=list)
    clear_s: list[float] = field(default_factory=list)
    never_cleared: int = 0
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(
        self,
        film: str,
        things: Sequence[Thing],
        told: Sequence[Told],
        seconds: float,
        persistence_s: float,
        vehicles: Sequence[Told] = (),
    ) -> None:
        """Judge the cases of one film; ``vehicles``: cases of stopped vehicles, which a detector may take a thing for."""
        self.seconds += seconds
        used: set[int] = set()
        for thing in things:
            own = [n for n, case in enumerate(told) if n not in used and _is_of(case, thing)]
            used.update(own)
            if thing.removed - thing.appears < persistence_s + BRIEF_S:
                continue  # too short to be told for sure, and no fault where it is
            self.things += 1
            if not own and any(_is_of(case, thing) for case in vehicles):
                self.as_vehicle += 1
                continue
            if not own:
                self.missed.append(
                    f"{film}: {thing.kind} {thing.xyxy.astype(int).tolist()} {thing.appears:.0f}-{thing.removed:.0f} s"
                )
                continue
            self.found += 1
            self.doubled += len(own) - 1
            first = told[own[0]]
            self.late_s.append(first.opened - thing.appears - persistence_s)
            ends = [told[n].cleared for n in own]
            if any(end is None for end in ends):
                self.never_cleared += 1
            else:
                self.clear_s.append(max(end for end in ends if end is not None) - thing.removed)
        for number, case in enumerate(told):
            if number not in used:
                self.false += 1
                self.wrong.append(f"{film}: {case.xyxy.astype(int).tolist()} at {case.opened:.0f} s")

    def summary(self) -> dict[str, float | int | None]:
        """The figures; ``false_most`` is the 95 % upper bound of false cases an hour (doubled ones are false)."""
        hours, false = self.seconds / 3600, self.false + self.doubled
        return {
            "things": self.things,
            "found": self.found,
            "recall": round(self.found / self.things, 4) if self.things else None,
            "as_vehicle": self.as_vehicle,
            "recall_any": round((self.found + self.as_vehicle) / self.things, 4) if self.things else None,
            "false": self.false,
            "doubled": self.doubled,
            "hours": round(hours, 3),
            "false_an_hour": round(false / hours, 2) if hours else None,
            "false_most": round(poisson_most(false) / hours, 2) if hours else None,
            "late_median_s": round(float(np.median(self.late_s)), 1) if self.late_s else None,
            "late_most_s": round(max(self.late_s), 1) if self.late_s else None,
            "clear_median_s": round(float(np.median(self.clear_s)), 1) if self.clear_s else None,
            "clear_most_s": round(max(self.clear_s), 1) if self.clear_s else None,
            "never_cleared": self.never_cleared,
        }


def _is_of(case: Told, thing: Thing) -> bool:
    if not thing.appears <= case.opened <= thing.removed + LATE_S:
        return False
    return common(case.xyxy, thing.xyxy) > 0.1 * min(area(case.xyxy), area(thing.xyxy))


def poisson_most(count: int) -> float:
    """The one-sided 95 % upper bound of a Poisson mean of which ``count`` were seen (Garwood, 1936), by bisection."""
    low, high = float(count), count + 10 + 5 * math.sqrt(count + 1)
    for _ in range(60):
        middle = (low + high) / 2
        below = sum(math.exp(-middle + n * math.log(middle) - math.lgamma(n + 1)) for n in range(count + 1))
        low, high = (middle, high) if below > 0.05 else (low, middle)
    return high
