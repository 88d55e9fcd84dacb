"""Pages for those who keep the boxes running: devices, quarantine, audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from server.access import ADMINISTRATION, TECHNICAL, Route, settings_of, store_of
from server.attention import LATE_S
from server.pages.render import page

AUDIT_SHOWN: Final = 500
QUARANTINE_SHOWN: Final = 200


def _epoch(text: Any) -> int | None:
    """Seconds since 1970 of a wire time in a health record, or None."""
    return int(datetime.fromisoformat(text).timestamp()) if isinstance(text, str) else None


def devices(request: Request) -> Response:
    """Every device and its cameras' last health."""
    store, now = store_of(request), settings_of(request).clock()
    states = store.records.cameras()
    found = [
        (
            device,
            device.last_received is None or now - device.last_received > LATE_S,
            [state for state in states if state.device == device.id],
        )
        for device in store.accounts.devices()
    ]
    return page(request, "devices.html", devices=found, epoch=_epoch, late_s=LATE_S)


def quarantine(request: Request) -> Response:
    """Records kept out of the reports."""
    records = store_of(request).records.quarantined(QUARANTINE_SHOWN)
    return page(request, "quarantine.html", records=records, shown=QUARANTINE_SHOWN)


def audit(request: Request) -> Response:
    """Who did what."""
    entries = store_of(request).accounts.audit(AUDIT_SHOWN)
    return page(request, "audit.html", entries=entries, shown=AUDIT_SHOWN)


ROUTES: Final = (
    Route("GET", "/devices", devices, TECHNICAL),
    Route("GET", "/quarantine", quarantine, TECHNICAL),
    Route("GET", "/audit", audit, ADMINISTRATION),
)
