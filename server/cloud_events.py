"""What a webhook says of a notice: a CloudEvents 1.0 message in structured JSON. Pure.

Rules:
1. Numbers, states, times and the names that boxes use; no free text, no person.
2. The id is the event's number: it is the same however often a message is sent, and whatever the target.
3. Only official steps: of a notice that a person confirmed, and its end. A target may also ask for those to be verified.
   What is held back (``new``) is nobody's.

Source: CloudEvents 1.0.2, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from server.notices import ENDED, Notice, NoticeEvent, NoticeState

MEDIA_TYPE: Final = "application/cloudevents+json; charset=utf-8"
OFFICIAL: Final[frozenset[NoticeState]] = frozenset({"confirmed", "assigned", "in_work"})
TRIAL: Final = "fr.parvis.trial.v1"


def type_of(state: NoticeState) -> str:
    """``fr.parvis.notice.confirmed.v1``."""
    return f"fr.parvis.notice.{state}.v1"


def was_official(events: Iterable[NoticeEvent]) -> bool:
    """Whether a person confirmed the notice at any of these steps."""
    return any(event.after in OFFICIAL for event in events)


def is_told(event: NoticeEvent, before: Iterable[NoticeEvent], *, unverified: bool) -> bool:
    """Whether a target hears of a step.

    Args:
        event: the step.
        before: the notice's steps before it.
        unverified: the target also asked for what no person has confirmed.
    """
    if event.before == event.after:
        return False
    shown = OFFICIAL | {"to_verify"} if unverified else OFFICIAL
    if event.after in shown:
        return True
    return event.after in ENDED and any(step.after in shown for step in before)


def utc(at: int) -> str:
    """``2026-11-22T12:00:00Z``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def data_of(notice: Notice, event: NoticeEvent) -> dict[str, Any]:
    """The notice's numbers as they are known when the message is made, in the state of the event."""
    return {
        "notice": notice.id,
        "state": event.after,
        "state_before": event.before,
        "kind": notice.kind,
        "severity": notice.severity,
        "site": notice.site,
        "device": notice.device,
        "camera": notice.camera,
        "zone": notice.zone,
        "opened_at": utc(notice.opened_at),
        "first_seen": utc(notice.first_seen),
        "last_seen": utc(notice.last_seen),
        "x": notice.x,
        "y": notice.y,
        "w": notice.w,
        "h": notice.h,
        "lon": notice.lon,
        "lat": notice.lat,
        "size_m": notice.size_m,
        "confidence": notice.confidence,
        "cases": notice.cases,
    }


def message(identity: str, notice: Notice, event: NoticeEvent) -> bytes:
    """The message of a step; ``identity`` is the installation's UUID."""
    return _encoded(
        identity,
        str(event.id),
        type_of(event.after),
        f"notices/{notice.id}",
        event.at,
        data_of(notice, event),
    )


def trial(identity: str, number: str, at: int) -> bytes:
    """A message that says that messages arrive."""
    return _encoded(identity, number, TRIAL, "trial", at, {"trial": True})


def _encoded(identity: str, number: str, kind: str, subject: str, at: int, data: dict[str, Any]) -> bytes:
    envelope = {
        "specversion": "1.0",
        "id": number,
        "source": f"urn:uuid:{identity}",
        "type": kind,
        "subject": subject,
        "time": utc(at),
        "datacontenttype": "application/json",
        "data": data,
    }
    return json.dumps(envelope, separators=(",", ":"), allow_nan=False).encode()
