"""Where people, bicycles or vehicles were: hourly presence grids added up. Pure.

A box sends for each class and hour how many object-seconds it saw in each cell of the frame, and nothing of a cell that
fewer than five tracks touched: "too few to show", which is not 0. So a sum over hours is known in part only:

1. ``least`` of a cell is what was shown of it over the whole observed time: at least so many were there on average. It is
   true whatever was held back, and cells compare. It is None of a cell that was never shown.
2. ``shown`` is the mean while it was shown, ``share`` the part of the observed time for which that is.
3. Classes of one group add up; a cell is shown in an hour when it is of one of them.
4. An hour weighs as much as was observed of it. Two grids of one class and hour (a restart) are parts of that hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

HOUR_S: Final = 3600


class Grid(Protocol):
    """One grid as it is stored."""

    @property
    def name(self) -> str:
        """Its class."""

    @property
    def start(self) -> int:
        """The start of its hour."""

    @property
    def cols(self) -> int:
        """Cells across."""

    @property
    def rows(self) -> int:
        """Cells down."""

    @property
    def observed_s(self) -> float:
        """Seconds observed."""

    @property
    def cells(self) -> Sequence[float | None]:
        """Object-seconds, row by row from the top left."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known of one cell: see the module."""

    least: float | None
    shown: float | None
    share: float


@dataclass(frozen=True, slots=True)
class Presence:
    """Cells row by row, the hours they come from, the seconds observed, and grids left out for their other size."""

    cols: int
    rows: int
    cells: tuple[Cell, ...]
    hours: int
    observed_s: float
    left_out: int


def presence(grids: Iterable[Grid]) -> Presence | None:
    """Add grids up; None of none. Of grids of several sizes, those of the size that came last count."""
    every = sorted(grids, key=lambda one: (one.start, one.name))
    if not every:
        return None
    cols, rows = every[-1].cols, every[-1].rows
    own = [one for one in every if (one.cols, one.rows) == (cols, rows)]
    by_hour: dict[int, list[Grid]] = {}
    for one in own:
        by_hour.setdefault(one.start, []).append(one)
    object_s, shown_s = np.zeros(cols * rows), np.zeros(cols * rows)
    observed_s = 0.0
    for parts in by_hour.values():
        seen: dict[str, float] = {}
        for one in parts:
            seen[one.name] = seen.get(one.name, 0.0) + one.observed_s
        # All classes of an hour are of the same frames.
        hour_s = min(float(HOUR_S), max(seen.values()))
        observed_s += hour_s
        told = np.array([one.cells for one in parts], dtype=float)
        object_s += np.nansum(told, axis=0)
        # Of an hour in parts, the longest part in which the cell was shown is what is certain.
        seconds = np.array([one.observed_s for one in parts])[:, None]
        shown_s += np.minimum(hour_s, np.where(np.isnan(told), 0.0, seconds).max(axis=0))
    cells = tuple(_cell(*pair, observed_s) for pair in zip(object_s.tolist(), shown_s.tolist(), strict=True))
    return Presence(cols, rows, cells, len(by_hour), round(observed_s, 3), len(every) - len(own))


def _cell(object_s: float, shown_s: float, observed_s: float) -> Cell:
    if shown_s <= 0 or observed_s <= 0:
        return Cell(None, None, 0.0)
    return Cell(object_s / observed_s, object_s / shown_s, min(1.0, shown_s / observed_s))
