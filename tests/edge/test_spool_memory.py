"""R18: while the disk refuses, a box counts on and still gets its word out; nothing arrives twice afterwards.

What memory and file promise alike is in `tests/edge/test_spool_contract.py`; here are the faults, and the rows of the
table in docs/spool.md on which they differ.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from contract.messages import AnomalyBody
from edge import spool_repair
from edge.errors import SpoolError
from edge.spool import Spool
from edge.spool_memory import MAX_HELD
from edge.spool_view import newest
from edge.uplink import Uplink
from tests.edge.fault_server import RUN, START, TOKEN, FaultServer, config, health, line
from tests.edge.spool_world import (
    OTHER_RUN,
    World,
    adds_up,
    fill_disk,
    free_disk,
    opened,
    turn_read_only,
)

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


CASE = AnomalyBody.model_validate(
    {
        "type": "parvis.anomaly.v1", "camera": "north", "case": "a" * 16, "revision": 1, "kind": "debris",
        "state": "open", "zone": "lane", "first_seen": START, "last_seen": START, "x": 0.5, "y": 0.5, "w": 0.1,
        "h": 0.1, "lon": None, "lat": None, "size_m": None, "confidence": 0.5,
    }
)  # fmt: skip


def test_differs_the_file_sends_configurations_first_and_memory_the_oldest(world: World) -> None:
    """From memory the alarm has to get out; a server takes records of a configuration that it has not seen."""
    spool = world.open()
    spool.append([line(0), line(1)])
    spool.append([config()])
    kinds = [item.payload.rpartition('"type":"')[2].split(".")[1] for item in spool.peek()]
    assert kinds == (["config", "line", "line"] if world.durable else ["line", "line", "config"])


def test_differs_memory_comes_before_the_file(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db") as spool:
        stored = spool.append([line(0), line(1)])
        turn_read_only(spool)
        spool.append([line(2)])
        assert [item.key for item in spool.peek()] == [f"box/{RUN}/2", *stored]


def test_differs_the_bound_of_memory_is_a_number_and_what_it_drops_is_counted(world: World) -> None:
    spool, extra = world.open(), 7
    spool.append([line(minute) for minute in range(MAX_HELD + extra)])
    now = spool.stats()
    gone = 0 if world.durable else extra
    assert (now.pending + now.held, now.dropped_total, now.merged_total) == (MAX_HELD + extra - gone, gone, 0)
    adds_up(spool)
    world.mend_disk()
    now = spool.stats()
    assert (now.held, now.pending, now.dropped_total) == (0, MAX_HELD + extra - gone, gone)
    adds_up(spool)


def test_differs_a_key_appended_twice_is_found_out_where_it_is_written(world: World) -> None:
    spool = world.open()
    spool.append([CASE, CASE])
    assert len(spool.peek()) == (1 if world.durable else 2)
    world.mend_disk()
    assert len(spool.peek()) == 1
    assert spool.dead_letters()[0].reason.startswith("conflict")
    adds_up(spool)


def test_differs_what_is_kept_is_read_from_the_disk_alone(world: World) -> None:
    spool = world.open()
    spool.append([line(0)], {"grid": "1"})
    assert spool.kept() == ({"grid": "1"} if world.durable else {})
    world.mend_disk()
    assert spool.kept() == {"grid": "1"}


def test_differs_what_memory_sent_is_shown_to_nobody(world: World) -> None:
    spool = world.open()
    spool.append([line(0)])
    spool.settle([item.key for item in spool.peek()], {})
    assert len(newest(world.path, 900)) == (1 if world.durable else 0)


def test_differs_power_takes_what_is_in_memory_alone_and_that_is_said(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    spool = world.open()
    spool.append([line(0), line(1)])
    spool.close()
    assert ("2 records were never stored" in caplog.text) == (not world.durable)
    world.fails = False
    world.patch.undo()
    spool = world.open(OTHER_RUN)
    assert spool.stats().pending == (2 if world.durable else 0)
    assert spool.append([line(2)]) == [f"box/{OTHER_RUN}/0"], "under numbers of its own"


def test_r18_what_a_read_only_card_cannot_note_is_sent_once_and_once_more_when_it_can(tmp_path: Path) -> None:
    clock = [0.0]
    with opened(tmp_path / "spool.db", clock=lambda: clock[0]) as spool:
        keys = spool.append([line(number) for number in range(30)])
        turn_read_only(spool)
        assert [item.key for item in spool.peek(20)] == keys[:20]
        with pytest.raises(SpoolError, match="read-only"):
            spool.settle(keys[:19], {keys[19]: "no such place"})
        assert spool.stats().last_acknowledged == START + timedelta(minutes=19), "delivering, and said so"
        assert [item.key for item in spool.peek()] == keys[20:], "no batch is sent round and round"
        adds_up(spool)
        turn_read_only(spool, on=False)
        clock[0] += 60.0
        assert [item.key for item in spool.peek()] == keys
        spool.settle(keys[:19], {keys[19]: "no such place"})
        now = spool.stats()
        assert (now.pending, now.accepted_total, now.rejected_total, now.degraded) == (10, 19, 1, False)
        adds_up(spool)
