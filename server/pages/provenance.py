"""Where the figures of a place come from: which box, model, configuration and software told them, and how well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fastapi import Request
from starlette.responses import JSONResponse, Response

from contract.names import GROUP_OF, ObjectClass
from server.access import SEEN, Route, settings_of, store_of
from server.api.reports import instant, utc_text
from server.coverage import HOUR_S, summed
from server.guard import problem
from server.pages.fleet import key_of
from server.pages.quality import changes_of, days_of, month_of, together
from server.pages.render import error_page, page
from server.reading import LINE_KINDS, ZONE_KINDS
from server.reports import Kind, local_midnight
from server.settings import Settings
from server.store.base import Place, Store
from server.store.quality_base import RunPart

DAYS_SHOWN: Final = 30
# A year of hours, and of their origins: the page stays below 20,000 rows.
LONGEST_S: Final = 367 * 86400


@dataclass(frozen=True, slots=True)
class Origin:
    """Runs that counted under the same versions: from and to when, how many, how many records, seconds observed."""

    config: str | None
    zone_version: str
    model: str | None
    model_sha256: str | None
    software: str | None
    interval_s: int | None
    start: int
    end: int
    runs: Sequence[str]
    records: int
    observed_s: float


def origins(parts: Sequence[RunPart]) -> list[Origin]:
    """Runs by their versions, by the first hour that each told."""
    found: dict[tuple[Any, ...], list[RunPart]] = {}
    for one in parts:
        key = (one.config, one.zone_version, one.model, one.model_sha256, one.software, one.interval_s)
        found.setdefault(key, []).append(one)
    return [
        Origin(
            config=own[0].config,
            zone_version=own[0].zone_version,
            model=own[0].model,
            model_sha256=own[0].model_sha256,
            software=own[0].software,
            interval_s=own[0].interval_s,
            start=min(one.first_hour for one in own),
            end=max(one.last_hour for one in own) + HOUR_S,
            runs=tuple(dict.fromkeys(one.run for one in own)),
            records=sum(one.records for one in own),
            observed_s=sum(one.observed_s for one in own),
        )
        for own in found.values()
    ]


def period_of(query: Mapping[str, str], place: Place, settings: Settings) -> tuple[int, int]:
    """The whole hours asked for: ``month``, or ``from`` and ``to``; by default the last 30 days of data.

    Raises:
        ValueError: for what cannot be read, or is longer than a year.
    """
    tz = settings.zone_info
    now = int(settings.clock())
    if query.get("month"):
        days = days_of(month_of(query["month"], now, tz), tz)
        return days[0][1], days[-1][2]
    end = instant(query["to"], tz) if query.get("to") else local_midnight(min(now, place.last_end), tz, 1)
    start = instant(query["from"], tz) if query.get("from") else local_midnight(end - 1, tz, 1 - DAYS_SHOWN)
    start, end = start - start % HOUR_S, end + -end % HOUR_S
    if not start < end <= start + LONGEST_S:
        raise ValueError("the period must end after it starts and last a year at most")
    return start, end


@dataclass(frozen=True, slots=True)
class Shape:
    """What a version of a configuration draws of a place: its outline as SVG points, and its rules."""

    version: str
    points: Sequence[str]
    line: bool
    capacity: int | None
    purpose: str
    groups: Sequence[str]


def _groups(classes: Sequence[ObjectClass]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(GROUP_OF[name] for name in classes))


def _points(points: Sequence[Sequence[float]]) -> str:
    return " ".join(f"{round(160 * x, 1)},{round(90 * y, 1)}" for x, y in points)


def shape_of(content: Mapping[str, Any], version: str, place: Place) -> Shape | None:
    """The shape of a place in a configuration's content; None when it is not in it."""
    for line in content.get("lines") or () if place.kind == "line" else ():
        if line["id"] == place.name:
            return Shape(version, (_points(line["points"]),), True, None, "", _groups(line["classes"]))
    for zone in content.get("zones") or () if place.kind != "line" else ():
        if zone["id"] == place.name:
            outlines = ([zone["polygon"]] if zone["polygon"] else []) + list(zone["bays"].values())
            drawn = tuple(_points(one) for one in outlines)
            return Shape(version, drawn, False, zone["capacity"], zone["purpose"], _groups(zone["classes"]))
    return None


