"""GeoReport v2 as values: service requests, services, answers, errors; to trees and back. Pure.

Rules (https://wiki.open311.org/GeoReport_v2):
1. Times are W3C date-times with their offset; ours are UTC to the second. One without an offset is not known.
2. A status is ``open`` or ``closed`` and nothing else.
3. Ids are texts, whatever a server writes them as.
4. Of what comes in, only what is named here is kept; an attribute that nobody reads is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from server.notices import CaseKind, NoticeState
from server.open311_documents import DocumentError, clean

Status = Literal["open", "closed"]
SPECIFICATION: Final = "http://wiki.open311.org/GeoReport_v2"
KINDS: Final[tuple[CaseKind, ...]] = get_args(CaseKind)
# What is official; how it is told. A notice that was never confirmed is never told.
STATUS: Final[Mapping[NoticeState, Status]] = {
    "confirmed": "open",
    "assigned": "open",
    "in_work": "open",
    "cleared": "closed",
    "nothing_there": "closed",
    "not_ours": "closed",
}
TEXT_MOST: Final = 4000
_TEXTS: Final = (
    "status_notes", "service_name", "service_code", "description", "agency_responsible", "service_notice",
    "address", "address_id", "zipcode", "media_url",
)  # fmt: skip
_TIMES: Final = ("requested_datetime", "updated_datetime", "expected_datetime")


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """One service request. Times: whole seconds UTC, None where not told; lat and long: degrees, WGS 84, both or neither."""

    service_request_id: str
    status: Status
    status_notes: str = ""
    service_name: str = ""
    service_code: str = ""
    description: str = ""
    agency_responsible: str = ""
    service_notice: str = ""
    requested_datetime: int | None = None
    updated_datetime: int | None = None
    expected_datetime: int | None = None
    address: str = ""
    address_id: str = ""
    zipcode: str = ""
    lat: float | None = None
    long: float | None = None
    media_url: str = ""


@dataclass(frozen=True, slots=True)
class Created:
    """The answer to a POST: the id of what was created, or a token that becomes an id later."""

    service_request_id: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A kind of request that a server takes; ``metadata``: it has attributes of its own."""

    service_code: str
    service_name: str = ""
    description: str = ""
    metadata: bool = False
    type: str = "realtime"
    keywords: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field of a service beyond the common ones; ``values``: key to name, of a list."""

    code: str
    datatype: str
    description: str
    required: bool = False
    variable: bool = True
    order: int = 1
    datatype_description: str = ""
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of an answer."""

    code: str
    description: str


def time_text(at: int) -> str:
    """``2010-01-01T00:00:00Z``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_of(text: str) -> int | None:
    """Seconds since 1970 of a W3C date-time; None for anything else, and for one without an offset."""
    try:
        at = datetime.fromisoformat(text.strip())
        return int(at.timestamp()) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    """A scalar as text that can be stored and sent; numbers as they were written, as far as JSON kept that."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # JSON can hold half a character ("\ud83d"), UTF-8 cannot.
    return clean(str(value)).strip()[:TEXT_MOST] if isinstance(value, str | int | float) else ""


def _degrees(value: Any, most: float) -> float | None:
    try:
        number = float(_text(value))
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) <= most else None


def request_tree(own: ServiceRequest) -> dict[str, Any]:
    """A service request as the specification orders its fields; what is not known is there and empty."""
    tree: dict[str, Any] = {"service_request_id": own.service_request_id, "status": own.status}
    for name in (*_TEXTS[:6], *_TIMES, *_TEXTS[6:9], "lat", "long", "media_url"):
        value = getattr(own, name)
        tree[name] = (time_text(value) if name in _TIMES else value) if value not in ("", None) else None
    return tree


def request_of(tree: Any) -> ServiceRequest | None:
    """A service request out of a tree; None for what has no id or no status."""
    if not isinstance(tree, Mapping):
        return None
    number, status = _text(tree.get("service_request_id")), _text(tree.get("status")).lower()
    if not number or status not in get_args(Status):
        return None
    lat, long = _degrees(tree.get("lat"), 90), _degrees(tree.get("long"), 180)
    if lat is None or long is None:
        lat = long = None
    texts = {name: _text(tree.get(name)) for name in _TEXTS}
    times = {name: time_of(_text(tree.get(name))) for name in _TIMES}
    return ServiceRequest(number, status, **texts, **times, lat=lat, long=long)  # type: ignore[arg-type]


def requests_of(tree: Any) -> list[ServiceRequest]:
    """Every service request of an answer that can be read.

    Raises:
        DocumentError: when the answer is no list.
    """
    return [own for own in map(request_of, _rows(tree, "service requests")) if own is not None]


def _rows(tree: Any, what: str) -> list[Any]:
    if tree is None:
        return []
    if not isinstance(tree, list):
        raise DocumentError(f"the answer is no list of {what}")
    return tree


def created_of(tree: Any) -> Created:
    """What a POST, or a token, brought.

    Raises:
        DocumentError: when it is not one row with an id or a token.
    """
    rows = _rows(tree, "service requests")
    if len(rows) != 1 or not isinstance(rows[0], Mapping):
        raise DocumentError(f"the answer should name one service request and names {len(rows)}")
    return Created(_text(rows[0].get("service_request_id")), _text(rows[0].get("token")))


def service_tree(own: Service) -> dict[str, Any]:
    """A service as the specification orders its fields."""
    return {
        "service_code": own.service_code,
        "service_name": own.service_name,
        "description": own.description or None,
        "metadata": own.metadata,
        "type": own.type,
        "keywords": own.keywords or None,
        "group": own.group or None,
    }


def services_of(tree: Any) -> list[Service]:
    """Every service of an answer.

    Raises:
        DocumentError: when the answer is no list, or nothing in it is a service.
    """
    rows = [row for row in _rows(tree, "services") if isinstance(row, Mapping)]
    found = [
        Service(
            _text(row.get("service_code")),
            _text(row.get("service_name")),
            _text(row.get("description")),
            str(row.get("metadata")).lower() == "true",
            _text(row.get("type")) or "realtime",
            _text(row.get("keywords")),
            _text(row.get("group")),
        )
        for row in rows
        if _text(row.get("service_code"))
    ]
    if rows and not found:
        raise DocumentError("the answer is a list, but not of services")
    return found


def definition_tree(code: str, attributes: tuple[Attribute, ...]) -> dict[str, Any]:
    """A service's attributes."""
    return {
        "service_code": code,
        "attributes": [
            {
                "variable": own.variable,
                "code": own.code,
                "datatype": own.datatype,
                "required": own.required,
                "datatype_description": own.datatype_description or None,
                "order": own.order,
                "description": own.description,
                "values": [{"key": key, "name": name} for key, name in own.values],
            }
            for own in attributes
        ],
    }


def errors_tree(faults: list[Fault]) -> list[dict[str, str]]:
    """Errors, as every failed call answers."""
    return [{"code": own.code, "description": own.description} for own in faults]


def errors_of(tree: Any) -> list[Fault]:
    """The errors of an answer; none when it holds no such list."""
    rows = tree if isinstance(tree, list) else []
    return [
        Fault(_text(row.get("code")), _text(row.get("description"))[:200])
        for row in rows
        if isinstance(row, Mapping) and (row.get("code") or row.get("description"))
    ]
