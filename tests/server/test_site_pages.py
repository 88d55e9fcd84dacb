"""Overview, sites, plans, calendar: what planners see and change, and what is refused."""

from __future__ import annotations

import re
from datetime import date

import pytest

from contract.batch import parse_record
from server.sites import PlaceDetail
from server.store.sqlite import open_store
from tests.server.build import NOON, config, health, line, parking, zone, zone_config
from tests.server.plans import png
from tests.server.test_pages import Page

KEY = ("box-a", "north", "p1", "parking")
PAGES = ["/", "/sites", "/sites/place", "/sites/place/edit", "/sites/place/calendar"]


@pytest.fixture
def town(site):
    """Two places of one site, one with a position on its plan; a market on Saturdays."""
    zones = [
        zone_config("lawn", purpose="statistics", capacity=20),
        zone_config("p1", "parking", purpose="operational", capacity=10),
    ]
    site.post([config(0, NOON - 7200, zones), health(1, NOON - 30)])
    for n in range(120):
        site.post([zone(100 + n, NOON - 7200 + 60 * n), parking(300 + n, NOON - 7200 + 60 * n)])
    site.post([line(500 + n, NOON - 7200 + 900 * n, interval_s=900, observed_s=900.0) for n in range(8)])
    act = planner(site)
    assert act("/sites", id="place", label_fr="Place du marché").status_code == 303
    assert (
        act(
            "/sites/place/edit", label_fr="Place du marché", label_en="Market square", school_zone="A"
        ).status_code
        == 303
    )
    assert upload(site, png()).status_code == 303
    assert act("/sites/place/places", **{"o1-key": "/".join(KEY), "o1-in": "1"}).status_code == 303
    return site


def planner(site, role: str = "planner"):
    client = site.client(role)
    return lambda path, **fields: client.post(path, data={"csrf": f"csrf-{role}", **fields})


def upload(
    site, data: bytes, path: str = "/sites/place/plan", field: str = "plan", role: str = "planner", **more
):
    return site.client(role).post(
        path, data={"csrf": f"csrf-{role}", **more}, files={field: ("x.png", data, "image/png")}
    )


def text(site, path: str, role: str = "planner", language: str = "fr") -> str:
    answer = site.client(role).get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return str(answer.text).replace("\N{NO-BREAK SPACE}", " ")


