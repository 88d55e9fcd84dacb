"""R14 to R16 on a real process: `parvis edge run` under a wall clock that steps by years while it counts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge import spool_view
from edge.errors import SpoolError
from tests.edge import media
from tests.front_door import box_file

YEAR_S = 365 * 86400
SHIM = Path(__file__).with_name("wrong_clock.c")


class WrongClock:
    """The wall clock of the processes that `run` starts."""

    def __init__(self, folder: Path) -> None:
        self.library, self.file, self.folder = folder / "wrong_clock.so", folder / "wrong_clock", folder
        command = ["gcc", "-shared", "-fPIC", "-o", str(self.library), str(SHIM), "-ldl"]
        subprocess.run(command, check=True, capture_output=True)
        self.set(0, synced=False)

    def set(self, off: float, *, synced: bool) -> None:
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{off} {int(synced)}")
        fresh.replace(self.file)

    def run(self, box: Path) -> subprocess.Popen[str]:
        env = os.environ | {"LD_PRELOAD": str(self.library), "WRONG_CLOCK": str(self.file)}
        command = [sys.executable, "-m", "parvis", "edge", "run", "--config", str(box)]
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)


@pytest.fixture
def wrong_clock(tmp_path: Path) -> WrongClock:
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc, for a clock that lies to one process")
    return WrongClock(tmp_path)


def rows(folder: Path, query: str) -> list[Any]:
    path = folder / "state" / "spool.db"
    if not path.exists():
        return []
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return db.execute(query).fetchall() if {"records", "kept"} <= tables else []


def records(folder: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(seen.payload) for seen in spool_view.waiting(folder / "state" / "spool.db")]
    except SpoolError:  # the file is just being made
        return []


def zones(folder: Path) -> list[dict[str, Any]]:
    return [item for item in records(folder) if item["type"] == "parvis.zone.v1"]


def held(folder: Path) -> int:
    return len(rows(folder, "SELECT name FROM kept WHERE name LIKE 'held/%'"))


def until(condition: Callable[[], object], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


def box(folder: Path) -> Path:
    path = box_file(folder)
    path.write_text(path.read_text().replace("clock: trusted\n", ""))
    return path


def end(child: subprocess.Popen[str]) -> str:
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    return err


def near_now(item: dict[str, Any], seconds: float) -> bool:
    start = datetime.fromisoformat(item["start"]).timestamp()
    return -10 <= time.time() - start <= seconds


@pytest.mark.nightly
@pytest.mark.parametrize("years", [10, -10])
def test_r14_r15_ten_years_on_or_back_restart_no_camera_and_move_no_interval(
    tmp_path: Path, wrong_clock: WrongClock, years: int
) -> None:
    """A step by hand (the kernel says unsynchronised) while the box counts a camera that is fine."""
    media.video(tmp_path / "clip.mp4", 6000, fps=10)
    wrong_clock.set(0, synced=True)
    began = time.monotonic()
    child = wrong_clock.run(box(tmp_path))
    until(lambda: zones(tmp_path))
    wrong_clock.set(years * YEAR_S, synced=False)
    stepped = len(zones(tmp_path))
    until(lambda: len(zones(tmp_path)) >= stepped + 3)
    err = end(child)
    assert "next attempt" not in err, "no watchdog restarted the capture"
    found = zones(tmp_path)
    # An interval of ten seconds may begin before the box did.
    assert all(near_now(item, time.monotonic() - began + 10) for item in found)
    starts = [item["start"] for item in found]
    assert starts == sorted(set(starts))
    assert {item["reconnects"] for item in records(tmp_path) if item["type"] == "parvis.health.v1"} == {0}


@pytest.mark.nightly
def test_r16_a_process_without_time_holds_what_it_counts_and_files_it_once_it_is_known(
    tmp_path: Path, wrong_clock: WrongClock
) -> None:
    media.video(tmp_path / "clip.mp4", 6000, fps=10)
    wrong_clock.set(-20 * YEAR_S, synced=False)
    began = time.monotonic()
    child = wrong_clock.run(box(tmp_path))
    until(lambda: held(tmp_path))
    assert zones(tmp_path) == []
    child.kill()  # a crash in between: its rows are found again
    child.communicate()
    child = wrong_clock.run(box(tmp_path))
    wrong_clock.set(0, synced=True)
    until(lambda: zones(tmp_path) and not held(tmp_path))
    end(child)
    found = zones(tmp_path)
    assert {item["time_quality"] for item in found} == {"synced"}
    assert all(near_now(item, time.monotonic() - began + 10) for item in found)
    (config,) = (item for item in records(tmp_path) if item["type"] == "parvis.config.v1")
    assert datetime.fromisoformat(config["at"]).replace(tzinfo=UTC).year == datetime.now(UTC).year


def test_r16_a_file_counted_without_time_waits_beside_the_queue(
    tmp_path: Path, wrong_clock: WrongClock
) -> None:
    media.video(tmp_path / "clip.mp4", 20, fps=10)
    child = wrong_clock.run(box(tmp_path))
    _, err = child.communicate(timeout=240)
    assert child.returncode == 0, err
    assert "held until the time is known" in err
    assert zones(tmp_path) == []
    assert held(tmp_path) == 1
    wrong_clock.set(0, synced=True)
    child = wrong_clock.run(box(tmp_path))
    _, err = child.communicate(timeout=240)
    assert child.returncode == 0, err
    assert held(tmp_path) == 0
    assert sum(item["observed_s"] for item in zones(tmp_path)) > 2
