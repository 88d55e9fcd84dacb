"""The page behind a letter's link: what the notice is, and large buttons. No account, and opening it changes nothing.

Rules:
1. GET reads; mail scanners and previews open links. Only a POST of the page's own buttons answers.
2. The link is judged each time: its signature, its time, its recipient, and the notice as it stands (`server.answering`).
3. Nobody is named, nothing is cached, nothing tells the next page where its reader came from, and no search engine keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from server.access import PUBLIC, Route, settings_of, store_of
from server.answering import Later, Standing, later_at, standing
from server.api.body import Refused
from server.limits import Buckets
from server.links import Claim, claim_of
from server.notices import MOVES, Notice, NoticeConflict, NoticeEvent, NoticeState
from server.pages.crew_words import about, names_of
from server.pages.login import form_of
from server.pages.render import page, texts_of
from server.store.base import AuditEntry
from server.telling import actor_of

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
# A crew behind one address, and a mail scanner that opens everything in it.
PER_S, BURST = 1.0, 60
ANSWERS_PER_S, ANSWERS_BURST = 1 / 30, 10
TRIES: Final = 3
WISHES: Final = get_args(Later)


@dataclass(frozen=True, slots=True)
class Asked:
    """A good link: what it claims, the notice as it stands, its steps."""

    claim: Claim
    notice: Notice
    events: Sequence[NoticeEvent]
    now: int

    @property
    def standing(self) -> Standing:
        """What may be tapped."""
        verifies = self.claim.stage == "to_verify"
        return standing(self.notice, self.events, self.claim.recipient, self.now, verifies=verifies)


class Answers:
    """The endpoints of links, and how often they may be asked."""

    def __init__(self) -> None:
        self._opened = Buckets(PER_S, BURST)
        self._answered = Buckets(ANSWERS_PER_S, ANSWERS_BURST)

    def read(self, request: Request) -> Response:
        """The page."""
        asked = self._asked(request)
        return asked if isinstance(asked, Response) else _shown(request, asked)

    async def post(self, request: Request) -> Response:
        """An answer."""
        try:
            fields = await form_of(request)
        except Refused as exc:
            return _refused(request, "crew.link.form", exc.status)
        return await run_in_threadpool(self._answer, request, fields)

    def _asked(self, request: Request) -> Asked | Response:
        store, settings = store_of(request), settings_of(request)
        wait = self._opened.wait_s(request.client.host if request.client else "", settings.clock())
        if wait > 0:
            return _refused(request, "crew.link.often", 429, {"Retry-After": str(int(wait) + 1)})
        # Whoever only looks makes no key either.
        key = store.crew.known_link_key()
        claim = claim_of(key, request.path_params["token"]) if key else None
        if claim is None:
            return _refused(request, "crew.link.unknown", 404)
        recipient, now = store.crew.recipient(claim.recipient), int(settings.clock())
        if recipient is not None:
            request.state.language = recipient.language
        if recipient is None or recipient.ended_at is not None:
            return _refused(request, "crew.link.ended", 410)
        if now >= claim.expires:
            return _refused(request, "crew.link.expired", 410)
        notice = store.notices.notice(claim.notice)
        if notice is None:
            return _refused(request, "crew.link.gone", 410)
        return Asked(claim, notice, store.notices.events(notice.id), now)

    def _answer(self, request: Request, fields: Mapping[str, str]) -> Response:
        given = fields.get("answer", "")
        for _ in range(TRIES):
            asked = self._asked(request)
            if isinstance(asked, Response):
                return asked
            key = f"{asked.claim.notice} {asked.claim.recipient}"
            wait = self._answered.wait_s(key, asked.now)
            if wait > 0:
                return _refused(request, "crew.link.often", 429, {"Retry-After": str(int(wait) + 1)})
            if not _is_offered(given, asked.standing):
                known = given in MOVES or given.removeprefix("later_") in WISHES or given == "back"
                return _shown(request, asked, 409 if known else 400)
            try:
                if _act(request, asked, given):
                    return RedirectResponse(request.url.path, 303, HEADERS)
            except NoticeConflict:
                # Somebody was first by a moment: look again at what may still be answered.
                continue
            return _shown(request, asked, 400)
        return _refused(request, "crew.link.often", 429, {"Retry-After": "1"})

    def routes(self) -> list[Route]:
        """Both ways in."""
        return [Route("GET", "/a/{token}", self.read, PUBLIC), Route("POST", "/a/{token}", self.post, PUBLIC)]


def _is_offered(given: str, own: Standing) -> bool:
    if given == "back":
        return own.back is not None
    if given.startswith("later_"):
        return own.later and given.removeprefix("later_") in WISHES
    return given in own.answers


def _act(request: Request, asked: Asked, given: str) -> bool:
    """Do what was tapped; False when there is nothing to do.

    Raises:
        NoticeConflict: when the notice changed meanwhile.
    """
    store, notice = store_of(request), asked.notice
    audit = AuditEntry(asked.now, actor_of(asked.claim.recipient), "", "")
    if given.startswith("later_"):
        wish: Later = next(one for one in WISHES if f"later_{one}" == given)
        until = later_at(wish, asked.now, settings_of(request).zone_info)
        if until is None:
            return False
        store.notices.later(notice.id, until, audit)
        return True
    steps: list[NoticeState] = []
    if asked.standing.end is not None:
        # A correction takes back first, so that what the first answer made (a veto) goes with it.
        steps.append("to_verify")
        if given == "back" and asked.standing.back == "confirmed":
            steps.append("confirmed")
    if given != "back":
        steps.append(next(state for state in asked.standing.answers if state == given))
    for step in steps:
        notice = store.notices.move(notice.id, notice.version, step, audit)
    return True


def _shown(request: Request, asked: Asked, status: int = 200) -> Response:
    t, own = texts_of(request), asked.standing
    tz = settings_of(request).zone_info
    later = {wish: later_at(wish, asked.now, tz) for wish in WISHES} if own.later else {}
    said = about(names_of(store_of(request)), asked.notice, t)
    return page(
        request,
        "answer.html",
        status,
        HEADERS,
        refused="",
        notice=asked.notice,
        about=said,
        stage=asked.claim.stage,
        own=own,
        later={wish: at for wish, at in later.items() if at is not None},
        missed=status == 409,
    )


def _refused(request: Request, text: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return page(request, "answer.html", status, {**HEADERS, **(headers or {})}, refused=text)
