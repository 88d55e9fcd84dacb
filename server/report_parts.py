"""What a report is made of: cells, tables and sentences, so that page, PDF, workbook and CSV say the same. Pure.

Rule: a sentence holds no number of its own: each of its cells stands in a table of the same report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

# How a value is written: counts, decimals, shares 0..1, seconds, a change of a share, dates and times in seconds since
# 1970, weekday 0..6 and hour 0..23, names as they are, words as keys of the catalogue, flags as their names.
Unit = Literal[
    "count",
    "decimal",
    "share",
    "change",
    "length",
    "day",
    "time",
    "utc",
    "weekday",
    "hour",
    "name",
    "word",
    "flags",
]
NUMBERS: Final[frozenset[Unit]] = frozenset({"count", "decimal", "share", "change", "length"})


@dataclass(frozen=True, slots=True)
class Cell:
    """One value; None where nothing was observed."""

    value: float | str | None
    unit: Unit


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under ``columns``, which are words of the catalogue; ``name`` says which table it is."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text of the catalogue and the cells that fill it."""

    name: str
    cells: Mapping[str, Cell] = field(default_factory=dict)


def count(value: float | None) -> Cell:
    """A whole number."""
    return Cell(value, "count")


def decimal(value: float | None) -> Cell:
    """A number with one decimal."""
    return Cell(value, "decimal")


def share(value: float | None) -> Cell:
    """A share of 0..1 (an occupancy rate may exceed 1)."""
    return Cell(value, "share")


def length(value: float | None) -> Cell:
    """Seconds."""
    return Cell(value, "length")


def day(at: int) -> Cell:
    """A local day by its start."""
    return Cell(at, "day")


def name(text: str) -> Cell:
    """A name, written as it is."""
    return Cell(text, "name")


def word(key: str) -> Cell:
    """A word of the catalogue."""
    return Cell(key, "word")
