"""The rows of /open311/v2: services, service requests out of notices and reports of others, and what a POST makes."""

from __future__ import annotations

import re
from typing import Any, Final

from fastapi import Request

from server import mail_settings
from server.access import settings_of, store_of
from server.api.forms import Form
from server.api.open311_view import REACH_MOST, ROWS, View
from server.mail_settings import MailSettingsError
from server.open311 import (
    KINDS,
    SPECIFICATION,
    Attribute,
    Service,
    Status,
    definition_tree,
    service_tree,
    time_of,
)
from server.open311_place import distance_m
from server.open311_telling import same_notice
from server.pages.render import texts_of
from server.pages.texts import Texts
from server.store.open311_base import Known, Tool

SPAN_S: Final = 90 * 86400
IDS_MOST: Final = 100
KNOWN_A_DAY: Final = 1000
# A tool that got no answer asks again: the same object within this is the same report.
AGAIN_S: Final = 900
AGAIN_M: Final = 1.0
CHANGESET: Final = "2026-11-22T00:00:00Z"
_WHOLE: Final = re.compile(r"[1-9][0-9]{0,5}")


class Fail(Exception):  # noqa: N818 - an answer
    """A call that is answered with an error."""

    def __init__(self, status: int, text: str, retry_s: int = 0) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.retry_s = retry_s


def discovery(request: Request, base: str) -> dict[str, Any]:
    """Where what is, and whom to ask."""
    settings, t = settings_of(request), texts_of(request)
    try:
        own = mail_settings.read(settings.data_dir)
    except MailSettingsError:
        own = None
    scheme = "https" if settings.https_only_cookies else request.url.scheme
    here = own.base if own else f"{scheme}://{request.headers.get('host', 'localhost')}"
    return {
        "changeset": CHANGESET,
        "contact": " ".join(filter(None, (settings.operator, settings.contact))) or t("o311.contact"),
        "key_service": t("o311.key_service"),
        "endpoints": [
            {
                "specification": SPECIFICATION,
                "url": here + base,
                "changeset": CHANGESET,
                "type": "test" if settings.demo else "production",
                "formats": ["text/xml", "application/json"],
            }
        ],
    }


def services(t: Texts) -> list[dict[str, Any]]:
    """The kinds of notices."""
    return [
        service_tree(
            Service(
                kind,
                t(f"o311.kind.{kind}"),
                t(f"o311.about.{kind}"),
                metadata=True,
                keywords=t(f"o311.keywords.{kind}"),
                group=t("o311.group"),
            )
        )
        for kind in KINDS
    ]


def definition(t: Texts, code: str) -> dict[str, Any]:
    """The attributes of a kind; told with ``extensions=true``, never asked for."""
    if code not in KINDS:
        raise Fail(404, "the service_code was not found")
    severities = tuple((own, t(f"o311.severity.{own}")) for own in ("high", "medium", "low"))
    attributes = (
        Attribute("severity", "singlevaluelist", t("o311.attribute.severity"), order=1, values=severities),
        Attribute("size_m", "number", t("o311.attribute.size_m"), order=2),
        Attribute("zone", "string", t("o311.attribute.zone"), order=3),
    )
    return definition_tree(code, attributes)


def _number(text: str, name: str, usual: int, most: int) -> int:
    if not text:
        return usual
    if not _WHOLE.fullmatch(text) or int(text) > most:
        raise Fail(400, f"{name} must be a whole number within 1..{most}")
    return int(text)


def _span(start: str, end: str, now: int) -> tuple[int, int]:
    """First and last second asked for.

    Raises:
        Fail: 400 for what is no date-time with its offset, or more than 90 days.
    """
    ends = {
        name: time_of(text.replace(" ", "+"))
        for name, text in (("start_date", start), ("end_date", end))
        if text
    }
    for name, at in ends.items():
        if at is None:
            raise Fail(400, f"{name} must be a date-time with its offset, like 2010-01-01T00:00:00Z")
    since, until = ends.get("start_date"), ends.get("end_date")
    if since is not None and until is not None and not 0 <= until - since <= SPAN_S:
        raise Fail(400, "start_date and end_date may span 90 days at most, the first before the second")
    if until is None:
        until = min(now, since + SPAN_S) if since is not None else now
    return until - SPAN_S if since is None else since, until


