"""`parvis edge run` through the front door: SIGTERM, faults of the server, kill -9; no closed record is lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.batch import parse_record
from edge import spool_view
from edge.config import load_config
from edge.errors import SpoolError
from edge.records import Frame
from edge.station import Station
from edge.timeline import Timeline
from tests.edge import fault_server, media
from tests.edge.fault_server import TOKEN, Fault, FaultServer
from tests.fakes import ScriptedDetector, detections
from tests.front_door import box_file, parvis

started: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def nobody_stays() -> Iterator[None]:
    """A test that fails leaves no box behind, which would count on and be another test's unclosed pipe."""
    yield
    while started:
        with started.pop() as child:
            child.kill()


def start(box: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "parvis", "edge", "run", "--config", str(box), *options]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    started.append(child)
    return child


def waiting(folder: Path) -> list[dict[str, Any]]:
    """Records in the spool that no server has accepted."""
    return [json.loads(seen.payload) for seen in spool_view.waiting(folder / "state" / "spool.db")]


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def with_server(folder: Path, url: str, **settings: str) -> Path:
    (folder / "token").write_text(TOKEN + "\n")
    (folder / "token").chmod(0o600)
    return box_file(folder, extra=f"server: {{url: '{url}', token_file: token}}\n", **settings)


def test_a_file_is_counted_to_its_end_and_its_last_interval_closed(tmp_path: Path) -> None:
    media.video(tmp_path / "clip.mp4", 20, fps=10)
    child = start(box_file(tmp_path))
    _, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    records = [parse_record(item) for item in waiting(tmp_path)]
    seen = sum(record.observed_s for record in records if record.type == "parvis.zone.v1")
    assert 1.0 < seen < 3.0
    assert {record.type for record in records} == {
        "parvis.config.v1",
        "parvis.health.v1",
        "parvis.zone.v1",
        "parvis.line.v1",
    }


def test_sigterm_closes_the_open_interval(tmp_path: Path) -> None:
    media.video(tmp_path / "clip.mp4", 600, fps=10)
    child = start(box_file(tmp_path))
    until((tmp_path / "state" / "spool.db").exists)
    time.sleep(3)
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    seen = [item["observed_s"] for item in waiting(tmp_path) if item["type"] == "parvis.zone.v1"]
    assert sum(seen) > 0.5


