"""What one camera counts: feeds zones, lines and bays, and closes their intervals into wire bodies.

Rules:
1. Time is ``at``, seconds within the run; ``anchor`` is the Unix time of ``at == 0``. Nothing reads a clock.
2. An interval closes ``settle_s`` after its end, so that changes confirmed meanwhile are dated back into it; a
   closed record is never corrected.
3. One record per zone and line and interval is made always, also when nothing was there or nothing was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from contract.messages import Body, IntervalSeconds
from contract.names import TimeQuality
from edge.closing import Closer, Watched
from edge.flow import LineFlow, Sighting, Subject, ZoneFlow
from edge.geometry import bottom_center
from edge.parking import BayWatch
from edge.presence import Observed
from edge.records import Detections, Track
from edge.zones import Layout

SETTLE_S = 30.0
# A single detection at least this sure is an object; a weaker one needs a second.
SURE = 0.5


class CameraCounters:
    """Counters of one camera, from one anchor of the clock on."""

    def __init__(
        self,
        camera: str,
        layout: Layout,
        *,
        interval_s: IntervalSeconds,
        anchor: float,
        confidence: float,
        time_quality: TimeQuality = "synced",
        settle_s: float = SETTLE_S,
    ) -> None:
        self._layout = layout
        self._interval_s, self._anchor, self._settle_s = interval_s, anchor, settle_s
        self._confidence = confidence
        self._observed = Observed()
        self._subjects: dict[int, Subject] = {}
        self._watched = Watched(
            flows={zone.id: ZoneFlow(zone.polygon) for zone in layout.zones if zone.polygon is not None},
            bays={zone.id: BayWatch(zone.bays, confidence) for zone in layout.zones if zone.bays},
            lines={line.id: LineFlow(line) for line in layout.lines},
        )
        self._closer = Closer(camera, layout, self._watched, self._observed, interval_s, time_quality)
        self._open_from: float | None = None  # start of the oldest open interval, seconds within the run

    @property
    def watched(self) -> Watched:
        """The live counters (for the preview)."""
        return self._watched

    def observe(self, detections: Detections, tracks: Sequence[Track], at: float) -> list[Body]:
        """One frame; returns the records of the intervals that this moment closes."""
        self._begin(at)
        self._observed.frame(at)
        sightings = self._sightings(tracks, at)
        alive = frozenset(track.track_id for track in tracks)
        for flow in self._watched.flows.values():
            flow.observe(sightings, alive, at)
        for line in self._watched.lines.values():
            line.observe(sightings, alive, at)
        for bays in self._watched.bays.values():
            bays.observe(detections, at)
        self._subjects = {key: subject for key, subject in self._subjects.items() if key in alive}
        return self.advance(at)

    def advance(self, at: float) -> list[Body]:
        """Time passed, with or without a frame: close what is due."""
        self._begin(at)
        closed: list[Body] = []
        while self._open_from is not None and at >= self._open_from + self._interval_s + self._settle_s:
            closed += self._close(self._open_from + self._interval_s)
        return closed

    def finish(self, at: float) -> list[Body]:
        """Close everything: the camera or the process stops at ``at``, or the clock is set anew."""
        if self._open_from is None:
            return []
        self._observed.finish(at)
        self._closer.end(at)
        for flow in self._watched.flows.values():
            flow.finish(at)
        for bays in self._watched.bays.values():
            bays.finish(at)
        closed: list[Body] = []
        while self._open_from < at:
            closed += self._close(self._open_from + self._interval_s)
        return closed

    def _begin(self, at: float) -> None:
        if self._open_from is None:
            unix = self._anchor + at
            self._open_from = unix // self._interval_s * self._interval_s - self._anchor
            self._closer.begin(at)

    def _close(self, end: float) -> list[Body]:
        assert self._open_from is not None  # noqa: S101 - callers ask first
        start, self._open_from = self._open_from, end
        utc = datetime.fromtimestamp(round(self._anchor + start), UTC)
        bodies = self._closer.close(start, end, utc)
        self._observed.forget(end)
        self._watched.forget(end)
        return bodies

    def _sightings(self, tracks: Sequence[Track], at: float) -> list[Sighting]:
        # A weak detection keeps a track alive but proves nobody's presence: time between two sure sights counts,
        # a tail of weak ones does not.
        seen = [track for track in tracks if track.seen_at == at and track.confidence >= self._confidence]
        boxes = np.array([track.xyxy for track in seen], np.float64).reshape(-1, 4)
        sightings = []
        for track, box, anchor in zip(seen, boxes, bottom_center(boxes), strict=True):
            subject = self._subjects.setdefault(track.track_id, Subject(track.class_id, real=False))
            subject.class_id = track.class_id
            subject.real = subject.real or track.state != "tentative" or track.confidence >= SURE
            sightings.append(Sighting(track.track_id, anchor, float(box[3] - box[1]), subject))
        return sightings
