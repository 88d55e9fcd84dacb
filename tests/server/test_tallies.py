"""Counts by hand: what is compared with what, what is refused, and where the error is shown."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.chance import mean_interval
from server.tallies import MEASURES, Tally, TallyError, check_asked, check_time, found
from tests.server.build import NOON, config, line, parking, zone, zone_config
from tests.server.test_site_pages import note, planner

KEY = ("box-a", "north", "lawn", "zone")
# 10:00 to 10:15 UTC, 11:00 in Paris.
START = NOON - 7200
SENT = {
    "of": "/zones/box-a/north/lawn",
    "class": "person",
    "measure": "entries",
    "from": "2026-11-22T11:00",
    "to": "2026-11-22T11:15",
    "counted": "13",
    "by": "M. Martin",
}


def tally(counted=10.0, ours=12.0, **changes):
    base = Tally(1, *KEY, "person", "entries", START, START + 900, counted, ours, 1.0, "", "me", NOON, "me")
    return replace(base, **changes)


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 500)), min_size=1, max_size=20))
def test_errors_add_up_to_the_difference_of_the_sums(pairs):
    (one,) = found([tally(a, b, id=n) for n, (a, b) in enumerate(pairs)], {})
    assert one.n == len(pairs)
    assert one.mean * one.n == pytest.approx(one.ours - one.counted, abs=1e-6)
    assert one.absolute >= abs(one.mean) - 1e-9
    assert one.interval == (mean_interval([b - a for a, b in pairs]) if len(pairs) > 3 else None)
    if one.interval:
        assert one.interval[0] <= one.mean + 1e-9
        assert one.interval[1] >= one.mean - 1e-9
    assert (one.share is None) == (one.counted == 0)


def test_a_zone_that_was_drawn_anew_starts_again():
    every = [tally(version="old"), tally(version="now", ours=9.0), tally(version="old", measure="exits")]
    (one,) = found(every, {KEY: "now"})
    assert (one.n, one.older, one.mean, one.measure) == (1, 1, -1.0, "entries")
    # Where no version is known now, nothing can be told apart.
    assert sum(one.n for one in found(every, {})) == 3


@pytest.mark.parametrize(
    ("kind", "group", "measure", "counted", "by", "rule"),
    [
        ("line", "person", "present", 3.0, "me", "tally_what"),
        ("zone", "vehicle", "entries", 3.0, "me", "tally_what"),
        ("zone", "person", "peak", 3.0, "me", "tally_what"),
        ("zone", "person", "entries", -1.0, "me", "tally_number"),
        ("zone", "person", "entries", None, "me", "tally_number"),
        ("zone", "person", "entries", float("nan"), "me", "tally_number"),
        ("zone", "person", "entries", 2.5, "me", "tally_whole"),
        ("zone", "person", "entries", 2.0, "", "tally_by"),
        ("zone", "person", "entries", 2.0, "a\u202eb", "tally_by"),
    ],
)
def test_what_cannot_be_a_count_is_refused(kind, group, measure, counted, by, rule):
    with pytest.raises(TallyError) as caught:
        check_asked(kind, ["person"], group, measure, counted, by)
    assert caught.value.rule == rule


@pytest.mark.parametrize(
    ("start", "end", "step", "last", "rule"),
    [
        (0, 240, 60, 10_000, "tally_length"),
        (900, 0, 60, 10_000, "tally_length"),
        (0, 90_000, 60, 100_000, "tally_length"),
        (300, 1200, 900, 10_000, "tally_grid"),
        (0, 900, 900, 899, "tally_early"),
        (0, 900, 900, None, "tally_early"),
    ],
)
def test_what_lies_at_no_possible_time_is_refused(start, end, step, last, rule):
    with pytest.raises(TallyError) as caught:
        check_time(start, end, step, last)
    assert caught.value.rule == rule


def test_the_rest_is_taken():
    for measure in MEASURES:
        check_asked("zone", ["person"], "person", measure, 3.0, "Léa")
    check_asked("zone", ["person"], "person", "present", 2.5, "Léa")
    check_time(0, 900, 900, 900)


@pytest.fixture
def town(site):
    """A zone with one entry a minute, fully observed but for five minutes after the first quarter."""
    records = [config(0, NOON - 9000, [zone_config("lawn"), zone_config("p1", "parking")])]
    for n in range(60):
        dark = {"observed_s": 0.0, "counts": {}} if 15 <= n < 20 else {}
        records.append(zone(10 + n, START + 60 * n, **dark))
    records += [parking(100 + n, START + 60 * n) for n in range(30)]
    records += [line(200, START, interval_s=900, observed_s=900.0)]
    assert site.post(records).json()["rejected"] == []
    return site


def sent(site, role="planner", **changes):
    return site.client(role).post(
        "/tallies", data={"csrf": f"csrf-{role}", **SENT, **changes}, headers={"Accept-Language": "en"}
    )


def seen(site, path, language="en"):
    answer = site.client("planner").get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.text)


def test_a_count_by_hand_is_compared_with_exactly_the_same_time(town):
    assert sent(town).status_code == 303
    (one,) = town.store.tallies.tallies()
    assert (one.start, one.end) == (START, START + 900)
    assert (one.counted, one.ours, one.error, one.coverage) == (13.0, 15.0, 2.0, 1.0)
    assert one.version != ""
    entry = town.store.accounts.audit(1, "tally.add")[0]
    assert entry.detail.endswith("13 by hand, 15 by the box")
    assert "15 counted by the box, 13 by hand" in seen(town, "/tallies")
    assert "+15.4%" in seen(town, "/tallies")


@pytest.mark.parametrize(
    ("of", "measure", "ours"),
    [
        ("/zones/box-a/north/lawn", "present", 2.0),
        ("/zones/box-a/north/p1", "exits", 15.0),
        ("/zones/box-a/north/p1", "present", 4.0),
        ("/lines/box-a/north/gate", "entries", 3.0),
    ],
)
def test_every_kind_of_place_has_its_measures(town, of, measure, ours):
    group = "vehicle" if of.endswith("p1") else "person"
    assert sent(town, of=of, measure=measure, **{"class": group}).status_code == 303
    assert town.store.tallies.tallies()[0].ours == ours


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"to": "2026-11-22T11:20"}, "observed 75% of that time only"),
        ({"to": "2026-11-22T13:00"}, "have arrived"),
        ({"to": "2026-11-22T11:03"}, "lasts 5 minutes"),
        ({"from": "2026-11-22T11:00:30"}, "intervals of 60 s"),
        ({"of": "/lines/box-a/north/gate", "to": "2026-11-22T11:10"}, "intervals of 900 s"),
        ({"of": "/zones/box-a/north/none"}, "not counted at this place"),
        ({"of": "/zones/../../etc"}, "not counted at this place"),
        ({"class": "bicycle"}, "not counted at this place"),
        ({"counted": "12,5"}, "whole number"),
        ({"counted": "many"}, "A number was expected"),
        ({"from": "yesterday"}, "A date and a time"),
        ({"by": ""}, "Say who counted"),
    ],
)
def test_what_cannot_be_compared_is_refused_and_comes_back(town, changes, said):
    answer = sent(town, **changes)
    assert answer.status_code == 400
    assert said in note(answer)
    assert f'value="{SENT["by"] if "by" not in changes else ""}"' in answer.text
    assert town.store.tallies.tallies() == []


def test_the_same_count_is_not_taken_twice_and_can_be_taken_back(town):
    assert sent(town).status_code == 303
    assert "there already" in note(sent(town))
    act = planner(town)
    assert act("/tallies/drop", id="1").status_code == 303
    assert town.store.tallies.tallies() == []
    assert town.store.accounts.audit(1, "tally.drop")[0].detail.endswith("13 by hand, 15 by the box")
    assert act("/tallies/drop", id="1").status_code == 400


def test_the_error_stands_wherever_the_figures_do(town):
    unchecked = "were not checked on site"
    report = "/reports/document?of=box-a/north/lawn&period=2026-11"
    assert "Never checked on site" in seen(town, "/zones/box-a/north/lawn")
    assert unchecked in seen(town, report)
    assert "No count by hand" in seen(town, "/quality")
    for n, counted in enumerate(("13", "14", "16", "13")):
        assert sent(town, counted=counted, by=f"P{n}").status_code == 303
    said = "60 counted by the box, 56 by hand. Off by +7.1%. Mean error of a count +1.0 (-1.2 to +3.2, 95% interval)."
    for path in ("/zones/box-a/north/lawn", report, "/quality", "/tallies"):
        assert said in seen(town, path).replace("\N{MINUS SIGN}", "-"), path
    assert unchecked not in seen(town, report)
    assert "Vérifié sur place 4 fois, la dernière le 22/11/2026" in seen(town, report, "fr")
    # Only its own place.
    assert "Never checked on site" in seen(town, "/zones/box-a/north/p1")


def test_a_redrawn_zone_says_that_its_counts_are_of_another(town):
    assert sent(town).status_code == 303
    moved = [zone_config("lawn", polygon=[[0, 0], [1, 0], [1, 1]])]
    town.post([config(500, NOON - 3500, moved, run="f" * 16)])
    town.post([zone(600 + n, NOON - 3000 + 60 * n, zone_version="a" * 16) for n in range(20)])
    assert "Never checked on site" in seen(town, "/zones/box-a/north/lawn")


@pytest.mark.parametrize("role", ["viewer", "crew", "technician"])
def test_only_planners_enter_counts(town, role):
    assert sent(town, role).status_code == 403
    assert planner(town, role)("/tallies/drop", id="1").status_code == 403
    assert town.client("planner").post("/tallies", data={**SENT, "csrf": "no"}).status_code == 403
    if role == "viewer":
        page = town.client(role).get("/tallies").text
        assert "<form class" not in page
