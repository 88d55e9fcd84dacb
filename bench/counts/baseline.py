"""What a skilled user would write in an hour: `trackers` ByteTrack, supervision's PolygonZone and LineZone.

One tracker for each class group, one zone or line object for each zone, or line, and group. A zone's occupancy is
counted from tracks ("tracks") or from detections ("detections"), and holds until the next frame. A bay is taken
while the centre of a vehicle's box lies in it, as in ultralytics' ParkingManagement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import supervision as sv
from trackers import ByteTrackTracker

from bench.counts.counted import Counted
from bench.counts.detections import CONFIDENCE, Sight
from bench.counts.measure import by_window
from bench.counts.series import Array, Span, Steps, joined
from bench.counts.truth import Boxes, Change, Key
from contract.names import CLASSES, GROUP_OF, ClassGroup, ObjectClass
from edge.records import Detections
from edge.zones import CountLine, Layout

_GROUP_OF_ID: list[ClassGroup] = [GROUP_OF[name] for name in CLASSES]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the baseline is set up."""

    tracker: dict[str, Any] = field(default_factory=dict)  # beside frame_rate
    line: dict[str, Any] = field(default_factory=dict)


DEFAULT = Recipe()


def tuned(rate: float) -> Recipe:
    """By hand: the detector's own thresholds, feet instead of four corners at a line, and .3 s beyond it."""
    return Recipe(
        {"track_activation_threshold": CONFIDENCE, "high_conf_det_threshold": CONFIDENCE},
        {
            "triggering_anchors": (sv.Position.BOTTOM_CENTER,),
            "minimum_crossing_threshold": max(1, round(0.3 * rate)),
        },
    )


@dataclass(slots=True)
class _Zone:
    """One polygon and class group: who is inside, and what changed."""

    area: Any  # sv.PolygonZone
    inside: dict[int, bool] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    tracks: list[int] = field(default_factory=list)  # count in each frame
    detections: list[int] = field(default_factory=list)

    def observe(self, tracked: Any, everything: Any, at: float) -> None:
        """One frame: confirmed tracks, and all detections."""
        hits = self.area.trigger(tracked)
        for who, is_in in zip(tracked.tracker_id.tolist(), hits.tolist(), strict=True):
            was_in = self.inside.get(who, is_in)
            if was_in != is_in:
                self.changes.append(Change(at, "in" if is_in else "out"))
            self.inside[who] = is_in
        self.tracks.append(int(hits.sum()))
        sure = everything[everything.confidence >= CONFIDENCE]
        self.detections.append(int(self.area.trigger(sure).sum()))


@dataclass(slots=True)
class _Line:
    """One line and class group. supervision's "in" leads to the left of the line's direction, ours to the right."""

    zone: Any  # sv.LineZone
    crossings: list[Change] = field(default_factory=list)

    def observe(self, tracked: Any, at: float) -> None:
        """One frame of confirmed tracks."""
        to_left, to_right = self.zone.trigger(tracked)
        self.crossings += [Change(at, "in")] * int(to_right.sum()) + [Change(at, "out")] * int(to_left.sum())


