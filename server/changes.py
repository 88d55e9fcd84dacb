"""What differs between two configurations of a camera, in names that a page puts into words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_OF_ZONE: Final = (("polygon", "redrawn"), ("bays", "redrawn"), ("kind", "redrawn"), ("capacity", "capacity"))
_ALSO: Final = (("purpose", "purpose"), ("classes", "classes"))


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that changed: what, of which zone or line ("" for the camera), from what to what where that is short."""

    what: str
    name: str = ""
    before: str = ""
    after: str = ""


def _named(content: Mapping[str, Any], what: str) -> dict[str, Mapping[str, Any]]:
    return {one["id"]: one for one in content.get(what) or ()}


def _short(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else "-" if value is None else str(value)


def _zones(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    was, now = _named(before, "zones"), _named(after, "zones")
    found = [Difference("zone_added", name) for name in sorted(now.keys() - was.keys())]
    found += [Difference("zone_removed", name) for name in sorted(was.keys() - now.keys())]
    for name in sorted(was.keys() & now.keys()):
        one, other = was[name], now[name]
        if any(one.get(part) != other.get(part) for part, what in _OF_ZONE if what == "redrawn"):
            found.append(Difference("zone_redrawn", name))
        for part, what in (_OF_ZONE[-1], *_ALSO):
            if one.get(part) != other.get(part):
                found.append(Difference(what, name, _short(one.get(part)), _short(other.get(part))))
    return found


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """What changed between two contents (``zones``, ``lines``, ``ground``, ``interval_s`` as on the wire)."""
    was, now = _named(before, "lines"), _named(after, "lines")
    found = _zones(before, after)
    found += [Difference("line_added", name) for name in sorted(now.keys() - was.keys())]
    found += [Difference("line_removed", name) for name in sorted(was.keys() - now.keys())]
    found += [
        Difference("line_redrawn", name) for name in sorted(was.keys() & now.keys()) if was[name] != now[name]
    ]
    if before.get("ground") != after.get("ground"):
        found.append(Difference("ground"))
    if before.get("interval_s") != after.get("interval_s"):
        found.append(
            Difference("interval", "", _short(before.get("interval_s")), _short(after.get("interval_s")))
        )
    return found
