"""What the pages of the planner share: who may change things, whose form it was, and numbers as people type them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from server.access import Access, check_csrf, session_of, settings_of, store_of
from server.api.body import Refused
from server.api.forms import Form, read_form
from server.pages.render import error_page
from server.sites import Site, SiteError
from server.store.base import AuditEntry

PLANNING: Final = Access(roles=frozenset({"planner", "administrator"}))


async def form_or_refusal(request: Request, most_file: int = 0) -> Form | Response:
    """The form of our own page, or the answer to one that cannot be read.

    Raises:
        NotAllowed: when it did not come from our own page.
    """
    try:
        form = await read_form(request, most_file)
    except Refused as exc:
        return error_page(request, exc.status, {"Connection": "close"})
    session = session_of(request)
    check_csrf(request, form.text("csrf"), session.csrf if session else "")
    return form


async def posted(
    request: Request, act: Callable[[Request, Site, Form], Response], most_file: int = 0
) -> Response:
    """Read the form, then do the work on the site of the path, beside the event loop.

    Raises:
        NotAllowed: when the form did not come from our own page.
    """
    form = await form_or_refusal(request, most_file)
    if isinstance(form, Response):
        return form

    def work() -> Response:
        site = site_of(request)
        return act(request, site, form) if site else error_page(request, 404)

    return await run_in_threadpool(work)


def audit_entry(request: Request, action: str, subject: str, detail: str = "") -> AuditEntry:
    """An audit line in the name of the one who asks."""
    session = session_of(request)
    name = session.user.name if session else ""
    return AuditEntry(int(settings_of(request).clock()), name, action, subject, detail)


def may_plan(request: Request) -> bool:
    """Whether the one who asks may change sites."""
    session = session_of(request)
    return session is not None and session.user.role in PLANNING.roles


def site_of(request: Request) -> Site | None:
    """The site of the path."""
    return store_of(request).sites.site(request.path_params["site"])


def number_of(text: str) -> float | None:
    """A number as people type it, with a point or a comma; None of an empty field.

    Raises:
        SiteError: for anything else.
    """
    if not text:
        return None
    try:
        return float(text.replace(",", ".").replace("\N{NARROW NO-BREAK SPACE}", ""))
    except ValueError as exc:
        raise SiteError("number", f"a number was expected (found {text[:80]!r})", text) from exc
