"""The durable queue between the counters and the server: one SQLite file that survives kill -9 and power cuts.

Rules:
1. `append` returns a key only after the record is synced to disk (WAL, synchronous=FULL).
2. `seq` is given here alone: contiguous per run, never used twice. A process start is a new run, so rows that a lying
   disk lost are missed, never mistaken for other rows.
3. A record leaves in four ways: accepted, rejected (to the dead letters), merged into another or dropped at the cap.
   Each is counted: closed = pending + held + accepted + rejected + merged + dropped, always.
4. A disk that is full, failing or read-only stops no counting and no sending: records wait in memory, bounded, in order,
   and are sent from there (`edge.spool_memory`). A file that cannot be opened is tried again (`edge.spool_file`).
5. Before a record is given out to be sent, the file says so: what may be known to the server never merges.
6. A damaged file is mended by `edge.spool_repair`; what it lost counts as dropped.
7. Sums that are not records yet are kept beside the queue, in the transaction of the records that come of them.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from contract.batch import MAX_BYTES, MAX_ITEMS, Record, stamp
from contract.messages import Body
from edge import spool_cap, spool_keeping, spool_rows, spool_settle
from edge.errors import SpoolError
from edge.spool_file import SpoolFile
from edge.spool_memory import Memory
from edge.spool_rows import DeadLetter, Spooled, SpoolStats, Totals
from edge.spool_sql import is_passing, transaction, unsynced

_LOG = logging.getLogger(__name__)


class Spool:
    """A durable first-in, first-out queue with one owner per file; safe to share between threads.

    Args:
        path: the SQLite file; its folder is made when missing. ``PATH.lock`` keeps other processes out.
        device: name of this box.
        run: 16 hex digits of this process start.
        max_bytes: cap on stored records and dead letters; see `edge.spool_cap` for what happens beyond it.
        now: wall clock, Unix seconds.
        clock: monotonic clock, seconds.

    Raises:
        SpoolError: when the file is in use, of a newer version, or cannot be opened for another reason than a disk
            that is full, failing or read-only.
    """

    def __init__(
        self,
        path: Path,
        *,
        device: str,
        run: str,
        max_bytes: int = 64 * 1024 * 1024,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._device, self._run = device, run
        self._max_bytes, self._now = max_bytes, now
        self._memory, self._seq = Memory(), 0
        self._kept: dict[str, str | None] = {}  # as the file has it
        self._full: str | None = None  # what is done at the cap
        self._totals = Totals(0, 0, 0, 0, 0, 0, 0, 0, None)
        self._file = SpoolFile(path, clock, self._opened)

    def _opened(self, db: sqlite3.Connection) -> None:
        # After a salvage, numbering goes on from memory, so that no key is given twice.
        self._seq = max(self._seq, spool_keeping.next_seq(db, self._run))
        self._kept.clear()

    @property
    def due(self) -> bool:
        """Whether the disk refused something, and it is time to try again: by an `append` of nothing."""
        return self._file.due

    def append(self, bodies: Sequence[Body], kept: Mapping[str, str | None] | None = None) -> list[str]:
        """Number, store and sync bodies in one transaction (after any that waited in memory).

        ``kept`` replaces texts by name in the same transaction (None forgets one): sums that are not records yet are
        neither lost nor sent twice, whenever the power fails. `kept` reads them back.

        Returns:
            Their keys, in order; fewer, mostly none, while the disk refuses and the rest waits in memory.

        Raises:
            TypeError: for a body of no known type; nothing is stored then.
            SpoolError: when the spool is closed.
        """
        memory = self._memory
        with self._file.guard():
            at = self._now()
            records = [
                stamp(body, device=self._device, run=self._run, seq=seq)
                for seq, body in enumerate(bodies, self._seq)
            ]
            self._seq += len(records)
            waiting = len(memory.waiting)
            memory.waiting.extend((record, at) for record in records)
            changed = memory.kept | dict(kept or {})
            memory.kept = {name: text for name, text in changed.items() if self._kept.get(name, "") != text}
            return self._flush()[waiting:]

    def begin_run(self, run: str) -> None:
        """Number what is appended from now on under another run (16 hex digits not used before)."""
        self.append([])
        with self._file.mutex:
            self._run, self._seq = run, 0

    def kept(self) -> dict[str, str]:
        """The texts that are kept on disk, by name."""
        with self._file.guard() as db:
            return {} if db is None else spool_keeping.kept(db)

    def peek(self, limit: int = MAX_ITEMS, max_bytes: int = MAX_BYTES) -> list[Spooled]:
        """The next batch, configurations first, else oldest first: ``{"records":[...]}`` fits max_bytes.

        It counts as offered to the server from now on. While the disk refuses, what waits in memory comes first.
        """
        with self._file.mutex:
            self.append([])  # what waits in memory, if the disk takes it by now
            found = self._memory.batch(limit)
            try:
                found += self._offer(limit - len(found))
            except SpoolError:
                if not self._file.degraded:
                    raise
        taken: list[Spooled] = []
        room = max_bytes - len('{"records":[]}')
        for key, payload in found:
            room -= len(payload) + bool(taken)
            if taken and room < 0:
                break
            taken.append(Spooled(key, payload))
        return taken

    def settle(self, accepted: Collection[str], rejected: Mapping[str, str]) -> None:
        """Set aside what the server has, bury what it refuses (key to reason), keep the rest.

        Raises:
            SpoolError: when the disk did not take it; those records are offered once more when it does.
        """
        with self._file.mutex:
            at = self._now()
            here = self._memory.settle(accepted, rejected, at)
            accepted = [key for key in accepted if key not in here]
            rejected = {key: reason for key, reason in rejected.items() if key not in here}
            try:
                with self._file.guard() as db:
                    if db is not None and accepted:
                        with unsynced(db):
                            spool_settle.settle(db, accepted, {}, at=at)
                    if db is not None and rejected:
                        # Apart, for a letter needs room that a full disk has not.
                        with unsynced(db):
                            spool_settle.settle(db, [], rejected, at=at)
            except SpoolError:
                with suppress(SpoolError), self._file.guard() as db:
                    if db is not None:
                        rows = spool_settle.named(db, [*accepted, *rejected])
                        self._memory.passed = max([self._memory.passed, *(row.id for row in rows)])
                        self._memory.confirm(row.payload for row in rows if row.key in accepted)
                raise

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """The latest refused records, newest first."""
        query = "SELECT key, reason, at, payload FROM dead_letters ORDER BY id DESC LIMIT ?"
        with self._file.guard() as db:
            rows = [] if db is None else db.execute(query, (limit,)).fetchall()
            return [*reversed(self._memory.refused), *(DeadLetter(*row) for row in rows)][:limit]

    def stats(self) -> SpoolStats:
        """Counts for health and status; costs no scan, and answers whatever the disk does."""
        with self._file.mutex:
            oldest: list[float] = []
            with suppress(SpoolError), self._file.guard() as db:
                if db is not None:
                    self._totals = spool_rows.totals(db)
                    query = "SELECT at FROM records WHERE sent = 0 ORDER BY id LIMIT 1"
                    oldest = [at for (at,) in db.execute(query).fetchall()]
            return self._memory.stats(
                self._totals, oldest[0] if oldest else None, degraded=self._file.degraded
            )

    def close(self) -> None:
        """Let go of the file; what the disk still refuses is lost, and logged. Safe to call twice."""
        with self._file.mutex:
            if self._file.db is not None:
                with suppress(SpoolError, sqlite3.Error):
                    self._flush()
            if self._memory.waiting:
                _LOG.error("%s: %d records were never stored", self._file.path, len(self._memory.waiting))
                self._memory.waiting.clear()
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def _offer(self, limit: int) -> list[tuple[str, str]]:
        """What the file has to send, marked as offered before it is given out."""
        with self._file.guard() as db:
            if db is None:
                return []
            if not self._file.degraded:
                rows = spool_rows.pending(db, limit)
                last = spool_rows.unmarked(db, rows)
                try:
                    if last is not None:
                        with transaction(db):
                            spool_rows.mark(db, last)
                    return [(row.key, row.payload) for row in rows]
                except sqlite3.Error as exc:
                    if not is_passing(exc):
                        raise
                    self._file.refused(exc)
            # What cannot be marked must wait: it might merge later, and count twice.
            rows = spool_rows.pending(db, limit, marked_after=self._memory.passed)
            return [(row.key, row.payload) for row in rows]

    def _flush(self) -> list[str]:
        """Store what waits, oldest first; returns the keys stored."""
        keys: list[str] = []
        tries = 2  # the second one after damage was mended
        while self._memory.owed or self._file.degraded:
            db = self._file.ready() if tries else None
            if db is None:
                self._memory.trim()
                break
            chunk = self._memory.chunk(MAX_ITEMS)
            try:
                self._store(db, chunk)
            except sqlite3.Error as exc:
                if not self._file.note(exc):
                    raise
                tries = 0 if is_passing(exc) else tries - 1
                continue
            keys += [record.key for record, _ in chunk]
        return keys

    def _store(self, db: sqlite3.Connection, chunk: Sequence[tuple[Record, float]]) -> None:
        """One transaction: insert, count, merge or drop beyond the cap."""
        memory = self._memory
        with transaction(db):
            spool_keeping.begin_run(db, self._run)
            spool_rows.store(db, self._seq, chunk, max_bytes=self._max_bytes, offered=memory.shown)
            spool_keeping.keep(db, memory.kept)
            spool_settle.settle_up(db, memory.refused, memory.accepted, memory.dropped, memory.acknowledged)
            dropped, merged = spool_cap.shed(db, self._max_bytes)
        self._kept.update(memory.kept)
        memory.written(len(chunk))
        full = (
            "drops the oldest" if dropped else "merges the oldest into longer intervals" if merged else None
        )
        if full and full != self._full:
            _LOG.warning("%s: at its cap of %d bytes; %s", self._file.path, self._max_bytes, full)
        self._full = full
        self._file.recovered()
