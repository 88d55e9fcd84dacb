"""Drift: what entries minus exits say about a zone, against who is seen in it. Pure.

A perfect counter has none. Tracks that appear within a zone or vanish there, behind a tree or in a crowd, make entries
and exits miss somebody; their difference must therefore never be carried on as an occupancy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from contract.names import CLASSES, ObjectClass
from edge.flow import Visit

EDGE_S = 1.0  # who is seen within the first or last second of a run was there before it, or is still there


@dataclass(frozen=True, slots=True)
class Balance:
    """Visits of one class to one zone in one run, by how they began and how they ended.

    ``entries + appeared + first = exits + vanished + last``, where ``first`` and ``last`` are those inside when the
    run began and ended.
    """

    entries: int = 0
    exits: int = 0
    appeared: int = 0
    vanished: int = 0
    first: int = 0
    last: int = 0

    @property
    def drift(self) -> int:
        """Entries minus exits, minus the change of those visibly present: 0 when every coming and going was seen."""
        return self.entries - self.exits - (self.last - self.first)

    def as_json(self) -> dict[str, Any]:
        """The figures and the drift, for ``--json``."""
        return {**asdict(self), "drift": self.drift}


def add(
    balances: dict[ObjectClass, Balance],
    visits: Iterable[Visit],
    interval: tuple[float, float],
    run: tuple[float, float],
) -> None:
    """Add the comings and goings of an interval [from, to) to those of its run, which lasts from ``run[0]`` to ``run[1]``."""
    start, end = interval
    for visit in visits:
        name = CLASSES[visit.subject.class_id]
        old = balances.get(name, Balance())
        came = start <= visit.start < end
        went = start <= visit.end and (visit.end < end or end >= run[1])
        first = came and not visit.entered and visit.start < run[0] + EDGE_S
        last = went and not visit.exited and visit.end > run[1] - EDGE_S
        balances[name] = Balance(
            entries=old.entries + (came and visit.entered),
            exits=old.exits + (went and visit.exited),
            appeared=old.appeared + (came and not visit.entered and not first),
            vanished=old.vanished + (went and not visit.exited and not last),
            first=old.first + first,
            last=old.last + last,
        )
