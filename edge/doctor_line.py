"""A line of the doctor's report. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

Colour = Literal["green", "yellow", "red"]
COLOURS: Final[tuple[Colour, ...]] = ("green", "yellow", "red")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report; ``remedy`` is empty where there is nothing to do."""

    check: str
    colour: Colour
    message: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """For ``--json``."""
        return asdict(self)


def worst(lines: Sequence[Line]) -> Colour:
    """The colour of the whole."""
    return max((line.colour for line in lines), key=COLOURS.index, default="green")


def split(words: str, *marks: str) -> tuple[str, str]:
    """An error's words as a line tells them: what is wrong, and what to do, parted at the first of ``marks``."""
    found = [(words.index(mark), mark) for mark in marks or ("; ", ". ") if mark in words]
    if not found:
        return words, ""
    at, mark = min(found)
    remedy = words[at + len(mark) :]
    return words[:at], f"{remedy[:1].upper()}{remedy[1:].removesuffix('.')}."
