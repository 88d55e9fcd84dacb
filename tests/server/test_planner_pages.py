"""What a planner reads: periods, forecast, comparison, ranking, parking, definitions, and what is wrong with them."""

from __future__ import annotations

import re
import threading
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from server.day_keeping import keep_days
from server.pages.definitions import NAMES
from server.pages.texts import CATALOGUES
from server.spans import midnight
from server.store.days import SqliteDays
from server.store.records import SqliteRecords
from tests.server.build import NOON, config, counts, parking, zone, zone_config
from tests.server.test_outlook import feed
from tests.server.test_pages import CORPUS, Page

PARIS = ZoneInfo("Europe/Paris")
DAY_S = 86400
LAWN, P1, GATE = "/zones/box-a/north/lawn", "/zones/box-a/north/p1", "/lines/box-a/north/gate"
TEMPLATES = Path(__file__).parents[2] / "server" / "templates"


@pytest.fixture
def town(site):
    feed(site, 42)
    return site


def text(site, path: str, language: str = "en", status: int = 200, **query: str) -> str:
    client = site.client("planner")
    answer = client.get(path, params=query, headers={"Accept-Language": language})
    assert answer.status_code == status, answer.text[:500]
    Page(answer.text)
    return str(answer.text).replace("\u00a0", " ").replace("\u202f", " ")


# The forecast


def test_the_forecast_says_when_the_capacity_is_exceeded_in_both_languages(town):
    english = text(town, f"{LAWN}/forecast")
    assert re.search(
        r"Will probably exceed the capacity \(30\) Saturday 28 Nov 2026 from 1[012]:00 to 1[012]:30: \d+%",
        english,
    )
    french = text(town, f"{LAWN}/forecast", "fr")
    assert re.search(
        r"Dépassera probablement la capacité \(30\) samedi 28/11/2026 de 1[012]:00 à 1[012]:30\s: \d+\s%",
        french,
    )
    assert english.count("<tr data-start=") == 14 * 48


def test_the_forecast_is_shown_with_what_it_was_worth(town):
    found = text(town, f"{LAWN}/forecast")
    assert re.search(
        r"\d+ days forecast and then observed, in \d+ trials over the last \d+ days: mean error", found
    )
    assert "against" in found
    assert re.search(r"\d+% of the values fell within the band", found)


def test_the_page_of_a_zone_tells_the_forecast_only_of_now(town):
    assert "Will probably exceed the capacity (30) Saturday 28 Nov 2026" in text(town, LAWN)
    assert "Forecast for 14 days" not in text(town, LAWN, span="month", on="2026-10-31")


def test_the_curve_of_a_day_under_way_goes_on_with_the_forecast(town):
    found = text(town, LAWN, span="day")
    assert 'data-ahead="t-ahead"' in found
    ahead = re.findall(
        r'<tr data-start="(\d+)"',
        found[found.index('id="t-ahead"') : found.index("</table>", found.index('id="t-ahead"'))],
    )
    # From the first half hour that no bar covers to midnight in Paris; now is 13:00 there.
    assert [int(at) for at in ahead] == list(range(NOON, midnight(date(2026, 11, 23), PARIS), 1800))
    for query in ({"span": "day", "on": "2026-11-21"}, {"span": "month"}, {"span": "year"}, {}):
        assert "t-ahead" not in text(town, LAWN, **query)
    assert "t-ahead" not in text(town, GATE, span="day")


def test_a_page_makes_at_most_one_forecast_and_the_next_one_none(town):
    outlooks = town.app.state.outlooks
    text(town, LAWN)
    assert outlooks.made == 1
    text(town, f"{LAWN}/forecast")
    assert outlooks.made == 1
    for path in ("/", "/ranking", "/compare", "/compare/places", f"{P1}/parking"):
        text(town, path)
    assert outlooks.made == 1


def test_a_short_history_is_a_refusal_that_says_what_to_do(site):
    feed(site, 3)
    assert "It takes 21 days of measurements and there are 3: let the box count" in text(
        site, f"{LAWN}/forecast"
    )
    assert "Il faut 21 jours de mesures, il y en a 3" in text(site, LAWN, "fr")
    assert 'data-chart="forecast"' not in text(site, f"{LAWN}/forecast")


def test_no_capacity_means_no_chance_and_a_word_on_how_to_give_one(town):
    assert "no excess can be announced" not in text(town, f"{LAWN}/forecast")
    zones = [zone_config("lawn"), zone_config("p1", "parking", capacity=20)]
    town.post([config(4, NOON - 60, zones, run="22" * 8)])
    found = text(town, f"{LAWN}/forecast")
    assert "Without a known capacity no excess can be announced" in found
    assert "Chance of reaching" not in found


