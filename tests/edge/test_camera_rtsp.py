"""RTSP over TCP against a real server, GStreamer's: passwords, faults, and a server that goes and comes back."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest

from edge.camera import LiveCamera
from tests.edge import media
from tests.edge.live import QUICK, RealServer, first, no_gstreamer, until
from tests.edge.rtsp_fault_server import SECRET


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    if why := no_gstreamer():
        pytest.skip(why)
    with RealServer(media.video(tmp_path_factory.mktemp("rtsp") / "camera.mp4", 600, fps=10)) as running:
        yield running


@pytest.mark.parametrize(("path", "user"), [("/stream", ""), ("/jpeg", ""), ("/closed", f"viewer:{SECRET}@")])
def test_what_a_real_server_plays_is_read(server: RealServer, path: str, user: str) -> None:
    with LiveCamera(server.url(path, user)) as source:
        frames = [first(source, 20) for _ in range(5)]
        assert (source.state, source.reason, source.reconnects) == ("live", None, 0)
    assert frames[0].image.shape == (48, 64, 3)
    ats = [frame.at for frame in frames]
    assert ats == sorted(set(ats))


@pytest.mark.parametrize(
    ("path", "user", "why"),
    [
        ("/closed", "viewer:wr0ng@", "rejected the user or the password"),
        ("/closed", "", "rejected the user or the password"),
        ("/nowhere", "", "knows no stream of that name"),
        ("/sound", "", "holds no video stream that can be decoded"),
        ("/other", "", "holds no video stream that can be decoded"),
    ],
)
def test_r11_what_a_real_server_refuses_is_lost_with_its_reason(
    server: RealServer, path: str, user: str, why: str
) -> None:
    with LiveCamera(server.url(path, user), pause_s=(9, 9)) as source:
        until(lambda: source.state == "lost", 20)
        assert source.latest(0) is None
        assert re.search(why, source.reason), source.reason
        assert "wr0ng" not in source.reason


def test_r11_a_server_killed_and_started_again_is_found_again(server: RealServer) -> None:
    with LiveCamera(server.url(), pause_s=QUICK) as source:
        before = first(source, 20)
        server.kill()
        until(lambda: source.state == "lost", 10)
        until(lambda: "refused the connection" in source.reason, 20)
        server.start()
        until(lambda: source.state == "live", 30)
        assert first(source, 20).at > before.at


def test_r11_a_server_that_stalls_is_left_within_ten_seconds(server: RealServer) -> None:
    with LiveCamera(server.url(), pause_s=QUICK) as source:
        first(source, 20)
        server.process.send_signal(signal.SIGSTOP)
        try:
            assert until(lambda: source.state == "lost", 12) <= 10.5
            assert re.search(
                "sent nothing for 7.6 s|did not answer in time|no picture for 9.5 s", source.reason
            )
            until(lambda: source.reconnects >= 1, 5)
        finally:
            server.process.send_signal(signal.SIGCONT)
        until(lambda: source.state == "live", 30)
        first(source, 20)
