"""What may be read, and when, through JSON and pages alike."""

from __future__ import annotations

import pytest

from server.settings import Settings
from tests.server.build import NOON, config, counts, line, parking, zone, zone_config

LAST = NOON - 60  # an interval that ended just now


@pytest.fixture
def fed(site):
    zones = [
        zone_config("open", purpose="operational"),
        zone_config("lawn", purpose="statistics"),
        zone_config("p1", "parking", purpose="statistics"),
    ]
    site.post([config(0, NOON - 7200, zones)])
    names = ("open", "lawn", "unknown")
    records = []
    for index in range(120):
        start = NOON - 7200 + 60 * index
        records += [zone(1000 * (n + 1) + index, start, zone=name) for n, name in enumerate(names)]
        records += [parking(4000 + index, start), line(5000 + index, start)]
    for cut in range(0, len(records), 400):
        assert site.post(records[cut : cut + 400]).json()["rejected"] == []
    return site


def starts(answer):
    return [one["start"] for one in answer.json()["bins"] if one["coverage"] > 0]


@pytest.mark.parametrize(
    ("path", "delayed"),
    [
        ("zones/box-a/north/open", False),
        ("zones/box-a/north/lawn", True),
        ("zones/box-a/north/unknown", True),
        ("zones/box-a/north/p1", True),
        ("lines/box-a/north/gate", True),
    ],
)
def test_statistics_appear_fifteen_minutes_after_their_interval(fed, path, delayed):
    query = {"from": "2026-11-22T11:00:00Z", "to": "2026-11-22T12:00:00Z", "step": "60"}
    last = "2026-11-22T11:44:00Z" if delayed else "2026-11-22T11:59:00Z"
    answer = fed.series(path, **query)
    assert answer.json()["visible_until"] == ("2026-11-22T11:45:00Z" if delayed else "2026-11-22T12:00:00Z")
    assert starts(answer)[-1] == last
    # At every step, in the table of the page and in the CSV: nothing of the last quarter.
    moves = {"zones": "entries", "lines": "in"}[path[:5]]
    moves = "arrivals" if path.endswith("p1") else moves
    expected = {"entries": 45, "arrivals": 90, "in": 135}[moves] + (0 if delayed else 15)
    for step in ("60", "300", "900", "3600", "day"):
        assert fed.series(path, **(query | {"step": step})).json()["total"][moves] >= expected
    assert fed.series(path, **query).json()["total"][moves] == expected
    client = fed.client("viewer")
    page = client.get(f"/{path}", params=query).text
    rows = page.count("<tr data-start=")
    assert rows == (1 if "lines" in path else 2) * (45 if delayed else 60)
    csv = client.get(f"/{path}/csv", params=query).text
    assert ("11:44:00Z" in csv, "11:45:00Z,2026" in csv) == (True, not delayed)
    listed = client.get("/api/v1/lines" if "lines" in path else "/api/v1/zones").json()
    [entry] = [e for e in next(iter(listed.values())) if path.endswith(e.get("zone") or e["line"])]
    assert entry["last_end"] == ("2026-11-22T11:45:00Z" if delayed else "2026-11-22T12:00:00Z")


def test_a_minute_later_one_more_interval_appears(fed):
    query = {"from": "2026-11-22T11:00:00Z", "to": "2026-11-22T12:00:00Z", "step": "60"}
    fed.clock.now += 59
    assert starts(fed.series("zones/box-a/north/lawn", **query))[-1] == "2026-11-22T11:44:00Z"
    fed.clock.now += 1
    assert starts(fed.series("zones/box-a/north/lawn", **query))[-1] == "2026-11-22T11:45:00Z"


def test_a_changed_purpose_takes_effect_on_what_is_already_stored(fed):
    query = {"from": "2026-11-22T11:00:00Z", "to": "2026-11-22T12:00:00Z", "step": "60"}
    fed.post([config(9, NOON - 1, [zone_config("open", purpose="statistics")])])
    assert starts(fed.series("zones/box-a/north/open", **query))[-1] == "2026-11-22T11:44:00Z"


def test_only_a_demonstration_may_shorten_the_delay(tmp_path, make_site):
    with pytest.raises(ValueError, match="900"):
        Settings(data_dir=tmp_path, statistics_delay_s=0)
    site = make_site(demo=True, statistics_delay_s=0)
    site.post([zone(1, LAST)])
    client = site.client("viewer")
    assert starts(site.series("zones/box-a/north/lawn", step="60")) == ["2026-11-22T11:59:00Z"]
    assert "Démonstration" in client.get("/").text
    assert "Démonstration" not in make_site("other").client("viewer").get("/").text


