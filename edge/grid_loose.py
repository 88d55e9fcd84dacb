"""The presence grid of a time that is not known yet: sums of ten seconds, sorted into hours once it is. Pure.

Rules:
1. In memory alone, for ten seconds of a grid are a path: a restart before the time is known loses them.
2. At most `MOST` of them, a day; beyond that the oldest go.
3. Ten seconds go whole into the hour that their middle lies in, so an hour is 5 s off at either end at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from contract.base import Count, Seconds, Strict
from contract.names import CLASSES, GRID_INTERVAL_S, ObjectClass

COLS: Final = 16
ROWS: Final = 9
CELLS: Final = COLS * ROWS
LOOSE_S: Final = 10
MOST: Final = 8640

_Cell = Annotated[int, Field(ge=0, lt=CELLS)]


class KeptHour(Strict):
    """One hour so far, ``start`` in Unix seconds; of each class (cell, object-seconds, distinct tracks)."""

    start: Annotated[int, Field(multiple_of=GRID_INTERVAL_S)]
    observed_s: Seconds
    cells: dict[ObjectClass, tuple[tuple[_Cell, Seconds, Count], ...]]


class _Sums:
    """Of some seconds: how many were observed, and of (class, cell) the object-seconds and tracks."""

    def __init__(self) -> None:
        self.observed_s = 0.0
        self.cells: dict[tuple[int, int], tuple[float, int]] = {}

    def grow(self, observed_s: float, cells: Mapping[tuple[int, int], tuple[float, int]]) -> None:
        """Add more of them."""
        self.observed_s += observed_s
        for key, (seconds, tracks) in cells.items():
            before = self.cells.get(key, (0.0, 0))
            self.cells[key] = before[0] + seconds, before[1] + tracks


class LooseSums:
    """Sums by ten seconds of the machine's own time; a frame's few seconds count where they begin."""

    def __init__(self) -> None:
        self._sums: dict[int, _Sums] = {}

    def observe(self, begins: float, seconds: float) -> None:
        """Some seconds were observed."""
        self._grow(begins, seconds, {})

    def add(self, begins: float, class_id: int, cell: int, seconds: float) -> None:
        """One object was in a cell for some seconds."""
        self._grow(begins, 0.0, {(class_id, cell): (seconds, 0)})

    def touch(self, at: float, class_id: int, cell: int) -> None:
        """A track touched a cell that it had not touched before."""
        self._grow(at, 0.0, {(class_id, cell): (0.0, 1)})

    def hours(self, shift: float) -> list[KeptHour]:
        """Everything so far by its UTC hour, and nothing is left here; ``shift`` makes Unix seconds of the machine's."""
        found: dict[int, _Sums] = {}
        for number, sums in self._sums.items():
            unix = shift + (number + 0.5) * LOOSE_S
            hour = found.setdefault(int(unix // GRID_INTERVAL_S) * GRID_INTERVAL_S, _Sums())
            hour.grow(sums.observed_s, sums.cells)
        self._sums.clear()
        return [_kept(start, sums) for start, sums in sorted(found.items())]

    def _grow(
        self, begins: float, observed_s: float, cells: Mapping[tuple[int, int], tuple[float, int]]
    ) -> None:
        self._sums.setdefault(int(begins // LOOSE_S), _Sums()).grow(observed_s, cells)
        if len(self._sums) > MOST:
            del self._sums[min(self._sums)]


def _kept(start: int, sums: _Sums) -> KeptHour:
    return KeptHour(
        start=start,
        observed_s=round(sums.observed_s, 3),
        cells={
            name: tuple(
                (cell, round(seconds, 3), tracks)
                for (class_id, cell), (seconds, tracks) in sorted(sums.cells.items())
                if CLASSES[class_id] == name
            )
            for name in CLASSES
        },
    )
