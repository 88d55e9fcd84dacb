"""The tables of a report, from stored sums: figures, days, hours, the usual week, the change, ranks. Pure.

Rules: each figure stands beside its coverage; what nobody observed is None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from contract.names import GROUP_OF, ClassGroup, Purpose, dwell_bounds
from server.bands import Lengths, lengths
from server.comparison import Effect, Measure, NoComparison
from server.fullness import Fullness, turnover
from server.ranking import Ranking
from server.report_parts import Cell, Table, Unit, count, day, decimal, length, name, share, word
from server.reports import DAY, NO_LENGTHS, Bin, Kind, OccupancyReport, Row
from server.week import Cell as Hour

LONG: Final = (
    "rep.start",
    "rep.utc",
    "tile.mean",
    "tile.peak",
    "rep.rate",
    "rep.moves_in",
    "rep.moves_out",
    "tile.coverage",
    "rep.observed",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One class group of one place over a period, and over the one before.

    ``rows`` of the period; ``before`` its daily bins of the period before; ``key`` device/camera/name.
    """

    key: str
    label: str
    kind: Kind
    group: ClassGroup
    purpose: Purpose | None
    capacity: int | None
    hours: OccupancyReport
    days: OccupancyReport
    before: Sequence[Bin]
    rows: Sequence[Row]

    @property
    def measure(self) -> Measure:
        """What is compared: people present, the rate of bays, or crossings in the positive direction."""
        found: dict[Kind, Measure] = {"zone": "mean", "parking": "rate", "line": "entries"}
        return found[self.kind]


def bands_of(rows: Sequence[Row], kind: Kind, group: ClassGroup) -> Lengths | None:
    """How long visits or stays lasted; None for a line."""
    if kind == "line":
        return None
    parts = [row.parking for row in rows] if kind == "parking" else []
    if kind == "zone":
        parts = [own for row in rows for each, own in row.counts.items() if GROUP_OF[each] == group]
    together = [sum(bin_) for bin_ in zip(*(own.lengths for own in parts), strict=True)] or NO_LENGTHS
    bounds = dwell_bounds("car" if group == "vehicle" else group)
    return lengths(together, bounds, sum(own.censored for own in parts))


def figure_of(hour: Hour, kind: Kind) -> float | None:
    """What an hour of the week shows: the mean present, the rate of bays, or crossings both ways."""
    if kind == "line":
        return None if hour.entries is None or hour.exits is None else hour.entries + hour.exits
    return hour.rate if kind == "parking" else hour.mean


def in_unit(value: float | None, kind: Kind) -> Cell:
    """A figure of `figure_of` or of a comparison: a share of the bays, else a decimal."""
    return share(value) if kind == "parking" else decimal(value)


def _moved(own: Measured) -> tuple[str, str]:
    return f"moves.in.{own.kind}", f"moves.out.{own.kind}"


def figures_table(own: Measured, full: Fullness, bands: Lengths | None) -> Table:
    """The figures of the period, each with what it rests on."""
    total, rows = own.days.total, []
    seen, coverage = length(total.observed_s), share(total.coverage)
    if own.kind != "line":
        rows += [(f"tile.mean.{own.kind}", decimal(total.mean)), ("tile.peak", count(total.peak))]
        if own.days.bays:
            rows += [("rep.capacity", count(own.days.bays)), ("rep.rate", share(total.rate))]
    rows += list(zip(_moved(own), (count(total.entries), count(total.exits)), strict=True))
    if own.kind == "parking" and own.days.bays:
        rows.append(("rep.turnover", decimal(turnover(own.days.bins, own.days.bays))))
    if full.sized_s:
        rows += [("full.nearly", length(full.nearly_s)), ("full.full", length(full.full_s))]
        rows += [("rep.nearly_share", share(full.nearly_share)), ("rep.full_share", share(full.full_share))]
    if bands and bands.complete + bands.censored:
        rows.append(("rep.visits", count(bands.complete)))
        rows.append(("rep.censored", share(bands.censored_share)))
    columns = ("rep.figure", "rep.value", "tile.coverage", "rep.observed")
    return Table("figures", columns, tuple((word(key), cell, coverage, seen) for key, cell in rows))


