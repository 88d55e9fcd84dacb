"""What a planner would have entered about the invented town: sites, labels, positions, market days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from server.calendar import Entry
from server.reports import Kind
from server.simulate_town import Site as TownSite
from server.sites import PlaceDetail, SchoolZone, Site
from server.store.base import AuditEntry, Store

ACTOR: Final = "simulate"
MARKET_MIN: Final = (8 * 60, 13 * 60)


def furnish(store: Store, town: Sequence[TownSite], school: SchoolZone, at: int) -> None:
    """Enter the sites of a town whose boxes are in the store; ``at``: since when its markets are held, seconds since 1970."""
    first = datetime.fromtimestamp(at, UTC).date()
    for one in town:
        said = AuditEntry(at, ACTOR, "site.add", one.device, "invented")
        store.sites.add(Site(one.device, one.label_fr, one.label_en, school, "", one.lon, one.lat), said)
        store.sites.describe(_details(one), [AuditEntry(at, ACTOR, "place.describe", one.device, "invented")])
        if one.market:
            market = Entry(
                "market_day",
                "Marché",
                first,
                name_en="Market",
                start_min=MARKET_MIN[0],
                end_min=MARKET_MIN[1],
                weekdays=tuple(sorted(one.market)),
                site=one.device,
            )
            store.sites.add_entries([market], AuditEntry(at, ACTOR, "calendar.add", one.device, "invented"))


def _details(one: TownSite) -> list[PlaceDetail]:
    places: list[tuple[str, Kind]] = [
        (zone.config.id, "parking" if zone.config.kind == "parking" else "zone") for zone in one.zones
    ]
    places += [(line.name, "line") for line in one.lines]
    alone = len(places) == 1
    return [
        PlaceDetail(
            one.device,
            one.camera,
            name,
            kind,
            one.device,
            one.label_fr if alone else f"{one.label_fr}, {name}",
            one.label_en if alone else f"{one.label_en}, {name}",
            lon=one.lon,
            lat=one.lat,
        )
        for name, kind in places
    ]
