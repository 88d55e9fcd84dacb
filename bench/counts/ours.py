"""The box itself, fed with known detections instead of a camera and a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np

from bench.counts.counted import Counted
from bench.counts.detections import Sight
from bench.counts.series import WINDOW_S, Span
from bench.counts.truth import Boxes
from contract.messages import LineBody, ParkingBody, ZoneBody
from contract.names import CLASSES, GROUP_OF, GROUPS, ClassGroup
from edge.config import BoxConfig
from edge.counters import CameraCounters
from edge.pipeline import Pipeline
from edge.records import Detections, Frame, ImageArray, Track
from edge.replay import Replay

START = datetime(2026, 1, 1, tzinfo=UTC)


class _Film:
    """Stands for the video and for the detector of a replay: the frames' times, and what was seen in them."""

    label, sha256 = "cached", "0" * 64

    def __init__(self, sights: Sequence[Sight]) -> None:
        self._sights = list(sights)
        self._next = iter(self._sights)
        self.width, self.height = self._sights[0].wh
        self.frames: int | None = len(self._sights)
        span = self._sights[-1].at - self._sights[0].at
        self.fps = (len(self._sights) - 1) / span if span else 1.0
        self.warning: str | None = None

    def __iter__(self) -> Iterator[Frame]:
        blank = np.zeros((self.height, self.width, 3), np.uint8)
        for sight in self._sights:
            yield Frame(blank, sight.at)

    def detect(self, image: ImageArray) -> Detections:
        return next(self._next).detections


def build(box: BoxConfig, sights: Sequence[Sight]) -> Replay:
    """A replay of the first camera of a configuration: the code that runs on a box, tracker and counters included."""
    film = cast("Any", _Film(sights))
    return Replay(film, box, box.cameras[0], film, START, judge_picture=False)


def count(
    box: BoxConfig, sights: Sequence[Sight], windows: Sequence[Span], replay: Replay | None = None
) -> Counted:
    """Run the box over the frames; its records, bay by bay states and confirmed tracks.

    ``replay``: one of those frames built elsewhere.

    Raises:
        ValueError: the configuration's intervals are not the windows of this bench.
    """
    if box.interval_s != WINDOW_S:
        raise ValueError(f"interval_s must be {WINDOW_S:g} (got {box.interval_s})")
    counted, replay = Counted(), replay or build(box, sights)
    stays: dict[str, dict[str, dict[int, Any]]] = {}

    def watch(frame: Frame, pipeline: Pipeline, counters: CameraCounters) -> None:
        counted.boxes.append(_boxes([t for t in pipeline.tracks if t.seen_at == frame.at]))
        for zone, bays in counters.watched.bays.items():
            for name, found in bays.by_bay().items():
                kept = stays.setdefault(zone, {}).setdefault(name, {})
                kept.update({id(stay): stay for stay in found})

    for body in replay.bodies(watch):
        if isinstance(body, ZoneBody | ParkingBody | LineBody):
            window = round((body.start - START).total_seconds() / WINDOW_S)
            if window < len(windows):
                _take(counted, body, window, len(windows))
    for zone, bays in stays.items():
        counted.bays[zone] = {
            name: sorted((stay.start, stay.end) for stay in found.values()) for name, found in bays.items()
        }
    return counted


def live_bays(box: BoxConfig, sights: Sequence[Sight]) -> dict[str, bool]:
    """Which bays of the one parking zone are taken after the last frame."""
    state: dict[str, bool] = {}

    def watch(frame: Frame, pipeline: Pipeline, counters: CameraCounters) -> None:
        if frame.at == sights[-1].at:
            for bays in counters.watched.bays.values():
                state.update(bays.occupied())

    for _ in build(box, sights).bodies(watch):
        pass
    return state


def _take(counted: Counted, body: ZoneBody | ParkingBody | LineBody, window: int, windows: int) -> None:
    seen = max(body.observed_s, 1e-9)
    if isinstance(body, LineBody):
        ways = counted.crossings
        for group in GROUPS:
            found = [count for name, count in body.counts.items() if GROUP_OF[name] == group]
            ways.setdefault((body.line, group), [(0, 0)] * windows)[window] = (
                sum(count.in_ for count in found),
                sum(count.out for count in found),
            )
        return
    for group in GROUPS:
        key = (body.zone, group)
        if isinstance(body, ParkingBody):
            object_s, entries, exits = body.occupied_bay_s, body.arrivals, body.departures
        else:
            counts = [count for name, count in body.counts.items() if GROUP_OF[name] == group]
            object_s = sum(count.object_s for count in counts)
            entries, exits = sum(count.entries for count in counts), sum(count.exits for count in counts)
        counted.occupancy.setdefault(key, [0.0] * windows)[window] = object_s / seen
        counted.changes.setdefault(key, [(0, 0)] * windows)[window] = (entries, exits)


def _boxes(tracks: Sequence[Track]) -> dict[ClassGroup, Boxes]:
    """Confirmed tracks by group."""
    found: dict[ClassGroup, Boxes] = {}
    for group in GROUPS:
        own = [t for t in tracks if t.state == "confirmed" and GROUP_OF[CLASSES[t.class_id]] == group]
        found[group] = Boxes(
            np.array([track.track_id for track in own], int),
            np.array([track.xyxy for track in own], float).reshape(-1, 4),
        )
    return found
