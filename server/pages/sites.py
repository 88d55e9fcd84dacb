"""Sites: their list, the page of one with its plan and its last week, and the plan itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from server.access import REPORTS, Route, store_of
from server.api.reports import reader_of
from server.attention import HOUR_S, LOW
from server.pages.figures import LOW_COVERAGE, SPARK_H, SPARK_W, Bar, sparkline
from server.pages.placing import cameras_of
from server.pages.planning import PLANNING, audit_entry, form_or_refusal, may_plan, site_of
from server.pages.render import error_page, page, texts_of
from server.pages.states import PLAN_W, State, attention, marks_on_plan, states_of
from server.reading import Period, Reader
from server.reports import OccupancyReport
from server.sites import Site, SiteError, check_site, key_of, site_label

WEEK_S: Final = 7 * 86400
# So that a page of many places touches no more than their hours of a week, and draws no more bars than fit.
STEP_S: Final = 3 * HOUR_S


@dataclass(frozen=True, slots=True)
class Card:
    """One place's last week: its first class, in words and as bars."""

    number: int
    state: State
    report: OccupancyReport | None
    bars: tuple[Bar, ...]


def sites_page(request: Request, error: SiteError | None = None, status: int = 200) -> Response:
    """All sites, and a form for a new one."""
    sites, details = store_of(request).sites.sites(), store_of(request).sites.details()
    counts = {site.id: sum(one.site == site.id for one in details.values()) for site in sites}
    loose = sum(
        details[key].site is None if (key := key_of(place)) in details else True
        for place in store_of(request).records.places()
    )
    texts = texts_of(request)
    listed = sorted(sites, key=lambda one: site_label(one, texts.language).casefold())
    return page(
        request,
        "sites.html",
        status,
        sites=listed,
        site_label=site_label,
        counts=counts,
        loose=loose,
        may_plan=may_plan(request),
        error=error,
    )


def site_list(request: Request) -> Response:
    """All sites."""
    return sites_page(request)


async def site_add(request: Request) -> Response:
    """Create a site."""
    form = await form_or_refusal(request)
    if isinstance(form, Response):
        return form
    site = Site(form.text("id"), form.text("label_fr"))

    def add() -> Response:
        try:
            check_site(site)
            if not store_of(request).sites.add(
                site, audit_entry(request, "site.add", site.id, site.label_fr)
            ):
                raise SiteError("taken", f"the site {site.id} exists already; choose another id", site.id)
        except SiteError as exc:
            return sites_page(request, exc, 400)
        return RedirectResponse(f"/sites/{site.id}/edit", 303)

    return await run_in_threadpool(add)


def _card(reader: Reader, number: int, state: State) -> Card:
    view = state.view
    if view.last_end is None:
        return Card(number, state, None, ())
    # The last week up to now, not up to the last figure: a place that fell silent has a gap at its end.
    end = view.until - view.until % STEP_S + STEP_S
    report = reader.report(view, view.groups[0], Period(end - WEEK_S, end, STEP_S))
    return Card(number, state, report, tuple(sparkline(report)))


def site_page(request: Request) -> Response:
    """One site: its plan with the latest state of each place, and their last week."""
    site = site_of(request)
    if site is None:
        return error_page(request, 404)
    texts, reader = texts_of(request), reader_of(request)
    states = [one for one in states_of(request, texts) if one.detail.site == site.id]
    numbered = list(enumerate(states, 1))
    own = {one.key[:2] for one in states}
    return page(
        request,
        "site.html",
        site=site,
        label=site_label(site, texts.language),
        states=numbered,
        marks=marks_on_plan(numbered, site, texts),
        cards=[_card(reader, number, one) for number, one in numbered],
        concerns=[one for one in attention(request, states) if (one.device, one.camera) in own],
        labels={one.key: one.label for one in states},
        hrefs={one.key: one.href for one in states},
        cameras=[one for one in cameras_of(request, site) if one.grids],
        technical=False,
        may_plan=may_plan(request),
        plan_w=PLAN_W,
        spark_w=SPARK_W,
        spark_h=SPARK_H,
        low=LOW,
        low_bin=LOW_COVERAGE,
    )


def plan_file(request: Request) -> Response:
    """A site's plan. Its type is the one its content was found to have; the guard adds nosniff and the policy."""
    picture = store_of(request).sites.plan(request.path_params["site"])
    if picture is None:
        return error_page(request, 404)
    headers = {"Content-Type": picture.media_type, "Content-Disposition": "inline"}
    # Pages name the content in the address, so that a new plan is seen at once and an old one kept.
    if request.query_params.get("v") == picture.sha256[:12]:
        headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return Response(picture.content, media_type=None, headers=headers)


ROUTES: Final = (
    Route("GET", "/sites", site_list, REPORTS),
    Route("POST", "/sites", site_add, PLANNING),
    Route("GET", "/sites/{site}", site_page, REPORTS),
    Route("GET", "/sites/{site}/plan", plan_file, REPORTS),
)
