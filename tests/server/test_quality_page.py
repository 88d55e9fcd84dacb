"""Data quality and provenance, with the bad records that a server meets."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.batch import parse_record
from contract.messages import ZoneConfig
from server.changes import Difference, differences
from server.pages import quality as quality_page
from server.pages.quality import days_of, look_of, month_of, together
from server.pages.texts import CATALOGUES
from server.store.quality_base import DoubledHour
from server.store.run_sums import content_of
from tests.server.build import NOON, config, health, line, parking, utc, zone, zone_config

DAY_S = 86400
OTHER = "ffff0c5d2a9f4e10"
FIRST = NOON - 12 * DAY_S  # 2026-11-10, noon
LAWN = "/provenance/zones/box-a/north/lawn"


def version(one):
    return ZoneConfig.model_validate(one, strict=False).version


def quarters(seq, start, number, **changes):
    values = {"interval_s": 900, "observed_s": 900.0} | changes
    return [zone(seq + n, start + 900 * n, **values) for n in range(number)]


def text_of(site, path, language="en", role="viewer"):
    answer = site.client(role).get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.text)


@pytest.fixture
def fed(site):
    """Twelve days of a lawn, redrawn after six; a lost morning; a dead afternoon."""
    old, new = zone_config("lawn", capacity=10), zone_config("lawn", capacity=12)
    records = [config(0, FIRST, [old])]
    records += quarters(1, FIRST, 576, zone_version=version(old))
    half = FIRST + 6 * DAY_S
    records += [config(5000, half, [new], run=OTHER, software="parvis-0.2.0")]
    for n, record in enumerate(quarters(5001, half, 576, run=OTHER, zone_version=version(new))):
        if 96 <= n < 112:
            record |= {"observed_s": 0.0, "flag_s": {"lost": 900.0}, "counts": {}}
        if not 192 <= n < 204:
            records.append(record)
    for cut in range(0, len(records), 400):
        assert site.post(records[cut : cut + 400]).json()["rejected"] == []
    return site


def test_a_month_as_a_map_that_is_a_table(fed):
    text = text_of(fed, "/quality")
    cells = re.findall(r'<td class="(q-[a-z]+)"', text)
    # 30 days and the whole month; the fixture's place is born on the 10th and has lived until noon of the 22nd.
    assert len(cells) == 31
    assert cells[:9] == ["q-out"] * 9
    assert cells[22:30] == ["q-out"] * 8
    assert set(cells[9:16]) == {"q-full"}
    assert cells.count("q-part") == 2
    assert "November 2026: 98% of the time observed; 0 of 1 zones and lines below 90%" in text
    assert "configuration changed" in text


def test_what_was_lost_has_a_name_and_dead_periods_a_cause(fed):
    text = text_of(fed, "/quality")
    assert "lost or stalled</th>" in text
    assert '<td class="low">4 h</td>' in text
    assert '<td class="low">3 h</td>' in text
    start = FIRST + 7 * DAY_S
    assert "17 Nov 2026 13:00" in text
    assert (
        fed.store.quality.seen(("box-a", "north", "lawn", "zone"), start, start + 3600)[0].flag_s["lost"]
        == 3600.0
    )
    assert "nothing received: box off or offline" in text
    assert "The 2 longest of 2" in text


def test_changes_are_told_in_words(fed):
    text = text_of(fed, "/quality")
    assert "capacity of lawn (10 \N{RIGHTWARDS ARROW} 12); software (parvis-0.1.0" in text
    assert "capacité de lawn" in text_of(fed, "/quality", "fr")


def test_two_boxes_under_one_id_are_shown_with_both_runs_and_on_the_pages_of_the_place(fed):
    fed.post([config(9000, NOON - 7200, [zone_config("lawn", capacity=12)], run="aaaa0c5d2a9f4e10")])
    fed.post(quarters(9001, NOON - 7200, 8, run="aaaa0c5d2a9f4e10"))
    text = text_of(fed, "/quality")
    assert "Seconds are counted twice" in text
    assert "at least 2 h" in text
    assert OTHER in text
    assert "aaaa0c5d2a9f4e10" in text
    assert "<dt>Hours counted twice</dt><dd>2</dd>" in text
    page = text_of(fed, "/zones/box-a/north/lawn")
    assert "Careful: at least 2 h are counted twice" in page
    assert page.count("counted twice 15 min") == 2 * 8  # in the table of occupancy and in that of flows
    assert "counted twice" in text_of(fed, LAWN)
    series = fed.series("zones/box-a/north/lawn", step=3600).json()
    assert [one["flag_s"].get("doubled") for one in series["bins"][-2:]] == [3600.0, 3600.0]
    csv = fed.client("planner").get("/zones/box-a/north/lawn/csv").text
    assert csv.count("doubled=") == 8


def test_records_of_1970_and_next_year_are_explained_and_count_nowhere(fed):
    before = fed.series("zones/box-a/north/lawn", step="day").json()["total"]
    answer = fed.post([zone(70_000, 60_000), zone(70_001, NOON + 400 * DAY_S)])
    assert answer.json()["rejected"] == []
    for language, said in (("en", "often 1970"), ("fr", "souvent 1970")):
        text = text_of(fed, "/quality", language)
        assert said in text
        assert "1970" in text
        assert "2027" in text
    assert fed.series("zones/box-a/north/lawn", step="day").json()["total"] == before
    assert "2 records of this camera received since are in quarantine" in text_of(fed, LAWN)


def test_a_month_without_data_says_so(fed):
    text = text_of(fed, "/quality?month=2026-03")
    assert "No data for this month" in text
    assert 'class="heat' not in text
    assert "0%" not in text
    assert "No record for this period" in text_of(fed, LAWN + "?month=2026-03")


def test_nothing_delivered_yet_says_what_to_look_at(site):
    assert "No zone has delivered an interval yet" in text_of(site, "/quality")


def test_one_observed_second_is_some_percent_and_not_nothing(site):
    site.post(
        [config(0, NOON - 7200, [zone_config("lawn")]), zone(1, NOON - 7200, observed_s=1.0, counts={})]
    )
    text = text_of(site, "/quality")
    assert 'class="q-low"' in text
    assert ">1<" in text
    assert "1% of the elapsed time was observed" in text_of(site, LAWN)


def test_a_zone_renamed_mid_month_is_two_places_and_a_change(site):
    old, new = zone_config("lawn"), zone_config("meadow")
    site.post([config(0, FIRST, [old]), *quarters(1, FIRST, 8, zone_version=version(old))])
    later = {"run": OTHER, "zone": "meadow", "zone_version": version(new)}
    site.post([config(50, FIRST + DAY_S, [new], run=OTHER), *quarters(51, FIRST + DAY_S, 8, **later)])
    text = text_of(site, "/quality")
    assert "zone meadow added; zone lawn removed, or renamed" in text
    assert "q-none" in text


@pytest.mark.parametrize("query", ["month=2026-13", "month=1999-01", "month=x", "from=x"])
def test_a_wish_that_cannot_be_is_refused(fed, query):
    answer = fed.client("viewer").get(f"/quality?{query}", headers={"Accept-Language": "en"})
    assert answer.status_code == 400
    assert "This month cannot be shown" in answer.text


def test_many_places_come_in_parts(fed, monkeypatch):
    fed.post([zone(80_000 + n, NOON - 3600, zone=f"z{n}") for n in range(3)])
    monkeypatch.setattr(quality_page, "SHOWN", 3)
    assert "Zones and lines 1 to 3 of 4." in text_of(fed, "/quality")
    assert "Zones and lines 4 to 4 of 4." in text_of(fed, "/quality?from=3")


def test_no_page_reads_more_rows_than_it_may(fed):
    """20 places x 31 days x 24 hours, and what else there is of them."""
    assert quality_page.SHOWN * 31 * 24 <= 15_000


def test_provenance_names_device_model_configuration_and_software_with_from_and_to(fed):
    text = text_of(fed, LAWN, role="technician")
    assert "versions: 2; " in text
    assert "parvis-0.1.0" in text
    assert "parvis-0.2.0" in text
    assert text.count("<polygon") == 2
    assert "1,140 records" in text
    got = fed.client("planner").get(LAWN + "?format=json").json()
    first, second = got["origins"]
    assert (first["records"], second["records"]) == (576, 564)
    assert (first["from"], first["to"]) == (utc(FIRST), utc(FIRST + 6 * DAY_S))
    assert first["observed_s"] + second["observed_s"] == got["observed_s"]
    assert got["undelivered_s"] == 3 * 3600
    assert got["flag_s"]["lost"] == 4 * 3600.0
    assert got["coverage"] == round(got["observed_s"] / (12 * DAY_S), 4)
    assert second["runs"] == [OTHER]
    shorter = fed.client("planner").get(f"{LAWN}?from={utc(FIRST)}&to={utc(FIRST + 7200)}&format=json").json()
    assert shorter["origins"][0]["records"] == 8


@pytest.mark.parametrize(
    "query", ["from=x", "month=2026-40", f"from={utc(NOON)}&to={utc(NOON - 1)}", "from=2020-01-01"]
)
def test_a_period_that_cannot_be_is_refused(fed, query):
    answer = fed.client("planner").get(f"{LAWN}?{query}", headers={"Accept-Language": "en"})
    assert answer.status_code == 400
    assert "This period cannot be shown" in answer.text
    assert fed.client("planner").get(f"{LAWN}?{query}&format=json").json()["error"] == "bad_query"


def test_records_whose_configuration_never_came_are_of_unknown_origin(site):
    site.post([zone(1, NOON - 7200), line(2, NOON - 7200), parking(3, NOON - 7200), health(4, NOON - 60)])
    assert "unknown: its announcement did not arrive" in text_of(site, LAWN)
    assert "unknown: its announcement" in text_of(site, "/provenance/lines/box-a/north/gate")
    assert site.client("viewer").get("/provenance/lines/box-a/north/lawn").status_code == 404
    assert site.client("viewer").get("/provenance/zones/box-a/north/none").status_code == 404


def test_the_page_of_a_place_leads_to_its_provenance(fed):
    text = text_of(fed, f"/zones/box-a/north/lawn?from={utc(FIRST)}&to={utc(FIRST + 7200)}")
    [link] = re.findall(rf'href="({LAWN}[^"]*)"', text)
    assert "8 records of box box-a" in text_of(fed, link.replace("&amp;", "&"))


def test_every_reason_of_quarantine_has_a_remedy():
    for catalogue in CATALOGUES.values():
        for reason in ("before_2024", "future", "before_enrolment", "time_unknown"):
            assert f"quality.do.{reason}" in catalogue


def test_days_are_local_and_the_long_one_is_long(site):
    tz = site.app.state.settings.zone_info
    days = days_of(month_of("2026-10", NOON, tz), tz)
    assert len(days) == 31
    assert [(high - low) // 3600 for _, low, high in days][23:26] == [24, 25, 24]


def test_looks():
    looks = [look_of(value) for value in (None, 0.0, 0.001, 0.5, 0.9, 0.99, 1.0)]
    assert looks == ["q-out", "q-none", "q-low", "q-part", "q-most", "q-full", "q-full"]


def test_hours_in_a_row_are_one():
    place = ("b", "c", "z", "zone")
    hours = [DoubledHour(place, at, 60.0, ("a", "b")) for at in (0, 3600, 10_800)]
    assert [(one.start, one.end, one.doubled_s) for one in together(hours[::-1])] == [
        (10_800, 14_400, 60.0),
        (0, 7200, 120.0),
    ]


def content(zones, **changes):
    return json.loads(content_of(parse_record(config(0, NOON, zones, **changes)))[0])


def test_differences_are_named():
    gate = {"id": "gate", "points": [[0.1, 0.5], [0.9, 0.5]], "classes": ["person"]}
    one = content([zone_config("a"), zone_config("b", purpose="statistics")], lines=[gate])
    moved = zone_config("a", polygon=[[0.2, 0.1], [0.9, 0.1], [0.9, 0.9]], classes=["person", "bicycle"])
    other = content(
        [moved, zone_config("c")], interval_s=300, lines=[gate | {"points": [[0.1, 0.4], [0.9, 0.5]]}]
    )
    assert differences(one, one) == []
    assert differences(one, other) == [
        Difference("zone_added", "c"),
        Difference("zone_removed", "b"),
        Difference("zone_redrawn", "a"),
        Difference("classes", "a", "person", "person, bicycle"),
        Difference("line_redrawn", "gate"),
        Difference("interval", "", "60", "300"),
    ]


@given(st.sampled_from(["software", "model", "run", "at"]))
def test_the_version_of_a_configuration_is_that_of_what_it_draws(name):
    values = {"software": "parvis-9", "model": "other", "run": OTHER, "at": utc(NOON + 5)}
    one = content_of(parse_record(config(0, NOON, [zone_config("a")])))
    assert content_of(parse_record(config(0, NOON, [zone_config("a")]) | {name: values[name]})) == one
    assert content_of(parse_record(config(0, NOON, [zone_config("a", capacity=3)]))) != one
