"""A world that knows the true time, and a box in it that may not: for `test_timekeeping.py`."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from contract.messages import Body, ConfigBody, LineBody, LineCounts
from edge.boxclock import BoxClock, Clocks
from edge.counters import SETTLE_S
from edge.provisional import Slice
from edge.timekeeping import KEEP_S, Timekeeper
from tests.edge.scene import START, config

EVERY_S = 0.7  # somebody crosses the line
INTERVAL_S = 10
# What a crash may cost: what is not on disk yet, and what is not closed yet.
CRASH_S = KEEP_S + SETTLE_S + INTERVAL_S + 5.0


class Line:
    """A count line without tracks: closes what the timeline says, as `edge.counters` does."""

    def __init__(self, timeline: Any, at: float) -> None:
        self.timeline, self.open_from, self.began = timeline, at, at
        self.crossings: list[float] = []
        self.slices: list[Slice] = []

    def close(self, until: float, *, finish: bool = False) -> list[Body]:
        """Everything settled at ``until``, or everything."""
        bodies: list[Body] = []
        while True:
            piece = self.timeline.piece(self.open_from)
            if (piece.start >= until) if finish else (until < piece.end + SETTLE_S):
                return bodies
            self.open_from = piece.end
            inside = [at for at in self.crossings if piece.start <= at < piece.end]
            self.crossings = [at for at in self.crossings if at >= piece.end]
            body = LineBody(
                camera="cam",
                line="gate",
                start=datetime.fromtimestamp(piece.begins if piece.known else 0, UTC),
                interval_s=INTERVAL_S,
                observed_s=round(max(0.0, min(piece.end, until) - piece.start), 3),
                flag_s={},
                time_quality="synced",
                counts={"person": LineCounts(in_=len(inside), out=0)} if inside else {},
            )
            if piece.known:
                bodies.append(body)
            else:
                self.slices.append(Slice.of(piece.begins, body))


class World:
    """True time, the machine's clocks, its disk; the service's loop, a turn every second."""

    def __init__(self) -> None:
        self.true = START.timestamp() + 3.3
        self.kept: dict[str, str] = {}
        self.records: list[tuple[str, Body]] = []
        self.crossed: list[float] = []  # true times
        self.lost: set[float] = set()  # what crashes may have cost, true times
        self.unknown_boots: list[tuple[float, float]] = []
        self.boots = self.runs = 0
        self.boot(0.0)

    # The machine.

    def boot(self, wall: float, *, synced: bool = False) -> None:
        """The machine starts, and with it the service; its wall clock says ``wall``."""
        self.boots += 1
        self.booted = self.true
        self.asleep, self.wall_off, self.synced = 0.0, wall - self.true, synced
        self.learnt = False
        self.start()

    def start(self) -> None:
        clocks = Clocks(
            wall=lambda: self.true + self.wall_off,
            monotonic=lambda: self.true - self.booted - self.asleep,
            uptime=lambda: self.true - self.booted,
        )
        self.monotonic = clocks.monotonic
        clock = BoxClock(
            lambda: "synced" if self.synced else "unsynced", clocks=clocks, boot=f"boot-{self.boots:03d}"
        )
        self.keeper = Timekeeper(clock, INTERVAL_S, now=clocks.monotonic)
        self.line = Line(self.keeper.timeline, clocks.monotonic())
        self.run_id = self.new_run()
        self.append(*self.keeper.start(self.kept, [config()]))
        self.crossing_due = self.true + 0.01

    def new_run(self) -> str:
        self.runs += 1
        return f"{self.runs:016x}"

    def append(self, bodies: list[Body], kept: dict[str, str | None]) -> None:
        """One transaction."""
        self.records += [(self.run_id, body) for body in bodies]
        for name, text in kept.items():
            if text is None:
                self.kept.pop(name, None)
            else:
                self.kept[name] = text

    # What happens.

    def live(self, seconds: float) -> None:
        """The service runs on."""
        end = self.true + seconds
        while self.true < end:
            self.true += 1.0
            while self.crossing_due < self.true:
                self.crossed.append(self.crossing_due)
                self.line.crossings.append(self.monotonic() - (self.true - self.crossing_due))
                self.crossing_due += EVERY_S
            self.look()
            bodies = self.line.close(self.monotonic())
            more, kept = self.keeper.turn(self.slices())
            self.append(bodies + more, kept)
            self.learnt = self.learnt or self.keeper.clock.known

    def look(self) -> None:
        if self.keeper.look():
            self.run_id = self.new_run()

    def slices(self) -> list[Slice]:
        taken, self.line.slices = self.line.slices, []
        return taken

    def sync(self) -> None:
        self.wall_off, self.synced = 0.0, True

    def server(self, took: float = 1.0) -> None:
        now = self.monotonic()
        self.keeper.clock.server_said(self.true, now - took, now)

    def stop(self) -> None:
        """The service is told to stop."""
        bodies = self.line.close(self.monotonic(), finish=True)
        more, kept = self.keeper.finish(self.slices())
        self.append(bodies + more, kept)

    def crash(self) -> None:
        self.lost.update(self.crossed[-int(CRASH_S / EVERY_S) :])

    def halt(self) -> None:
        """The power is cut."""
        self.crash()
        if not self.learnt:
            self.unknown_boots.append((self.booted, self.true))

    def sleep(self, seconds: float) -> None:
        self.true += seconds
        self.asleep += seconds
        self.crossing_due = self.true + 0.01
        self.look()  # the service's turns last a quarter of a second, this world's a whole one

    # What must hold.

    def counts(self, quality: str) -> Counter[int]:
        found: Counter[int] = Counter()
        for _, body in self.records:
            if isinstance(body, LineBody) and body.time_quality == quality:
                found[int(body.start.timestamp())] += sum(count.in_ for count in body.counts.values())
        return found

    def nothing_lies(self, error_s: float = 2.0) -> None:
        """No record speaks of what did not happen at its time; no run tells a time twice."""
        for start, count in self.counts("synced").items():
            there = sum(start - error_s <= at < start + INTERVAL_S + error_s for at in self.crossed)
            assert count <= there, (start - START.timestamp(), count, there)
        told = [
            (run, body.start)
            for run, body in self.records
            if isinstance(body, LineBody) and body.time_quality == "synced"
        ]
        assert len(told) == len(set(told)), "one run told the same interval twice"

    def nothing_is_missing(self) -> None:
        """Once all is sorted in, everything that no crash cost is where it belongs, each thing once."""

        def unknown(at: float) -> bool:
            return any(start <= at <= end for start, end in self.unknown_boots)

        assert not [name for name in self.kept if name.startswith(("held/", "started/"))]
        counts = self.counts("synced")
        for start, count in counts.items():
            due = [at for at in self.crossed if start + 2 <= at < start + INTERVAL_S - 2]
            assert count >= sum(at not in self.lost and not unknown(at) for at in due), start
        for quality, total in (("synced", counts.total()), ("unsynced", self.counts("unsynced").total())):
            mine = [at for at in self.crossed if unknown(at) == (quality == "unsynced")]
            assert sum(at not in self.lost for at in mine) <= total <= len(mine), quality

    @property
    def configs(self) -> list[ConfigBody]:
        return [body for _, body in self.records if isinstance(body, ConfigBody)]
