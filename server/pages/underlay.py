"""What lies under a presence map: the plan of the camera's site, or a map of the earth where its ground points say so.

Rule: another plan, or other ground points, than those that a planner placed the camera on show no map: they say that it is to be
placed again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fastapi import Request

from contract.batch import ConfigRecord
from server.access import store_of
from server.ground_area import ground_metres
from server.onplan import Point, Projection, homography
from server.pages.presence_cells import Drawn, H, Shape, W, shapes_of
from server.pages.render import texts_of
from server.pages.states import PLAN_W
from server.pages.texts import Texts
from server.pairs import Ground, Placing
from server.placing import Placed, place
from server.sites import Site, SiteError, site_label

# Why a camera that was placed is not drawn.
Stale = Literal["", "plan", "ground"]


@dataclass(frozen=True, slots=True)
class Line:
    """An outline on the plan as SVG points."""

    points: str
    line: bool


@dataclass(frozen=True, slots=True)
class Under:
    """A plan with what lies on it, in units of a plan ``PLAN_W`` wide; nothing lies on it while it is stale."""

    site: Site
    label: str
    height: float
    placing: Placing
    stale: Stale
    placed: Placed | None
    cells: tuple[tuple[Drawn, str], ...]
    outlines: tuple[Line, ...]
    worst: str = ""


def ground_of(config: ConfigRecord | None) -> Ground | None:
    """The ground points of a camera, in metres."""
    if config is None or config.ground is None:
        return None
    ground = config.ground
    metres = ground.metres if ground.metres is not None else ground_metres(ground.lonlat or ())
    return Ground(
        tuple((float(x), float(y)) for x, y in ground.image), tuple((float(x), float(y)) for x, y in metres)
    )


def plan_height(site: Site) -> float:
    """Of a plan ``PLAN_W`` wide."""
    return PLAN_W * site.plan.height / site.plan.width if site.plan else 0.0


def stale(placing: Placing, site: Site, config: ConfigRecord | None) -> Stale:
    """What has changed since a camera was placed, so that its place says nothing any more."""
    if site.plan is None or site.plan.sha256 != placing.plan:
        return "plan"
    if placing.ground is not None and placing.ground != ground_of(config):
        return "ground"
    return ""


def _inside(points: Sequence[Point] | None, height: float) -> bool:
    return bool(points) and all(
        -PLAN_W < u < 2 * PLAN_W and -height < v < 2 * height for u, v in points or ()
    )


def _text(points: Sequence[Point]) -> str:
    return " ".join(f"{u:.1f},{v:.1f}" for u, v in points)


def cell_corners(cell: Drawn) -> list[Point]:
    """Of a cell, as fractions of the frame."""
    x, y, right, down = cell.x / W, cell.y / H, (cell.x + cell.width) / W, (cell.y + cell.height) / H
    return [(x, y), (right, y), (right, down), (x, down)]


def lines_on(projection: Projection, shapes: Sequence[Shape], height: float) -> tuple[Line, ...]:
    """Outlines of the camera on the plan; without those that reach the horizon."""
    found = []
    for _, parts, line in shapes:
        for part in parts:
            laid = projection.outline(list(part))
            if laid and _inside(laid, height):
                found.append(Line(_text(laid), line))
    return tuple(found)


def cells_on(
    projection: Projection, cells: Sequence[Sequence[Drawn]], height: float
) -> tuple[tuple[Drawn, str], ...]:
    """Cells on the plan, without those that reach the horizon or lie far beside it."""
    laid = [(one, projection.outline(cell_corners(one))) for row in cells for one in row]
    return tuple((one, _text(points)) for one, points in laid if points and _inside(points, height))


def offs(placed: Placed, texts: Texts) -> list[str]:
    """By how much each point is off, in metres where the plan has a scale; empty without a point to spare."""
    if placed.off_m:
        return [texts("place.off.m", m=texts.number(one, 2)) for one in placed.off_m]
    return [texts("place.off", share=texts.number(one * 100)) for one in placed.off or ()]


def _worst(placed: Placed, texts: Texts) -> str:
    if placed.off_m:
        return texts("presence.plan.off.m", m=texts.number(max(placed.off_m), 2))
    if placed.off:
        return texts("presence.plan.off", share=texts.number(max(placed.off) * 100))
    return texts("place.unchecked")


def under(
    request: Request,
    device: str,
    camera: str,
    config: ConfigRecord | None,
    cells: Sequence[Sequence[Drawn]] = (),
) -> Under | None:
    """The plan that a camera was placed on, with its cells and outlines; None of one that is on none."""
    placing = store_of(request).placings.placing(device, camera)
    site = store_of(request).sites.site(placing.site) if placing else None
    if placing is None or site is None:
        return None
    height, why = plan_height(site), stale(placing, site, config)
    texts = texts_of(request)
    label = site_label(site, texts.language)
    if why:
        return Under(site, label, height, placing, why, None, (), ())
    try:
        placed = place(placing.pairs, PLAN_W, height, placing.fit, placing.ground)
    except SiteError:
        # Kept by an older rule: no map rather than a wrong one.
        return Under(site, label, height, placing, "plan", None, (), ())
    projection = placed.projection
    return Under(
        site,
        label,
        height,
        placing,
        "",
        placed,
        cells_on(projection, cells, height),
        lines_on(projection, shapes_of(config), height),
        _worst(placed, texts),
    )


def cells_on_earth(config: ConfigRecord | None, cells: Sequence[Sequence[Drawn]]) -> str:
    """Cells with known corners as JSON ``[[shade, words, [[lat, lon], …]], …]``; shade -1: too few. Empty without ground points in degrees."""
    if config is None or config.ground is None or config.ground.lonlat is None:
        return ""
    degrees = [(float(lon), float(lat)) for lon, lat in config.ground.lonlat]
    # Degrees around the first point: absolute ones would leave the map eight digits short.
    east, north = degrees[0]
    matrix = homography(config.ground.image, [(lon - east, lat - north) for lon, lat in degrees])
    if matrix is None:
        return ""
    found = []
    for one in (one for row in cells for one in row):
        laid = Projection(matrix).outline(cell_corners(one))
        if laid and all(abs(u) < 0.02 and abs(v) < 0.02 for u, v in laid):
            corners = [[round(north + v, 7), round(east + u, 7)] for u, v in laid]
            found.append([-1 if one.shade is None else one.shade, one.words, corners])
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) if found else ""
