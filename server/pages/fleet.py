"""The boxes and their cameras: which deliver, what is wrong and what to do about it; and one box over a week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from server.access import FLEET, Route, settings_of, store_of
from server.coverage import HOUR_S, Account, Hour, account, without_gap_since
from server.fleet import LATE_S, LOW_COVERAGE, Condition, Problem, attention, problems
from server.pages.history import Chart, cover_chart, health_charts, midnights
from server.pages.render import error_page, page
from server.settings import Settings
from server.store.base import CameraState, Device, Place, Store
from server.store.quality_base import Configured, HealthHour, PlaceKey

DAY_S: Final = 86400
WEEK_S: Final = 7 * DAY_S
# A week of hours for each: pages stay below 20,000 rows however many cameras there are.
SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Row:
    """One camera of a box, or a box that has sent nothing of any camera yet."""

    device: Device
    camera: str
    state: CameraState | None
    configured: Configured | None
    found: Sequence[Problem]
    day: float | None

    @property
    def health(self) -> Mapping[str, Any]:
        """Its last words, as on the wire; empty before the first."""
        return (self.state.health if self.state else None) or {}

    @property
    def delivers(self) -> bool:
        """Whether figures come."""
        return not self.device.revoked_at and not any(
            p.weight == 3 and p.name != "doubled" for p in self.found
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """How a camera saw the last week: what became of the time, its chart, and since when no hour is missing."""

    week: Account
    chart: Chart
    since: int | None
    from_start: bool


def epoch(text: Any) -> int | None:
    """Seconds since 1970 of a wire time, or None."""
    return int(datetime.fromisoformat(text).timestamp()) if isinstance(text, str) else None


def key_of(place: Place) -> PlaceKey:
    """What the store knows a place by."""
    return place.device, place.camera, place.name, place.kind


def watched(places: Sequence[Place]) -> dict[tuple[str, str], Place]:
    """For each camera the place that speaks for it: the one that told last. All see the same frames."""
    found: dict[tuple[str, str], Place] = {}
    for place in places:
        known = found.get((place.device, place.camera))
        if known is None or place.last_end > known.last_end:
            found[place.device, place.camera] = place
    return found


def window(place: Place | None, end: int, length_s: int) -> int:
    """The start of the whole hours up to ``end``, not before the place first told anything."""
    first = end if place is None else place.first_start - place.first_start % HOUR_S
    return min(end, max(end - length_s, first))


def _rows(store: Store, now: int) -> list[Row]:
    end = now - now % HOUR_S
    places = watched(store.records.places())
    doubled = {one.place[:2] for one in store.quality.doubled(now - 2 * DAY_S, now + HOUR_S, 500)}
    kept_out: dict[str, int] = {}
    for sum_ in store.quality.quarantined_sums(now - 2 * DAY_S):
        kept_out[sum_.device] = kept_out.get(sum_.device, 0) + sum_.records
    states = store.records.cameras()
    configured = {(one.device, one.camera): one for one in store.quality.latest_configured()}
    rows = []
    for device in store.accounts.devices():
        own: list[CameraState | None] = [state for state in states if state.device == device.id]
        for state in own or [None]:
            camera = state.camera if state else ""
            place = places.get((device.id, camera))
            start = window(place, end, DAY_S)
            day = None
            if place is not None and start < end:
                day = min(1.0, store.quality.observed(key_of(place), start, end) / (end - start))
            found = problems(
                Condition(
                    now=now,
                    created_at=device.created_at,
                    last_received=device.last_received,
                    last_end=state.last_end if state else None,
                    interval_s=place.interval_s if place else 60,
                    health=state.health if state else None,
                    coverage=day,
                    doubled=(device.id, camera) in doubled,
                    quarantined=kept_out.get(device.id, 0),
                    revoked=device.revoked_at is not None,
                )
            )
            rows.append(Row(device, camera, state, configured.get((device.id, camera)), found, day))
    return sorted(rows, key=lambda row: (attention(list(row.found)), row.device.id, row.camera))


def _seen(store: Store, place: Place | None, end: int) -> Seen | None:
    start = window(place, end, WEEK_S)
    if place is None or start >= end:
        return None
    hours = store.quality.seen(key_of(place), start, end)
    since = without_gap_since(hours, start, end)
    return Seen(account(hours, start, end), cover_chart(hours, end - WEEK_S, end), since, since == start)


def fleet(request: Request) -> Response:
    """Every camera, what needs attention first."""
    store, now = store_of(request), int(settings_of(request).clock())
    rows = _rows(store, now)
    try:
        first = max(0, int(request.query_params.get("from", "0"), 10))
    except ValueError:
        return error_page(request, 400)
    shown = rows[first : first + SHOWN]
    places, end = watched(store.records.places()), now - now % HOUR_S
    return page(
        request,
        "fleet.html",
        rows=shown,
        seen=[_seen(store, places.get((row.device.id, row.camera)), end) for row in shown],
        everything=len(rows),
        boxes=len({row.device.id for row in rows}),
        delivering=sum(row.delivers for row in rows),
        troubled=sum(bool(row.found) for row in rows),
        first=first,
        size=SHOWN,
        epoch=epoch,
        low=LOW_COVERAGE,
        late_s=LATE_S,
    )


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera of a box over a week: its row, how it saw, and its health by the hour."""

    row: Row
    seen: Seen | None
    place: Place | None
    charts: Sequence[Chart]
    hours: Sequence[tuple[int, Hour | None, HealthHour | None]]


def _camera(store: Store, settings: Settings, row: Row, place: Place | None) -> Camera:
    now = int(settings.clock())
    end = now - now % HOUR_S
    start = end - WEEK_S
    health = [
        one for one in store.quality.health_hours(row.device.id, start, end) if one.camera == row.camera
    ]
    told = store.quality.seen(key_of(place), start, end) if place else []
    by_hour = {one.hour: one for one in told}
    known = {one.hour: one for one in health}
    hours = [(at, by_hour.get(at), known.get(at)) for at in range(start, end, HOUR_S)]
    return Camera(row, _seen(store, place, end), place, health_charts(health, start, end), hours)


def box(request: Request) -> Response:
    """One box: what is wrong with it, and its cameras over the last seven days."""
    store, settings = store_of(request), settings_of(request)
    rows = [
        row for row in _rows(store, int(settings.clock())) if row.device.id == request.path_params["device"]
    ]
    if not rows:
        return error_page(request, 404)
    places = watched(store.records.places())
    cameras = [
        _camera(store, settings, row, places.get((row.device.id, row.camera)))
        for row in sorted(rows, key=lambda row: row.camera)
    ]
    now = int(settings.clock())
    end = now - now % HOUR_S
    return page(
        request,
        "box.html",
        device=rows[0].device,
        cameras=cameras,
        days=midnights(end - WEEK_S, end, settings.zone_info),
        start=end - WEEK_S,
        end=end,
        epoch=epoch,
        low=LOW_COVERAGE,
    )


ROUTES: Final = (
    Route("GET", "/fleet", fleet, FLEET),
    Route("GET", "/fleet/{device}", box, FLEET),
)
