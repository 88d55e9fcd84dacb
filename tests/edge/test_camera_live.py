"""Live sources that stall, lie, crash and come back: the camera says so, recovers, and its parent survives."""

from __future__ import annotations

import inspect
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from edge import camera, capture, decode
from edge.camera import LiveCamera, open_source
from edge.capture import Ring
from edge.errors import CameraError
from tests.edge import media, mjpeg_server
from tests.edge.live import QUICK, first, until
from tests.edge.mjpeg_server import jpeg
from tests.edge.rtsp_fault_server import SECRET, RtspServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RtspServer]:
    running = RtspServer(tmp_path)
    yield running
    running.close()


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    process = psutil.Process()
    fds, threads = process.num_fds(), threading.active_count()
    yield
    until(lambda: process.num_fds() <= fds and threading.active_count() <= threads, 3)
    assert process.children() == []


def be_patient(source: LiveCamera) -> None:
    """A busy machine may need longer to start a child than a test wants to wait for a fault."""
    source._stall_s = 10.0
    source._orders["timeout_s"] = 8.0


def pid(source: LiveCamera) -> int:
    until(lambda: source._child is not None, 5)
    return source._child.pid


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return media.video(tmp_path / "clip.mp4", 25)


def test_a_recording_plays_at_its_own_pace_and_ends(clip: Path) -> None:
    frames = []
    with LiveCamera(str(clip)) as source:
        assert source.state == "starting"
        while (frame := source.latest(5)) is not None:
            assert time.monotonic() - frame.at < 0.5
            frames.append(frame)
        assert (source.state, source.reason, source.reconnects) == ("ended", None, 0)
        assert 20 < len(frames) + source.dropped <= 25
    ats = [frame.at for frame in frames]
    assert ats == sorted(set(ats))
    assert ats[-1] - ats[0] == pytest.approx(0.96, abs=0.2)
    assert frames[0].image.shape == (48, 64, 3)
    assert frames[0].image.mean() < media.grey(6)  # one of the first


def test_a_recording_whose_last_times_go_back_has_ended_well(tmp_path: Path) -> None:
    part = media.video(tmp_path / "part.ts", 15)
    with LiveCamera(str(media.joined(tmp_path / "twice.ts", part, part))) as source:
        while source.latest(5) is not None:
            pass
        assert (source.state, source.reason) == ("ended", None)


def test_a_loop_goes_on(clip: Path) -> None:
    with LiveCamera(str(clip), loop=True) as source:
        began = first(source).at
        until(lambda: (frame := source.latest(1)) is not None and frame.at > began + 1.5, 10)
        assert source.state == "live"
        assert 15 < source.fps < 35


def test_only_the_newest_is_kept_and_the_rest_counted(clip: Path) -> None:
    with LiveCamera(str(clip), loop=True) as source:
        first(source)
        time.sleep(0.6)
        frame = source.latest(0)
        assert frame is not None
        assert time.monotonic() - frame.at < 0.3
        assert 5 < source.dropped < 30
        assert source.latest(0) is None or source.dropped  # not the same frame twice


def test_thinning_at_the_source(clip: Path) -> None:
    with LiveCamera(str(clip), rate=5) as source:
        count = 0
        while source.latest(5) is not None:
            count += 1
        assert count + source.dropped == 5


def test_latest_waits_no_longer_than_asked(server: RtspServer) -> None:
    server.mode = "mute"
    with LiveCamera(server.url, stall_s=5) as source:
        began = time.monotonic()
        assert source.latest(0.3) is None
        assert 0.25 < time.monotonic() - began < 1.0
        assert source.state == "starting"


