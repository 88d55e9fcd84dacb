"""`parvis edge zones check` through the front door, and the check at the start of the service."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sample_videos
from edge import zone_check
from edge.config import load_config
from edge.errors import CameraError
from edge.records import Frame
from edge.zone_check import START_CHECK_S, StartCheck, check_camera
from tests.edge import media
from tests.edge.lint_world import WH, crowd, tracks_of
from tests.fakes import ScriptedDetector
from tests.front_door import blind_model, box_file, parvis

SCENES = Path(sample_videos.__file__).parent


def told(*words: object) -> tuple[int, dict[str, Any], str]:
    said = parvis("edge", "zones", "check", *words, "--json")
    return said.code, json.loads(said.out.splitlines()[-1]), said.err


def found(answer: dict[str, Any], camera: int = 0) -> set[tuple[str, str]]:
    return {(item["code"], item["where"]) for item in answer["cameras"][camera]["findings"]}


def edited(folder: Path, old: str, new: str) -> Path:
    box = box_file(folder)
    text = box.read_text()
    assert old in text
    box.write_text(text.replace(old, new))
    return box


GATE, RIM = "[[0.1, 0.5], [0.9, 0.5]]", "[[0.1, 0.002], [0.9, 0.002]]"


def test_a_good_drawing(tmp_path: Path) -> None:
    code, answer, _ = told("--config", box_file(tmp_path), "--static")
    assert code == 0
    assert answer == {
        "cameras": [{"camera": "cam", "findings": [], "dry_run": None, "fault": None}],
        "errors": 0,
        "warnings": 0,
    }


def test_an_error_is_exit_code_3_with_its_remedy(tmp_path: Path) -> None:
    box = edited(tmp_path, GATE, RIM)
    said = parvis("edge", "zones", "check", "--config", box, "--static")
    assert said.code == 3
    assert "line gate (line-at-edge)" in said.out
    assert "→ Move it down by at least" in said.out
    code, answer, _ = told("--config", box, "--static")
    assert (code, answer["errors"]) == (3, 1)
    assert set(answer["cameras"][0]["findings"][0]) == {"code", "severity", "where", "message", "remedy"}


def test_a_warning_fails_only_the_strict(tmp_path: Path) -> None:
    second = "      - {id: other, kind: area, polygon: [[0.7, 0.2], [0.95, 0.2], [0.95, 0.95], [0.7, 0.95]]}\n    lines:"
    box = edited(tmp_path, "    lines:", second)
    code, answer, _ = told("--config", box, "--static")
    assert (code, answer["warnings"], found(answer)) == (0, 1, {("zone-overlap", "zone other")})
    assert told("--config", box, "--static", "--strict")[0] == 3


def test_the_dry_run_of_a_recording(tmp_path: Path) -> None:
    media.video(tmp_path / "clip.mp4", 90, fps=30)
    code, answer, err = told("--config", box_file(tmp_path), "--seconds", 2)
    assert code == 0
    dry = answer["cameras"][0]["dry_run"]
    assert dry["seconds"] == pytest.approx(2, abs=0.11)
    assert dry["fps"] == pytest.approx(10, rel=0.05)  # max_fps, not what the file offers
    assert dry["input"] == [64, 64]
    assert dry["groups"]["person"]["objects"] == 1
    assert found(answer) == {("dry-run-thin", "people")}
    assert err == ""


def test_without_a_camera_the_drawing_is_checked_all_the_same(tmp_path: Path) -> None:
    box = edited(tmp_path, GATE, RIM)
    code, answer, err = told("--config", box)
    assert code == 4
    assert "clip.mp4" in err
    assert "clip.mp4" in answer["cameras"][0]["fault"]
    assert found(answer) == {("line-at-edge", "line gate")}
    said = parvis("edge", "zones", "check", "--config", box)
    assert "only the drawing was checked" in said.out
    assert "line-at-edge" in said.out


def test_a_model_that_does_not_fit_is_told_too(tmp_path: Path) -> None:
    media.video(tmp_path / "clip.mp4", 10)
    box = box_file(tmp_path)
    (tmp_path / "tiny.onnx").write_text("no model")
    code, answer, err = told("--config", box)
    assert code == 5
    assert "tiny.onnx" in err
    assert answer["cameras"][0]["dry_run"] is None


def test_several_cameras(tmp_path: Path) -> None:
    box = box_file(tmp_path)
    one = box.read_text()[box.read_text().index("  - id: cam") :]
    box.write_text(box.read_text() + one.replace("id: cam", "id: second").replace(GATE, RIM))
    code, answer, _ = told("--config", box, "--static")
    assert code == 3
    assert [camera["camera"] for camera in answer["cameras"]] == ["cam", "second"]
    assert (found(answer), found(answer, 1)) == (set(), {("line-at-edge", "line gate")})
    assert told("--config", box, "--static", "--camera", "cam")[0] == 0
    for words in (["--camera", "third"], ["--video", tmp_path / "clip.mp4"]):
        said = parvis("edge", "zones", "check", "--config", box, *words)
        assert said.code == 3
        assert "cam, second" in said.err


@pytest.mark.parametrize("seconds", ["0", "-5", "many"])
def test_wrong_seconds(tmp_path: Path, seconds: str) -> None:
    assert parvis("edge", "zones", "check", "--config", box_file(tmp_path), "--seconds", seconds).code == 2


TRUE = {"square": {("zone-overlap", "zone benches")}, "car_park": set(), "street": set()}


@pytest.mark.parametrize("scene", sorted(TRUE))
def test_the_sample_scenes_have_true_findings_only(scene: str) -> None:
    """Benches and plaza of the square do overlap; nothing else is to be mended."""
    code, answer, _ = told("--config", SCENES / f"{scene}.yaml", "--seconds", 15)
    assert code == 0
    graver = {
        (item["code"], item["where"])
        for item in answer["cameras"][0]["findings"]
        if item["severity"] != "info"
    }
    assert graver == TRUE[scene]


BAD = """\
device: box
model: {path: starter, confidence: 0.25, input: 192}
cameras:
  - id: square
    source: nowhere.mp4
    zones:
      - {id: path, kind: area, polygon: [[0.3764, 0.3886], [0.6402, 0.3870], [0.7152, 0.5958], [0.3226, 0.5994]]}
      - {id: plaza, kind: area, polygon: [[0.1252, 0.6360], [0.8468, 0.6291], [0.8532, 0.8786], [0.1199, 0.8882]]}
      - {id: kerb, kind: area, polygon: [[0.2, 0.70], [0.8, 0.70], [0.8, 0.715], [0.2, 0.715]]}
    lines:
      - {id: low, points: [[0.1, 0.97], [0.9, 0.97]]}
      - {id: left, points: [[0.01, 0.5], [0.015, 0.9]]}
