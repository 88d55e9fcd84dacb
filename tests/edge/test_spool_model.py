"""R6, the spool against a model: whatever happens in whatever order, closed = delivered + pending + dead letters.

Fast: few sequences; nightly: two thousand.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contract.messages import Body
from edge.errors import SpoolError
from edge.spool import Spool
from edge.spool_view import waiting
from tests.edge.fault_server import config, health, line
from tests.edge.spool_world import fill_disk, free_disk, turn_read_only

REFUSED = re.compile("the disk is (full|read-only)")


class SpoolMachine(RuleBasedStateMachine):
    """One box, one server, and the faults between them."""

    def __init__(self) -> None:
        super().__init__()
        # Memory, where there is such a disk: power cuts are played here, not had, and each sync costs 5 ms.
        memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="parvis-model-", dir=memory))
        self.lives = 0
        self.spool = self.open(self.folder / "0" / "spool.db")
        self.closed: set[str] = set()
        self.delivered: set[str] = set()
        self.buried: set[str] = set()
        self.server: dict[str, str] = {}
        self.appended = 0
        self.settled = 0  # accepted or refused, and counted so by the box

    def open(self, path: Path) -> Spool:
        self.path, self.wall = path, getattr(self, "wall", 1.7e9)
        # A process start is a new run.
        return Spool(
            path, device="box", run=f"{self.lives:016x}", now=lambda: self.wall, clock=lambda: self.wall
        )

    def teardown(self) -> None:
        self.spool.close()
        shutil.rmtree(self.folder)

    def commit(self, limit: int) -> list[str]:
        """What the server does with a batch: a key it knows must come with the same content."""
        keys = []
        for item in self.spool.peek(limit):
            assert self.server.setdefault(item.key, item.payload) == item.payload
            self.delivered.add(item.key)
            keys.append(item.key)
        return keys

    @rule(numbers=st.lists(st.integers(0, 9), min_size=1, max_size=40), kind=st.sampled_from("clh"))
    def append(self, numbers: list[int], kind: str) -> None:
        make = {"c": lambda _: config(), "l": line, "h": health}[kind]
        bodies: list[Body] = [make(number) for number in numbers]
        keys = self.spool.append(bodies, {"count": str(self.appended + len(bodies))})
        assert len(keys) in {0, len(bodies)}
        assert self.closed.isdisjoint(keys)
        self.closed.update(keys)
        self.appended += len(bodies)

    @rule(limit=st.integers(1, 60))
    def send(self, limit: int) -> None:
        keys = self.commit(limit)
        try:
            self.spool.settle(keys, {})
        except SpoolError as exc:
            # They are offered once more, and the server knows them then.
            assert REFUSED.search(str(exc))  # noqa: PT017 - see the invariant

    @rule(limit=st.integers(1, 60))
    def lose_the_acknowledgement(self, limit: int) -> None:
        self.commit(limit)

    @rule(limit=st.integers(1, 5))
    def reject(self, limit: int) -> None:
        refused = [item.key for item in self.spool.peek(limit) if item.key not in self.delivered]
        try:
            self.spool.settle([], dict.fromkeys(refused, "no"))
        except SpoolError as exc:
            assert REFUSED.search(str(exc))  # noqa: PT017 - a letter takes a page: they stay, or wait in memory
        self.buried = {dead.key for dead in self.spool.dead_letters(10**6)}

    @rule(seconds=st.sampled_from([-3.2e7, -1.2e6, -1.0, 15.0, 3600.0, 3.2e7]))
    def set_the_clock(self, seconds: float) -> None:
        self.wall += seconds

    @rule()
    def wipe_the_server(self) -> None:
        self.server.clear()

    @rule()
    def reopen(self) -> None:
        self.free_the_disk()
        self.spool.close()
        self.lives += 1
        (self.folder / str(self.lives)).mkdir()
        shutil.move(self.path, self.folder / str(self.lives) / "spool.db")
        self.path = self.folder / str(self.lives) / "spool.db"
        self.spool = self.open(self.path)

    @rule()
    def crash(self) -> None:
        """As a power cut leaves it: the file and its WAL as they lie on disk, memory gone."""
        self.lives += 1
        folder = self.folder / str(self.lives)
        folder.mkdir()
        for suffix in ("", "-wal"):
            if Path(f"{self.path}{suffix}").exists():
                shutil.copy(f"{self.path}{suffix}", folder / f"spool.db{suffix}")
        old, self.spool = self.spool, self.open(folder / "spool.db")
        old.close()
        shutil.rmtree(self.folder / str(self.lives - 1))
        # What was in memory alone is gone, but for what the server has; so are letters that waited there.
        self.appended = self.spool.stats().closed_total
        self.buried = {dead.key for dead in self.spool.dead_letters(10**6)}

    @rule()
    def fill_the_disk(self) -> None:
        fill_disk(self.spool)

    @rule()
    def turn_the_card_read_only(self) -> None:
        turn_read_only(self.spool)

    @rule()
    def free_the_disk(self) -> None:
        turn_read_only(self.spool, on=False)
        free_disk(self.spool)

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        rows = waiting(self.path)  # a look that offers nothing
        pending = {row.key for row in rows}
        assert len(pending) == len(rows)
        assert self.closed <= pending | self.delivered | self.buried
        assert pending.isdisjoint(self.buried)
        now = self.spool.stats()
        assert now.closed_total == self.appended
        # What is kept is of the same moment as the records on the disk, after whatever crash.
        assert int(self.spool.kept().get("count", "0")) <= self.appended
        assert now.pending == len(rows)
        assert (now.dropped_total, now.merged_total) == (0, 0)
        assert now.closed_total == now.pending + now.held + now.accepted_total + now.rejected_total


TestSpoolModel = SpoolMachine.TestCase
TestSpoolModel.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.nightly
class TestSpoolModelNightly(SpoolMachine.TestCase):  # type: ignore[name-defined,misc]
    settings = settings(TestSpoolModel.settings, max_examples=2000, stateful_step_count=40)
