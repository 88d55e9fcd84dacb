"""R18: while the disk refuses, a box counts on and still gets its word out; nothing arrives twice afterwards."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import spool_repair
from edge.errors import SpoolError
from edge.spool import Spool
from edge.spool_memory import MAX_HELD
from edge.uplink import Uplink
from tests.edge.fault_server import RUN, TOKEN, FaultServer, health, line
from tests.edge.test_spool import adds_up, fill_disk, free_disk

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def push(spool: Spool, server: FaultServer, times: int = 1) -> None:
    uplink = Uplink(spool, url=server.url, token=TOKEN, wait=lambda *_: None)
    for _ in range(times):
        uplink.push_once()
    uplink.close()


def test_r18_with_a_full_disk_the_alarm_gets_out(tmp_path: Path, server: FaultServer) -> None:
    with Spool(tmp_path / "spool.db", device="box", run=RUN) as spool:
        keys = spool.append([line(number) for number in range(30)])
        fill_disk(spool)
        spool.append([line(number) for number in range(100, 200)])
        assert spool.stats().held == 100
        spool.append([health(1)])
        push(spool, server)
        assert {f"box/{RUN}/130", *keys} <= set(server.stored), "the health record, and what is on the disk"
        assert spool.stats().held == 0
        adds_up(spool)
        free_disk(spool)
        spool.append([line(201)])
        push(spool, server, 3)
        now = spool.stats()
        assert (now.pending, now.accepted_total, now.degraded) == (0, 132, False)
        assert server.conflicts == []
        assert len(server.landed) == len(set(server.landed)) == 132
        adds_up(spool)


def test_r18_what_was_sent_from_memory_never_merges(tmp_path: Path) -> None:
    """Its acknowledgement was lost, so that the server may have counted it."""
    with Spool(tmp_path / "spool.db", device="box", run=RUN, max_bytes=20_000) as spool:
        spool.append([line(0)])
        fill_disk(spool)
        spool.append([line(number) for number in range(1, 90)])
        given = {item.key for item in spool.peek()}
        assert len(given) == 90
        free_disk(spool)
        for hour in range(2, 30):
            spool.append([line(60 * hour + minute) for minute in range(60)])
        assert spool.stats().merged_total > 500
        assert given <= {item.key for item in spool.peek(10_000, 10**9)}
        adds_up(spool)


def test_r18_refused_from_memory_is_a_dead_letter_on_the_disk_later(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db", device="box", run=RUN) as spool:
        fill_disk(spool)
        spool.append([line(number) for number in range(60)])
        held = [item.key for item in spool.peek(2)]
        spool.settle(held[:1], {held[1]: "no such place"})
        assert [dead.key for dead in spool.dead_letters()] == held[1:]
        adds_up(spool)
        free_disk(spool)
        spool.append([])
        assert [(dead.key, dead.reason) for dead in spool.dead_letters()] == [(held[1], "no such place")]
        now = spool.stats()
        assert (now.held, now.pending, now.accepted_total, now.rejected_total) == (0, 58, 1, 1)
        adds_up(spool)


def test_r18_a_disk_that_cannot_be_written_at_the_start_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FaultServer
) -> None:
    clock = [0.0]

    def read_only(path: Path) -> int:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(spool_repair, "lock", read_only)
        spool = Spool(tmp_path / "spool.db", device="box", run=RUN, clock=lambda: clock[0])
        spool.append([line(number) for number in range(5)], {"grid": "1"})
        assert (spool.stats().held, spool.stats().degraded, spool.kept()) == (5, True, {})
        push(spool, server)
        assert (len(server.landed), spool.stats().held) == (5, 0)
        spool.append([line(5)])
        clock[0] = 9.0
        assert not spool.due
        clock[0] = 11.0
        assert spool.due
    spool.append([])
    now = spool.stats()
    assert (now.held, now.pending, now.accepted_total, now.degraded) == (0, 1, 5, False)
    assert spool.kept() == {"grid": "1"}
    adds_up(spool)
    spool.close()


def test_r18_damage_on_a_full_disk_is_mended_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The salvage needs room for a second file. Until then: memory, and no restart loop."""
    clock, path = [0.0], tmp_path / "spool.db"
    with Spool(path, device="box", run=RUN, clock=lambda: clock[0]) as spool:
        spool.append([line(number) for number in range(2000)])
    with path.open("r+b") as file:
        for page in range(60, 90):
            file.seek(page * 1024)
            file.write(b"\xff" * 1024)

    def full(*_: object) -> int:
        exc = sqlite3.OperationalError("database or disk is full")
        exc.sqlite_errorcode = 13
        raise exc

    with monkeypatch.context() as patch:
        patch.setattr(spool_repair, "rescue", full)
        spool = Spool(path, device="box", run=RUN, clock=lambda: clock[0])
        assert spool.append([line(1)]) == []
        assert not list(tmp_path.glob("*.fresh*")), "half a copy would take the room that is missing"
    clock[0] = 20.0
    spool.append([])
    now = spool.stats()
    assert (now.degraded, now.held) == (False, 0)
    assert now.pending > 1000
    adds_up(spool)
    spool.close()


