"""Answers compressed for browsers, where no stranger can learn anything from their length.

The length of a compressed page tells whether a guess that was put into its address also stands in it (BREACH: Gluck, Harris,
Prado, Black Hat 2013). Whoever wants to guess must make somebody else's browser ask, again and again, from a page of his own. So:

1. What was asked with a cookie of ours is compressed only where the browser says that our own page, or the person, asked
   (``Sec-Fetch-Site: same-origin`` or ``none``, W3C Fetch Metadata; scripts cannot set it). Without the header it is not.
2. What was asked without such a cookie holds nobody's secret and is compressed.
3. Only text, only from a KiB on, and nothing with an entity tag, which would have to be another one.
"""

from __future__ import annotations

import gzip
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEAST: Final = 1024
# Beyond this other requests should not wait for it.
_LONG: Final = 32 * 1024
_TYPES: Final = ("text/", "application/json", "application/problem+json", "image/svg+xml")
_COOKIE: Final = "parvis_"
# What tells nothing of its owner.
_OPEN: Final = frozenset({"parvis_lang"})


def accepts(headers: Headers) -> bool:
    """Whether gzip is welcome; ``gzip;q=0`` says that it is not."""
    for one in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = one.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def harmless(headers: Headers) -> bool:
    """Whether no stranger's page can have asked with somebody's cookie."""
    cookies = {one.partition("=")[0].strip() for one in headers.get("cookie", "").split(";")}
    if not {one for one in cookies if one.startswith(_COOKIE)} - _OPEN:
        return True
    return headers.get("sec-fetch-site") in {"same-origin", "none"}


def packed(body: bytes) -> bytes:
    """The body compressed; the same for the same body."""
    return gzip.compress(body, 6, mtime=0)


class Compress:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not accepts(Headers(scope=scope)) or not harmless(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def send_packed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start is None:
                await send(message)
                return
            body = message.get("body", b"")
            headers = MutableHeaders(scope=start)
            if message.get("more_body") or len(body) < LEAST or not _fit(headers):
                await send(start)
            else:
                body = await run_in_threadpool(packed, body) if len(body) > _LONG else packed(body)
                headers["Content-Encoding"] = "gzip"
                headers["Content-Length"] = str(len(body))
                headers.add_vary_header("Accept-Encoding")
                await send(start)
                message = {**message, "body": body}
            start = None
            await send(message)

        await self._app(scope, receive, send_packed)


def _fit(headers: MutableHeaders) -> bool:
    return (
        headers.get("content-type", "").startswith(_TYPES)
        and "content-encoding" not in headers
        and "etag" not in headers
    )
