"""What is official, out of the events of notices, and which of it another system knows already.

Rules:
1. Events are taken in order, each once; whoever reads what is official takes in first what happened since.
2. A report of another system and a notice of the same kind, as near as `SAME_M` and what is unsure, are the same object: the notice
   stands for both, and is posted nowhere.
"""

from __future__ import annotations

from typing import Final

from server.notices import ENDED, Notice
from server.open311_place import Position, nearest, position
from server.sites import Site
from server.store.base import Store
from server.store.open311_base import Known

AT_ONCE: Final = 500
SAME_M: Final = 25.0
# Nobody can tell us that such a report is over: GeoReport has no call for it.
KNOWN_S: Final = 14 * 86400
KEPT_S: Final = 365 * 86400


class Places:
    """What is said of places and sites, read once for many notices."""

    def __init__(self, store: Store) -> None:
        self.details = store.sites.details()
        self._sites = {own.id: own for own in store.sites.sites()}

    def site(self, notice: Notice) -> Site | None:
        """The site of a notice."""
        return self._sites.get(notice.site) if notice.site else None

    def at(self, notice: Notice) -> Position | None:
        """Where a notice lies."""
        return position(notice, self.details, self.site(notice))


def catch_up(store: Store) -> None:
    """Take in what happened since, and merge what was confirmed with what others told."""
    while events := store.notices.events_after(store.tools.followed(), AT_ONCE):
        notices = {number: store.notices.notice(number) for number in {event.notice for event in events}}
        # Mostly nobody told us of anything, and then there is nothing to compare with.
        since = min(event.at for event in events) - KNOWN_S
        told_us = any(own.notice is None for own in store.tools.known(since))
        for event in events if told_us else ():
            own = notices[event.notice]
            if own is not None and event.after == "confirmed" and event.before != "confirmed":
                merge(store, own, event.at)
        told = [(event, own.kind if (own := notices[event.notice]) else None) for event in events]
        store.tools.tell(told)


def merge(store: Store, notice: Notice, now: int) -> Known | None:
    """The report of another system that a notice is of; noted, where it is found just now."""
    known = store.tools.known_as(notice.id)
    if known is not None:
        return known
    place = Places(store).at(notice)
    if place is None:
        return None
    free = [own for own in store.tools.known(now - KNOWN_S) if own.notice is None and own.kind == notice.kind]
    found = nearest(place, SAME_M, free, lambda own: (own.lon, own.lat))
    if found is None:
        return None
    store.tools.merge(found[0].id, notice.id)
    return found[0]


def same_notice(store: Store, known: Known) -> Notice | None:
    """The open official notice that a report of another system is of."""
    told = store.tools.told(
        since=0, until=known.received_at + 1, kinds=(known.kind,), status="open", limit=1000
    )
    known_places, places = Places(store), list[tuple[Notice, Position]]()
    for row in told:
        own = store.notices.notice(row.notice)
        place = known_places.at(own) if own is not None and own.state not in ENDED else None
        if own is not None and place is not None:
            places.append((own, place))
    here = Position(known.lon, known.lat, 0.0, "object")
    near = [
        (own, found[1])
        for own, place in places
        if (found := nearest(here, SAME_M + place.uncertain_m, [place], lambda at: (at.lon, at.lat)))
    ]
    return min(near, key=lambda each: each[1])[0] if near else None
