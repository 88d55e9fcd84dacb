"""What every spool promises, on a disk that takes everything, on one that takes nothing, on a card turned read-only.

Where the three differ on purpose: `tests/edge/test_spool_memory.py`, and the table in docs/spool.md.
"""

from __future__ import annotations

import itertools
import json
import threading
from contextlib import suppress
from datetime import timedelta

import pytest

from contract.batch import MAX_BYTES, parse_record
from contract.messages import Body
from edge.errors import SpoolError
from edge.spool_view import waiting
from edge.uplink import Uplink
from tests.edge.fault_server import RUN, START, TOKEN, FaultServer, ack_lost, hang_up, health, line, status
from tests.edge.spool_world import OTHER_RUN, World, adds_up, sequence


def test_numbers_are_contiguous_and_payloads_are_records(world: World) -> None:
    spool = world.open()
    keys = [f"box/{RUN}/{seq}" for seq in range(3)]
    told = spool.append([line(0), line(1)]) + spool.append([]) + spool.append([line(2)])
    assert told == (keys if world.durable else []), "told is what is on the disk"
    for key, item in zip(keys, spool.peek(), strict=True):
        assert item.key == key == parse_record(json.loads(item.payload)).key
    adds_up(spool)


def test_another_run_counts_from_nought_and_what_waits_keeps_its_numbers(world: World) -> None:
    spool = world.open()
    spool.append([line(0), line(1)])
    spool.begin_run(OTHER_RUN)
    spool.append([line(2)])
    keys = [f"box/{RUN}/0", f"box/{RUN}/1", f"box/{OTHER_RUN}/0"]
    assert [item.key for item in spool.peek()] == keys
    world.mend_disk()
    assert [item.key for item in spool.peek()] == keys
    assert spool.append([line(3)]) == [f"box/{OTHER_RUN}/1"]


def test_batches_are_the_oldest_and_keep_to_count_and_bytes(world: World) -> None:
    spool = world.open()
    spool.append([line(number) for number in range(1500)])
    assert [item.key for item in spool.peek(3)] == [f"box/{RUN}/{seq}" for seq in range(3)]
    assert len(spool.peek()) == 500
    whole = spool.peek(5000)
    size = len(json.dumps({"records": [json.loads(item.payload) for item in whole]}, separators=(",", ":")))
    assert size <= MAX_BYTES < size + 400, "as many as fit"
    five = spool.peek(5)
    exact = len('{"records":[' + ",".join(item.payload for item in five) + "]}")
    assert spool.peek(100, exact) == five
    assert spool.peek(100, exact - 1) == five[:4]
    assert spool.peek(100, 1) == five[:1], "at least one"
    assert sequence(spool) == list(range(1500)), "and what was offered is offered again, in its order"


def test_settle_has_three_outcomes(world: World) -> None:
    spool = world.open()
    spool.append([line(0), line(1), line(2), health(9)])
    keys = [f"box/{RUN}/{seq}" for seq in range(4)]
    spool.settle([keys[0], keys[3]], {keys[1]: "no such zone"})
    assert [item.key for item in spool.peek()] == [keys[2]]
    (dead,) = spool.dead_letters()
    assert (dead.key, dead.reason, dead.at) == (keys[1], "no such zone", world.wall)
    assert parse_record(json.loads(dead.payload)).key == keys[1]
    now = spool.stats()
    assert (now.pending + now.held, now.dead_letters) == (1, 1)
    assert (now.accepted_total, now.rejected_total) == (2, 1)
    assert now.last_acknowledged == START + timedelta(minutes=1), "health has no interval"
    adds_up(spool)


def test_keys_settled_twice_or_of_nobody_count_nothing(world: World) -> None:
    spool = world.open()
    spool.append([line(0), line(1)])
    key = f"box/{RUN}/0"
    spool.settle([key], {})
    with suppress(SpoolError):  # a disk that takes nothing takes no second word either
        spool.settle([key, "box/unknown/1"], {"box/unknown/2": "x"})
    now = spool.stats()
    assert (now.accepted_total, now.rejected_total, now.dead_letters) == (1, 0, 0)
    assert sequence(spool) == [1]
    adds_up(spool)


def test_what_the_server_confirmed_last_is_known_and_stays_so(world: World) -> None:
    """Else a box that delivers from memory would be called one that does not."""
    spool = world.open()
    spool.append([line(number) for number in range(9)])
    assert spool.stats().last_acknowledged is None
    for batch in range(3):
        spool.settle([item.key for item in spool.peek(3)], {})
        assert spool.stats().last_acknowledged == START + timedelta(minutes=3 * batch + 3)
    world.mend_disk()
    assert spool.stats().last_acknowledged == START + timedelta(minutes=9)
    spool.close()
    assert world.open(OTHER_RUN).stats().last_acknowledged == START + timedelta(minutes=9)


def test_letters_are_the_newest_first_and_outlive_the_fault(world: World) -> None:
    spool = world.open()
    spool.append([line(number) for number in range(4)])
    keys = [item.key for item in spool.peek()]
    for key in keys[:3]:
        world.wall += 1.0
        spool.settle([], {key: f"why {key}"})
    latest = [(key, f"why {key}") for key in reversed(keys[:3])]
    assert [(dead.key, dead.reason) for dead in spool.dead_letters()] == latest
    assert [dead.key for dead in spool.dead_letters(2)] == [key for key, _ in latest[:2]]
    found = spool.dead_letters()
    world.mend_disk()
    assert spool.dead_letters() == found
    assert (spool.stats().dead_letters, spool.stats().rejected_total) == (3, 3)
    assert [item.key for item in spool.peek()] == keys[3:]
    adds_up(spool)


