"""Sites and what is said of places: keys stay, labels change, and nothing is half written."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from server.calendar import Entry
from server.errors import StoreError
from server.pictures import read_picture
from server.sites import PlaceDetail, Site, SiteError, check_detail, check_site, place_label, site_label
from server.store.base import AuditEntry
from server.store.sqlite import open_store
from server.town_calendar import days_for, labels_for, labels_for_place
from tests.server.build import NOON, zone
from tests.server.plans import jpeg, png

LAWN = PlaceDetail("box-a", "north", "lawn", "zone", label_fr="Pelouse")
MARKET = Entry("market_day", "Marché", date(2026, 11, 1), weekdays=(5,))


def audit(action: str = "t") -> AuditEntry:
    return AuditEntry(NOON, "t", action, "t")


@pytest.fixture
def sites(site):
    site.store.sites.add(Site("place", "Place du marché", "", "A"), audit())
    return site.store.sites


def test_a_site_keeps_what_is_said_of_it(sites):
    whole = Site("parc", "Parc", "Park", "B", "alsace-moselle", 7.75, 48.58)
    assert sites.add(whole, audit("site.add"))
    assert not sites.add(replace(whole, label_fr="Autre"), audit())
    assert sites.site("parc") == whole
    assert [one.id for one in sites.sites()] == ["parc", "place"]
    assert sites.change(replace(whole, label_fr="Grand parc"), audit())
    assert site_label(sites.site("parc"), "fr") == "Grand parc"
    assert not sites.change(Site("none"), audit())
    assert sites.site("none") is None


@pytest.mark.parametrize(
    ("site", "rule"),
    [
        (Site("Place Rouge"), "id"),
        (Site("a", school_zone="D"), "school_zone"),
        (Site("a", region="75"), "region"),
        (Site("a", "x\0"), "label_control"),
        (Site("a", "", "x" * 81), "label_long"),
        (Site("a", lon=2.0), "earth_pair"),
        (Site("a", lon=200.0, lat=0.0), "longitude"),
        (Site("a", lon=2.0, lat=float("nan")), "latitude"),
    ],
)
def test_a_site_that_breaks_a_rule_is_refused(site, rule):
    with pytest.raises(SiteError) as caught:
        check_site(site)
    assert caught.value.rule == rule


@pytest.mark.parametrize(
    ("detail", "rule"),
    [
        (replace(LAWN, area_m2=0.0), "area"),
        (replace(LAWN, area_m2=float("nan")), "area"),
        (replace(LAWN, area_m2=float("inf")), "area"),
        (replace(LAWN, x=0.5), "plan_pair"),
        (replace(LAWN, x=0.5, y=1.5), "plan_range"),
        (replace(LAWN, lat=48.0), "earth_pair"),
        (replace(LAWN, label_en="\u202e"), "label_control"),
    ],
)
def test_a_detail_that_breaks_a_rule_is_refused(detail, rule):
    assert check_detail(LAWN) == LAWN
    with pytest.raises(SiteError) as caught:
        check_detail(detail)
    assert caught.value.rule == rule


@pytest.mark.parametrize(
    ("french", "english", "language", "said"),
    [
        ("Pelouse", "Lawn", "fr", "Pelouse"),
        ("Pelouse", "Lawn", "en", "Lawn"),
        ("Pelouse", "", "en", "Pelouse"),
        ("", "Lawn", "fr", "Lawn"),
        ("", "", "fr", "lawn"),
    ],
)
def test_a_label_falls_back_to_the_other_language_and_then_to_the_boxs_name(french, english, language, said):
    detail = replace(LAWN, label_fr=french, label_en=english)
    assert place_label({detail.key: detail}, LAWN, language) == said
    assert place_label({}, LAWN, language) == "lawn"


def test_a_place_belongs_to_one_site_at_most_and_only_to_one_that_exists(sites):
    assert sites.describe([replace(LAWN, site="place", x=0.25, y=0.5, area_m2=120.0)], [audit()])
    assert sites.details()[LAWN.key].site == "place"
    other = replace(LAWN, name="gate", kind="line", site="nowhere")
    assert not sites.describe([replace(LAWN, label_fr="Nouveau"), other], [audit()])
    assert sites.details()[LAWN.key].label_fr == "Pelouse"


def test_a_site_that_is_removed_leaves_its_places_without_a_position_on_its_plan(sites):
    sites.describe([replace(LAWN, site="place", x=0.25, y=0.5, area_m2=120.0)], [audit()])
    sites.set_plan("place", read_picture(png()), audit())
    sites.add_entries([replace(MARKET, site="place"), MARKET], audit())
    assert sites.remove("place", audit())
    assert sites.details()[LAWN.key] == replace(LAWN, area_m2=120.0)
    assert sites.plan("place") is None
    assert [one.site for one in sites.entries("place")] == [None]
    assert not sites.remove("place", audit())


def test_a_plan_is_kept_replaced_and_taken_away(sites):
    assert sites.plan("place") is None
    for data in (png(), jpeg(300, 200)):
        assert sites.set_plan("place", read_picture(data), audit())
        assert sites.plan("place").content == data
    known = sites.site("place").plan
    assert (known.media_type, known.width, known.height) == ("image/jpeg", 300, 200)
    assert sites.set_plan("place", None, audit())
    assert sites.site("place").plan is None
    assert not sites.set_plan("none", read_picture(png()), audit())


def test_what_is_said_survives_the_server(site, tmp_path):
    store = open_store(tmp_path / "again.sqlite3")
    store.sites.add(Site("a", "É"), audit())
    store.sites.set_plan("a", read_picture(png()), audit())
    store.sites.describe([replace(LAWN, site="a")], [audit()])
    store.sites.add_entries(
        [replace(MARKET, exceptions=(date(2026, 12, 26),), start_min=480, end_min=780)], audit()
    )
    store.close()
    again = open_store(tmp_path / "again.sqlite3")
    try:
        assert again.sites.site("a").label_fr == "É"
        assert again.sites.plan("a").content == png()
        [entry] = again.sites.entries(None)
        assert (entry.exceptions, entry.start_min, entry.end_min) == ((date(2026, 12, 26),), 480, 780)
    finally:
        again.close()


def test_the_calendar_of_a_site_is_the_towns_and_its_own(sites):
    sites.add(Site("parc"), audit())
    fair = Entry("event", "Braderie", date(2026, 9, 5), date(2026, 9, 6), site="parc")
    assert sites.add_entries([MARKET, fair, fair], audit()) == 2
    assert sites.add_entries([MARKET, fair], audit()) == 0
    assert [one.name_fr for one in sites.entries("parc")] == ["Braderie", "Marché"]
    assert [one.name_fr for one in sites.entries("place")] == ["Marché"]
    [town] = sites.entries(None)
    assert sites.replace_entry(replace(town, name_fr="Grand marché", last=date(2027, 1, 2)), audit())
    assert sites.entries(None)[0].name_fr == "Grand marché"
    assert not sites.replace_entry(replace(town, id=999), audit())
    assert sites.remove_entry(town.id, audit())
    assert not sites.remove_entry(town.id, audit())


def test_a_calendar_is_added_whole_or_not_at_all(sites):
    with pytest.raises(StoreError, match="nowhere"):
        sites.add_entries([MARKET, replace(MARKET, site="nowhere")], audit())
    assert sites.entries(None) == []


def test_every_change_is_audited_and_a_change_that_fails_is_not(site, sites):
    before = len(site.store.accounts.audit(99))
    sites.change(Site("place", "Neu"), audit("site.change"))
    sites.change(Site("none"), audit("site.change"))
    sites.remove_entry(77, audit("calendar.remove"))
    assert [one.action for one in site.store.accounts.audit(99)][: -before or None] == ["site.change"]


def test_a_zone_renamed_in_the_middle_of_a_month_stays_one_place(site, sites):
    day = 86400
    site.post([zone(1, NOON - 15 * day)])
    sites.describe([LAWN], [audit()])
    site.post([zone(2, NOON - 2 * day)])
    sites.describe([replace(LAWN, label_fr="Esplanade")], [audit()])
    site.post([zone(3, NOON - day)])
    [place] = site.store.records.places()
    assert place_label(sites.details(), place, "fr") == "Esplanade"
    rows = site.store.records.rows(place, NOON - 30 * day, NOON, NOON, 3600)
    assert len(rows) == 3
    answer = site.series("zones/box-a/north/lawn", **{"from": "2026-11-01T00:00:00Z", "step": "day"}).json()
    assert sum(one["observed_s"] for one in answer["bins"]) == 180.0


def test_labels_of_days_come_from_the_site_of_a_place(site, sites):
    site.post([zone(1, NOON - 3600)])
    [place] = site.store.records.places()
    first, last = date(2026, 2, 1), date(2026, 12, 31)
    sites.add_entries([replace(MARKET, site="place")], audit())
    assert "school_holiday" not in labels_for_place(site.store, place, first, last).values()
    sites.describe([replace(LAWN, site="place")], [audit()])
    labels = labels_for_place(site.store, place, first, last)
    assert labels[date(2026, 11, 21)] == "market_day"
    assert labels[date(2026, 11, 11)] == "public_holiday"
    assert labels[date(2026, 2, 10)] == "school_holiday"
    assert labels == labels_for(site.store, "place", first, last)
    assert days_for(site.store, "place", first, last)[date(2026, 11, 21)][0].label_fr == "Marché"
    assert labels_for(site.store, "unknown", first, last) == labels_for(site.store, None, first, last)


def test_the_coverage_of_a_day_reads_each_places_hours_and_not_all_there_are(site, sites):
    site.post(
        [zone(1, NOON - 7200), zone(2, NOON - 3600), zone(3, NOON - 90_000), zone(4, NOON - 60, zone="b")]
    )
    assert sites.observed(NOON - 86400, NOON) == {LAWN.key: 120.0, ("box-a", "north", "b", "zone"): 60.0}
    assert sites.observed(NOON - 3600, NOON)[LAWN.key] == 60.0
    read: list[str] = []
    with sites._connections.read() as db:
        db.conn.set_trace_callback(read.append)
    sites.observed(NOON - 86400, NOON)
    db.conn.set_trace_callback(None)
    [sql] = read
    plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + sql)]
    assert any(step.startswith("SEARCH h USING") and "hour>" in step for step in plan), plan
