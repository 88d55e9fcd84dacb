"""Who gets which report by mail: managed by planners, ended by anyone who has the letter.

Rule: the link out of a letter changes nothing when it is opened, since mail scanners open every link; only the button on
its page, or the one-click request of a mail program (RFC 8058), ends the subscription.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from server import scopes
from server.access import PLANNING, PUBLIC, Route, settings_of, store_of
from server.api.reports import reader_of
from server.pages.desk import Wrong, actor, address, mail_of, number, posted
from server.pages.render import error_page, page, texts_of
from server.pages.report_files import TYPES, scope_names
from server.pages.texts import LANGUAGES
from server.reporting import NothingToReport, views_of
from server.schedule import PeriodKind, latest_due
from server.store.base import AuditEntry
from server.store.desk_base import Subscription
from server.unsubscribing import is_signed

FORMATS: Final = tuple(own for own in TYPES if own != "html")
KINDS: Final[tuple[PeriodKind, ...]] = get_args(PeriodKind)
MOST: Final = 200


def _page(request: Request, error: str = "", status: int = 200) -> Response:
    places = [view.place for view in reader_of(request).views()]
    own, broken = mail_of(request)
    return page(
        request,
        "subscriptions.html",
        status,
        error=error,
        mail=own,
        broken=broken,
        found=store_of(request).subscriptions.active(),
        scopes=scopes.choices(places) if places else [],
        names=scope_names(request),
        formats=FORMATS,
        kinds=KINDS,
        languages=LANGUAGES,
    )


def read(request: Request) -> Response:
    """Every subscription, and a form for another."""
    return _page(request)


def _chosen(text: str, among: tuple[str, ...]) -> str:
    if text not in among:
        raise Wrong("mail.wrong.form")
    return text


def _new(request: Request, fields: Mapping[str, str]) -> Subscription:
    settings, scope = settings_of(request), fields.get("of", "")
    now = int(settings.clock())
    try:
        views_of(reader_of(request), scopes.checked(scope))
    except NothingToReport as exc:
        raise Wrong("mail.wrong.scope", most=str(scopes.MOST)) from exc
    except ValueError as exc:
        raise Wrong("mail.wrong.form") from exc
    kind: PeriodKind = "month" if _chosen(fields.get("kind", ""), KINDS) == "month" else "week"
    # The first letter brings the period that ends next, not one that is long known.
    through = latest_due(kind, now, settings.zone_info).end
    return Subscription(
        0,
        address(fields.get("recipient", "")),
        scope,
        kind,
        _chosen(fields.get("language", ""), LANGUAGES),
        _chosen(fields.get("format", ""), FORMATS),
        now,
        actor(request),
        through,
    )


def _add(request: Request, fields: Mapping[str, str]) -> Response:
    store, texts = store_of(request), texts_of(request)
    try:
        new = _new(request, fields)
        known = store.subscriptions.active()
        same = [(o.recipient, o.scope, o.kind, o.language, o.format) for o in known]
        if (new.recipient, new.scope, new.kind, new.language, new.format) in same:
            raise Wrong("mail.wrong.twice")
        if len(known) >= MOST:
            raise Wrong("mail.wrong.many", most=str(MOST))
    except Wrong as exc:
        return _page(request, texts(exc.key, **exc.values), 400)
    detail = f"{new.kind} {new.scope} {new.format} {new.language}"
    store.subscriptions.add(
        new, AuditEntry(new.created_at, new.created_by, "subscription.add", new.recipient, detail)
    )
    return RedirectResponse("/subscriptions", 303)


def _end(request: Request, fields: Mapping[str, str]) -> Response:
    store, which = store_of(request), number(fields.get("id", ""))
    own = store.subscriptions.one(which)
    now, who = int(settings_of(request).clock()), actor(request)
    entry = AuditEntry(now, who, "subscription.end", own.recipient if own else "", own.scope if own else "")
    if not store.subscriptions.end(which, who, entry):
        return _page(request, texts_of(request)("mail.wrong.gone"), 409)
    return RedirectResponse("/subscriptions", 303)


async def add(request: Request) -> Response:
    """Subscribe somebody."""
    return await posted(request, _add)


async def end(request: Request) -> Response:
    """End a subscription."""
    return await posted(request, _end)


def _signed(request: Request) -> Subscription | None:
    """The subscription that a letter's link is of."""
    store, query = store_of(request), request.query_params
    own = store.subscriptions.one(number(query.get("id", "")))
    secret = store.subscriptions.secret()
    if own is None or not is_signed(query.get("sign", ""), secret, own.id, own.recipient):
        return None
    return own


def leave(request: Request) -> Response:
    """The page behind a letter's link; opening it changes nothing."""
    own = _signed(request)
    if own is None:
        return error_page(request, 404)
    name = scope_names(request)(own.scope)
    return page(request, "unsubscribe.html", own=own, name=name, query=request.url.query)


def _left(request: Request) -> Response:
    own = _signed(request)
    if own is None:
        return error_page(request, 404)
    now = int(settings_of(request).clock())
    entry = AuditEntry(now, "recipient", "subscription.end", own.recipient, own.scope)
    store_of(request).subscriptions.end(own.id, "recipient", entry)
    return RedirectResponse(f"/unsubscribe?{request.url.query}", 303)


async def left(request: Request) -> Response:
    """End the subscription; the signature is what a form's token is elsewhere."""
    return await run_in_threadpool(_left, request)


ROUTES: Final = (
    Route("GET", "/subscriptions", read, PLANNING),
    Route("POST", "/subscriptions/add", add, PLANNING),
    Route("POST", "/subscriptions/end", end, PLANNING),
    Route("GET", "/unsubscribe", leave, PUBLIC),
    Route("POST", "/unsubscribe", left, PUBLIC),
)
