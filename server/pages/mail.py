"""The outbox: what waits, what went out, what failed and what to do; and a letter to try the mail server with."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from server.access import ADMINISTRATION, Route, settings_of, store_of
from server.pages.desk import Wrong, actor, address, mail_of, number, posted
from server.pages.letters import trial_letter
from server.pages.render import page, texts_of
from server.store.base import AuditEntry

SHOWN: Final = 200


def _page(request: Request, error: str = "", status: int = 200) -> Response:
    own, broken = mail_of(request)
    return page(
        request,
        "mail.html",
        status,
        mail=own,
        broken=broken,
        error=error,
        letters=store_of(request).mails.listed(SHOWN),
        shown=SHOWN,
        folder=str(settings_of(request).data_dir.name),
    )


def read(request: Request) -> Response:
    """The outbox."""
    return _page(request)


def _again(request: Request, fields: Mapping[str, str]) -> Response:
    now, letter = int(settings_of(request).clock()), number(fields.get("id", ""))
    entry = AuditEntry(now, actor(request), "letter.again", str(letter))
    if not store_of(request).mails.again(letter, now, entry):
        return _page(request, texts_of(request)("mail.wrong.again"), 409)
    return RedirectResponse("/mail", 303)


def _trial(request: Request, fields: Mapping[str, str]) -> Response:
    texts, now = texts_of(request), int(settings_of(request).clock())
    own, _ = mail_of(request)
    if own is None:
        return _page(request, texts("mail.wrong.off"), 409)
    try:
        recipient = address(fields.get("recipient", ""))
    except Wrong as exc:
        return _page(request, texts(exc.key), 400)
    store = store_of(request)
    store.mails.add(trial_letter(own, recipient, secrets.token_hex(8), now, texts), now)
    store.accounts.log(AuditEntry(now, actor(request), "letter.trial", recipient))
    return RedirectResponse("/mail", 303)


async def again(request: Request) -> Response:
    """Send one letter once more."""
    return await posted(request, _again)


async def trial(request: Request) -> Response:
    """Put a trial letter into the outbox."""
    return await posted(request, _trial)


ROUTES: Final = (
    Route("GET", "/mail", read, ADMINISTRATION),
    Route("POST", "/mail/again", again, ADMINISTRATION),
    Route("POST", "/mail/trial", trial, ADMINISTRATION),
)
