"""A server of ours with a confirmed notice, and a town's Open311 server beside it: what the tests of both sides share."""

from __future__ import annotations

import pytest

from server.notice_desk import turn
from server.notices import Notice
from server.open311_http import GuardedHttp
from server.open311_keys import keep_key
from server.open311_office import Office
from server.sites import PlaceDetail, Site
from server.store.base import AuditEntry
from server.store.notices_base import Wanted
from server.store.open311_base import Endpoint
from tests.server.build import NOON, anomaly, config, zone_config
from tests.server.open311_stub import Town, serving

LAT, LON = 48.8566, 2.3522
LANE = [[0.0, 0.5], [1.0, 0.5], [1.0, 1.0], [0.0, 1.0]]
LANES = [f"lane-{number}" for number in range(40)]


def audit(site, who="planner-1"):
    return AuditEntry(int(site.clock()), who, "", "", "")


def settle(site, *, lon=None, lat=None):
    """One operational lane, others for further objects, and one of statistics, on a square."""
    zones = [zone_config(name, "road", polygon=LANE) for name in ("lane", *LANES)]
    site.post(
        [config(0, NOON - 7200, [*zones, zone_config("quiet", "road", purpose="statistics", polygon=LANE)])]
    )
    site.store.sites.add(Site("square", "Place du marché", "Market square", lon=lon, lat=lat), audit(site))
    named = [PlaceDetail("box-a", "north", name, "zone", "square") for name in ("lane", *LANES)]
    site.store.sites.describe(named, [audit(site)])


def reported(site, number=1, *, zone="lane", lon=LON, lat=LAT, **changes) -> Notice:
    """A case that came in, as its notice."""
    before = {own.id for own in site.store.notices.board(Wanted(), 10_000)}
    at = int(site.clock()) - 60
    values = {"case": f"{number:016x}", "zone": zone, "lon": lon, "lat": lat, "size_m": 0.6} | changes
    answer = site.post([anomaly(1, at, seq=9000 + number, **values)]).json()
    assert answer["rejected"] == []
    turn(site.store, site.app.state.settings)
    (own,) = [own for own in site.store.notices.board(Wanted(), 10_000) if own.id not in before]
    return own


def confirmed(site, number=1, **changes) -> Notice:
    """A notice that a person confirmed."""
    own = reported(site, number, **changes)
    return site.store.notices.move(own.id, own.version, "confirmed", audit(site))


def moved(site, notice, after, who="crew-1"):
    own = site.store.notices.notice(notice.id)
    return site.store.notices.move(own.id, own.version, after, audit(site, who))


def endpoint(url, **changes) -> Endpoint:
    values = {"id": 0, "site": "square", "url": url, "jurisdiction_id": "", "form": "", "radius_m": 25, "days": 14,
              "codes": {"debris": "001", "stopped_vehicle": "002"}, "not_ours": ("pas à nous",), "extra": {},
              "language": "fr", "private": True, "key_on_get": False, "created_at": 0, "created_by": ""} | changes  # fmt: skip
    return Endpoint(**values)


def connect(site, url, key="sesame", where="square", **changes) -> int:
    """Post a site's notices to a server."""
    number = site.store.endpoints.add(endpoint(url, site=where, **changes), audit(site))
    keep_key(site.app.state.settings.data_dir, number, key)
    site.store.notices.cursor(f"open311:{number}")
    return number


def office(site, **changes) -> Office:
    return Office(site.store, site.app.state.settings, GuardedHttp(**({"timeout_s": 5.0} | changes)))


def run(site, own, seconds=0):
    """Let time pass and do what is due."""
    site.clock.now += seconds
    own.turn()


def links(site):
    return site.store.endpoints.links(100)


@pytest.fixture
def square(site):
    settle(site)
    return site


@pytest.fixture
def town(site):
    return Town(site.clock)


@pytest.fixture
def url(town):
    with serving(town) as address:
        yield address


@pytest.fixture
def ready(square, town, url):
    """Connected and asked once, so that what follows is about notices."""
    connect(square, url)
    own = office(square)
    run(square, own)
    town.log.clear()
    return square, own
