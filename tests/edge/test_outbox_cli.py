"""`parvis edge outbox` and `parvis edge status`: while the box runs, after it ended, and before it ever began."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge.cli import app
from edge.errors import SpoolError
from edge.spool import Spool
from tests.edge.fault_server import RUN, health, line
from tests.front_door import box_file


def said(*words: object) -> dict[str, Any]:
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def filled(state: Path) -> Spool:
    spool = Spool(state / "spool.db", device="box-test", run=RUN, now=lambda: 1.7e9)
    keys = spool.append([line(number) for number in range(6)])
    spool.settle(keys[:2], {keys[2]: "invalid: zone unknown", keys[3]: "wrong_device"})
    spool.append([health(1).model_copy(update={"camera": "cam"})])
    return spool


def test_what_waits_and_why_something_was_refused_while_the_box_runs(tmp_path: Path) -> None:
    with filled(tmp_path) as spool:
        found = said("outbox", "--state", tmp_path, "--json")
        assert (found["pending"], found["accepted"], found["rejected"]) == (3, 2, 2)
        assert (found["merged"], found["dropped"]) == (0, 0)
        assert found["since"] == "2023-11-14T22:13:20Z"
        assert found["last_accepted"] == "2026-01-01T00:02:00Z"
        assert [letter["reason"] for letter in found["dead_letters"]] == [
            "invalid: zone unknown",
            "wrong_device",
        ]
        plain = CliRunner().invoke(app, ["outbox", "--state", str(tmp_path)]).stdout
        assert "1 x wrong_device" in plain
        assert spool.stats().pending == 3


def test_refused_records_are_sent_once_more_or_given_up_while_the_box_runs(tmp_path: Path) -> None:
    with filled(tmp_path) as spool:
        first = f"box-test/{RUN}/2"
        assert said("outbox", "--state", tmp_path, "retry", first, "--json") == {"retried": [first]}
        now = spool.stats()
        assert (now.pending, now.dead_letters, now.rejected_total) == (4, 1, 1)
        assert first in {item.key for item in spool.peek()}
        assert spool.append([line(9)]), "the box goes on storing"
        assert said("outbox", "--state", tmp_path, "discard", "all", "--json") == {"discarded": 1}
        assert spool.dead_letters() == []
        now = spool.stats()
        assert now.closed_total == now.pending + now.accepted_total + now.rejected_total
        spool.settle([first], {})
        assert spool.stats().accepted_total == 3
    with pytest.raises(SpoolError, match="no dead letter"):
        said("outbox", "--state", tmp_path, "retry", first)


def test_status_of_a_box_that_runs_has_ended_or_never_began(tmp_path: Path) -> None:
    box = box_file(tmp_path)
    never = said("status", "--config", box, "--json")
    assert (never["running"], never["cameras"], never["outbox"]["exists"]) == (False, {"cam": None}, False)
    assert not (tmp_path / "state").exists(), "looking makes nothing"
    plain = CliRunner().invoke(app, ["status", "--config", str(box)]).stdout
    assert "has never run; start it" in plain
    assert "camera cam: nothing yet" in plain
    filled(tmp_path / "state").close()
    ended = said("status", "--config", box, "--json")
    assert (ended["running"], ended["outbox"]["pending"]) == (False, 3)
    assert ended["cameras"]["cam"]["state"] == "live"
    plain = CliRunner().invoke(app, ["status", "--config", str(box)]).stdout
    assert "does not run" in plain
    assert "waiting    3 records" in plain
