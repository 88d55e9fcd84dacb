"""The durable queue between the counters and the server: one SQLite file that survives kill -9 and power cuts.

Rules:
1. `append` returns a key only after the record is synced to disk (WAL, synchronous=FULL).
2. `seq` is given here alone, in the transaction that stores the record: contiguous per run, never used twice.
   A process start is a new run, so rows that a lying disk lost are missed, never mistaken for other rows.
3. A record leaves in three ways: accepted, rejected (to the dead letters), dropped at the cap. Each is counted:
   closed = pending + held + accepted + rejected + dropped, always.
4. A disk that is full, failing or read-only stops no counting: bodies wait in memory, bounded, in order.
5. A damaged file is mended by `edge.spool_repair`; what it lost counts as dropped.
6. Sums that are not records yet are kept beside the queue, in the transaction of the records that come of them.
"""

from __future__ import annotations

import itertools
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from contract.batch import MAX_BYTES, MAX_ITEMS, stamp
from contract.messages import Body
from edge import spool_repair, spool_rows
from edge.errors import SpoolError
from edge.spool_rows import DeadLetter, Spooled, SpoolStats, checksum, transaction

_LOG = logging.getLogger(__name__)

# Ten hours of eight zones at a record a minute; a body weighs a few kilobytes in memory.
MAX_HELD: Final = 5000

_PEEKS: Final = (
    "SELECT key, crc, payload FROM records WHERE rank = 0 ORDER BY id LIMIT ?",
    # The plus keeps SQLite off the index, which would sort the whole queue for each batch.
    "SELECT key, crc, payload FROM records WHERE +rank > 0 ORDER BY id LIMIT ?",
)


