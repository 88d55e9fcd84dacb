"""One frame = four calls: detect (or hold the last answer, `edge.gate`), track, count, hand on what closed. Knows the core and Protocols only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from contract.messages import Body
from edge.gate import Gate
from edge.records import Detections, Frame, ImageArray, Track
from edge.track import Tracker

# Detections from this share of the configured confidence on may continue a track or hold a bay, not start one.
WEAK = 0.4


class Detector(Protocol):
    """Anything that finds objects in a picture."""

    def detect(self, image: ImageArray) -> Detections:
        """Detections, also weak ones, of an image (H, W, 3) uint8 BGR."""
        ...


class Counters(Protocol):
    """What turns detections and tracks into closed records."""

    @property
    def ways_settled(self) -> bool:
        """Whether nobody is on the way into or out of a zone or across a line."""
        ...

    @property
    def bays_settled(self) -> bool:
        """Whether no bay is in the middle of a decision."""
        ...

    def observe(
        self, detections: Detections, tracks: Sequence[Track], at: float, *, held: bool = False
    ) -> list[Body]:
        """One frame; ``held``: nobody looked, its detections are those of the frame before."""
        ...

    def advance(self, at: float) -> list[Body]:
        """Time passed without a frame."""
        ...

    def finish(self, at: float) -> list[Body]:
        """Close everything."""
        ...


class Pipeline:
    """The way of one camera's frames. The picture goes out of scope with `step`."""

    def __init__(
        self, detector: Detector, tracker: Tracker, counters: Counters, gate: Gate | None = None
    ) -> None:
        self._detector, self._tracker, self.gate = detector, tracker, gate
        self.counters = counters
        self.detections = Detections.empty()
        self.tracks: tuple[Track, ...] = ()

    def step(self, frame: Frame) -> list[Body]:
        """Take one frame; return the records that closed, usually none.

        ``detections`` and ``tracks`` then hold this frame's values, for a masked preview.
        """
        ways, bays = self.counters.ways_settled, self.counters.bays_settled
        held = self.gate is not None and self.gate.holds(frame, ways_settled=ways, bays_settled=bays)
        if not held:
            self.detections = self._detector.detect(frame.image)
        self.tracks = self._tracker.update(self.detections, frame.at)
        if self.gate is not None:
            self.gate.tracked(self.tracks, frame.at)
        return self.counters.observe(self.detections, self.tracks, frame.at, held=held)
