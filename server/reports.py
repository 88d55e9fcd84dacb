"""Occupancy reports: what stored intervals say about a period. Pure: rows in, values out.

Rules:
1. Everything counted merges by sum or max, so partial records of one interval (a restart) simply add up.
2. Means are computed here, from sums: object-seconds over observed seconds.
3. No data is None, never 0; coverage is 0.0 then.
4. A bin lies on the UTC grid; a day is a local day and may last 23 or 25 hours.

Times are whole seconds since 1970, UTC. Intervals and bins are half open.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from contract.names import BINS, GROUP_OF, ClassGroup, ObjectClass

DAY: Final = "day"
Step = int | Literal["day"]
# Every local time zone is offset from UTC by a multiple of this (most by whole hours), so sums over it can
# still be cut into local days.
GRAIN_S: Final = 900
MAX_BINS: Final = 2000
NO_LENGTHS: Final = (0,) * BINS
STEPS: Final[tuple[Step, ...]] = (10, 30, 60, 300, 900, 3600, DAY)


@dataclass(frozen=True, slots=True)
class Amounts:
    """What one class did: object-seconds, the peak, entries (in), exits (out); visits (or stays) of no known length, and
    the others by the bounds of the wire.
    """

    object_s: float = 0.0
    peak: int = 0
    entries: int = 0
    exits: int = 0
    censored: int = 0
    lengths: tuple[int, ...] = NO_LENGTHS


@dataclass(frozen=True, slots=True)
class Row:
    """The stored sums of one zone or line over one interval or several of them.

    ``observed_s`` seconds really seen; ``flag_s`` seconds under each flag. Parking: ``bays``, ``observed_bay_s``, and
    in ``parking`` the occupied bay-seconds, the peak of occupied bays, arrivals, departures and stays. ``sized_s``: of
    the observed seconds those of intervals whose capacity is known; ``nearly_s`` and ``full_s`` as in `server.fullness`.
    """

    start: int
    interval_s: int
    observed_s: float
    version: str = ""
    flag_s: Mapping[str, float] = field(default_factory=dict)
    unsynced: bool = False
    counts: Mapping[ObjectClass, Amounts] = field(default_factory=dict)
    peak_vehicle: int = 0
    bays: int = 0
    observed_bay_s: float = 0.0
    parking: Amounts = Amounts()
    sized_s: float = 0.0
    nearly_s: float = 0.0
    full_s: float = 0.0


Kind = Literal["zone", "parking", "line"]


@dataclass(frozen=True, slots=True)
class Sums:
    """A commutative monoid: what is added up before any mean is taken."""

    observed_s: float = 0.0
    amount_s: float = 0.0
    weight_s: float = 0.0
    bays: int = 0
    peak: int = 0
    entries: int = 0
    exits: int = 0
    flag_s: Mapping[str, float] = field(default_factory=dict)
    unsynced: bool = False

    def __add__(self, other: Sums) -> Sums:
        flags = dict(self.flag_s)
        for name, seconds in other.flag_s.items():
            flags[name] = flags.get(name, 0.0) + seconds
        return Sums(
            self.observed_s + other.observed_s,
            self.amount_s + other.amount_s,
            self.weight_s + other.weight_s,
            max(self.bays, other.bays),
            max(self.peak, other.peak),
            self.entries + other.entries,
            self.exits + other.exits,
            flags,
            self.unsynced or other.unsynced,
        )


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a report. ``None`` means that nothing was observed.

    ``mean`` objects (or occupied bays); ``rate`` of the bays or capacity, 0..1; ``coverage`` 0..1.
    """

    start: int
    end: int
    observed_s: float
    coverage: float
    mean: float | None
    peak: int | None
    entries: int | None
    exits: int | None
    rate: float | None
    flag_s: Mapping[str, float]
    unsynced: bool


@dataclass(frozen=True, slots=True)
class OccupancyReport:
    """A period in bins, the whole of it as ``total``, and what a reader has to know of it.

    ``versions`` of the zone's geometry met; ``peak_at`` the start of the bin of the peak; ``until`` the end of what
    had elapsed.
    """

    kind: Kind
    group: ClassGroup
    step: Step
    bins: tuple[Bin, ...]
    total: Bin
    bays: int | None
    versions: int
    peak_at: int | None
    until: int


def local_midnight(at: int, tz: ZoneInfo, days: int = 0) -> int:
    """The start of the local day of ``at``, or of the day ``days`` later, in UTC seconds."""
    day = datetime.fromtimestamp(at, tz).date() + timedelta(days=days)
    return int(datetime(day.year, day.month, day.day, tzinfo=tz).timestamp())


