"""A real server process: killed without warning under load, and sent bodies that never end."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest

from server.accounts import add_device
from server.store.sqlite import open_store
from tests.server.build import zone

ROOT = Path(__file__).parents[2]
KILLS = 3


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """`parvis server run` as its own process."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen | None = None

    def start(self) -> float:
        """Wait until it answers; the processor seconds that took it, which a busy machine hardly changes."""
        began = time.monotonic()
        code = "from server.cli import app; app()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "run", "--data", str(self.data), "--port", str(self.port)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        while True:
            try:
                if httpx.get(f"{self.url}/healthz", timeout=1).status_code == 200:
                    spent = psutil.Process(self.process.pid).cpu_times()
                    return spent.user + spent.system
            except httpx.TransportError:
                if time.monotonic() - began > 120 or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(tmp_path):
    made = Server(tmp_path / "data")
    yield made
    if made.process and made.process.poll() is None:
        made.kill()


def test_no_acknowledged_row_is_lost_by_kill_9(server):
    store = open_store(server.data / "parvis.sqlite3")
    tokens = {f"box-{n}": add_device(store, f"box-{n}") for n in range(3)}
    store.close()
    acknowledged: list[str] = []
    stop = threading.Event()
    now = int(time.time()) // 60 * 60

    def deliver(device: str) -> None:
        """As a box does: everything unacknowledged is sent again."""
        seq, waiting = 0, []
        headers = {"Authorization": f"Bearer {tokens[device]}"}
        with httpx.Client(timeout=5) as client:
            while not stop.is_set():
                if not waiting:
                    waiting = [zone(seq + n, now - 60 * (seq + n + 2), device=device) for n in range(20)]
                    seq += 20
                try:
                    answer = client.post(
                        f"{server.url}/api/v1/records", json={"records": waiting}, headers=headers
                    )
                except httpx.TransportError:
                    time.sleep(0.02)
                    continue
                if answer.status_code != 200:
                    time.sleep(0.02)  # 429: the sender of this test is faster than a box may be
                    continue
                assert answer.json()["rejected"] == []
                acknowledged.extend(answer.json()["accepted"])
                waiting = []

    rng = random.Random(7)
    starts = [server.start()]
    threads = [threading.Thread(target=deliver, args=(device,)) for device in tokens]
    for thread in threads:
        thread.start()
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.2, 0.6))
        server.kill()
        starts.append(server.start())
    time.sleep(0.3)
    stop.set()
    for thread in threads:
        thread.join()
    server.kill()
    store = open_store(server.data / "parvis.sqlite3")
    with store._connections.read() as db:
        stored = [row[0] for row in db.execute("SELECT key FROM records")]
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        whole = db.execute(
            "SELECT count(*) FROM intervals i JOIN counts c ON c.record_id = i.record_id"
        ).fetchone()
    store.close()
    print(f"{len(acknowledged)} acknowledged, {len(stored)} stored, costliest start {max(starts):.1f} s")
    assert len(acknowledged) > 100
    assert set(acknowledged) <= set(stored)
    assert len(set(acknowledged)) == len(acknowledged)
    assert whole[0] == len(stored)
    assert max(starts) < 8, "a restart after a kill reads the log, not the whole database"


def send(port: int, head: str, body, limit: int = 400) -> tuple[bytes, int]:
    """Send a body piece by piece until the server answers or hangs up; the answer and the pieces sent."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.sendall(head.encode())
        s.setblocking(False)
        answer = b""
        for piece in body:
            try:
                s.setblocking(True)
                s.sendall(piece)
                sent += 1
            except (BrokenPipeError, ConnectionResetError):
                break
            s.setblocking(False)
            try:
                answer += s.recv(65536)
            except BlockingIOError:
                pass
            except ConnectionResetError:
                break
            if answer or sent >= limit:
                break
            time.sleep(0.001)
        s.setblocking(True)
        try:
            while not answer:
                answer += s.recv(65536)
        except (ConnectionResetError, TimeoutError):
            pass
        return answer, sent


def test_endless_bodies_are_refused_before_they_are_held(server):
    store = open_store(server.data / "parvis.sqlite3")
    token = add_device(store, "box-a")
    store.close()
    server.start()
    process = psutil.Process(server.process.pid)
    head = (
        "POST /api/v1/records HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\n"
    )
    valid = json.dumps({"records": []}).encode()
    warm = head + f"Content-Length: {len(valid)}\r\n\r\n"
    assert send(server.port, warm, [valid])[0].startswith(b"HTTP/1.1 200")
    before = process.memory_info().rss

    declared = head + "Content-Length: 1000000000\r\n\r\n"
    answer, sent = send(server.port, declared, iter(lambda: b"x" * 65536, None))
    assert answer.startswith(b"HTTP/1.1 413")
    assert sent <= 60

    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    chunked = head + "Transfer-Encoding: chunked\r\n\r\n"
    answer, sent = send(server.port, chunked, iter(lambda: chunk, None))
    assert answer.startswith(b"HTTP/1.1 413")
    assert sent <= 60

    # Without a token nothing at all is read.
    stranger = chunked.replace(token, "wrong")
    answer, sent = send(server.port, stranger, iter(lambda: chunk, None))
    assert answer.startswith(b"HTTP/1.1 401")
    assert process.memory_info().rss - before < 10 * 1024 * 1024
