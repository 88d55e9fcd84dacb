"""What Open311 says of a notice in words: made of what was measured and of labels, never of what somebody wrote about it."""

from __future__ import annotations

from server.notices import Notice
from server.open311_place import Position
from server.open311_telling import Places
from server.pages.texts import Texts
from server.reports import Kind
from server.sites import PlaceDetail, label, site_label
from server.store.base import Store


def described(notice: Notice, place: Position | None, t: Texts) -> str:
    """What lies there, how large it is, and how well the place is known."""
    said = [t(f"o311.said.{notice.kind}")]
    if notice.size_m is not None:
        said.append(t("o311.said.size", size=t.number(notice.size_m)))
    said.append(t("o311.said.severity", severity=t(f"o311.severity.{notice.severity}")))
    if place is not None and place.source != "object":
        said.append(t(f"o311.said.place.{place.source}", metres=t.number(place.uncertain_m, 0)))
    return " ".join(said)


def where_said(places: Places, notice: Notice, t: Texts) -> str:
    """Place and site, as people call them."""
    kinds: tuple[Kind, ...] = ("zone", "parking", "line")
    own = next(
        (d for kind in kinds if (d := places.details.get((notice.device, notice.camera, notice.zone, kind)))),
        None,
    )
    detail = own or PlaceDetail(notice.device, notice.camera, notice.zone, "zone")
    site = places.site(notice)
    parts = [label(detail, t.language, notice.zone), site_label(site, t.language) if site else ""]
    return ", ".join(filter(None, parts))


def attributes_said(notice: Notice) -> list[tuple[str, str]]:
    """The attributes of a request, by their codes."""
    size = "" if notice.size_m is None else f"{notice.size_m:g}"
    return [("severity", notice.severity), ("size_m", size), ("zone", notice.zone)]


def to_post(store: Store, notice: Notice, place: Position, mark: str, t: Texts) -> str:
    """The description of a request that we make elsewhere; it ends with our mark."""
    seen = t(
        "o311.post.seen",
        since=t.time(notice.first_seen, offset=True),
        where=where_said(Places(store), notice, t),
    )
    return " ".join((described(notice, place, t), seen, t("o311.post.confirmed"), f"[{mark}]"))
