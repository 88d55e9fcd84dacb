"""What every store can do with local days: a part of `server.store.base`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from contract.names import ClassGroup
from server.reports import Row

if TYPE_CHECKING:
    from server.store.base import Place


class Days(Protocol):
    """Local days of places, kept once they are whole: what long views and forecasts read."""

    def rows(self, place: Place, borders: Sequence[int], until: int) -> list[Row]:
        """Sums of the local days between ``borders`` (UTC seconds, whole hours), of intervals that end by ``until``."""

    def slots(
        self, place: Place, borders: Sequence[int], group: ClassGroup
    ) -> dict[int, tuple[float | None, ...]]:
        """What each half hour held, by the start of its day; only of days that are kept (`fill`)."""

    def fill(self, place: Place, borders: Sequence[int], until: int, tz: ZoneInfo) -> int:
        """Make the days between ``borders`` that ended by ``until`` and are not kept yet; their number."""
