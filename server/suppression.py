"""Small counts in public figures: what is shown, so that no count of 1..k-1 can be worked out. Pure.

A count lives in a tree: a local day, its hours, their quarters of an hour; each is the sum of those below it. The
tree is published from the top down, and what is shown of a level depends on that level and the ones above alone:

1. 0 and counts of k or more are shown; 1..k-1 is `SMALL`.
2. Below a small or hidden bin nothing is told apart: all are small, or hidden, as it is.
3. Below a bin that is shown, where some are small, the first count of k or more in a fixed order is hidden as well,
   and a second one when the first leaves too little room. Room is what the small and hidden ones hold above the
   least they could (1 or k each), and it must be k-2 or more.
4. Where two are not enough, or there are none, all bins below it are hidden, zeros too.

Each step can be undone by no reader who knows these rules (docs/small-counts.md has the proof): in case 3 every
small count can still be each of 1..k-1 (1..k-2 where a second one was hidden), in case 4 at least two values. The
order is fixed because a choice by size tells something of the sizes; the room is a sum that the reader knows anyway.

Statistical offices call this primary and complementary cell suppression: Hundepool et al., Statistical Disclosure
Control (2012), chapter 4. Choosing the cells so that the choice itself gives nothing away is our own addition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

K: Final = 5
# Below it the rules above do not hold: with four, four bins of 3 would be the only table with their sum.
LEAST_K: Final = 5
# With a third one, five hidden hours of 4 would be the only table with their sum.
MOST_EXTRA: Final = 2
QUIETEST_HOUR: Final = 3

Mark = Literal["small", "hidden"]
SMALL: Final = "small"
HIDDEN: Final = "hidden"
# A count, what stands for it, or None where nothing was observed.
Shown = int | Mark | None


@dataclass(frozen=True, slots=True)
class Tree:
    """One figure of one day as it is shown: the day, its hours, and the quarters of each hour."""

    day: Shown
    hours: tuple[Shown, ...]
    quarters: tuple[tuple[Shown, ...], ...]


def total(values: Sequence[int | None]) -> int | None:
    """The sum of what was observed, None when nothing was."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def small(value: int, k: int = K) -> bool:
    """Whether a count is one of 1..k-1."""
    return 0 < value < k


def hour_order(hours: int) -> list[int]:
    """Indexes of a day's hours in the order in which they are hidden for others: from the dead of night outwards."""

    def distance(index: int) -> int:
        away = abs(index - QUIETEST_HOUR)
        return min(away, hours - away)

    return sorted(range(hours), key=lambda index: (distance(index), index))


def family(values: Sequence[int | None], k: int, order: Sequence[int]) -> list[Shown]:
    """What is shown of the counts whose sum is shown (rules 3 and 4).

    Args:
        values: counts, 0 or more; None where nothing was observed. Their sum is 0, or k or more.
        k: the least count that is shown.
        order: indexes of all values, by which counts of k or more are hidden for others.
    """
    known = {index: values[index] for index in order}
    low = {index: value for index, value in known.items() if value is not None and small(value, k)}
    if not low:
        return list(values)
    room = sum(value - 1 for value in low.values())
    extra: set[int] = set()
    for index, value in known.items():
        if value is None or value < k or len(extra) == MOST_EXTRA:
            continue
        extra.add(index)
        room += value - k
        if room >= k - 2:
            return [SMALL if i in low else HIDDEN if i in extra else value for i, value in enumerate(values)]
    return [None if value is None else HIDDEN for value in values]


def _below(parent: Shown, values: Sequence[int | None], k: int, order: Sequence[int]) -> tuple[Shown, ...]:
    if isinstance(parent, str):
        return tuple(None if value is None else parent for value in values)
    return tuple(family(values, k, order))


def protect(quarters: Sequence[Sequence[int | None]], k: int = K) -> Tree:
    """One count over one local day.

    Args:
        quarters: for each hour the counts of its quarters, 0 or more; None where nothing was observed.
        k: the least count that is shown, `LEAST_K` or more.

    Raises:
        ValueError: for a k that protects nothing, or a count below 0.
    """
    if k < LEAST_K:
        raise ValueError(f"k must be at least {LEAST_K} (got {k})")
    if any(value is not None and value < 0 for hour in quarters for value in hour):
        raise ValueError("a count must be 0 or more")
    hours = [total(hour) for hour in quarters]
    whole = total(hours)
    day: Shown = SMALL if whole is not None and small(whole, k) else whole
    shown = _below(day, hours, k, hour_order(len(hours)))
    finer = (_below(parent, hour, k, range(len(hour))) for parent, hour in zip(shown, quarters, strict=True))
    return Tree(day, shown, tuple(finer))


def shown_peak(peak: int | None, k: int, *, flows_shown: bool) -> Shown:
    """A peak, rounded to a multiple of k; below k it is small.

    A peak of 0 says that hardly anybody came, so it is shown as 0 only where the flows are shown.
    """
    if peak is None or (peak == 0 and flows_shown):
        return peak
    return SMALL if peak < k else (peak + k // 2) // k * k
