"""/open311/v2: what is official, for crews' own tools, and what their systems know already (GeoReport v2).

Rules:
1. Discovery and services are for anyone; requests need a key, as ``api_key`` or as a bearer token. Without one: 403.
2. Only what a person confirmed is told, of zones that are operational now; no picture, no person, no text that somebody typed.
3. A POST tells us of an object that another system knows. Its place and kind are kept; everything else is dropped unread.
4. Every failure is answered as the specification says, in the format asked for.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Any, Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from server.access import PUBLIC, Route, settings_of, store_of
from server.api.body import Refused
from server.api.forms import Form, read_form
from server.api.open311_rows import Fail, created, definition, discovery, one, rows, services
from server.credentials import token_hash
from server.errors import ServerError
from server.limits import Buckets
from server.open311 import Fault, errors_tree
from server.open311_documents import MEDIA, Format, write
from server.open311_telling import catch_up
from server.pages.render import texts_of
from server.store.open311_base import Tool

BASE: Final = "/open311/v2"
FORMS: Final[tuple[Format, ...]] = ("json", "xml")
PER_S: Final = 5.0
BURST: Final = 60
AT_ONCE: Final = 8
Act = Callable[[Request, Tool | None, Form], tuple[str, Any]]


def _fail(exc: Fail, form: Format) -> Response:
    body = write("errors", errors_tree([Fault(str(exc.status), exc.text)]), form)
    headers = {"Retry-After": str(exc.retry_s)} if exc.retry_s else {}
    return Response(body, exc.status, headers, media_type=MEDIA[form])


def _key_of(request: Request, fields: Form) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return bearer or fields.text("api_key") or request.query_params.get("api_key", "").strip()


class Open311:
    """The endpoints and their limits."""

    def __init__(self) -> None:
        self._buckets = Buckets(PER_S, BURST)
        self._slots = threading.BoundedSemaphore(AT_ONCE)

    def _tool(self, request: Request, fields: Form, need: str) -> Tool | None:
        """Who asks, within the limits.

        Raises:
            Fail: 403 without a right key, 429 beyond the limits.
        """
        now = settings_of(request).clock()
        tool = None
        if need:
            given = _key_of(request, fields)
            tool = store_of(request).tools.key(token_hash(given), int(now)) if given else None
        address = request.client.host if request.client else "unknown"
        wait = self._buckets.wait_s(f"key {tool.id}" if tool else f"address {address}", now)
        if wait > 0:
            raise Fail(429, "too many requests; ask again later", int(wait) + 1)
        if need and tool is None:
            raise Fail(403, "the api_key is missing or not valid")
        if need == "write" and tool is not None and not tool.may_write:
            raise Fail(403, "this api_key may read, not write")
        return tool

    def _answer(self, request: Request, fields: Form, form: Format, need: str, act: Act) -> Response:
        if not self._slots.acquire(blocking=False):
            return _fail(Fail(503, "too many ask at once; ask again later", 5), form)
        try:
            tool = self._tool(request, fields, need)
            root, tree = act(request, tool, fields)
        except Fail as exc:
            return _fail(exc, form)
        except ServerError:
            return _fail(Fail(503, "the database cannot be used now; ask again later", 30), form)
        finally:
            self._slots.release()
        body = write(root, tree, form)
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        known = request.method == "GET" and tag in request.headers.get("if-none-match", "")
        answer = Response(status_code=304) if known else Response(body, media_type=MEDIA[form])
        answer.headers["ETag"], answer.headers["Cache-Control"] = tag, "private, no-cache"
        return answer

    def _get(self, act: Act, form: Format, need: str) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            return self._answer(request, Form(), form, need, act)

        return endpoint

    def _post(self, act: Act, form: Format, need: str) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                fields = await read_form(request)
            except Refused as exc:
                return _fail(Fail(exc.status, exc.detail), form)
            return await run_in_threadpool(self._answer, request, fields, form, need, act)

        return endpoint

    def routes(self) -> list[Route]:
        """Every way in, in both formats; anything else below /open311/ is an Open311 error."""
        found = []
        for form in FORMS:
            for path, act, need in (
                ("discovery", _discovery, ""),
                ("services", _services, ""),
                ("services/{code}", _definition, ""),
                ("requests", _requests, "read"),
                ("requests/{request_id}", _request, "read"),
                ("tokens/{token}", _token, "read"),
            ):
                found.append(Route("GET", f"{BASE}/{path}.{form}", self._get(act, form, need), PUBLIC))
            found.append(Route("POST", f"{BASE}/requests.{form}", self._post(_create, form, "write"), PUBLIC))
        return found


def _discovery(request: Request, tool: Tool | None, fields: Form) -> tuple[str, Any]:
    return "discovery", discovery(request, BASE)


def _services(request: Request, tool: Tool | None, fields: Form) -> tuple[str, Any]:
    return "services", services(texts_of(request))


def _definition(request: Request, tool: Tool | None, fields: Form) -> tuple[str, Any]:
    return "service_definition", definition(texts_of(request), request.path_params["code"])


def _requests(request: Request, tool: Tool | None, fields: Form) -> tuple[str, Any]:
    catch_up(store_of(request))
    return "service_requests", rows(request)


def _request(request: Request, tool: Tool | None, fields: Form) -> tuple[str, Any]:
    catch_up(store_of(request))
    return "service_requests", one(request, request.path_params["request_id"])


def _token(request: Request, tool: Tool | None, fields: Form) -> tuple[str, Any]:
    raise Fail(404, "the token was not found: this server gives ids at once and no tokens")


def _create(request: Request, tool: Tool | None, fields: Form) -> tuple[str, Any]:
    if tool is None:
        raise Fail(403, "the api_key is missing or not valid")
    catch_up(store_of(request))
    return "service_requests", created(request, tool, fields)
