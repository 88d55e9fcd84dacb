"""GET /api/v1/...: what the pages show, as JSON. Times are UTC, and figures absent for want of data are null."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import Request
from starlette.responses import JSONResponse, Response

from contract.messages import format_time
from contract.names import ClassGroup
from contract.version import VERSION
from server.access import PUBLIC, REPORTS, TECHNICAL, Route, settings_of, store_of
from server.errors import StoreError
from server.guard import problem
from server.reading import LINE_KINDS, ZONE_KINDS, Period, Reader, View
from server.reports import DAY, Bin, Kind, OccupancyReport, Step
from server.sites import PlaceDetail, Site, key_of

_DIGITS: Final = re.compile(r"[0-9]{1,6}")
QUARANTINE_SHOWN: Final = 500


def utc_text(at: int | None) -> str | None:
    """The wire spelling of a time."""
    return None if at is None else format_time(datetime.fromtimestamp(at, UTC))


def instant(text: str, tz: Any) -> int:
    """Seconds since 1970 of ``2026-11-21T10:15:00Z``, of an offset time, or of a local one.

    Raises:
        ValueError: for anything else.
    """
    try:
        value = datetime.fromisoformat(text)
        value = value if value.tzinfo else value.replace(tzinfo=tz)
        seconds = int(value.timestamp())
    except (ValueError, OverflowError, OSError) as exc:
        raise ValueError("time must be written like 2026-11-21T10:15:00Z") from exc
    if not 0 <= seconds < 2**32:
        raise ValueError("time must lie within 1970..2105")
    return seconds


def step_of(text: str) -> Step:
    """A step: ``day`` or seconds.

    Raises:
        ValueError: for anything else.
    """
    if text == DAY:
        return DAY
    if not _DIGITS.fullmatch(text):
        raise ValueError("step must be day or a number of seconds")
    return int(text)


def period_of(request: Request) -> Period:
    """``from``, ``to`` and ``step`` of a query; empty ones are left to the data.

    Raises:
        ValueError: for values that cannot be read.
    """
    tz, query = settings_of(request).zone_info, request.query_params
    start, end, step = query.get("from"), query.get("to"), query.get("step")
    return Period(
        instant(start, tz) if start else None,
        instant(end, tz) if end else None,
        step_of(step) if step else None,
    )


def group_of(request: Request, view: View) -> ClassGroup:
    """The class group of a query, by default the zone's first.

    Raises:
        ValueError: for a word that is none.
    """
    wanted = request.query_params.get("class", "")
    if not wanted:
        return view.groups[0]
    # A class that is not counted here would read as 0, which would be a lie.
    for group in view.groups:
        if group == wanted:
            return group
    raise ValueError(f"class must be one of {', '.join(view.groups)}, which are counted here")


def reader_of(request: Request) -> Reader:
    """A reader over the request's store."""
    return Reader(store_of(request), settings_of(request))


def bin_json(one: Bin, kind: Kind) -> dict[str, Any]:
    """One bin under the names of its kind."""
    moves = {"zone": ("entries", "exits"), "parking": ("arrivals", "departures"), "line": ("in", "out")}[kind]
    figures: dict[str, Any] = {
        "start": utc_text(one.start),
        "end": utc_text(one.end),
        "observed_s": round(one.observed_s, 3),
        "coverage": round(one.coverage, 4),
    }
    if kind != "line":
        mean = "mean_occupied_bays" if kind == "parking" else "mean_occupancy"
        figures[mean] = None if one.mean is None else round(one.mean, 4)
        figures["peak"] = one.peak
        figures["occupancy_rate"] = None if one.rate is None else round(one.rate, 4)
    figures[moves[0]], figures[moves[1]] = one.entries, one.exits
    figures["flag_s"] = {name: round(value, 3) for name, value in one.flag_s.items()}
    figures["time_quality"] = "unsynced" if one.unsynced else "synced"
    return figures


class Names:
    """What people call places and sites, read once a request; None where nobody said it."""

    def __init__(self, request: Request) -> None:
        self._details = store_of(request).sites.details()
        self._sites = {site.id: site for site in store_of(request).sites.sites()}

    def of(self, view: View) -> dict[str, Any]:
        """Labels of a place, and its site with its own."""
        detail = self._details.get(key_of(view.place))
        site = self._sites.get(detail.site or "") if detail else None
        own = {"id": site.id, **_labels(site)} if site else None
        return {**_labels(detail), "site": own}


def _labels(thing: Site | PlaceDetail | None) -> dict[str, str | None]:
    return {
        "label_fr": (thing.label_fr or None) if thing else None,
        "label_en": (thing.label_en or None) if thing else None,
    }


