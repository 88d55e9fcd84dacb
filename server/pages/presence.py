"""The presence map of a camera: where most were, over the outlines of its zones, by hours of the day and period.

Rule: like a line, a grid has no purpose on the wire; its hour appears ``statistics_delay_s`` after it ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from fastapi import Request
from starlette.responses import Response

from contract.names import CLASSES, GROUP_OF, GROUPS, ClassGroup
from server.access import REPORTS, Route, settings_of, store_of
from server.coverage import HOUR_S
from server.pages.planning import may_plan
from server.pages.presence_cells import SHADES, column, drawn, outlines
from server.pages.quality import changes_of
from server.pages.render import error_page, page, texts_of
from server.pages.states import PLAN_W
from server.pages.texts import Texts
from server.pages.underlay import cells_on_earth, under
from server.presence import Presence, presence
from server.reports import local_midnight
from server.settings import Settings

DAYS_SHOWN: Final = 14
# Hours of a quarter for each class of vehicles: no page reads more than 9,000 grids.
MOST_DAYS: Final = 92
DAYS: Final = {"all": range(7), "week": range(5), "weekend": range(5, 7)}


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: local days from the first to the last, hours of the day, which days, and what."""

    first: date
    last: date
    from_hour: int
    to_hour: int
    days: str
    group: ClassGroup


def _groups(names: Sequence[str]) -> list[ClassGroup]:
    return [group for group in GROUPS if any(GROUP_OF[name] == group for name in CLASSES if name in names)]


def _hour(text: str | None, default: int, least: int) -> int:
    value = int(text, 10) if text else default
    if not least <= value <= least + 23:
        raise ValueError("an hour of the day must lie within the day")
    return value


def wish_of(
    query: Mapping[str, str], groups: Sequence[ClassGroup], extent: tuple[int, int], settings: Settings
) -> Wish:
    """The query, by default the last 14 days of data and all hours.

    Raises:
        ValueError: for what cannot be read, is too long, or is not counted here.
    """
    tz = settings.zone_info
    newest = datetime.fromtimestamp(extent[1], tz).date()
    oldest = datetime.fromtimestamp(extent[0], tz).date()
    last = date.fromisoformat(query["to"]) if query.get("to") else newest
    first = (
        date.fromisoformat(query["from"])
        if query.get("from")
        else max(min(oldest, last), last - timedelta(days=DAYS_SHOWN - 1))
    )
    if not (date(2024, 1, 1) <= first <= last <= date(2105, 1, 1)) or (last - first).days >= MOST_DAYS:
        raise ValueError("the period must end after it starts and last 92 days at most")
    from_hour, to_hour = _hour(query.get("from_hour"), 0, 0), _hour(query.get("to_hour"), 24, 1)
    group = next((one for one in groups if one == (query.get("class") or groups[0])), None)
    days = query.get("days") or "all"
    if group is None or from_hour >= to_hour or days not in DAYS:
        raise ValueError("class, hours or days cannot be read")
    return Wish(first, last, from_hour, to_hour, days, group)


def chosen(at: int, wish: Wish, texts: Texts) -> bool:
    """Whether an hour is one of those asked for, by the local clock."""
    local = datetime.fromtimestamp(at, texts.tz)
    return wish.from_hour <= local.hour < wish.to_hour and local.weekday() in DAYS[wish.days]


def _map(request: Request, wish: Wish, texts: Texts) -> tuple[Presence | None, int]:
    """The map that was wished for, and the seconds of the hours asked for that had elapsed."""
    store, settings, path = store_of(request), settings_of(request), request.path_params
    tz = settings.zone_info
    noon = int(datetime(wish.first.year, wish.first.month, wish.first.day, 12, tzinfo=tz).timestamp())
    start = local_midnight(noon, tz)
    end = local_midnight(noon, tz, (wish.last - wish.first).days + 1)
    start = start // HOUR_S * HOUR_S
    visible = int(settings.clock()) - settings.statistics_delay_s - HOUR_S
    end = min(end, visible + 1)
    names = [name for name in CLASSES if GROUP_OF[name] == wish.group]
    grids = store.quality.grids(path["device"], path["camera"], names, start, end)
    elapsed = sum(chosen(at, wish, texts) for at in range(start, end, HOUR_S)) * HOUR_S
    return presence(one for one in grids if chosen(one.start, wish, texts)), elapsed


def _sites_of(request: Request, device: str, camera: str) -> list[str]:
    """The sites on whose plans the camera could be placed."""
    store = store_of(request)
    own = {one.site for key, one in store.sites.details().items() if key[:2] == (device, camera)}
    return [site.id for site in store.sites.sites() if site.id in own and site.plan]


def presence_page(request: Request) -> Response:
    """The map of one camera."""
    store, settings, path = store_of(request), settings_of(request), request.path_params
    device, camera, texts = path["device"], path["camera"], texts_of(request)
    if not any((one.device, one.camera) == (device, camera) for one in store.records.cameras()):
        return error_page(request, 404)
    groups = _groups(store.quality.grid_classes(device, camera))
    extent = store.quality.grid_extent(device, camera)
    if not groups or extent is None:
        return page(request, "presence.html", device=device, camera=camera, wish=None, found=None)
    status = 200
    try:
        wish = wish_of(request.query_params, groups, extent, settings)
    except ValueError:
        # The reader keeps a readable page and is told that the wish could not be met.
        status, wish = 400, wish_of({}, groups, extent, settings)
    found, elapsed = _map(request, wish, texts)
    config = store.records.config(device, camera)
    cells = drawn(found, texts) if found else []
    known = [
        (cell.least, one)
        for one, cell in zip((one for row in cells for one in row), found.cells if found else (), strict=True)
        if cell.least is not None
    ]
    low = int(datetime.combine(wish.first, datetime.min.time(), settings.zone_info).timestamp())
    high = int(datetime.combine(wish.last, datetime.max.time(), settings.zone_info).timestamp())
    return page(
        request,
        "presence.html",
        status,
        device=device,
        camera=camera,
        error=status != 200,
        wish=wish,
        groups=groups,
        found=found,
        cells=cells,
        columns=[column(index) for index in range(found.cols)] if found else [],
        busiest=max(known, key=lambda one: one[0])[1] if known else None,
        few=sum(cell.least is None for cell in found.cells) if found else 0,
        top=texts.number(max(known, key=lambda one: one[0])[0], 2) if known else "",
        coverage=min(1.0, found.observed_s / elapsed) if found and elapsed else None,
        outlines=outlines(config),
        under=under(request, device, camera, config, cells) if found else None,
        tiles=settings.tile_url,
        attribution=settings.tile_attribution,
        plan_w=PLAN_W,
        may_plan=may_plan(request),
        places=_sites_of(request, device, camera) if may_plan(request) else [],
        map_cells=cells_on_earth(config, cells) if found and settings.tile_url else "",
        changed=[one for one in changes_of(store, device, camera, low, high) if not one.first],
        days=list(DAYS),
        shades=SHADES,
        most_days=MOST_DAYS,
    )


ROUTES: Final = (Route("GET", "/cameras/{device}/{camera}/presence", presence_page, REPORTS),)
