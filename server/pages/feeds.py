"""The Web feed of a site's notices: for who logs in, and for a feed reader that has the feed's key.

Rules:
1. Only what a person decided: confirmed once, or ended by a person. No person is named.
2. A key is of one feed, is stored as a digest and may be renewed; without one, and without a session, there is no feed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

from fastapi import Request
from starlette.responses import Response

from contract.version import VERSION
from server import atom
from server.access import NOTICES, PUBLIC, Route, session_of, settings_of, store_of
from server.cloud_events import OFFICIAL
from server.credentials import same, token_hash
from server.limits import Buckets
from server.notices import ENDED, Notice, NoticeEvent
from server.pages.crew_words import Names, about, names_of
from server.pages.desk import mail_of
from server.pages.render import error_page, texts_of
from server.pages.texts import LANGUAGES, Texts
from server.sites import site_label

SHOWN: Final = 100
# Ended notices that no person decided are passed over; so many are looked at for the hundred that are shown.
LOOKED_AT: Final = 400
# The feed of every site; no site can be called so, as a site's id has no dot.
EVERY: Final = "all.sites"
PER_S, BURST = 0.5, 30


def decided(events: Sequence[NoticeEvent]) -> bool:
    """Whether a person confirmed or ended a notice at any time."""
    return any(e.what == "moved" and (e.after in OFFICIAL or e.after in ENDED) for e in events)


def _entry(names: Names, notice: Notice, base: str, identity: str, t: Texts) -> atom.Entry:
    own, colon = about(names, notice, t), t("crew.colon")
    title = f"{own.kind}, {own.place}{colon} {t(f'nt.state.{notice.state}')}"
    return atom.Entry(
        id=atom.tag(identity, f"notices/{notice.id}"),
        title=title,
        summary="\n".join(f"{label}{colon} {text}" for label, text in own.facts),
        link=f"{base}/notices/{notice.id}",
        published=notice.opened_at,
        updated=notice.changed_at,
        terms=(("kind", notice.kind), ("state", notice.state), ("severity", notice.severity)),
        point=(notice.lon, notice.lat) if notice.lon is not None and notice.lat is not None else None,
    )


class Feeds:
    """The endpoint of feeds, and how often it may be asked."""

    def __init__(self) -> None:
        self._asked = Buckets(PER_S, BURST)

    def read(self, request: Request) -> Response:
        """One site's feed, or that of every site (``all.sites.atom``)."""
        store, settings = store_of(request), settings_of(request)
        wait = self._asked.wait_s(request.client.host if request.client else "", settings.clock())
        if wait > 0:
            return Response("", 429, {"Retry-After": str(int(wait) + 1)})
        name, _, kind = request.path_params["name"].rpartition(".")
        site = None if name == EVERY else store.sites.site(name)
        if (
            kind != "atom"
            or (site is None and name != EVERY)
            or not _may(request, "" if site is None else name)
        ):
            return error_page(request, 404)
        language = request.query_params.get("lang", "")
        t = Texts(language, settings.zone_info) if language in LANGUAGES else texts_of(request)
        found = [
            notice
            for notice in store.notices.listed(
                site=site.id if site else None, states=OFFICIAL | ENDED, since=0,
                until=int(settings.clock()) + 86400, limit=LOOKED_AT,
            )
            if decided(store.notices.events(notice.id))
        ][:SHOWN]  # fmt: skip
        mail, _ = mail_of(request)
        names = names_of(store)
        base = mail.base if mail else str(request.base_url).rstrip("/")
        identity, made = store.crew.identity(), store.crew.feed("" if site is None else name)
        updated = max([notice.changed_at for notice in found], default=made.made_at if made else 0)
        body = atom.feed(
            number=atom.tag(identity, f"feeds/{name}"),
            title=t("crew.feed.title", site=site_label(site, t.language) if site else t("crew.every")),
            updated=updated,
            own=f"{base}/feeds/{name}.atom",
            page=f"{base}/notices",
            language=t.language,
            version=VERSION,
            entries=[_entry(names, notice, base, identity, t) for notice in found],
        )
        return _answered(request, body, updated)

    def routes(self) -> list[Route]:
        """Its way in."""
        return [Route("GET", "/feeds/{name}", self.read, PUBLIC)]


def _may(request: Request, site: str) -> bool:
    session = session_of(request)
    if session is not None and session.user.role in NOTICES.roles:
        return True
    key, given = store_of(request).crew.feed(site), request.query_params.get("key", "")
    return key is not None and same(token_hash(given), key.key_hash)


def _answered(request: Request, body: bytes, updated: int) -> Response:
    """The feed, or that it has not changed (RFC 9110, 13.1: the tag goes before the time)."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        "Last-Modified": format_datetime(datetime.fromtimestamp(updated, UTC), usegmt=True),
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Language, Cookie",
        "Referrer-Policy": "no-referrer",
    }
    known = request.headers.get("if-none-match")
    if known is not None:
        tags = {one.strip().removeprefix("W/") for one in known.split(",")}
        fresh = tag in tags or known.strip() == "*"
    else:
        fresh = _since(request.headers.get("if-modified-since", "")) >= updated
    if fresh:
        return Response(status_code=304, headers=headers)
    return Response(body, headers={**headers, "Content-Type": atom.MEDIA_TYPE})


def _since(text: str) -> float:
    try:
        return parsedate_to_datetime(text).timestamp() if text else -1.0
    except (ValueError, TypeError, OverflowError):
        return -1.0
