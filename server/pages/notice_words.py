"""What the pages of notices share: filters out of a query, names of places, the frame of a camera with its boxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final, get_args
from urllib.parse import urlencode

from fastapi import Request

from contract.names import NAME
from server.access import store_of
from server.notices import ENDED, OPEN, CaseKind, Held, Notice, NoticeState, Severity
from server.pages.presence_cells import H, Outline, W, outlines
from server.pages.render import texts_of
from server.sites import Details, place_label, site_label
from server.store.base import Store
from server.store.notices_base import Wanted

STATES: Final[tuple[NoticeState, ...]] = get_args(NoticeState)
KINDS: Final[tuple[str, ...]] = get_args(CaseKind)
SEVERITIES: Final[tuple[str, ...]] = get_args(Severity)
REASONS: Final[tuple[str, ...]] = get_args(Held)
ACTIVE: Final[frozenset[NoticeState]] = frozenset(OPEN) - {"new"}
# What the board can be asked for besides one state.
VIEWS: Final[Mapping[str, frozenset[NoticeState]]] = {"active": ACTIVE, "ended": ENDED, "all": frozenset()}
# The site filter's value for places without one; no site is called so.
NO_SITE: Final = "-"


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for: as a store wants it, and as it was written (without what was left out)."""

    wanted: Wanted
    written: Mapping[str, str] = field(default_factory=dict)

    @property
    def view(self) -> str:
        """A state, or one of `VIEWS`."""
        return self.written.get("state", "active")

    def query(self, **changes: str | None) -> str:
        """The filters as a query with some of them replaced, or left out where None; with its ``?`` unless empty."""
        kept = {name: value for name, value in {**self.written, **changes}.items() if value}
        return f"?{urlencode(kept)}" if kept else ""


def _one_of(query: Mapping[str, str], name: str, known: Iterable[str]) -> str | None:
    value = query.get(name, "")
    if value and value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)} (got {value[:40]!r})")
    return value or None


def filters_of(query: Mapping[str, str]) -> Filters:
    """The filters of a query: ``state`` (one, or a view), ``site``, ``kind``, ``severity``, ``camera`` (device/camera), ``held``.

    Raises:
        ValueError: naming the filter, what it may be and what was found.
    """
    view = _one_of(query, "state", (*VIEWS, *STATES)) or "active"
    states = VIEWS[view] if view in VIEWS else frozenset({view})
    site = query.get("site", "")
    if site and site != NO_SITE and not NAME.match(site):
        raise ValueError(f"site must be a site's id or {NO_SITE} (got {site[:40]!r})")
    device, slash, camera = query.get("camera", "").partition("/")
    if query.get("camera") and not (slash and NAME.match(device) and NAME.match(camera)):
        raise ValueError(f"camera must be written DEVICE/CAMERA (got {query['camera'][:40]!r})")
    held: Any = _one_of(query, "held", REASONS)
    kind: Any = _one_of(query, "kind", KINDS)
    grave: Any = _one_of(query, "severity", SEVERITIES)
    names = ("state", "site", "kind", "severity", "camera", "held")
    return Filters(
        Wanted(
            site=None if not site else "" if site == NO_SITE else site,
            states=states,  # type: ignore[arg-type]
            kind=kind,
            severity=grave,
            device=device or None,
            camera=camera or None,
            held=held,
        ),
        {name: query[name] for name in names if query.get(name)},
    )


class Names:
    """What people call places and sites, looked up once a request."""

    def __init__(self, request: Request) -> None:
        store: Store = store_of(request)
        self._language = texts_of(request).language
        self._details: Details = store.sites.details()
        self.sites = {site.id: site_label(site, self._language) for site in store.sites.sites()}

    def place(self, own: Notice) -> str:
        """A notice's zone."""
        key: Any = SimpleNamespace(device=own.device, camera=own.camera, name=own.zone, kind="zone")
        return place_label(self._details, key, self._language)

    def site(self, site: str | None) -> str:
        """A site; empty for none."""
        return self.sites.get(site, site) if site else ""

    def where(self, own: Notice) -> str:
        """A notice's zone and site, without saying the site twice."""
        place, site = self.place(own), self.site(own.site)
        return place if not site or site in place else f"{place}, {site}"


@dataclass(frozen=True, slots=True)
class Box:
    """A box on the frame of a camera, in its units, with what it says and where it leads."""

    x: float
    y: float
    width: float
    height: float
    label: str
    number: int | None = None
    href: str = ""
    severity: str = ""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame of a camera: outlines of its zones, and boxes. Never a picture: there is none."""

    device: str
    camera: str
    outlines: Sequence[Outline]
    boxes: Sequence[Box]


def box(one: Any, label: str, **more: Any) -> Box:
    """The box of a notice or case, at least large enough to be seen."""
    width, height = max(one.w, 0.012) * W, max(one.h, 0.02) * H
    left, top = one.x * W - width / 2, one.y * H - height / 2
    return Box(round(left, 2), round(top, 2), round(width, 2), round(height, 2), label, **more)


def frame(store: Store, device: str, camera: str, boxes: Sequence[Box]) -> Frame:
    """The frame of a camera as its newest configuration draws it."""
    return Frame(device, camera, outlines(store.records.config(device, camera)), boxes)