def edges(start: int, end: int, step: Step, tz: ZoneInfo) -> list[int]:
    """The borders of the bins that cover ``[start, end)``, outermost ones on the grid.

    Raises:
        ValueError: for a step that is no divisor of a day or gives more than ``MAX_BINS`` bins.
    """
    if end <= start:
        raise ValueError("the period must end after it starts")
    if step != DAY and (step < 10 or 86400 % step):
        raise ValueError(f"step must be day or a divisor of 86400 seconds of at least 10 (got {step})")
    width = 82800 if step == DAY else step
    if (end - start) / width > MAX_BINS + 1:
        raise ValueError(f"the period has more than {MAX_BINS} bins; choose a longer step")
    if step != DAY:
        first = start - start % step
        return list(range(first, end + (-end) % step + 1, step))
    borders = [local_midnight(start, tz)]
    while borders[-1] < end:
        borders.append(local_midnight(borders[-1], tz, 1))
    return borders


def grain(step: Step, borders: Sequence[int]) -> int:
    """Seconds over which rows may be summed beforehand without changing a report over these borders."""
    if step != DAY:
        return step
    return GRAIN_S if any(border % 3600 for border in borders) else 3600


def sums_of(row: Row, kind: Kind, group: ClassGroup) -> Sums:
    """What one row adds for one class group; a parking zone knows vehicles only."""
    if kind == "parking":
        return Sums(
            row.observed_s,
            row.parking.object_s,
            row.observed_bay_s,
            row.bays,
            row.parking.peak,
            row.parking.entries,
            row.parking.exits,
            row.flag_s,
            row.unsynced,
        )
    ours = [amounts for name, amounts in row.counts.items() if GROUP_OF[name] == group]
    # Peaks of different classes need not coincide; the box measured the peak of all vehicles together.
    peak = row.peak_vehicle if group == "vehicle" else max((a.peak for a in ours), default=0)
    return Sums(
        row.observed_s,
        sum(a.object_s for a in ours),
        row.observed_s,
        0,
        peak,
        sum(a.entries for a in ours),
        sum(a.exits for a in ours),
        row.flag_s,
        row.unsynced,
    )


def finish(sums: Sums, start: int, end: int, until: int, kind: Kind, capacity: int | None) -> Bin:
    """Turn sums over ``[start, end)``, of which the part before ``until`` has elapsed, into figures."""
    elapsed = max(1, min(end, until) - start)
    # The last bits of a sum depend on the order in which records came; boxes send milliseconds.
    observed_s, amount_s, weight_s = (
        round(seconds, 6) for seconds in (sums.observed_s, sums.amount_s, sums.weight_s)
    )
    seen = observed_s > 0 or sums.entries > 0 or sums.exits > 0
    mean = rate = None
    if kind != "line" and weight_s > 0:
        mean = amount_s / weight_s
        if kind == "parking":
            rate, mean = mean, mean * sums.bays
        elif capacity:
            rate = mean / capacity
    return Bin(
        start=start,
        end=end,
        observed_s=observed_s,
        coverage=min(1.0, observed_s / elapsed),
        mean=mean,
        peak=sums.peak if seen and kind != "line" else None,
        entries=sums.entries if seen else None,
        exits=sums.exits if seen else None,
        rate=rate,
        flag_s={name: round(seconds, 6) for name, seconds in sums.flag_s.items() if seconds > 0},
        unsynced=sums.unsynced,
    )


def report(
    rows: Iterable[Row],
    *,
    kind: Kind,
    group: ClassGroup,
    step: Step,
    borders: Sequence[int],
    until: int,
    capacity: int | None = None,
) -> OccupancyReport:
    """Bin rows and sum them up.

    Args:
        rows: sums whose intervals each fit into one bin; rows outside the borders are ignored.
        kind: what the rows describe.
        group: the class group to report.
        step: as given to `edges`.
        borders: from `edges`.
        until: seconds since 1970; what lies later has not elapsed yet and lowers no coverage.
        capacity: of the zone, if it has one.

    Raises:
        ValueError: when a row is longer than a bin.
    """
    cells = [Sums() for _ in borders[1:]]
    versions: set[str] = set()
    for row in rows:
        at = bisect_right(borders, row.start) - 1
        if not 0 <= at < len(cells):
            continue
        if row.start + row.interval_s > borders[at + 1]:
            raise ValueError(f"step must be at least the records' interval of {row.interval_s} s")
        cells[at] += sums_of(row, kind, group)
        versions.add(row.version)
    done = [
        finish(cell, borders[i], borders[i + 1], until, kind, capacity)
        for i, cell in enumerate(cells)
        if borders[i] < until
    ]
    whole = sum(cells, Sums())
    total = finish(whole, borders[0], borders[-1], until, kind, capacity)
    top = max((b for b in done if b.peak), key=lambda b: b.peak or 0, default=None)
    return OccupancyReport(
        kind=kind,
        group=group,
        step=step,
        bins=tuple(done),
        total=total,
        bays=(whole.bays or None) if kind == "parking" else capacity,
        versions=len(versions),
        peak_at=top.start if top else None,
        until=until,
    )


def fitting_step(length_s: int, interval_s: int, most_bins: int = 120) -> Step:
    """The finest offered step that is no shorter than the interval and yields at most ``most_bins`` bins."""
    for step in STEPS:
        if step != DAY and step >= interval_s and length_s / step <= most_bins:
            return step
    return DAY
