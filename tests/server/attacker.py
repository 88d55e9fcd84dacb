"""A reader of the public table who wants its small counts: knows nothing but the answers, and solves for the rest.

Everything is parsed from the JSON alone, with no code of the server: each bin is an unknown whole number, each bin
is the sum of the finer bins inside its time, and each answer bounds one unknown. The reader has read the rules, too:
next to a hidden bin, "<5" is no 0, and next to a "<5" a hidden bin is no 0 and not below 5.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST = 10**6
FLOWS = ("entries", "exits", "in", "out")
Bounds = tuple[int, int]
Key = tuple[str, str]  # start and end of a bin


@dataclass
class System:
    """Unknowns with bounds, and sums: (whole, its parts)."""

    bounds: dict[Key, Bounds] = field(default_factory=dict)
    sums: list[tuple[Key, tuple[Key, ...]]] = field(default_factory=list)

    def meet(self, key: Key, low: int, high: int) -> None:
        old = self.bounds.get(key, (0, MOST))
        self.bounds[key] = max(old[0], low), min(old[1], high)


def narrowed(
    system: System, bounds: Mapping[Key, Bounds], moved: Iterable[Key] | None = None
) -> dict[Key, Bounds] | None:
    """Bounds after every sum has been used until nothing moves; None when there is no solution.

    ``moved``: the unknowns whose bounds are new, all by default.
    """
    found = dict(bounds)
    start = set(found if moved is None else moved)
    queue = [entry for entry in system.sums if start & {entry[0], *entry[1]}]
    while queue:
        whole, parts = queue.pop()
        low = sum(found[part][0] for part in parts)
        high = sum(found[part][1] for part in parts)
        new = {whole: (low, high)}
        for part in parts:
            own = found[part]
            new[part] = found[whole][0] - (high - own[1]), found[whole][1] - (low - own[0])
        changed = set()
        for key, (least, most) in new.items():
            met = max(found[key][0], least), min(found[key][1], most)
            if met[0] > met[1]:
                return None
            if met != found[key]:
                found[key] = met
                changed.add(key)
        # This sum, too: what it says of one part depends on what it said of the others.
        queue += [e for e in system.sums if e not in queue and changed & {e[0], *e[1]}]
    return found


def solution(
    system: System, bounds: Mapping[Key, Bounds], moved: Iterable[Key] | None = None
) -> dict[Key, int] | None:
    """One table that fits all answers, by trying values of the tightest open unknown."""
    known = narrowed(system, bounds, moved)
    if known is None:
        return None
    open_ = [key for key, (low, high) in known.items() if low < high]
    if not open_:
        return {key: low for key, (low, _) in known.items()}
    key = min(open_, key=lambda k: known[k][1] - known[k][0])
    low, high = known[key]
    for value in range(low, min(high, low + 50) + 1):
        found = solution(system, {**known, key: (value, value)}, [key])
        if found is not None:
            return found
    return None


def fits(system: System, values: Mapping[Key, int]) -> bool:
    """Whether a table really is one that the answers allow."""
    bounded = all(low <= values[key] <= high for key, (low, high) in system.bounds.items())
    return bounded and all(values[whole] == sum(values[p] for p in parts) for whole, parts in system.sums)


def _inside(outer: Key, inner: Key) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _bins(answer: Mapping[str, Any], place: int) -> list[Mapping[str, Any]]:
    return answer["places"][place]["bins"]


def _read(system: System, answer: Mapping[str, Any], place: int, figure: str, wholes: Iterable[Key]) -> None:
    """Bounds from one answer; ``wholes`` are the coarser bins, whose parts were decided on together."""
    small = f"<{answer['least_count']}"
    least = answer["least_count"]
    shown = {(one["start"], one["end"]): one[figure] for one in _bins(answer, place)}
    for whole in wholes:
        words = {value for key, value in shown.items() if _inside(whole, key)}
        both = {small, "hidden"} <= words
        for key, value in shown.items():
            if not _inside(whole, key):
                continue
            if value is None:
                system.meet(key, 0, 0)
            elif value == small:
                system.meet(key, 1 if both or answer["step"] == "day" else 0, least - 1)
            elif value == "hidden":
                system.meet(key, least if both else 0, MOST)
            else:
                system.meet(key, value, value)


def system_of(
    grid: Mapping[str, Mapping[str, Any]], answers: Mapping[str, Mapping[str, Any]], place: int, figure: str
) -> System:
    """What one figure of one place leaves open.

    ``grid`` holds one answer a step ("900", "3600", "day") and is used for the borders of bins alone, which a calendar
    tells; ``answers`` are those the reader asked for.
    """
    system = System()
    levels = [[(b["start"], b["end"]) for b in _bins(grid[step], place)] for step in ("day", "3600", "900")]
    for level in levels:
        for key in level:
            system.meet(key, 0, MOST)
    for coarse, fine in itertools.pairwise(levels):
        for whole in coarse:
            parts = tuple(key for key in fine if _inside(whole, key))
            if parts != (whole,):
                system.sums.append((whole, parts))
    for step, wholes in zip(("day", "3600", "900"), [levels[0], *levels[:2]], strict=True):
        if step in answers:
            _read(system, answers[step], place, figure, wholes)
    return system


def derived(system: System, truth: Mapping[Key, int], least: int) -> list[Key]:
    """Small counts that have a single possible value. Every other one comes with a second table that was checked."""
    assert fits(system, truth), "the answers contradict what was counted"
    known = narrowed(system, system.bounds)
    assert known is not None
    found, open_ = [], {key for key, value in truth.items() if 0 < value < least}
    while open_:
        key = open_.pop()
        value, (low, high) = truth[key], known[key]
        others = [v for v in (value + 1, value - 1) if low <= v <= high]
        tables = (solution(system, {**known, key: (v, v)}, [key]) for v in others)
        table = next((table for table in tables if table is not None and fits(system, table)), None)
        if table is None:
            found.append(key)
        else:
            # The same table shows it for every other unknown that differs in it.
            open_ = {other for other in open_ if table[other] == truth[other]}
    return found