# Periods


@pytest.mark.parametrize("path", [LAWN, P1, GATE])
def test_days_weeks_months_and_years_lead_to_their_neighbours(town, path):
    found = text(town, path, span="week", on="2026-11-11")
    assert "week from 9 Nov 2026 to 15 Nov 2026" in found
    assert re.search(r'rel="prev" href="[^"]*span=week&amp;on=2026-11-02"', found)
    assert re.search(r'rel="next" href="[^"]*span=week&amp;on=2026-11-16"', found)
    assert "November 2026" in text(town, path, span="month")
    assert "Saturday 21 Nov 2026" in text(town, path, span="day", on="2026-11-21")
    year = text(town, path, span="year")
    assert 'rel="next"' not in year
    assert 'rel="prev"' not in year
    # As many days as have begun, in each of the tables.
    tables = 1 if path == GATE else 2
    assert year.count("<tr data-start=") == tables * (date(2026, 11, 22) - date(2025, 12, 31)).days


def test_the_day_of_25_hours_shows_the_hour_that_comes_twice(town):
    found = text(town, LAWN, span="day", on="2026-10-25")
    assert found.count("02:00 (UTC+2)") == found.count("02:00 (UTC+1)") == 2
    assert found.count("<tr data-start=") == 2 * 100


def test_a_month_without_data_says_so_and_where_there_are_some(town):
    town.clock.now += 200 * DAY_S
    town.post([zone(8, int(town.clock()) - 7200, run="11" * 8)])
    found = text(town, LAWN, span="month", on="2027-02-01")
    assert "Nothing was observed in this period; that is not zero." in found
    assert "choose another period, and ask your technician" in found
    assert "No measurements here: those of this place run from" in text(
        town, LAWN, span="month", on="2025-02-01"
    )
    assert "has not begun" in text(town, LAWN, span="day", on="2030-01-01")


def test_one_observed_second_is_told_as_what_it_is(site):
    at = midnight(date(2026, 11, 20), PARIS) + 12 * 3600
    site.post([config(0, NOON - 9 * DAY_S, [zone_config("lawn", capacity=20)])])
    site.post([zone(1, at, observed_s=1.0, counts={"person": counts(9.0, 9)}), zone(2, NOON - 3600)])
    for span in ("day", "week", "month", "year"):
        found = text(site, LAWN, span=span, on="2026-11-20")
        assert "observed, 1% of the period: these figures hold for that time only" in found
    found = text(site, "/ranking", first="2026-11-20", last="2026-11-20")
    assert "not observed enough in this period" in found


@pytest.mark.parametrize(
    "query", [{"span": "century"}, {"span": "day", "on": "soon"}, {"on": "2026-11-11", "span": "x"}]
)
def test_a_period_that_cannot_be_meant_is_told_and_the_page_stays(town, query):
    assert "cannot be shown" in text(town, LAWN, status=400, **query)


# Comparison


def whole_days(site, first: date, levels, zone_name: str = "lawn", seq: int = 1) -> None:
    """Days that were observed whole, each at one level."""
    records = []
    for number, level in enumerate(levels):
        start = midnight(first + timedelta(days=number), PARIS)
        end = midnight(first + timedelta(days=number + 1), PARIS)
        for at in range(start, end, 900):
            crowd = {"person": counts(900.0 * level, int(level) + 1, 2, 1)}
            records.append(zone(seq, at, zone=zone_name, interval_s=900, observed_s=900.0, counts=crowd))
            seq += 1
    for n in range(0, len(records), 500):
        assert site.post(records[n : n + 500]).json()["rejected"] == []


PERIODS = {
    "place": LAWN,
    "a_from": "2026-11-02",
    "a_to": "2026-11-08",
    "b_from": "2026-11-09",
    "b_to": "2026-11-15",
}


def test_before_and_after_say_more_less_or_that_nothing_can_be_said(site):
    site.post([config(0, NOON - 30 * DAY_S, [zone_config("lawn", capacity=100)])])
    noise = [0, 0.5, -0.3, 0.2, -0.4, 0.1, -0.1]
    whole_days(site, date(2026, 11, 2), [10 + n for n in noise] + [15 + n for n in noise[::-1]])
    found = text(site, "/compare", **PERIODS)
    assert "More than before (mean presence, people): from 10.0 to 15.0, that is +5.00 (50%)" in found
    assert "7 of 7 days used, coverage 100%" in found
    swapped = {
        **PERIODS,
        "a_from": "2026-11-09",
        "a_to": "2026-11-15",
        "b_from": "2026-11-02",
        "b_to": "2026-11-08",
    }
    assert "Less than before" in text(site, "/compare", **swapped)
    assert "Moins qu\N{RIGHT SINGLE QUOTATION MARK}avant" in text(site, "/compare", "fr", **swapped)
    assert "5.0 points" in text(site, "/compare", **PERIODS, measure="rate")