"""


def test_faults_on_a_real_scene_are_found(tmp_path: Path) -> None:
    """With an input of 192 px the model finds .2 to .3 of the people on the path and nearly all on the plaza."""
    box = tmp_path / "box.yaml"
    box.write_text(BAD)
    code, answer, _ = told("--config", box, "--video", SCENES / "square.mp4")
    assert code == 3
    findings = found(answer)
    assert {
        ("zone-small-objects", "zone path"),
        ("zone-thin", "zone kerb"),
        ("line-at-edge", "line low"),
        ("line-at-edge", "line left"),
    } <= findings
    assert ("zone-small-objects", "zone plaza") not in findings


# --- live cameras, without one ---


class Live:
    """A camera that gives these frames and then nothing."""

    state, reason, name = "live", "it is away", "rtsp://camera"

    def __init__(self, frames: int) -> None:
        self.frames = [Frame(np.zeros((48, 64, 3), np.uint8), at / 4) for at in range(frames)]

    def latest(self, timeout_s: float) -> Frame | None:
        return self.frames.pop(0) if self.frames else None


def look_at(folder: Path, frames: int, monkeypatch: pytest.MonkeyPatch) -> zone_check.Checked:
    @contextmanager
    def opened(*_: object, **__: object) -> Iterator[Live]:
        yield Live(frames)

    monkeypatch.setattr(zone_check, "open_source", opened)
    monkeypatch.setattr(zone_check, "FIRST_PICTURE_S", 0.01)
    box = load_config(box_file(folder, source="rtsp://camera/1"))
    return check_camera(box, box.cameras[0], folder, None, 5.0, lambda seen: None)


def test_a_live_camera_is_looked_at_for_its_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = look_at(tmp_path, 100, monkeypatch)
    assert checked.fault is None
    assert checked.measured is not None
    assert (checked.measured.seconds, checked.measured.fps) == (5.0, 4.0)


def test_a_live_camera_that_falls_silent_gives_what_it_gave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = look_at(tmp_path, 9, monkeypatch)
    assert checked.measured is not None
    assert checked.measured.seconds == 2.0


def test_a_live_camera_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = look_at(tmp_path, 0, monkeypatch)
    assert isinstance(checked.fault, CameraError)
    assert "it is away" in str(checked.fault)
    assert "--video" in str(checked.fault)


# --- at the start of the service ---


def test_the_service_tells_faults_of_the_drawing_at_once(tmp_path: Path) -> None:
    media.video(tmp_path / "clip.mp4", 10, fps=10)
    said = parvis("edge", "run", "--config", edited(tmp_path, GATE, RIM))
    assert said.code == 0
    assert "camera cam, line gate: " in said.err
    assert "(line-at-edge, docs/zones.md)" in said.err


def test_the_service_tells_the_rest_once_after_a_minute(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "parvis.edge")
    box = load_config(edited(tmp_path, GATE, "[[0.5, 0.6], [0.51, 0.6]]"))
    check = StartCheck(box, box.cameras[0], ScriptedDetector([]))
    assert caplog.messages == []  # without objects nothing is wrong
    actors, seen = crowd(), {}
    over = [
        at for at in np.arange(0, 70, 0.25) if check.frame(WH, tracks_of(actors, at % 20, seen), float(at))
    ]
    assert over[0] == START_CHECK_S
    assert len([line for line in caplog.messages if "(line-short, docs/zones.md)" in line]) == 1


def test_a_fault_of_the_check_never_stops_the_counting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(zone_check, "lint", broken)
    box = load_config(box_file(tmp_path))
    check = StartCheck(box, box.cameras[0], ScriptedDetector([]))
    assert any(check.frame(WH, [], float(at)) for at in range(70))
    assert "counted all the same" in caplog.text


def test_a_blind_model_measures_nothing(tmp_path: Path) -> None:
    media.video(tmp_path / "clip.mp4", 30, fps=10)
    box = box_file(tmp_path)
    blind_model(tmp_path / "tiny.onnx")
    code, answer, _ = told("--config", box, "--seconds", 2)
    assert (code, answer["cameras"][0]["dry_run"]["groups"]) == (0, {})
    assert found(answer) == {("dry-run-thin", "people")}
