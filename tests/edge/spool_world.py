"""Spools on disks that take everything, nothing, or no more: helper code of the tests."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edge import spool_repair
from edge.spool import Spool
from tests.edge.fault_server import RUN

OTHER_RUN = "fedcba9876543210"
# The file and what its disk does: it takes everything; it lets no file be made, so that all is in memory; the card
# turned read-only with the file open.
DISKS = ("file", "memory", "read-only")


def opened(path: Path, run: str = RUN, **options: Any) -> Spool:
    return Spool(path, device="box", run=run, **options)


def adds_up(spool: Spool) -> None:
    now = spool.stats()
    left = now.accepted_total + now.rejected_total + now.merged_total + now.dropped_total
    assert now.closed_total == now.pending + now.held + left


def sequence(spool: Spool) -> list[int]:
    """The serial numbers of all that waits, in the order of their sending."""
    return [int(item.key.split("/")[2]) for item in spool.peek(10**6, 10**9)]


def fill_disk(spool: Spool) -> None:
    """From now on SQLite itself answers "database or disk is full" to what needs another page."""
    assert spool._file.db is not None
    pages = spool._file.db.execute("PRAGMA page_count").fetchone()[0]
    spool._file.db.execute(f"PRAGMA max_page_count = {pages}")


def free_disk(spool: Spool) -> None:
    assert spool._file.db is not None
    spool._file.db.execute("PRAGMA max_page_count = 1000000")


def turn_read_only(spool: Spool, *, on: bool = True) -> None:
    """From now on SQLite answers "attempt to write a readonly database" to every write."""
    assert spool._file.db is not None
    spool._file.db.execute(f"PRAGMA query_only = {int(on)}")


@dataclass(slots=True)
class World:
    """A spool in ``folder`` on one of `DISKS`; after `mend_disk` its disk takes everything, restarts included.

    ``clock``: the spool's monotonic seconds; ``wall``: its wall clock's.
    """

    disk: str
    folder: Path
    patch: pytest.MonkeyPatch
    clock: float = 0.0
    wall: float = 1_767_225_600.0
    fails: bool = field(init=False)
    spool: Spool = field(init=False)

    def __post_init__(self) -> None:
        self.fails = self.disk != "file"

    def open(self, run: str = RUN, **options: Any) -> Spool:
        """Start the box; the disk fails from its first record on, if it fails."""
        if self.fails and self.disk == "memory":
            self.patch.setattr(spool_repair, "lock", _refuse)
        options = {"now": lambda: self.wall, "clock": lambda: self.clock} | options
        self.spool = opened(self.path, run, **options)
        if self.fails and self.disk == "read-only":
            turn_read_only(self.spool)
        return self.spool

    def mend_disk(self) -> None:
        """There is a disk again, and the box finds out."""
        self.fails = False
        self.patch.setattr(spool_repair, "lock", _LOCK)
        if self.disk == "read-only":
            turn_read_only(self.spool, on=False)
        self.clock += 60.0
        self.spool.append([])

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / "spool.db"

    @property
    def durable(self) -> bool:
        """Whether what is appended is on the disk then."""
        return self.disk == "file"


_LOCK: Callable[[Path], int] = spool_repair.lock


def _refuse(path: Path) -> int:
    raise OSError(errno.EROFS, "Read-only file system", str(path))
