"""A whole box, in a process of its own, whose two cameras hang up again and again: the program of R12's test.

Usage: ``python -m tests.edge.reconnecting FOLDER RECONNECTS EVERY``. Camera ``cam`` is played to for a few pictures and
then hung up on, camera ``deaf`` refuses the connection. One JSON line per EVERY reconnects tells the resident memory in
bytes, the open files and the threads of the box.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

import psutil

from edge import service
from edge.camera import LiveCamera
from edge.config import load_config
from tests.edge.rtsp_fault_server import RtspServer
from tests.front_door import box_file

PAUSE_S = (0.001, 0.002)
CAMERA = """\
  - id: deaf
    source: rtsp://127.0.0.1:1/x
    zones: [{id: all, kind: area, polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}]
"""


def at_rest(process: psutil.Process) -> tuple[int, int]:
    """The fewest open files and threads over a second: a start in progress holds some, a leak never lets go."""
    seen = []
    for _ in range(100):
        seen.append((process.num_fds(), process.num_threads()))
        time.sleep(0.01)
    return min(fds for fds, _ in seen), min(threads for _, threads in seen)


def main(folder: Path, reconnects: int, every: int) -> None:
    """Count until both cameras have come back so often, telling what the box holds."""
    cameras: list[LiveCamera] = []

    def opened(source: str, base: Path, *, rate: float | None = None) -> LiveCamera:
        cameras.append(LiveCamera(source, rate=rate, pause_s=PAUSE_S))
        return cameras[-1]

    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:  # the server's memory and threads are not the box's
        os.close(read)
        server = RtspServer(folder)
        server.mode, server.hang_up_after = "hang up", 3
        os.write(write, server.url.encode())
        threading.Event().wait()
    os.close(write)
    service.open_source = opened
    path = box_file(folder, source=os.read(read, 1000).decode())
    os.close(read)
    path.write_text(path.read_text() + CAMERA)
    box = service.Service(load_config(path), folder, folder / "state")
    stop, process = threading.Event(), psutil.Process()
    counting = threading.Thread(target=box.run, args=(stop,))
    counting.start()
    try:
        for goal in range(every, reconnects + 1, every):
            while sum(camera.reconnects for camera in cameras) < goal:
                time.sleep(0.05)
            fds, threads = at_rest(process)
            held = {"rss": process.memory_info().rss, "fds": fds, "threads": threads}
            told = {camera.name: camera.reconnects for camera in cameras}
            print(json.dumps({"reconnects": goal, **held, "each": told}), flush=True)
    finally:
        stop.set()
        counting.join()
        os.kill(pid, 9)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
