"""Whom notices go to: recipients of letters, targets of webhooks, keys of feeds, and what was delivered or failed.

Rules:
1. A secret (of a webhook, of a feed) is shown once, in the answer to the form that made it.
2. A target within the own network is an administrator's decision.
3. Every change is in the audit.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeVar, get_args

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from server import cloud_events, signing
from server.access import ADMINISTRATION, PLANNING, Route, session_of, settings_of, store_of
from server.credentials import new_token, token_hash
from server.notices import CaseKind, Severity
from server.pages.crew_letters import crew_trial
from server.pages.desk import Wrong, actor, address, mail_of, number, posted
from server.pages.feeds import EVERY
from server.pages.render import page, texts_of
from server.pages.texts import LANGUAGES, Texts
from server.sites import site_label
from server.store.base import AuditEntry
from server.store.crew_base import FeedKey, Hook, NewDelivery, Recipient, Stage
from server.targets import TargetError, check_url
from server.webhooks import TARGETS_MOST

KINDS: Final[tuple[CaseKind, ...]] = get_args(CaseKind)
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
SEVERITIES: Final[tuple[Severity, ...]] = ("low", "medium", "high")
RECIPIENTS_MOST: Final = 200
SHOWN: Final = 50
OVERLAP_S: Final = 24 * 3600
Choice = TypeVar("Choice", bound=str)
Act = Callable[[Request, Mapping[str, str]], Response]


def _page(
    request: Request, error: str = "", status: int = 200, shown: tuple[str, str] | None = None
) -> Response:
    store, texts, session = store_of(request), texts_of(request), session_of(request)
    own, broken = mail_of(request)
    hooks = store.hooks.hooks()
    sites = {site.id: site_label(site, texts.language) for site in store.sites.sites()}
    return page(
        request,
        "crew.html",
        status,
        error=error,
        mail=own,
        broken=broken,
        shown=shown,
        base=own.base if own else str(request.base_url).rstrip("/"),
        sites=sites,
        site_name=lambda site: sites.get(site, site) if site else texts("crew.every"),
        recipients=store.crew.recipients(),
        hooks=hooks,
        names={hook.id: hook.url for hook in hooks},
        counts=store.hooks.counts(),
        feeds={key.site: key for key in store.crew.feeds()},
        every=EVERY,
        letters=store.crew.letters(SHOWN),
        deliveries=store.hooks.deliveries(SHOWN),
        most=SHOWN,
        kinds=KINDS,
        stages=STAGES,
        severities=SEVERITIES,
        languages=LANGUAGES,
        administrator=session is not None and session.user.role in ADMINISTRATION.roles,
    )


def read(request: Request) -> Response:
    """Everything, and forms for more."""
    return _page(request)


def _entry(request: Request, action: str, subject: str, detail: str = "") -> AuditEntry:
    return AuditEntry(int(settings_of(request).clock()), actor(request), action, subject, detail)


def _done() -> Response:
    return RedirectResponse("/notices/crew", 303)


def _site(request: Request, fields: Mapping[str, str]) -> str | None:
    """The chosen site; None for every one.

    Raises:
        Wrong: when there is no such site.
    """
    name = fields.get("site", "")
    if name and store_of(request).sites.site(name) is None:
        raise Wrong("crew.wrong.site")
    return name or None


def _one_of(text: str, among: tuple[Choice, ...]) -> Choice:
    found = next((one for one in among if one == text), None)
    if found is None:
        raise Wrong("mail.wrong.form")
    return found


def _add_recipient(request: Request, fields: Mapping[str, str]) -> Response:
    store, now = store_of(request), int(settings_of(request).clock())
    stage, least = _one_of(fields.get("stage", ""), STAGES), _one_of(fields.get("least", ""), SEVERITIES)
    language = _one_of(fields.get("language", ""), LANGUAGES)
    kinds = tuple(kind for kind in KINDS if fields.get(f"kind_{kind}"))
    new = Recipient(
        0, address(fields.get("recipient", "")), language, stage, _site(request, fields), kinds, least, now, actor(request)
    )  # fmt: skip
    if not kinds:
        raise Wrong("crew.wrong.kinds")
    known = store.crew.recipients()
    if any((one.address, one.stage, one.site) == (new.address, new.stage, new.site) for one in known):
        raise Wrong("crew.wrong.twice")
    if len(known) >= RECIPIENTS_MOST:
        raise Wrong("mail.wrong.many", most=str(RECIPIENTS_MOST))
    detail = f"{stage}, {new.site or 'every site'}, {'/'.join(kinds)}, from {least}, {language}"
    store.crew.add(new, _entry(request, "recipient.add", new.address, detail))
    return _done()


def _end_recipient(request: Request, fields: Mapping[str, str]) -> Response:
    store = store_of(request)
    own = store.crew.recipient(number(fields.get("id", "")))
    if own is None or not store.crew.end(
        own.id, actor(request), _entry(request, "recipient.end", own.address, f"link:{own.id}")
    ):
        raise Wrong("crew.wrong.gone")
    return _done()


def _try_recipient(request: Request, fields: Mapping[str, str]) -> Response:
    store, settings = store_of(request), settings_of(request)
    mail, _ = mail_of(request)
    if mail is None:
        raise Wrong("mail.wrong.off")
    own = store.crew.recipient(number(fields.get("id", "")))
    if own is None or own.ended_at is not None:
        raise Wrong("crew.wrong.gone")
    texts, now = Texts(own.language, settings.zone_info), int(settings.clock())
    known = store.sites.site(own.site) if own.site else None
    site = site_label(known, own.language) if known else texts("crew.every")
    store.mails.add(crew_trial(mail, own, site, secrets.token_hex(8), now, texts), now)
    store.accounts.log(_entry(request, "recipient.trial", own.address))
    return _done()


def _add_hook(request: Request, fields: Mapping[str, str]) -> Response:
    store, now, session = store_of(request), int(settings_of(request).clock()), session_of(request)
    internal, url = bool(fields.get("internal")), fields.get("url", "").strip()
    if internal and (session is None or session.user.role not in ADMINISTRATION.roles):
        raise Wrong("crew.wrong.internal")
    try:
        check_url(url, internal=internal)
    except TargetError as exc:
        raise Wrong(f"crew.target.{exc.rule}") from exc
    site, known = _site(request, fields), store.hooks.hooks()
    if any((one.url, one.site) == (url, site) for one in known):
        raise Wrong("crew.wrong.twice")
    if len(known) >= TARGETS_MOST:
        raise Wrong("mail.wrong.many", most=str(TARGETS_MOST))
    secret, unverified = signing.secret_of(secrets.token_bytes(32)), bool(fields.get("unverified"))
    new = Hook(0, url, site, unverified, internal, secret, now, actor(request))
    marks = [word for word, said in (("unverified too", unverified), ("internal", internal)) if said]
    detail = ", ".join([site or "every site", *marks])
    store.hooks.add(new, _entry(request, "webhook.add", url, detail))
    return _page(request, shown=("crew.shown.hook", secret))


def _hook(request: Request, fields: Mapping[str, str]) -> Hook:
    own = store_of(request).hooks.hook(number(fields.get("id", "")))
    if own is None or own.ended_at is not None:
        raise Wrong("crew.wrong.gone")
    return own


def _end_hook(request: Request, fields: Mapping[str, str]) -> Response:
    own = _hook(request, fields)
    store_of(request).hooks.end(own.id, actor(request), _entry(request, "webhook.end", own.url))
    return _done()


def _rotate_hook(request: Request, fields: Mapping[str, str]) -> Response:
    own, secret = _hook(request, fields), signing.secret_of(secrets.token_bytes(32))
    until = int(settings_of(request).clock()) + OVERLAP_S
    store_of(request).hooks.rotate(own.id, secret, until, _entry(request, "webhook.secret", own.url))
    return _page(request, shown=("crew.shown.rotated", secret))


def _try_hook(request: Request, fields: Mapping[str, str]) -> Response:
    store, own, name = store_of(request), _hook(request, fields), f"trial-{secrets.token_hex(8)}"
    now = int(settings_of(request).clock())
    body = cloud_events.trial(store.crew.identity(), name, now)
    store.hooks.queue([NewDelivery(own.id, None, 0, cloud_events.TRIAL, name, body)], now)
    store.accounts.log(_entry(request, "webhook.trial", own.url))
    return _done()


def _again_hook(request: Request, fields: Mapping[str, str]) -> Response:
    own = _hook(request, fields)
    now = int(settings_of(request).clock())
    store_of(request).hooks.again(own.id, now, _entry(request, "webhook.again", own.url))
    return _done()


def _renew_feed(request: Request, fields: Mapping[str, str]) -> Response:
    store, key = store_of(request), new_token("pvf")
    site = _site(request, fields) or ""
    made = FeedKey(site, token_hash(key), int(settings_of(request).clock()), actor(request))
    store.crew.set_feed(made, _entry(request, "webfeed.key", site or EVERY))
    mail, _ = mail_of(request)
    base = mail.base if mail else str(request.base_url).rstrip("/")
    return _page(request, shown=("crew.shown.feed", f"{base}/feeds/{site or EVERY}.atom?key={key}"))


def _end_feed(request: Request, fields: Mapping[str, str]) -> Response:
    site = fields.get("site", "")
    if not store_of(request).crew.end_feed(site, _entry(request, "webfeed.end", site or EVERY)):
        raise Wrong("crew.wrong.gone")
    return _done()


def _renew_links(request: Request, fields: Mapping[str, str]) -> Response:
    made = store_of(request).crew.renew_link_key(_entry(request, "answerlinks.renew", "every link"))
    return _page(request, shown=("crew.shown.links", str(made.id)))


def _route(path: str, act: Act, status: int = 400, access: Literal["plan", "admin"] = "plan") -> Route:
    def safely(request: Request, fields: Mapping[str, str]) -> Response:
        try:
            return act(request, fields)
        except Wrong as exc:
            return _page(request, texts_of(request)(exc.key, **exc.values), status)

    async def endpoint(request: Request) -> Response:
        return await posted(request, safely)

    return Route("POST", f"/notices/crew/{path}", endpoint, PLANNING if access == "plan" else ADMINISTRATION)


ROUTES: Final = (
    Route("GET", "/notices/crew", read, PLANNING),
    _route("recipients/add", _add_recipient),
    _route("recipients/end", _end_recipient, 409),
    _route("recipients/trial", _try_recipient, 409),
    _route("links/renew", _renew_links, access="admin"),
    _route("hooks/add", _add_hook),
    _route("hooks/end", _end_hook, 409),
    _route("hooks/secret", _rotate_hook, 409),
    _route("hooks/trial", _try_hook, 409),
    _route("hooks/again", _again_hook, 409),
    _route("feeds/renew", _renew_feed),
    _route("feeds/end", _end_feed, 409),
)
