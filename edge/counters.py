"""What one camera counts: feeds zones, lines and bays, and closes their intervals into wire bodies.

Rules:
1. Time is ``at``, seconds within the run; ``anchor`` is the Unix time of ``at == 0``, or the `Timeline` that says so.
   Nothing reads a clock. While the timeline does not know the time, `slices` are closed instead of records.
2. An interval closes ``settle_s`` after its end, so that changes confirmed meanwhile are dated back into it; a
   closed record is never corrected.
3. One record per zone and line and interval is made always, also when nothing was there or nothing was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from contract.messages import Body, IntervalSeconds
from contract.names import CLASSES, VEHICLES, Flag, ObjectClass
from edge.anchor import Anchoring
from edge.closing import Closer, Watched
from edge.crossing import LineFlow
from edge.drift import Balance
from edge.faults import FaultBook
from edge.flow import Sighting, Subject, ZoneFlow
from edge.grid import PresenceGrid
from edge.parking import BayWatch
from edge.presence import Observed
from edge.provisional import Slice
from edge.records import Detections, Track
from edge.timeline import Piece, Stretch, Timeline
from edge.zones import Layout, Points

SETTLE_S = 30.0
# Seen this surely for this long and this share of the time it is seen, it is an object. A fainter one may be a bollard
# that looks like a person for hours, now and then more than usual: it must move by this many box heights while it is seen
# for this long and this share of its time, since one that is seen here and there only seems to move. Vehicles do stand
# still for hours: a confirmed track of one is enough.
SURE = 0.5
SURE_S = 0.5
SURE_SHARE = 0.3
MOVED = 0.6
MOVED_S = 0.5
MOVED_SEEN = 0.3


class CameraCounters:
    """Counters of one camera, from one anchor of the clock on."""

    def __init__(
        self,
        camera: str,
        layout: Layout,
        *,
        interval_s: IntervalSeconds,
        anchor: float | Timeline,
        confidence: float,
        settle_s: float = SETTLE_S,
        grid: PresenceGrid | None = None,
        faults: FaultBook | None = None,
    ) -> None:
        self._layout = layout
        self._settle_s = settle_s
        self._timeline = anchor if isinstance(anchor, Timeline) else Timeline(interval_s, anchor)
        self._stretch: Stretch | None = None
        self.slices: list[Slice] = []  # of unknown time, for their owner to take
        self._confidence = confidence
        self._anchors = Anchoring(layout.wh, layout.ground)
        self._grid = grid  # outlives these counters, so it is its owner's to close at the end
        self._observed = Observed()
        self._faults = (
            FaultBook({}) if faults is None else faults
        )  # outlives these counters, as the grid does
        self._subjects: dict[int, Subject] = {}
        self._watched = Watched(
            flows={
                zone.id: ZoneFlow(zone.polygon, layout.wh)
                for zone in layout.zones
                if zone.polygon is not None
            },
            bays={zone.id: BayWatch(zone.bays, confidence) for zone in layout.zones if zone.bays},
            lines={line.id: LineFlow(line) for line in layout.lines},
        )
        self._closer = Closer(
            camera, layout, self._watched, self._observed, interval_s, "synced", self._faults
        )
        self._open_from: float | None = None  # start of the oldest that is open, seconds within the run

    @property
    def watched(self) -> Watched:
        """The live counters (for the preview)."""
        return self._watched

    @property
    def balances(self) -> dict[str, dict[ObjectClass, Balance]]:
        """Comings and goings of the closed intervals, by zone with a polygon and class; their drift (`edge.drift`)."""
        return {
            zone.id: {
                name: found for name, found in self._closer.balances[zone.id].items() if name in zone.classes
            }
            for zone in self._layout.zones
            if zone.id in self._closer.balances
        }

    @property
    def ways_settled(self) -> bool:
        """Whether nobody is on the way into or out of a zone or across a line."""
        flows, lines = self._watched.flows.values(), self._watched.lines.values()
        return all(flow.settled for flow in flows) and all(line.settled for line in lines)

    @property
    def bays_settled(self) -> bool:
        """Whether no bay is in the middle of a decision."""
        return all(bays.settled for bays in self._watched.bays.values())

    def observe(
        self, detections: Detections, tracks: Sequence[Track], at: float, *, held: bool = False
    ) -> list[Body]:
        """One frame; returns the records of the intervals that this moment closes.

        ``held``: nobody looked, the detections are those of the frame before (`edge.gate`); they prove nothing new.
        """
        self._begin(at)
        self._observed.frame(at)
        if self._faults.blind:
            if "moved" in self._faults.current:
                for bays in self._watched.bays.values():
                    bays.restart(at)
            return self.advance(at)
        sightings = self._sightings(tracks, at, 0.0 if held else self._observed.step_s)
        alive = frozenset(track.track_id for track in tracks)
        for flow in self._watched.flows.values():
            flow.observe(sightings, alive, at)
        for line in self._watched.lines.values():
            line.observe(sightings, alive, at)
        for bays in self._watched.bays.values():
            bays.observe(detections, at)
        if self._grid is not None:
            self._grid.observe(tracks, at)
        self._subjects = {key: subject for key, subject in self._subjects.items() if key in alive}
        return self.advance(at)

    def flag(self, name: Flag, start: float, end: float) -> None:
        """Mark the observed part of [start, end), seconds within the run; spans of one name come in order."""
        self._faults.note(name, (start, end))

    def advance(self, at: float) -> list[Body]:
        """Time passed, with or without a frame: close what is due."""
        self._begin(at)
        closed: list[Body] = []
        while (piece := self._piece()) is not None and at >= piece.end + self._settle_s:
            closed += self._close(piece)
        if self._grid is not None:
            closed += self._grid.close(at - self._settle_s)
        return closed

    def finish(self, at: float) -> list[Body]:
        """Close everything: the camera or the process stops at ``at``, or the clock is set anew."""
        if self._open_from is None:
            return []
        self._observed.finish(at)
        self._closer.end(at)
        for flow in self._watched.flows.values():
            flow.finish(at)
        for line in self._watched.lines.values():
            line.finish()
        for bays in self._watched.bays.values():
            bays.finish(at)
        if self._grid is not None:
            self._grid.finish(at)
        closed: list[Body] = []
        while (piece := self._piece()) is not None and piece.start < at:
            closed += self._close(piece)
        return closed

    def _begin(self, at: float) -> None:
        if self._open_from is None:
            self._open_from = at
            self._closer.begin(at)
        stretch = self._timeline.at(at)
        if self._grid is not None and stretch is not self._stretch:
            self._grid.under(stretch.anchor, self._layout, known=stretch.known)
        self._stretch = stretch

    def _piece(self) -> Piece | None:
        """What is to be closed next."""
        return None if self._open_from is None else self._timeline.piece(self._open_from)

    def _close(self, piece: Piece) -> list[Body]:
        self._open_from = piece.end
        utc = datetime.fromtimestamp(piece.begins if piece.known else 0, UTC)
        bodies = self._closer.close(piece.start, piece.end, utc)
        self._observed.forget(piece.end)
        self._faults.forget(piece.end)
        self._watched.forget(piece.end)
        if piece.known:
            return bodies
        self.slices += [Slice.of(piece.begins, body) for body in bodies]
        return []

    def _sightings(self, tracks: Sequence[Track], at: float, step_s: float) -> list[Sighting]:
        # A weak detection keeps a track alive but proves nobody's presence: time between two sure sights counts,
        # a tail of weak ones does not.
        # Who is hidden behind somebody is where they vanished.
        seen = [
            track
            for track in tracks
            if track.hidden or (track.seen_at == at and track.confidence >= self._confidence)
        ]
        boxes = np.array([track.xyxy for track in seen], np.float64).reshape(-1, 4)
        sightings = []
        kinds = np.array([track.class_id for track in seen], np.int64)
        for track, box, anchor in zip(seen, boxes, self._anchors(boxes, kinds), strict=True):
            height = float(box[3] - box[1])
            subject = self._subjects.setdefault(
                track.track_id, Subject(track.class_id, real=False, born_at=at, first=anchor)
            )
            subject.class_id = track.class_id
            if not track.hidden:
                subject.seen_s += step_s
                subject.sure_s += step_s if track.confidence >= SURE else 0.0
            subject.real = subject.real or _proven(track, subject, anchor, height, at)
            sightings.append(Sighting(track.track_id, anchor, height, subject, track.found))
        return sightings


def _proven(track: Track, subject: Subject, anchor: Points, height: float, at: float) -> bool:
    """Whether a track is an object, by the rule above."""
    if subject.sure_s >= max(SURE_S, SURE_SHARE * subject.seen_s):
        return True
    moved = np.hypot(*(anchor - subject.first)) >= MOVED * height
    if moved and subject.seen_s >= max(MOVED_S, MOVED_SEEN * (at - subject.born_at)):
        return True
    return track.state != "tentative" and CLASSES[track.class_id] in VEHICLES
