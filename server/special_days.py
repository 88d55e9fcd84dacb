"""Which days are not like others, for the forecast: the one place that knows where that comes from."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

import holidays

from server.forecast import PUBLIC_HOLIDAY

COUNTRY: Final = "FR"


@lru_cache(maxsize=64)
def _public(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(COUNTRY, years=year))


def labels_for(site: str, first: date, last: date) -> dict[date, str]:
    """Labels of the days ``first`` .. ``last``, both included, as `server.forecast.History` wants them.

    ``site`` is the device whose town's calendar holds; so far all have the public holidays of France.
    """
    years = range(first.year, last.year + 1)
    found = {day for year in years for day in _public(year) if first <= day <= last}
    return dict.fromkeys(sorted(found), PUBLIC_HOLIDAY)
