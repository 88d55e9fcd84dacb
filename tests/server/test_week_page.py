"""The usual week as a planner sees it."""

from __future__ import annotations

from tests.server.build import NOON, config, counts, line, parking, zone, zone_config

DAY_S = 86400
PAGE = "/zones/box-a/north/lawn/week"


def feed(site) -> None:
    zones = [
        zone_config("lawn", purpose="operational", classes=["person", "bicycle"], capacity=20),
        zone_config("p1", "parking", purpose="operational", capacity=10),
    ]
    dwell = {"dwell": [0, 0, 3, 0, 0, 0, 0, 0], "dwell_censored": 1}
    site.post([config(0, NOON - 21 * DAY_S, zones)])
    for week in range(3):
        # 2026-11-22 is a Sunday; 12:00 UTC is 13 h in Paris.
        at = NOON - 7 * week * DAY_S - 3600
        crowd = {"person": counts(60.0 * 12, 14) | dwell}
        site.post([zone(10 + week, at, counts=crowd), parking(20 + week, at)])
        site.post([line(30 + week, at)])


def page(site, path: str = PAGE, language: str = "en") -> str:
    answer = site.client("planner").get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return str(answer.text)


def test_the_busiest_hour_is_told_in_words_with_its_days_and_coverage(site):
    feed(site)
    assert "Busiest: Sunday 12:00: 12.0 on average (3 days, coverage 2%)." in page(site)
    assert "Le plus fréquenté : dimanche 12" in page(site, language="fr").replace("\u00a0", " ")


def test_hours_that_nobody_observed_are_hatched_and_never_zero(site):
    feed(site)
    text = page(site)
    assert text.count('class="w-none"') == 7 * 24 - 1
    assert text.count('class="w6"') == 1
    assert "\N{EN DASH}" in text


def test_lengths_of_visits_are_bands_with_the_share_that_is_not_known(site):
    feed(site)
    text = page(site)
    assert "9 visits of known length; the length of 25% of all visits is not known" in text
    assert "begins at 30 s" in text


def test_a_car_park_shows_shares_of_its_bays_and_a_line_crossings(site):
    feed(site)
    assert "40% of the bays (3 days" in page(site, "/zones/box-a/north/p1/week")
    assert "240 crossings (3 days" in page(site, "/lines/box-a/north/gate/week")


def test_a_class_that_is_not_counted_here_is_refused(site):
    feed(site)
    assert site.client("planner").get(PAGE + "?class=vehicle").status_code == 400
    assert site.client("planner").get("/zones/box-a/north/none/week").status_code == 404


def test_a_place_without_a_capacity_says_how_to_give_it_one(site):
    site.post([zone(1, NOON - 3600)])
    site.clock.now = NOON + DAY_S
    assert "No capacity is known for this zone" in page(site)
