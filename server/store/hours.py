"""Hourly sums, kept beside the intervals so that a year of one zone is 8,760 rows and not half a million.

Rules:
1. An hour grows in the transaction that stores an interval for the first time, and in no other.
2. Nothing is ever taken away: intervals are final (design.md, section 4), and each lies within one hour.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.store.base import Place

HOUR_S: Final = 3600
_KEY: Final = ("device", "camera", "name", "kind", "hour", "version")
_ADDED: Final = [
    "observed_s",
    "dark_s",
    "degraded_s",
    "moved_s",
    "covered_s",
    "frozen_s",
    "lost_s",
    "occupied_bay_s",
    "observed_bay_s",
    "arrivals",
    "departures",
]
_HIGHEST: Final = ["interval_s", "unsynced", "peak_vehicle", "bays", "peak"]
_COUNTS_ADDED: Final = ("object_s", "entries", "exits")
_COUNTS_HIGHEST: Final = ("peak",)


def _upsert(table: str, key: Sequence[str], added: Sequence[str], highest: Sequence[str], source: str) -> str:
    """An insert that adds to the row that is there."""
    names = (*key, *added, *highest)
    grow = [f"{n} = {table}.{n} + excluded.{n}" for n in added]
    grow += [
        f"{n} = CASE WHEN excluded.{n} > {table}.{n} THEN excluded.{n} ELSE {table}.{n} END" for n in highest
    ]
    return (
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {source}"
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(grow)}"
    )


_PLACE: Final = "i.device, i.camera, i.name, i.kind, i.start - i.start % 3600, i.version"
_GROW: Final = _upsert(
    "hours",
    _KEY,
    _ADDED,
    _HIGHEST,
    f"{_PLACE}, {', '.join('i.' + n for n in (*_ADDED, *_HIGHEST))} FROM intervals i WHERE i.record_id = ?",
)
_GROW_COUNTS: Final = _upsert(
    "hour_counts",
    (*_KEY, "class"),
    _COUNTS_ADDED,
    _COUNTS_HIGHEST,
    f"{_PLACE}, c.class, {', '.join('c.' + n for n in (*_COUNTS_ADDED, *_COUNTS_HIGHEST))}"
    " FROM intervals i JOIN counts c ON c.record_id = i.record_id WHERE i.record_id = ?",
)
_WHERE: Final = " WHERE device = ? AND camera = ? AND name = ? AND kind = ? AND hour >= ? AND hour < ?"
_READ: Final = f"SELECT *, hour AS bin, interval_s AS longest FROM hours{_WHERE}"
_READ_COUNTS: Final = f"SELECT hour, version, class, object_s, peak, entries, exits FROM hour_counts{_WHERE}"


def grow(db: Any, record_id: int) -> None:
    """Add a newly stored interval to its hour, inside the caller's transaction."""
    db.execute(_GROW, (record_id,))
    db.execute(_GROW_COUNTS, (record_id,))


def read(db: Any, place: Place, start: int, end: int) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]]]:
    """The hours that begin in ``[start, end)``, and their counts by class."""
    values = (place.device, place.camera, place.name, place.kind, start, end)
    return list(db.query(_READ, values)), list(db.execute(_READ_COUNTS, values))
