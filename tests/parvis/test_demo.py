"""`parvis demo` as a newcomer runs it: the table, the JSON, the server that stays up, the figures to reach."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

from parvis.tally import mean_is_right
from tests.front_door import parvis


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    said = parvis("demo", "--once", "--json", "--port", "0", timeout=600)
    assert said.code == 0, said.err
    result: dict[str, Any] = json.loads(said.out.splitlines()[-1])
    assert "Counted against true" in said.err
    return result


def test_every_closed_record_is_accepted_exactly_once(shown: dict[str, Any]) -> None:
    records = shown["records"]
    assert records["closed"] > 50
    assert records == {"closed": records["closed"], "accepted": records["closed"], "rejected": 0}


def test_three_scenes_of_a_minute_and_more(shown: dict[str, Any]) -> None:
    assert [scene["name"] for scene in shown["scenes"]] == ["square", "car_park", "street"]
    for scene in shown["scenes"]:
        assert scene["seconds"] >= 60
        assert scene["frames"] >= 360
        assert scene["zones"]
        assert scene["lines"]


def test_mean_occupancy_is_right_in_every_zone(shown: dict[str, Any]) -> None:
    wrong = [
        (scene["name"], row)
        for scene in shown["scenes"]
        for row in scene["zones"]
        if not mean_is_right(row["counted"]["mean"], row["true"]["mean"])
    ]
    assert wrong == []


def test_it_stays_up_with_a_ready_login_until_interrupted() -> None:
    command = [sys.executable, "-m", "parvis", "demo", "--port", "0"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    told = ""
    deadline = time.monotonic() + 300
    while "Ctrl-C" not in told:
        told += child.stderr.readline()
        assert time.monotonic() < deadline
    found = re.search(r"Pages: (\S+)\s+login: (\S+)\s+password: (\S+)", told)
    assert found, told
    url, user, password = found.groups()
    with httpx.Client(base_url=url, follow_redirects=True) as client:
        page = client.get("/login").text
        token = re.search(r'name="csrf[^"]*" value="([^"]+)"', page)
        assert token, page
        name = re.search(r'name="(csrf[^"]*)"', page)
        assert name
        home = client.post("/login", data={"name": user, "password": password, name[1]: token[1]})
        assert home.status_code == 200
        for scene in ("square", "car_park", "street"):
            assert scene in home.text
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=30)
    assert child.returncode == 0
