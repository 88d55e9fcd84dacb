"""The public figures of one place and class over one local day, at three fixed steps. Pure.

Rules:
1. Flows and peaks are shown as `server.suppression` decides; coverage always.
2. A mean is shown only where nothing inside its time was small or hidden: no mean covers a small count, so none
   leads back to one.
3. Car parks speak of bays and vehicles, which are exempt.
4. What nothing observed is no data, whatever was counted; so is what was told twice (`server.overlap`).

Times are whole seconds since 1970, UTC; bins are half open. Hours and quarters run from the local midnight.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from contract.names import ClassGroup
from server.reports import DAY, GRAIN_S, Bin, Kind, Row, Step, Sums, finish, sums_of
from server.suppression import HIDDEN, SMALL, K, Shown, Tree, protect, shown_peak

HOUR_S: Final = 3600
PUBLIC_STEPS: Final[tuple[Step, ...]] = (GRAIN_S, HOUR_S, DAY)
MEAN_DIGITS: Final = 1


@dataclass(frozen=True, slots=True)
class PublicBin:
    """One line of the public table. None where nothing was observed, or where the place has no such figure.

    ``mean`` objects, or occupied bays; ``rate`` of the bays, 0..1, car parks only; ``coverage`` 0..1.
    """

    start: int
    end: int
    observed_s: float
    coverage: float
    mean: float | str | None
    peak: Shown
    entries: Shown
    exits: Shown
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class _Hour:
    whole: Bin
    quarters: list[Bin]


def _cut(start: int, end: int, length: int) -> list[tuple[int, int]]:
    """``[start, end)`` in pieces, the last of which may be shorter (a clock that moves by half an hour)."""
    return [(at, min(at + length, end)) for at in range(start, end, length)]


def _bins(
    rows: Iterable[Row], kind: Kind, group: ClassGroup, start: int, end: int
) -> tuple[Bin, list[_Hour]]:
    cells = {at: Sums() for at, _ in _cut(start, end, GRAIN_S)}
    for row in rows:
        if row.start in cells:
            cells[row.start] += sums_of(row, kind, group)
    cells = {
        at: cell if cell.observed_s > 0 and not cell.flag_s.get("doubled") else Sums()
        for at, cell in cells.items()
    }

    def bin_of(low: int, high: int) -> Bin:
        inside = (cells[at] for at in range(low, high, GRAIN_S))
        return finish(sum(inside, Sums()), low, high, high, kind, None)

    hours = [
        _Hour(bin_of(low, high), [bin_of(*piece) for piece in _cut(low, high, GRAIN_S)])
        for low, high in _cut(start, end, HOUR_S)
    ]
    return bin_of(start, end), hours


def _exempt(one: Bin) -> PublicBin:
    """A bin of a car park, as it is."""
    mean = None if one.mean is None else round(one.mean, MEAN_DIGITS)
    rate = None if one.rate is None else round(one.rate, 2)
    coverage = round(one.coverage, 4)
    seen_s = round(one.observed_s, 3)
    return PublicBin(one.start, one.end, seen_s, coverage, mean, one.peak, one.entries, one.exits, rate)


def _shown(one: Bin, entries: Shown, exits: Shown, k: int, *, finer_clear: bool) -> tuple[PublicBin, bool]:
    """A bin with its marks, and whether nothing inside its time was small or hidden."""
    flows_shown = not isinstance(entries, str) and not isinstance(exits, str)
    peak = shown_peak(one.peak, k, flows_shown=flows_shown)
    clear = finer_clear and flows_shown and peak != SMALL
    mean: float | str | None = None
    if one.mean is not None:
        mean = round(one.mean, MEAN_DIGITS) if clear else HIDDEN
    coverage, seen_s = round(one.coverage, 4), round(one.observed_s, 3)
    return PublicBin(one.start, one.end, seen_s, coverage, mean, peak, entries, exits), clear


def _tables(day: Bin, hours: list[_Hour], entries: Tree, exits: Tree, k: int) -> dict[Step, list[PublicBin]]:
    by_quarter: list[PublicBin] = []
    by_hour: list[PublicBin] = []
    all_clear = True
    for index, hour in enumerate(hours):
        finer = [
            _shown(one, entries.quarters[index][i], exits.quarters[index][i], k, finer_clear=True)
            for i, one in enumerate(hour.quarters)
        ]
        by_quarter += [shown for shown, _ in finer]
        hour_clear = all(clear for _, clear in finer)
        shown, clear = _shown(hour.whole, entries.hours[index], exits.hours[index], k, finer_clear=hour_clear)
        by_hour.append(shown)
        all_clear = all_clear and clear
    whole, _ = _shown(day, entries.day, exits.day, k, finer_clear=all_clear)
    return {GRAIN_S: by_quarter, HOUR_S: by_hour, DAY: [whole]}


def public_tables(
    rows: Iterable[Row], *, kind: Kind, group: ClassGroup, start: int, end: int, k: int = K
) -> dict[Step, list[PublicBin]]:
    """The bins of one place and class group, by step.

    Args:
        rows: sums per quarter of an hour; those outside ``[start, end)`` are ignored.
        kind: what the rows describe.
        group: the class group.
        start: the local midnight that begins the day, a multiple of 900 s.
        end: the next local midnight.
        k: the least count that is shown.

    Raises:
        ValueError: for a k that protects nothing, or borders that are no quarters of an hour.
    """
    if start % GRAIN_S or end % GRAIN_S or end <= start:
        raise ValueError(f"a public day must run over whole quarters of an hour (got {start} to {end})")
    day, hours = _bins(rows, kind, group, start, end)
    if kind == "parking":
        return {
            GRAIN_S: [_exempt(one) for hour in hours for one in hour.quarters],
            HOUR_S: [_exempt(hour.whole) for hour in hours],
            DAY: [_exempt(day)],
        }
    entries = protect([[one.entries for one in hour.quarters] for hour in hours], k)
    exits = protect([[one.exits for one in hour.quarters] for hour in hours], k)
    return _tables(day, hours, entries, exits, k)
