"""The clock of a running box, the timeline of its counters, and what waits for the time. Part of the composition root.

Once the time is known, the unknown stretch goes on to the next boundary of the UTC grid, so that every interval is
either sorted from slices or counted as one. Its slices become records when the last of them is closed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from contract.messages import Body, ConfigBody
from edge.boxclock import BoxClock
from edge.counters import SETTLE_S
from edge.holding import Holding, Kept
from edge.provisional import Slice
from edge.timeline import Timeline

log = logging.getLogger("parvis.edge")

KEEP_S: Final = 60.0
# How late a camera may be to close what others have closed.
_LATE_S: Final = 10.0
_RUN_S: Final = 2.5


class Timekeeper:
    """Turns with the service's loop.

    Args:
        clock: the box's clock.
        interval_s: of the records.
        now: monotonic seconds; tests replace it.
    """

    def __init__(self, clock: BoxClock, interval_s: int, now: Callable[[], float] = time.monotonic) -> None:
        self.clock, self._now = clock, now
        self.timeline = Timeline(interval_s, clock.anchor, known=clock.known)
        self._holding = Holding({}, clock.boot)
        self._configs: list[ConfigBody] = []
        self._configured_at = 0.0
        self._keep_due = now() + KEEP_S
        self._ended_at = float("-inf")  # the last slice is closed by then
        self._new_run_at: float | None = None

    @property
    def held_s(self) -> int:
        """About how many seconds of counting wait for the time."""
        return self._holding.seconds

    def start(self, kept: Mapping[str, str], configs: Sequence[ConfigBody]) -> tuple[list[Body], Kept]:
        """What the spool kept, and the configurations that hold from now on: what of them is to be appended."""
        self._holding = Holding(kept, self.clock.boot)
        if self.clock.started is None:
            log.warning("nobody has set this box's clock: what it counts is held until the time is known")
            self._configs, self._configured_at = list(configs), self.clock.uptime()
            return [], {}
        return list(configs), self._holding.know(self.clock.started) if len(self._holding) else {}

    def look(self) -> bool:
        """Look at the clock; whether another run is due now, since one run must not tell the same time twice."""
        at = self._now()
        if self.clock.look() != "none":
            unknown = not self.timeline.at(at).known
            if unknown:
                # Time goes on unknown to the next boundary, and a machine that slept has slept until here.
                self.timeline.cut(at, self.clock.machine, known=False)
            if self.clock.known:
                since, again = self.timeline.cut(at, self.clock.anchor, known=True)
                self._ended_at = since + SETTLE_S + _LATE_S if unknown else self._ended_at
                self._new_run_at = since + SETTLE_S + _RUN_S if again else self._new_run_at
        if self._new_run_at is None or at < self._new_run_at:
            return False
        self._new_run_at = None
        return True

    def turn(self, slices: Iterable[Slice]) -> tuple[list[Body], Kept]:
        """What closed in unknown time; returns what is to be appended and kept now, if anything."""
        self._holding.add(list(slices))
        at = self._now()
        bodies, kept = self._learnt()
        ended = self.clock.known and at >= self._ended_at
        if at >= self._keep_due or ended:
            self._keep_due = at + KEEP_S
            kept |= self._holding.keep(self.clock.by_wall)
        more, instead = self._holding.hand_over(ended=ended)
        return bodies + more, kept | instead

    def finish(self, slices: Iterable[Slice]) -> tuple[list[Body], Kept]:
        """The last turn: everything whose time is known goes, the rest is kept."""
        self._holding.add(list(slices))
        bodies, kept = self._learnt()
        kept |= self._holding.keep(self.clock.by_wall)
        while (found := self._holding.hand_over(ended=self.clock.known)) != ([], {}):
            bodies += found[0]
            kept |= found[1]
        return bodies, kept

    def _learnt(self) -> tuple[list[Body], Kept]:
        """What waited for the time to become known: the configurations, and the note of when the machine started."""
        if self.clock.started is None or not self._configs:
            return [], {}
        at = datetime.fromtimestamp(int(self.clock.started + self._configured_at), UTC)
        dated: list[Body] = [config.model_copy(update={"at": at}) for config in self._configs]
        self._configs = []
        return dated, self._holding.know(self.clock.started)