def test_the_oldest_is_known_since_when_it_waits(world: World) -> None:
    spool = world.open()
    assert spool.stats().oldest_at is None
    spool.append([line(0)])
    since, world.wall = world.wall, world.wall + 60.0
    spool.append([line(1)])
    assert spool.stats().oldest_at == since
    spool.settle([spool.peek(1)[0].key], {})
    assert spool.stats().oldest_at == since + 60.0
    spool.settle([spool.peek(1)[0].key], {})
    assert spool.stats().oldest_at is None


def test_a_clock_that_steps_back_changes_no_order(world: World) -> None:
    ticks = itertools.chain([10_000.0, 9_999.0, 0.0], itertools.repeat(5.0))
    spool = world.open(now=lambda: next(ticks))
    for number in range(3):
        spool.append([line(number)])
    assert sequence(spool) == [0, 1, 2]
    assert spool.stats().oldest_at == 10_000.0


def test_an_unknown_body_stores_nothing(world: World) -> None:
    spool = world.open()
    with pytest.raises(TypeError, match="no record"):
        spool.append([line(0), Body(type="x", camera="north")])
    assert spool.stats().closed_total == 0
    spool.append([line(1)])
    assert sequence(spool) == [0]


def test_a_closed_spool_says_so(world: World) -> None:
    spool = world.open()
    spool.close()
    spool.close()
    for call in (lambda: spool.append([line(0)]), spool.peek, spool.kept, lambda: spool.settle(["a"], {})):
        with pytest.raises(SpoolError, match="closed"):
            call()


def test_r8_what_was_offered_never_merges_and_what_was_not_does(world: World) -> None:
    """An acknowledgement may be lost: what was offered may be counted, also from memory, also before a restart."""
    spool = world.open(max_bytes=60_000)
    spool.append([line(number) for number in range(60)])
    offered = {item.key: item.payload for item in spool.peek(40)}
    assert len(offered) == 40
    world.mend_disk()
    spool.close()
    spool = world.open(OTHER_RUN, max_bytes=60_000)
    for hour in range(2, 40):
        spool.append([line(60 * hour + minute) for minute in range(60)])
    now = spool.stats()
    assert now.merged_total > 500
    assert now.dropped_total == 0
    left = {seen.key: seen.payload for seen in waiting(world.path)}
    assert offered.items() <= left.items()
    adds_up(spool)


def test_recovery_leaves_nothing_out_and_a_restart_finds_it(world: World) -> None:
    spool = world.open()
    spool.append([line(number) for number in range(1200)], {"grid": "1"})
    spool.settle([item.key for item in spool.peek(100)], {})
    spool.append([line(1200)], {"grid": "2", "held": "x"})
    spool.append([], {"held": None})
    world.mend_disk()
    now = spool.stats()
    assert (now.held, now.degraded, now.pending, now.accepted_total) == (0, False, 1101, 100)
    assert sequence(spool) == list(range(100, 1201))
    assert spool.kept() == {"grid": "2"}
    adds_up(spool)
    spool.close()
    spool = world.open()
    assert sequence(spool) == list(range(100, 1201))
    assert spool.append([line(1201)]) == [f"box/{RUN}/1201"], "numbers go on"


def test_threads_share_it(world: World) -> None:
    spool = world.open()
    sent: list[str] = []
    done = threading.Event()

    def waits() -> int:
        now = spool.stats()
        return now.pending + now.held

    def send() -> None:
        while not done.is_set() or waits():
            batch = [item.key for item in spool.peek(7)]
            sent.extend(batch)
            spool.settle(batch, {})

    def close_intervals(first: int) -> None:
        for number in range(first, first + 50):
            spool.append([line(number)])

    sender = threading.Thread(target=send)
    makers = [threading.Thread(target=close_intervals, args=(first,)) for first in (0, 1000)]
    for thread in (sender, *makers):
        thread.start()
    for thread in makers:
        thread.join(60)
    done.set()
    sender.join(60)
    assert sorted(sent) == sorted(f"box/{RUN}/{seq}" for seq in range(100))
    assert spool.stats().accepted_total == 100
    adds_up(spool)


def test_r1_an_uplink_that_fails_meanwhile_delivers_each_once(world: World) -> None:
    """Answers lost, connections cut, a server that is busy: while intervals close, and while the disk comes back."""
    spool = world.open()
    stop = threading.Event()
    with FaultServer() as server:
        server.script.extend([ack_lost, hang_up, status(503), ack_lost, ack_lost, status(500)] * 2)
        uplink = Uplink(spool, url=server.url, token=TOKEN, jitter=lambda *_: 0.001)
        thread = threading.Thread(target=uplink.run, args=(stop,), kwargs={"idle_s": 0.002})
        thread.start()
        for number in range(120):
            if number == 60:
                world.mend_disk()
            spool.append([line(number), health(number)])
            stop.wait(0.004)
        stop.set()
        thread.join(60)
        assert uplink.drain(60)
        uplink.close()
        assert not server.conflicts
        assert sorted(server.landed) == sorted(f"box/{RUN}/{seq}" for seq in range(240))
        assert len(server.batches) > 12, "every fault had its turn"
    now = spool.stats()
    assert (now.pending, now.held, now.accepted_total, now.dropped_total) == (0, 0, 240, 0)
    adds_up(spool)
