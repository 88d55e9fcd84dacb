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
from typing import Protocol

HOUR_S = 3600


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


@dataclass(slots=True)
class _Sum:
    object_s: float = 0.0
    shown_s: float = 0.0


def presence(grids: Iterable[Grid]) -> Presence | None:
    """Add grids up; None of none. Of grids of several sizes, those of the size that came last count."""
    every = sorted(grids, key=lambda one: (one.start, one.name))
    if not every:
        return None
    size = (every[-1].cols, every[-1].rows)
    own = [one for one in every if (one.cols, one.rows) == size]
    sums = [_Sum() for _ in range(size[0] * size[1])]
    observed_s, by_hour = 0.0, dict[int, list[Grid]]()
    for one in own:
        by_hour.setdefault(one.start, []).append(one)
    for parts in by_hour.values():
        seen: dict[str, float] = {}
        for one in parts:
            seen[one.name] = seen.get(one.name, 0.0) + one.observed_s
        # All classes of an hour are of the same frames.
        hour_s = min(float(HOUR_S), max(seen.values()))
        observed_s += hour_s
        for index, into in enumerate(sums):
            shown = [(one.observed_s, value) for one in parts if (value := one.cells[index]) is not None]
            into.object_s += sum(value for _, value in shown)
            # Of an hour in parts, the longest part in which the cell was shown is what is certain.
            into.shown_s += min(hour_s, max((seconds for seconds, _ in shown), default=0.0))
    cells = tuple(_cell(one, observed_s) for one in sums)
    return Presence(*size, cells, len(by_hour), round(observed_s, 3), len(every) - len(own))


def _cell(one: _Sum, observed_s: float) -> Cell:
    if one.shown_s <= 0 or observed_s <= 0:
        return Cell(None, None, 0.0)
    return Cell(one.object_s / observed_s, one.object_s / one.shown_s, min(1.0, one.shown_s / observed_s))
