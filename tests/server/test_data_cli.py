"""The commands round what is kept: what they print, change and refuse."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from server import data_cli
from server.accounts import add_device
from server.cli import app
from server.store.sqlite import open_store
from tests.server.build import NOON, config, zone, zone_config
from tests.server.test_store import incoming

DAY_S = 86400


@pytest.fixture
def run(tmp_path, monkeypatch):
    clock = [NOON]
    monkeypatch.setattr(data_cli, "utc_clock", lambda: clock[0])
    runner = CliRunner()

    def call(*words: str, now: int = NOON):
        clock[0] = now
        return runner.invoke(app, ["admin", *words, "--data", str(tmp_path)])

    return call


def parsed(answer):
    assert answer.exit_code == 0, answer.stderr
    return json.loads(answer.stdout)


@pytest.fixture
def fed(tmp_path):
    store = open_store(tmp_path / "parvis.sqlite3")
    add_device(store, "box-a")
    zones = [zone_config("lane", "road"), zone_config("lawn", purpose="statistics")]
    items = [config(0, NOON - 7200, zones), *(zone(n, NOON - 7200 + 60 * n) for n in range(1, 6))]
    store.records.add([incoming(item) for item in items], NOON)
    store.close()


def test_retention_is_shown_and_changed_and_the_change_is_on_record(run):
    shown = run("retention").stdout
    assert "intervals_days=90  (35 to 1830)" in shown
    assert "operational_days=same" in shown
    changed = parsed(run("retention", "intervals_days=60", "operational_days=40", "--json"))
    assert (changed["intervals_days"], changed["operational_days"]) == (60, 40)
    assert parsed(run("retention", "--json")) == changed
    [entry] = parsed(run("audit", "--action", "retention.", "--json"))["audit"]
    assert entry["detail"] == "intervals_days 90 -> 60, operational_days None -> 40"
    assert (entry["actor"], entry["at"]) == ("command-line", "2026-11-22T12:00:00Z")
    run("retention", "intervals_days=60")
    assert len(parsed(run("audit", "--json"))["audit"]) == 1


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ("intervals_days=3", "within 35..1830"),
        ("forever=1", "no setting 'forever'"),
        ("intervals_days", "whole number"),
        ("operational_days=99", "must not exceed"),
    ],
)
def test_a_bad_choice_is_code_2_and_says_why(run, wish, says):
    answer = run("retention", wish)
    assert answer.exit_code == 2
    assert says in " ".join(answer.stderr.replace("│", " ").split())
    assert parsed(run("retention", "--json"))["intervals_days"] == 90


def test_a_purge_is_rehearsed_then_done_then_has_nothing_to_do(run, fed):
    later = NOON + 91 * DAY_S
    rehearsed = run("purge", "--dry-run", "--json", now=later)
    assert parsed(rehearsed)["deleted"]["intervals"] == 5
    assert parsed(rehearsed)["dry_run"] is True
    assert "nothing was deleted" in rehearsed.stderr
    assert parsed(run("purge", "--dry-run", "--json", now=later))["deleted"]["intervals"] == 5
    done = run("purge", "--json", now=later)
    result = parsed(done)
    assert (result["deleted"]["intervals"], result["finished"], result["remains"]) == (5, True, [])
    assert result["markers"] == 5
    assert "of 5 deleted records looked for in the files, none is left" in done.stderr
    assert parsed(run("purge", "--json", now=later))["deleted"]["intervals"] == 0
    assert "intervals=0" in run("purge", now=later).stdout


def test_a_backup_that_still_holds_it_is_named_with_its_end(run, fed):
    made = parsed(run("backup", "--json", now=NOON + 90 * DAY_S))
    assert made["expires_at"] == "2027-03-06T12:00:00Z"
    [listed] = parsed(run("backup", "--list", "--json", now=NOON + 90 * DAY_S))["backups"]
    assert listed == made
    said = run("purge", now=NOON + 91 * DAY_S)
    assert f"backup {made['name']} still holds" in said.stderr
    assert "2027-03-06T12:00:00Z" in said.stderr
    assert parsed(run("purge", "--all-backups", "--json", now=NOON + 91 * DAY_S))["expired"] == [made["name"]]
    assert "no backup yet" in run("backup", "--list").stderr


def test_a_purge_that_fails_is_code_8(run, fed, monkeypatch):
    assert run("purge", now=NOON + 4000 * DAY_S).exit_code == 8
    monkeypatch.setattr("server.store.upkeep.compact", lambda *_: 4096)
    answer = run("purge", "--json", now=NOON + 91 * DAY_S)
    assert answer.exit_code == 8
    assert json.loads(answer.stdout)["finished"] is False
    assert answer.stderr.startswith("error: ")


def test_the_audit_is_filtered_and_limited(run, fed):
    assert [e["action"] for e in parsed(run("audit", "--json"))["audit"]] == [
        "purpose.operational",
        "device.add",
    ]
    assert len(parsed(run("audit", "--limit", "1", "--json"))["audit"]) == 1
    assert "purpose.operational" in run("audit", "--action", "purpose").stdout
    assert "no such entry" in run("audit", "--action", "nothing").stderr


def test_purposes_of_now_with_their_last_switch(run, fed):
    found = {row["zone"]: row for row in parsed(run("purposes", "--json"))["purposes"]}
    assert found["box-a/north/lane"]["purpose"] == "operational"
    assert found["box-a/north/lane"]["switched"] == "2026-11-22T12:00:00Z"
    assert found["box-a/north/lawn"]["switched"] is None


def test_hours_are_made_again(run, fed):
    assert parsed(run("rebuild-hours", "--json")) == {"hours": 1}
