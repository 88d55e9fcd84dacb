"""The calendar of a site or of the town as other parts ask for it: the planner's entries together with the official days.

A site's days are those of the whole town and its own; its academic zone and region give the official ones. Without a site
there are public holidays of the whole country and the town's entries, but no school holidays: no zone is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from server.calendar import Special, forecast_labels, special_days
from server.official_days import official_days
from server.sites import Site, key_of
from server.store.base import Place, Store


def days_for(store: Store, site: str | None, first: date, last: date) -> dict[date, list[Special]]:
    """Every special day within ``[first, last]``, both included, with all that makes it special."""
    known = store.sites.site(site) if site else None
    own = known or Site("town")
    official = official_days(own.school_zone, own.region, first, last)
    return special_days(store.sites.entries(known.id if known else None), official, first, last)


def labels_for(store: Store, site: str | None, first: date, last: date) -> Mapping[date, str]:
    """The days within ``[first, last]`` that are special, one label each: what `server.forecast.History.labels` takes."""
    return forecast_labels(days_for(store, site, first, last))


def labels_for_place(store: Store, place: Place, first: date, last: date) -> Mapping[date, str]:
    """The same for the site that a place belongs to, if it belongs to one."""
    detail = store.sites.details().get(key_of(place))
    return labels_for(store, detail.site if detail else None, first, last)
