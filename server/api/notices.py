"""Notices for programs: JSON and CSV with the board's filters, one notice with its steps, precision by camera and month."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from fastapi import Request
from starlette.responses import JSONResponse, Response

from server.access import NOTICES, Route, store_of
from server.api.reports import utc_text
from server.guard import problem
from server.notices import Notice, NoticeEvent
from server.pages.desk import number
from server.pages.figures import csv_cell
from server.pages.notice_rules import precision_of
from server.pages.notice_words import filters_of

MOST: Final = 1000
CSV_MOST: Final = 50_000
_TIMES: Final = (
    "opened_at",
    "changed_at",
    "first_seen",
    "last_seen",
    "later_until",
    "held_until",
    "ended_at",
)
COLUMNS: Final = (
    "id", "version", "site", "device", "camera", "zone", "kind", "state", "held", "held_until", "severity", "opened_at",
    "changed_at", "first_seen", "last_seen", "ended_at", "x", "y", "w", "h", "lon", "lat", "size_m", "confidence", "cases",
    "assigned_to", "later_until",
)  # fmt: skip


def notice_json(own: Notice) -> dict[str, Any]:
    """A notice with its times as on the wire."""
    told = asdict(own)
    return {name: utc_text(told[name]) if name in _TIMES else told[name] for name in COLUMNS}


def event_json(event: NoticeEvent) -> dict[str, Any]:
    """A step with its times as on the wire."""
    return {**asdict(event), "at": utc_text(event.at), "config_at": utc_text(event.config_at)}


def _whole(text: str | None, default: int, most: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= most):
        raise ValueError(f"limit and offset must be whole numbers, at most {most} (got {text[:20]!r})")
    return int(text)


def listed(request: Request) -> Response:
    """The notices asked for: ``notices``, ``counts`` by state, and ``held`` by site and reason."""
    store, query = store_of(request).notices, request.query_params
    try:
        filters = filters_of(query)
        limit = _whole(query.get("limit"), 100, MOST)
        offset = _whole(query.get("offset"), 0, 10_000_000)
    except ValueError as exc:
        return problem(400, "bad_query", str(exc))
    held = [{**asdict(one), "until": utc_text(one.until)} for one in store.held(filters.wanted.site)]
    return JSONResponse(
        {
            "notices": [notice_json(own) for own in store.board(filters.wanted, limit, offset)],
            "counts": store.counts(filters.wanted),
            "held": held,
        }
    )


def one(request: Request) -> Response:
    """One notice with its steps."""
    store = store_of(request).notices
    own = store.notice(number(request.path_params["number"]))
    if own is None:
        return problem(404, "not_found", "there is no such notice")
    return JSONResponse({**notice_json(own), "events": [event_json(event) for event in store.events(own.id)]})


def csv(request: Request) -> Response:
    """The notices asked for, one a line: UTC times, decimal points."""
    try:
        filters = filters_of(request.query_params)
    except ValueError as exc:
        return problem(400, "bad_query", str(exc))
    rows = [",".join(COLUMNS)]
    for own in store_of(request).notices.board(filters.wanted, CSV_MOST):
        told = notice_json(own)
        rows.append(",".join(csv_cell(told[name]) for name in COLUMNS))
    headers = {"Content-Disposition": 'attachment; filename="parvis-notices.csv"'}
    return Response("\r\n".join(rows) + "\r\n", media_type="text/csv; charset=utf-8", headers=headers)


def precision(request: Request) -> Response:
    """Of the notices people answered, the share that was something, by camera and month, with its 95 % interval."""
    found = [
        {
            **asdict(own),
            "share": own.share,
            "low": (own.interval or (None, None))[0],
            "high": (own.interval or (None, None))[1],
        }
        for own in precision_of(request)
    ]
    return JSONResponse({"precision": found})


ROUTES: Final = (
    Route("GET", "/notices.csv", csv, NOTICES),
    Route("GET", "/api/v1/notices", listed, NOTICES),
    Route("GET", "/api/v1/notices/precision", precision, NOTICES),
    Route("GET", "/api/v1/notices/{number}", one, NOTICES),
)