class Spool:
    """A durable first-in, first-out queue with one owner per file; safe to share between threads.

    Args:
        path: the SQLite file; its folder is made when missing. ``PATH.lock`` keeps other processes out.
        device: name of this box.
        run: 16 hex digits of this process start.
        max_bytes: cap on stored records and dead letters; see `spool_rows` for what is dropped beyond it.
        now: wall clock, Unix seconds.

    Raises:
        SpoolError: when the file is in use, of a newer version, or cannot be opened or repaired.
    """

    def __init__(
        self,
        path: Path,
        *,
        device: str,
        run: str,
        max_bytes: int = 64 * 1024 * 1024,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path, self._device, self._run = path.resolve(), device, run
        self._max_bytes, self._now = max_bytes, now
        self._mutex = threading.RLock()
        self._held: deque[tuple[Body, float]] = deque()
        self._kept: dict[str, str | None] = {}  # to be stored with what is held
        self._spilled = 0  # dropped from memory, not yet counted in the file
        self._degraded = self._shedding = False
        self._seq = 0
        self._db: sqlite3.Connection | None = None
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock: int | None = spool_repair.lock(self._path)
        except OSError as exc:
            raise SpoolError(f"{self._path}: the spool's folder cannot be used: {exc.strerror}") from exc
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def append(self, bodies: Sequence[Body], kept: Mapping[str, str | None] | None = None) -> list[str]:
        """Number, store and sync bodies in one transaction (after any that waited in memory).

        ``kept`` replaces texts by name in the same transaction (None forgets one): sums that are not records yet are
        neither lost nor sent twice, whenever the power fails. `kept` reads them back.

        Returns:
            Their keys, in order; fewer, mostly none, while the disk refuses and the rest waits in memory.

        Raises:
            TypeError: for a body of no known type; nothing is stored then.
            SpoolError: when the spool is closed or cannot be repaired.
        """
        for body in bodies:
            stamp(body, device=self._device, run=self._run, seq=0)
        with self._guard():
            waiting, at = len(self._held), self._now()
            self._held.extend((body, at) for body in bodies)
            self._kept.update(kept or {})
            return self._flush()[waiting:]

    def begin_run(self, run: str) -> None:
        """Number what is appended from now on under another run (16 hex digits not used before)."""
        self.append([])
        with self._mutex:
            self._run, self._seq = run, 0

    def kept(self) -> dict[str, str]:
        """The texts that are kept on disk, by name."""
        with self._guard() as db:
            return spool_rows.kept(db)

    def peek(self, limit: int = MAX_ITEMS, max_bytes: int = MAX_BYTES) -> list[Spooled]:
        """The next batch, configurations first, else oldest first: ``{"records":[...]}`` fits max_bytes."""
        self.append([])  # what waits in memory, if the disk takes it by now
        with self._guard() as db:
            taken: list[Spooled] = []
            room = max_bytes - len('{"records":[]}')
            for query in _PEEKS:
                with closing(db.execute(query, (limit - len(taken),))) as rows:
                    for key, crc, payload in rows:
                        if checksum(key, payload) != crc:
                            raise spool_rows.damage("a stored record differs from its checksum")
                        room -= len(payload) + bool(taken)
                        if taken and room < 0:
                            return taken
                        taken.append(Spooled(key, payload))
            return taken

    def settle(self, accepted: Collection[str], rejected: Mapping[str, str]) -> None:
        """Delete what the server has, bury what it refuses (key to reason), keep the rest; one transaction."""
        with self._guard() as db:
            with transaction(db):
                sent = spool_rows.settle(db, accepted, rejected, at=self._now())
            # The copy for `edge.spool_view` is worth no failure: a full disk must settle all the same.
            with suppress(sqlite3.Error), transaction(db):
                spool_rows.remember(db, sent)

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """The latest refused records, newest first."""
        query = "SELECT key, reason, at, payload FROM dead_letters ORDER BY id DESC LIMIT ?"
        with self._guard() as db:
            return [DeadLetter(*row) for row in db.execute(query, (limit,)).fetchall()]

    def stats(self) -> SpoolStats:
        """Counts for health and status; costs no scan."""
        with self._guard() as db:
            pending, dead, size, closed, accepted, rejected, dropped, end = db.execute(
                "SELECT * FROM totals"
            ).fetchone()
            oldest = [at for (at,) in db.execute("SELECT at FROM records ORDER BY id LIMIT 1").fetchall()]
            waiting = [at for _, at in itertools.islice(self._held, 1)]
            return SpoolStats(
                pending=pending,
                dead_letters=dead,
                oldest_at=next(iter(oldest + waiting), None),
                last_acknowledged=None if end is None else datetime.fromtimestamp(end, UTC),
                bytes=size,
                accepted_total=accepted,
                rejected_total=rejected,
                closed_total=closed + self._spilled + len(self._held),
                dropped_total=dropped + self._spilled,
                held=len(self._held),
                degraded=self._degraded,
            )

    def close(self) -> None:
        """Let go of the file; what the disk still refuses is lost, and logged. Safe to call twice."""
        with self._mutex:
            if self._db is not None:
                with suppress(SpoolError):
                    self._flush()
                if self._held:
                    _LOG.error("%s: %d records were never stored", self._path, len(self._held))
                self._db.close()
                self._db = None
            if self._lock is not None:
                spool_repair.unlock(self._path, self._lock)
                self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _guard(self) -> Iterator[sqlite3.Connection]:
        """One thread at a time, and foreign errors mapped; a damaged file is mended before the error is told."""
        with self._mutex:
            if self._db is None:
                raise SpoolError(f"{self._path}: this spool is closed")
            try:
                yield self._db
            except sqlite3.Error as exc:
                if spool_rows.is_damage(exc):
                    self._mend()
                raise SpoolError(f"{self._path}: {spool_rows.cause(exc)}") from exc

    def _flush(self) -> list[str]:
        """Store what waits, oldest first; returns the keys given."""
        keys: list[str] = []
        mended = False
        while (self._held or self._kept) and self._db is not None:
            # What is kept follows from every body before it: all of them go into its transaction.
            chunk = list(itertools.islice(self._held, None if self._kept else MAX_ITEMS))
            try:
                keys += self._store(self._db, chunk)
            except sqlite3.Error as exc:
                if spool_rows.is_damage(exc) and not mended:
                    mended = True
                    self._mend()
                    continue
                if not spool_rows.is_passing(exc):
                    raise
                self._wait_in_memory(exc)
                return keys
            for _ in chunk:
                self._held.popleft()
        if self._degraded:
            self._degraded = False
            _LOG.info("%s: the disk takes records again", self._path)
        return keys

    def _store(self, db: sqlite3.Connection, chunk: Sequence[tuple[Body, float]]) -> list[str]:
        """One transaction: number, insert, count, shed."""
        records = [
            (stamp(body, device=self._device, run=self._run, seq=seq), at)
            for seq, (body, at) in enumerate(chunk, self._seq)
        ]
        with transaction(db):
            spool_rows.store(db, self._run, self._seq + len(records), records)
            spool_rows.keep(db, self._kept)
            dropped = spool_rows.shed(db, self._max_bytes, spilled=self._spilled)
        if dropped and not self._shedding:
            _LOG.warning("%s: at its cap of %d bytes; drops the oldest", self._path, self._max_bytes)
        self._shedding = bool(dropped)
        self._seq += len(records)
        self._spilled = 0
        self._kept.clear()
        return [record.key for record, _ in records]

    def _wait_in_memory(self, exc: sqlite3.Error) -> None:
        while len(self._held) > MAX_HELD:
            self._held.popleft()
            self._spilled += 1
        if not self._degraded:
            self._degraded = True
            _LOG.error(
                "%s: %s. Closed intervals wait in memory until then.", self._path, spool_rows.cause(exc)
            )

    def _open(self) -> None:
        try:
            self._db = spool_repair.open_file(self._path)
            found = self._db.execute("SELECT next_seq FROM runs WHERE run = ?", (self._run,)).fetchone()
            self._seq = max(self._seq, found[0] if found else 0)
            self._db.execute("DELETE FROM runs WHERE id <= (SELECT max(id) FROM runs) - 100")
        except (sqlite3.Error, OSError) as exc:
            raise SpoolError(f"{self._path}: {spool_rows.cause(exc)}") from exc

    def _mend(self) -> None:
        """Salvage the open file. Numbering goes on from memory, so that no key is given twice."""
        if self._db is not None:
            self._db.close()
            self._db = None
        try:
            spool_repair.salvage(self._path)
        except (sqlite3.Error, OSError) as exc:
            raise SpoolError(f"{self._path}: damaged, and not mended: {spool_rows.cause(exc)}") from exc
        self._open()
