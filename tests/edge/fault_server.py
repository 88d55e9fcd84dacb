"""A server on loopback that fails as told, and a spool's worth of bodies: helper code of the tests."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from contract.batch import RECORDS_PATH, parse_record
from contract.messages import ConfigBody, HealthBody, LineBody, LineCounts

START = datetime(2026, 1, 1, tzinfo=UTC)
RUN = "0123456789abcdef"
TOKEN = "secret-token-7f3a"


def line(number: int = 0) -> LineBody:
    return LineBody(
        camera="north",
        line="gate",
        start=START + timedelta(minutes=number),
        interval_s=60,
        observed_s=60.0,
        time_quality="synced",
        counts={"person": LineCounts(in_=number % 1000, out=0)},
    )


def health(number: int = 0) -> HealthBody:
    return HealthBody(
        camera="north",
        at=START + timedelta(minutes=number),
        state="live",
        fps=5.0,
        frames_dropped=0,
        reconnects=0,
        inference_ms=None,
        spool_depth=0,
        spool_age_s=None,
        dead_letters=0,
        last_acknowledged=None,
        disk_free_mb=None,
        temperature_c=None,
        throttled=None,
        clock="synced",
        software="0.1.0",
        model="starter",
    )


def config() -> ConfigBody:
    return ConfigBody(
        camera="north",
        at=START,
        interval_s=60,
        zones=(),
        lines=(),
        ground=None,
        model="starter",
        model_sha256="0" * 64,
        software="0.1.0",
    )


Fault = Callable[["Handler", dict[str, object]], None]


class FaultServer(ThreadingHTTPServer):
    """Stores each key once; takes one fault per request from ``script``, and is well when it is empty."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.script: deque[Fault] = deque()
        self.stored: dict[str, dict[str, object]] = {}
        self.landed: deque[str] = deque()
        self.conflicts: list[str] = []
        self.batches: list[int] = []
        self.refuse: dict[str, str] = {}
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def commit(self, batch: dict[str, object]) -> dict[str, object]:
        """Store what is new and answer as the contract says."""
        items = batch["records"]
        assert isinstance(items, list)
        accepted, rejected = [], []
        for item in items:
            key = parse_record(item).key
            if key in self.refuse:
                rejected.append({"key": key, "reason": self.refuse[key]})
                continue
            if key not in self.stored:
                self.stored[key] = item
                self.landed.append(key)
            elif self.stored[key] != item:
                self.conflicts.append(key)
            accepted.append(key)
        return {"accepted": accepted, "rejected": rejected}

    def away(self) -> None:
        """Stop listening: connections are refused from now on."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""

    def __exit__(self, *_: object) -> None:
        self.away()


class Handler(BaseHTTPRequestHandler):
    """One request: read it whole, then do as the script says."""

    protocol_version = "HTTP/1.1"
    server: FaultServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == RECORDS_PATH
        assert self.headers["Authorization"] == f"Bearer {TOKEN}"
        text = gzip.decompress(body)
        assert len(text) <= 256 * 1024
        batch = json.loads(text)
        self.server.batches.append(len(batch["records"]))
        fault = self.server.script.popleft() if self.server.script else well
        fault(self, batch)

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Tests read the log of the box, not of this server."""


def well(handler: Handler, batch: dict[str, object]) -> None:
    handler.reply(200, json.dumps(handler.server.commit(batch)).encode())


def status(code: int, body: bytes = b"", **headers: str) -> Fault:
    return lambda handler, _: handler.reply(code, body, **headers)


def hang_up(handler: Handler, batch: dict[str, object]) -> None:
    handler.close_connection = True


def ack_lost(handler: Handler, batch: dict[str, object]) -> None:
    handler.server.commit(batch)
    handler.close_connection = True


def truncated(handler: Handler, batch: dict[str, object]) -> None:
    answer = json.dumps(handler.server.commit(batch)).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(answer)))
    handler.end_headers()
    handler.wfile.write(answer[: len(answer) // 2])
    handler.close_connection = True


def silent(handler: Handler, batch: dict[str, object]) -> None:
    time.sleep(3.0)
    handler.close_connection = True


def trickle_head(handler: Handler, batch: dict[str, object]) -> None:
    """A header line that grows a byte at a time: no read timeout ever trips."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(60):
        handler.wfile.write(b"a")
        handler.wfile.flush()
        time.sleep(0.05)


def trickle_body(handler: Handler, batch: dict[str, object]) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(60):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def huge(handler: Handler, batch: dict[str, object]) -> None:
    handler.reply(200, b" " * (2 * 1024 * 1024))


def only_small(limit: int) -> Fault:
    """413 for batches of more than ``limit`` records."""

    def fault(handler: Handler, batch: dict[str, object]) -> None:
        items = batch["records"]
        assert isinstance(items, list)
        if len(items) > limit:
            handler.reply(413, b"too large")
        else:
            well(handler, batch)

    return fault
