"""Hours in which a place told more seconds than there were, read for reports: every figure of theirs is marked.

Rule: the mark travels as one more flag, ``doubled``, so that pages, CSV and JSON show it wherever they show flags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from server.overlap import told_twice_s
from server.reports import Row
from server.store.base import Place

HOUR_S: Final = 3600
FLAG: Final = "doubled"
_HOURS: Final = (
    "SELECT hour, doubled_s FROM doubled_hours WHERE device = ? AND camera = ? AND name = ? AND kind = ?"
    " AND hour > ? AND hour < ?"
)
_TOLD: Final = (
    "SELECT start, interval_s, observed_s FROM intervals WHERE device = ? AND camera = ? AND name = ? AND kind = ?"
    " AND start >= ? AND start < ?"
)


def told_twice(db: Any, place: Place, start: int, end: int, grain_s: int) -> dict[int, float]:
    """Seconds told twice over ``[start, end)``, by the hour, or by the start of a shorter bin of ``grain_s``."""
    key = (place.device, place.camera, place.name, place.kind)
    found: dict[int, float] = {}
    for hour, doubled_s in list(db.execute(_HOURS, (*key, start - HOUR_S, end))):
        if grain_s >= HOUR_S:
            found[hour] = doubled_s
            continue
        told: dict[int, list[tuple[int, int, float]]] = {}
        for one in db.execute(_TOLD, (*key, hour, hour + HOUR_S)):
            told.setdefault(one[0] - one[0] % grain_s, []).append(tuple(one))
        bins = {at: seconds for at, own in told.items() if (seconds := told_twice_s(own)) > 0}
        if sum(bins.values()) < doubled_s - 1:
            # An hour merged into one record overlaps bins it does not begin in: then none of them can be trusted.
            bins = dict.fromkeys(told, doubled_s / len(told)) if told else {}
        found |= bins
    return found


def marked(rows: Sequence[Row], twice: Mapping[int, float], grain_s: int) -> list[Row]:
    """The rows, the first of each bin with the seconds that were told twice in it."""
    left = dict(twice)
    found = []
    for row in rows:
        # Sums over several hours come by the hour where they come from roll-ups, and by their bin where they do not.
        own = [at for at in left if at == row.start or at - at % grain_s == row.start]
        seconds = sum(left.pop(at) for at in own)
        found.append(replace(row, flag_s={**row.flag_s, FLAG: seconds}) if own else row)
    return found
