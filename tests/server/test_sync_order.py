"""R4 on the server: what it says it has, it has synced to the disk before."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from server.accounts import add_device
from server.store.sqlite import open_store
from tests.server.build import zone
from tests.server.test_process import Server

CALLS = "trace=pwrite64,fsync,fdatasync,recvfrom,sendto,read,write"
WRITE = re.compile(r"pwrite64\(\d+<[^>]*-wal>")
SYNC = re.compile(r"f(?:data)?sync\(\d+<[^>]*-wal>")
BATCHES = 4


def unsynced_answers(trace: Sequence[str]) -> tuple[int, int]:
    """How many batches were answered with 200, and how many of them before the log of the database was on the disk."""
    told = early = 0
    dirty = written = asked = False
    syncing: set[str] = set()  # threads inside a sync
    for call in trace:
        thread, _, what = call.partition(" ")
        if '"POST /api/v1/records' in what:
            asked, written = True, False
        elif WRITE.search(what):
            dirty = written = True
        elif SYNC.search(what) and "unfinished" in what:
            syncing.add(thread)
        elif SYNC.search(what) or ("sync resumed>" in what and thread in syncing):
            syncing.discard(thread)
            dirty = dirty and not what.rstrip().endswith("= 0")
        elif '"HTTP/1.1 200' in what and asked:
            told, early, asked = told + 1, early + (dirty or not written), False
    return told, early


def test_the_reading_of_a_trace_finds_an_answer_that_came_too_early() -> None:
    ask, write = '7 recvfrom(9, "POST /api/v1/records', "8 pwrite64(5</a.sqlite3-wal>, 24) = 24"
    sync, tell = "8 fdatasync(5</a.sqlite3-wal>) = 0", '7 sendto(9, "HTTP/1.1 200 OK"'
    halves = "8 fdatasync(5</a.sqlite3-wal> <unfinished ...>", "8 <... fdatasync resumed>) = 0"
    assert unsynced_answers([ask, write, sync, tell]) == (1, 0)
    assert unsynced_answers([ask, write, *halves, tell]) == (1, 0)
    assert unsynced_answers([ask, write, halves[0], tell]) == (1, 1)
    assert unsynced_answers([ask, write, tell, sync]) == (1, 1)
    assert unsynced_answers([ask, tell]) == (1, 1)
    assert unsynced_answers([ask, write, sync.replace("= 0", "= -1 EIO"), tell]) == (1, 1)


def test_r4_an_answer_of_200_comes_after_the_sync(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: apt-get install strace")
    if subprocess.run([strace, "-o", os.devnull, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here (ptrace is forbidden)")
    server = Server(tmp_path / "data")
    store = open_store(server.data / "parvis.sqlite3")
    headers = {"Authorization": f"Bearer {add_device(store, 'box-a')}"}
    store.close()
    log, now = tmp_path / "trace", int(time.time()) // 60 * 60
    server.start()
    assert server.process is not None
    options = [strace, "-f", "-y", "-s", "64", "-o", str(log), "-e", CALLS, "-p", str(server.process.pid)]
    with subprocess.Popen(options, stderr=subprocess.PIPE, text=True) as tracer:
        try:
            assert tracer.stderr is not None
            assert "attached" in tracer.stderr.readline()
            for batch in range(BATCHES):
                records = [zone(10 * batch + n, now - 60 * (10 * batch + n + 2)) for n in range(10)]
                answer = httpx.post(
                    f"{server.url}/api/v1/records", json={"records": records}, headers=headers, timeout=60
                )
                assert len(answer.json()["accepted"]) == 10
        finally:
            server.kill()
    assert unsynced_answers(log.read_text().splitlines()) == (BATCHES, 0)