def test_before_anything_may_be_shown_the_pages_say_so(site):
    site.post([zone(1, LAST)])
    client = site.client("viewer")
    assert "Pas encore de chiffres" in client.get("/").text
    page = client.get("/zones/box-a/north/lawn")
    assert page.status_code == 200
    assert "<tr data-start=" not in page.text or 'class="gap"' in page.text


def test_gaps_are_null_in_json_and_empty_in_csv_and_dashes_on_the_page(site):
    site.post([zone(1, NOON - 7200), zone(2, NOON - 7200 + 180)])
    query = {"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T10:04:00Z", "step": "60"}
    bins = site.series("zones/box-a/north/lawn", **query).json()["bins"]
    assert [b["mean_occupancy"] for b in bins] == [2.0, None, None, 2.0]
    assert [b["peak"] for b in bins] == [3, None, None, 3]
    assert [b["coverage"] for b in bins] == [1, 0, 0, 1]
    client = site.client("viewer")
    csv = client.get("/zones/box-a/north/lawn/csv", params=query).text.splitlines()
    assert csv[2].endswith("2026-11-22T10:02:00Z,0.0,0.0,,,,,,synced,")
    page = client.get("/zones/box-a/north/lawn", params=query).text
    assert page.count('data-name="mean" data-v=""') == 2
    assert page.count("aucune donnée") >= 2


def test_the_default_period_follows_the_data(site):
    site.post([zone(n, NOON - 7200 + 10 * n, interval_s=10, observed_s=10.0, counts={}) for n in range(6)])
    answer = site.series("zones/box-a/north/lawn").json()
    assert (answer["step"], len(answer["bins"])) == (10, 6)
    site.post([zone(100 + n, NOON - 2 * 86400 + 60 * n) for n in range(500)])
    answer = site.series("zones/box-a/north/lawn").json()
    assert (answer["step"], len(answer["bins"])) == (900, 97)


def test_two_runs_of_one_interval_add_up_through_the_store(site):
    half = {"observed_s": 30.0, "counts": {"person": counts(60.0, 2, 1, 0)}}
    site.post([zone(1, NOON - 7200, **half), zone(1, NOON - 7200, run="f" * 16, **half)])
    query = {"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T10:01:00Z"}
    [one] = site.series("zones/box-a/north/lawn", **query).json()["bins"]
    assert (one["coverage"], one["mean_occupancy"], one["entries"]) == (1.0, 2.0, 2)


def test_a_redrawn_zone_is_said_to_be(site):
    site.post([zone(1, NOON - 7200), zone(2, NOON - 7140, zone_version="0" * 16)])
    assert site.series("zones/box-a/north/lawn").json()["zone_versions"] == 2
    assert "redessinée" in site.client("viewer").get("/zones/box-a/north/lawn").text


def test_a_class_that_is_not_counted_here_is_refused_and_not_0(fed):
    answer = fed.series("zones/box-a/north/lawn", **{"class": "bicycle"})
    assert answer.status_code == 400
    assert "person" in answer.json()["detail"]


@pytest.mark.parametrize(
    "query",
    [
        {"step": "7"},
        {"step": "-60"},
        {"step": "60.5"},
        {"step": "9" * 30},
        {"step": "10"},  # the records are of a minute
        {"from": "yesterday"},
        {"from": "9999-99-99T00:00:00Z"},
        {"from": "2026-11-22T11:00:00Z", "to": "2026-11-22T11:00:00Z"},
        {"from": "2020-01-01T00:00:00Z", "step": "60"},
        {"from": "0001-01-01T00:00:00+14:00"},
        {"to": "9999-12-31T23:59:59-14:00"},
        {"class": "dog"},
        {"class": "<script>"},
    ],
)
def test_a_query_that_cannot_be_answered_is_400_and_the_page_stays_readable(fed, query):
    answer = fed.series("zones/box-a/north/lawn", **query)
    assert answer.status_code == 400
    assert answer.json()["error"] == "bad_query"
    page = fed.client("viewer").get("/zones/box-a/north/lawn", params=query)
    assert page.status_code == 400
    assert "<script>" not in page.text
    assert "Tableau des valeurs" in page.text
    assert fed.client("viewer").get("/zones/box-a/north/lawn/csv", params=query).status_code == 400


def test_local_times_of_the_form_are_local(fed):
    answer = fed.series(
        "zones/box-a/north/lawn", **{"from": "2026-11-22T12:00:00", "to": "2026-11-22T12:10:00"}
    )
    assert answer.json()["bins"][0]["start"] == "2026-11-22T11:00:00Z"
