"""Many short records of one place as one longer record: what a spool at its cap does instead of dropping. Pure.

Rules:
1. Only *kin* merge: same type, device, run, camera, place, zone version and time quality; bays alike too. Purpose is part
   of the zone's version, and a line's geometry of the run, so that neither is ever mixed.
2. Every counted number is added up exactly, as a decimal; peaks keep the highest. What cannot be added exactly, or makes
   no valid record, is not merged at all.
3. The merged record bears the number of its first part, which the server must never have been offered.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from contract.batch import LineRecord, ParkingRecord, Record, ZoneRecord, canonical, parse_record
from contract.messages import format_time

# Lengths that records are merged to, seconds: a quarter of an hour while that frees space, then an hour.
LENGTHS_S: Final = (900, 3600)
HIGHEST: Final = frozenset({"peak", "peak_vehicle"})
SUMMED: Final = frozenset(
    {
        "observed_s", "flag_s", "object_s", "entries", "exits", "dwell", "dwell_censored", "in", "out",
        "occupied_bay_s", "observed_bay_s", "arrivals", "departures", "stay", "stay_censored",
    }
)  # fmt: skip
_REPLACED: Final = frozenset({"seq", "start", "interval_s"})

Interval = ZoneRecord | ParkingRecord | LineRecord


def kin(record: Record) -> tuple[object, ...] | None:
    """What must be equal for two records to merge; None for records that never do."""
    if not isinstance(record, Interval):
        return None
    common = (record.type, record.device, record.run, record.camera, record.time_quality)
    if isinstance(record, LineRecord):
        return (*common, record.line)
    place = (*common, record.zone, record.zone_version)
    if isinstance(record, ParkingRecord):
        return (*place, record.bay_mode, record.bays, record.stay is None)
    return place


def slot(record: Record, length_s: int) -> int | None:
    """Which interval of ``length_s`` a record lies in, counted from 1970; None when it is as long or has none."""
    if not isinstance(record, Interval) or record.interval_s >= length_s:
        return None
    return int(record.start.timestamp()) // length_s


def merged(records: Sequence[Record], length_s: int) -> Record | None:
    """One record of ``length_s`` for kin of one slot, the first of which gives its number; None when refused (rule 2)."""
    first, *others = (json.loads(canonical(record)) for record in records)
    start = datetime.fromtimestamp((slot(records[0], length_s) or 0) * length_s, UTC)
    try:
        for other in others:
            first = _together(first, other, "")
        first |= {"seq": records[0].seq, "interval_s": length_s, "start": format_time(start)}
        return parse_record(first)
    except ValueError:
        return None


def _together(one: Any, other: Any, name: str) -> Any:
    """Two JSON values under one name, as rule 2 has it."""
    if isinstance(one, dict) and isinstance(other, dict):
        # A class or a flag that one of them lacks counted nothing there.
        inside = name if name in SUMMED else ""
        return {
            key: _together(one[key], other[key], inside or key)
            if key in one and key in other
            else one.get(key, other.get(key))
            for key in one | other
        }
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other) and name in SUMMED:
        return [_together(a, b, name) for a, b in zip(one, other, strict=True)]
    if name in _REPLACED or (one == other and name not in SUMMED):
        return one
    if name in HIGHEST:
        return max(one, other)
    if name not in SUMMED or one is None or other is None:
        if one is None and other is None:
            return None
        raise ValueError(f"{name} differs")
    return _sum(one, other)


def _sum(one: float, other: float) -> float:
    if isinstance(one, int) and isinstance(other, int):
        return one + other
    exact = Decimal(repr(one)) + Decimal(repr(other))
    if Decimal(repr(float(exact))) != exact:
        raise ValueError("this sum is no number of the wire")
    return float(exact)