# Every other fault stands in test_uplink.py; these go through the whole process.
FAULTS: dict[str, list[Fault]] = {
    "500": [fault_server.status(500, b"oops")],
    "garbage": [fault_server.status(200, b"<html>login</html>")],
    "lost acknowledgement": [fault_server.ack_lost],
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_record_lands_exactly_once_despite_the_server(tmp_path: Path, fault: str) -> None:
    media.video(tmp_path / "clip.mp4", 20, fps=10)
    with FaultServer() as server:
        server.script.extend(FAULTS[fault])
        child = start(with_server(tmp_path, server.url))
        _, err = child.communicate(timeout=60)
        assert child.returncode == 0, err
        left = {(item["run"], item["seq"]) for item in waiting(tmp_path)}
        landed = {tuple(key.split("/")[1:]) for key in server.stored}
        assert server.conflicts == []
        total = len(left) + len(landed)
        assert len(server.landed) == len(landed)
        assert {int(seq) for _, seq in landed} | {seq for _, seq in left} == set(range(total))
        assert total >= 4


def test_without_a_server_records_wait(tmp_path: Path) -> None:
    media.video(tmp_path / "clip.mp4", 15, fps=10)
    child = start(with_server(tmp_path, "http://127.0.0.1:9"))
    _, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    assert "wait in the spool" in err
    assert len(waiting(tmp_path)) >= 4


def test_kill_minus_nine_loses_no_closed_record(tmp_path: Path) -> None:
    media.video(tmp_path / "clip.mp4", 600, fps=10)
    box = box_file(tmp_path)
    spool = tmp_path / "state" / "spool.db"

    def runs() -> int:
        return len({item["run"] for item in waiting(tmp_path)}) if spool.exists() else 0

    for number in (1, 2):
        child = start(box)
        until(lambda expected=number: runs() == expected)  # type: ignore[misc]
        child.kill()
        child.communicate()
    assert runs() == 2  # both starts closed their configuration record before they died


def counted(folder: Path) -> list[dict[str, Any]]:
    """Intervals of the zone so far, in the order of their closing."""
    try:
        return [item for item in waiting(folder) if item["type"] == "parvis.zone.v1"]
    except SpoolError:  # the file is just being made
        return []


def unix(item: dict[str, Any]) -> float:
    return datetime.fromisoformat(item["start"]).timestamp()


def test_r2_a_crash_costs_what_is_not_closed_yet_and_the_coverage_says_so(tmp_path: Path) -> None:
    """Somebody stands in the zone throughout: an interval that was seen and holds nobody would be a silent zero."""
    interval_s = 10
    media.video(tmp_path / "clip.mp4", 6000, fps=10)
    box = box_file(tmp_path)
    child = start(box)
    until(lambda: bool(counted(tmp_path)), 120)
    time.sleep(1)  # some of the next interval is counted
    child.kill()
    child.communicate()
    died, before = time.time(), counted(tmp_path)
    child = start(box)
    until(lambda: len(counted(tmp_path)) > len(before), 120)
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    found = counted(tmp_path)
    assert found[: len(before)] == before, "what was closed stays as it was"
    assert len({item["run"] for item in found}) == 2
    starts = [unix(item) for item in before]
    assert starts == [starts[0] + interval_s * place for place in range(len(starts))], (
        "closed one after the other"
    )
    lost = [item for item in found if starts[-1] < unix(item) < died - interval_s]
    assert lost == [], "intervals that were not closed have no record, and so no zero"
    again = [
        item["observed_s"] for item in found[len(before) :] if unix(item) <= died < unix(item) + interval_s
    ]
    assert sum(again) < interval_s - 1, "its seconds before the crash are missing, and not made up"
    for item in found:
        assert 0 <= item["observed_s"] <= interval_s
        if item["observed_s"] > 3:
            assert item["counts"]["person"]["object_s"] > 0


@pytest.mark.parametrize(
    ("extra", "code", "words"),
    [
        ("server: {url: 'http://127.0.0.1:9', token_file: nowhere}\n", 7, "nowhere"),
        ("server: {url: 'ftp://x', token_file: t}\n", 3, "https://"),
    ],
)
def test_wrong_settings_stop_before_counting(tmp_path: Path, extra: str, code: int, words: str) -> None:
    media.video(tmp_path / "clip.mp4", 5)
    said = parvis("edge", "run", "--config", box_file(tmp_path, extra=extra))
    assert said.code == code
    assert words in said.err


def test_a_missing_file_is_told_at_once(tmp_path: Path) -> None:
    said = parvis("edge", "run", "--config", box_file(tmp_path, source="nowhere.mp4"))
    assert said.code == 4
    assert "nowhere.mp4" in said.err


class Silent:
    """A camera that is away until it is given a frame."""

    state, reason, dropped, reconnects, fps = "lost", "away", 0, 0, 0.0

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def latest(self, timeout_s: float) -> Frame | None:
        return self.frames.pop(0) if self.frames else None

    def close(self) -> None:
        """Nothing to give back."""


def station(tmp_path: Path, camera: Silent, clock: list[float], timeline: Timeline | None = None) -> Station:
    box = load_config(box_file(tmp_path))
    seen = [detections((20, 10, 30, 40))] * 50
    now = lambda: clock[0]  # noqa: E731
    model, timeline = ("tiny", "0" * 64), timeline or Timeline(10, 1_000_000_000.0)
    return Station(box, box.cameras[0], camera, ScriptedDetector(seen), model, timeline, now)


def test_a_camera_that_never_answers_is_lost_and_not_silence(tmp_path: Path) -> None:
    clock, camera = [0.0], Silent()
    watched = station(tmp_path, camera, clock)
    closed = []
    for second in range(61):
        clock[0] = float(second)
        closed += watched.step(0)
    zones = [body for body in closed if body.type == "parvis.zone.v1"]
    assert [(body.observed_s, body.flag_s, body.counts) for body in zones] == [(0.0, {"lost": 10.0}, {})] * 3


def test_a_camera_that_answers_late_loses_only_the_seconds_before(tmp_path: Path) -> None:
    clock, camera = [0.0], Silent()
    watched = station(tmp_path, camera, clock)
    closed = []
    for step in range(200):
        clock[0] = step / 10
        if step >= 155:
            camera.frames.append(Frame(np.zeros((48, 64, 3), np.uint8), clock[0]))
        closed += watched.step(0)
    closed += watched.finish(20.0)
    zones = [body for body in closed if body.type == "parvis.zone.v1"]
    assert sum(body.observed_s for body in zones) == pytest.approx(4.5, abs=0.1)
    assert sum(body.flag_s.get("lost", 0) for body in zones) == pytest.approx(15.5, abs=0.1)


def test_a_clock_that_is_put_right_is_followed_from_that_moment(tmp_path: Path) -> None:
    clock, camera = [0.0], Silent()
    timeline = Timeline(10, 1_000_000_000.0)
    watched = station(tmp_path, camera, clock, timeline)
    closed = []
    for step in range(40):
        clock[0] = step / 10
        camera.frames.append(Frame(np.zeros((48, 64, 3), np.uint8), clock[0]))
        closed += watched.step(0)
        if step == 20:
            timeline.cut(clock[0], 2_000_000_000.0, known=True)
    closed += watched.finish(4.0)
    zones = [body for body in closed if body.type == "parvis.zone.v1"]
    assert [body.start.year for body in zones] == [2001, 2033]
    assert [body.observed_s for body in zones] == pytest.approx([2.0, 2.0], abs=0.15)
