"""What a soak found: pure arithmetic on what was sampled, said and stored."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from bench.soak.plan import Fault

# Said while a box begins, and of the machine that it runs on.
ALWAYS: Final = frozenset({"starting", "hot", "throttled"})
STARTING_S: Final = 90.0
# A camera or a server that comes back is tried again within a minute; then it must be seen, and published.
CLEARED_S: Final = 90.0


@dataclass(slots=True)
class Spell:
    """One fault as it came, seconds of the soak; ``end`` is infinite while it lasts."""

    fault: Fault
    begin: float
    end: float = float("inf")


@dataclass(slots=True)
class Said:
    """What `/healthz` said at one moment; None: it did not answer."""

    at: float
    reasons: frozenset[str] | None


def lies(spells: Sequence[Spell], said: Sequence[Said]) -> list[str]:
    """Where health did not tell the truth: a fault that it passed over, one that it made up, one that it kept."""
    found = []
    for spell in spells:
        due = spell.begin + spell.fault.told_s
        if spell.fault.told and min(spell.end, said[-1].at) > due and not any(
            one.reasons & spell.fault.told for one in said if one.reasons and spell.begin <= one.at <= spell.end
        ):  # fmt: skip
            found.append(
                f"{spell.fault.name} at {spell.begin:.0f} s: not told within {spell.end - spell.begin:.0f} s"
            )
    made_up: Counter[str] = Counter()
    for one in said:
        allowed = set(ALWAYS) if one.at < STARTING_S else set(ALWAYS - {"starting"})
        for spell in spells:
            if spell.begin <= one.at <= spell.end + CLEARED_S:
                allowed |= spell.fault.told | spell.fault.also
        for reason in sorted((one.reasons or frozenset()) - allowed):
            near = [spell.fault.name for spell in spells if spell.begin <= one.at][-1:] or ["the start"]
            made_up[f"{reason} said after {near[0]}"] += 1
    return found + [f"{words}, {count} times" for words, count in made_up.items()]


def slope_per_hour(samples: Sequence[tuple[float, float]]) -> float | None:
    """Theil-Sen: the median slope of all pairs of (seconds, value), per hour. At most 400 samples are paired."""
    chosen = samples[:: max(1, len(samples) // 400)]
    if len(chosen) < 3:
        return None
    at, value = np.array(chosen, np.float64).T
    first, second = np.triu_indices(len(at), 1)
    return float(np.median((value[second] - value[first]) / (at[second] - at[first]))) * 3600


def thirds(samples: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The medians of the first and of the last third."""
    values = [value for _, value in samples]
    third = max(1, len(values) // 3)
    return statistics.median(values[:third]), statistics.median(values[-third:])


@dataclass(slots=True)
class Grid:
    """How the stored intervals of each zone and line lie side by side; all but ``intervals`` must be 0.

    ``false``: they say that something was seen while no picture came.
    """

    intervals: int = 0
    holes: int = 0
    overlaps: int = 0
    false: int = 0
    lost_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Stored:
    """One interval on the server, Unix seconds."""

    place: str
    start: float
    length_s: float
    observed_s: float
    lost_s: float


def grid(rows: Iterable[Stored], blind: Sequence[tuple[float, float]]) -> Grid:
    """``blind``: spans without a picture, Unix seconds."""
    found, by_place = Grid(), defaultdict[str, list[Stored]](list)
    for row in rows:
        by_place[row.place].append(row)
    for places in by_place.values():
        places.sort(key=lambda row: row.start)
        found.intervals += len(places)
        found.lost_s = max(found.lost_s, sum(row.lost_s for row in places))
        for before, after in itertools.pairwise(places):
            gap = after.start - before.start - before.length_s
            found.holes += gap > 0
            found.overlaps += gap < 0
        for row in places:
            inside = any(begin <= row.start and row.start + row.length_s <= end for begin, end in blind)
            found.false += inside and row.observed_s > 0
    return found


@dataclass(slots=True)
class Result:
    """The figures. `wrong` names those that must not be."""

    minutes: float
    faults: dict[str, int]
    left_out: list[str]
    closed: int
    stored: int
    waiting: int
    missing: int
    rejected: int
    dropped: int
    merged: int
    quarantined: int
    out_of_row: int
    grid: Grid
    lies: list[str]
    silent: int
    exit_code: int
    drained_s: float | None
    rss_mb: tuple[float, float]
    rss_mb_per_hour: float | None
    judged_minutes: float
    capture_rss_mb: tuple[float, float]
    server_rss_mb: tuple[float, float]
    files: tuple[float, float]
    threads: tuple[float, float]
    spool_mb: float
    wal_mb: float
    cpu_percent: float
    told_after_s: dict[str, list[float | None]] = field(default_factory=dict)

    @property
    def wrong(self) -> list[str]:
        """What breaks a promise (R38); empty when nothing does."""
        zero = {
            name: getattr(self, name)
            for name in ("waiting", "missing", "rejected", "dropped", "merged", "quarantined", "out_of_row", "exit_code")
        } | {name: getattr(self.grid, name) for name in ("holes", "overlaps", "false")}  # fmt: skip
        found = [f"{name}: {value}" for name, value in zero.items() if value] + self.lies
        if not self.grid.intervals:
            found.append("no interval was stored: this proved nothing")
        if self.rss_mb[1] - self.rss_mb[0] > 10:
            found.append(f"memory grew from {self.rss_mb[0]:.0f} to {self.rss_mb[1]:.0f} MB")
        if self.judged_minutes >= 60 and (self.rss_mb_per_hour or 0) > 1:
            found.append(f"memory grows by {self.rss_mb_per_hour:.1f} MB an hour")
        for name, (first, last), most in (("files", self.files, 2), ("threads", self.threads, 1)):
            if last > first + most:
                found.append(f"{name} grew from {first:g} to {last:g}")
        return found + ([f"the WAL grew to {self.wal_mb:.1f} MB"] if self.wal_mb > 16 else [])
