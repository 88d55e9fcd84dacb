"""The spool against a model: whatever happens in whatever order, closed = delivered + pending + dead letters."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contract.messages import Body
from edge.errors import SpoolError
from edge.spool import Spool
from tests.edge.fault_server import RUN, config, health, line


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

    def open(self, path: Path) -> Spool:
        self.path = path
        return Spool(path, device="box", run=RUN)

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
        self.spool.settle(self.commit(limit), {})

    @rule(limit=st.integers(1, 60))
    def lose_the_acknowledgement(self, limit: int) -> None:
        self.commit(limit)

    @rule(limit=st.integers(1, 5))
    def reject(self, limit: int) -> None:
        refused = [item.key for item in self.spool.peek(limit) if item.key not in self.server]
        try:
            self.spool.settle([], dict.fromkeys(refused, "no"))
        except SpoolError as exc:
            # A dead letter takes a page that a full disk has not: all of them stay, and are offered again.
            assert "the disk is full" in str(exc)  # noqa: PT017 - told, and nothing else changed: see the invariant
            return
        self.buried.update(refused)

    @rule()
    def wipe_the_server(self) -> None:
        self.server.clear()

    @rule()
    def reopen(self) -> None:
        self.free_the_disk()
        self.spool.close()
        self.spool = self.open(self.path)

    @rule()
    def crash(self) -> None:
        """As a power cut leaves it: the file and its WAL as they lie on disk, memory gone."""
        self.appended -= self.spool.stats().held
        self.lives += 1
        folder = self.folder / str(self.lives)
        folder.mkdir()
        for suffix in ("", "-wal"):
            if Path(f"{self.path}{suffix}").exists():
                shutil.copy(f"{self.path}{suffix}", folder / f"spool.db{suffix}")
        old, self.spool = self.spool, self.open(folder / "spool.db")
        old.close()
        shutil.rmtree(self.folder / str(self.lives - 1))

    @rule()
    def fill_the_disk(self) -> None:
        assert self.spool._file.db is not None
        pages = self.spool._file.db.execute("PRAGMA page_count").fetchone()[0]
        self.spool._file.db.execute(f"PRAGMA max_page_count = {pages}")

    @rule()
    def free_the_disk(self) -> None:
        assert self.spool._file.db is not None
        self.spool._file.db.execute("PRAGMA max_page_count = 1000000")

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        rows = self.spool.peek(10**6, 10**9)
        pending = {item.key for item in rows}
        assert len(pending) == len(rows)
        assert self.closed <= pending | self.delivered | self.buried
        assert pending.isdisjoint(self.buried)
        assert {dead.key for dead in self.spool.dead_letters(10**6)} == self.buried
        now = self.spool.stats()
        assert now.closed_total == self.appended
        # What is kept is of the same moment as the records on the disk, after whatever crash.
        assert int(self.spool.kept().get("count", "0")) == self.appended - now.held
        assert now.pending == len(rows)
        assert now.dead_letters == len(self.buried)
        assert now.dropped_total == 0
        assert now.closed_total == now.pending + now.held + now.accepted_total + now.rejected_total
        numbers = sorted(int(key.split("/")[2]) for key in pending | self.delivered | self.buried)
        assert numbers == list(range(len(numbers))), "contiguous within the run"


TestSpoolModel = SpoolMachine.TestCase
TestSpoolModel.settings = settings(
    max_examples=100,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
