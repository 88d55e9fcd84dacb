"""The camera connector of a Raspberry Pi, with a stand-in for picamera2 on the path of the capture process."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import capture
from edge.camera import LiveCamera, open_source
from edge.errors import CameraError
from tests.edge.live import QUICK, first, until

FAKE = Path(__file__).parent / "fake_picamera2" / "picamera2"
Plug = Callable[..., None]


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Connect cameras; they may be connected anew at any time."""
    shutil.copytree(FAKE, tmp_path / "picamera2", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(capture, "_ROOT", f"{tmp_path}:{capture._ROOT}")

    def connect(cameras: int = 1, behaves: str = "well", sensor: str = "imx708") -> None:
        text = json.dumps({"cameras": cameras, "behaves": behaves, "sensor": sensor})
        (tmp_path / "connected.json").write_text(text)

    connect()
    return connect


@pytest.mark.parametrize(("sensor", "shape"), [("imx708", (720, 1280, 3)), ("imx219", (962, 1280, 3))])
def test_the_whole_view_in_the_colours_of_the_detector(
    plug: Plug, tmp_path: Path, sensor: str, shape: tuple[int, int, int]
) -> None:
    plug(sensor=sensor)
    with open_source("picamera:0", tmp_path, rate=10) as source:
        image = first(source, 20).image
        assert image.shape == shape
        assert image[shape[0] // 2, 640].tolist() == [50, 100, 200]  # blue, green, red
        assert image[0].min() == image[-1].min() == 255  # the border of the scene
        until(lambda: source.fps > 0, 10)
        assert "picamera2" not in sys.modules  # only the capture process loads it


def test_a_size_that_is_asked_for(plug: Plug) -> None:
    with LiveCamera("picamera:0@640x360") as source:
        assert first(source, 20).image.shape == (360, 640, 3)


@pytest.mark.parametrize(
    ("cameras", "behaves", "source", "why"),
    [
        (1, "well", "picamera:1", r"no camera is connected there \(1 found\)\. Check the ribbon cable"),
        (0, "well", "picamera:0", r"no camera is connected there \(0 found\)"),
        (1, "busy", "picamera:0", "in use by another program"),
        (1, "well", "picamera:0@8000x6000", "cannot deliver that size or rate"),
        (1, "grows", "picamera:0", "stream_changed: the picture was 1280x720 pixels and is now 1282x720"),
    ],
)
def test_r11_what_fails_is_told(plug: Plug, cameras: int, behaves: str, source: str, why: str) -> None:
    plug(cameras=cameras, behaves=behaves)
    with LiveCamera(source, pause_s=(9, 9)) as camera:
        until(lambda: camera.state == "lost", 20)
        assert re.search(f"{source}: .*{why}", camera.reason), camera.reason


def test_r11_a_loose_cable_is_a_stall_and_its_return_is_noticed(plug: Plug) -> None:
    plug(behaves="hangs")
    with LiveCamera("picamera:0", pause_s=QUICK) as source:
        first(source, 20)
        source._stall_s = 1.0
        until(lambda: source.state == "lost", 10)
        assert "no picture for 1 s" in source.reason
        plug()
        source._stall_s = 10.0
        until(lambda: source.state == "live", 30)


def test_a_library_that_does_not_load_is_told_with_the_remedy(plug: Plug, tmp_path: Path) -> None:
    (tmp_path / "picamera2" / "__init__.py").write_text("raise ValueError('numpy.dtype size changed')\n")
    with LiveCamera("picamera:0", pause_s=(9, 9)) as source:
        until(lambda: source.state == "lost", 20)
        assert "cannot be loaded (ValueError)" in source.reason
        assert "pip install --force-reinstall --no-deps simplejpeg" in source.reason


def test_without_the_library_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"python3-picamera2.*include-system-site-packages = true"):
        open_source("picamera:0", tmp_path)


@pytest.mark.parametrize(
    "source", ["picamera:", "picamera:a", "picamera:0@", "picamera:0@1x1", "picamera:0 1"]
)
def test_a_connector_written_wrongly(plug: Plug, tmp_path: Path, source: str) -> None:
    with pytest.raises(CameraError, match=re.escape("Write picamera:0 or picamera:0@1640x1232")):
        open_source(source, tmp_path)
