"""Counts by hand: the form, what they say of each place's count error, and their list.

Rule: the box's figure is taken from the final intervals of exactly that time, and kept; what cannot be compared is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from contract.names import GROUPS, NAME, ClassGroup
from server.access import REPORTS, Route, settings_of, store_of
from server.api.forms import Form
from server.api.reports import instant, reader_of
from server.pages.planning import PLANNING, audit_entry, form_or_refusal, may_plan, number_of
from server.pages.render import labels_of, page, texts_of
from server.pages.reports import href
from server.pages.tally_words import measure_name, signed, told
from server.reading import LINE_KINDS, ZONE_KINDS, Period, Reader, View
from server.sites import SiteError, key_of
from server.tallies import MEASURES, Measure, Tally, TallyError, check_asked, check_time, found, own_figure
from server.tally_reading import version_at, versions_of

FIELDS: Final = ("of", "class", "measure", "from", "to", "counted", "by")


def _view(reader: Reader, address: str) -> View | None:
    parts = address.split("/")
    if (
        len(parts) != 5
        or parts[0]
        or parts[1] not in {"zones", "lines"}
        or not all(map(NAME.match, parts[2:]))
    ):
        return None
    return reader.view(parts[2], parts[3], parts[4], LINE_KINDS if parts[1] == "lines" else ZONE_KINDS)


def _page(
    request: Request, error: TallyError | SiteError | None = None, sent: Mapping[str, str] | None = None
) -> Response:
    reader, texts, label_of = reader_of(request), texts_of(request), labels_of(request)
    views = sorted(reader.views(), key=lambda view: label_of(view.place).casefold())
    values = dict(sent) if sent else {name: request.query_params.get(name, "") for name in FIELDS}
    every = store_of(request).tallies.tallies()
    errors = found(every, versions_of(reader, views, {one.key for one in every}))
    return page(
        request,
        "tallies.html",
        400 if error else 200,
        views=[(href(view), view) for view in views],
        hrefs={key_of(view.place): href(view) for view in views},
        labels={key_of(view.place): label_of(view.place) for view in views},
        groups=[group for group in GROUPS if any(group in view.groups for view in views)],
        measures=MEASURES,
        values=values,
        error=error,
        found=told(errors, texts),
        tallies=every,
        name_of=lambda kind, measure: measure_name(kind, measure, texts),
        signed=lambda value: signed(value, texts),
        may_plan=may_plan(request),
        done=request.query_params.get("done") == "1",
    )


def read(request: Request) -> Response:
    """The page."""
    return _page(request)


def _taken(request: Request, sent: Mapping[str, str]) -> Tally:
    """The tally with the box's figure.

    Raises:
        TallyError: naming the rule.
        SiteError: ``number``.
    """
    reader, tz = reader_of(request), settings_of(request).zone_info
    view = _view(reader, sent["of"])
    if view is None:
        raise TallyError("tally_what", "there is no such place", sent["of"])
    counted = number_of(sent["counted"])
    check_asked(view.place.kind, view.groups, sent["class"], sent["measure"], counted, sent["by"])
    try:
        start, end = instant(sent["from"], tz), instant(sent["to"], tz)
    except ValueError as exc:
        raise TallyError("tally_time", str(exc), sent["from"]) from exc
    check_time(start, end, view.place.interval_s, view.last_end)
    group, measure = cast("ClassGroup", sent["class"]), cast("Measure", sent["measure"])
    try:
        report = reader.report(view, group, Period(start, end, view.place.interval_s))
    except ValueError as exc:
        raise TallyError("tally_old", str(exc)) from exc
    session_entry = audit_entry(request, "tally.add", "")
    return Tally(
        0,
        *key_of(view.place),
        group,
        measure,
        start,
        end,
        float(counted or 0.0),
        round(own_figure(report.total, measure), 3),
        round(report.total.coverage, 4),
        version_at(reader, view, start, end),
        sent["by"],
        session_entry.at,
        session_entry.actor,
    )


def _add(request: Request, form: Form) -> Response:
    sent = {name: form.text(name) for name in FIELDS}
    try:
        new = _taken(request, sent)
        detail = f"{new.group} {new.measure} {new.start}..{new.end}: {new.counted:g} by hand, {new.ours:g} by the box"
        if not store_of(request).tallies.add(
            new, audit_entry(request, "tally.add", "/".join(new.key), detail)
        ):
            raise TallyError("tally_twice", "this tally is there already")
    except (TallyError, SiteError) as exc:
        return _page(request, exc, sent)
    return RedirectResponse("/tallies?done=1", 303)


def _drop(request: Request, form: Form) -> Response:
    wanted = form.text("id")
    own = next((one for one in store_of(request).tallies.tallies() if str(one.id) == wanted), None)
    if own is None:
        return _page(request, TallyError("tally_gone", "there is no such tally"))
    detail = (
        f"{own.group} {own.measure} {own.start}..{own.end}: {own.counted:g} by hand, {own.ours:g} by the box"
    )
    store_of(request).tallies.drop(own.id, audit_entry(request, "tally.drop", "/".join(own.key), detail))
    return RedirectResponse("/tallies?done=1", 303)


async def add(request: Request) -> Response:
    """Enter a tally."""
    form = await form_or_refusal(request)
    return form if isinstance(form, Response) else await run_in_threadpool(_add, request, form)


async def drop(request: Request) -> Response:
    """Take a tally back."""
    form = await form_or_refusal(request)
    return form if isinstance(form, Response) else await run_in_threadpool(_drop, request, form)


ROUTES: Final = (
    Route("GET", "/tallies", read, REPORTS),
    Route("POST", "/tallies", add, PLANNING),
    Route("POST", "/tallies/drop", drop, PLANNING),
)