def view_json(view: View, names: Names) -> dict[str, Any]:
    """What a place is."""
    place = view.place
    return {
        "device": place.device,
        "camera": place.camera,
        "line" if place.kind == "line" else "zone": place.name,
        "kind": view.kind,
        "purpose": view.purpose,
        "classes": list(view.groups),
        "capacity": view.capacity,
        "interval_s": place.interval_s,
        "last_end": utc_text(view.last_end),
        **names.of(view),
    }


def _series_json(view: View, report: OccupancyReport, tz: str, names: Names) -> dict[str, Any]:
    return {
        **view_json(view, names),
        "class": report.group,
        "step": report.step,
        "timezone": tz,
        "bays": report.bays if view.place.kind == "parking" else None,
        "zone_versions": report.versions,
        "visible_until": utc_text(view.until),
        "total": bin_json(report.total, report.kind),
        "bins": [bin_json(one, report.kind) for one in report.bins],
    }


def _series(request: Request, kinds: Sequence[Kind]) -> Response:
    path = request.path_params
    reader = reader_of(request)
    view = reader.view(path["device"], path["camera"], path["name"], kinds)
    if view is None:
        return problem(404, "not_found", "nothing has been delivered under this name")
    try:
        report = reader.report(view, group_of(request, view), period_of(request))
    except ValueError as exc:
        return problem(400, "bad_query", str(exc))
    return JSONResponse(_series_json(view, report, settings_of(request).local_tz, Names(request)))


def _list(request: Request, kinds: Sequence[Kind]) -> Response:
    reader, names = reader_of(request), Names(request)
    found = []
    for view in reader.views():
        if view.place.kind not in kinds:
            continue
        latest = {}
        if view.last_end is not None:
            period = reader.latest(view)
            latest = {
                group: bin_json(reader.report(view, group, period).total, view.place.kind)
                for group in view.groups
            }
        found.append({**view_json(view, names), "latest": latest})
    return JSONResponse({"lines" if kinds == LINE_KINDS else "zones": found})


def zones(request: Request) -> Response:
    """Every zone and car park, with its latest visible interval."""
    return _list(request, ZONE_KINDS)


def lines(request: Request) -> Response:
    """Every count line, with its latest visible interval."""
    return _list(request, LINE_KINDS)


def zone_series(request: Request) -> Response:
    """One zone over a period."""
    return _series(request, ZONE_KINDS)


def line_series(request: Request) -> Response:
    """One count line over a period."""
    return _series(request, LINE_KINDS)


def devices(request: Request) -> Response:
    """Every device and what its cameras last said of themselves."""
    store = store_of(request)
    cameras = store.records.cameras()
    found = [
        {
            "device": device.id,
            "created": utc_text(device.created_at),
            "revoked": utc_text(device.revoked_at),
            "last_received": utc_text(device.last_received),
            "cameras": [
                {
                    "camera": camera.camera,
                    "last_received": utc_text(camera.last_received),
                    "last_interval_end": utc_text(camera.last_end),
                    "health": camera.health,
                }
                for camera in cameras
                if camera.device == device.id
            ],
        }
        for device in store.accounts.devices()
    ]
    return JSONResponse({"devices": found})


def quarantine(request: Request) -> Response:
    """The newest records kept out of the reports, and why."""
    records = store_of(request).records.quarantined(QUARANTINE_SHOWN)
    fields = ("key", "type", "device", "camera", "reason", "payload")
    return JSONResponse(
        {
            "quarantine": [
                {**{f: getattr(r, f) for f in fields}, "received": utc_text(r.received_at)} for r in records
            ]
        }
    )


def healthz(request: Request) -> Response:
    """Whether the database can be read; nothing else, for anyone may ask."""
    try:
        store_of(request).records.ping()
    except StoreError:
        return JSONResponse({"status": "degraded", "version": VERSION}, 503)
    return JSONResponse({"status": "ok", "version": VERSION})


ROUTES: Final = (
    Route("GET", "/healthz", healthz, PUBLIC),
    Route("GET", "/api/v1/zones", zones, REPORTS),
    Route("GET", "/api/v1/zones/{device}/{camera}/{name}/series", zone_series, REPORTS),
    Route("GET", "/api/v1/lines", lines, REPORTS),
    Route("GET", "/api/v1/lines/{device}/{camera}/{name}/series", line_series, REPORTS),
    Route("GET", "/api/v1/devices", devices, TECHNICAL),
    Route("GET", "/api/v1/quarantine", quarantine, TECHNICAL),
)
