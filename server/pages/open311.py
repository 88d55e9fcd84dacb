"""Open311 as the administrator manages it: servers posted to, keys of tools, what became of each notice, what needs a person.

Rules: our key to a server can be written and never read; a tool's key is shown once; every change is audited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from server.access import ADMINISTRATION, Route, settings_of, store_of
from server.api.forms import Form
from server.credentials import new_token, token_hash
from server.notices import ENDED
from server.open311 import KINDS, Service
from server.open311_client import GeoReport, Target, Trouble
from server.open311_http import GuardedHttp
from server.open311_keys import KEY_MOST, KeyFileError, keep_key, own_key
from server.pages.desk import Wrong, number
from server.pages.open311_form import USUAL, endpoint_of, fields_of
from server.pages.planning import audit_entry, form_or_refusal
from server.pages.render import page, texts_of
from server.pages.texts import CATALOGUES, LANGUAGES
from server.sites import site_label
from server.store.open311_base import ASKED, Endpoint, Link

SHOWN: Final = 100
NAME_MOST: Final = 60
KEYS_MOST: Final = 50
ID_MOST: Final = 100


def _page(request: Request, status: int = 200, **shown: Any) -> Response:
    store, t = store_of(request), texts_of(request)
    active = store.endpoints.active()
    sites = {own.id: site_label(own, t.language) for own in store.sites.sites()}
    links = store.endpoints.links(SHOWN)
    asked = store.endpoints.links(SHOWN, tuple(ASKED))
    ended = {
        link.notice for link in links if (own := store.notices.notice(link.notice)) and own.state in ENDED
    }
    values = {"error": "", "key": None, "test": None, "editing": 0, "fields": USUAL} | shown
    return page(
        request,
        "open311.html",
        status,
        endpoints=active,
        hosts={own.id: own.url for own in active},
        with_key={own.id for own in active if _has_key(request, own)},
        sites=sites,
        free={key: name for key, name in sites.items() if key not in {own.site for own in active}},
        links=links,
        asked=asked,
        ended=ended,
        tools=store.tools.listed(),
        kinds=KINDS,
        languages=LANGUAGES,
        shown=SHOWN,
        texts_known=CATALOGUES[t.language],
        **values,
    )


def _has_key(request: Request, own: Endpoint) -> bool:
    try:
        return bool(own_key(settings_of(request).data_dir, own.id))
    except KeyFileError:
        return False


def read(request: Request) -> Response:
    """Everything, or the form of one server."""
    wanted = number(request.query_params.get("edit", ""))
    own = next((each for each in store_of(request).endpoints.active() if each.id == wanted), None)
    return _page(request, editing=own.id, fields=fields_of(own)) if own else _page(request)


def _again(request: Request) -> Response:
    return RedirectResponse("/notices/open311", 303)


def _keep_key(request: Request, form: Form, endpoint: int) -> None:
    key = form.text("api_key")
    if len(key) > KEY_MOST or not key.isascii() or not key.isprintable():
        raise Wrong("o311.wrong.key")
    if key or form.text("forget_key"):
        keep_key(settings_of(request).data_dir, endpoint, key)


def _save(request: Request, form: Form) -> Response:
    """A new server, or other choices for one."""
    store, which = store_of(request), number(form.text("id"))
    before = next((each for each in store.endpoints.active() if each.id == which), None)
    try:
        if which and before is None:
            raise Wrong("o311.wrong.gone")
        sites = {own.id for own in store.sites.sites()}
        own = endpoint_of(form, before, sites)
        if len(form.text("api_key")) > KEY_MOST:
            raise Wrong("o311.wrong.key")
        if before is None:
            entry = audit_entry(request, "open311.add", own.site, own.url)
            which = store.endpoints.add(own, entry)
            if not which:
                raise Wrong("o311.wrong.taken")
            # From here on: what was confirmed before is not posted.
            store.notices.cursor(f"open311:{which}")
        else:
            store.endpoints.change(own, audit_entry(request, "open311.change", own.site, own.url))
        _keep_key(request, form, which)
    except Wrong as exc:
        text = texts_of(request)(exc.key, **exc.values)
        return _page(request, 400, error=text, editing=which if before else 0, fields=dict(form.fields))
    except KeyFileError as exc:
        return _page(request, 500, error=str(exc))
    return _again(request)


def _end(request: Request, form: Form) -> Response:
    store, which = store_of(request), number(form.text("id"))
    own = next((each for each in store.endpoints.active() if each.id == which), None)
    if own is None or not store.endpoints.end(which, audit_entry(request, "open311.end", own.site, own.url)):
        return _page(request, 409, error=texts_of(request)("o311.wrong.gone"))
    try:
        keep_key(settings_of(request).data_dir, which, "")
    except KeyFileError as exc:
        return _page(request, 500, error=str(exc))
    return _again(request)


def _test(request: Request, form: Form) -> Response:
    """Ask a server what it takes, now, and say what it answers."""
    which = number(form.text("id"))
    own = next((each for each in store_of(request).endpoints.active() if each.id == which), None)
    if own is None:
        return _page(request, 409, error=texts_of(request)("o311.wrong.gone"))
    store_of(request).accounts.log(audit_entry(request, "open311.test", own.site, own.url))
    try:
        key = own_key(settings_of(request).data_dir, own.id)
        target = Target(own.url, own.jurisdiction_id, key, "", own.private, own.key_on_get)
        server = GeoReport(GuardedHttp(timeout_s=10), target)
        found: list[Service] = server.services()
    except (Trouble, KeyFileError) as exc:
        problem = exc.problem if isinstance(exc, Trouble) else "key_file"
        return _page(request, test={"site": own.site, "problem": problem, "detail": str(exc)})
    now = int(settings_of(request).clock())
    store_of(request).endpoints.asked(own.id, now, 0, 0, "", "", server.form)
    codes = {each.service_code: each.service_name for each in found}
    missing = {kind: code for kind, code in own.codes.items() if code not in codes}
    return _page(
        request,
        test={"site": own.site, "problem": "", "form": server.form, "codes": codes, "missing": missing},
    )


def _key(request: Request, form: Form) -> Response:
    """Make a tool's key and show it, this once."""
    store, name = store_of(request), form.text("name")
    may_write = form.text("may_write") == "1"
    if not 0 < len(name) <= NAME_MOST or not name.isprintable():
        return _page(request, 400, error=texts_of(request)("o311.wrong.name", most=NAME_MOST))
    if sum(own.revoked_at is None for own in store.tools.listed()) >= KEYS_MOST:
        return _page(request, 400, error=texts_of(request)("o311.wrong.many", most=KEYS_MOST))
    token = new_token("pvo")
    entry = audit_entry(request, "open311.key", name, "read, write" if may_write else "read")
    store.tools.add_key(name, token_hash(token), entry, may_write=may_write)
    return _page(request, key={"name": name, "token": token})