def days_table(own: Measured) -> Table:
    """Every day of the period."""
    columns = ["rep.day"]
    columns += [] if own.kind == "line" else ["tile.mean", "tile.peak"]
    columns += [*_moved(own), "tile.coverage", "rep.remark"]
    rows = []
    for one in own.days.bins:
        cells = [day(one.start)]
        cells += [] if own.kind == "line" else [decimal(one.mean), count(one.peak)]
        flags = " ".join(flag for flag, seconds in one.flag_s.items() if seconds >= 1)
        cells += [count(one.entries), count(one.exits), share(one.coverage), Cell(flags, "flags")]
        rows.append(tuple(cells))
    return Table("days", tuple(columns), tuple(rows))


def week_table(own: Measured, week: Sequence[Sequence[Hour]]) -> Table:
    """The usual week, hours down and weekdays across."""
    columns = ("rep.hour", *(f"weekday.short.{n}" for n in range(7)), "rep.coverage_least")
    rows = []
    for hour in range(24):
        own_week = [week[n][hour] for n in range(7)]
        shown = [(figure_of(one, own.kind), one.coverage) for one in own_week]
        # Of the figures that are shown: a dash beside them says its own.
        least = min((coverage for figure, coverage in shown if figure is not None), default=None)
        rows.append((Cell(hour, "hour"), *(in_unit(figure, own.kind) for figure, _ in shown), share(least)))
    return Table("week", columns, tuple(rows))


def long_table(report: OccupancyReport) -> Table:
    """Every bin of one of its reports under the same columns for places of any kind: workbooks and CSV."""
    unit: Unit = "day" if report.step == DAY else "time"
    rows = tuple(
        (
            Cell(one.start, unit),
            Cell(one.start, "utc"),
            decimal(one.mean),
            count(one.peak),
            share(one.rate),
            count(one.entries),
            count(one.exits),
            share(one.coverage),
            length(one.observed_s),
        )
        for one in report.bins
    )
    return Table("long", LONG, rows)


def change_table(effect: Effect | NoComparison, kind: Kind) -> Table | None:
    """The change since the period before, with its 95 % interval."""
    if isinstance(effect, NoComparison):
        return None
    low, high = effect.interval
    rows = [
        ("rep.before", in_unit(effect.before, kind)),
        ("rep.after", in_unit(effect.after, kind)),
        ("rep.change", in_unit(effect.change, kind)),
        ("rep.change_low", in_unit(low, kind)),
        ("rep.change_high", in_unit(high, kind)),
        ("rep.change_relative", Cell(effect.relative, "change")),
        ("rep.days_before", count(effect.days[0])),
        ("rep.days_after", count(effect.days[1])),
    ]
    return Table("change", ("rep.figure", "rep.value"), tuple((word(key), cell) for key, cell in rows))


def ranking_table(ranking: Ranking, kind: Kind, group: ClassGroup, labels: Mapping[str, str]) -> Table:
    """Places of one kind, the highest first."""
    columns = ("rep.rank", "rep.place", "rep.rank_value", "rep.low", "rep.high", "rep.days", "rep.rank_mark")
    rows: list[tuple[Cell, ...]] = []
    for own in ranking.ranks:
        low, high = own.interval or (None, None)
        mark = "rep.rank_first" if own.clear is None else "rep.clear" if own.clear else "rep.not_clear"
        figures = (in_unit(own.value, kind), in_unit(low, kind), in_unit(high, kind), count(own.days))
        rows.append((count(own.number), name(labels[own.place]), *figures, word(mark)))
    for key, reason in sorted(ranking.apart.items()):
        nothing = (count(None), name(labels[key]), *[in_unit(None, kind)] * 3, count(0))
        rows.append((*nothing, word(f"rep.apart.{reason}")))
    return Table(f"ranking.{kind}.{group}", columns, tuple(rows))
