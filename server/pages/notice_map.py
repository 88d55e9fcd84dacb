"""Notices in space: on the map where there are tiles and positions, on a site's plan at their zone, else on the camera's frame.

Rule: a notice is put exactly where it is known to be and nowhere else. A plan has no measure of its own, so there it stands at
its zone's place, and the page says so; the frame is a scheme of zones and boxes, for no picture ever left the box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.responses import Response

from server.access import NOTICES, Route, settings_of, store_of
from server.notices import Notice
from server.pages.notice_words import SEVERITIES, Frame, Names, box, filters_of, frame
from server.pages.planning import may_plan
from server.pages.render import page, texts_of
from server.pages.sites import plan_file
from server.pages.states import PLAN_W
from server.sites import Site

MOST: Final = 200
# The classes of pins that the map of places has.
LEVELS: Final = {"high": "full", "medium": "nearly", "low": "seen"}


@dataclass(frozen=True, slots=True)
class PlanMark:
    """The notices of one zone on a plan: how many, what it says and leads to, the gravest of them, and where."""

    number: str
    label: str
    href: str
    level: str
    x: float
    y: float


Numbered = Sequence[tuple[int, Notice]]


def _plan_marks(request: Request, site: Site, numbered: Numbered, names: Names) -> list[PlanMark]:
    if site.plan is None:
        return []
    texts, height = texts_of(request), PLAN_W * site.plan.height / site.plan.width
    by_zone: dict[tuple[str, str, str], list[tuple[int, Notice]]] = {}
    for number, own in numbered:
        by_zone.setdefault((own.device, own.camera, own.zone), []).append((number, own))
    found = []
    for detail in store_of(request).sites.details().values():
        own_here = by_zone.get(detail.key[:3], [])
        if not own_here or detail.kind == "line" or detail.x is None or detail.y is None:
            continue
        gravest = max(own_here, key=lambda one: SEVERITIES[::-1].index(one[1].severity))[1]
        label = texts("nt.map.at", n=len(own_here), name=names.place(gravest))
        query = f"/notices?camera={gravest.device}/{gravest.camera}"
        href = f"/notices/{gravest.id}" if len(own_here) == 1 else query
        found.append(
            PlanMark(
                str(len(own_here)),
                label,
                href,
                LEVELS[gravest.severity],
                round(detail.x * PLAN_W, 1),
                round(detail.y * height, 1),
            )
        )
    return found


def _frames(request: Request, numbered: Numbered) -> list[Frame]:
    texts, store = texts_of(request), store_of(request)
    by_camera: dict[tuple[str, str], list[tuple[int, Notice]]] = {}
    for number, own in numbered:
        by_camera.setdefault((own.device, own.camera), []).append((number, own))
    return [
        frame(
            store,
            device,
            camera,
            [
                box(
                    own,
                    f"{number}. {texts(f'nt.kind.{own.kind}')}, {texts(f'nt.state.{own.state}')}",
                    number=number,
                    href=f"/notices/{own.id}",
                    severity=own.severity,
                )
                for number, own in here
            ],
        )
        for (device, camera), here in sorted(by_camera.items())
    ]


def read(request: Request) -> Response:
    """The map, the plans and the frames of the notices asked for."""
    store, settings = store_of(request), settings_of(request)
    status, error = 200, ""
    try:
        filters = filters_of(request.query_params)
    except ValueError as exc:
        status, error, filters = 400, str(exc), filters_of({})
    names = Names(request)
    found = store.notices.board(filters.wanted, MOST + 1)
    numbered = list(enumerate(found[:MOST], 1))
    on_map = [(n, own) for n, own in numbered if own.lon is not None and settings.tile_url]
    plans = [
        (site, names.site(site.id), _plan_marks(request, site, here, names))
        for site in store.sites.sites()
        if (here := [(n, own) for n, own in numbered if own.site == site.id])
    ]
    return page(
        request,
        "notice_map.html",
        status,
        error=error,
        filters=filters,
        numbered=numbered,
        more=len(found) > MOST,
        most=MOST,
        names=names,
        on_map=on_map,
        levels=LEVELS,
        tiles=settings.tile_url,
        attribution=settings.tile_attribution,
        plans=[one for one in plans if one[2]],
        plan_w=PLAN_W,
        frames=_frames(request, numbered),
        may_plan=may_plan(request),
    )


ROUTES: Final = (
    Route("GET", "/notices/map", read, NOTICES),
    # A crew may see no page of reports, but has to find its way on the plan.
    Route("GET", "/notices/plan/{site}", plan_file, NOTICES),
)
