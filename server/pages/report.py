"""Weekly and monthly reports: choose one, read it, take it along as a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from fastapi import Request
from starlette.responses import Response

from server import scopes
from server.access import REPORTS, Route, settings_of, store_of
from server.api.reports import reader_of
from server.errors import ServerError
from server.pages.render import error_page, page, texts_of
from server.pages.report_files import TYPES, file_name, made, scope_name, scope_names
from server.pages.report_words import context
from server.report_document import Document
from server.reporting import NothingToReport, build
from server.schedule import PeriodKind, Span, before, latest_due, local_day, named, span_of

OFFERED: Final = 12


def _links(scope: str) -> Callable[..., str]:
    def link(span: Span, format_: str = "") -> str:
        query = {"of": scope, "period": span.name}
        if not format_:
            return "/reports/document?" + urlencode(query)
        return "/reports/file?" + urlencode({**query, "as": format_})

    return link


def offered(kind: PeriodKind, now: float, request: Request) -> list[Span]:
    """The running period and those before it, the newest first."""
    spans = [span_of(kind, local_day(now, settings_of(request).zone_info))]
    while len(spans) < OFFERED:
        spans.append(before(spans[-1]))
    return spans


def choose(request: Request) -> Response:
    """What there is to report on."""
    now, tz = settings_of(request).clock(), settings_of(request).zone_info
    places = [view.place for view in reader_of(request).views()]
    return page(
        request,
        "report_choose.html",
        scopes=scopes.choices(places) if places else [],
        names=scope_names(request),
        weeks=offered("week", now, request),
        months=offered("month", now, request),
        latest=latest_due("month", now, tz).name,
    )


def _document(request: Request) -> Document:
    """The report that a query asks for.

    Raises:
        ValueError: when there is no such report.
    """
    query, settings = request.query_params, settings_of(request)
    return build(
        reader_of(request),
        store_of(request),
        query.get("of", ""),
        named(query.get("period", "")),
        now=settings.clock(),
        tz=settings.zone_info,
        language=texts_of(request).language,
    )


def read(request: Request) -> Response:
    """A report as a page."""
    texts, settings = texts_of(request), settings_of(request)
    try:
        document = _document(request)
    except ValueError as exc:
        return error_page(request, 404 if isinstance(exc, NothingToReport) else 400)
    later = span_of(document.span.kind, document.span.end)
    return page(
        request,
        "report.html",
        scope_name=scope_name(document, texts),
        link=_links(document.scope),
        earlier=before(document.span),
        later=later if later.bounds(settings.zone_info)[0] <= settings.clock() else None,
        **context(document, texts),
    )


def take(request: Request) -> Response:
    """A report as a file."""
    format_ = request.query_params.get("as", "")
    if format_ not in TYPES:
        return error_page(request, 400)
    try:
        document = _document(request)
        content = made(document, texts_of(request), format_)
    except ValueError as exc:
        return error_page(request, 404 if isinstance(exc, NothingToReport) else 400)
    except ServerError:
        return error_page(request, 503)
    return Response(
        content,
        headers={
            "Content-Type": TYPES[format_],
            "Content-Disposition": f'attachment; filename="{file_name(document, format_)}"',
        },
    )


ROUTES: Final = (
    Route("GET", "/reports", choose, REPORTS),
    Route("GET", "/reports/document", read, REPORTS),
    Route("GET", "/reports/file", take, REPORTS),
)
