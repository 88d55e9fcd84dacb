"""What people call places, wherever the server names one: JSON, files, titles and letters."""

from __future__ import annotations

import pytest

from server import scopes
from server.outlook import size_of
from server.reading import Reader
from server.reporting import build
from server.schedule import named
from server.sites import PlaceDetail, Site
from server.store.base import AuditEntry
from tests.server.build import NOON, config, parking, zone, zone_config

SAID = AuditEntry(NOON, "t", "t", "t")
LAWN = PlaceDetail("box-a", "north", "lawn", "zone", "square", "Pelouse", "Lawn")
GATE = PlaceDetail("box-a", "north", "gate", "line", "square", "", "Gate")
SQUARE = Site("square", "Place du Marché", "Market square")


@pytest.fixture
def town(site):
    site.post([config(0, NOON - 7200, [zone_config("lawn")]), zone(1, NOON - 7200), parking(2, NOON - 7200)])
    site.store.sites.add(SQUARE, SAID)
    site.store.sites.describe([LAWN], [SAID])
    return site


def test_json_names_places_and_sites_beside_what_it_had(town):
    zones = {one["zone"]: one for one in town.client("planner").get("/api/v1/zones").json()["zones"]}
    lawn, p1 = zones["lawn"], zones["p1"]
    assert (lawn["label_fr"], lawn["label_en"]) == ("Pelouse", "Lawn")
    assert lawn["site"] == {"id": "square", "label_fr": "Place du Marché", "label_en": "Market square"}
    # Nobody said what the other one is called: null, and not an empty name.
    assert (p1["label_fr"], p1["label_en"], p1["site"]) == (None, None, None)
    assert {"device", "camera", "kind", "purpose", "classes", "capacity", "interval_s", "last_end"} < set(
        lawn
    )
    series = town.series("zones/box-a/north/lawn").json()
    assert (series["label_en"], series["site"]["id"], series["zone"]) == ("Lawn", "square", "lawn")


def details(*more):
    return {one.key: one for one in (LAWN, GATE, *more)}


SITES = {"square": SQUARE}


@pytest.mark.parametrize(
    ("scope", "french", "english"),
    [
        ("box-a/north/lawn", "Pelouse", "Lawn"),
        ("box-a/north/gate", "Gate", "Gate"),
        ("box-a/north/none", "box-a / north / none", "box-a / north / none"),
        ("box-a/north", "Place du Marché / north", "Market square / north"),
        ("box-a", "Place du Marché", "Market square"),
        ("box-b", "box-b", "box-b"),
    ],
)
def test_a_scope_is_called_as_people_call_it(scope, french, english):
    assert scopes.label(scope, details(), SITES, "fr") == french
    assert scopes.label(scope, details(), SITES, "en") == english


def test_two_boxes_of_a_site_are_told_apart_and_a_box_of_two_sites_keeps_its_name():
    other = PlaceDetail("box-b", "south", "lawn", "zone", "square")
    assert scopes.label("box-b", details(other), SITES, "en") == "Market square (box-b)"
    far = PlaceDetail("box-a", "south", "p1", "parking", "elsewhere")
    assert scopes.label("box-a", details(far), SITES, "en") == "box-a"
    assert scopes.label("box-a/south", details(far), SITES, "en") == "box-a / south"


def test_a_report_is_titled_in_its_reader_s_language(town):
    reader = Reader(town.store, town.app.state.settings)
    span, tz = named("2026-11"), town.app.state.settings.zone_info
    made = [
        build(reader, town.store, "box-a/north/lawn", span, now=NOON, tz=tz, language=language).called
        for language in ("fr", "en")
    ]
    assert made == ["Pelouse", "Lawn"]
    client = town.client("planner")
    query = "?of=box-a/north/lawn&period=2026-11"
    french = client.get("/reports/document" + query, headers={"Accept-Language": "fr"}).text
    heading = french[french.index("<h1>") : french.index("</h1>")]
    assert "Pelouse" in heading
    assert "north" not in heading
    chosen = client.get("/reports", headers={"Accept-Language": "en"}).text
    assert '<option value="box-a/north/lawn">Lawn</option>' in chosen
    rows = client.get("/reports/file" + query + "&as=csv").text.splitlines()
    lawn = next(row for row in rows if "lawn" in row)
    assert lawn.startswith("box-a/north/lawn;")
    assert lawn.endswith((";Pelouse", ";Lawn"))


def test_a_label_that_looks_like_a_formula_is_a_text_in_every_file(town):
    town.store.sites.describe([PlaceDetail(*LAWN.key, "square", "=1+1", "=1+1")], [SAID])
    query = "?of=box-a/north/lawn&period=2026-11&as=csv"
    assert ";=1+1" not in town.client("planner").get("/reports/file" + query).text
    csv = town.client("planner").get("/zones/box-a/north/lawn/csv?for=excel").text
    assert csv.splitlines()[1].endswith(";'=1+1")


def test_a_car_park_has_one_size_for_pages_and_alerts(site):
    """Ten bays four weeks ago and eight today: the page's limit was 10, the alerts' 8."""
    day = 86400
    records = [
        config(0, NOON - 30 * day, [zone_config("p1", "parking", purpose="statistics", capacity=None)])
    ]
    for n in range(4):
        eight = {"bays": 8, "observed_bay_s": 480.0, "occupied_bay_s": 240.0} if n == 3 else {}
        records.append(parking(1 + n, NOON - (20 - 6 * n) * day - 7200, **eight))
    assert site.post(records).json()["rejected"] == []
    reader = Reader(site.store, site.app.state.settings)
    view = reader.view("box-a", "north", "p1", ("parking",))
    assert size_of(reader, view) == 10
    # Before 28 days it is forgotten.
    site.clock.now = NOON + 21 * day
    site.post([parking(9, NOON + 21 * day - 7200, bays=8, observed_bay_s=480.0)])
    view = reader.view("box-a", "north", "p1", ("parking",))
    assert size_of(reader, view) == 8
