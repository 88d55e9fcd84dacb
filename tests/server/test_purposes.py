"""The server writes a line for every switch of purpose, and what a purpose allows follows it."""

from __future__ import annotations

import pytest

from contract.messages import ZoneConfig
from tests.server.build import NOON, config, zone_config

OLD = NOON - 7200


def lines(site) -> list[tuple[str, str, str]]:
    """Action, subject and the first words of the detail, oldest first."""
    entries = site.store.accounts.audit(100, "purpose.")
    return [(e.action, e.subject, e.detail.split(",")[0]) for e in reversed(entries)]


def test_each_switch_is_one_line(site):
    steps = [
        [zone_config("lawn", purpose="statistics"), zone_config("lane", "road")],
        [zone_config("lawn", purpose="statistics"), zone_config("lane", "road")],  # a restart
        [zone_config("lawn", purpose="operational"), zone_config("lane", "road", purpose="statistics")],
        [zone_config("lane", "road")],
        [],
        [zone_config("lane", "road", purpose="statistics")],
    ]
    for seq, zones in enumerate(steps):
        site.post([config(seq, OLD + seq, zones)])
    assert lines(site) == [
        ("purpose.operational", "box-a/north/lane", "statistics -> operational"),
        ("purpose.statistics", "box-a/north/lane", "operational -> statistics"),
        ("purpose.operational", "box-a/north/lawn", "statistics -> operational"),
        ("purpose.operational", "box-a/north/lane", "statistics -> operational"),
        ("purpose.removed", "box-a/north/lawn", "operational -> none"),
        ("purpose.removed", "box-a/north/lane", "operational -> none"),
    ]


def test_a_line_says_who_what_and_when(site):
    wish = zone_config("lane", "road")
    site.post([config(0, OLD, [wish])])
    [entry] = site.store.accounts.audit(10, "purpose.")
    assert (entry.at, entry.actor) == (NOON, "box-a")
    version = ZoneConfig.model_validate(wish).version
    assert f"zone_version {version}" in entry.detail
    assert "on the box since 2026-11-22T10:00:00Z" in entry.detail
    assert "purposes.jsonl on the box" in entry.detail
    page = site.client("administrator").get("/audit").text
    assert "purpose.operational" in page
    assert site.client("technician").get("/audit").status_code == 403


def test_the_same_configuration_again_writes_nothing(site):
    message = config(0, OLD, [zone_config("lane", "road")])
    site.post([message])
    site.post([message])
    assert len(lines(site)) == 1


def test_a_configuration_that_comes_late_is_told_and_changes_nothing(site):
    site.post([config(5, OLD + 5, [zone_config("lawn", purpose="statistics")])])
    site.post([config(3, OLD + 3, [zone_config("lawn"), zone_config("gone")])])
    site.post([config(2, OLD + 2, [zone_config("lawn", purpose="statistics")])])
    assert lines(site) == [
        ("purpose.late", "box-a/north/gone", "was operational"),
        ("purpose.late", "box-a/north/lawn", "was operational"),
    ]
    assert site.store.records.config("box-a", "north").zones[0].purpose == "statistics"


def test_a_configuration_in_quarantine_switches_nothing(site):
    site.post([config(0, NOON + 86400, [zone_config("lawn")])])
    assert lines(site) == []


@pytest.mark.parametrize("field", ["legal_basis", "dpia_reference", "operational"])
def test_the_wire_takes_no_text_for_a_ground(site, field):
    bad = config(0, OLD, [zone_config("lawn", **{field: "arrêté 2026-12"})])
    answer = site.post([bad]).json()
    assert answer["accepted"] == []
    assert field in answer["rejected"][0]["reason"]