def note(answer) -> str:
    found = re.search(r'role="alert">(.*?)<', answer.text)
    return found.group(1).replace("\N{NO-BREAK SPACE}", " ") if found else ""


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_whole_and_accessible(town, path, language):
    markup = text(town, path, "administrator", language)
    page = Page(markup)
    assert page.all("html") == [{"lang": language}]
    assert len(page.all("h1")) == 1
    for attrs in page.all("input") + page.all("select"):
        if attrs.get("type") != "hidden":
            assert f'for="{attrs["id"]}"' in markup
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert all("style" not in attrs for _, attrs in page.elements)
    assert all(attrs.get("scope") in {"col", "row"} for attrs in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    for form in page.all("form"):
        assert form["method"] == "post"
    assert markup.count('name="csrf"') == len(page.all("form"))
    for _, attrs in page.elements:
        for name in ("src", "href", "action"):
            assert (attrs.get(name) or "/").startswith(("/", "#")), attrs


@pytest.mark.parametrize("role", ["viewer", "crew", "technician"])
def test_only_planners_and_administrators_change_anything(town, role):
    before = (town.store.sites.sites(), town.store.sites.details(), town.store.sites.entries("place"))
    act = planner(town, role)
    for path in ("/sites", "/sites/place/edit", "/sites/place/places", "/sites/place/remove",
                 "/sites/place/plan", "/sites/place/calendar", "/sites/place/calendar/remove",
                 "/sites/place/calendar/import"):  # fmt: skip
        assert act(path, id="x", sure="1", remove="1").status_code == 403, path
    for path in ("/sites/place/edit", "/sites/place/calendar", "/sites/place/calendar.csv"):
        assert town.client(role).get(path).status_code == 403
    assert before == (town.store.sites.sites(), town.store.sites.details(), town.store.sites.entries("place"))


def test_a_form_of_another_site_is_refused(town):
    client = town.client("planner")
    for path in ("/sites", "/sites/place/edit", "/sites/place/remove", "/sites/place/plan"):
        assert client.post(path, data={"csrf": "wrong", "id": "x", "sure": "1"}).status_code == 403
    assert upload(town, png(200, 200), csrf="wrong").status_code == 403
    assert town.store.sites.site("place").plan.width == 120


def test_the_overview_says_what_needs_attention(town):
    assert "Rien à signaler" in text(town, "/")
    late = {"verdict": "failing", "reasons": ["loop_stalled"], "clock": "unsynced"}
    town.post([health(2, NOON - 5, flags=["covered"], **late)])
    full = {"occupied_bay_s": 600.0, "peak": 10}
    town.post([parking(600, NOON, **full), zone(700, NOON + 86400)])
    town.clock.now = NOON + 120
    markup = text(town, "/")
    assert "caméra masquée" in markup
    assert re.search(r"<b>Presque plein</b> <a href=\"/zones/box-a/north/p1\">p1</a>.*100", markup)
    assert "tenus hors des rapports : 1." in markup
    assert '<span class="tag full">plein</span>' in markup
    assert 'href="/quarantine"' not in markup
    assert 'href="/quarantine"' in text(town, "/", "administrator").split("</header>")[1]
    town.clock.now = NOON + 7200
    markup = text(town, "/", language="en")
    assert "Box silent" in markup
    assert "no recent figure" in markup
    assert "full</span>" not in markup


def test_a_statistics_zone_is_shown_after_its_delay_and_an_operational_one_live(town):
    town.post([zone(800, NOON, counts={"person": {**zone(0, 0)["counts"]["person"], "object_s": 960.0}}),
               parking(801, NOON, occupied_bay_s=480.0)])  # fmt: skip
    town.clock.now = NOON + 61
    markup = text(town, "/", language="en")
    assert "<b>8.0</b> of 10 bays occupied" in markup
    assert "<b>2.0</b> people" in markup
    town.clock.now = NOON + 61 + 900
    assert "<b>16.0</b> people" in text(town, "/", language="en")


def test_a_revoked_box_is_no_concern(town):
    town.clock.now = NOON + 86400
    assert "Box silent" in text(town, "/", language="en")
    town.store.accounts.revoke_device("box-a", town.store.accounts.audit(1)[0])
    assert "Box silent" not in text(town, "/", language="en")


def test_places_stand_under_their_site_and_by_their_labels(town):
    act = planner(town)
    fields = {
        "p1-key": "/".join(KEY),
        "p1-in": "1",
        "p1-label_fr": "Parking <nord>",
        "p1-x": "27,5",
        "p1-y": "72",
    }
    assert act("/sites/place/places", **fields).status_code == 303
    assert town.store.sites.details()[KEY] == PlaceDetail(
        *KEY, "place", "Parking <nord>", "", None, 0.275, 0.72
    )
    for path in ("/", "/sites/place"):
        markup = text(town, path)
        assert "Parking &lt;nord&gt;" in markup
        assert 'transform="translate(275.0 480.0)"' in markup
        assert '<text class="figure" x="24" y="7">4/10</text>' in markup
    for path in ("/zones/box-a/north/p1", "/zones/box-a/north/p1/week"):
        page = text(town, path)
        assert "<title>" in page
        assert "Parking &lt;nord&gt;" in page.split("<h1>")[1].split("</h1>")[0]
    assert "Boîtier box-a" in text(town, "/")
    assert "lawn" not in text(town, "/sites/place").split("<main")[1]


def test_a_place_that_leaves_or_moves_loses_its_position(town):
    act = planner(town)
    act("/sites/place/places", **{"p1-key": "/".join(KEY), "p1-in": "1", "p1-x": "10", "p1-y": "10"})
    act("/sites", id="parc")
    act("/sites/parc/places", **{"o1-key": "/".join(KEY), "o1-in": "1"})
    moved = town.store.sites.details()[KEY]
    assert (moved.site, moved.x, moved.y) == ("parc", None, None)
    act("/sites/parc/places", **{"p1-key": "/".join(KEY)})
    assert town.store.sites.details()[KEY].site is None


def test_wrong_numbers_are_told_at_their_place_and_nothing_is_saved(town):
    before = town.store.sites.details()
    act = planner(town)
    fields = {"p1-key": "/".join(KEY), "p1-in": "1", "p1-label_fr": "Neuf"}
    for more, said in (
        ({"p1-area_m2": "0"}, "La surface est plus grande que 0"),
        ({"p1-area_m2": "beaucoup"}, "Un nombre est attendu (trouvé : beaucoup)"),
        ({"p1-area_m2": "nan"}, "La surface"),
        ({"p1-x": "101", "p1-y": "5"}, "de 0 à 100"),
        ({"p1-x": "10"}, "les deux pourcentages"),
        ({"p1-lon": "200", "p1-lat": "1"}, "longitude"),
    ):
        answer = act("/sites/place/places", **fields, **more)
        assert answer.status_code == 400
        assert said in answer.text.replace("\u202f", " ").replace("\u00a0", " "), said
        assert 'value="Neuf"' in answer.text
    assert town.store.sites.details() == before
    assert act("/sites/place/edit", label_fr="x", lon="1").status_code == 400
    assert act("/sites", id="Place Rouge").status_code == 400
    assert "existe déjà" in note(act("/sites", id="place"))


def test_the_boxs_own_words_cannot_be_changed_here(town):
    planner(town)("/sites/place/places", **{
        "p1-key": "/".join(KEY), "p1-in": "1", "p1-capacity": "999", "p1-purpose": "statistics",
    })  # fmt: skip
    record = town.store.records.config("box-a", "north")
    assert {z.id: (z.purpose, z.capacity) for z in record.zones}["p1"] == ("operational", 10)
    markup = text(town, "/sites/place/edit")
    assert "opérationnelle" in markup
    assert "capacité 10" in markup


def test_a_zone_without_a_capacity_has_no_rate_and_says_where_to_set_it(site):
    # The wire knows no capacity of 0: none is what a box without one sends.
    site.post([config(0, NOON - 7200, [zone_config("lawn")]), zone(1, NOON - 60)])
    nought = config(1, NOON, [zone_config("lawn", capacity=0)])
    with pytest.raises(ValueError, match="capacity"):
        parse_record(nought)
    assert site.post([nought]).json()["accepted"] == []
    planner(site)("/sites", id="place")
    planner(site)("/sites/place/places", **{"o1-key": "box-a/north/lawn/zone", "o1-in": "1"})
    assert "à donner dans la configuration du boîtier" in text(site, "/sites/place/edit")
    assert "<td>\N{EN DASH}</td>" in text(site, "/")


def test_a_plan_is_served_as_what_it_is_and_under_the_strict_policy(town):
    link = re.search(r'<image href="([^"]+)"', text(town, "/sites/place")).group(1)
    answer = town.client("viewer").get(link)
    assert answer.content == png()
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "immutable" in answer.headers["cache-control"]
    assert town.client("viewer").get("/sites/place/plan?v=old").headers["cache-control"] == "no-store"
    assert town.client("viewer").get("/sites/none/plan").status_code == 404
    assert town.client("crew").get(link).status_code == 403


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            "PNG ou JPEG (trouvé : SVG)",
        ),
        (b"", "Aucun fichier"),
        (png()[:60], "abîmée"),
        (png(9000, 9000), "9000 x 9000"),
        (png() + bytes(5 * 1024 * 1024), "dépasse 4 Mo"),
    ],
)
def test_what_is_no_plan_is_refused_and_the_old_one_stays(town, data, said):
    answer = upload(town, data)
    assert answer.status_code == 400
    assert said in answer.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "<script>alert" not in answer.text
    assert town.store.sites.plan("place").content == png()
    assert "Ne déposez jamais une image de caméra" in answer.text


