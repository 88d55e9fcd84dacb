"""Roll-ups: sums per UTC hour that outlive the intervals, and make a year of one zone 8,760 rows, not half a million.

Rules:
1. An hour grows in the transaction that stores an interval for the first time, however late, and in no other.
2. Intervals are final (design.md, section 4), and each lies within one hour.
3. Hours can be made again from the intervals while all of these are there: from ``places.purged_before`` on.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from contract.names import BINS
from server.fullness import FULL, NEARLY, TINY
from server.store.base import Place

HOUR_S: Final = 3600
_KEY: Final = ("device", "camera", "name", "kind", "hour", "version")
_SUMMED: Final = [
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
    "stay_censored",
]
_HIGHEST: Final = ["interval_s", "unsynced", "peak_vehicle", "bays", "peak", "bay_mode"]
# The occupancy rate of one interval (alias t), null where the capacity is not known or nothing was observed.
_VERSION: Final = (
    " LEFT JOIN zone_versions z ON z.device = t.device AND z.camera = t.camera AND z.zone = t.name"
    " AND z.version = t.version"
)
_OBJECTS: Final = "(SELECT coalesce(sum(c.object_s), 0) FROM counts c WHERE c.record_id = t.record_id)"
_RATE: Final = (
    "CASE WHEN t.kind = 'parking' AND t.observed_bay_s > 0 THEN t.occupied_bay_s / t.observed_bay_s"
    f" WHEN t.kind = 'zone' AND t.observed_s > 0 AND z.capacity > 0 THEN {_OBJECTS} / t.observed_s / z.capacity END"
)
# Column of ``hours`` to what one interval of `measured` adds to it.
FULLNESS: Final = {
    "sized_s": "CASE WHEN t.rate IS NULL THEN 0 ELSE t.observed_s END",
    "nearly_s": f"CASE WHEN t.rate >= {NEARLY - TINY} THEN t.observed_s ELSE 0 END",
    "full_s": f"CASE WHEN t.rate >= {FULL - TINY} THEN t.observed_s ELSE 0 END",
}


def measured(where: str) -> str:
    """Intervals (alias t, also within ``where``) with their occupancy rate, as a source of rows.

    The limit keeps SQLite from merging it into a query that sums, where each use of the rate would read the classes anew.
    """
    return f"(SELECT t.*, {_RATE} AS rate FROM intervals t{_VERSION} WHERE {where} LIMIT -1) t"


_COUNTS_SUMMED: Final = ["object_s", "entries", "exits", "dwell_censored"]
_COUNTS_HIGHEST: Final = ["peak"]


def _upsert(
    table: str,
    keys: Mapping[str, str],
    summed: Sequence[str],
    highest: Sequence[str],
    histogram: str,
    source: str,
    worked_out: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """An insert of sums over ``source`` (alias ``t`` has the figures) that adds to the rows that are there.

    ``keys``: column to expression. ``histogram``: a JSON list of the source, a column for each bin of the table.
    ``worked_out``: summed column to expression.
    """
    bins = [f"{histogram}_{number}" for number in range(BINS)]
    figures = [f"sum(t.{n})" for n in summed]
    figures += [f"sum(coalesce(json_extract(t.{histogram}, '$[{n}]'), 0))" for n in range(BINS)]
    figures += [f"sum({expression})" for expression in worked_out.values()]
    figures += [f"coalesce(max(t.{n}), '')" if n == "bay_mode" else f"max(t.{n})" for n in highest]
    grow = [f"{n} = {table}.{n} + excluded.{n}" for n in (*summed, *bins, *worked_out)]
    grow += [
        f"{n} = CASE WHEN excluded.{n} > {table}.{n} THEN excluded.{n} ELSE {table}.{n} END" for n in highest
    ]
    return (
        f"INSERT INTO {table} ({', '.join((*keys, *summed, *bins, *worked_out, *highest))})"
        f" SELECT {', '.join((*keys.values(), *figures))} FROM {source} GROUP BY {', '.join(keys.values())}"
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(grow)}"
    )


def histogram_sums(name: str, alias: str) -> str:
    """Columns ``name``_0 … that sum the JSON lists of a column."""
    return ", ".join(
        f"sum(coalesce(json_extract({alias}.{name}, '$[{n}]'), 0)) AS {name}_{n}" for n in range(BINS)
    )


def _hours(where: str) -> str:
    keys = {name: f"t.{name}" for name in _KEY} | {"hour": "t.start - t.start % 3600"}
    return _upsert("hours", keys, _SUMMED, _HIGHEST, "stay", measured(where), FULLNESS)


def _counts(where: str) -> str:
    keys = {name: f"i.{name}" for name in _KEY} | {"hour": "i.start - i.start % 3600", "class": "t.class"}
    source = f"intervals i JOIN counts t ON t.record_id = i.record_id WHERE {where}"
    return _upsert("hour_counts", keys, _COUNTS_SUMMED, _COUNTS_HIGHEST, "dwell", source)


_SINCE: Final = "{0}.device = ? AND {0}.camera = ? AND {0}.name = ? AND {0}.kind = ? AND {0}.start >= ?"
_GROW: Final = _hours("t.record_id BETWEEN ? AND ?")
_GROW_COUNTS: Final = _counts("i.record_id BETWEEN ? AND ?")
_REMAKE: Final = _hours(_SINCE.format("t"))
_REMAKE_COUNTS: Final = _counts(_SINCE.format("i"))

_OF_PLACE: Final = " WHERE device = ? AND camera = ? AND name = ? AND kind = ? AND hour >= ?"
_READ: Final = f"SELECT *, hour AS bin, interval_s AS longest FROM hours{_OF_PLACE} AND hour < ?"
_DWELL: Final = ", ".join(f"dwell_{number}" for number in range(BINS))
_READ_COUNTS: Final = (
    f"SELECT hour, version, class, object_s, peak, entries, exits, dwell_censored, {_DWELL}"
    f" FROM hour_counts{_OF_PLACE} AND hour < ?"
)


def grow(db: Any, first: int, last: int) -> None:
    """Add newly stored intervals, by their numbers, to their hours, inside the caller's transaction."""
    db.execute(_GROW, (first, last))
    db.execute(_GROW_COUNTS, (first, last))


def remake(db: Any, place: Sequence[str], since: int) -> int:
    """Make the hours of a place (device, camera, name, kind) again from its intervals, inside the caller's transaction.

    ``since`` is a whole hour from which on all intervals are there. Returns the number of hours.
    """
    values = (*place, since)
    db.execute(f"DELETE FROM hours{_OF_PLACE}", values)
    db.execute(f"DELETE FROM hour_counts{_OF_PLACE}", values)
    db.execute(_REMAKE, values)
    db.execute(_REMAKE_COUNTS, values)
    return int(db.execute(f"SELECT count(*) FROM hours{_OF_PLACE}", values).fetchone()[0])


def read(db: Any, place: Place, start: int, end: int) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]]]:
    """The hours that begin in ``[start, end)``, and their counts by class."""
    values = (place.device, place.camera, place.name, place.kind, start, end)
    return list(db.query(_READ, values)), list(db.execute(_READ_COUNTS, values))


def last_end(db: Any, place: Place, until: int) -> int | None:
    """The end of the last hour that ends by ``until``, and no later than the last interval that ever arrived."""
    sql = f"SELECT max(hour) FROM hours{_OF_PLACE} AND hour <= ?"
    row = db.execute(sql, (place.device, place.camera, place.name, place.kind, 0, until - HOUR_S)).fetchone()
    return None if row[0] is None else min(int(row[0]) + HOUR_S, place.last_end)
