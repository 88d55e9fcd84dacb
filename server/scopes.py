"""What a report is about: one place, or the places of a camera, of a box, or all. Pure.

A scope is written as the path of names: ``box-a/north/lawn``, ``box-a/north``, ``box-a``, or ``all``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from contract.names import NAME
from server.sites import Details, Site, site_label
from server.sites import label as label_in
from server.store.base import Place

ALL: Final = "all"
# A report is read by people, and its figures come from the database in one go.
MOST: Final = 16


def checked(scope: str) -> str:
    """The scope as it is.

    Raises:
        ValueError: for a text that cannot be one.
    """
    parts = scope.split("/")
    if len(parts) > 3 or not all(NAME.match(part) for part in parts):
        raise ValueError(
            f"scope must be written device/camera/place, device/camera, device or {ALL}, found {scope[:80]!r}"
        )
    return scope


def holds(scope: str, place: Place) -> bool:
    """Whether a place belongs to a scope."""
    own = (place.device, place.camera, place.name)
    parts = tuple(scope.split("/"))
    return scope == ALL or own[: len(parts)] == parts


def choices(places: Iterable[Place]) -> list[str]:
    """Every scope that these places offer, wider ones before those inside them."""
    found = {ALL}
    for place in places:
        found |= {place.device, f"{place.device}/{place.camera}", path(place)}
    return sorted(found, key=lambda scope: (scope != ALL, scope.split("/")))


def label(scope: str, details: Details, sites: Mapping[str, Site], language: str) -> str:
    """What people call a scope, else its path; a box or camera is called by its site where all its places are of one.

    A name that another box (or camera) has too is followed by its own.
    """
    parts = scope.split("/")
    own = [one for one in details.values() if list(one.key[: len(parts)]) == parts]
    written = " / ".join(parts)
    if len(parts) == 3:
        return next((label_in(one, language, written) for one in own), written)
    found = {one.site for one in own}
    site = sites.get(found.pop() or "") if len(found) == 1 else None
    if site is None:
        return written
    called = site_label(site, language)
    if len(parts) == 2:
        return f"{called} / {parts[1]}"
    boxes = {one.device for one in details.values() if one.site == site.id}
    return called if len(boxes) == 1 else f"{called} ({parts[0]})"


def path(place: Place) -> str:
    """The scope of one place."""
    return f"{place.device}/{place.camera}/{place.name}"
