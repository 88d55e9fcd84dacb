"""The next 14 days of a place: what is expected of each half hour, how sure that is, and how good it has been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import Request
from starlette.responses import Response

from server.access import REPORTS, Route
from server.pages.outlooks import outlook_of, told
from server.pages.render import page, texts_of
from server.pages.reports import chosen, href
from server.reading import LINE_KINDS, ZONE_KINDS
from server.reports import Kind


def _forecast(request: Request, kinds: Sequence[Kind]) -> Response:
    view, group = chosen(request, kinds)
    texts = texts_of(request)
    return page(
        request,
        "forecast.html",
        view=view,
        group=group,
        href=href(view),
        told=told(outlook_of(request, view, group), view, texts),
    )


def zone_forecast(request: Request) -> Response:
    """The next 14 days of a zone or car park."""
    return _forecast(request, ZONE_KINDS)


def line_forecast(request: Request) -> Response:
    """The next 14 days of a count line."""
    return _forecast(request, LINE_KINDS)


ROUTES: Final = (
    Route("GET", "/zones/{device}/{camera}/{name}/forecast", zone_forecast, REPORTS),
    Route("GET", "/lines/{device}/{camera}/{name}/forecast", line_forecast, REPORTS),
)
