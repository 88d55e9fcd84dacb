"""Every page of the server that a person opens: one list for the speed bench, the accessibility check, the pictures and
the print check. A new page is one more line here.

``{zone}``, ``{parking}``, ``{line}`` stand for a place's ``device/camera/name``, ``{device}`` for a box (and its site), ``{camera}`` for ``device/camera``, ``{period}`` for a month, ``{start}`` and
``{end}`` for days (``2026-11-21``), ``{week_ago}``, ``{month_ago}``, ``{year_ago}`` for days before ``{end}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Address:
    """A page: what it is called here, where it is, and as whom it is opened (``""``: as nobody)."""

    name: str
    path: str
    role: str = "planner"

    def at(self, places: Mapping[str, str]) -> str:
        """The path with its places filled in."""
        return self.path.format(**places)


ADDRESSES: Final = (
    Address("login", "/login", ""),
    Address("overview", "/"),
    Address("zone-day", "/zones/{zone}"),
    Address("zone-week", "/zones/{zone}?from={week_ago}&to={end}&step=3600"),
    Address("zone-month", "/zones/{zone}?from={month_ago}&to={end}&step=3600"),
    Address("zone-year", "/zones/{zone}?from={year_ago}&to={end}&step=day"),
    Address("zone-usual-week", "/zones/{zone}/week"),
    Address("parking-day", "/zones/{parking}"),
    Address("parking-year", "/zones/{parking}?from={year_ago}&to={end}&step=day"),
    Address("parking-usual-week", "/zones/{parking}/week"),
    Address("line-day", "/lines/{line}"),
    Address("line-year", "/lines/{line}?from={year_ago}&to={end}&step=day"),
    Address("line-usual-week", "/lines/{line}/week"),
    Address("zone-month-of-days", "/zones/{zone}?span=month&on={end}"),
    Address("zone-forecast", "/zones/{zone}/forecast"),
    Address("parking", "/zones/{parking}/parking"),
    Address("parking-forecast", "/zones/{parking}/forecast"),
    Address("line-forecast", "/lines/{line}/forecast"),
    Address("compare", "/compare?place=/zones/{zone}"),
    Address("compare-places", "/compare/places"),
    Address("ranking", "/ranking"),
    Address("definitions", "/definitions"),
    Address("sites", "/sites"),
    Address("site", "/sites/{device}"),
    Address("site-edit", "/sites/{device}/edit"),
    Address("placing", "/sites/{device}/cameras/{camera}"),
    Address("site-calendar", "/sites/{device}/calendar"),
    Address("fleet", "/fleet"),
    Address("fleet-box", "/fleet/{device}"),
    Address("quality", "/quality"),
    Address("tallies", "/tallies"),
    Address("provenance", "/provenance/zones/{zone}"),
    Address("presence", "/cameras/{camera}/presence"),
    Address("reports", "/reports"),
    Address("report", "/reports/document?of={zone}&period={period}"),
    Address("subscriptions", "/subscriptions"),
    Address("alerts", "/alerts"),
    Address("mail", "/mail", "administrator"),
    Address("notices-open311", "/notices/open311", "administrator"),
    Address("public", "/public/centre", ""),
    Address("notices", "/notices"),
    Address("notices-crew", "/notices?state=to_verify", "crew"),
    Address("notice", "/notices/1", "crew"),
    Address("notices-map", "/notices/map"),
    Address("notices-precision", "/notices/precision"),
    Address("notices-vetoes", "/notices/vetoes"),
    Address("notices-rules", "/notices/rules"),
    Address("crew", "/notices/crew"),
    Address("devices", "/devices", "technician"),
    Address("quarantine", "/quarantine", "technician"),
    Address("audit", "/audit", "administrator"),
    Address("not-found", "/zones/none/none/none"),
)


def places_at(end: int, zone: str, parking: str, line: str) -> dict[str, str]:
    """What the addresses are filled with; ``end``: seconds since 1970, up to when there are figures."""
    last = datetime.fromtimestamp(end, UTC)
    ago = {"start": 28, "week_ago": 7, "month_ago": 30, "year_ago": 365}
    return {
        "zone": zone,
        "parking": parking,
        "line": line,
        "device": zone.partition("/")[0],
        "camera": zone.rpartition("/")[0],
        "period": f"{last:%Y-%m}",
        "end": f"{last:%Y-%m-%d}",
        **{name: f"{last - days * DAY:%Y-%m-%d}" for name, days in ago.items()},
    }
