"""Forecasts of places, made once for each history: the way from the store to a forecast.

Rules:
1. A forecast is made when it is first asked for and kept until its history, its calendar or its capacity is another:
   a new day, a late record, a holiday entered. Reading the history is 400 rows; making a forecast is a back-test.
2. What is asked of a car park is when 85 % of its bays are taken, since it cannot hold more than all; of a square, when
   its capacity is reached.
3. One forecast is made at a time, and one request makes one at most.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import blake2b
from typing import Final

import numpy as np

from contract.names import ClassGroup
from server.backtest import naive
from server.days import SLOT_S, SLOTS
from server.errors import StoreError
from server.forecast import LONGEST, SHORTEST, Forecast, History, Reason, Refusal, forecast
from server.fullness import NEARLY
from server.kriging import HORIZON, Array
from server.reading import Reader, View
from server.spans import day_of, midnight
from server.store.base import Store
from server.town_calendar import labels_for_place

KEPT: Final = 1000
SLOT_MIN: Final = SLOT_S // 60
SIZED_DAYS: Final = 28


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What is known of the coming days of one class group at one place.

    ``first`` the first day ahead; ``size`` bays or capacity, if known; ``limit`` what `Forecast.chance` is about, and
    ``share`` the same as a share of the size; ``last_week`` (14, 48) the newest value of that weekday and half hour; ``special`` labels of the calendar's days.
    """

    group: ClassGroup
    first: date
    size: int | None
    limit: float | None
    share: float
    result: Forecast | Refusal
    last_week: Array | None
    special: Mapping[date, str] = field(default_factory=dict)

    @property
    def reason(self) -> Reason | None:
        """Why there is no forecast."""
        return self.result.reason if isinstance(self.result, Refusal) else None


Key = tuple[str, str, str, str, ClassGroup]


class Outlooks:
    """The forecasts that were made, the ones asked for last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, tuple[bytes, Outlook]] = OrderedDict()
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self.made = 0

    def of(self, store: Store, reader: Reader, view: View, group: ClassGroup) -> Outlook:
        """The forecast of one class group at one place, or why there is none."""
        place = view.place
        key = (place.device, place.camera, place.name, place.kind, group)
        history, first, size = history_of(store, reader, view, group)
        mark = _mark(history, first, size)
        found = self._found(key, mark)
        if found is not None:
            return found
        with self._making:
            found = self._found(key, mark)
            if found is not None:
                return found
            made = _outlook(view, group, history, first, size)
            self.made += 1
            with self._lock:
                self._kept[key] = (mark, made)
                self._kept.move_to_end(key)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            return made

    def _found(self, key: Key, mark: bytes) -> Outlook | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept[0] != mark:
                return None
            self._kept.move_to_end(key)
            return kept[1]


def size_of(reader: Reader, view: View) -> int | None:
    """What a place holds: of a car park the bays of its last 28 days, else what its configuration says; for pages and alerts."""
    if view.place.kind != "parking" or view.last_end is None:
        return view.capacity
    since = midnight(day_of(view.until, reader.tz) - timedelta(days=SIZED_DAYS), reader.tz)
    rows = reader.sums(view, max(since, view.place.first_start), view.last_end)
    return max((row.bays for row in rows), default=0) or view.capacity


def history_of(
    store: Store, reader: Reader, view: View, group: ClassGroup
) -> tuple[History | None, date, int | None]:
    """The half hours of the last 400 days at most, the first day ahead, and the size of the place."""
    tz = reader.tz
    first_ahead = day_of(view.until, tz)
    begin = max(day_of(view.place.first_start, tz), first_ahead - timedelta(days=LONGEST))
    if begin >= first_ahead:
        return None, first_ahead, size_of(reader, view)
    days = [begin + timedelta(days=k) for k in range((first_ahead - begin).days + 1)]
    borders = [midnight(day, tz) for day in days]
    # While the file is written anew nothing can be kept: the days that are kept must do until then.
    with suppress(StoreError):
        store.days.fill(view.place, borders, view.until, tz)
    found = store.days.slots(view.place, borders, group)
    nothing = (None,) * SLOTS
    values = np.array([found.get(start, nothing) for start in borders[:-1]], dtype=np.float64)
    size = size_of(reader, view)
    if view.place.kind == "parking" and size:
        # One whose bays were fewer once may have held more than it has now.
        values = np.minimum(values, float(size))
    labels = labels_for_place(store, view.place, begin, first_ahead + timedelta(days=HORIZON))
    history = History(
        first=begin,
        values=values,
        slot_min=SLOT_MIN,
        labels=labels,
        capacity=float(size) if size else None,
        bounded=view.place.kind == "parking",
    )
    return history, first_ahead, size


def _mark(history: History | None, first: date, size: int | None) -> bytes:
    """Another one for another history."""
    digest = blake2b(repr((first, size)).encode(), digest_size=16)
    if history is not None:
        digest.update(history.values.tobytes())
        digest.update(repr((history.first, sorted(history.labels.items()))).encode())
    return digest.digest()


def _outlook(
    view: View, group: ClassGroup, history: History | None, first: date, size: int | None
) -> Outlook:
    share = NEARLY if view.place.kind == "parking" else 1.0
    limit = size * share if size else None
    if history is None:
        return Outlook(group, first, size, limit, share, Refusal("short_history", 0, SHORTEST), None)
    result = forecast(history, limit)
    last_week = None if isinstance(result, Refusal) else naive(history.values, len(history.values))
    return Outlook(group, first, size, limit, share, result, last_week, dict(history.labels))
