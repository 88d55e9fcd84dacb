"""The board: notices that wait for a person first, by page, with filters, counts, and what is held back and why."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from starlette.responses import Response

from server.access import NOTICES, Route, settings_of, store_of
from server.pages.notice_words import (
    ACTIVE,
    KINDS,
    NO_SITE,
    REASONS,
    SEVERITIES,
    STATES,
    VIEWS,
    Filters,
    Names,
    filters_of,
)
from server.pages.planning import may_plan
from server.pages.render import page
from server.reports import local_midnight

PAGE: Final = 30


def page_number(text: str | None) -> int:
    """The page of a query, 1 for anything that is none."""
    return int(text) if text and text.isascii() and text.isdigit() and 0 < len(text) < 6 and int(text) else 1


def board(request: Request) -> Response:
    """One page of the notices asked for."""
    store, now = store_of(request).notices, int(settings_of(request).clock())
    status, error = 200, ""
    try:
        filters = filters_of(request.query_params)
    except ValueError as exc:
        # The reader keeps a readable board and is told that the wish could not be met.
        status, error, filters = 400, str(exc), filters_of({})
    number = page_number(request.query_params.get("page"))
    counts = store.counts(filters.wanted)
    names = Names(request)
    asked = filters.wanted.states or frozenset(STATES)
    found = sum(counts.get(state, 0) for state in asked)
    shown = store.board(filters.wanted, PAGE + 1, (number - 1) * PAGE)
    held = store.held(filters.wanted.site)
    return page(
        request,
        "notice_board.html",
        status,
        error=error,
        filters=filters,
        notices=shown[:PAGE],
        more=len(shown) > PAGE,
        number=number,
        found=found if filters.wanted.held is None else None,
        counts=counts,
        active=sum(counts.get(state, 0) for state in ACTIVE),
        held=held,
        held_all=sum(one.number for one in held),
        rules={one.site: store.rules(one.site) for one in held},
        names=names,
        cameras=[f"{device}/{camera}" for device, camera in store.cameras_with_notices()],
        states=STATES,
        views=list(VIEWS),
        kinds=KINDS,
        severities=SEVERITIES,
        reasons=REASONS,
        no_site=NO_SITE,
        may_plan=may_plan(request),
        today=local_midnight(now, settings_of(request).zone_info),
    )


ROUTES: Final = (Route("GET", "/notices", board, NOTICES),)

__all__ = ["PAGE", "ROUTES", "Filters", "board"]