def test_r18_memory_is_bounded_for_what_was_refused_too(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db", device="box", run=RUN) as spool:
        fill_disk(spool)
        body = line(1)
        for _ in range(3):
            spool.append([body] * MAX_HELD)
            spool.settle([], dict.fromkeys([item.key for item in spool.peek(MAX_HELD, 10**9)], "no"))
        spool.append([body] * (MAX_HELD + 7))
        now = spool.stats()
        assert now.held == MAX_HELD
        assert now.dropped_total >= 7
        adds_up(spool)


BOX = """
import sys
from pathlib import Path
from edge.spool import Spool
from tests.edge.fault_server import FaultServer, RUN, TOKEN, health, line
from edge.uplink import Uplink
folder, clock = Path(sys.argv[1]), [0.0]
with FaultServer() as server, Spool(folder / "spool.db", device="box", run=RUN, clock=lambda: clock[0]) as spool:
    uplink = Uplink(spool, url=server.url, token=TOKEN, wait=lambda *_: None)
    spool.append([line(0)])
    assert uplink.drain(60)
    {fill}
    for minute in range(1, 61):
        spool.append([line(minute), *[line(1000 + minute)] * 7])
        spool.append([health(minute)])
        clock[0] += 60
        if minute == 20:
            uplink.push_once()
            assert spool.stats().degraded and len(server.landed) > 150, (spool.stats(), len(server.landed))
    assert spool.stats().degraded and spool.stats().held >= 40 * 9
    {free}
    clock[0] += 30
    assert spool.due
    spool.append([])
    now = spool.stats()
    assert (now.held, now.degraded, now.dropped_total) == (0, False, 0), now
    assert uplink.drain(60)
    assert len(server.landed) == len(set(server.landed)) == spool.stats().accepted_total == 541, spool.stats()
    assert not server.conflicts
    uplink.close()
import sqlite3
assert sqlite3.connect(folder / "spool.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)
print("recovered")
"""
FILL = """
    ballast = (folder / "ballast").open("wb", buffering=0)
    try:
        while ballast.write(b"x" * 4096):
            pass
    except OSError:
        ballast.close()
"""


def test_r18_a_real_disk_filled_by_another_for_an_hour(tmp_path: Path) -> None:
    """1 MB of tmpfs: an hour counted in memory, sent from there, and stored again when there is room."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is not installed (util-linux)")
    mount = f"mount -t tmpfs -o size=1m tmpfs {tmp_path}"
    if subprocess.run([unshare, "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here (user namespaces are forbidden)")
    code = BOX.replace("    {fill}", FILL).replace("{free}", "(folder / 'ballast').unlink()")
    script = f'{mount} && exec "$0" -c "$1" {tmp_path}'
    command = [unshare, "-rm", "sh", "-c", script, sys.executable, code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout == "recovered\n", done.stderr


def test_r18_a_path_that_cannot_be_is_still_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "spool.db").mkdir()
    with pytest.raises(SpoolError):
        Spool(tmp_path / "spool.db", device="box", run=RUN)
