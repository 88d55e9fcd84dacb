"""From a template to an answer: who is asking, in which language, with which menu."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final
from urllib.parse import quote

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from contract.version import VERSION
from server.access import (
    ADMINISTRATION,
    ANYONE_LOGGED_IN,
    FLEET,
    NOTICES,
    PLANNING,
    REPORTS,
    SEEN,
    TECHNICAL,
    Access,
    session_of,
    settings_of,
    store_of,
)
from server.compress import accepts, packed
from server.pages.texts import LANGUAGE_COOKIE, Texts, choose
from server.settings import Settings
from server.sites import place_label

ASSETS: Final[Mapping[str, str]] = {
    "app.css": "text/css; charset=utf-8",
    "uPlot.min.css": "text/css; charset=utf-8",
    "charts.js": "text/javascript; charset=utf-8",
    "uPlot.iife.min.js": "text/javascript; charset=utf-8",
    "uPlot.LICENSE.txt": "text/plain; charset=utf-8",
    "favicon.svg": "image/svg+xml",
    "leaflet.css": "text/css; charset=utf-8",
    "leaflet.js": "text/javascript; charset=utf-8",
    "leaflet.LICENSE.txt": "text/plain; charset=utf-8",
    "plan.js": "text/javascript; charset=utf-8",
    "placing.js": "text/javascript; charset=utf-8",
}
# Read once: a name that is not in this table has no way to a file.
CONTENT: Final[Mapping[str, bytes]] = {
    name: resources.files("server").joinpath("static", name).read_bytes() for name in ASSETS
}
MENU: Final[tuple[tuple[str, str, Access], ...]] = (
    ("/", "menu.overview", REPORTS),
    ("/sites", "menu.sites", REPORTS),
    ("/reports", "menu.reports", REPORTS),
    ("/alerts", "menu.alerts", PLANNING),
    ("/compare", "menu.compare", REPORTS),
    ("/ranking", "menu.ranking", REPORTS),
    ("/notices", "menu.notices", NOTICES),
    ("/devices", "menu.devices", TECHNICAL),
    ("/quarantine", "menu.quarantine", TECHNICAL),
    ("/audit", "menu.audit", ADMINISTRATION),
    ("/mail", "menu.mail", ADMINISTRATION),
    ("/definitions", "menu.definitions", ANYONE_LOGGED_IN),
    ("/fleet", "menu.fleet", FLEET),
    ("/quality", "menu.quality", SEEN),
)


def asset(name: str) -> str:
    """The address of a static file; it changes with the content, so browsers may keep it for ever."""
    return f"/static/{name}?v={hashlib.sha256(CONTENT[name]).hexdigest()[:12]}"


_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("server", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals.update(asset=asset, version=VERSION)


def texts_of(request: Request) -> Texts:
    """The language of the request."""
    # Whoever comes by a letter reads its language, unless they chose another here.
    wanted = request.cookies.get(LANGUAGE_COOKIE, "") or getattr(request.state, "language", "")
    language = choose(wanted, request.headers.get("accept-language", ""))
    return Texts(language, settings_of(request).zone_info)


def home_of(role: str) -> str:
    """Where a role starts."""
    return next(path for path, _, access in MENU if role in access.roles)


def secure_cookies(settings: Settings) -> bool:
    """Secure unless the server answers plain HTTP on this machine only."""
    return settings.https_only_cookies or not settings.on_loopback


def labels_of(request: Request) -> Callable[[Any], str]:
    """What people call a place, in the language of the request: of a `Place`, or of anything with its key."""
    language = texts_of(request).language

    def label_of(place: Any) -> str:
        # Looked up once a request, and only by pages that name a place.
        if not hasattr(request.state, "details"):
            request.state.details = store_of(request).sites.details()
        return place_label(request.state.details, place, language)

    return label_of


def render(template: str, **context: Any) -> str:
    """A template that is no page of the server: a paper or a letter."""
    return _ENVIRONMENT.get_template(template).render(**context)


def page(
    request: Request,
    template: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> Response:
    """Render a template with what every page needs."""
    texts, session, settings = texts_of(request), session_of(request), settings_of(request)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    role = session.user.role if session else ""
    html = _ENVIRONMENT.get_template(template).render(
        t=texts,
        lang=texts.language,
        user=session.user if session else None,
        csrf=session.csrf if session else "",
        menu=[(path, key) for path, key, access in MENU if role in access.roles],
        path=request.url.path,
        here=quote(here, safe=""),
        demo=settings.demo,
        delay_s=settings.statistics_delay_s,
        tz=settings.local_tz,
        now=int(settings.clock()),
        label_of=labels_of(request),
        **context,
    )
    return HTMLResponse(html, status, dict(headers or {}))


def error_page(request: Request, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A refusal that a person can read."""
    known = status if status in {400, 403, 404, 405, 413, 500, 503, 507} else 500
    return page(request, "error.html", status, headers, code=status, text=f"error.{known}")


@cache
def _smaller(name: str) -> bytes:
    return packed(CONTENT[name])


def static_file(request: Request) -> Response:
    """One of the vendored files."""
    name = request.path_params["name"]
    if name not in ASSETS:
        return error_page(request, 404)
    headers = {
        "Content-Type": ASSETS[name],
        "Cache-Control": "public, max-age=31536000, immutable",
        "Vary": "Accept-Encoding",
    }
    if not accepts(request.headers):
        return Response(CONTENT[name], media_type=None, headers=headers)
    # A file that is the same for everyone holds nobody's secret, whoever asks.
    return Response(_smaller(name), media_type=None, headers={**headers, "Content-Encoding": "gzip"})
