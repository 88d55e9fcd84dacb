"""What was counted in unknown time, on disk until its time is known or never will be. Part of the composition root.

Rules:
1. Slices (`edge.provisional`) are kept beside the spool's queue, a row a minute, under the name of the machine's start:
   a crash, a restart or a power cut loses no more of them than of records.
2. Once the time is known, the start of the machine is written down before anything else; then the rows become records,
   a few at a time, and go in the transaction that appends their records.
3. Rows of another start whose time was never known become records too, dated by a clock that nobody had set and marked
   ``unsynced``: the server shows them, and files them under no day.
4. There are `MOST` rows at most, three days; the oldest then go the way of rule 3.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from contract.messages import Body
from contract.names import TimeQuality
from edge.provisional import Slice, interval_of, read, sorted_in, written

log = logging.getLogger("parvis.edge")

MOST: Final = 3 * 1440
_AT_ONCE: Final = 15
_ROW, _STARTED = "held/", "started/"

Kept = dict[str, str | None]


class Holding:
    """The rows of every start of the machine, oldest first.

    Args:
        kept: what the spool keeps, by name; other names are left alone.
        boot: the present start of the machine.
    """

    def __init__(self, kept: Mapping[str, str], boot: str) -> None:
        self._boot = boot
        self._rows = {name: text for name, text in sorted(kept.items()) if name.startswith(_ROW)}
        self._started = {
            name.removeprefix(_STARTED): float(text)
            for name, text in kept.items()
            if name.startswith(_STARTED)
        }
        self._noted = set(self._started)
        self._open: list[Slice] = []
        self._count = max((int(name.rsplit("/", 1)[1]) for name in self._rows), default=0)

    def __len__(self) -> int:
        return len(self._rows) + bool(self._open)

    @property
    def seconds(self) -> int:
        """About how many seconds are held."""
        return 60 * len(self._rows)

    def add(self, slices: Sequence[Slice]) -> None:
        """Slices of the present start, in memory until `keep`."""
        self._open += slices

    def keep(self, by_wall: float) -> Kept:
        """What was added since, as a row; ``by_wall``: when the machine started by the clock that nobody has set."""
        if not self._open:
            return {}
        self._count += 1
        name = f"{_ROW}{self._boot}/{self._count:09d}"
        self._rows[name] = f"{by_wall:.3f} {written(self._open)}"
        self._open = []
        return {name: self._rows[name]}

    def know(self, started: float) -> Kept:
        """The Unix time at which the machine started is known."""
        self._started[self._boot] = started
        self._noted.add(self._boot)
        return {_STARTED + self._boot: repr(started)}

    def hand_over(self, *, ended: bool) -> tuple[list[Body], Kept]:
        """The records of some of the rows whose time is known or never will be, and what is kept instead of them.

        ``ended``: no more slices of the present start will come. Nothing is left once both are empty.
        """
        for boot in dict.fromkeys(name.split("/")[1] for name in self._rows):
            started = self._started.get(boot)
            names = [name for name in self._rows if name.split("/")[1] == boot]
            if boot != self._boot:
                return self._some(names, started, whole=True)
            if len(self._rows) > MOST and started is None:
                return self._some(names[: len(self._rows) - MOST + _AT_ONCE], None, whole=False)
            if started is not None and ended:
                return self._some(names, started, whole=True)
        gone = {boot for boot in self._noted if boot != self._boot or ended}
        self._noted -= gone
        return [], {_STARTED + boot: None for boot in gone}

    def _some(self, names: Sequence[str], started: float | None, *, whole: bool) -> tuple[list[Body], Kept]:
        """Records of as many of these rows as fill an interval; of the last one the rest stays, unless all are ``whole``."""
        quality: TimeQuality = "unsynced" if started is None else "synced"
        anchor = self._by_wall(names[-1]) if started is None else started
        found: list[Slice] = []
        for count, name in enumerate(names, 1):
            found += self._read(name)
            last = max((interval_of(one, anchor) for one in found), default=0)
            left = [one for one in found if interval_of(one, anchor) == last]
            if count == len(names) and whole:
                left = []
            if count == len(names) or (count >= _AT_ONCE and len(left) < len(found)):
                break
        kept: Kept = dict.fromkeys(names[:count])
        for gone in names[:count]:
            del self._rows[gone]
        if left:
            text = f"{anchor:.3f} {written(left)}"
            self._rows = dict(sorted({**self._rows, name: text}.items()))
            kept[name] = text
        done = [one for one in found if interval_of(one, anchor) != last] if left else found
        return sorted_in(done, anchor, quality), kept

    def _by_wall(self, name: str) -> float:
        return float(self._rows[name].split(" ", 1)[0])

    def _read(self, name: str) -> list[Slice]:
        try:
            return read(self._rows[name].split(" ", 1)[1])
        except (ValueError, IndexError):
            log.warning("what was kept as %s cannot be read; its minute is lost", name)
            return []