def test_a_plan_can_be_taken_away(town):
    assert planner(town)("/sites/place/plan", remove="1").status_code == 303
    assert town.store.sites.plan("place") is None
    assert "<image" not in text(town, "/sites/place")


def test_a_site_is_removed_only_when_one_is_sure(town):
    act = planner(town)
    assert act("/sites/place/remove").status_code == 400
    assert act("/sites/place/remove", sure="1").headers["location"] == "/sites"
    assert town.store.sites.sites() == []
    assert "p1" in text(town, "/")


def test_a_market_an_event_and_holidays_are_kept_and_shown(town):
    act = planner(town)
    market = {"kind": "market_day", "scope": "site", "name_fr": "Marché", "first": "2026-01-03", "start": "8h",
              "end": "13:00", "weekday-5": "1", "exceptions": "2026-12-26"}  # fmt: skip
    assert "08:30" in act("/sites/place/calendar", **market).text
    market["start"] = "08:00"
    assert act("/sites/place/calendar", **market).status_code == 303
    assert act("/sites/place/calendar", kind="event", scope="town", name_fr="Fête", name_en="Fair",
               first="2026-12-05").status_code == 303  # fmt: skip
    one, other = town.store.sites.entries("place")
    assert (one.weekdays, one.start_min, one.exceptions, one.site) == (
        (5,),
        480,
        (date(2026, 12, 26),),
        "place",
    )
    assert (other.last, other.site) == (date(2026, 12, 5), None)
    markup = text(town, "/sites/place/calendar", language="en")
    assert "Sat 28 Nov 2026" in markup
    assert "Fair" in markup
    assert "Sat 26 Dec 2026</th><td" in markup.replace("\n", "")
    assert "official dates known until Thu 31 Aug 2028" in markup
    form = text(town, f"/sites/place/calendar?entry={one.id}")
    assert 'value="2026-12-26"' in form
    changed = {**market, "id": str(one.id), "name_fr": "Grand marché"}
    assert act("/sites/place/calendar", **changed).status_code == 303
    assert [entry.name_fr for entry in town.store.sites.entries("place")] == ["Grand marché", "Fête"]
    assert act("/sites/place/calendar", **{**changed, "id": "99"}).status_code == 404
    assert act("/sites/place/calendar/remove", id=str(one.id)).status_code == 303
    assert act("/sites/place/calendar/remove", id=str(one.id)).status_code == 404


