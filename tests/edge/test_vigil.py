"""The watch over a box: when the watchdog is fed, what an outage shows, and that no fault of the watch stops the counting."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contract.messages import HealthBody, LineBody
from edge.config import load_config
from edge.courier import PUSH_S, Courier
from edge.errors import ConfigError
from edge.health import HealthProbe
from edge.spool import Spool
from edge.station import _Timing
from edge.vigil import CAMERA_S, LOOK_S, STORE_SLACK_S, Vigil
from edge.vitals import close_limit_s
from tests.edge import fault_server as faults
from tests.edge.fault_server import RUN, START, TOKEN, FaultServer, line
from tests.front_door import box_file

SERVER = "server: {url: 'http://127.0.0.1:9', token_file: token}\nstatus: {port: 0}\n"


@dataclass
class Camera:
    state: str = "live"
    fps: float = 5.0
    dropped: int = 3
    reconnects: int = 0
    reason: str | None = None


@dataclass
class Station:
    """A stand-in with the parts of `edge.station.Station` that are watched."""

    entry: Any
    config: Any
    camera: Camera = field(default_factory=Camera)
    timing: _Timing = field(default_factory=_Timing)
    model: tuple[str, str] = ("tiny", "0" * 64)
    faults: tuple[str, ...] = ()
    roads: Any = field(
        default_factory=lambda: SimpleNamespace(sight={"lane": "dark"}, open_cases=[("lane", None)] * 2)
    )


@dataclass
class World:
    """A box in a second-by-second run: frames come, intervals close, a server confirms, unless told otherwise."""

    vigil: Vigil
    spool: Spool
    station: Station
    said: list[str]
    clock: list[float]
    number: int = 0
    frames: bool = True
    looks: bool = True
    closes: bool = True
    confirms: bool = True
    delivering: bool = True

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock[0] += 1.0
            at = self.clock[0]
            timing = self.station.timing
            if self.frames:
                timing.frame_at = at
            if self.frames and self.looks:
                timing.looked_at = at
                timing.took(0.03)
            if self.closes and at % 10 == 0:
                self.number += 1
                body = gate(self.number)
                self.spool.append([body])
                self.vigil.stored([body], at)
                if self.confirms:
                    self.spool.settle([item.key for item in self.spool.peek()], {})
            if self.delivering:
                self.vigil.pulse.promise("delivering", at + PUSH_S)
            self.vigil.turn(at)

    @property
    def fed(self) -> int:
        return self.said.count("WATCHDOG=1")

    def fed_in(self, seconds: int) -> int:
        before = self.fed
        self.run(seconds)
        return self.fed - before

    def healthz(self) -> tuple[int, dict[str, Any]]:
        page = self.vigil.page("/healthz", "application/json")
        assert page is not None
        return page.status, json.loads(page.text)


def gate(number: int) -> LineBody:
    return LineBody(
        camera="cam",
        line="gate",
        start=START + timedelta(seconds=10 * number),
        interval_s=10,
        observed_s=10.0,
        time_quality="synced",
        counts={},
    )


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    (tmp_path / "token").write_text(TOKEN)
    box = load_config(box_file(tmp_path, extra=SERVER))
    clock, said = [1000.0], []
    with Spool(tmp_path / "spool.db", device="box-test", run=RUN) as spool:
        station = Station(box.cameras[0], lambda now: empty_config())
        probe = HealthProbe(tmp_path, root=tmp_path, vcgencmd=None, kernel_clock=lambda: True)
        vigil = Vigil(
            box,
            [station],
            spool,
            probe,
            now=lambda: clock[0],
            tell=lambda word: bool(said.append(word)),
            skew=lambda: -90.04,
        )
        vigil.begin()
        yield World(vigil, spool, station, said, clock)
        vigil.end()


def empty_config() -> Any:
    return faults.config().model_copy(update={"camera": "cam"})


def test_ready_is_said_once_and_the_watchdog_is_fed_in_time(world: World) -> None:
    assert world.said.count("READY=1") == 1
    assert 18 <= world.fed_in(300) <= 21  # each 15 s of systemd's 60 s
    assert world.healthz()[0] == 200
    assert world.healthz()[1]["verdict"] == "healthy"
    assert "STATUS=healthy" in world.said


def test_an_outage_of_the_network_is_red_but_restarts_nothing(world: World) -> None:
    world.run(60)
    world.confirms = False
    world.vigil.excuse = lambda: "the server cannot be reached"
    assert world.fed_in(1200) >= 75
    status, told = world.healthz()
    assert status == 503
    assert "not_delivering" in {reason["reason"] for reason in told["reasons"]}
    assert any("cannot be reached" in reason["remedy"] for reason in told["reasons"])
    world.confirms = True
    world.run(30)
    assert world.healthz()[0] == 200


def test_health_records_that_alone_arrive_are_no_delivery(world: World) -> None:
    """A server may take everything but the counts."""
    world.run(60)
    world.confirms = False
    for _ in range(7):
        world.run(60)
        (key,) = world.spool.append([faults.health(1).model_copy(update={"camera": "cam"})])
        world.spool.settle([key], {})
    assert world.healthz()[0] == 503


def test_a_camera_that_is_away_and_tried_again_is_red_but_restarts_nothing(world: World) -> None:
    world.run(60)
    world.frames = False
    world.station.camera.state, world.station.camera.fps = "lost", 0.0
    before = world.fed
    for _ in range(15):
        world.run(70)  # the longest pause, and the time that a try takes
        world.station.camera.reconnects += 1
    assert world.fed - before >= 65
    assert world.healthz()[0] == 503


def test_a_dead_supervisor_of_a_camera_starves_the_watchdog(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.run(60)
    world.frames = False
    world.station.camera.state, world.station.camera.fps = "lost", 0.0
    world.run(int(CAMERA_S) + 20)
    assert world.fed_in(300) == 0
    assert caplog.text.count("camera cam: stuck") == 1


def test_pictures_that_nobody_looks_at_starve_the_watchdog(world: World) -> None:
    world.run(60)
    world.looks = False
    world.run(int(LOOK_S) + 20)
    assert world.fed_in(300) == 0
    assert "inference_stalled" in {reason["reason"] for reason in world.healthz()[1]["reasons"]}


def test_intervals_that_are_never_stored_starve_the_watchdog(world: World) -> None:
    world.run(60)
    world.closes = False
    world.run(int(close_limit_s(10) + STORE_SLACK_S) + 20)
    assert world.fed_in(300) == 0
    assert world.healthz()[0] == 503


def test_r16_counts_that_wait_for_a_clock_are_stored_and_starve_nothing(world: World) -> None:
    world.run(60)
    world.closes = False
    before = world.fed
    for _ in range(60):
        world.run(10)
        world.vigil.stored([], world.clock[0], held=True)
    assert world.fed - before >= 38
    assert {reason["reason"] for reason in world.healthz()[1]["reasons"]} == {"not_delivering"}


def test_an_uplink_that_hangs_starves_the_watchdog(world: World) -> None:
    world.run(60)
    world.delivering = False
    world.run(int(PUSH_S) + 20)
    assert world.fed_in(300) == 0
    world.delivering = True
    assert world.fed_in(60) >= 3


def test_a_loop_that_hangs_is_red_on_the_page(world: World) -> None:
    world.run(60)
    fed = world.fed
    world.clock[0] += 40.0  # the page's threads live on
    assert world.healthz()[0] == 503
    assert "loop_stalled" in {reason["reason"] for reason in world.healthz()[1]["reasons"]}
    assert world.fed == fed


def test_faults_of_the_picture_are_told(world: World) -> None:
    world.station.faults = ("frozen", "dark")
    world.run(60)
    assert world.healthz()[0] == 503
    assert world.vigil.standing("cam")["flags"] == ("dark", "frozen")
    assert world.vigil.standing("cam")["reasons"] == ("picture_blind", "picture_poor")
    page = world.vigil.page("/metrics", "")
    assert page is not None
    assert 'parvis_camera_flag{camera="cam",flag="frozen"} 1' in page.text


def test_a_recording_that_ended_stops_nothing(world: World) -> None:
    world.run(60)
    world.frames = False
    world.station.camera.state, world.station.camera.fps = "ended", 0.0
    assert world.fed_in(300) >= 18
    assert world.healthz()[1]["verdict"] == "degraded"


@pytest.mark.parametrize("years", [-10, 10])
def test_r14_steps_of_the_wall_clock_change_neither_food_nor_verdict(
    world: World, monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    world.run(60)
    moved = datetime.now(UTC).timestamp() + years * 365.25 * 86400
    monkeypatch.setattr("time.time", lambda: moved)
    assert 18 <= world.fed_in(300) <= 21
    assert world.healthz()[0] == 200


def test_a_fault_of_the_watch_stops_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.run(60)
    monkeypatch.setattr("edge.vigil.camera_vitals", lambda _: 1 / 0)
    assert world.fed_in(120) >= 7
    assert "could not be published" in caplog.text


def test_without_systemd_nothing_is_fed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    monkeypatch.delenv("WATCHDOG_USEC")
    probe = HealthProbe(tmp_path, root=tmp_path, vcgencmd=None, kernel_clock=lambda: True)
    said: list[str] = []
    box = load_config(tmp_path / "box.yaml")
    quiet = Vigil(box, [world.station], world.spool, probe, tell=lambda word: bool(said.append(word)))
    for at in range(100):
        quiet.turn(float(at))
    assert "WATCHDOG=1" not in said


def test_the_health_record_carries_the_verdict(world: World, tmp_path: Path) -> None:
    world.run(60)
    world.confirms = False
    world.run(600)
    probe = HealthProbe(tmp_path, root=tmp_path, vcgencmd=None, kernel_clock=lambda: True)
    body = probe.body(
        camera="cam", at=START, source=world.station.camera, spool=world.spool.stats(), inference_ms=1.0,
        model="tiny", software="0.1.0", standing=world.vigil.standing("cam"),
    )  # fmt: skip
    assert isinstance(body, HealthBody)
    assert (body.verdict, body.reasons) == ("failing", ("not_delivering",))
    assert (body.flags, body.disk_degraded, body.spool_dropped) == ((), False, 0)
    assert body.uptime_s == 660.0
    assert body.boot_s is not None
    assert body.boot_s > 0


def test_figures_of_the_box_are_told(world: World) -> None:
    world.run(60)
    page = world.vigil.page("/metrics", "")
    assert page is not None
    for text in (
        'parvis_health{verdict="healthy"} 1',
        'parvis_camera_up{camera="cam"} 1',
        'parvis_camera_frames_dropped_total{camera="cam"} 3',
        'parvis_inference_seconds_count{camera="cam",model="tiny"} 60',
        "parvis_spool_records 0",
        "parvis_spool_accepted_total 6",
        f"parvis_last_acknowledged_timestamp_seconds {int(START.timestamp()) + 70}",
        "parvis_clock_synced 1",
        "parvis_clock_skew_seconds -90.04",
        'parvis_road_sight{camera="cam",zone="lane",sight="dark"} 1',
        'parvis_road_sight{camera="cam",zone="lane",sight="clear"} 0',
        'parvis_road_open_cases{camera="cam",zone="lane"} 2',
        'parvis_health_reason{reason="not_delivering"} 0',
    ):
        assert f"\n{text}\n" in page.text
    assert world.vigil.page("/", "") is None
    text = world.vigil.page("/healthz", "*/*")
    assert text is not None
    assert text.text.startswith("healthy\n")
    assert "clock synced, 90.0 s ahead of the server's" in text.text
    assert "\n  road lane: too dark to be judged; 2 open cases\n" in text.text
    assert world.healthz()[1]["clock_skew_s"] == -90.0
    assert world.healthz()[1]["cameras"][0]["roads"] == [{"zone": "lane", "sight": "dark", "open_cases": 2}]


@pytest.mark.parametrize(("state", "faults"), [("lost", ()), ("live", ("covered",)), ("live", ("frozen",))])
def test_a_road_that_nobody_sees_is_not_said_to_be_judged(
    world: World, state: Any, faults: tuple[str, ...]
) -> None:
    world.station.roads.sight["lane"] = "clear"
    world.run(10)
    assert world.healthz()[1]["cameras"][0]["roads"][0]["sight"] == "clear"
    world.station.camera.state, world.station.faults = state, faults
    world.run(10)
    assert world.healthz()[1]["cameras"][0]["roads"][0]["sight"] == "blind"
    page = world.vigil.page("/metrics", "")
    assert page is not None
    assert '\nparvis_road_sight{camera="cam",zone="lane",sight="blind"} 1\n' in page.text


def courier(spool: Any, server: FaultServer, due: list[float], **named: Any) -> Courier:
    return Courier(spool, url=server.url, token=TOKEN, moves=due.append, **named)


def test_a_courier_in_its_backoff_says_when_it_will_be_back(tmp_path: Path) -> None:
    clock, due, waits = [0.0], [], []
    stop = threading.Event()

    def wait(event: threading.Event, delay_s: float) -> None:
        assert due[-1] >= clock[0] + delay_s + PUSH_S
        waits.append(delay_s)
        clock[0] += delay_s
        if len(waits) == 30:
            stop.set()

    with FaultServer() as server, Spool(tmp_path / "s.db", device="box", run=RUN) as spool:
        spool.append([line(1)])
        server.script.extend([faults.status(503, Retry_After="300")] * 40)
        made = courier(spool, server, due, wait=wait, clock=lambda: clock[0], jitter=lambda low, high: high)
        made.run(stop)
        assert made.excuse == "the server is busy or being maintained"
        made.close()
    assert max(waits) == 360.0  # it waits for as long as the server asks, and longer


def test_knocking_sends_no_record_and_tells_a_refused_token(tmp_path: Path) -> None:
    with FaultServer() as server, Spool(tmp_path / "s.db", device="box", run=RUN) as spool:
        spool.append([line(1)])
        made = courier(spool, server, [])
        assert made.knock().outcome == "delivered"
        server.script.append(faults.status(401))
        refused = made.knock()
        server.script.append(faults.status(200, b"<html>login</html>"))
        portal = made.knock()
        made.close()
        assert server.stored == {}
        assert spool.stats().pending == 1
    assert refused.outcome == portal.outcome == "kept"
    assert "refused this box's token" in str(refused.reason)
    assert "login page" in str(portal.reason)


def test_the_page_is_local_by_default_and_can_be_turned_off(tmp_path: Path) -> None:
    box = load_config(box_file(tmp_path))
    assert (box.status.host, box.status.port) == ("127.0.0.1", 9109)
    off = load_config(box_file(tmp_path, extra="status: {port: null}\n"))
    assert off.status.port is None
    with pytest.raises(ConfigError, match="name of this machine"):
        load_config(box_file(tmp_path, extra="status: {host: 'http://0.0.0.0/'}\n"))
