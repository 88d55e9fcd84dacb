"""Who may use which route. Deny by default.

Rules:
1. Every route is a `Route` and states its `Access`; there is no other way to add one, and `seal` refuses an
   application that holds anything else.
2. One dependency, `authorize`, runs before every endpoint and decides.
3. Devices deliver and can do nothing else; people can never deliver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from server.credentials import same, token_hash
from server.settings import Settings
from server.store.base import Device, Session, Store

Role = Literal["viewer", "crew", "planner", "technician", "administrator"]
ROLES: Final[tuple[str, ...]] = get_args(Role)
SESSION_COOKIE: Final = "parvis_session"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a route: anyone, a device's token, or a person with one of the roles."""

    public: bool = False
    device: bool = False
    roles: frozenset[str] = frozenset()


PUBLIC: Final = Access(public=True)
DEVICE: Final = Access(device=True)
ANYONE_LOGGED_IN: Final = Access(roles=frozenset(ROLES))
REPORTS: Final = Access(roles=frozenset({"viewer", "planner", "administrator"}))
PLANNING: Final = Access(roles=frozenset({"planner", "administrator"}))
NOTICES: Final = Access(roles=frozenset({"crew", "planner", "administrator"}))
TECHNICAL: Final = Access(roles=frozenset({"technician", "administrator"}))
FLEET: Final = Access(roles=frozenset({"technician", "planner", "administrator"}))
SEEN: Final = Access(roles=frozenset({"viewer", "planner", "technician", "administrator"}))
ADMINISTRATION: Final = Access(roles=frozenset({"administrator"}))


@dataclass(frozen=True, slots=True)
class Route:
    """One way in: what it is and who may use it."""

    method: Literal["GET", "POST"]
    path: str
    endpoint: Callable[..., Any]
    access: Access


class NotLoggedIn(Exception):  # noqa: N818 - a state that a handler answers, not a fault
    """Nobody is known to ask; answered with the login page or 401."""


class NotAllowed(Exception):  # noqa: N818 - as above
    """Somebody is known to ask, but may not; answered with 403."""


def settings_of(request: Request) -> Settings:
    """The application's settings."""
    settings: Settings = request.app.state.settings
    return settings


def store_of(request: Request) -> Store:
    """The application's store."""
    store: Store = request.app.state.store
    return store


def session_of(request: Request) -> Session | None:
    """The session of the cookie, looked up once a request."""
    if not hasattr(request.state, "session"):
        token = request.cookies.get(SESSION_COOKIE, "")
        now = int(settings_of(request).clock())
        known = store_of(request).accounts.session(token_hash(token), now) if token else None
        request.state.session = known
    session: Session | None = request.state.session
    return session


def device_of(request: Request) -> Device | None:
    """The device of the bearer token; a revoked one is unknown from this request on."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return None
    # The database finds the row by the hash of what was sent, so its timing tells nothing of any token.
    return store_of(request).accounts.device_by_token(token_hash(token.strip()))


def authorize(request: Request) -> None:
    """Decide by the route's own declaration.

    Raises:
        NotLoggedIn: when nobody is known to ask.
        NotAllowed: when the one who asks may not.
    """
    route = request.scope.get("route")
    table: dict[tuple[str, str], Access] = request.app.state.access
    access = table.get((request.method, getattr(route, "path", "")), Access())
    if access.public:
        return
    if access.device:
        device = device_of(request)
        if device is None:
            raise NotLoggedIn
        request.state.device = device
        return
    session = session_of(request)
    if session is None:
        raise NotLoggedIn
    if session.user.role not in access.roles:
        raise NotAllowed


def check_csrf(request: Request, given: str, expected: str) -> None:
    """Refuse a form that our own page did not send.

    Raises:
        NotAllowed: when the token differs or the browser says that another site sent it.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise NotAllowed
    if not expected or not same(given, expected):
        raise NotAllowed


def register(app: FastAPI, routes: Iterable[Route]) -> None:
    """Add routes together with their declarations."""
    table: dict[tuple[str, str], Access] = app.state.access
    for route in routes:
        if (route.method, route.path) in table:
            raise RuntimeError(f"{route.method} {route.path} is declared twice")
        table[route.method, route.path] = route.access
        app.add_api_route(
            route.path,
            route.endpoint,
            methods=[route.method],
            response_model=None,
            response_class=Response,
            include_in_schema=False,
        )


def seal(app: FastAPI) -> None:
    """Refuse an application with a route that declares nobody.

    Raises:
        RuntimeError: naming the route.
    """
    table: dict[tuple[str, str], Access] = app.state.access
    for route in app.routes:
        path = getattr(route, "path", "?")
        declared = isinstance(route, APIRoute) and all(
            (method, path) in table and table[method, path] != Access() for method in route.methods or {"?"}
        )
        if not declared:
            raise RuntimeError(f"route {path} ({type(route).__name__}) does not say who may use it")
