"""`parvis edge doctor` through the front door: each fault is red with its remedy, a box in order is not, no secret is told."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from edge.config import load_config
from edge.doctor import Doctor, sync_s
from edge.doctor_line import Line, split, worst
from edge.health import HealthProbe
from edge.status_page import Page, StatusPage
from tests.edge import fault_server as faults
from tests.edge.fault_server import TOKEN, FaultServer
from tests.front_door import box_file, parvis
from tests.privacy import canary
from tests.privacy.canary import Needles

PASSWORD = "Hunter2-9c41"


def free_port() -> int:
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        return int(link.getsockname()[1])


def box(folder: Path, url: str | None = None, *, port: int | None = None, source: str = "clip.mkv") -> Path:
    server = "" if url is None else f"server: {{url: '{url}', token_file: token}}\n"
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    status = f"status: {{port: {free_port() if port is None else port}}}\n"
    return box_file(folder, source=source, extra=server + status)


def clip(path: Path, *, low: int = 0, high: int = 256, seconds: int = 20) -> None:
    """A recording of noise between two grey values."""
    noise = np.random.default_rng(1).integers(low, high, (64, 64, 3), np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(10 * seconds):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="bgr24")))
        out.mux(stream.encode(None))


def examined(folder: Path, path: Path, **changes: Any) -> dict[str, list[Line]]:
    """The report by check."""
    probe = HealthProbe(folder, root=folder, vcgencmd=None, kernel_clock=lambda: changes.get("synced", True))
    found: dict[str, list[Line]] = {}
    for line in Doctor(load_config(path), folder, changes.get("state", folder), 1.0, probe).lines():
        found.setdefault(line.check, []).append(line)
    return found


def test_a_box_in_order_is_ready(tmp_path: Path) -> None:
    clip(tmp_path / "clip.mkv")
    (tmp_path / "state").mkdir()
    with FaultServer() as server:
        said = parvis("edge", "doctor", "--config", box(tmp_path, server.url), "--seconds", 2, "--json")
        assert server.stored == {}, "nothing is sent"
    told = json.loads(said.out)
    colours = {(line["check"], line["colour"]) for line in told["lines"]}
    assert said.code == 0, said.out
    assert {
        ("configuration", "green"), ("server", "green"), ("model of cam", "green"), ("camera cam", "green"),
        ("service", "yellow"), ("disk", "green"),
    } <= colours  # fmt: skip
    assert not [line for line in told["lines"] if line["colour"] == "red"]
    assert list((tmp_path / "state").iterdir()) == [], "and nothing is left"


def test_what_is_wrong_is_red_with_its_remedy_and_no_secret_is_told(tmp_path: Path) -> None:
    path = box(tmp_path, "http://127.0.0.1:9", source=f"'rtsp://operator:{PASSWORD}@127.0.0.1:9/live'")
    with FaultServer() as server:
        server.script.append(faults.status(401))
        path.write_text(path.read_text().replace("http://127.0.0.1:9'", f"{server.url}'"))
        said = parvis("edge", "doctor", "--config", path, "--seconds", 1, timeout=180)
    assert said.code == 9
    assert "refused this box's token" in said.out
    assert "camera cam: no picture came" in said.out
    assert "→ Check the camera's power, cable, address and password" in said.out
    assert "not ready: mend what is red" in said.out
    for word in (PASSWORD, TOKEN, "Bearer"):
        assert word not in said.out + said.err


def test_r35_no_pixel_is_told(tmp_path: Path) -> None:
    video = canary.video(tmp_path / "clip.mkv", 1, seconds=20, fps=10)
    needles = Needles(canary.layouts(*next(canary.frames(video))))
    found = examined(tmp_path, box(tmp_path))
    said = json.dumps([line.as_dict() for lines in found.values() for line in lines]).encode()
    assert found["camera cam"][-1].message == "the picture is bright enough"
    assert needles.found(said) == 0
    assert canary.magic(said) == []


def test_a_broken_configuration_has_its_own_code(tmp_path: Path) -> None:
    path = box(tmp_path)
    path.write_text(path.read_text() + "colour: blue\n")
    assert parvis("edge", "doctor", "--config", path).code == 3


@pytest.mark.parametrize(
    ("low", "high", "colour", "words"),
    [
        (0, 256, "green", "bright"),
        (0, 30, "yellow", "dark"),
        (90, 92, "red", "one colour"),
        (0, 1, "red", "one colour"),
    ],
)
def test_what_a_picture_shows(tmp_path: Path, low: int, high: int, colour: str, words: str) -> None:
    clip(tmp_path / "clip.mkv", low=low, high=high)
    line = examined(tmp_path, box(tmp_path))["camera cam"][-1]
    assert (line.colour, words in line.message) == (colour, True)


def test_the_machine_is_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip(tmp_path / "clip.mkv")
    monkeypatch.setattr(HealthProbe, "disk_free_mb", lambda _: 20)
    monkeypatch.setattr(HealthProbe, "temperature_c", lambda _: 84.0)
    monkeypatch.setattr(HealthProbe, "throttled", lambda _: True)
    monkeypatch.setattr("edge.doctor.sync_s", lambda _: 0.9)
    found = examined(tmp_path, box(tmp_path), synced=False)
    assert [line.colour for line in found["disk"]] == ["red", "yellow"]
    assert (found["temperature"][0].colour, found["power"][0].colour, found["clock"][0].colour) == (
        "yellow",
    ) * 3
    assert all(line.remedy for name in ("disk", "temperature", "power", "clock") for line in found[name])
    assert found["server"][0].colour == "yellow"


def test_a_state_folder_that_cannot_be_written_is_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip(tmp_path / "clip.mkv")

    def refuse(_: Path) -> float:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("edge.doctor.sync_s", refuse)
    assert examined(tmp_path, box(tmp_path))["disk"][-1].colour == "red"
    monkeypatch.undo()
    assert 0 < sync_s(tmp_path) < 60
    assert examined(tmp_path, box(tmp_path), state=tmp_path / "new" / "state")["disk"][-1].colour == "yellow"


def test_a_model_that_is_none_is_red_and_stops_no_other_check(tmp_path: Path) -> None:
    clip(tmp_path / "clip.mkv")
    path = box(tmp_path)
    (tmp_path / "tiny.onnx").write_bytes(b"no model")
    found = examined(tmp_path, path)
    assert found["model of cam"][0].colour == "red"
    assert found["camera cam"][0].colour == "green"


HEALTH = {
    "verdict": "failing",
    "reasons": [
        {
            "reason": "camera_lost",
            "verdict": "failing",
            "message": "camera cam: no picture",
            "remedy": "Look.",
        }
    ],
    "cameras": [{"camera": "cam", "state": "lost", "fps": 0.0}],
}


def test_a_running_service_is_asked_and_keeps_its_camera(tmp_path: Path) -> None:
    served = StatusPage("127.0.0.1", 0, lambda *_: Page(503, "application/json", json.dumps(HEALTH)))
    try:
        found = examined(tmp_path, box(tmp_path, port=served.port, source="/dev/video99"))
    finally:
        served.close()
    assert [line.colour for line in found["service"]] == ["yellow", "red"]
    assert found["service"][1].remedy == "Look."
    assert "held by the running service" in found["camera cam"][0].message
    assert found["camera cam"][0].colour == "red"


def test_another_program_at_the_port_is_told(tmp_path: Path) -> None:
    clip(tmp_path / "clip.mkv")
    served = StatusPage("127.0.0.1", 0, lambda *_: Page(200, "text/html", "<html>printer</html>"))
    try:
        found = examined(tmp_path, box(tmp_path, port=served.port))
    finally:
        served.close()
    assert (found["service"][0].colour, "another program" in found["service"][0].message) == ("red", True)


def test_a_service_that_counts_other_cameras_is_not_taken_for_this_box(tmp_path: Path) -> None:
    clip(tmp_path / "clip.mkv")
    other = json.dumps(HEALTH | {"cameras": [{"camera": "elsewhere"}]})
    served = StatusPage("127.0.0.1", 0, lambda *_: Page(503, "application/json", other))
    try:
        found = examined(tmp_path, box(tmp_path, port=served.port))["service"]
    finally:
        served.close()
    assert [line.colour for line in found] == ["yellow"]
    assert "counts elsewhere: not this configuration" in found[0].message
    assert "status.port" in found[0].remedy


@pytest.mark.parametrize(
    ("words", "parted"),
    [
        ("token: it is empty; write it anew", ("token: it is empty", "Write it anew.")),
        ("a.mp4: is not there. Check the path; it counts from x.", ("a.mp4: is not there", "Check the path; it counts from x.")),
        ("nothing to part", ("nothing to part", "")),
    ],
)  # fmt: skip
def test_what_is_wrong_is_parted_from_what_to_do(words: str, parted: tuple[str, str]) -> None:
    assert split(words) == parted


def test_the_worst_colour_is_the_whole() -> None:
    assert worst([]) == "green"
    assert worst([Line("a", "green", ""), Line("b", "red", ""), Line("c", "yellow", "")]) == "red"
