"""Rules of sites, vetoes, and how often each camera is right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from server.access import NOTICES, PLANNING, Route, settings_of, store_of
from server.notice_rules import LIMITS, Precision, SiteRules
from server.pages.desk import actor, number, posted
from server.pages.notice_words import NO_SITE, Names
from server.pages.planning import may_plan
from server.pages.render import page, texts_of
from server.spans import midnight
from server.store.base import AuditEntry

MONTHS: Final = 12
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::[0-5][0-9])?")


def _rules_page(request: Request, error: str = "", status: int = 200) -> Response:
    store, names = store_of(request).notices, Names(request)
    sites = [None, *sorted(names.sites, key=lambda site: names.sites[site].casefold())]
    asked = request.query_params.get("site", "")
    chosen = asked if asked in names.sites else None
    return page(
        request,
        "notice_rules.html",
        status,
        error=error,
        names=names,
        chosen=chosen,
        rules=store.rules(chosen),
        sites=[(site, names.site(site), store.rules(site)) for site in sites],
        own=store.own_rules(),
        no_site=NO_SITE,
        limits=LIMITS,
        held=store.held(),
    )


def rules(request: Request) -> Response:
    """The rules of every site, and forms to change them."""
    return _rules_page(request)


def _minutes(text: str) -> int | None:
    """A time of the day as its field sends it, ``22:30``; None of an empty one.

    Raises:
        ValueError: for anything else.
    """
    if not text:
        return None
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError("a time of the day is needed")
    return int(found[1]) * 60 + int(found[2])


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise ValueError("a whole number is needed")
    return int(text)


def rules_in(fields: Mapping[str, str]) -> SiteRules:
    """The rules of a form.

    Raises:
        ValueError: for what cannot be read or lies outside its limits.
    """
    return SiteRules(
        cap=_whole(fields.get("cap", "")),
        quiet_from=_minutes(fields.get("quiet_from", "")),
        quiet_to=_minutes(fields.get("quiet_to", "")),
        high_passes=fields.get("high_passes") == "yes",
        cooldown_s=_whole(fields.get("cooldown_min", "")) * 60,
        veto_days=_whole(fields.get("veto_days", "")),
    )


def _change(request: Request, fields: Mapping[str, str]) -> Response:
    store, texts = store_of(request), texts_of(request)
    asked = fields.get("site", "")
    site = None if asked == NO_SITE else asked
    if site is not None and store.sites.site(site) is None:
        return _rules_page(request, texts("nt.rules.wrong.site"), 400)
    try:
        made = rules_in(fields)
    except ValueError:
        told = texts("nt.rules.wrong", cap=LIMITS["cap"][1], days=LIMITS["veto_days"][1])
        return _rules_page(request, told, 400)
    now = int(settings_of(request).clock())
    store.notices.set_rules(
        site, made, AuditEntry(now, actor(request), "rules.set", f"site/{site or NO_SITE}")
    )
    return RedirectResponse(f"/notices/rules?site={site or NO_SITE}", 303)


async def change(request: Request) -> Response:
    """Give a site other rules."""
    return await posted(request, _change)


def _vetoes_page(request: Request, error: str = "", status: int = 200) -> Response:
    store, now = store_of(request), int(settings_of(request).clock())
    return page(
        request,
        "notice_vetoes.html",
        status,
        error=error,
        vetoes=store.notices.vetoes(now),
        held=sum(one.number for one in store.notices.held() if one.reason == "veto"),
        may_plan=may_plan(request),
    )


def vetoes(request: Request) -> Response:
    """Vetoes in force."""
    return _vetoes_page(request)


def _lift(request: Request, fields: Mapping[str, str]) -> Response:
    now = int(settings_of(request).clock())
    audit = AuditEntry(now, actor(request), "veto.lift", "")
    if not store_of(request).notices.lift_veto(number(fields.get("id", "")), audit):
        return _vetoes_page(request, texts_of(request)("nt.veto.gone"), 409)
    return RedirectResponse("/notices/vetoes", 303)


async def lift(request: Request) -> Response:
    """End a veto before its time."""
    return await posted(request, _lift)


def last_months(request: Request) -> list[tuple[str, int, int]]:
    """The last twelve local months, the newest first: name, start, end."""
    settings = settings_of(request)
    tz = settings.zone_info
    today = datetime.fromtimestamp(settings.clock(), tz).date()
    first, found = today.replace(day=1), []
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    for _ in range(MONTHS):
        found.append((f"{first:%Y-%m}", midnight(first, tz), midnight(after, tz)))
        after = first
        first = first.replace(year=first.year - (first.month == 1), month=(first.month - 2) % 12 + 1)
    return found


def precision_of(request: Request) -> list[Precision]:
    """Each camera's months, the newest first."""
    return store_of(request).notices.precision(last_months(request))


def precision(request: Request) -> Response:
    """How often each camera is right, by month."""
    return page(
        request,
        "notice_precision.html",
        rows=precision_of(request),
        months=MONTHS,
        may_plan=may_plan(request),
    )


ROUTES: Final = (
    Route("GET", "/notices/rules", rules, PLANNING),
    Route("POST", "/notices/rules", change, PLANNING),
    Route("GET", "/notices/vetoes", vetoes, NOTICES),
    Route("POST", "/notices/vetoes/lift", lift, NOTICES),
    Route("GET", "/notices/precision", precision, NOTICES),
)
