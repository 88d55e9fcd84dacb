"""The real `parvis edge run` as a process: on a small disk that can be filled, under a wall clock that can be set.

The disk is a tmpfs (mounting one needs root) and the clock a preloaded library (building it needs gcc); without them
those faults are left out, and the result says so.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil

from bench.soak.camera import RATE
from bench.soak.town import ROOT, free_port
from edge import spool_view

DEVICE: Final = "box-soak"
INTERVAL_S: Final = 10
DISK_MB: Final = 600
_CLOCK: Final = ROOT / "tests" / "edge" / "wrong_clock.c"
_CONFIG: Final = """\
device: {device}
server: {{url: "{url}", token_file: token}}
status: {{port: {port}}}
model: {{path: starter, confidence: 0.25, threads: 1}}
interval_s: {interval}
cameras:
  - id: square
    source: "{source}"
    max_fps: {rate}
    zones:
      - id: path
        kind: area
        polygon: [[0.3764, 0.3886], [0.6402, 0.3870], [0.7152, 0.5958], [0.3226, 0.5994]]
      - id: plaza
        kind: area
        polygon: [[0.1252, 0.6360], [0.8468, 0.6291], [0.8532, 0.8786], [0.1199, 0.8882]]
    lines:
      - {{id: gate, points: [[0.3205, 0.6077], [0.7182, 0.6041]], classes: [person]}}
"""


class Box:
    """One box in a folder of its own."""

    def __init__(self, folder: Path, source: str, url: str, token: str) -> None:
        self.folder, self.state, self.port = folder, folder / "state", free_port()
        self.state.mkdir()
        self.has_disk = _tried(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "soak", str(self.state)])
        self._library, self._clock = folder / "wrong_clock.so", folder / "clock"
        self.has_clock = _tried(["gcc", "-shared", "-fPIC", "-o", str(self._library), str(_CLOCK), "-ldl"])
        self.set_clock(0, synced=True)
        (folder / "token").write_text(token)
        (folder / "token").chmod(0o600)
        values = {"device": DEVICE, "url": url, "source": source, "port": self.port, "rate": RATE}
        (folder / "box.yaml").write_text(_CONFIG.format(interval=INTERVAL_S, **values))

    def start(self) -> None:
        """Start counting."""
        environ = dict(os.environ)
        if self.has_clock:
            environ |= {"LD_PRELOAD": str(self._library), "WRONG_CLOCK": str(self._clock)}
        command = [sys.executable, "-m", "parvis", "edge", "run", "--config", str(self.folder / "box.yaml")]
        with (self.folder / "box.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
        self._seen = psutil.Process(self.process.pid)

    def figures(self) -> dict[str, float]:
        """Of the box's own process: memory (MB), open files, threads; of its capture: memory; of its disk: the spool (MB)."""
        with self._seen.oneshot():
            found: dict[str, float] = {
                "rss": self._seen.memory_info().rss / 1e6,
                "files": self._seen.num_fds(),
                "threads": self._seen.num_threads(),
                "cpu_s": sum(self._seen.cpu_times()[:2]),
            }
        found["capture_rss"] = sum(_rss(child) for child in self._seen.children(recursive=True)) / 1e6
        for name, file in (("spool", "spool.db"), ("wal", "spool.db-wal")):
            path = self.state / file
            found[name] = path.stat().st_size / 1e6 if path.exists() else 0.0
        return found

    def set_clock(self, off_s: float, *, synced: bool) -> None:
        """How far the wall clock is off from now on, and whether the kernel calls it synchronised."""
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(f"{off_s} {int(synced)}")
        fresh.replace(self._clock)

    def fill_disk(self) -> None:
        """Take all the room there is."""
        with (self.state / "filler").open("wb") as filler, suppress(OSError):
            for number in range(DISK_MB):
                os.posix_fallocate(filler.fileno(), number * 10**6, 10**6)
        with (self.state / "filler").open("ab", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(4096))

    def free_disk(self) -> None:
        """Give it back."""
        (self.state / "filler").unlink(missing_ok=True)

    def stop(self) -> int:
        """End it as systemd does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(90)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def totals(self) -> tuple[Any, set[str]]:
        """The counts of its spool, and the keys of what still waits in it."""
        path = self.state / "spool.db"
        found = spool_view.figures(path)
        if found is None:
            raise SystemExit(f"{path}: there is no spool")
        return found[0], {seen.key for seen in spool_view.waiting(path)}

    def remove(self) -> None:
        """Unmount its disk."""
        if self.has_disk:
            subprocess.run(["umount", "-l", str(self.state)], check=False)


def _tried(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _rss(child: psutil.Process) -> int:
    try:
        return int(child.memory_info().rss)
    except psutil.Error:
        return 0
