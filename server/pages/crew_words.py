"""A notice in words, for who is not logged in: letters, the page behind their links, the feed. No person, no picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from server.notices import Notice
from server.pages.texts import Texts
from server.sites import PlaceDetail, PlaceKey, Site, place_label, site_label
from server.store.base import Store

MAP: Final = "https://www.openstreetmap.org/?mlat={lat:.6f}&mlon={lon:.6f}#map=19/{lat:.6f}/{lon:.6f}"


@dataclass(frozen=True, slots=True)
class About:
    """What is said of a notice: its place, and facts as pairs of a label and a text."""

    kind: str
    place: str
    facts: tuple[tuple[str, str], ...]
    map_link: str


@dataclass(frozen=True, slots=True)
class Names:
    """What people call places and sites."""

    details: Mapping[PlaceKey, PlaceDetail]
    sites: Mapping[str, Site]


def names_of(store: Store) -> Names:
    """The names as they are now."""
    return Names(store.sites.details(), {site.id: site for site in store.sites.sites()})


def _third(value: float) -> int:
    return min(2, max(0, int(value * 3)))


def in_picture(x: float, y: float, t: Texts) -> str:
    """Where something stands in the camera's picture: ``on the left, in front``."""
    return f"{t(f'crew.across.{_third(x)}')}, {t(f'crew.deep.{_third(y)}')}"


def on_plan(x: float, y: float, t: Texts) -> str:
    """Where a place is on its site's plan: ``top right``."""
    return t(f"crew.plan.{_third(y)}{_third(x)}")


def about(names: Names, notice: Notice, t: Texts) -> About:
    """What is said of a notice."""
    known = names.details.get((notice.device, notice.camera, notice.zone, "zone"))
    own = known or PlaceDetail(notice.device, notice.camera, notice.zone, "zone")
    site = names.sites.get(notice.site or "")
    zone = place_label(names.details, own, t.language)
    place = f"{site_label(site, t.language)} / {zone}" if site else f"{notice.device} / {zone}"
    facts = [(t("crew.where"), f"{place} ({t('crew.camera', name=notice.camera)})")]
    facts.append((t("crew.spot"), in_picture(notice.x, notice.y, t)))
    if known and known.x is not None and known.y is not None:
        facts.append((t("crew.on_plan"), on_plan(known.x, known.y, t)))
    size = (
        t("crew.size", size=t.number(notice.size_m, 1)) if notice.size_m is not None else t("crew.size.none")
    )
    kind = t(f"crew.kind.{notice.kind}")
    facts.append((t("crew.what"), f"{kind}, {size}"))
    facts.append((t("crew.severity"), t(f"crew.severity.{notice.severity}")))
    facts.append((t("crew.first"), t.time(notice.first_seen)))
    facts.append((t("crew.last"), t.time(notice.last_seen)))
    facts.append((t("crew.sure"), t("crew.sure.text", share=t.percent(notice.confidence), n=notice.cases)))
    link = (
        MAP.format(lat=notice.lat, lon=notice.lon)
        if notice.lat is not None and notice.lon is not None
        else ""
    )
    return About(kind, place, tuple(facts), link)
