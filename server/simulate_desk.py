"""What a planner would have entered about the invented town: sites, labels, positions, plans, market days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from server.calendar import Entry
from server.pairs import Placing
from server.pictures import read_picture
from server.reports import Kind
from server.simulate_plan import GROUND, pairs, picture, polygons, spot
from server.simulate_town import LINE_POINTS
from server.simulate_town import Site as TownSite
from server.sites import PlaceDetail, SchoolZone, Site
from server.store.base import AuditEntry, Store

ACTOR: Final = "simulate"
MARKET_MIN: Final = (8 * 60, 13 * 60)


def furnish(store: Store, town: Sequence[TownSite], school: SchoolZone, at: int) -> None:
    """Enter the sites of a town whose boxes are in the store; ``at``: since when its markets are held, seconds since 1970."""
    first = datetime.fromtimestamp(at, UTC).date()
    for number, one in enumerate(town):
        said = AuditEntry(at, ACTOR, "site.add", one.device, "invented")
        store.sites.add(Site(one.device, one.label_fr, one.label_en, school, "", one.lon, one.lat), said)
        store.sites.describe(
            _details(one, number), [AuditEntry(at, ACTOR, "place.describe", one.device, "invented")]
        )
        _plan(store, one, number, at)
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


def _plan(store: Store, one: TownSite, number: int, at: int) -> None:
    """Give a site its plan, put its camera and its places on it."""
    plan = read_picture(picture(one, number))
    store.sites.set_plan(one.device, plan, AuditEntry(at, ACTOR, "site.plan", one.device, "invented"))
    placed = Placing(one.device, one.camera, one.device, plan.sha256, "scale", pairs(number), GROUND, at)
    store.placings.put(placed, AuditEntry(at, ACTOR, "site.placing", one.device, "invented"))


def _details(one: TownSite, number: int) -> list[PlaceDetail]:
    places: list[tuple[str, Kind, list[tuple[float, float]]]] = [
        (
            zone.config.id,
            "parking" if zone.config.kind == "parking" else "zone",
            [point for polygon in polygons(zone) for point in polygon],
        )
        for zone in one.zones
    ]
    places += [(line.name, "line", list(LINE_POINTS)) for line in one.lines]
    alone = len(places) == 1
    found = []
    for name, kind, points in places:
        x, y = spot(number, points)
        labels = (one.label_fr, one.label_en)
        fr, en = labels if alone else (f"{label}, {name}" for label in labels)
        found.append(
            PlaceDetail(
                one.device, one.camera, name, kind, one.device, fr, en, x=x, y=y, lon=one.lon, lat=one.lat
            )
        )
    return found