def test_a_difference_that_may_be_chance_is_called_not_significant(site):
    whole_days(site, date(2026, 11, 2), [10, 14, 6, 13, 7, 12, 8, 9, 15, 7, 12, 8, 11, 9.5])
    found = text(site, "/compare", **PERIODS)
    assert "Difference not significant" in found
    assert "announce neither rise nor fall" in found
    assert "Différence non significative" in text(site, "/compare", "fr", **PERIODS)


def test_what_cannot_be_compared_is_told_with_what_to_do(site):
    assert "No box has delivered measurements yet" in text(site, "/compare")
    whole_days(site, date(2026, 11, 2), [10] * 9)
    assert "has only 2 days observed enough, it takes 3" in text(site, "/compare", **PERIODS)
    assert "There is no such place" in text(site, "/compare", status=404, place="/zones/box-a/north/none")
    assert "cannot be read" in text(site, "/compare", status=400, place=LAWN, measure="rate")
    assert "cannot be read" in text(site, "/compare", status=400, place=LAWN, **{"class": "vehicle"})
    assert "cannot be read" in text(site, "/compare", status=400, **{**PERIODS, "a_to": "2026-10-01"})
    assert "The two periods overlap" in text(site, "/compare", **{**PERIODS, "b_from": "2026-11-05"})


def test_several_places_stand_side_by_side(site):
    whole_days(site, date(2026, 11, 2), [10] * 7)
    whole_days(site, date(2026, 11, 2), [20] * 5, "court", 5000)
    whole_days(site, date(2026, 11, 2), [1] * 7, "hall", 9000)
    query = {"p_from": "2026-11-02", "p_to": "2026-11-08"}
    client = site.client("planner")
    found = client.get(
        "/compare/places",
        params={**query, "place": ["/zones/box-a/north/court", LAWN, GATE]},
        headers={"Accept-Language": "en"},
    ).text
    assert "court: 20.0 (5 days, coverage 71%); lawn: 10.0 (7 days, coverage 100%)." in found
    assert "1 of the chosen places do not count that" in found
    assert found.count('data-name="s1"') == 7
    assert 'data-name="s2"' not in found
    assert "None of these places has this figure" in text(
        site, "/compare/places", p_from="2025-01-01", p_to="2025-01-07"
    )


# Ranking


def rank_town(site) -> None:
    ground = {"image": [[0, 0], [1, 0], [1, 1], [0, 1]], "metres": [[0, 0], [40, 0], [40, 30], [0, 30]]}
    square = [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2], [0.1, 0.2]]
    zones = [zone_config("lawn", capacity=100), zone_config("court", polygon=square), zone_config("hall")]
    site.post([config(0, NOON - 30 * DAY_S, zones, ground=ground)])
    noise = [0, 0.5, -0.3, 0.2, -0.4, 0.1, -0.1]
    whole_days(site, date(2026, 11, 2), [20 + n for n in noise])
    whole_days(site, date(2026, 11, 2), [10 + n for n in noise], "court", 5000)
    whole_days(site, date(2026, 11, 2), [10.01 - n for n in noise], "hall", 9000)


def test_the_ranking_marks_what_may_be_chance_and_names_who_is_missing(site):
    rank_town(site)
    week = {"first": "2026-11-02", "last": "2026-11-08"}
    found = text(site, "/ranking", **week)
    assert (
        "First: lawn, 20.0 present on average (7 days). The difference to hall is more than chance." in found
    )
    rows = re.findall(r"<tr><td>(\d)</td>.*?</tr>", found)
    assert rows == ["1", "2", "3"]
    assert found.count('<td class="text">not significant</td>') == 1
    assert found.count('<td class="text">clear</td>') == 1
    per_area = text(site, "/ranking", per="area", **week)
    # 4 x 3 metres hold 10 people: a small place leads once size counts.
    assert "First: court, 83.3 present per 100 m²" in per_area
    per_capacity = text(site, "/ranking", per="capacity", **week)
    assert "First: lawn, 20% of the capacity" in per_capacity
    assert per_capacity.count("capacity unknown or 0") == 2
    assert "cannot be read" in text(site, "/ranking", status=400, per="moon")
    assert "No place can be ranked this way" in text(site, "/ranking", first="2026-01-01", last="2026-01-02")


# Parking


