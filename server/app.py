"""Composition root of the server: builds everything from its settings; nothing else does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from server.access import NotAllowed, NotLoggedIn, Route, authorize, register, seal
from server.api.ingest import Ingest
from server.api.notices import ROUTES as NOTICE_API_ROUTES
from server.api.open311 import Open311
from server.api.public import Public
from server.api.reports import ROUTES as API_ROUTES
from server.compress import Compress
from server.errors import StoreError, StoreFull
from server.guard import Guard, problem
from server.notice_desk import notice_desk
from server.open311_office import open311_office
from server.outlook import Outlooks
from server.pages.alerts import ROUTES as ALERT_ROUTES
from server.pages.answer import Answers
from server.pages.calendar import ROUTES as CALENDAR_ROUTES
from server.pages.comparing import ROUTES as COMPARE_ROUTES
from server.pages.crew import ROUTES as CREW_ROUTES
from server.pages.definitions import ROUTES as DEFINITION_ROUTES
from server.pages.feeds import Feeds
from server.pages.fleet import ROUTES as FLEET_ROUTES
from server.pages.forecast import ROUTES as FORECAST_ROUTES
from server.pages.login import Login
from server.pages.mail import ROUTES as MAIL_ROUTES
from server.pages.notice import ROUTES as NOTICE_ROUTES
from server.pages.notice_map import ROUTES as NOTICE_MAP_ROUTES
from server.pages.notice_rules import ROUTES as NOTICE_RULE_ROUTES
from server.pages.notices import ROUTES as NOTICE_BOARD_ROUTES
from server.pages.open311 import ROUTES as OPEN311_ROUTES
from server.pages.overview import ROUTES as OVERVIEW_ROUTES
from server.pages.parking import ROUTES as PARKING_ROUTES
from server.pages.placing import ROUTES as PLACING_ROUTES
from server.pages.presence import ROUTES as PRESENCE_ROUTES
from server.pages.provenance import ROUTES as PROVENANCE_ROUTES
from server.pages.public import PublicPage
from server.pages.quality import ROUTES as QUALITY_ROUTES
from server.pages.ranks import ROUTES as RANKING_ROUTES
from server.pages.render import error_page
from server.pages.report import ROUTES as DOCUMENT_ROUTES
from server.pages.reports import ROUTES as REPORT_ROUTES
from server.pages.site_edit import ROUTES as SITE_EDIT_ROUTES
from server.pages.sites import ROUTES as SITE_ROUTES
from server.pages.subscriptions import ROUTES as SUBSCRIPTION_ROUTES
from server.pages.tallies import ROUTES as TALLY_ROUTES
from server.pages.technical import ROUTES as TECHNICAL_ROUTES
from server.pages.week import ROUTES as WEEK_ROUTES
from server.post_office import post_office
from server.publishing import Publisher
from server.settings import Settings
from server.store.base import Store
from server.store.sqlite import open_store
from server.upkeep import upkeep
from server.webhooks import webhooks

PAGES: Final[tuple[Sequence[Route], ...]] = (
    OVERVIEW_ROUTES,
    SITE_ROUTES,
    SITE_EDIT_ROUTES,
    PLACING_ROUTES,
    CALENDAR_ROUTES,
    REPORT_ROUTES,
    WEEK_ROUTES,
    FORECAST_ROUTES,
    PARKING_ROUTES,
    COMPARE_ROUTES,
    RANKING_ROUTES,
    DOCUMENT_ROUTES,
    SUBSCRIPTION_ROUTES,
    ALERT_ROUTES,
    MAIL_ROUTES,
    OPEN311_ROUTES,
    FLEET_ROUTES,
    QUALITY_ROUTES,
    TALLY_ROUTES,
    PROVENANCE_ROUTES,
    PRESENCE_ROUTES,
    CREW_ROUTES,  # before the notices themselves: /notices/crew is none of them
    TECHNICAL_ROUTES,
    DEFINITION_ROUTES,
    NOTICE_API_ROUTES,
    NOTICE_BOARD_ROUTES,
    NOTICE_MAP_ROUTES,
    NOTICE_RULE_ROUTES,
    # Last: its path takes any word after /notices/.
    NOTICE_ROUTES,
)


def create_app(settings: Settings, store: Store | None = None) -> FastAPI:
    """The server as an ASGI application.

    Args:
        settings: what this installation chose.
        store: an open store to use; by default the one at ``settings.database`` is opened. Either is
            ``app.state.store``, and is closed when the application's lifespan ends.

    Raises:
        StoreError: when the database cannot be opened.
    """
    opened = store or open_store(settings.database)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with (
            upkeep(opened, settings),
            post_office(opened, settings),
            notice_desk(opened, settings),
            webhooks(opened, settings),
            open311_office(opened, settings),
        ):
            yield
        opened.close()

    app = FastAPI(
        lifespan=lifespan,
        dependencies=[Depends(authorize)],
        # No generated documentation: it would load its viewer from elsewhere and list every way in.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.store = opened
    app.state.access = {}
    register(app, Ingest(settings.ingest_per_s, settings.ingest_burst, settings.ingest_queue).routes())
    register(app, API_ROUTES)
    publisher = Publisher()
    register(app, Public(publisher).routes())
    register(app, PublicPage(publisher).routes())
    register(app, Open311().routes())
    register(app, Login().routes())
    register(app, Answers().routes())
    register(app, Feeds().routes())
    app.state.outlooks = Outlooks()
    for routes in PAGES:
        register(app, routes)
    seal(app)
    _handle_errors(app)
    app.add_middleware(Compress)
    app.add_middleware(Guard, settings=settings)
    return app


def _wants_json(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/public/v1/")) or request.url.path == "/healthz"


def _handle_errors(app: FastAPI) -> None:
    """Answer every expected failure: a problem for programs, a page for people."""

    def refuse(request: Request, status: int, error: str, detail: str) -> Response:
        if _wants_json(request):
            return problem(status, error, detail)
        return error_page(request, status)

    async def not_logged_in(request: Request, _: Exception) -> Response:
        if _wants_json(request):
            headers = {"WWW-Authenticate": "Bearer", "Connection": "close"}
            return problem(401, "unauthorized", "log in, or send a valid token", headers)
        here = request.url.path if request.method == "GET" else "/"
        query = f"?{request.url.query}" if request.url.query and request.method == "GET" else ""
        return RedirectResponse("/login?next=" + quote(here + query, safe=""), 303)

    async def not_allowed(request: Request, _: Exception) -> Response:
        return refuse(request, 403, "forbidden", "this account may not do that")

    async def store_full(request: Request, _: Exception) -> Response:
        answer = refuse(request, 507, "disk_full", "the server's disk is full; keep the records")
        answer.headers["Retry-After"] = "60"
        return answer

    async def store_failed(request: Request, _: Exception) -> Response:
        if _wants_json(request):
            return problem(503, "store", "the database cannot be used now", {"Retry-After": "30"})
        # An error page looks the session up, which is what just failed.
        return Response("503 Parvis: base de données indisponible / database unavailable\n", 503)

    async def http_error(request: Request, exc: Exception) -> Response:
        status = exc.status_code if isinstance(exc, HTTPException) else 400
        return refuse(request, status, "http", f"status {status}")

    app.add_exception_handler(NotLoggedIn, not_logged_in)
    app.add_exception_handler(NotAllowed, not_allowed)
    app.add_exception_handler(StoreFull, store_full)
    app.add_exception_handler(StoreError, store_failed)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, http_error)
