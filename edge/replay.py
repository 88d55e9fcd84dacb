"""A recorded video through the whole pipeline, as fast as the machine goes: part of the composition root.

A replay repeats exactly: its run id is a hash of video, configuration, model and start time.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol

from contract.messages import Body, ConfigBody, canonical
from contract.version import VERSION
from edge.config import BoxConfig, CameraEntry, ModelEntry, wire_config
from edge.counters import CameraCounters
from edge.detect import OnnxDetector, resolve_model
from edge.errors import CameraError, ModelError
from edge.gate import Gate, watched_cells
from edge.grid import PresenceGrid
from edge.letterbox import Part
from edge.look import part_of
from edge.pipeline import WEAK, Detector, Pipeline
from edge.records import Frame
from edge.road import Roads
from edge.stillness import COLS, Stillness, rows_of
from edge.timeline import Timeline
from edge.track import Tracker, TrackerSettings
from edge.video_file import VideoFile
from edge.watching import PictureWatch
from edge.zones import Layout

Watch = Callable[[Frame, Pipeline, CameraCounters], None]


class NamedDetector(Detector, Protocol):
    """A detector whose model has a name and a hash."""

    label: str
    sha256: str


def build_detector(
    box: BoxConfig, base: Path, camera: CameraEntry, model: Path | None = None, *, spinning: bool = False
) -> OnnxDetector:
    """The detector of one camera of a configuration; ``model`` replaces its file, ``spinning`` trades CPU for speed.

    Raises:
        ModelError: when the file is no usable model, or lacks a class that the configuration counts.
    """
    entry: ModelEntry = box.model
    path = model or (resolve_model(entry.path) if entry.path == "starter" else base / entry.path)
    detector = OnnxDetector(
        path,
        confidence=WEAK * entry.confidence,
        # All classes: a mask covers more than is counted, and a vote between classes needs every voice.
        classes=None,
        names=entry.names,
        input_size=entry.input,
        threads=entry.threads or min(os.cpu_count() or 1, 4),
        spinning=spinning,
        look=None if camera.look == "frame" else lambda wh: looked_at(box, camera, wh),
    )
    missing = sorted(box.classes - detector.supported)
    if missing:
        raise ModelError(
            f"model {path}: the configuration counts {', '.join(missing)}, which this model does not know; it knows"
            f" {', '.join(sorted(detector.supported))}. Take those classes out of the zones and lines, or use another"
            " model."
        )
    return detector


def looked_at(box: BoxConfig, camera: CameraEntry, wh: tuple[int, int]) -> Part | None:
    """The part of frames of ``wh`` pixels that this camera's detector sees; None: all of it."""
    return part_of(layout_of(box, camera, wh)) if camera.look == "zones" else None


def layout_of(box: BoxConfig, camera: CameraEntry, wh: tuple[int, int]) -> Layout:
    """A camera's layout at a frame size; model and time do not matter to it."""
    at = datetime.fromtimestamp(0, UTC)
    return Layout.of(
        wire_config(box, camera, at=at, model="none", model_sha256="0" * 64, software=VERSION), wh
    )


def gate_of(layout: Layout, confidence: float) -> Gate:
    """What spares the detector the frames in which nothing moves."""
    return Gate(Stillness(watched_cells(layout, rows_of(layout.wh), COLS)), confidence)


@dataclass(slots=True)
class ReplayResult:
    """What a replay measured; ``warning`` is set when the video ended early."""

    frames: int = 0
    seconds: float = 0.0
    wall_s: float = 0.0
    first_frame_at: float | None = None  # Unix seconds
    warning: str | None = None


class Replay:
    """One video, one camera of a configuration, one detector. Iterate `bodies` once.

    Args:
        skip_still: spare the detector frames in which nothing moves (docs/saving.md).
        judge_picture: watch for faults of the picture (docs/sight.md); False where the pictures are stand-ins.
    """

    def __init__(
        self,
        video: VideoFile,
        box: BoxConfig,
        camera: CameraEntry,
        detector: NamedDetector,
        start: datetime,
        *,
        skip_still: bool = False,
        judge_picture: bool = True,
    ) -> None:
        self._video = video
        self.confidence, self.fps = box.model.confidence, video.fps
        self.config: ConfigBody = wire_config(
            box,
            camera,
            at=start,
            model=detector.label,
            model_sha256=detector.sha256,
            software=VERSION,
        )
        self.layout = Layout.of(self.config, (video.width, video.height))
        self.part = looked_at(box, camera, self.layout.wh)
        self._grid = PresenceGrid(self.config, confidence=box.model.confidence)
        self._watch = PictureWatch(camera.id) if judge_picture else None
        self.counters = CameraCounters(
            camera.id,
            self.layout,
            interval_s=box.interval_s,
            anchor=start.timestamp(),
            confidence=box.model.confidence,
            grid=self._grid,
            faults=None if self._watch is None else self._watch.sight,
        )
        tracker = Tracker(TrackerSettings(confidence=box.model.confidence), self.layout.wh)
        # Off unless asked for: a replay is what skipping is measured against (docs/saving.md).
        gate = gate_of(self.layout, box.model.confidence) if skip_still else None
        self.pipeline = Pipeline(detector, tracker, self.counters, gate)
        self.roads = Roads(
            camera,
            box.model.confidence,
            Timeline(box.interval_s, start.timestamp()),
            # A replay that is sent twice must be the same records twice.
            self.run if any(zone.debris.enabled for zone in camera.zones) else None,
        )
        self.result = ReplayResult()
        self._began, self._last = 0.0, 0.0

    @cached_property
    def run(self) -> str:
        """16 hex digits that name this video under this configuration, model and start."""
        digest = hashlib.sha256()
        with self._video.path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        digest.update(canonical(self.config).encode())
        return digest.hexdigest()[:16]

    @property
    def frames(self) -> int | None:
        """How many frames the video states, if it does."""
        return self._video.frames

    def bodies(self, watch: Watch | None = None) -> Iterator[Body]:
        """The configuration, then each record as it closes; ``watch`` sees every frame after it was counted.

        Raises:
            CameraError: after the last record, when the video could not be read to its end.
        """
        fault = None
        yield self.begin()
        try:
            for frame in self._video:
                closed = self.step(frame)
                if watch is not None:
                    watch(frame, self.pipeline, self.counters)
                yield from closed
        except CameraError as exc:
            fault = exc  # what was counted until then is counted; the fault is told after its records
        yield from self.end()
        if fault is not None:
            raise fault

    def begin(self) -> ConfigBody:
        """The first body. `begin`, `step` and `end` are `bodies` for callers that share the frames out themselves."""
        self._began = time.monotonic()
        return self.config

    def step(self, frame: Frame) -> list[Body]:
        """Count one frame."""
        closed = self.pipeline.step(frame)
        if self._watch is not None:
            self._watch.frame(frame, self.pipeline.detections)
        faults = () if self._watch is None else self._watch.sight.current
        closed += self.roads.frame(frame, self.layout, self.pipeline.detections, self.pipeline.tracks, faults)
        self.result.frames += 1
        if self.result.frames == 1:
            self.result.first_frame_at = time.time()
        self._last = frame.at
        return closed

    def end(self) -> Iterator[Body]:
        """Close everything after the last frame."""
        result, last = self.result, self._last
        # The last frame holds as long as the frames before it did.
        result.seconds = last + (last / (result.frames - 1) if result.frames > 1 else 0.0)
        result.wall_s = time.monotonic() - self._began
        result.warning = self._video.warning
        yield from self.counters.finish(result.seconds)
        yield from self._grid.close_all()
