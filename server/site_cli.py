"""`parvis server admin site …`: sites, which places belong to them, labels, plans."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from server import site_admin
from server.cli_parts import AsJson, Data, done, show, with_store
from server.sites import PlaceDetail, Site, key_of
from server.store.base import Store

site = typer.Typer(no_args_is_help=True, help="Sites: labels, places, plans.")

SiteId = Annotated[str, typer.Argument(metavar="SITE")]
PlaceName = Annotated[str, typer.Argument(metavar="DEVICE/CAMERA/NAME")]
French = Annotated[str | None, typer.Option("--fr", help="French label; empty to remove it.")]
English = Annotated[str | None, typer.Option("--en", help="English label; empty to remove it.")]
Zone = Annotated[str | None, typer.Option("--zone", help="School holidays: A, B, C, corse or overseas.")]
Region = Annotated[
    str | None, typer.Option("--region", help="Public holidays: alsace-moselle, 971, 972, 973, 974 or 976.")
]
Lon = Annotated[float | None, typer.Option("--lon", help="Longitude, degrees.")]
Lat = Annotated[float | None, typer.Option("--lat", help="Latitude, degrees.")]


def add_to(admin: typer.Typer) -> None:
    """Put these commands under ``admin``."""
    admin.add_typer(site, name="site")


def _site_row(one: Site, places: int) -> dict[str, Any]:
    plan = f"{one.plan.width}x{one.plan.height}" if one.plan else None
    return {
        "site": one.id,
        "label_fr": one.label_fr,
        "label_en": one.label_en,
        "school_zone": one.school_zone or None,
        "region": one.region or None,
        "lon": one.lon,
        "lat": one.lat,
        "plan": plan,
        "places": places,
    }


def _place_row(one: PlaceDetail) -> dict[str, Any]:
    return {
        "place": f"{one.device}/{one.camera}/{one.name}",
        "kind": one.kind,
        "site": one.site,
        "label_fr": one.label_fr,
        "label_en": one.label_en,
        "area_m2": one.area_m2,
        "x": one.x,
        "y": one.y,
        "lon": one.lon,
        "lat": one.lat,
    }


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


@site.command("add")
def add(
    name: SiteId,
    data: Data,
    fr: French = None,
    en: English = None,
    zone: Zone = None,
    region: Region = None,
    lon: Lon = None,
    lat: Lat = None,
    as_json: AsJson = False,
) -> None:
    """Create a site."""
    said = _given(label_fr=fr, label_en=en, school_zone=zone, region=region, lon=lon, lat=lat)
    made: Site = with_store(data, lambda store: site_admin.add_site(store, Site(name, **said)))
    done(_site_row(made, 0), f"the site {name} is there; assign places to it with `site assign`", as_json)


@site.command("list")
def list_(
    data: Data,
    places: Annotated[bool, typer.Option("--places", help="List the places instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the sites, or every place and what is said of it."""

    def rows(store: Store) -> list[dict[str, Any]]:
        details = store.sites.details()
        if places:
            keys = [key_of(place) for place in store.records.places()]
            return [_place_row(details.get(key, PlaceDetail(*key))) for key in keys]
        return [
            _site_row(one, sum(each.site == one.id for each in details.values()))
            for one in store.sites.sites()
        ]

    empty = "no box has delivered yet" if places else "no site yet; add one with `site add`"
    show(with_store(data, rows), as_json, empty, "places" if places else "sites")


@site.command("assign")
def assign(
    place: PlaceName,
    name: Annotated[str, typer.Argument(metavar="SITE", help="A site, or none.")],
    data: Data,
    as_json: AsJson = False,
) -> None:
    """Let a place belong to a site, or to none."""
    wanted = None if name == site_admin.NO_SITE else name
    after: PlaceDetail = with_store(
        data,
        lambda store: site_admin.describe(store, site_admin.find_place(store, place), {"site": wanted}),
    )
    done(_place_row(after), f"{place} belongs to {name}", as_json)


@site.command("label")
def label(
    thing: Annotated[str, typer.Argument(metavar="SITE|DEVICE/CAMERA/NAME")],
    data: Data,
    fr: French = None,
    en: English = None,
    as_json: AsJson = False,
) -> None:
    """Say what people call a site or a place; its figures stay where they are."""
    said = _given(label_fr=fr, label_en=en)
    if not said:
        raise typer.BadParameter("give --fr, --en or both")

    def act(store: Store) -> dict[str, Any]:
        if "/" in thing:
            return _place_row(site_admin.describe(store, site_admin.find_place(store, thing), said))
        after = site_admin.change_site(store, thing, said)
        return _site_row(after, sum(one.site == after.id for one in store.sites.details().values()))

    done(with_store(data, act), f"{thing} is labelled", as_json)


@site.command("plan")
def plan(
    name: SiteId,
    data: Data,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A PNG or JPEG.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the plan away.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give a site a plan: a drawing or map from above, never a camera picture."""
    if (file is None) != remove:
        raise typer.BadParameter("give a FILE, or --remove")
    kept = with_store(data, lambda store: site_admin.set_plan(store, name, file))
    row = {
        "site": name,
        "plan": kept and {"type": kept.media_type, "width": kept.width, "height": kept.height},
    }
    done(row, f"the plan of {name} is {'kept' if kept else 'removed'}", as_json)
