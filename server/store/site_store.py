"""What a store can do with sites, plans, place details and the planner's calendar. Every write is one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from server.calendar import Entry
from server.pictures import Picture
from server.sites import PlaceDetail, PlaceKey, Site

if TYPE_CHECKING:
    from server.store.base import AuditEntry


class Sites(Protocol):
    """Sites, their plans, what is said of places, and the calendar."""

    def add(self, site: Site, audit: AuditEntry) -> bool:
        """Create a site; False when the id is taken."""

    def change(self, site: Site, audit: AuditEntry) -> bool:
        """Replace what is said of a site; its plan stays. False when there is no such site."""

    def remove(self, site: str, audit: AuditEntry) -> bool:
        """Forget a site, its plan and its calendar; its places stay and belong to none. False when there is none."""

    def sites(self) -> list[Site]:
        """All sites, by id."""

    def site(self, site: str) -> Site | None:
        """One site."""

    def set_plan(self, site: str, picture: Picture | None, audit: AuditEntry) -> bool:
        """Give a site a plan, or take it away; False when there is no such site."""

    def plan(self, site: str) -> Picture | None:
        """A site's plan."""

    def details(self) -> dict[PlaceKey, PlaceDetail]:
        """What is said of places, by their keys."""

    def describe(self, details: Iterable[PlaceDetail], audit: Iterable[AuditEntry]) -> bool:
        """Replace what is said of these places, all of it or nothing; False when a site does not exist."""

    def observed(self, since: int, until: int) -> dict[PlaceKey, float]:
        """Observed seconds of every place in the whole hours that begin in ``[since, until)``."""

    def in_quarantine(self) -> int:
        """The number of records kept out of the reports."""

    def entries(self, site: str | None) -> list[Entry]:
        """The calendar of the whole town and, if one is named, of a site, by first day."""

    def add_entries(self, entries: Iterable[Entry], audit: AuditEntry) -> int:
        """Add to the calendar, all of it or nothing, leaving out what is there already; the number added.

        Raises:
            StoreError: when a site does not exist.
        """

    def replace_entry(self, entry: Entry, audit: AuditEntry) -> bool:
        """Replace the entry with this id; False when there is none."""

    def remove_entry(self, entry_id: int, audit: AuditEntry) -> bool:
        """Forget an entry; False when there is none."""
