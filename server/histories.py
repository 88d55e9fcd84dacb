"""From hourly sums to the history that a forecast is made of. Pure.

Rule: an hour counts from ``LEAST_COVERAGE`` on; what was seen less is unknown. An hour that comes twice is the mean of both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from contract.names import ClassGroup
from server.forecast import History
from server.reports import Kind, Row, Sums, finish, sums_of

LEAST_COVERAGE: Final = 0.5
HOUR_S: Final = 3600


def history(
    rows: Iterable[Row],
    *,
    kind: Kind,
    group: ClassGroup,
    first: date,
    days: int,
    tz: ZoneInfo,
    capacity: int | None,
    labels: Mapping[date, str] | None = None,
) -> History:
    """``days`` local days from ``first`` on, by the hour: objects present, or bays occupied."""
    sums: dict[int, Sums] = {}
    for row in rows:
        sums[row.start] = sums.get(row.start, Sums()) + sums_of(row, kind, group)
    total, number = np.zeros((days, 24)), np.zeros((days, 24))
    for at, own in sums.items():
        one = finish(own, at, at + HOUR_S, at + HOUR_S, kind, None)
        local = datetime.fromtimestamp(at, tz)
        day = (local.date() - first).days
        if 0 <= day < days and one.mean is not None and one.coverage >= LEAST_COVERAGE:
            total[day, local.hour] += one.mean
            number[day, local.hour] += 1
    with np.errstate(invalid="ignore"):
        values = np.where(number > 0, total / number, np.nan)
    return History(first, values, 60, labels=labels or {}, capacity=capacity, bounded=kind == "parking")