def test_an_entry_of_another_site_cannot_be_reached_from_here(town):
    act = planner(town)
    act("/sites", id="parc")
    act("/sites/parc/calendar", kind="event", scope="site", name_fr="Bal", first="2026-12-05")
    [entry] = town.store.sites.entries("parc")
    assert act("/sites/place/calendar/remove", id=str(entry.id)).status_code == 404
    fields = {"id": str(entry.id), "kind": "event", "scope": "site", "name_fr": "X", "first": "2026-12-05"}
    assert act("/sites/place/calendar", **fields).status_code == 404
    assert town.store.sites.entries("parc") == [entry]


def test_a_calendar_with_errors_is_told_line_by_line_and_nothing_is_taken(town):
    bad = b"kind;name_fr;first;last\nevent;Bal;2026-07-14;2026-07-14\nevent;Bal;14 juillet;\nfair;X;2026-01-01;2026-01-01\n"
    answer = upload(town, bad, "/sites/place/calendar/import", "file", kind="event")
    assert answer.status_code == 400
    assert "À corriger\N{NO-BREAK SPACE}: 2" in answer.text
    assert re.search(
        r'<th scope="row">3 <code>first</code></th><td class="text">[^<]*14 juillet', answer.text
    )
    assert re.search(r'<th scope="row">4</th><td class="text">Sorte inconnue\s: fair', answer.text)
    assert town.store.sites.entries("place") == []


@pytest.mark.parametrize("kind", ["csv", "ics"])
def test_an_exported_calendar_can_be_imported_elsewhere(town, kind):
    act = planner(town)
    act(
        "/sites/place/calendar",
        kind="event",
        scope="site",
        name_fr="=Bal",
        name_en="Ball",
        first="2026-12-05",
    )
    act("/sites/place/calendar", kind="market_day", scope="town", name_fr="Marché", first="2026-01-03",
        **{"weekday-5": "1"})  # fmt: skip
    act("/sites", id="parc")
    answer = town.client("planner").get(f"/sites/place/calendar.{kind}")
    assert f'filename="parvis-place.{kind}"' in answer.headers["content-disposition"]
    done = upload(town, answer.content, "/sites/parc/calendar/import", "file", kind="event")
    # The town's entry is there already.
    assert done.headers["location"] == "/sites/parc/calendar?done=1"
    told = [(one.name_fr, one.site) for one in town.store.sites.entries("parc")]
    assert told == [("Marché", None), ("=Bal", "parc")]


