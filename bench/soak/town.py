"""A real `parvis server` that can be killed, behind a link that can fail: what a box delivers to.

The link passes bytes on as they come. ``slow``: a kilobyte a second each way; ``error``: answers 500 itself; ``lost``: the
request arrives, the answer does not. While the server is down nobody answers.
"""

from __future__ import annotations

import json
import select
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, Literal

import httpx

from server.settings import Settings

ROOT: Final = Path(__file__).parent.parent.parent
_START_S: Final = 120.0
_SLOW_BYTES, _SLOW_S = 100, 0.1
_REFUSAL: Final = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def free_port() -> int:
    """A TCP port that nobody uses."""
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        return int(link.getsockname()[1])


class Server:
    """`parvis server run` as a process of its own; its database is only read here."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def token(self, device: str) -> str:
        """Allow a box to deliver."""
        words = ["admin", "device", "add", device, "--data", str(self.data), "--json"]
        command = [sys.executable, "-m", "parvis", "server", *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return str(json.loads(done.stdout.splitlines()[-1])["token"])

    def start(self) -> None:
        """Return once it answers."""
        words = ["run", "--data", str(self.data), "--port", str(self.port)]
        command = [sys.executable, "-m", "parvis", "server", *words]
        with (self.data.parent / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        began = time.monotonic()
        while time.monotonic() - began < _START_S:
            with suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5).is_success:
                    return
            time.sleep(0.2)
        raise SystemExit(f"the server did not start: see {log.name}")

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What its database answers."""
        path = Settings(data_dir=self.data).database
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()


class Link:
    """The way from the box to a port of this machine, at a port of its own."""

    def __init__(self, port: int) -> None:
        self.mode: Literal["well", "slow", "error", "lost"] = "well"
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with (
            client,
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self._to), timeout=10) as server,
        ):
            while True:
                ready, _, _ = select.select([client, server], [], [], 120)
                for source in ready:
                    data = source.recv(65536)
                    if not data or (self.mode == "lost" and source is server):
                        return
                    if self.mode == "error":
                        client.sendall(_REFUSAL)
                        return
                    self._pass(data, server if source is client else client)
                if not ready:
                    return

    def _pass(self, data: bytes, to: socket.socket) -> None:
        if self.mode != "slow":
            to.sendall(data)
            return
        for start in range(0, len(data), _SLOW_BYTES):
            to.sendall(data[start : start + _SLOW_BYTES])
            time.sleep(_SLOW_S)
