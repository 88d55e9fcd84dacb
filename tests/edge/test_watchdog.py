"""`parvis edge run` as systemd sees it: fed while a server is away, starved by an uplink that hangs; secrets told nowhere."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.status_page import ask
from tests.edge import media
from tests.edge.fault_server import TOKEN
from tests.front_door import box_file

PASSWORD = "Hunter2-9c41"
SLOW_S = 60.0
HANGING = """\
import time
import edge.courier
from edge.uplink import Uplink

edge.courier.PUSH_S = 2.0
Uplink.push_once = lambda self, **_: time.sleep(3600)
from parvis.cli import main
main()
"""


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._link.bind(self.address)
        self.heard: list[str] = []

    def listen(self, seconds: float, until: str | None = None) -> list[str]:
        """What is said in so many seconds, or until something is."""
        new: list[str] = []
        end = time.monotonic() + seconds
        while (left_s := end - time.monotonic()) > 0:
            self._link.settimeout(left_s)
            with contextlib.suppress(TimeoutError):
                new.append(self._link.recv(4096).decode())
                if until is not None and new[-1].startswith(until):
                    break
        self.heard += new
        return new

    def close(self) -> None:
        self._link.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    made = Systemd(tmp_path / "notify")
    yield made
    made.close()


def free_port() -> int:
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        return int(link.getsockname()[1])


@contextlib.contextmanager
def running(box: Path, systemd: Systemd, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A box whose watchdog wants a word each 2 s."""
    command = [sys.executable, *(words or ("-m", "parvis")), "edge", "run", "--config", str(box)]
    environ = {**os.environ, "NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "8000000"}
    environ.pop("WATCHDOG_PID", None)
    with (box.parent / "log").open("w") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, env=environ, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def config(folder: Path, port: int) -> Path:
    media.video(folder / "clip.mp4", 900, fps=10)
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    extra = f"server: {{url: 'http://127.0.0.1:9', token_file: token}}\nstatus: {{port: {port}}}\n"
    path = box_file(folder, extra=extra)
    lost = (
        f"  - id: gate\n    source: 'rtsp://operator:{PASSWORD}@127.0.0.1:9/live'\n"
        "    lines: [{id: way, points: [[0.1, 0.5], [0.9, 0.5]]}]\n"
    )
    path.write_text(path.read_text() + lost)
    return path


def test_a_server_that_is_away_starves_no_watchdog_and_no_secret_is_told(
    tmp_path: Path, systemd: Systemd
) -> None:
    port = free_port()
    with running(config(tmp_path, port), systemd):
        assert "READY=1" in systemd.listen(SLOW_S, until="READY=1")
        assert systemd.listen(SLOW_S, until="WATCHDOG=1")[-1] == "WATCHDOG=1"
        assert systemd.listen(15).count("WATCHDOG=1") >= 3
        status, health = ask("127.0.0.1", port, "/healthz")
        _, metrics = ask("127.0.0.1", port, "/metrics")
    told = json.loads(health)
    assert status in {200, 503}
    assert {camera["camera"] for camera in told["cameras"]} == {"cam", "gate"}
    assert told["verdict"] != "healthy"
    assert 'parvis_camera_up{camera="cam"} 1' in metrics
    assert 'parvis_camera_up{camera="gate"} 0' in metrics
    everything = health + metrics + "".join(systemd.heard) + (tmp_path / "log").read_text()
    assert "operator:***@" in everything
    for word in (PASSWORD, TOKEN, "Bearer", "track", "array("):
        assert word not in everything


def test_an_uplink_that_hangs_starves_the_watchdog(tmp_path: Path, systemd: Systemd) -> None:
    with running(config(tmp_path, 0), systemd, "-c", HANGING) as child:
        assert "READY=1" in systemd.listen(SLOW_S, until="READY=1")
        systemd.listen(6)
        assert "WATCHDOG=1" not in systemd.listen(10)
        assert child.poll() is None, "the box counts on until systemd ends it"
    assert "delivering: stuck" in (tmp_path / "log").read_text()