def _revoke(request: Request, form: Form) -> Response:
    store, which = store_of(request), number(form.text("id"))
    own = next((each for each in store.tools.listed() if each.id == which), None)
    if own is None or not store.tools.revoke(which, audit_entry(request, "open311.revoke", own.name)):
        return _page(request, 409, error=texts_of(request)("o311.wrong.gone"))
    return _again(request)


def _changes(form: Form, link: Link) -> Mapping[str, Any] | None:
    """What a person decided about a link."""
    what = form.text("what")
    given = form.text("request_id")
    if what == "again" and link.state != "untraced":
        return {"state": "waiting", "tries": 0, "next_at": 0, "problem": "", "detail": ""}
    if what == "leave":
        return {"state": "dropped", "problem": "", "detail": ""}
    if what == "is" and 0 < len(given) <= ID_MOST and given.isprintable() and "," not in given:
        return {
            "state": "linked",
            "request_id": given,
            "own": False,
            "next_at": 0,
            "problem": "",
            "detail": "",
        }
    return None


def _decide(request: Request, form: Form) -> Response:
    """Post again (after another look), link to a request, or leave it."""
    store = store_of(request)
    link = store.endpoints.link(number(form.text("id")))
    changes = _changes(form, link) if link and link.state in ASKED else None
    if link is None or changes is None:
        return _page(request, 409, error=texts_of(request)("o311.wrong.decide"))
    detail = f"{form.text('what')} {form.text('request_id')[:ID_MOST]}".strip()
    entry = audit_entry(request, "open311.decide", f"notice/{link.notice}", detail)
    if not store.endpoints.decide(link, entry, **changes):
        return _page(request, 409, error=texts_of(request)("o311.wrong.decide"))
    return _again(request)


def _posted(act: Callable[[Request, Form], Response]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        form = await form_or_refusal(request)
        return form if isinstance(form, Response) else await run_in_threadpool(act, request, form)

    return endpoint


ROUTES: Final = (
    Route("GET", "/notices/open311", read, ADMINISTRATION),
    Route("POST", "/notices/open311/save", _posted(_save), ADMINISTRATION),
    Route("POST", "/notices/open311/end", _posted(_end), ADMINISTRATION),
    Route("POST", "/notices/open311/test", _posted(_test), ADMINISTRATION),
    Route("POST", "/notices/open311/key", _posted(_key), ADMINISTRATION),
    Route("POST", "/notices/open311/revoke", _posted(_revoke), ADMINISTRATION),
    Route("POST", "/notices/open311/decide", _posted(_decide), ADMINISTRATION),
)
