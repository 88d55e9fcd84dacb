"""Fleet: what is wrong with a box and what to do, from its last words and from what came of it."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.names import UNOBSERVED_FLAGS, HealthReason
from server.accounts import add_device, revoke_device
from server.coverage import Hour, account, dead_periods, without_gap_since
from server.fleet import HEAVY, Condition, attention, problems
from server.pages import fleet as fleet_page
from server.pages.history import HEIGHT, cover_chart, midnights
from server.pages.texts import CATALOGUES
from tests.server.build import NOON, config, health, zone, zone_config

DAY_S = 86400
OTHER = "ffff0c5d2a9f4e10"


def condition(**changes):
    words = health(1, NOON - 30)
    values = {"now": NOON, "created_at": NOON - DAY_S, "last_received": NOON - 20, "last_end": NOON - 90}
    return Condition(**(values | {"health": words, "coverage": 1.0} | changes))


def names(**changes):
    return [problem.name for problem in problems(condition(**changes))]


def test_a_box_that_delivers_has_no_problem():
    assert names() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"last_received": None}, ["never"]),
        ({"last_received": NOON - 601}, ["silent"]),
        ({"last_received": NOON - 600}, []),
        ({"revoked": True, "last_received": None, "doubled": True}, []),
        ({"health": None}, ["no_health"]),
        ({"last_end": NOON - 661}, ["no_intervals"]),
        ({"last_end": None}, ["no_intervals"]),
        ({"coverage": 0.89}, ["low_coverage"]),
        ({"coverage": None}, []),
        ({"doubled": True, "quarantined": 3}, ["doubled", "quarantined"]),
        # The last words of a silent box say nothing of now.
        (
            {"last_received": NOON - 9000, "health": health(1, NOON, state="lost"), "coverage": 0.1},
            ["silent"],
        ),
        ({"health": health(1, NOON, state="lost", last_end=None)}, ["camera_lost"]),
        ({"health": health(1, NOON, temperature_c=80.0, throttled=True)}, ["hot", "throttled"]),
        (
            {"health": health(1, NOON, clock="unsynced", dead_letters=2)},
            ["clock_unsynced", "records_refused"],
        ),
        ({"health": health(1, NOON, disk_free_mb=499, spool_age_s=900.0)}, ["backlog", "disk_low"]),
        # What a newer box says of itself is believed.
        ({"health": health(1, NOON, verdict="healthy", temperature_c=90.0)}, []),
        (
            {"health": health(1, NOON, verdict="failing", reasons=["hot", "picture_blind"])},
            ["picture_blind", "hot"],
        ),
    ],
)
def test_what_is_wrong(changes, expected):
    assert names(**changes) == expected


def test_the_heaviest_and_longest_comes_first():
    found = [
        problems(condition(**changes))
        for changes in (
            {},
            {"coverage": 0.5},
            {"last_received": NOON - 700},
            {"last_received": NOON - 7000},
            {"health": health(1, NOON, verdict="degraded", reasons=["hot"])},
        )
    ]
    order = [[p.name for p in own][:1] for own in sorted(found, key=attention)]
    assert order == [["silent"], ["silent"], ["low_coverage"], ["hot"], []]
    assert min(found, key=attention)[0].for_s == 7000


def test_every_reason_has_a_name_and_a_remedy_in_both_languages():
    known = {
        *get_args(HealthReason),
        "never",
        "silent",
        "no_health",
        "no_intervals",
        "doubled",
        "quarantined",
    }
    assert set(get_args(HealthReason)) >= HEAVY
    for catalogue in CATALOGUES.values():
        for name in {*known, "low_coverage"}:
            assert catalogue[f"fleet.problem.{name}"]
            assert len(catalogue[f"fleet.remedy.{name}"]) > 20


SECONDS = st.floats(0, 3600)


@given(
    st.dictionaries(
        st.integers(0, 47),
        st.tuples(SECONDS, st.sampled_from(["lost", "dark", "moved"]), SECONDS),
        max_size=48,
    )
)
def test_no_second_is_missing_from_the_account(told):
    hours = [
        Hour(3600 * at, seen, {flag: min(s, 3600 - seen if flag in UNOBSERVED_FLAGS else seen)})
        for at, (seen, flag, s) in told.items()
    ]
    one = account(hours, 0, 48 * 3600)
    blind = sum(one.flag_s[flag] for flag in UNOBSERVED_FLAGS)
    assert one.observed_s + blind + one.undelivered_s + one.unnamed_s == pytest.approx(one.elapsed_s, abs=0.1)
    assert one.coverage == pytest.approx(one.observed_s / one.elapsed_s)
    for dead in dead_periods(hours, 0, 48 * 3600):
        assert all(hour.observed_s == 0 for hour in hours if dead.start <= hour.hour < dead.end)


def test_no_time_has_no_coverage_and_two_boxes_observe_no_more_than_there_is():
    assert account([], 0, 0).coverage is None
    assert account([Hour(0, 7200.0)], 0, 3600).coverage == 1.0


def test_dead_periods_tell_whether_anything_came_and_why():
    hours = [Hour(0, 60.0), Hour(3600, 0.0, {"lost": 3600.0, "moved": 60.0}), Hour(4 * 3600, 1.0)]
    first, second = dead_periods(hours, 0, 7 * 3600)
    assert (first.start, first.end, first.told, first.flag) == (3600, 4 * 3600, True, "lost")
    assert (second.start, second.end, second.told, second.flag) == (5 * 3600, 7 * 3600, False, None)
    assert without_gap_since(hours, 0, 7 * 3600) is None
    assert without_gap_since(hours, 0, 5 * 3600) == 4 * 3600


def test_an_hour_without_data_is_a_gap_over_the_whole_height_and_a_blind_one_is_not():
    chart = cover_chart([Hour(0, 3600.0), Hour(3600, 0.0)], 0, 3 * 3600)
    assert chart.gaps == f"M2 0h1v{HEIGHT:g}h-1z"
    assert chart.bars == f"M0 0h0.9v{HEIGHT:g}h-0.9zM1 46.8h0.9v1.2h-0.9z"
    assert (chart.most, chart.last, chart.known) == (1.0, 0.0, 2)


def test_midnights_are_local_ones(site):
    tz = site.app.state.settings.zone_info
    found = midnights(NOON - DAY_S, NOON, tz)
    assert [at for _, at in found] == [NOON - 13 * 3600]
    assert found[0][0] == pytest.approx(100 * 11 / 24, abs=0.01)


@pytest.fixture
def fed(site):
    """Three boxes: one delivers, one is silent, one has never delivered."""
    site.clock.now = NOON - 3 * 3600
    token = add_device(site.store, "box-b")
    add_device(site.store, "box-c")
    other = {"device": "box-b"}
    site.post(
        [config(0, NOON - 4 * 3600, [zone_config("lawn")], **other), health(1, NOON - 3 * 3600, **other)],
        token,
    )
    site.clock.now = NOON
    dark = {"flag_s": {"dark": 30.0}}
    records = [zone(100 + n, NOON - 7200 + 60 * n, **(dark if n == 7 else {})) for n in range(119)]
    site.post([config(0, NOON - 7200, [zone_config("lawn")]), *records])
    site.post([health(1, NOON - 3000, temperature_c=44.0), health(2, NOON - 30, temperature_c=61.0)])
    return site


def text_of(site, path, language="en", role="technician"):
    answer = site.client(role).get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.text)


@pytest.mark.parametrize("role", ["technician", "planner", "administrator"])
def test_the_most_urgent_comes_first_with_its_remedy(fed, role):
    text = text_of(fed, "/fleet", role=role)
    articles = re.findall(r'<article[^>]*aria-label="([^"]*)"', text)
    assert articles == ["box-b / north", "box-c"]
    assert "Silent</strong> for 3 h" in text
    assert "Check power, network" in text
    assert "<dt>Cameras delivering</dt><dd>1<small>of 3" in text
    assert "dark" in text
    # Two hours lived through, one minute of them is missing.
    assert ">99%</td>" in text


def test_a_revoked_box_asks_for_no_attention(fed):
    revoke_device(fed.store, "box-b")
    text = text_of(fed, "/fleet")
    assert 'aria-label="box-b' not in text
    assert "Revoked" in text


def test_without_a_box_the_page_says_how_to_add_one(make_site):
    site = make_site()
    revoke_device(site.store, "box-a")
    with site.store._connections.write() as db:
        db.execute("DELETE FROM devices")
    assert "parvis server admin device add" in text_of(site, "/fleet")


def test_a_box_over_a_week_shows_gaps_as_gaps_and_least_and_most(fed):
    text = text_of(fed, "/fleet/box-a")
    assert "61 °C at most" in text
    assert "44\N{EN DASH}61 °C" in text
    paths = re.findall(r'<path class="gap" d="([^"]*)"', text)
    assert [path.count("M") for path in paths] == [166, 167, 167]
    assert "Table of values (168 rows)" in text
    assert text.count('<tr class="gap">') == 166
    assert "Coverage" in text_of(fed, "/fleet/box-c") or "No camera has delivered yet" in text_of(
        fed, "/fleet/box-c"
    )
    assert fed.client("planner").get("/fleet/box-z").status_code == 404


def test_many_cameras_come_in_parts(fed, monkeypatch):
    monkeypatch.setattr(fleet_page, "SHOWN", 2)
    first, second = text_of(fed, "/fleet"), text_of(fed, "/fleet?from=2")
    assert "Cameras 1 to 2 of 3." in first
    assert "Cameras 3 to 3 of 3." in second
    assert "box-a</a> / north" in second
    assert fed.client("planner").get("/fleet?from=x").status_code == 400


def test_two_boxes_under_one_id_are_told(fed):
    fed.post([zone(n, NOON - 3600 + 60 * n, run=OTHER) for n in range(30)])
    assert "Seconds are counted twice" in text_of(fed, "/fleet")
    assert "Des secondes sont comptées deux fois" in text_of(fed, "/fleet/box-a", "fr")


def test_records_of_1970_and_next_year_are_told_with_what_to_do(fed):
    answer = fed.post([zone(900, 60_000), zone(901, NOON + 400 * DAY_S)])
    assert answer.json()["rejected"] == []
    assert "Recent records are in quarantine" in text_of(fed, "/fleet")
