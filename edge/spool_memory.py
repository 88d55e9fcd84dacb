"""What the spool holds in memory while the disk refuses, and what it must write down once the disk takes it.

With `edge.spool` one adapter in several rooms; nothing else imports it.

Rules:
1. A record has its number from the moment it is closed. What waits here may be sent, and settled, from here: the alarm of
   a box whose disk is full has to get out. Power that fails then takes the record and its number with it, and a new
   start is a new run.
2. Memory is bounded: beyond `MAX_HELD` the oldest go, counted.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from contract.batch import Record
from contract.messages import canonical
from edge.spool_rows import DeadLetter, SpoolStats, Totals
from edge.spool_settle import last_end

# Ten hours of eight zones at a record a minute; a body weighs a few kilobytes in memory.
MAX_HELD: Final = 5000


@dataclass(slots=True)
class Memory:
    """``waiting``: records and the Unix seconds of their append; ``kept``: texts to be stored with them.

    ``accepted``, ``dropped`` and ``refused`` left from here and are not counted in the file yet. ``shown``: some of what
    waits was given out to be sent. ``passed``: the highest id in the file that was settled while the disk refused; it
    is sent once more when the disk is back, and the server knows it then. ``acknowledged``: as in `Totals`, of what the
    server confirmed meanwhile: a box that delivers from here says so.
    """

    waiting: deque[tuple[Record, float]] = field(default_factory=deque)
    kept: dict[str, str | None] = field(default_factory=dict)
    refused: list[DeadLetter] = field(default_factory=list)
    accepted: int = 0
    dropped: int = 0
    shown: bool = False
    passed: int = 0
    acknowledged: int | None = None

    @property
    def owed(self) -> bool:
        """Whether there is something to write."""
        counted = self.accepted or self.dropped or self.acknowledged is not None
        return bool(self.waiting or self.kept or self.refused or counted)

    def chunk(self, most: int) -> list[tuple[Record, float]]:
        """The records that go into one transaction."""
        # What is kept follows from every record before it: all of them go into its transaction.
        return list(itertools.islice(self.waiting, None if self.kept else most))

    def written(self, records: int) -> None:
        """The first ``records`` and everything else that was owed are in the file."""
        for _ in range(records):
            self.waiting.popleft()
        self.kept.clear()
        self.refused.clear()
        self.accepted = self.dropped = self.passed = 0
        self.acknowledged = None
        self.shown = self.shown and bool(self.waiting)

    def batch(self, limit: int) -> list[tuple[str, str]]:
        """Keys and canonical JSON of the oldest that wait, to be sent."""
        given = [(record.key, canonical(record)) for record, _ in itertools.islice(self.waiting, limit)]
        self.shown = self.shown or bool(given)
        return given

    def settle(self, accepted: Collection[str], rejected: Mapping[str, str], at: float) -> set[str]:
        """Let go of what the server answered; returns the keys that were here."""
        found: set[str] = set()
        confirmed: list[str] = []
        left: deque[tuple[Record, float]] = deque()
        for record, since in self.waiting:
            key = record.key
            if key in rejected:
                self.refused.append(DeadLetter(key, rejected[key], at, canonical(record)))
            elif key in accepted:
                self.accepted += 1
                confirmed.append(canonical(record))
            else:
                left.append((record, since))
                continue
            found.add(key)
        self.waiting = left
        self.confirm(confirmed)
        return found

    def confirm(self, payloads: Iterable[str]) -> None:
        """The server has these, whether the disk can note it or not."""
        end = last_end(payloads)
        self.acknowledged = self.acknowledged if end is None else end

    def trim(self) -> None:
        """Keep to the bound."""
        while len(self.waiting) > MAX_HELD:
            self.waiting.popleft()
            self.dropped += 1
        while len(self.refused) > MAX_HELD:
            self.refused.pop(0)
            self.dropped += 1

    def stats(self, file: Totals, oldest: float | None, *, degraded: bool) -> SpoolStats:
        """The state of the queue: the file's counts and ``oldest`` append, and what waits or is owed here."""
        if oldest is None and self.waiting:
            oldest = self.waiting[0][1]
        end = file.acknowledged if self.acknowledged is None else self.acknowledged
        return SpoolStats(
            pending=file.pending,
            dead_letters=file.dead + len(self.refused),
            oldest_at=oldest,
            last_acknowledged=None if end is None else datetime.fromtimestamp(end, UTC),
            bytes=file.bytes,
            accepted_total=file.accepted + self.accepted,
            rejected_total=file.rejected + len(self.refused),
            closed_total=file.closed + self.accepted + self.dropped + len(self.refused) + len(self.waiting),
            dropped_total=file.dropped + self.dropped,
            merged_total=file.merged,
            held=len(self.waiting),
            degraded=degraded,
        )
