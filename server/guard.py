"""The outermost layer: which Host may be asked for, headers on every answer, and no traceback for anyone."""

from __future__ import annotations

import logging
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.settings import LOOPBACK, Settings

logger = logging.getLogger(__name__)

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def problem(status: int, error: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error for a program: RFC 9457 with a short ``error`` word beside it."""
    body = {"type": "about:blank", "status": status, "title": error, "error": error, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def host_name(value: str) -> str:
    """The name in a Host header, without port or brackets."""
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.partition(":")[0].lower()


class Guard:
    """ASGI middleware around everything, the error handlers included."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._https = settings.https_only_cookies
        self._hosts = LOOPBACK | {settings.host} | {host.lower() for host in settings.allowed_hosts}
        # Bound to the network without a list, the name under which it is reached is not known.
        self._any_host = not settings.on_loopback and not settings.allowed_hosts
        tiles = f" {settings.tile_origin}" if settings.tile_origin else ""
        self._policy = POLICY.replace("img-src 'self'", "img-src 'self'" + tiles)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._complete(MutableHeaders(scope=message))
            await send(message)

        if not self._any_host and host_name(Headers(scope=scope).get("host", "")) not in self._hosts:
            answer = problem(400, "bad_host", "this server is not known under that name")
            await answer(scope, receive, send_guarded)
            return
        try:
            await self._app(scope, receive, send_guarded)
        except Exception:
            # The last net: a fault of ours is logged here and told to nobody else.
            logger.exception("unexpected failure on %s", scope["method"])
            if started:
                raise
            answer = problem(500, "internal", "an unexpected failure; the server's log says more")
            await answer(scope, receive, send_guarded)

    def _complete(self, headers: MutableHeaders) -> None:
        # A page whose address is a secret may be stricter than the rest.
        strict = headers.get("Referrer-Policy") == "no-referrer"
        for name, value in HEADERS.items():
            headers[name] = value
        if strict:
            headers["Referrer-Policy"] = "no-referrer"
        headers["Content-Security-Policy"] = self._policy
        headers.setdefault("Cache-Control", "no-store")
        if self._https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
