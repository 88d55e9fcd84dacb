"""The escape hatch: ffmpeg reads, below the capture process and as confined as it."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from edge.camera import LiveCamera, open_source
from edge.decode import mask
from edge.errors import CameraError
from edge.sources import parse
from tests.edge import media
from tests.edge.live import QUICK, RealServer, first, no_gstreamer, until
from tests.edge.mjpeg_server import MjpegServer
from tests.edge.rtsp_fault_server import SECRET

ROOT = Path(__file__).parents[2]
needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="ffmpeg is absent: apt install ffmpeg"
)


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    with MjpegServer() as running:
        yield running


def source_of(server: MjpegServer) -> str:
    return f"ffmpeg:-user_agent 'it is' -i http://viewer:{SECRET}@{server.address}"


def program_of(source: LiveCamera) -> psutil.Process:
    until(lambda: source._child is not None, 5)
    child = psutil.Process(source._child.pid)
    until(child.children, 10)
    return child.children()[0]


@needs_ffmpeg
def test_pictures_come_through_and_in_order(server: MjpegServer) -> None:
    server.mode = "401"
    with LiveCamera(source_of(server), rate=8) as source:
        frames = [first(source, 20) for _ in range(8)]
        assert (source.state, source.reason) == ("live", None)
    assert frames[0].image.shape == (48, 64, 3)
    assert frames[0].image.std() < 1
    assert {round(frame.image.mean()) for frame in frames} <= {media.grey(index) for index in range(25)}
    ats = [frame.at for frame in frames]
    assert ats == sorted(set(ats))


@needs_ffmpeg
def test_it_is_confined_and_knows_no_password_that_others_could_read(server: MjpegServer) -> None:
    with LiveCamera(source_of(server)) as source:
        first(source, 20)
        program = program_of(source)
        assert SECRET not in " ".join(program.cmdline())
        assert SECRET not in str(program.environ())
        assert program.rlimit(resource.RLIMIT_DATA) == (400 << 20, 400 << 20)
        assert program.rlimit(resource.RLIMIT_FSIZE) == (0, 0)
        assert program.rlimit(resource.RLIMIT_CORE) == (1, 1)
        source._child.kill()
        until(lambda: not program.is_running() or program.status() == "zombie", 5)
        until(lambda: source.reconnects == 1, 10)
        first(source, 20)
        program = program_of(source)
    until(lambda: not program.is_running() or program.status() == "zombie", 5)


@needs_ffmpeg
@pytest.mark.parametrize(
    "limit", ["edge.cli._dump_nothing()", "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))"]
)
def test_it_comes_up_in_a_service_that_may_dump_nothing(server: MjpegServer, limit: str) -> None:
    """Both limits of `edge run` and of a strict unit: a capture process that asked for more died at once, for ever."""
    code = (
        f"import edge.cli, resource, sys; {limit}\n"
        "from edge.camera import LiveCamera\n"
        "with LiveCamera(sys.argv[1]) as source: print(source.latest(60) is not None, source.reason)"
    )
    command = [sys.executable, "-c", code, source_of(server)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=True)
    assert done.stdout.strip() == "True None"


@needs_ffmpeg
@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("404", "knows no stream of that name"),
        ("bomb", "stream_changed: the picture may have 4096 pixels a side and is larger"),
        ("grow", "stream_changed: the picture was 64x48 pixels and is no longer"),
        ("turn", "stream_changed: the picture was 64x48 pixels and is no longer"),
    ],
)
def test_r13_what_is_wrong_is_told_and_no_other_picture_delivered(
    server: MjpegServer, mode: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.mode = mode
    with LiveCamera(source_of(server), pause_s=(9, 9)) as source:
        shapes = set()
        until(
            lambda: ((frame := source.latest(0)) and shapes.add(frame.image.shape)) or source.state == "lost",
            12,
        )
        assert re.search(why, source.reason), source.reason
        assert shapes <= {(48, 64, 3)}
        assert SECRET not in source.reason + source.name + caplog.text
        assert "viewer:***@127.0.0.1" in source.reason


@needs_ffmpeg
def test_a_wrong_password_is_told(server: MjpegServer) -> None:
    server.mode = "401"
    with LiveCamera(source_of(server).replace(SECRET, "wr0ng"), pause_s=(9, 9)) as source:
        until(lambda: source.state == "lost", 12)
        assert "rejected the user or the password" in source.reason


@needs_ffmpeg
@pytest.mark.parametrize("mode", ["mute", "stall", "garble"])
def test_r11_silence_is_a_stall(server: MjpegServer, mode: str) -> None:
    server.mode = mode
    with LiveCamera(source_of(server), pause_s=QUICK) as source:
        if mode != "mute":
            first(source, 20)
        program = program_of(source)
        source._stall_s = 1.0
        until(lambda: source.state == "lost", 10)
        assert "no picture for 1 s" in source.reason
        until(lambda: not program.is_running() or program.status() == "zombie", 5)
        server.mode, source._stall_s = "play", 10.0
        first(source, 20)


@needs_ffmpeg
def test_a_camera_that_speaks_only_udp(tmp_path: Path) -> None:
    if why := no_gstreamer():
        pytest.skip(why)
    with RealServer(media.video(tmp_path / "camera.mp4", 600, fps=10)) as server:
        url = server.url("/closed", f"viewer:{SECRET}@")
        with LiveCamera(f"ffmpeg:-rtsp_transport udp -i {url}") as source:
            assert first(source, 20).image.shape == (48, 64, 3)
            links = program_of(source).net_connections()
            assert sum(link.type == 2 for link in links) >= 1  # SOCK_DGRAM


@needs_ffmpeg
@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("-i rtsp://u:s3cret@h/x out.mp4", "its last two words must be -i and the address"),
        ("-i rtsp://u:s3cret@h/x -f mp4 out.mp4", "its last two words"),
        ("rtsp://u:s3cret@h/x", "its last two words"),
        ("", "its last two words"),
        ("-i", "its last two words"),
        ("-y -i rtsp://h/x", "its last two words"),
        ("-report 1 -i rtsp://u:s3cret@h/x", "-report is no option that may be given"),
        ("-f lavfi -i rtsp://h/x", "-f is no option"),
        ("-i rtsp://u:s3cret@h/x -i rtsp://h/y", "-i is no option"),
        ("-vf movie=/etc/passwd -i rtsp://h/x", "-vf is no option"),
        ("s3cret 1 -i rtsp://h/x", "one of its words is no option"),
        ("-i file:/etc/passwd", "its address must be a camera"),
        ("-i clip.mp4", "A recording needs no ffmpeg"),
        ("-i concat:rtsp://h/x", "its address must be"),
        ("-i /dev/video0/../../etc/passwd", "its address must be"),
        ("-i \"rtsp://h/x'\nfile 'file:/etc/passwd\"", "its address must be"),
        ("-user_agent 'a\nb' -i http://h/x", "control character"),
        ("-user_agent 'a -i http://h/x", "quotation mark"),
    ],
)
def test_what_could_do_more_than_read_is_refused(tmp_path: Path, words: str, why: str) -> None:
    with pytest.raises(CameraError, match=re.escape(why)) as caught:
        open_source(f"ffmpeg:{words}", tmp_path)
    assert SECRET not in str(caught.value)
    assert "ffmpeg:-rtsp_transport udp -i rtsp://USER:PASSWORD@HOST/PATH" in str(caught.value)


def test_without_the_program_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CameraError, match="sudo apt install ffmpeg"):
        open_source("ffmpeg:-i rtsp://h/x", tmp_path)


@needs_ffmpeg
def test_the_words_are_sorted_by_what_they_are_for() -> None:
    source = "ffmpeg:-hwaccel drm -c:v h264 -video_size 1280x720 -user_agent 'a b' -i /dev/video2"
    assert parse(source) == (
        "ffmpeg",
        {
            "asking": {"video_size": "1280x720", "user_agent": "a b"},
            "decoding": {"hwaccel": "drm", "c:v": "h264"},
            "address": "/dev/video2",
        },
    )


@needs_ffmpeg
def test_a_device_that_is_not_there() -> None:
    with LiveCamera("ffmpeg:-input_format mjpeg -i /dev/video61", pause_s=(9, 9)) as source:
        until(lambda: source.state == "lost", 12)
        assert "ffmpeg:/dev/video61: it is not there" in source.reason


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("ffmpeg:-i rtsp://u:s3cret@h:554/x?p=s3cret", "ffmpeg:rtsp://u:***@h:554"),
        ("ffmpeg:-timeout 5 -i 'rtsp://u:s3cret@h/x'", "ffmpeg:***"),
        ("ffmpeg:rtsp://u:s3cret@h/x", "ffmpeg:***"),
        ("ffmpeg:-i rtsp://u:s3c-i ret@h/x", "ffmpeg:***"),
        ("ffmpeg:-i rtsp://u:s3/cret@h/x", "ffmpeg:rtsp://***"),
        ("ffmpeg:-i /dev/video0", "ffmpeg:/dev/video0"),
    ],
)
def test_a_source_as_messages_show_it(source: str, shown: str) -> None:
    assert mask(source) == shown
