"""The next 14 days of a place: what is expected of each half hour, how sure that is, and how good it has been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import Request
from starlette.responses import Response

from server.access import REPORTS, Route
from server.api.reports import group_of, reader_of
from server.pages.outlooks import outlook_of, told
from server.pages.render import error_page, page, texts_of
from server.pages.reports import href
from server.reading import LINE_KINDS, ZONE_KINDS
from server.reports import Kind


def _forecast(request: Request, kinds: Sequence[Kind]) -> Response:
    path, reader, texts = request.path_params, reader_of(request), texts_of(request)
    view = reader.view(path["device"], path["camera"], path["name"], kinds)
    if view is None:
        return error_page(request, 404)
    try:
        group = group_of(request, view)
    except ValueError:
        return error_page(request, 400)
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
