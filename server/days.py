"""One local day of a place: its sums, and what each half hour held. Pure.

Rules:
1. A day's sums are those of its hours, by version of the zone; they merge by sum and maximum as the wire does.
2. Half hours go by the clock on the wall: the two that a change of the clock skips are empty, those that it repeats
   hold the mean of both times, weighed by what was observed.
3. A half hour of which less than ``LEAST_SEEN_S`` was observed is not known: it is None, never 0.
4. Where only whole hours are left of a day, both halves hold the mean of their hour.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

from contract.names import GROUPS, ClassGroup, Flag
from server.reports import Amounts, Kind, Row, Sums, sums_of

SLOT_S: Final = 1800
SLOTS: Final = 48
LEAST_SEEN_S: Final = 450
_FLAGS: Final[tuple[str, ...]] = get_args(Flag)

Slots = Mapping[ClassGroup, tuple[float | None, ...]]


@dataclass(frozen=True, slots=True)
class Day:
    """A local day ``[start, end)``: one row for each version of the zone, and `SLOTS` values for each class group.

    A value is the mean number present or of occupied bays; of a line, crossings an hour, both directions together.
    """

    start: int
    end: int
    rows: tuple[Row, ...]
    slots: Slots = field(default_factory=dict)


def _amounts(one: Amounts, other: Amounts) -> Amounts:
    return Amounts(
        one.object_s + other.object_s,
        max(one.peak, other.peak),
        one.entries + other.entries,
        one.exits + other.exits,
        one.censored + other.censored,
        tuple(a + b for a, b in zip(one.lengths, other.lengths, strict=True)),
    )


def _plus(one: Row, other: Row) -> Row:
    names = {**one.counts, **other.counts}
    none = Amounts()
    return replace(
        one,
        interval_s=max(one.interval_s, other.interval_s),
        observed_s=one.observed_s + other.observed_s,
        flag_s={name: one.flag_s.get(name, 0.0) + other.flag_s.get(name, 0.0) for name in _FLAGS},
        unsynced=one.unsynced or other.unsynced,
        counts={name: _amounts(one.counts.get(name, none), other.counts.get(name, none)) for name in names},
        peak_vehicle=max(one.peak_vehicle, other.peak_vehicle),
        bays=max(one.bays, other.bays),
        observed_bay_s=one.observed_bay_s + other.observed_bay_s,
        parking=_amounts(one.parking, other.parking),
        sized_s=one.sized_s + other.sized_s,
        nearly_s=one.nearly_s + other.nearly_s,
        full_s=one.full_s + other.full_s,
    )


def merged(rows: Iterable[Row], start: int) -> tuple[Row, ...]:
    """One row for each version, as if it began at ``start``."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.version, []).append(replace(row, start=start))
    return tuple(reduce(_plus, found[version]) for version in sorted(found))


def slots_of(rows: Iterable[Row], kind: Kind, tz: ZoneInfo) -> Slots:
    """What each half hour held, from rows of half an hour, or of an hour where no finer ones are left.

    Args:
        rows: of one local day; each within one hour of the wall clock.
        kind: of the place.
        tz: the site's time zone.
    """
    groups: Sequence[ClassGroup] = ("vehicle",) if kind == "parking" else GROUPS
    pools: dict[ClassGroup, list[Sums]] = {group: [Sums() for _ in range(SLOTS)] for group in groups}
    for row in rows:
        local = datetime.fromtimestamp(row.start, tz)
        first = local.hour * 2 + local.minute // 30
        halves = (first, first + 1) if row.interval_s > SLOT_S else (first,)
        for group in groups:
            for slot in halves:
                pools[group][slot] += sums_of(row, kind, group)
    return {group: tuple(_value(pool, kind) for pool in own) for group, own in pools.items()}


def _value(pool: Sums, kind: Kind) -> float | None:
    if pool.observed_s < LEAST_SEEN_S:
        return None
    if kind == "line":
        return round((pool.entries + pool.exits) / pool.observed_s * 3600, 4)
    if pool.weight_s <= 0:
        return None
    return round(pool.amount_s / pool.weight_s * (pool.bays if kind == "parking" else 1), 4)


def pack(day: Day) -> tuple[str, str]:
    """The rows and the slots as compact JSON; slots of a class that was never met are left out."""
    rows = [
        [
            row.version,
            row.interval_s,
            row.observed_s,
            [row.flag_s.get(name, 0.0) for name in _FLAGS],
            int(row.unsynced),
            {name: _listed(own) for name, own in row.counts.items()},
            row.peak_vehicle,
            row.bays,
            row.observed_bay_s,
            _listed(row.parking),
            [row.sized_s, row.nearly_s, row.full_s],
        ]
        for row in day.rows
    ]
    slots = {group: [None if v is None else round(v, 3) for v in own] for group, own in day.slots.items()}
    return json.dumps(rows, separators=(",", ":")), json.dumps(slots, separators=(",", ":"))


def _listed(own: Amounts) -> list[Any]:
    return [own.object_s, own.peak, own.entries, own.exits, own.censored, *own.lengths]


def _read(own: Sequence[Any]) -> Amounts:
    object_s, peak, entries, exits, censored, *lengths = own
    return Amounts(object_s, peak, entries, exits, censored, tuple(lengths))


def unpack_rows(text: str, start: int) -> list[Row]:
    """The rows that `pack` wrote."""
    return [
        Row(
            start=start,
            interval_s=interval_s,
            observed_s=observed_s,
            version=version,
            flag_s=dict(zip(_FLAGS, flags, strict=True)),
            unsynced=bool(unsynced),
            counts={name: _read(own) for name, own in counts.items()},
            peak_vehicle=peak_vehicle,
            bays=bays,
            observed_bay_s=observed_bay_s,
            parking=_read(parking),
            sized_s=full[0],
            nearly_s=full[1],
            full_s=full[2],
        )
        for version, interval_s, observed_s, flags, unsynced, counts, peak_vehicle, bays, observed_bay_s, parking, full in (
            json.loads(text)
        )
    ]


def unpack_slots(text: str, group: ClassGroup) -> tuple[float | None, ...]:
    """The slots of one class group that `pack` wrote."""
    found = json.loads(text).get(group)
    return tuple(found) if found else (None,) * SLOTS
