"""What the pages of letters share: who may, forms of a session, a refusal that a person can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from server import mail_settings
from server.access import check_csrf, session_of, settings_of
from server.api.body import Refused
from server.mail_settings import ADDRESS, MailSettings, MailSettingsError
from server.pages.login import form_of
from server.pages.render import error_page

ADDRESS_MOST: Final = 254


class Wrong(Exception):  # noqa: N818 - named for what a form can be
    """A form that cannot be followed; ``key`` says why, ``values`` fill it."""

    def __init__(self, key: str, **values: str) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


def address(text: str) -> str:
    """One mail address.

    Raises:
        Wrong: for anything else.
    """
    text = text.strip()
    if len(text) > ADDRESS_MOST or not ADDRESS.fullmatch(text):
        raise Wrong("mail.wrong.address")
    return text


def mail_of(request: Request) -> tuple[MailSettings | None, str]:
    """How mail is sent here, and what is wrong with that."""
    try:
        return mail_settings.read(settings_of(request).data_dir), ""
    except MailSettingsError as exc:
        return None, str(exc)


def actor(request: Request) -> str:
    """Who asks."""
    session = session_of(request)
    return session.user.name if session else ""


async def posted(request: Request, act: Callable[[Request, Mapping[str, str]], Response]) -> Response:
    """Check a form of this session and do what it asks."""
    session = session_of(request)
    try:
        fields = await form_of(request)
    except Refused as exc:
        return error_page(request, exc.status, {"Connection": "close"})
    check_csrf(request, fields.get("csrf", ""), session.csrf if session else "")
    return await run_in_threadpool(act, request, fields)


def number(text: str, most: int = 2**31) -> int:
    """A row's number out of a form; 0 for anything else, which is no row's."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= most else 0
