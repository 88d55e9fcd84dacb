"""Editing a site: its labels and zone, its plan, and which places belong to it and where they stand.

The box's own words (geometry, capacity, purpose) are shown and cannot be changed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from server.access import Route, settings_of, store_of
from server.api.forms import Form
from server.api.reports import reader_of
from server.pages.placing import cameras_of
from server.pages.planning import PLANNING, audit_entry, number_of, posted, site_of
from server.pages.render import error_page, page, texts_of
from server.pages.states import PLAN_W, site_names
from server.pictures import MOST_BYTES, MOST_SIDE, read_picture
from server.reading import View
from server.sites import (
    REGIONS,
    SCHOOL_ZONES,
    PlaceDetail,
    Site,
    SiteError,
    check_detail,
    check_site,
    key_of,
    place_label,
    site_label,
)
from server.store.base import AuditEntry

# A file that is somewhat too large is told so on the page; beyond this it is not even read.
READ_MOST: Final = 4 * MOST_BYTES
DONE: Final = frozenset({"site", "plan", "places"})
_TEXTS: Final = ("label_fr", "label_en")
_NUMBERS: Final = ("area_m2", "x", "y", "lon", "lat")
Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """One place of the form: what the fields hold, as texts, and what its box says of it."""

    detail: PlaceDetail
    view: View
    label: str
    values: Values
    elsewhere: str
    error: SiteError | None = None


def _text(value: float | None, scale: float = 1) -> str:
    return "" if value is None else f"{value * scale:.7f}".rstrip("0").rstrip(".")


def _site_values(site: Site) -> Values:
    return {
        "label_fr": site.label_fr,
        "label_en": site.label_en,
        "school_zone": site.school_zone,
        "region": site.region,
        "lon": _text(site.lon),
        "lat": _text(site.lat),
    }


def _place_values(detail: PlaceDetail) -> Values:
    # Positions on a plan are typed and read as percent.
    return {
        **{name: getattr(detail, name) for name in _TEXTS},
        **{name: _text(getattr(detail, name), 100 if name in "xy" else 1) for name in _NUMBERS},
    }


def _rows(
    request: Request, site: Site, sent: Mapping[str, Values], errors: Mapping[str, SiteError]
) -> list[PlaceRow]:
    """Every place, those of the site first; fields hold what was sent, else what is kept."""
    texts, store = texts_of(request), store_of(request)
    details, names = store.sites.details(), site_names(store.sites.sites(), texts)
    rows = []
    for view in reader_of(request).views():
        detail = details.get(key_of(view.place), PlaceDetail(*key_of(view.place)))
        key = "/".join(detail.key)
        rows.append(
            PlaceRow(
                detail,
                view,
                place_label(details, view.place, texts.language),
                sent.get(key, _place_values(detail)),
                names.get(detail.site or "", "") if detail.site != site.id else "",
                errors.get(key),
            )
        )
    return sorted(rows, key=lambda row: (row.detail.site != site.id, row.label.casefold(), row.detail.key))


def edit_page(
    request: Request,
    site: Site,
    *,
    site_error: SiteError | None = None,
    plan_error: SiteError | None = None,
    site_values: Values | None = None,
    sent: Mapping[str, Values] | None = None,
    errors: Mapping[str, SiteError] | None = None,
) -> Response:
    """The page, with what was wrong and everything that was typed."""
    rows = _rows(request, site, sent or {}, errors or {})
    wrong = bool(site_error or plan_error or errors)
    done = request.query_params.get("done", "") if request.method == "GET" else ""
    height = PLAN_W * site.plan.height / site.plan.width if site.plan else 0.0
    return page(
        request,
        "site_edit.html",
        400 if wrong else 200,
        site=site,
        label=site_label(site, texts_of(request).language),
        values=site_values or _site_values(site),
        own=[row for row in rows if row.detail.site == site.id],
        others=[row for row in rows if row.detail.site != site.id],
        cameras=cameras_of(request, site),
        site_error=site_error,
        plan_error=plan_error,
        wrong=len(errors or {}),
        done=done if done in DONE else "",
        zones=SCHOOL_ZONES,
        regions=REGIONS,
        plan_w=PLAN_W,
        plan_h=height,
        most_mb=MOST_BYTES // 1024 // 1024,
        most_side=MOST_SIDE,
        tiles=settings_of(request).tile_url,
        attribution=settings_of(request).tile_attribution,
    )


def edit(request: Request) -> Response:
    """The form."""
    site = site_of(request)
    return edit_page(request, site) if site else error_page(request, 404)


def _done(site: Site, what: str) -> Response:
    return RedirectResponse(f"/sites/{site.id}/edit?done={what}#{what}", 303)


def _save_site(request: Request, site: Site, form: Form) -> Response:
    values = {name: form.text(name) for name in _site_values(site)}
    try:
        changed: Any = {**values, "lon": number_of(values["lon"]), "lat": number_of(values["lat"])}
        after = check_site(replace(site, **changed))
    except SiteError as exc:
        return edit_page(request, site, site_error=exc, site_values=values)
    if after != site:
        old, new = _site_values(site), _site_values(after)
        store_of(request).sites.change(
            after, audit_entry(request, "site.change", site.id, _difference(old, new))
        )
    return _done(site, "site")


def _difference(old: Values, new: Values) -> str:
    return ", ".join(f"{name} {old[name]!r} -> {new[name]!r}" for name in new if old[name] != new[name])


def _save_plan(request: Request, site: Site, form: Form) -> Response:
    entry: AuditEntry
    if form.text("remove"):
        entry = audit_entry(request, "site.plan", site.id, "removed")
        store_of(request).sites.set_plan(site.id, None, entry)
        return _done(site, "plan")
    try:
        picture = read_picture(form.files.get("plan", b""))
    except SiteError as exc:
        return edit_page(request, site, plan_error=exc)
    told = f"{picture.media_type} {picture.width} x {picture.height}, sha256 {picture.sha256[:16]}"
    store_of(request).sites.set_plan(site.id, picture, audit_entry(request, "site.plan", site.id, told))
    return _done(site, "plan")


def _wanted(detail: PlaceDetail, site: Site, values: Values, *, inside: bool) -> PlaceDetail:
    """What a row of the form asks for.

    Raises:
        SiteError: when it breaks a rule.
    """
    if detail.site != site.id:
        # A position on another site's plan means nothing on this one.
        return replace(detail, site=site.id, x=None, y=None) if inside else detail
    if not inside:
        return replace(detail, site=None, x=None, y=None)
    numbers: Any = {name: number_of(values[name]) for name in _NUMBERS}
    for name in "xy":
        if numbers[name] is not None:
            numbers[name] = round(numbers[name] / 100, 6)
    return check_detail(replace(detail, label_fr=values["label_fr"], label_en=values["label_en"], **numbers))


def _save_places(request: Request, site: Site, form: Form) -> Response:
    rows = {"/".join(row.detail.key): row for row in _rows(request, site, {}, {})}
    sent: dict[str, Values] = {}
    errors: dict[str, SiteError] = {}
    changed: list[PlaceDetail] = []
    audit: list[AuditEntry] = []
    for name, key in form.fields.items():
        if not name.endswith("-key") or key not in rows:
            continue
        detail, prefix = rows[key].detail, name.removesuffix("key")
        values = {field: form.text(prefix + field) for field in (*_TEXTS, *_NUMBERS)}
        try:
            after = _wanted(detail, site, values, inside=bool(form.text(prefix + "in")))
        except SiteError as exc:
            errors[key] = exc
        else:
            if after != detail:
                changed.append(after)
                old, new = _place_values(detail), _place_values(after)
                told = _difference({**old, "site": detail.site or ""}, {**new, "site": after.site or ""})
                audit.append(audit_entry(request, "site.place", key, told))
        if detail.site == site.id:
            sent[key] = values
    if errors:
        return edit_page(request, site, sent=sent, errors=errors)
    if changed:
        store_of(request).sites.describe(changed, audit)
    return _done(site, "places")


def _remove(request: Request, site: Site, form: Form) -> Response:
    if not form.text("sure"):
        return edit_page(request, site, site_error=SiteError("sure", "tick the box to remove the site"))
    store_of(request).sites.remove(site.id, audit_entry(request, "site.remove", site.id, site.label_fr))
    return RedirectResponse("/sites", 303)


async def save_site(request: Request) -> Response:
    """Change what is said of the site."""
    return await posted(request, _save_site)


async def save_plan(request: Request) -> Response:
    """Give the site a plan, or take it away."""
    return await posted(request, _save_plan, READ_MOST)


async def save_places(request: Request) -> Response:
    """Change what is said of its places, all of it or nothing."""
    return await posted(request, _save_places)


async def remove(request: Request) -> Response:
    """Forget the site; its places and their figures stay."""
    return await posted(request, _remove)


ROUTES: Final = (
    Route("GET", "/sites/{site}/edit", edit, PLANNING),
    Route("POST", "/sites/{site}/edit", save_site, PLANNING),
    Route("POST", "/sites/{site}/plan", save_plan, PLANNING),
    Route("POST", "/sites/{site}/places", save_places, PLANNING),
    Route("POST", "/sites/{site}/remove", remove, PLANNING),
)
