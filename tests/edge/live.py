"""What tests of live sources share."""

from __future__ import annotations

import inspect
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from edge.camera import LiveCamera

QUICK = (0.05, 0.1)
_BUSY = 4  # a busy machine may need so much longer; a test that passes waits no longer for it
SYSTEM_PYTHON = "/usr/bin/python3"  # Debian's, whose GStreamer packages no virtual environment has
GSTREAMER = "gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst; Gst.init(None); assert all(map(Gst.ElementFactory.find, 'rtph264pay h264parse qtdemux'.split()))"


def until(true: Callable[[], object], limit_s: float) -> float:
    """Wait until something is true; the seconds it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < _BUSY * limit_s, inspect.getsource(true)
        time.sleep(0.01)
    return time.monotonic() - began


def first(source: LiveCamera, limit_s: float = 8.0):
    """The next frame of a camera that is expected to deliver."""
    frame = source.latest(_BUSY * limit_s)
    assert frame is not None, source.reason
    return frame


def no_gstreamer() -> str | None:
    """Why GStreamer's RTSP server cannot be run here; None when it can."""
    code = f"import gi; {GSTREAMER}"
    try:
        done = subprocess.run([SYSTEM_PYTHON, "-c", code], capture_output=True, timeout=60, check=False)
    except OSError:
        return f"{SYSTEM_PYTHON} is absent"
    packages = "gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad python3-gi"
    return None if done.returncode == 0 else f"GStreamer's RTSP server is absent: apt install {packages}"


class RealServer:
    """GStreamer's RTSP server in a process of its own (`tests.edge.rtsp_server`), which can be stopped and killed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.port = "0"
        self.start()

    def start(self) -> None:
        """Start it, on the port it had before."""
        program = Path(__file__).with_name("rtsp_server.py")
        self.process = subprocess.Popen(
            [SYSTEM_PYTHON, program, self.port, self._file],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        with self.process.stdout as said:
            self.port = said.readline().strip()
        assert self.port, "the RTSP server did not start"

    def url(self, path: str = "/stream", user: str = "") -> str:
        return f"rtsp://{user}127.0.0.1:{self.port}{path}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