def test_a_zone_without_official_school_holidays_says_so(town):
    planner(town)("/sites/place/edit", school_zone="corse")
    assert "pas de dates officielles" in text(town, "/sites/place/calendar")
    planner(town)("/sites/place/edit", school_zone="")
    assert "choisissez la zone" in text(town, "/sites/place/calendar")
    planner(town)("/sites/place/edit", school_zone="B")
    town.clock.now = NOON + 400 * 86400
    town.clients.clear()
    assert "dans moins d" in town.client("administrator").get("/sites/place/calendar").text


def test_every_change_is_in_the_audit_with_its_author(town):
    act = planner(town)
    act("/sites/place/calendar", kind="event", scope="site", name_fr="Bal", first="2026-12-05")
    act("/sites/place/remove", sure="1")
    found = {entry.action for entry in town.store.accounts.audit(50) if entry.actor == "planner-1"}
    assert {"site.add", "site.change", "site.plan", "site.place", "site.remove", "calendar.add"} <= found


def test_tiles_are_asked_for_only_where_an_installation_chose_them(make_site):
    plain = make_site("plain")
    assert plain.client("planner").get("/").headers["content-security-policy"].count("http") == 0
    tiles = make_site("tiles", tile_url="https://tiles.example.fr/{z}/{x}/{y}.png", tile_attribution="IGN")
    tiles.post([zone(1, NOON - 7200)])
    planner(tiles)("/sites", id="place")
    planner(tiles)("/sites/place/edit", lon="3.1", lat="45.8")
    planner(tiles)("/sites/place/places", **{"o1-key": "box-a/north/lawn/zone", "o1-in": "1"})
    answer = tiles.client("planner").get("/")
    assert "img-src 'self' https://tiles.example.fr data:" in answer.headers["content-security-policy"]
    assert 'data-lon="3.1" data-lat="45.8"' in answer.text
    assert "leaflet.js" in answer.text
    assert "leaflet" not in plain.client("planner").get("/").text


@pytest.mark.parametrize(
    "url",
    [
        "https://tiles.example.fr/",
        "javascript:alert(1)/{z}/{x}/{y}",
        "https://a b/{z}/{x}/{y}",
        "https://*/{z}/{x}/{y}",
        "https://x.fr; script-src *//{z}/{x}/{y}",
        "https://{s}.x.fr/{z}/{x}/{y}",
        "//x.fr/{z}/{x}/{y}",
    ],
)
def test_a_tile_address_that_could_widen_the_policy_is_refused(make_site, url):
    with pytest.raises(ValueError, match="tile_url"):
        make_site(tile_url=url)


def test_a_store_from_before_sites_is_migrated(tmp_path):
    store = open_store(tmp_path / "x.sqlite3")
    assert (store.sites.sites(), store.sites.details(), store.sites.entries(None)) == ([], {}, [])
    store.close()


def test_places_that_stand_on_one_spot_share_a_pin_with_the_worst_state(make_site):
    town = make_site("pins", tile_url="https://tiles.example.fr/{z}/{x}/{y}.png")
    town.post([config(0, NOON - 7200, [zone_config("p1", "parking", capacity=10), zone_config("lawn")])])
    town.post([zone(1, NOON - 60), parking(2, NOON - 60, occupied_bay_s=600.0), line(3, NOON - 1000 - 20)])
    planner(town)("/sites", id="place", label_fr="Place")
    planner(town)("/sites/place/edit", label_fr="Place", lon="3,1", lat="45,8")
    keys = ["box-a/north/lawn/zone", "box-a/north/p1/parking", "box-a/north/gate/line"]
    fields = {
        f"o{n}-{what}": value for n, key in enumerate(keys) for what, value in (("key", key), ("in", "1"))
    }
    planner(town)("/sites/place/places", **fields)
    planner(town)("/sites/place/places", **{
        "p1-key": keys[2], "p1-in": "1", "p1-lon": "3.2", "p1-lat": "45.9",
    })  # fmt: skip
    points = re.findall(r'<li data-lon="([^"]+)".*?data-level="([^"]+)".*?href="([^"]+)"', text(town, "/"))
    assert points == [("3.2", "seen", "/lines/box-a/north/gate"), ("3.1", "full", "/sites/place")]