def count(
    layout: Layout, sights: Sequence[Sight], rate: float, windows: Sequence[Span], recipe: Recipe = DEFAULT
) -> dict[str, Counted]:
    """Of a video thinned to ``rate``: "tracks" (all but bays) and "detections" (occupancy and bays)."""
    zones = {
        (zone.id, group): _Zone(sv.PolygonZone(polygon=np.rint(zone.polygon).astype(int)))
        for zone in layout.zones
        if zone.polygon is not None
        for group in _groups(zone.classes)
    }
    lines = {
        (line.id, group): _Line(line_zone(line, recipe))
        for line in layout.lines
        for group in _groups(line.classes)
    }
    groups = dict.fromkeys(group for _, group in (*zones, *lines))
    trackers = {group: ByteTrackTracker(frame_rate=rate, **recipe.tracker) for group in groups}
    by_tracks, by_detections = Counted(), Counted()
    for sight in sights:
        boxes: dict[ClassGroup, Boxes] = {}
        for group, tracker in trackers.items():
            everything = _of_group(sight.detections, group)
            tracked = tracker.update(everything)
            tracked = tracked[tracked.tracker_id >= 0]
            boxes[group] = Boxes(tracked.tracker_id.astype(int), tracked.xyxy.astype(float))
            for (_, of), zone in zones.items():
                if of == group:
                    zone.observe(tracked, everything, sight.at)
            for (_, of), line in lines.items():
                if of == group:
                    line.observe(tracked, sight.at)
        by_tracks.boxes.append(boxes)
    times = [sight.at for sight in sights]
    for key, zone in zones.items():
        by_tracks.occupancy[key] = _means(times, zone.tracks, windows)
        by_detections.occupancy[key] = _means(times, zone.detections, windows)
        by_tracks.changes[key] = by_window(zone.changes, windows)
    for key, line in lines.items():
        by_tracks.crossings[key] = by_window(line.crossings, windows)
    _watch_bays(layout, sights, windows, by_detections)
    return {"tracks": by_tracks, "detections": by_detections}


def taken_bays(bays: Mapping[str, Array], detections: Detections) -> dict[str, bool]:
    """Which bays hold the centre of a vehicle's box: ultralytics' rule, in whole pixels as there."""
    vehicles = _of_group(detections, "vehicle")
    vehicles = vehicles[vehicles.confidence >= CONFIDENCE]
    centres = [(int((x1 + x2) / 2), int((y1 + y2) / 2)) for x1, y1, x2, y2 in vehicles.xyxy.tolist()]
    corners = {name: np.asarray(bay).astype(np.int32).reshape(-1, 1, 2) for name, bay in bays.items()}
    return {
        name: any(cv2.pointPolygonTest(bay, centre, measureDist=False) >= 0 for centre in centres)
        for name, bay in corners.items()
    }


def line_zone(line: CountLine, recipe: Recipe = DEFAULT) -> Any:
    """The object of supervision for a line."""
    (ax, ay), (bx, by) = line.a.tolist(), line.b.tolist()
    return sv.LineZone(start=sv.Point(ax, ay), end=sv.Point(bx, by), **recipe.line)


def _watch_bays(layout: Layout, sights: Sequence[Sight], windows: Sequence[Span], counted: Counted) -> None:
    """Each bay's state in each frame, held until the next."""
    ends = [*(sight.at for sight in sights[1:]), windows[-1][1]]
    times = [sight.at for sight in sights]
    for zone in layout.zones:
        if not zone.bays:
            continue
        states = [taken_bays(zone.bays, sight.detections) for sight in sights]
        counted.bays[zone.id] = {
            name: joined((at, end) for at, end, state in zip(times, ends, states, strict=True) if state[name])
            for name in zone.bays
        }
        changes = [
            Change(at, "in" if now[name] else "out")
            for at, before, now in zip(times[1:], states, states[1:], strict=False)
            for name in zone.bays
            if before[name] != now[name]
        ]
        key: Key = (zone.id, "vehicle")
        counted.changes[key] = by_window(changes, windows)
        counted.occupancy[key] = _means(times, [sum(state.values()) for state in states], windows)


def _of_group(detections: Detections, group: ClassGroup) -> Any:
    own = detections.where(
        np.isin(detections.class_id, [i for i, of in enumerate(_GROUP_OF_ID) if of == group])
    )
    return sv.Detections(xyxy=own.xyxy, confidence=own.confidence, class_id=own.class_id)


def _means(times: Sequence[float], counts: Sequence[int], windows: Sequence[Span]) -> list[float]:
    steps = Steps.of(times, counts, windows[-1][1])
    return [steps.mean(*window) for window in windows]


def _groups(classes: Sequence[ObjectClass]) -> list[ClassGroup]:
    return list(dict.fromkeys(GROUP_OF[name] for name in classes))
