"""What a report is about: one place, or the places of a camera, of a box, or all. Pure.

A scope is written as the path of names: ``box-a/north/lawn``, ``box-a/north``, ``box-a``, or ``all``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from contract.names import NAME
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


def path(place: Place) -> str:
    """The scope of one place."""
    return f"{place.device}/{place.camera}/{place.name}"