def _facts(request: Request, store: Store, place: Place, start: int, end: int) -> dict[str, Any]:
    settings = settings_of(request)
    now = int(settings.clock())
    found = origins(store.quality.runs(key_of(place), start, end))
    low = max(start, place.first_start - place.first_start % HOUR_S)
    high = max(low, min(end, now - now % HOUR_S))
    seen = store.quality.seen_sum(key_of(place), low, high)
    versions = dict.fromkeys(one.config for one in found if one.config)
    shapes = [
        shape_of(store.quality.content(place.device, place.camera, one) or {}, one, place) for one in versions
    ]
    doubled = [one for one in store.quality.doubled(start, end, 2000) if one.place == key_of(place)]
    return {
        "origins": found,
        "account": summed(seen.hours, seen.observed_s, seen.flag_s, low, high),
        "unsynced": seen.unsynced,
        "shapes": [one for one in shapes if one is not None],
        "twice": together(doubled),
        "changes": [
            one for one in changes_of(store, place.device, place.camera, start, end) if not one.first
        ],
        "kept_out": [
            one for one in store.quality.quarantined_sums(start, place.device) if one.camera == place.camera
        ],
    }


def _provenance(request: Request, kinds: Sequence[Kind]) -> Response:
    store, settings, path = store_of(request), settings_of(request), request.path_params
    place = store.records.place(path["device"], path["camera"], path["name"], kinds)
    if place is None:
        return error_page(request, 404)
    status, as_json = 200, request.query_params.get("format") == "json"
    try:
        start, end = period_of(request.query_params, place, settings)
    except ValueError as exc:
        if as_json:
            return problem(400, "bad_query", str(exc))
        status = 400
        start, end = period_of({}, place, settings)
    facts = _facts(request, store, place, start, end)
    if as_json:
        return _as_json(place, start, end, facts)

    def local(at: int) -> str:
        return datetime.fromtimestamp(at, settings.zone_info).strftime("%Y-%m-%dT%H:%M")

    here = f"/{'lines' if place.kind == 'line' else 'zones'}/{place.device}/{place.camera}/{place.name}"
    return page(
        request,
        "provenance.html",
        status,
        error=status != 200,
        place=place,
        here_path=here,
        start=start,
        end=end,
        start_input=local(start),
        end_input=local(end),
        period=f"from={utc_text(start)}&to={utc_text(end)}",
        records=sum(one.records for one in facts["origins"]),
        definitions=("GET", "/definitions") in request.app.state.access,
        **facts,
    )


def _as_json(place: Place, start: int, end: int, facts: Mapping[str, Any]) -> Response:
    """The same for a program: UTC times, seconds."""
    told = facts["account"]
    return JSONResponse(
        {
            "device": place.device,
            "camera": place.camera,
            "line" if place.kind == "line" else "zone": place.name,
            "start": utc_text(start),
            "end": utc_text(end),
            "coverage": None if told.coverage is None else round(told.coverage, 4),
            "observed_s": told.observed_s,
            "flag_s": {name: round(seconds, 3) for name, seconds in told.flag_s.items()},
            "undelivered_s": told.undelivered_s,
            "hours_with_unknown_clock": facts["unsynced"],
            "hours_told_twice": [utc_text(hour.hour) for one in facts["twice"] for hour in one.hours],
            "origins": [
                {
                    "from": utc_text(one.start),
                    "to": utc_text(one.end),
                    "configuration": one.config,
                    "zone_version": one.zone_version or None,
                    "model": one.model,
                    "model_sha256": one.model_sha256,
                    "software": one.software,
                    "interval_s": one.interval_s,
                    "runs": list(one.runs),
                    "records": one.records,
                    "observed_s": round(one.observed_s, 3),
                }
                for one in facts["origins"]
            ],
        }
    )


def zone_provenance(request: Request) -> Response:
    """The origin of a zone's or car park's figures."""
    return _provenance(request, ZONE_KINDS)


def line_provenance(request: Request) -> Response:
    """The origin of a line's figures."""
    return _provenance(request, LINE_KINDS)


ROUTES: Final = (
    Route("GET", "/provenance/zones/{device}/{camera}/{name}", zone_provenance, SEEN),
    Route("GET", "/provenance/lines/{device}/{camera}/{name}", line_provenance, SEEN),
)
