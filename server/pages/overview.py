"""The town at a glance: what needs attention, the map or plan, and the latest state of every place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from server.access import ANYONE_LOGGED_IN, REPORTS, TECHNICAL, Route, session_of, settings_of, store_of
from server.attention import LOW
from server.pages.render import home_of, page, texts_of
from server.pages.states import (
    PLAN_W,
    Level,
    State,
    attention,
    figure,
    marks_on_plan,
    site_names,
    states_of,
)
from server.pages.texts import NO_DATA, Texts
from server.sites import Site


@dataclass(frozen=True, slots=True)
class Group:
    """A site, or a box whose places belong to none, with its numbered places."""

    id: str
    label: str
    site: Site | None
    states: tuple[tuple[int, State], ...]
    silent_cameras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """A pin on the map: the numbers of its places, what it says, where it leads, the worst state, degrees."""

    numbers: str
    label: str
    href: str
    level: Level
    lon: float
    lat: float


WORSE: Final[tuple[Level, ...]] = ("seen", "unseen", "nearly", "full")


def groups_of(
    states: Sequence[State], sites: Sequence[Site], cameras: Sequence[tuple[str, str]], texts: Texts
) -> list[Group]:
    """Sites by label, then the boxes that have places of no site, or none at all; numbers run through."""
    names = site_names(sites, texts)
    found: list[Group] = []
    number = 0

    def add(
        id_: str, label: str, site: Site | None, own: Sequence[State], silent: tuple[str, ...] = ()
    ) -> None:
        nonlocal number
        found.append(Group(id_, label, site, tuple(enumerate(own, number + 1)), silent))
        number += len(own)

    for site in sorted(sites, key=lambda one: names[one.id].casefold()):
        own = [one for one in states if one.detail.site == site.id]
        if own or site.plan is not None:
            add(f"site-{site.id}", names[site.id], site, own)
    placed = {one.key[:2] for one in states}
    for device in sorted({one.key[0] for one in states} | {name for name, _ in cameras}):
        own = [one for one in states if one.detail.site is None and one.key[0] == device]
        silent = tuple(camera for box, camera in cameras if box == device and (box, camera) not in placed)
        if own or silent:
            add(f"box-{device}", device, None, own, silent)
    return found


def points_on_map(groups: Sequence[Group], texts: Texts) -> list[Point]:
    """A pin for every place with a longitude and latitude of its own, and one for the others of a site that has them."""
    found = []
    for group in groups:
        rest: list[tuple[int, State]] = []
        for number, one in group.states:
            lon, lat = one.detail.lon, one.detail.lat
            if lon is None or lat is None:
                rest.append((number, one))
                continue
            label = f"{number}. {one.label}: {figure(one, texts)}"
            found.append(Point(str(number), label, one.href, one.level, lon, lat))
        site = group.site
        if not rest or site is None or site.lon is None or site.lat is None:
            continue
        worst = max((one.level for _, one in rest), key=WORSE.index)
        numbers = str(rest[0][0]) if len(rest) == 1 else f"{rest[0][0]}{NO_DATA}{rest[-1][0]}"
        told = texts("list.separator").join(f"{one.label}: {figure(one, texts)}" for _, one in rest)
        found.append(
            Point(numbers, f"{group.label} ({told})", f"/sites/{site.id}", worst, site.lon, site.lat)
        )
    return found


def overview(request: Request) -> Response:
    """The town at a glance. Roles without reports go to their own first page."""
    session = session_of(request)
    role = session.user.role if session else ""
    if role not in REPORTS.roles:
        return RedirectResponse(home_of(role), 303)
    texts, store, settings = texts_of(request), store_of(request), settings_of(request)
    states, sites = states_of(request, texts), store.sites.sites()
    cameras = [(one.device, one.camera) for one in store.records.cameras()]
    groups = groups_of(states, sites, cameras, texts)
    planned = [group for group in groups if group.site is not None and group.site.plan is not None]
    alone = planned[0] if len(planned) == 1 else None
    return page(
        request,
        "overview.html",
        groups=groups,
        concerns=attention(request, states),
        labels={one.key: one.label for one in states},
        hrefs={one.key: one.href for one in states},
        technical=role in TECHNICAL.roles,
        site=alone.site if alone else None,
        marks=marks_on_plan(alone.states, alone.site, texts) if alone and alone.site else [],
        points=points_on_map(groups, texts) if settings.tile_url else [],
        tiles=settings.tile_url,
        attribution=settings.tile_attribution,
        plan_w=PLAN_W,
        low=LOW,
    )


ROUTES: Final = (Route("GET", "/", overview, ANYONE_LOGGED_IN),)
