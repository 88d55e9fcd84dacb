"""Sites and what is said of places, for the command line: plain functions over a `Store`, as `server/accounts.py` has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from contract.names import NAME
from server.accounts import CLI_ACTOR
from server.pictures import MOST_BYTES, Picture, read_picture
from server.settings import utc_clock
from server.sites import PlaceDetail, Site, SiteError, check_detail, check_site, key_of
from server.store.base import AuditEntry, Store

NO_SITE: Final = "none"


def _entry(action: str, subject: str, detail: str = "") -> AuditEntry:
    return AuditEntry(int(utc_clock()), CLI_ACTOR, action, subject, detail)


def add_site(store: Store, site: Site) -> Site:
    """Create a site.

    Raises:
        SiteError: when it breaks a rule or is there already.
    """
    check_site(site)
    if not store.sites.add(site, _entry("site.add", site.id, site.label_fr)):
        raise SiteError("taken", f"the site {site.id} exists already; choose another id", site.id)
    return site


def find_site(store: Store, name: str) -> Site:
    """A site that exists.

    Raises:
        SiteError: naming those there are.
    """
    site = store.sites.site(name)
    if site is None:
        known = ", ".join(one.id for one in store.sites.sites()) or "none yet"
        raise SiteError("no_site", f"there is no site {name[:80]!r} (there are: {known})", name)
    return site


def change_site(store: Store, name: str, changes: Mapping[str, Any]) -> Site:
    """Change what is said of a site.

    Raises:
        SiteError: when there is no such site, or a change breaks a rule.
    """
    before = find_site(store, name)
    after = check_site(replace(before, **changes))
    if after != before:
        store.sites.change(after, _entry("site.change", name, ", ".join(sorted(changes))))
    return after


def find_place(store: Store, text: str) -> PlaceDetail:
    """What is said of a place written ``DEVICE/CAMERA/NAME``, with ``/KIND`` where two kinds share the name.

    Raises:
        SiteError: when nothing was delivered under this name, or by two kinds.
    """
    parts = text.split("/")
    written = len(parts) in {3, 4} and all(NAME.match(part) for part in parts)
    found = [
        place
        for place in (store.records.places() if written else ())
        if list(key_of(place)[: len(parts)]) == parts
    ]
    if len(found) > 1:
        kinds = ", ".join(place.kind for place in found)
        raise SiteError("no_place", f"{text[:200]!r} is of several kinds ({kinds}); add /KIND", text)
    if not found:
        raise SiteError(
            "no_place",
            f"nothing was delivered as {text[:200]!r}; write DEVICE/CAMERA/NAME as `parvis server admin site list"
            " --places` has them",
            text,
        )
    key = key_of(found[0])
    return store.sites.details().get(key, PlaceDetail(*key))


def describe(store: Store, before: PlaceDetail, changes: Mapping[str, Any]) -> PlaceDetail:
    """Change what is said of a place; one that goes to another site loses its position on the plan.

    Raises:
        SiteError: when a change breaks a rule or the site does not exist.
    """
    after = replace(before, **changes)
    if after.site != before.site and "x" not in changes:
        after = replace(after, x=None, y=None)
    check_detail(after)
    if after.site is not None:
        find_site(store, after.site)
    if after != before:
        told = ", ".join(f"{name} {getattr(before, name)!r} -> {value!r}" for name, value in changes.items())
        store.sites.describe([after], [_entry("site.place", "/".join(after.key), told)])
    return after


def set_plan(store: Store, name: str, path: Path | None) -> Picture | None:
    """Give a site the plan in a file, or take it away (None).

    Raises:
        SiteError: when the file cannot be read or is no plan, or there is no such site.
    """
    site = find_site(store, name)
    picture = None
    if path is not None:
        try:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as exc:
            raise SiteError("plan_empty", f"{path}: cannot be read ({exc.strerror})", path.name) from exc
        picture = read_picture(data)
    told = f"{picture.media_type} {picture.width} x {picture.height}" if picture else "removed"
    store.sites.set_plan(site.id, picture, _entry("site.plan", site.id, told))
    return picture
