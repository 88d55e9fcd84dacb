"""The page of one zone or line, and its CSV."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import HTTPException, Request
from starlette.responses import Response

from contract.names import ClassGroup
from server.access import REPORTS, Route, store_of
from server.api.reports import bin_json, group_of, period_of, reader_of, utc_text
from server.pages.calendar_spans import caution, period_in, span_in, spans_of
from server.pages.figures import LOW_COVERAGE, csv_cell, lines, summary
from server.pages.outlooks import outlook_of, slots_ahead, told
from server.pages.render import error_page, labels_of, page, texts_of
from server.pages.report_files import excel_csv
from server.pages.tally_words import told as told_errors
from server.pages.texts import Texts
from server.reading import LINE_KINDS, ZONE_KINDS, KeptByTheHour, Period, View
from server.reports import DAY, MAX_BINS, STEPS, Kind, Step
from server.store.base import CameraState
from server.tally_reading import errors_of

PRESETS: Final = (("1h", 3600), ("24h", 86400), ("7d", 7 * 86400), ("30d", 30 * 86400))


def href(view: View) -> str:
    """The page of a place; names are of the wire, so they need no quoting."""
    place = view.place
    return f"/{'lines' if place.kind == 'line' else 'zones'}/{place.device}/{place.camera}/{place.name}"


def chosen(request: Request, kinds: Sequence[Kind]) -> tuple[View, ClassGroup]:
    """The place of a path and the class group that is asked for.

    Raises:
        HTTPException: 404 for no such place, 400 for no such group; the application answers with a page.
    """
    path = request.path_params
    view = reader_of(request).view(path["device"], path["camera"], path["name"], kinds)
    if view is None:
        raise HTTPException(404)
    try:
        return view, group_of(request, view)
    except ValueError as exc:
        raise HTTPException(400) from exc


def _local_input(at: int, texts: Texts) -> str:
    """The value of a datetime-local field."""
    return datetime.fromtimestamp(at, texts.tz).strftime("%Y-%m-%dT%H:%M:%S")


def _presets(view: View, query: dict[str, str]) -> list[tuple[str, str]]:
    """Links to the last hour, day, … of the data, only those that are shorter than the data."""
    end = view.last_end or view.until
    extent = end - view.place.first_start
    found = [
        (name, "?" + urlencode({**query, "from": utc_text(end - length), "to": utc_text(end)}))
        for name, length in PRESETS
        if length < extent
    ]
    return [
        *found,
        ("all", "?" + urlencode({**query, "from": utc_text(view.place.first_start), "to": utc_text(end)})),
    ]


def _steps(view: View, start: int, length_s: int) -> list[Step]:
    """The steps that the data and the period allow."""
    place = view.place
    least = 3600 if max(start, place.first_start) < place.purged_before else place.interval_s
    return [step for step in STEPS if step == DAY or (step >= least and length_s / step <= MAX_BINS)]


def _place(request: Request, kinds: Sequence[Kind]) -> Response:
    path = request.path_params
    reader, texts = reader_of(request), texts_of(request)
    view = reader.view(path["device"], path["camera"], path["name"], kinds)
    if view is None:
        return error_page(request, 404)
    group, error, status = view.groups[0], "", 200
    period, span = Period(), None
    try:
        group, period = group_of(request, view), period_of(request)
        span = span_in(request, view, texts)
        period = period_in(span, view, texts) if span else period
        report = reader.report(view, group, period)
    except ValueError as exc:
        # The reader keeps a readable page and is told that the wish could not be met.
        error = "place.by_the_hour" if isinstance(exc, KeptByTheHour) else "place.bad_period"
        status, period, span = 400, Period(), None
        report = reader.report(view, group)
    start, end, _ = reader.window(view, period)
    query: dict[str, str] = {"class": group} if len(view.groups) > 1 else {}
    return page(
        request,
        "place.html",
        status,
        spans=spans_of(span, view, texts, query),
        caution=caution(report, view, texts),
        # What is to come belongs under what is, not under last year's March.
        ahead=told(outlook_of(request, view, group), view, texts) if not request.query_params else None,
        checked=[
            one.sentence
            for one in told_errors(errors_of(reader, store_of(request), [view]), texts)
            if one.one.group == group
        ],
        view=view,
        report=report,
        error=error,
        lines=lines(report, texts) if report.bins else [],
        sentence=summary(report, texts) if report.bins else "",
        start=_local_input(start, texts),
        end=_local_input(end, texts),
        steps=_steps(view, start, end - start),
        presets=_presets(view, query),
        query=urlencode({"class": group, "from": utc_text(start), "to": utc_text(end), "step": report.step}),
        href=href(view),
        low=LOW_COVERAGE,
        camera=_camera_state(request, view),
        coming=slots_ahead(request, view, report, end, texts) if span else (),
    )


def _camera_state(request: Request, view: View) -> CameraState | None:
    return next(
        (
            state
            for state in store_of(request).records.cameras()
            if (state.device, state.camera) == (view.place.device, view.place.camera)
        ),
        None,
    )


def zone_page(request: Request) -> Response:
    """A zone or car park over a period."""
    return _place(request, ZONE_KINDS)


def line_page(request: Request) -> Response:
    """A count line over a period."""
    return _place(request, LINE_KINDS)


def _csv(request: Request, kinds: Sequence[Kind]) -> Response:
    path = request.path_params
    reader = reader_of(request)
    view = reader.view(path["device"], path["camera"], path["name"], kinds)
    if view is None:
        return error_page(request, 404)
    try:
        report = reader.report(view, group_of(request, view), period_of(request))
    except ValueError:
        return error_page(request, 400)
    if request.query_params.get("for") == "excel":
        return excel_csv(view, report, texts_of(request), labels_of(request)(view.place))
    place = view.place
    fixed = {"device": place.device, "camera": place.camera, "name": place.name, "class": report.group}
    rows: list[dict[str, Any]] = []
    for one in report.bins:
        figures = bin_json(one, report.kind)
        flags = figures.pop("flag_s")
        rows.append(
            {**fixed, **figures, "flags": " ".join(f"{name}={seconds}" for name, seconds in flags.items())}
        )
    header = list(rows[0]) if rows else list(fixed)
    body = [",".join(header)] + [",".join(csv_cell(cell) for cell in row.values()) for row in rows]
    name = f"parvis-{place.camera}-{place.name}-{report.group}.csv"
    return Response(
        "\r\n".join(body) + "\r\n",
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def zone_csv(request: Request) -> Response:
    """A zone's bins as CSV: UTC times, decimal points, empty cells for no data."""
    return _csv(request, ZONE_KINDS)


def line_csv(request: Request) -> Response:
    """A line's bins as CSV."""
    return _csv(request, LINE_KINDS)


ROUTES: Final = (
    Route("GET", "/zones/{device}/{camera}/{name}", zone_page, REPORTS),
    Route("GET", "/zones/{device}/{camera}/{name}/csv", zone_csv, REPORTS),
    Route("GET", "/lines/{device}/{camera}/{name}", line_page, REPORTS),
    Route("GET", "/lines/{device}/{camera}/{name}/csv", line_csv, REPORTS),
)
