"""Alert rules: which zones are watched, who is told, and why some zones cannot be watched live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from server import scopes
from server.access import PLANNING, Route, settings_of, store_of
from server.alerts import KINDS, LIMITS, LIVE, NEEDS, refusal
from server.api.reports import reader_of
from server.outlook import size_of
from server.pages.desk import Wrong, actor, address, mail_of, number, posted
from server.pages.render import page, texts_of
from server.pages.report_files import scope_names
from server.pages.texts import CATALOGUES, LANGUAGES
from server.store.base import AuditEntry
from server.store.desk_base import AlertRule
from server.watching import view_of

# Shares and chances are typed in percent.
PERCENT: Final = frozenset({"share", "chance"})
USUAL: Final[Mapping[str, int]] = {"share": 85, "chance": 70, "days": 7, "minutes": 15, "cooldown_h": 12}
MOST: Final = 100


def _page(request: Request, error: str = "", status: int = 200) -> Response:
    zones = [view for view in reader_of(request).views() if view.place.kind != "line"]
    offered = {
        kind: [scopes.path(v.place) for v in zones if kind not in LIVE or v.purpose == "operational"]
        for kind in KINDS
    }
    own, broken = mail_of(request)
    return page(
        request,
        "alerts.html",
        status,
        error=error,
        mail=own,
        broken=broken,
        rules=store_of(request).alert_rules.active(),
        offered=offered,
        names=scope_names(request),
        needs=NEEDS,
        limits={name: _typed(name) for name in LIMITS},
        usual=USUAL,
        languages=LANGUAGES,
        texts_known=CATALOGUES[texts_of(request).language],
    )


def _typed(name: str) -> tuple[int, int]:
    low, high = LIMITS[name]
    factor = 100 if name in PERCENT else 1
    return round(low * factor), round(high * factor)


def read(request: Request) -> Response:
    """Every rule, and forms for others."""
    return _page(request)


def _new(request: Request, fields: Mapping[str, str]) -> AlertRule:
    kind, scope, reader = fields.get("kind", ""), fields.get("of", ""), reader_of(request)
    language = fields.get("language", "")
    if kind not in KINDS or language not in LANGUAGES:
        raise Wrong("mail.wrong.form")
    numbers = {}
    for name in NEEDS[kind]:
        typed = fields.get(name, "")
        if not (typed.isascii() and typed.isdigit() and len(typed) < 5):
            raise Wrong("alert.refused.bad_number", name=texts_of(request)(f"alert.number.{name}"))
        numbers[name] = int(typed) / (100 if name in PERCENT else 1)
    view = view_of(reader, scope)
    if view is None:
        raise Wrong("alert.refused.no_such_place")
    found = refusal(
        kind, numbers, purpose=view.purpose, place_kind=view.place.kind, capacity=size_of(reader, view)
    )
    if found:
        reason, name = found
        filled = {"name": texts_of(request)(f"alert.number.{name}")} if name else {}
        raise Wrong(f"alert.refused.{reason}", **filled)
    recipient, now = address(fields.get("recipient", "")), int(settings_of(request).clock())
    return AlertRule(0, kind, scope, recipient, language, numbers, now, actor(request), {})


def _add(request: Request, fields: Mapping[str, str]) -> Response:
    store, texts = store_of(request), texts_of(request)
    try:
        if len(store.alert_rules.active()) >= MOST:
            raise Wrong("mail.wrong.many", most=str(MOST))
        new = _new(request, fields)
    except Wrong as exc:
        return _page(request, texts(exc.key, **exc.values), 400)
    detail = ", ".join(
        [new.kind, *(f"{name} {value:g}" for name, value in new.numbers.items()), new.recipient]
    )
    store.alert_rules.add(new, AuditEntry(new.created_at, new.created_by, "rule.add", new.scope, detail))
    return RedirectResponse("/alerts", 303)


def _end(request: Request, fields: Mapping[str, str]) -> Response:
    store, which = store_of(request), number(fields.get("id", ""))
    own = next((rule for rule in store.alert_rules.active() if rule.id == which), None)
    now, who = int(settings_of(request).clock()), actor(request)
    entry = AuditEntry(now, who, "rule.end", own.scope if own else "", own.kind if own else "")
    if not store.alert_rules.end(which, who, entry):
        return _page(request, texts_of(request)("mail.wrong.gone"), 409)
    return RedirectResponse("/alerts", 303)


async def add(request: Request) -> Response:
    """Make a rule."""
    return await posted(request, _add)


async def end(request: Request) -> Response:
    """End a rule."""
    return await posted(request, _end)


ROUTES: Final = (
    Route("GET", "/alerts", read, PLANNING),
    Route("POST", "/alerts/add", add, PLANNING),
    Route("POST", "/alerts/end", end, PLANNING),
)
