"""Placing a camera on the plan of its site: points of its view and where they lie on the plan.

Rule: nothing is kept that does not fit, and what was typed comes back with what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from contract.names import NAME
from server.access import Route, settings_of, store_of
from server.api.forms import Form
from server.pages.planning import PLANNING, audit_entry, number_of, posted, site_of
from server.pages.presence_cells import outlines
from server.pages.render import error_page, page, texts_of
from server.pages.states import PLAN_W
from server.pages.underlay import ground_of, offs, plan_height, stale, under
from server.pairs import Fit, Ground, Pair, Placing
from server.placing import FITS, LEAST, MOST, place
from server.sites import Site, SiteError, site_label

FIELDS: Final = ("x", "y", "u", "v")


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera of a site: whether it lies on the plan (None: not placed, else why it is not drawn)."""

    device: str
    camera: str
    state: str
    grids: bool


def cameras_of(request: Request, site: Site) -> list[Camera]:
    """The cameras that have places of this site."""
    store = store_of(request)
    known = sorted({key[:2] for key, one in store.sites.details().items() if one.site == site.id})
    found = []
    for device, camera in known:
        placing = store.placings.placing(device, camera)
        state = "none"
        if placing and placing.site == site.id:
            state = stale(placing, site, store.records.config(device, camera)) or "placed"
        found.append(Camera(device, camera, state, bool(store.quality.grid_classes(device, camera))))
    return found


def _percent(value: float) -> str:
    return f"{value * 100:.4f}".rstrip("0").rstrip(".")


def _kept_rows(placing: Placing | None, ground: Ground | None) -> list[dict[str, str]]:
    """The points that are kept, else those of the ground that wait for their place on the plan."""
    if placing:
        return [{name: _percent(getattr(one, name)) for name in FIELDS} for one in placing.pairs]
    image = ground.image if ground else ()
    return [{"x": _percent(x), "y": _percent(y), "u": "", "v": ""} for x, y in image]


def _page(
    request: Request,
    site: Site,
    error: SiteError | None = None,
    rows: Sequence[Mapping[str, str]] | None = None,
    fit: str = "",
) -> Response:
    store, path = store_of(request), request.path_params
    device, camera = path["device"], path["camera"]
    config = store.records.config(device, camera)
    ground = ground_of(config)
    found = under(request, device, camera, config)
    if found is not None and found.site.id != site.id:
        found = None
    shown = list(rows if rows is not None else _kept_rows(found.placing if found else None, ground))
    shown += [dict.fromkeys(FIELDS, "") for _ in range(MOST - len(shown))]
    fit = fit or (found.placing.fit if found else "scale" if ground else "free")
    return page(
        request,
        "placing.html",
        400 if error else 200,
        site=site,
        label=site_label(site, texts_of(request).language),
        device=device,
        camera=camera,
        ground=ground,
        found=found,
        rows=shown,
        offs=offs(found.placed, texts_of(request)) if found and found.placed and rows is None else [],
        worst=found.worst if found else "",
        fit=fit,
        fits=[one for one in FITS if ground or one == "free"],
        least=LEAST,
        error=error,
        done=request.method == "GET" and request.query_params.get("done") == "1",
        outlines=outlines(config),
        plan_w=PLAN_W,
        plan_h=plan_height(site),
    )


def _known(request: Request, site: Site) -> bool:
    path = request.path_params
    names = (path["device"], path["camera"])
    if not all(NAME.match(name) for name in names):
        return False
    return any(
        key[:2] == names and one.site == site.id for key, one in store_of(request).sites.details().items()
    )


def placing(request: Request) -> Response:
    """The form."""
    site = site_of(request)
    if site is None or not _known(request, site):
        return error_page(request, 404)
    return _page(request, site)


def _rows_of(form: Form) -> list[dict[str, str]]:
    """What was typed: points with a place on the plan first, so that their numbers are those of the messages."""
    rows = [{name: form.text(f"p{n}-{name}") for name in FIELDS} for n in range(1, MOST + 1)]
    filled = [row for row in rows if any(row.values())]
    return sorted(filled, key=lambda row: not (row["u"] or row["v"]))


def _pairs_of(rows: Sequence[Mapping[str, str]]) -> tuple[Pair, ...]:
    """The points that have a place on the plan.

    Raises:
        SiteError: ``place_half`` or ``number``.
    """
    pairs = []
    for n, row in enumerate(rows, 1):
        if not (row["u"] or row["v"]):
            continue
        values = [number_of(row[name]) for name in FIELDS]
        if any(value is None for value in values):
            raise SiteError("place_half", f"point {n} needs all four numbers", n)
        pairs.append(Pair(*(round(value / 100, 6) for value in values if value is not None)))
    return tuple(pairs)


def _save(request: Request, site: Site, form: Form) -> Response:
    if not _known(request, site):
        return error_page(request, 404)
    store, path = store_of(request), request.path_params
    device, camera = path["device"], path["camera"]
    here = f"/sites/{site.id}/cameras/{device}/{camera}"
    if form.text("remove"):
        store.placings.drop(device, camera, audit_entry(request, "site.placing", here[7:], "removed"))
        return RedirectResponse(here, 303)
    rows, fit = _rows_of(form), cast("Fit", form.text("fit"))
    try:
        if site.plan is None:
            raise SiteError("place_plan", "the site has no plan; upload one first")
        ground = ground_of(store.records.config(device, camera)) if fit != "free" else None
        pairs = _pairs_of(rows)
        place(pairs, PLAN_W, plan_height(site), fit, ground)
    except SiteError as exc:
        return _page(request, site, exc, rows, fit if fit in FITS else "")
    now = int(settings_of(request).clock())
    new = Placing(device, camera, site.id, site.plan.sha256, fit, pairs, ground, now)
    points = "; ".join(" ".join(_percent(getattr(one, name)) for name in FIELDS) for one in pairs)
    store.placings.put(new, audit_entry(request, "site.placing", here[7:], f"{fit}: {points}"))
    return RedirectResponse(here + "?done=1", 303)


async def save(request: Request) -> Response:
    """Place the camera, or take it off the plan."""
    return await posted(request, _save)


ROUTES: Final = (
    Route("GET", "/sites/{site}/cameras/{device}/{camera}", placing, PLANNING),
    Route("POST", "/sites/{site}/cameras/{device}/{camera}", save, PLANNING),
)