def _list(text: str) -> list[str]:
    return [own.strip() for own in text.split(",") if own.strip()]


def rows(request: Request) -> list[dict[str, Any]]:
    """The requests that a query asks for, newest first.

    Raises:
        Fail: 400 or 404, as the specification says.
    """
    query, now = request.query_params, int(settings_of(request).clock())
    view = View(request, extended=query.get("extensions") == "true")
    ids = _list(query.get("service_request_id", ""))
    if ids:
        if len(ids) > IDS_MOST:
            raise Fail(400, f"service_request_id may name {IDS_MOST} requests at most")
        return [row for own in ids if (row := view.by_id(own, now)) is not None]
    size = _number(query.get("page_size", ""), "page_size", ROWS, ROWS)
    page = _number(query.get("page", ""), "page", 1, REACH_MOST)
    if page * size > REACH_MOST:
        raise Fail(400, f"page times page_size may be {REACH_MOST} at most; use start_date and end_date")
    kinds = _list(query.get("service_code", ""))
    unknown = next((own for own in kinds if own not in KINDS), None)
    if unknown is not None:
        raise Fail(404, "the service_code was not found")
    wanted = {own.lower() for own in _list(query.get("status", ""))}
    if wanted - {"open", "closed"}:
        raise Fail(400, "status must be open, closed or both")
    since, until = _span(query.get("start_date", ""), query.get("end_date", ""), now)
    status: Status | None = None if len(wanted) != 1 else "open" if "open" in wanted else "closed"
    chosen = tuple(kind for kind in KINDS if not kinds or kind in kinds)
    return view.page(since, until, chosen, status, now, (page - 1) * size, page * size)


def one(request: Request, number: str) -> list[dict[str, Any]]:
    """One request.

    Raises:
        Fail: 404 when there is none such, or it is not official.
    """
    extended = request.query_params.get("extensions") == "true"
    row = View(request, extended=extended).by_id(number, int(settings_of(request).clock()))
    if row is None:
        raise Fail(404, "the service_request_id was not found")
    return [row]


def _degrees(text: str, name: str, most: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) <= most:
        raise Fail(400, f"{name} must be degrees within -{most}..{most}, WGS 84")
    return value


def created(request: Request, tool: Tool, fields: Form) -> list[dict[str, Any]]:
    """Keep what another system knows: a kind and a place.

    Raises:
        Fail: 400, 404 or 429.
    """
    store, now = store_of(request), int(settings_of(request).clock())
    kind = next((own for own in KINDS if own == fields.text("service_code")), None)
    if not fields.text("service_code"):
        raise Fail(400, "the service_code was not provided")
    if kind is None:
        raise Fail(404, "the service_code was not found")
    if not fields.text("lat") or not fields.text("long"):
        raise Fail(400, "lat and long must be provided: this server knows no addresses")
    lat, lon = _degrees(fields.text("lat"), "lat", 90), _degrees(fields.text("long"), "long", 180)
    lately = [own for own in store.tools.known(now - 86400, limit=REACH_MOST) if own.key == tool.id]
    for own in lately:
        near = own.kind == kind and now - own.received_at <= AGAIN_S
        if near and distance_m(own.lon, own.lat, lon, lat) <= AGAIN_M:
            return [_made(own.id, own.notice)]
    if len(lately) >= KNOWN_A_DAY:
        raise Fail(429, f"a key may tell of {KNOWN_A_DAY} objects a day", 3600)
    new = Known(0, tool.id, kind, lon, lat, now)
    notice = same_notice(store, new)
    number = store.tools.add_known(Known(0, tool.id, kind, lon, lat, now, notice.id if notice else None))
    return [_made(number, notice.id if notice else None)]


def _made(number: int, notice: int | None) -> dict[str, Any]:
    told = f"duplicate of n{notice}" if notice is not None else None
    return {"service_request_id": f"r{number}", "service_notice": told, "account_id": None}
