"""One camera of the running box: its picture source, detector, tracker and counters. Part of the composition root."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from contract.messages import Body, ConfigBody
from contract.names import Flag
from contract.version import VERSION
from edge.camera import Camera
from edge.config import BoxConfig, CameraEntry, wire_config
from edge.counters import CameraCounters
from edge.detect import OnnxDetector
from edge.grid import PresenceGrid
from edge.pace import Rung
from edge.pipeline import Detector, Pipeline
from edge.presence import HOLD_S
from edge.provisional import Slice
from edge.records import Frame
from edge.replay import gate_of
from edge.road import Roads
from edge.timeline import Timeline
from edge.track import Tracker, TrackerSettings
from edge.vitals import frame_limit_s
from edge.watching import PictureWatch
from edge.zone_check import StartCheck
from edge.zones import Layout

# A camera that shows nothing for this long after the start is away, not starting.
START_S = 10.0
NO_PICTURE = (1, 1)


@dataclass(slots=True)
class _Timing:
    """For the health record: moving averages, and when this camera was last looked at, monotonic seconds."""

    inference_ms: float | None = None
    frame_at: float | None = None
    looked_at: float | None = None
    coming_at: float | None = None  # since when frames have come without a gap
    looks: int = 0
    looked_s: float = 0.0

    def frame(self, at: float, gap_s: float) -> None:
        if self.frame_at is None or at - self.frame_at > gap_s:
            self.coming_at = at
        self.frame_at = at

    def took(self, seconds: float) -> None:
        self.looks, self.looked_s = self.looks + 1, self.looked_s + seconds
        milliseconds = 1000 * seconds
        before = milliseconds if self.inference_ms is None else self.inference_ms
        self.inference_ms = 0.9 * before + 0.1 * milliseconds


class Station:
    """One camera with its own detector, tracker and counters.

    Until the first picture its size is not known; a stand-in then counts the seconds in which nothing was seen, so
    that a camera that never answers is reported as lost and not passed over in silence.
    """

    def __init__(
        self,
        box: BoxConfig,
        entry: CameraEntry,
        camera: Camera,
        detector: Detector,
        model: tuple[str, str],
        timeline: Timeline,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.entry, self.camera, self.model = entry, camera, model
        self.timing = _Timing()
        self._box, self._detector, self._timeline, self._now = box, detector, timeline, now
        self._slices: list[Slice] = []
        self._began = now()
        self._wh = NO_PICTURE
        self._rung, self.counted_at = Rung(), float("-inf")
        self._check: StartCheck | None = StartCheck(box, entry, detector)
        self._watch = PictureWatch(entry.id)
        self.grid = PresenceGrid(self.config(utc_now()), confidence=box.model.confidence)
        self.roads = Roads(entry, box.model.confidence, timeline)
        self._pipeline = self._new_pipeline()

    def config(self, now: datetime) -> ConfigBody:
        """What this camera counts from now on."""
        label, sha256 = self.model
        return wire_config(self._box, self.entry, at=now, model=label, model_sha256=sha256, software=VERSION)

    def step(self, timeout_s: float) -> list[Body]:
        """Wait for the newest frame, count it, and return what closed, with or without a frame."""
        frame = self.camera.latest(timeout_s)
        return self.wait() if frame is None else self.count(frame)

    def count(self, frame: Frame) -> list[Body]:
        """Count one frame, and return what closed."""
        closed: list[Body] = []
        self.timing.frame(frame.at, frame_limit_s(self.entry.max_fps))
        height, width = frame.image.shape[:2]
        if (width, height) != self._wh:
            closed += self.finish(frame.at)
            self._wh = (width, height)
            self._pipeline = self._new_pipeline()
        began = time.monotonic()
        if self._rung != Rung():
            self._live.flag("degraded", max(self.counted_at, frame.at - HOLD_S), frame.at)
        self.counted_at = frame.at
        closed += self._pipeline.step(frame)
        self.timing.looked_at = time.monotonic()
        if not self.held:
            self.timing.took(self.timing.looked_at - began)
        self._watch.frame(frame, self._pipeline.detections)
        closed += self.roads.frame(
            frame, self._drawn, self._pipeline.detections, self._pipeline.tracks, self._watch.sight.current
        )
        if self._check is not None and self._check.frame(self._wh, self._pipeline.tracks, frame.at):
            self._check = None
        return closed

    @property
    def faults(self) -> tuple[Flag, ...]:
        """The faults of its picture now (`edge.sight`), the worst first; a camera that is away is its source's to tell."""
        return self._watch.sight.current

    @property
    def held(self) -> bool:
        """Whether the detector was spared the last frame."""
        gate = self._pipeline.gate
        return gate is not None and gate.holding

    def at_pace(self, rung: Rung) -> None:
        """Look as often and as closely as a rung says; the seconds below full pace are flagged as degraded."""
        self._rung = rung
        if isinstance(self._detector, OnnxDetector):
            self._detector.shrink(rung.size)

    def wait(self) -> list[Body]:
        """Time passed without a frame; return what closed."""
        now = self._now()
        if self._wh == NO_PICTURE:
            if now < self._began + START_S:
                return []
            self._pipeline.counters.advance(self._began)
        return self._pipeline.counters.advance(now)

    def _new_pipeline(self) -> Pipeline:
        tracker = Tracker(TrackerSettings(confidence=self._box.model.confidence), self._wh)
        gate = gate_of(self._layout(), self._box.model.confidence) if self._box.saving.skip_still else None
        return Pipeline(self._detector, tracker, self._counters(), gate)

    def drift(self) -> list[str]:
        """A line for each zone and class whose entries and exits do not fit who was seen in it (`edge.drift`)."""
        return [
            f"{self.entry.id}: zone {zone}, {name}: {balance.entries} entries, {balance.exits} exits, drift"
            f" {balance.drift:+d}"
            for zone, balances in self._live.balances.items()
            for name, balance in balances.items()
            if balance.drift
        ]

    def finish(self, at: float) -> list[Body]:
        """Close everything that is open."""
        closed = self._pipeline.counters.finish(at)
        self._slices = self.slices()
        return closed

    def slices(self) -> list[Slice]:
        """What closed in unknown time since this was last asked."""
        taken, self._slices, self._live.slices = self._slices + self._live.slices, [], []
        return taken

    def _layout(self) -> Layout:
        return Layout.of(self.config(utc_now()), self._wh)

    def _counters(self) -> CameraCounters:
        self._drawn = self._layout()
        self._live = CameraCounters(
            self.entry.id,
            self._drawn,
            interval_s=self._box.interval_s,
            anchor=self._timeline,
            confidence=self._box.model.confidence,
            grid=self.grid,
            faults=self._watch.sight,
        )
        return self._live


def utc_now() -> datetime:
    """The wall clock, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
