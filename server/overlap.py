"""Seconds that a place told more often than they happened. Pure.

Two records of one place and interval are rightful: a restart splits it, and the parts add up to the interval at most.
Where they add up to more, some seconds were told twice: by two boxes under one name (a copied card), or by a clock that
was set back between two runs. Each figure of those seconds may be counted double.

Rule: over any stretch of time, no more can have been observed than it lasts. Stretches are the spans of the records
themselves; each may exceed its length by `SLACK_S`, because a run holds its last picture for 3 s and a disciplined
clock is right to a second. What comes out is a lower bound: two boxes that each saw less than half are not found.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

SLACK_S: Final = 5.0

Told = tuple[int, int, float]


def told_twice_s(intervals: Iterable[Told]) -> float:
    """The least number of seconds that must have been told twice.

    Args:
        intervals: start, length (on the UTC grid) and observed seconds of each record of one place.
    """
    told = list(intervals)
    worst = 0.0
    for length in {one[1] for one in told}:
        windows: dict[int, float] = {}
        for start, own, observed_s in told:
            if own <= length:
                at = start - start % length
                windows[at] = windows.get(at, 0.0) + observed_s
        excess = sum(seen - length for seen in windows.values() if seen > length + SLACK_S)
        worst = max(worst, excess)
    return worst
