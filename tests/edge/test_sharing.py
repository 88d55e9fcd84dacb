"""Several cameras in one process, and the pace: heat from a made-up thermal zone steps the box down and flags its records."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.messages import Body
from edge.config import load_config
from edge.detect import OnnxDetector
from edge.records import Frame
from edge.service import Service
from edge.session import open_session
from edge.sharing import Sharing
from edge.spool import Spool
from edge.station import Station
from tests.edge import media
from tests.fakes import ScriptedDetector, Unjudged, detections
from tests.front_door import box_file, person_model

# What never changes is frozen: the noise of a sensor.
_NOISE = np.random.default_rng(3).random((7, 48, 64, 3)) > 0.99
PICTURES = (
    np.kron(np.indices((6, 8)).sum(axis=0) % 2, np.ones((8, 8)))[..., None] * 90 + 80 + _NOISE
).astype(np.uint8)


class Scripted:
    """A live camera with the frames that a test gives it."""

    state, reason, dropped, reconnects, fps = "live", None, 0, 0, 10.0

    def __init__(self) -> None:
        self.next: Frame | None = None
        self.asked = 0

    def latest(self, timeout_s: float) -> Frame | None:
        self.asked += 1
        frame, self.next = self.next, None
        return frame

    def close(self) -> None:
        pass


class Thermometer:
    """As hot as a test says."""

    celsius: float | None = 50.0

    def temperature_c(self) -> float | None:
        return self.celsius

    def throttled(self) -> bool | None:
        return None


class World:
    """A box with two cameras and a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.at, self.heat = 100.0, Thermometer()
        box = load_config(box_file(folder, extra="saving: {skip_still: false}\n"))
        self.cameras = [Scripted(), Scripted()]
        self.stations = [
            Station(
                box,
                box.cameras[0],
                camera,  # type: ignore[arg-type]
                ScriptedDetector([detections()] * 10_000),
                ("m", "0" * 64),
                0.0,
                lambda: self.at,
            )
            for camera in self.cameras
        ]
        self.sharing = Sharing(self.stations, self.heat, resizable=False, now=lambda: self.at)

    def run(self, seconds: float, *delivering: int) -> list[Body]:
        """At 10 frames a second of those cameras."""
        closed: list[Body] = []
        for _ in range(round(seconds * 10)):
            self.at += 0.1
            for number in delivering:
                self.cameras[number].next = Frame(PICTURES[round(self.at * 10) % 7], self.at)
            for _ in delivering or (0,):
                closed += self.sharing.step(0.0)
        return closed


def test_r11_a_dead_camera_takes_nothing_from_the_others_and_its_interval_says_lost(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    world = World(tmp_path)
    world.run(1, 0, 1)
    before = world.sharing.counted()
    closed = world.run(120, 0)
    after = world.sharing.counted()
    assert after[0] - before[0] >= 1190
    assert after[1] == before[1]
    lost = [body.flag_s.get("lost", 0.0) for body in closed if body.type == "parvis.zone.v1"]  # type: ignore[attr-defined]
    assert max(lost) == 10.0


def test_heat_slows_every_camera_down_flags_its_seconds_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.station.PictureWatch", Unjudged)
    (tmp_path / "clip.mp4").touch()
    world = World(tmp_path)
    world.run(10.5, 0, 1)
    world.heat.celsius = 85.0
    world.run(40, 0, 1)
    assert world.sharing.pace.level == 2
    before = world.sharing.counted()
    world.run(8, 0, 1)
    counted = [b - a for a, b in zip(before, world.sharing.counted(), strict=True)]
    assert counted == pytest.approx([20, 20], abs=2)
    world.heat.celsius = 60.0
    closed = world.run(600, 0, 1)
    assert world.sharing.pace.level == 0
    flagged = [
        (body.start, body.flag_s.get("degraded", 0.0))  # type: ignore[attr-defined]
        for body in closed
        if body.type == "parvis.zone.v1"
    ]
    assert max(seconds for _, seconds in flagged) > 5
    assert flagged[-1][1] == 0.0


def test_a_hot_box_end_to_end_from_a_thermal_zone_to_the_record(tmp_path: Path) -> None:
    media.video(tmp_path / "clip.mp4", 60, fps=10, noise=True)
    zone = tmp_path / "root" / "sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "type").write_text("cpu-thermal\n")
    (zone / "temp").write_text("86000\n")
    config = box_file(tmp_path)
    service = Service(load_config(config), tmp_path, tmp_path / "state", root=tmp_path / "root")
    for at in (0.0, 30.0, 60.0):
        service.sharing.mind_pace(at)
    assert service.sharing.pace.rung.fps == 2.5
    service.run(threading.Event())
    assert 6 <= sum(service.sharing.counted()) <= 20  # 6 s at 2.5 frames a second, not at 10
    told: list[Any] = _records(tmp_path / "state")
    degraded = sum(item["flag_s"].get("degraded", 0.0) for item in told if item["type"] == "parvis.zone.v1")
    assert degraded > 2


def _records(state: Path) -> list[Any]:
    with Spool(state / "spool.db", device="box-t", run="0" * 16) as spool:
        return [json.loads(item.payload) for item in spool.peek()]


def test_cameras_with_the_same_model_share_one_session_and_give_it_back(tmp_path: Path) -> None:
    model = person_model(tmp_path / "tiny.onnx")
    one, other = OnnxDetector(model), OnnxDetector(model)
    assert one._session is other._session
    assert open_session(model.read_bytes(), 1, False, "m") is not one._session
    assert len(one.detect(PICTURES[0])) == len(other.detect(PICTURES[0])) == 1


def test_the_input_shrinks_and_grows_back(tmp_path: Path) -> None:
    from edge.detect import resolve_model

    detector = OnnxDetector(resolve_model("starter"), input_size=256)
    sizes = []
    for share in (1.0, 0.75, 1.0):
        detector.shrink(share)
        sizes.append(detector.preprocess(np.zeros((144, 256, 3), np.uint8)).shape[2:])
    assert detector.resizable
    assert sizes == [(160, 256), (128, 192), (160, 256)]
