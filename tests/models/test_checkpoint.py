"""Which checkpoints are opened, and how one is had by name."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import ModelError
from models import checkpoint
from models.checkpoint import KNOWN, UltralyticsCheckpoint, check_trust, obtain
from models.export_onnx import main

STARTER = Path(__file__).parent.parent.parent.parent / "shared" / "starter" / "starter.pt"
PICKLE = b"cos\nsystem\n(S'touch opened'\ntR."


def test_an_unknown_checkpoint_is_not_opened(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "other.pt"
    other.write_bytes(PICKLE)
    assert main([str(other)]) == 5
    message = capsys.readouterr().err
    assert hashlib.sha256(PICKLE).hexdigest() in message
    assert "--trust" in message
    assert check_trust(other, trust=True)
    assert [path.name for path in tmp_path.iterdir()] == ["other.pt"]


def test_the_registered_checkpoint_is_the_starter():
    if not STARTER.is_file():
        pytest.skip(f"{STARTER} is absent")
    assert check_trust(STARTER, trust=False) in KNOWN


def test_the_registry_holds_sums():
    assert all(len(key) == 64 and set(key) <= set("0123456789abcdef") for key in KNOWN)


def test_what_comes_by_name_is_checked_and_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoint, "fetch", lambda path: path.write_bytes(PICKLE))
    with pytest.raises(ModelError, match="must be registered"):
        obtain("yolo11n", tmp_path, trust=False)
    assert not list(tmp_path.iterdir()), "a refused download must not stay"


@pytest.mark.parametrize("name", ["yolo11n", "yolo11n.pt"])
def test_what_comes_by_name_is_fetched_once(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    found = hashlib.sha256(PICKLE).hexdigest()
    fetched = []
    monkeypatch.setattr(checkpoint, "fetch", lambda path: fetched.append(path) or path.write_bytes(PICKLE))
    monkeypatch.setattr(checkpoint, "KNOWN", {found: "a test"})
    folder = tmp_path / "out"
    folder.mkdir()
    assert obtain(name, folder, trust=False) == (folder / "yolo11n.pt", found)
    assert obtain(name, folder, trust=False) == (folder / "yolo11n.pt", found)
    assert fetched == [folder / "yolo11n.pt"]


def test_a_local_file_wins_over_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoint, "fetch", lambda path: pytest.fail("fetched"))
    Path("yolo11n.pt").write_bytes(PICKLE)
    assert obtain("yolo11n.pt", tmp_path / "out", trust=True)[0] == Path("yolo11n.pt")


@pytest.mark.parametrize("name", ["best.pt", "folder/yolo11n.pt", "yolo11n.onnx", "YOLO11n", "yolo11n;x"])
def test_other_words_are_no_names(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoint, "fetch", lambda path: pytest.fail("fetched"))
    with pytest.raises(ModelError, match=r"existing \.pt checkpoint"):
        obtain(name, tmp_path, trust=True)


class Answer:
    """A download that ended with ``said`` and fetched nothing; keeps what it was started with."""

    def __init__(self, said):
        self.stdout, self.returncode = said, 1

    def __call__(self, command, env, **more):
        self.command, self.env = command, env
        return self


def test_without_a_network_it_says_so(tmp_path, monkeypatch, capsys):
    answer = Answer("Traceback …\nConnectionError: Environment may be offline.\n")
    monkeypatch.setattr(checkpoint, "find_spec", lambda name: object())
    monkeypatch.setattr(subprocess, "run", answer)
    monkeypatch.setenv("YOLO_OFFLINE", "true")
    monkeypatch.chdir(tmp_path)
    assert main(["yolo11n", "--out", str(tmp_path / "y.onnx")]) == 5
    message = capsys.readouterr().err
    assert "the network must be there (ConnectionError: Environment may be offline.)" in message
    assert answer.command[-1] == str(tmp_path / "yolo11n.pt")
    assert "YOLO_OFFLINE" not in answer.env
    assert answer.env["YOLO_AUTOINSTALL"] == "false"


def test_missing_extra_is_explained(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    with pytest.raises(ModelError, match=r"pip install 'parvis\[models\]'"):
        UltralyticsCheckpoint(tmp_path / "m.pt")
    monkeypatch.setattr(checkpoint, "find_spec", lambda name: None)
    monkeypatch.chdir(tmp_path)
    assert main(["yolo11n"]) == 1
    assert "ultralytics and torch must be installed" in capsys.readouterr().err