def test_rtsp_is_read(server: RtspServer) -> None:
    with LiveCamera(server.url, stall_s=8) as source:
        frames = [first(source) for _ in range(10)]
        assert (source.state, source.reason) == ("live", None)
    assert frames[0].image.shape == (48, 64, 3)
    assert source.state == "ended"


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("mute", "did not answer|no picture"),
        ("trickle", "did not answer|no picture"),
        ("garble", "did not answer|no picture|no video"),
        ("reset", "dropped the connection|no video|ended"),
        ("404", "no stream of that name"),
        ("401", "rejected the user"),
    ],
)
def test_a_bad_camera_is_lost_and_comes_back(
    server: RtspServer, mode: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.mode = mode
    stall_s = 5.0 if mode in ("reset", "404", "401") else 1.0
    with LiveCamera(server.url, stall_s=stall_s, pause_s=QUICK) as source:
        until(lambda: source.state == "lost", 5.0)
        assert re.search(why, source.reason)
        assert source.latest(0) is None
        server.mode = "play"
        be_patient(source)
        first(source)
        assert source.state == "live"
        assert source.reconnects >= 1
        assert SECRET not in source.reason + caplog.text + source.name
        assert "viewer:***@127.0.0.1" in source.reason


@pytest.mark.parametrize("mode", ["stall", "hang up"])
def test_a_stream_that_stops_is_replaced(server: RtspServer, mode: str) -> None:
    server.mode = mode
    with LiveCamera(server.url, pause_s=QUICK) as source:
        before = first(source)
        source._stall_s = 1.0
        until(lambda: source.state == "lost", 6)
        server.mode = "play"
        be_patient(source)
        until(lambda: source.reconnects, 6)
        assert first(source).at > before.at


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"rtsp://127.0.0.1:{free.getsockname()[1]}/x"
        with LiveCamera(address, pause_s=QUICK) as source:
            until(lambda: source.state == "lost", 5)
            assert "refused the connection" in source.reason


def test_no_such_device() -> None:
    with LiveCamera("/dev/video61", stall_s=5, pause_s=(9, 9)) as source:
        until(lambda: source.state == "lost", 8)
        assert "/dev/video61: it is not there" in source.reason


def test_a_device_that_is_a_plain_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    false = tmp_path / "video0"
    false.write_bytes(bytes(5000))
    monkeypatch.setattr(camera, "parse", lambda source: ("usb", source))
    with LiveCamera(str(false), stall_s=5, pause_s=(9, 9)) as source:
        until(lambda: source.state == "lost", 8)
        assert "it is not there, is in use by another program" in source.reason


def test_a_camera_of_two_pictures_a_second_comes_live(server: RtspServer) -> None:
    server.pace_s = 0.5
    with LiveCamera(server.url, pause_s=(9, 9)) as source:
        first(source, 12)


def test_the_password_is_not_in_the_process_list(server: RtspServer) -> None:
    with LiveCamera(server.url) as source:
        first(source)
        child = psutil.Process(pid(source))
        assert SECRET not in " ".join(child.cmdline())
        assert SECRET not in str(child.environ())
        assert set(child.environ()) <= {
            "PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "LC_CTYPE",
        }  # fmt: skip


def test_a_killed_child_is_replaced(clip: Path) -> None:
    with LiveCamera(str(clip), loop=True, pause_s=QUICK) as source:
        before = first(source)
        os.kill(pid(source), signal.SIGKILL)
        until(lambda: source.reconnects == 1, 5)
        assert "died" in source.reason
        until(lambda: source.state == "live", 5)
        assert first(source).at > before.at


def test_a_stopped_child_is_replaced(clip: Path) -> None:
    with LiveCamera(str(clip), loop=True, pause_s=QUICK) as source:
        first(source)
        source._stall_s = 1.5
        old = pid(source)
        os.kill(old, signal.SIGSTOP)
        until(lambda: source.reconnects >= 1, 5)
        assert "no picture for 1.5 s" in source.reason
        be_patient(source)
        assert not psutil.pid_exists(old)
        until(lambda: source.state == "live", 5)


def test_a_recording_is_not_counted_twice_after_a_crash(clip: Path) -> None:
    with LiveCamera(str(clip), pause_s=QUICK) as source:
        first(source)
        os.kill(pid(source), signal.SIGKILL)
        until(lambda: source.state == "ended", 5)
        assert "died" in source.reason


def test_a_changed_size_is_reported_and_not_delivered(tmp_path: Path) -> None:
    small = media.video(tmp_path / "s.ts", 15)
    large = media.video(tmp_path / "l.ts", 15, wh=(128, 96))
    path = tmp_path / "camera.ts"
    media.joined(path, small, large)
    with LiveCamera(str(path), loop=True, pause_s=QUICK) as source:
        first(source)
        until(lambda: source.reconnects, 6)
        assert "stream_changed: the picture was 64x48 pixels and is now 128x96" in source.reason
        # A camera that comes back with the other size only stays lost: its zones were drawn on the old view.
        path.write_bytes(large.read_bytes())
        seen = source.reconnects
        until(lambda: source.reconnects > seen + 1, 8)
        frame = source.latest(0.5)
        assert frame is None or frame.image.shape == (48, 64, 3)
        assert source.state == "lost"
        path.write_bytes(small.read_bytes())
        until(lambda: source.state == "live", 6)


def test_r13_a_frame_bomb_costs_no_memory(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.mjpeg"
    bomb.write_bytes(b"".join(jpeg(index) for index in range(8)) + mjpeg_server.bomb((12_000, 12_000)))
    before = psutil.Process().memory_info().rss
    with LiveCamera(str(bomb)) as source:
        until(lambda: source.state == "ended", 8)
        assert "stream_changed: the picture was 64x48 pixels and is now larger" in source.reason
    assert psutil.Process().memory_info().rss - before < 20e6


def test_r13_colours_that_change_on_the_way_are_no_other_view(tmp_path: Path) -> None:
    parts = [tmp_path / f"{name}.ts" for name in ("colour", "night")]
    media.video(parts[0], 30)
    media.video(parts[1], 30, pix_fmt="yuv444p")
    with LiveCamera(str(media.joined(tmp_path / "camera.ts", *parts))) as source:
        count = 0
        while (frame := source.latest(5)) is not None:
            assert frame.image.shape == (48, 64, 3)
            count += 1
        assert (source.state, source.reason) == ("ended", None)
        assert count + source.dropped >= 55


def test_r13_the_kernel_caps_what_a_capture_process_may_take(clip: Path) -> None:
    with LiveCamera(str(clip), loop=True) as source:
        first(source)
        child = psutil.Process(pid(source))
        assert child.rlimit(resource.RLIMIT_DATA) == (400 << 20, 400 << 20)
        assert child.rlimit(resource.RLIMIT_FSIZE) == child.rlimit(resource.RLIMIT_CORE) == (0, 0)


def test_memory_is_capped_by_the_kernel(tmp_path: Path) -> None:
    path = media.video(tmp_path / "wide.mjpeg", 3, codec="mjpeg", container="mjpeg", wh=(4000, 4000))
    with LiveCamera(str(path), memory_mb=120) as source:
        until(lambda: source.state == "ended", 8)
        assert source.reason is not None
        assert source.latest(0) is None


def test_the_pause_grows_with_jitter(clip: Path) -> None:
    with LiveCamera(str(clip)) as source:
        pauses = [[source._pause(failures) for _ in range(200)] for failures in range(1, 12)]
    assert all(1 <= pause <= 60 for row in pauses for pause in row)
    assert max(pauses[0]) <= 2  # 10 s of silence and this are below the 15 s promised
    assert max(pauses[-1]) > 30
    assert len({round(pause, 6) for pause in pauses[3]}) > 100


def test_the_watchdog_has_no_wall_clock() -> None:
    for module in (camera, capture, decode):
        assert not re.search(r"time\.time\(|datetime|perf_counter", inspect.getsource(module))


def test_the_child_dies_with_its_parent(clip: Path) -> None:
    code = (
        "import sys, time; from edge.camera import LiveCamera\n"
        f"c = LiveCamera({str(clip)!r}, loop=True); c.latest(10); print(c._child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        assert psutil.pid_exists(child)
        parent.kill()
    until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie", 3)


def test_closing_is_quick_at_any_moment(clip: Path, server: RtspServer) -> None:
    server.mode = "mute"
    for delay_s in (0.0, 0.02, 0.2):
        for source in (LiveCamera(str(clip)), LiveCamera(server.url)):
            time.sleep(delay_s)
            began = time.monotonic()
            source.close()
            source.close()
            assert time.monotonic() - began < 1.5
            assert source.state == "ended"
            assert source.latest(1) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("picamera:0", "Raspberry Pi"),
        ("ffmpeg:-i none.mp4", "needs no ffmpeg"),
        ("http://u:s3cret@h/x.mp4", "another kind of address"),
        ("concat:a.mp4|b.mp4", "another kind"),
        ("rtsp://", "another kind"),
        ("none.mp4", "not there"),
        (".", "a folder"),
    ],
)
def test_sources_that_are_none(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(CameraError, match=why) as caught:
        open_source(name, tmp_path)
    assert SECRET not in str(caught.value)


def test_a_relative_source_counts_from_the_configuration(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    with open_source(clip.name, clip.parent) as source:
        first(source)


def test_the_ring_gives_the_newest_whole() -> None:
    ring = Ring.create(64)
    try:
        assert ring.read(0) is None
        for number in range(1, 8):
            ring.write(np.full((5, 7, 3), number, np.uint8), number / 10)
            found = ring.read(number - 1)
            assert found is not None
            assert found[0] == ring.newest() == number
            assert found[1].at == number / 10
            assert (found[1].image == number).all()
            assert ring.read(number) is None
        ring.clear()
        assert (ring.read(0), ring.newest()) == (None, 0)
    finally:
        ring.close()
