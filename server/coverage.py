"""What became of the time: how much of a period was observed, how much was lost to what, and when nothing came. Pure.

Rules:
1. A period is made of UTC hours. An hour nobody told is undelivered as a whole; one that was told has observed seconds,
   and seconds under each flag. Blind flags (`UNOBSERVED_FLAGS`) say why seconds are missing; dark and degraded ones are
   observed. What is left has no name: a restart, or minutes of which no record came.
2. Coverage is observed over elapsed, at most 1, and None of no time at all.
3. A dead period is one or more hours in a row of which nothing was observed.

Times are whole seconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

from contract.names import UNOBSERVED_FLAGS, Flag

HOUR_S: Final = 3600
FLAGS: Final[tuple[Flag, ...]] = get_args(Flag)


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour that was told: its start, observed seconds, seconds under each flag."""

    hour: int
    observed_s: float
    flag_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Account:
    """Seconds of a period: elapsed, observed, under each flag, of hours nobody told, and missing without a name."""

    elapsed_s: int
    observed_s: float
    flag_s: Mapping[str, float]
    undelivered_s: int
    unnamed_s: float

    @property
    def coverage(self) -> float | None:
        """Observed over elapsed, 0..1; None of no time."""
        return min(1.0, self.observed_s / self.elapsed_s) if self.elapsed_s else None


@dataclass(frozen=True, slots=True)
class Dead:
    """Hours in a row of which nothing was observed; ``told`` whether records came that say so, ``flag`` most of why."""

    start: int
    end: int
    told: bool
    flag: str | None


def account(hours: Iterable[Hour], start: int, end: int) -> Account:
    """The time from ``start`` to ``end``, both whole hours; hours outside are ignored."""
    told = {one.hour: one for one in hours if start <= one.hour < end}
    # No hour lasts longer, also where two boxes told it.
    observed_s = sum(min(float(HOUR_S), one.observed_s) for one in told.values())
    flag_s: dict[str, float] = {
        flag: sum(one.flag_s.get(flag, 0.0) for one in told.values()) for flag in FLAGS
    }
    return summed(len(told), observed_s, flag_s, start, end)


def summed(hours: int, observed_s: float, flag_s: Mapping[str, float], start: int, end: int) -> Account:
    """The same from sums over the ``hours`` of the period that were told."""
    blind_s = sum(flag_s[flag] for flag in UNOBSERVED_FLAGS)
    undelivered_s = max(0, (end - start) - HOUR_S * hours)
    unnamed_s = max(0.0, HOUR_S * hours - observed_s - blind_s)
    return Account(max(0, end - start), round(observed_s, 3), flag_s, undelivered_s, round(unnamed_s, 3))


def _why(hours: Sequence[Hour]) -> str | None:
    lost = {flag: sum(one.flag_s.get(flag, 0.0) for one in hours) for flag in sorted(UNOBSERVED_FLAGS)}
    flag = max(lost, key=lambda name: lost[name])
    return flag if lost[flag] > 0 else None


def dead_periods(hours: Iterable[Hour], start: int, end: int) -> list[Dead]:
    """The dead periods from ``start`` to ``end``, both whole hours, in order."""
    told = {one.hour: one for one in hours}
    found: list[Dead] = []
    run: list[int] = []
    for at in [*range(start, end, HOUR_S), end]:
        if at < end and (at not in told or told[at].observed_s <= 0):
            run.append(at)
            continue
        if run:
            known = [told[hour] for hour in run if hour in told]
            found.append(Dead(run[0], run[-1] + HOUR_S, bool(known), _why(known) if known else None))
        run = []
    return found


def without_gap_since(hours: Iterable[Hour], start: int, end: int) -> int | None:
    """From when on every hour up to ``end`` was observed, ``start`` at the earliest; None when the last one was not."""
    dead = dead_periods(hours, start, end)
    since = dead[-1].end if dead else start
    return since if since < end else None