def test_the_car_park_tells_turnover_stays_and_when_cars_come(site):
    site.post([config(0, NOON - 9 * DAY_S, [zone_config("p1", "parking", capacity=10)])])
    start = midnight(date(2026, 11, 20), PARIS)
    stay = {"stay": [0, 0, 4, 0, 0, 0, 0, 0], "stay_censored": 1}
    records = []
    for n in range(96):
        came = 5 if n // 4 == 8 else 0
        taken = 900.0 * (10 if 32 <= n < 64 else 0)
        records.append(
            parking(n + 1, start + 900 * n, interval_s=900, observed_s=900.0, bays=10, observed_bay_s=9000.0)
            | {
                "occupied_bay_s": taken,
                "arrivals": came,
                "departures": 0,
                "peak": 10,
                **(stay if came else {}),
            }
        )
    site.post(records)
    found = text(site, f"{P1}/parking", span="day", on="2026-11-20")
    assert (
        "33% of the 10 bays were occupied on average, and each bay was used 2.0 times a day; coverage 100%"
        in found
    )
    assert "Most arrive between 8:00 and 9:00: 20.0 arrivals an hour" in found
    assert "480 min per observed day" in found
    assert "16 visits of known length; the length of 20% of all visits is not known" in found
    assert "No measurements here" in text(site, f"{P1}/parking", span="month", on="2026-01-01")
    assert site.client("planner").get(f"{LAWN}/parking").status_code == 404
    assert site.client("planner").get(f"{P1}/parking?span=x").status_code == 400


# Definitions


def test_every_question_mark_leads_to_a_definition_in_both_languages(site):
    linked = set()
    for path in TEMPLATES.glob("*.html"):
        linked |= set(re.findall(r"why\(t, '([a-z]+)'", path.read_text()))
        linked |= set(re.findall(r"/definitions#([a-z]+)\"", path.read_text()))
    assert (
        {"mean", "coverage", "forecast", "chance", "compare", "ranking", "turnover"} <= linked <= set(NAMES)
    )
    for language in ("fr", "en"):
        page = Page(text(site, "/definitions", language))
        ids = {attrs.get("id") for attrs in page.all("section")}
        assert set(NAMES) <= ids
        for name in NAMES:
            for part in ("title", "what", "how", "limits"):
                assert CATALOGUES[language][f"define.{name}.{part}"]
    assert site.client("technician").get("/definitions").status_code == 200
    assert site.client().get("/definitions").status_code == 303


# All of them


@pytest.mark.parametrize("words", CORPUS)
def test_no_query_comes_back_as_markup(town, words):
    client = town.client("administrator")
    words = words[:2000]
    for path in (LAWN, f"{P1}/parking", "/compare", "/compare/places", "/ranking"):
        for name in ("span", "on", "place", "measure", "per", "first", "a_from", "b_to", "p_to"):
            answer = client.get(path, params={name: words})
            assert answer.status_code in {200, 400, 404}
            page = Page(answer.text)
            assert all(
                attrs.get("src", "/").startswith("/") for attrs in page.all("script") + page.all("img")
            )
            assert "<script>alert" not in answer.text


def test_crews_and_strangers_see_none_of_it(town):
    for path in (f"{LAWN}/forecast", f"{P1}/parking", "/compare", "/compare/places", "/ranking"):
        assert town.client("crew").get(path).status_code == 403
        assert town.client().get(path).status_code == 303


def test_figures_of_a_statistics_zone_wait_their_quarter_of_an_hour(site):
    site.post([config(0, NOON - 9 * DAY_S, [zone_config("lawn", purpose="statistics")])])
    site.clock.now = midnight(date(2026, 11, 23), PARIS) + 600
    last = int(site.clock()) - 600 - 900
    site.post([zone(1, last, interval_s=900, observed_s=900.0, counts={"person": counts(9000.0, 77)})])
    assert ">77<" not in text(site, LAWN, span="day", on="2026-11-22").split("<main")[1]
    site.clock.now += 600
    assert ">77<" in text(site, LAWN, span="day", on="2026-11-22").split("<main")[1]


def test_the_usual_week_reads_its_hours_once(town, monkeypatch):
    asked = []
    before = SqliteRecords.rows
    monkeypatch.setattr(
        SqliteRecords, "rows", lambda self, *given: asked.append(given) or before(self, *given)
    )
    text(town, f"{LAWN}/week")
    assert len([given for given in asked if given[2] - given[1] > DAY_S]) == 1


def test_the_server_keeps_days_by_itself_and_survives_a_failure(town, monkeypatch, caplog):
    settings, stop = town.app.state.settings, threading.Event()
    assert keep_days(town.store, settings, stop) == 3 * 42
    assert keep_days(town.store, settings, stop) == 0
    monkeypatch.setattr(SqliteDays, "fill", lambda *_: 1 / 0)
    assert keep_days(town.store, settings, stop) == 0
    assert "local days cannot be kept now" in caplog.text
