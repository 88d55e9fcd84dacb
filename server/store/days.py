"""Local days of places, kept once they are whole, so that a year of one place is 366 rows and not 60,000.

Rules:
1. A day is worked out from the hours (its sums) and the intervals (its half hours) inside one writing transaction, and
   goes, by triggers (m005_days.sql), in the transaction that changes anything below it: late records, purges, remade hours.
2. Days are found by start and end: those cut in another time zone are not found, and made anew.
3. Reading never writes: a day that is not there is read from its hours.
4. Only days whose borders are whole UTC hours are kept.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final
from zoneinfo import ZoneInfo

from contract.names import ClassGroup, ObjectClass
from server.days import SLOT_S, Day, merged, pack, slots_of, unpack_rows, unpack_slots
from server.reports import Amounts, Row
from server.store.base import Place
from server.store.connection import Connections
from server.store.hours import HOUR_S
from server.store.records import SqliteRecords, rows_in

_PLACE: Final = "device = ? AND camera = ? AND name = ? AND kind = ?"
_WITHIN: Final = f"FROM days WHERE {_PLACE} AND start >= ? AND start < ?"
_ADD: Final = (
    "INSERT OR REPLACE INTO days (device, camera, name, kind, start, end, sums, slots)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
# Only what half hours need: the sums of `rows_in` with their histograms cost ten times as much.
_SPAN: Final = (
    " WHERE t.device = ? AND t.camera = ? AND t.name = ? AND t.kind = ? AND t.start >= ? AND t.start < ?"
)
_HALVES: Final = (
    "SELECT t.start - t.start % 1800 AS bin, sum(t.observed_s), sum(t.occupied_bay_s), sum(t.observed_bay_s),"
    f" max(t.bays) FROM intervals t{_SPAN} GROUP BY bin"
)
_HALF_COUNTS: Final = (
    "SELECT t.start - t.start % 1800 AS bin, c.class, sum(c.object_s), sum(c.entries), sum(c.exits)"
    f" FROM intervals t JOIN counts c ON c.record_id = t.record_id{_SPAN} GROUP BY bin, c.class"
)
# A transaction in which so many days are made lasts a fraction of a second; deliveries get in between.
BATCH: Final = 8

Span = tuple[int, int]


def _key(place: Place) -> tuple[str, str, str, str]:
    return place.device, place.camera, place.name, place.kind


def _runs(spans: Sequence[Span]) -> Iterator[Span]:
    """Neighbouring spans as one."""
    run: Span | None = None
    for start, end in spans:
        if run is not None and run[1] == start:
            run = (run[0], end)
            continue
        if run is not None:
            yield run
        run = (start, end)
    if run is not None:
        yield run


class SqliteDays:
    """Implements `Days`."""

    def __init__(self, connections: Connections, records: SqliteRecords) -> None:
        self._connections = connections
        self._records = records

    def rows(self, place: Place, borders: Sequence[int], until: int) -> list[Row]:
        """Sums of the local days between ``borders``; of what is not kept, and of days not yet over, by hours."""
        spans = list(itertools.pairwise(borders))
        kept: dict[Span, str] = {}
        with self._connections.read() as db:
            found = db.execute(f"SELECT start, end, sums {_WITHIN}", (*_key(place), borders[0], borders[-1]))
            kept = {(start, end): sums for start, end, sums in found if end <= until}
        rows = [row for span in spans if span in kept for row in unpack_rows(kept[span], span[0])]
        missing = [span for span in spans if span not in kept and span[1] > place.first_start]
        for start, end in _runs(missing):
            rows += self._records.rows(place, start, end, until, HOUR_S)
        return rows

    def slots(
        self, place: Place, borders: Sequence[int], group: ClassGroup
    ) -> dict[int, tuple[float | None, ...]]:
        """What each half hour held, by the start of its day; only of days that are kept (`fill`)."""
        spans = set(itertools.pairwise(borders))
        with self._connections.read() as db:
            found = db.execute(f"SELECT start, end, slots {_WITHIN}", (*_key(place), borders[0], borders[-1]))
            return {start: unpack_slots(text, group) for start, end, text in found if (start, end) in spans}

    def fill(self, place: Place, borders: Sequence[int], until: int, tz: ZoneInfo) -> int:
        """Make the days between ``borders`` that ended by ``until`` and are not kept yet; their number."""
        with self._connections.read() as db:
            found = db.execute(f"SELECT start, end {_WITHIN}", (*_key(place), borders[0], borders[-1]))
            kept = {(start, end) for start, end in found}
        missing = [
            (start, end)
            for start, end in itertools.pairwise(borders)
            if (start, end) not in kept
            and end <= until
            and place.first_start < end
            and start < place.last_end
            and not (start % HOUR_S or end % HOUR_S)
        ]
        for at in range(0, len(missing), BATCH):
            with self._connections.write() as db:
                for start, end in missing[at : at + BATCH]:
                    day = self._made(db, place, start, end, tz)
                    db.execute(_ADD, (*_key(place), start, end, *pack(day)))
        return len(missing)

    def _made(self, db: Any, place: Place, start: int, end: int, tz: ZoneInfo) -> Day:
        row = db.execute(f"SELECT purged_before FROM places WHERE {_PLACE}", _key(place)).fetchone()
        purged_before = int(row[0]) if row else 0
        # Of what was purged only whole hours are left; where that border lies within the day, the hours before it.
        border = min(end, max(start, purged_before))
        hours = rows_in(db, place, start, end, end, HOUR_S)
        halves = [replace(row, interval_s=HOUR_S) for row in hours if row.start < border]
        if border < end:
            halves += _halves(db, place, border, end)
        return Day(start, end, merged(hours, start), slots_of(halves, place.kind, tz))


def _halves(db: Any, place: Place, start: int, end: int) -> list[Row]:
    """Sums over half hours of what `slots_of` looks at, from intervals that begin in ``[start, end)``."""
    values = (*_key(place), start, end)
    counts: dict[int, dict[ObjectClass, Amounts]] = {}
    if place.kind != "parking":
        for at, name, object_s, entries, exits in db.execute(_HALF_COUNTS, values):
            counts.setdefault(at, {})[name] = Amounts(object_s, 0, entries, exits)
    return [
        Row(
            at,
            SLOT_S,
            observed_s,
            counts=counts.get(at, {}),
            bays=bays,
            observed_bay_s=observed_bay_s,
            parking=Amounts(occupied_bay_s),
        )
        for at, observed_s, occupied_bay_s, observed_bay_s, bays in db.execute(_HALVES, values)
    ]
