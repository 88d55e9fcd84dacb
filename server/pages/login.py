"""Login, logout and the choice of a language."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from contract.names import NAME
from server.access import (
    ANYONE_LOGGED_IN,
    PUBLIC,
    SESSION_COOKIE,
    Route,
    check_csrf,
    session_of,
    settings_of,
    store_of,
)
from server.api.body import Refused, read_bounded
from server.credentials import check_password, new_token, token_hash
from server.limits import Backoff
from server.pages.render import error_page, page, secure_cookies, static_file
from server.pages.texts import LANGUAGE_COOKIE, LANGUAGES
from server.store.base import AuditEntry

CSRF_COOKIE: Final = "parvis_csrf"
MAX_FORM: Final = 8 * 1024
FREE_TRIES: Final = {"pair": 5, "address": 20, "name": 30}
# A path on this server: one slash, then no other slash or backslash that a browser would read as a host.
_LOCAL: Final = re.compile(r"/(?![/\\])[\x21-\x7e]{0,500}")


def safe_next(text: str) -> str:
    """A path to go on to; the start page for anything that could lead elsewhere."""
    return text if _LOCAL.fullmatch(text) and "\\" not in text else "/"


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields of a small form.

    Raises:
        Refused: for another content type or a body beyond 8 KiB.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refused(400, "content_type", "send a form")
    data = await read_bounded(request, MAX_FORM)
    try:
        return dict(parse_qsl(data.decode("utf-8", "replace"), max_num_fields=10))
    except ValueError as exc:
        raise Refused(400, "bad_form", "the form has too many fields") from exc


class Login:
    """The endpoints that know no session yet, and their backoff."""

    def __init__(self) -> None:
        self._backoff = Backoff()

    def form(self, request: Request) -> Response:
        """The login page."""
        session = session_of(request)
        if session is not None:
            return RedirectResponse("/", 303)
        return self._form(request, "")

    def _form(
        self, request: Request, error: str, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        csrf = secrets.token_urlsafe(24)
        target = safe_next(request.query_params.get("next", "/"))
        answer = page(request, "login.html", status, headers, error=error, form_csrf=csrf, target=target)
        secure = secure_cookies(settings_of(request))
        answer.set_cookie(CSRF_COOKIE, csrf, path="/login", httponly=True, samesite="strict", secure=secure)
        return answer

    async def post(self, request: Request) -> Response:
        """Try a name and a password."""
        try:
            fields = await form_of(request)
        except Refused as exc:
            return error_page(request, exc.status, {"Connection": "close"})
        check_csrf(request, fields.get("csrf", ""), request.cookies.get(CSRF_COOKIE, ""))
        return await run_in_threadpool(self._try, request, fields)

    def _try(self, request: Request, fields: Mapping[str, str]) -> Response:
        settings, store = settings_of(request), store_of(request)
        now = settings.clock()
        name, password = fields.get("name", "").strip(), fields.get("password", "")
        # Whoever types a password into the wrong field should not find it in the audit.
        known = name if NAME.match(name) else "(invalid)"
        address = request.client.host if request.client else "unknown"
        keys = {"pair": f"p {known} {address}", "address": f"a {address}", "name": f"n {known}"}
        wait = max(self._backoff.wait_s(keys[k], free, now) for k, free in FREE_TRIES.items())
        if wait > 0:
            return self._form(request, "login.wait", 429, {"Retry-After": str(int(wait) + 1)})
        if not check_password(password, store.accounts.password_hash(known)):
            for key in keys.values():
                self._backoff.failed(key, now)
            store.accounts.log(AuditEntry(int(now), known, "login.failed", known, address))
            return self._form(request, "login.wrong", 401)
        self._backoff.succeeded(keys["pair"])
        token = new_token("pvs")
        entry = AuditEntry(int(now), known, "login.ok", known, address)
        expires = int(now) + settings.session_s
        store.accounts.open_session(token_hash(token), known, secrets.token_urlsafe(24), expires, entry)
        answer = RedirectResponse(safe_next(fields.get("next", "/")), 303)
        answer.set_cookie(
            SESSION_COOKIE,
            token,
            max_age=settings.session_s,
            httponly=True,
            samesite="lax",
            secure=secure_cookies(settings),
        )
        answer.delete_cookie(CSRF_COOKIE, path="/login")
        return answer

    def routes(self) -> list[Route]:
        """Login, logout, language, static files."""
        return [
            Route("GET", "/login", self.form, PUBLIC),
            Route("POST", "/login", self.post, PUBLIC),
            Route("POST", "/logout", logout, ANYONE_LOGGED_IN),
            Route("GET", "/language/{code}", language, PUBLIC),
            Route("GET", "/static/{name}", static_file, PUBLIC),
        ]


async def logout(request: Request) -> Response:
    """End the session, on the server too."""
    session = session_of(request)
    try:
        fields = await form_of(request)
    except Refused as exc:
        return error_page(request, exc.status, {"Connection": "close"})
    check_csrf(request, fields.get("csrf", ""), session.csrf if session else "")
    name = session.user.name if session else ""
    entry = AuditEntry(int(settings_of(request).clock()), name, "logout", name)
    digest = token_hash(request.cookies.get(SESSION_COOKIE, ""))
    await run_in_threadpool(store_of(request).accounts.close_session, digest, entry)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


def language(request: Request) -> Response:
    """Remember a language and go back."""
    code = request.path_params["code"]
    if code not in LANGUAGES:
        return error_page(request, 404)
    answer = RedirectResponse(safe_next(request.query_params.get("next", "/")), 303)
    secure = secure_cookies(settings_of(request))
    answer.set_cookie(LANGUAGE_COOKIE, code, max_age=31536000, httponly=True, samesite="lax", secure=secure)
    return answer
