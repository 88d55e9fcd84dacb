"""The latest state of every place as its purpose allows, and where it stands on a plan or map; for the overview and sites."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from fastapi import Request

from contract.names import ClassGroup
from server.access import NOTICES, session_of, settings_of, store_of
from server.api.reports import reader_of
from server.attention import FRESH_S, Concern, Seen, camera_concern, concerns, window
from server.fullness import FULL, NEARLY, TINY
from server.pages.reports import href
from server.pages.texts import NO_DATA, Texts
from server.reading import View
from server.reports import Bin
from server.sites import PlaceDetail, PlaceKey, Site, key_of, place_label, site_label

# Full and nearly full as `server.fullness` has it; unseen: nothing that may be shown, or nothing fresh.
Level = Literal["unseen", "seen", "nearly", "full"]
PLAN_W: Final = 1000.0


@dataclass(frozen=True, slots=True)
class State:
    """One place now: its labels, its last figures, the occupancy rate of all classes together, the day's coverage."""

    view: View
    detail: PlaceDetail
    label: str
    href: str
    latest: tuple[tuple[ClassGroup, Bin], ...]
    rate: float | None
    coverage: float | None
    level: Level

    @property
    def key(self) -> PlaceKey:
        """What the place is known by."""
        return self.detail.key


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on a plan or map: its number in the table, a short figure, and where (plan units, or degrees)."""

    number: int
    state: State
    figure: str
    x: float
    y: float
    left: bool


def _rate(latest: Sequence[tuple[ClassGroup, Bin]]) -> float | None:
    """Of the bays, or of all classes that a zone counts together."""
    rates = [one.rate for _, one in latest if one.rate is not None]
    return sum(rates) if rates else None


def level_of(latest: Sequence[tuple[ClassGroup, Bin]], rate: float | None, age_s: float) -> Level:
    """How full a place is; a figure older than an hour says nothing of now."""
    if age_s > FRESH_S or not any(one.observed_s > 0 for _, one in latest):
        return "unseen"
    if rate is None or rate < NEARLY - TINY:
        return "seen"
    return "full" if rate >= FULL - TINY else "nearly"


def states_of(request: Request, texts: Texts) -> list[State]:
    """Every place, by label."""
    reader, store, now = reader_of(request), store_of(request), int(settings_of(request).clock())
    details = store.sites.details()
    observed = store.sites.observed(*window(now, 0))
    found = []
    for view in reader.views():
        key = key_of(view.place)
        latest = reader.latest_bins(view)
        rate = _rate(latest)
        since, until = window(now, view.place.first_start)
        coverage = min(1.0, observed.get(key, 0.0) / (until - since)) if until > since else None
        age = now - (view.last_end or 0) - (now - view.until)
        found.append(
            State(
                view,
                details.get(key, PlaceDetail(*key)),
                place_label(details, view.place, texts.language),
                href(view),
                latest,
                rate,
                coverage,
                level_of(latest, rate, age),
            )
        )
    return sorted(found, key=lambda one: (one.view.place.kind == "line", one.label.casefold(), one.key))


def figure(state: State, texts: Texts) -> str:
    """What a mark has room for: bays taken of all, the number present, or crossings of the last interval."""
    if state.level == "unseen":
        return NO_DATA
    one = state.latest[0][1]
    if state.view.place.kind == "line":
        moves = None if one.entries is None or one.exits is None else one.entries + one.exits
        return texts.number(moves, 0)
    if one.mean is None:
        return NO_DATA
    if state.view.place.kind == "parking" and one.rate:
        return f"{texts.number(one.mean, 0)}/{texts.number(one.mean / one.rate, 0)}"
    return texts.number(one.mean, 0 if one.mean >= 10 else 1)


def marks_on_plan(states: Iterable[tuple[int, State]], site: Site, texts: Texts) -> list[Mark]:
    """The numbered places that have a position on the site's plan, in units of a plan ``PLAN_W`` wide."""
    if site.plan is None:
        return []
    height = PLAN_W * site.plan.height / site.plan.width
    return [
        Mark(
            number,
            one,
            figure(one, texts),
            round(one.detail.x * PLAN_W, 1),
            round(one.detail.y * height, 1),
            one.detail.x > 0.8,
        )
        for number, one in states
        if one.detail.x is not None and one.detail.y is not None
    ]


def attention(request: Request, states: Sequence[State]) -> list[Concern]:
    """What to look at first; boxes that were revoked are nobody's concern any more."""
    store, now = store_of(request), settings_of(request).clock()
    revoked = {device.id for device in store.accounts.devices() if device.revoked_at is not None}
    cameras = [
        camera_concern(one.device, one.camera, one.last_received, one.health, now)
        for one in store.records.cameras()
        if one.device not in revoked
    ]
    seen = [
        # The delay of a statistics zone makes no figure stale.
        Seen(
            one.key,
            one.rate,
            None if one.view.last_end is None else one.view.last_end + int(now) - one.view.until,
            one.coverage,
        )
        for one in states
        if one.key[0] not in revoked
    ]
    session = session_of(request)
    crew = session is not None and session.user.role in NOTICES.roles
    return concerns(cameras, seen, store.sites.in_quarantine(), now, store.notices.waiting() if crew else 0)


def site_names(sites: Iterable[Site], texts: Texts) -> Mapping[str, str]:
    """The label of every site by its id."""
    return {site.id: site_label(site, texts.language) for site in sites}
