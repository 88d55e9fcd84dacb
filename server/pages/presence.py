"""The presence map of a camera: where most were, over the outlines of its zones, by hours of the day and period.

Rule: like a line, a grid has no purpose on the wire; its hour appears ``statistics_delay_s`` after it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from contract.batch import ConfigRecord
from contract.names import CLASSES, GROUP_OF, GROUPS, ClassGroup
from server.access import REPORTS, Route, settings_of, store_of
from server.coverage import HOUR_S
from server.onplan import Point, Projection
from server.pages.quality import changes_of
from server.pages.render import error_page, page, texts_of
from server.pages.texts import Texts
from server.presence import Cell, Presence, presence
from server.reports import local_midnight
from server.settings import Settings

DAYS_SHOWN: Final = 14
# Hours of a quarter for each class of vehicles: no page reads more than 9,000 grids.
MOST_DAYS: Final = 92
SHADES: Final = 6
W: Final = 160.0
H: Final = 90.0
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


@dataclass(frozen=True, slots=True)
class Drawn:
    """One cell on the map and in the table: its place, shade (None: too few), figure and words."""

    x: float
    y: float
    width: float
    height: float
    shade: int | None
    text: str
    words: str


@dataclass(frozen=True, slots=True)
class Outline:
    """A zone or line of the camera's configuration, as SVG points, and where its name stands."""

    name: str
    points: Sequence[str]
    line: bool
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Plan:
    """An uploaded plan: its picture's address and size, and where on it the four ground points of a camera lie.

    The part that keeps plans puts ``plan_under(device, camera) -> Plan | None`` into ``app.state``.
    """

    href: str
    width: float
    height: float
    corners: tuple[Point, ...]


def on_plan(
    plan: Plan | None, config: ConfigRecord | None, found: Presence, cells: Sequence[Sequence[Drawn]]
) -> list[tuple[Drawn, str]]:
    """The cells as SVG points on the plan; nothing where there is no plan, or no ground points to lay them by."""
    if plan is None or config is None or config.ground is None:
        return []
    try:
        lay = Projection(config.ground.image, plan.corners)
    except ValueError:
        return []
    placed = []
    for row in cells:
        for one in row:
            x, y, right, down = one.x / W, one.y / H, (one.x + one.width) / W, (one.y + one.height) / H
            outline = lay.outline([(x, y), (right, y), (right, down), (x, down)])
            if outline and all(-plan.width < u < 2 * plan.width for u, _ in outline):
                placed.append((one, " ".join(f"{u:.1f},{v:.1f}" for u, v in outline)))
    return placed


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


def column(index: int) -> str:
    """The name of a column of cells: A, B, … Z, AA."""
    first, last = divmod(index, 26)
    return (chr(64 + first) if first else "") + chr(65 + last)


def _words(cell: Cell, name: str, texts: Texts) -> str:
    if cell.least is None:
        return texts("presence.cell.few", cell=name)
    return texts(
        "presence.cell",
        cell=name,
        least=texts.number(cell.least, 2),
        shown=texts.number(cell.shown, 2),
        share=texts.percent(cell.share),
    )


def drawn(found: Presence, texts: Texts) -> list[list[Drawn]]:
    """The cells by rows; shades run from nothing to the highest figure of the map."""
    top = max((cell.least for cell in found.cells if cell.least is not None), default=0.0)
    width, height = W / found.cols, H / found.rows

    def one(row: int, col: int) -> Drawn:
        cell = found.cells[row * found.cols + col]
        shade = None
        if cell.least is not None:
            shade = max(1, min(SHADES, round(SHADES * cell.least / top))) if cell.least > 0 else 0
        name = f"{column(col)}{row + 1}"
        text = texts.number(cell.least, 2 if top < 10 else 1)
        return Drawn(
            x=round(col * width, 3),
            y=round(row * height, 3),
            width=round(width, 3),
            height=round(height, 3),
            shade=shade,
            text=text,
            words=_words(cell, name, texts),
        )

    return [[one(row, col) for col in range(found.cols)] for row in range(found.rows)]


def outlines(config: ConfigRecord | None) -> list[Outline]:
    """Zones, bays and lines as the newest configuration draws them."""
    shapes: list[tuple[str, list[Any], bool]] = []
    for zone in config.zones if config else ():
        drawn_ = ([zone.polygon] if zone.polygon else []) + list(zone.bays.values())
        shapes.append((zone.id, drawn_, False))
    shapes += [(line.id, [line.points], True) for line in (config.lines if config else ())]
    found = []
    for name, parts, line in shapes:
        every = [point for part in parts for point in part]
        if every:
            texts = [" ".join(f"{round(W * x, 1)},{round(H * y, 1)}" for x, y in part) for part in parts]
            x, y = min(every, key=lambda point: (point[1], point[0]))
            found.append(Outline(name, texts, line, round(W * x + 1, 1), round(max(4.0, H * y - 1), 1)))
    return found


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
    plan_under: Callable[[str, str], Plan | None] | None = getattr(request.app.state, "plan_under", None)
    plan = plan_under(device, camera) if plan_under else None
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
        plan=plan,
        placed=on_plan(plan, config, found, cells) if found else [],
        changed=[one for one in changes_of(store, device, camera, low, high) if not one.first],
        days=list(DAYS),
        shades=SHADES,
        most_days=MOST_DAYS,
    )


ROUTES: Final = (Route("GET", "/cameras/{device}/{camera}/presence", presence_page, REPORTS),)
