"""A dry run: collects what a few seconds of a camera show of its objects, for the check of zones and lines.

Rules:
1. The result is in seconds and fractions of the frame, and knows places and sizes, not who was there.
2. Memory is bounded: a sample of each object twice a second and its looks by row, at most `MAX_SAMPLES` of each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from contract.names import CLASSES, GROUP_OF, GROUPS, ClassGroup
from edge.anchor import Anchoring
from edge.ground import GroundPlane
from edge.measured import ROWS, SAMPLE_S, Array, Measured, sizes_of
from edge.presence import HOLD_S
from edge.records import Track

MAX_SAMPLES = 4096  # of each class group
# Slower than this, in its own heights a second, an object stands; boxes jitter.
STANDING = 0.25
_CUT = 0.004  # nearer the frame's edge than this share of it, a box may be cut off


@dataclass(slots=True)
class _Seen:
    """One object while it is in view."""

    sampled_at: float
    anchor: Array  # at that time
    found_at: float
    group: ClassGroup
    missed: list[int] = field(default_factory=list)  # rows of the looks since it was found last
    looks: dict[int, list[float]] = field(default_factory=dict)  # by row: frames, finds, sum of confidences

    def look(self, row: int, confidence: float | None) -> None:
        """Count one frame that looked at it; None did not find it."""
        counts = self.looks.setdefault(row, [0.0, 0.0, 0.0])
        counts[0] += 1
        if confidence is not None:
            counts[1] += 1
            counts[2] += confidence

    def rows(self, who: int) -> list[list[float]]:
        """Its looks so far, for `edge.measured.sizes_of`."""
        return [[who, row, *counts] for row, counts in self.looks.items()]


class DryRun:
    """Feed it every frame; `measured` may be asked at any time.

    Args:
        wh: width and height of the frame, pixels.
        confidence: what the configuration asks of a detection.
        input_hw: height and width of the model's input, if known.
        input_scale: pixels of the model's input to one of the frame, if known; default: as the whole frame fits.
        ground: the ground plane that the counters take their anchors by.
    """

    def __init__(
        self,
        wh: tuple[int, int],
        *,
        confidence: float,
        input_hw: tuple[int, int] | None = None,
        input_scale: float | None = None,
        ground: GroundPlane | None = None,
    ) -> None:
        self._wh, self._aspect = np.array(wh, np.float64), wh[0] / wh[1]
        self._confidence, self._input_hw, self._input_scale = confidence, input_hw, input_scale
        self._anchors = Anchoring(wh, ground)
        self._seen: dict[int, _Seen] = {}
        self._samples: dict[ClassGroup, _Reservoir] = {group: _Reservoir() for group in GROUPS}
        self._looks: dict[ClassGroup, deque[list[float]]] = {
            group: deque(maxlen=MAX_SAMPLES) for group in GROUPS
        }
        self._last: float | None = None
        self._steps = 0
        self.seconds = 0.0  # seen so far; a gap longer than a frame's state holds was not seen

    def observe(self, tracks: Sequence[Track], at: float) -> None:
        """One frame: the tracks that may still be found again, and its time in seconds."""
        if self._last is not None and at - self._last <= HOLD_S:
            self.seconds += at - self._last
            self._steps += 1
        self._last = at
        alive = [track for track in tracks if track.state != "tentative"]
        boxes = np.array([track.xyxy for track in alive], np.float64).reshape(-1, 4)
        kinds = np.array([track.class_id for track in alive], np.int64)
        for track, box, anchor in zip(alive, boxes, self._anchors(boxes, kinds), strict=True):
            self._look(track, box / np.tile(self._wh, 2), anchor / self._wh, at)
        for gone in self._seen.keys() - {track.track_id for track in alive}:
            seen = self._seen.pop(gone)
            self._looks[seen.group].extend(seen.rows(gone))

    def measured(self) -> Measured:
        """What was seen so far."""
        groups = {}
        for group in GROUPS:
            looks = list(self._looks[group])
            for who, seen in self._seen.items():
                looks += seen.rows(who) if seen.group == group else []
            sizes = sizes_of(
                self._samples[group].rows(), np.array(looks).reshape(-1, 5), self._aspect, self._confidence
            )
            if sizes is not None:
                groups[group] = sizes
        fps = self._steps / self.seconds if self.seconds > 0 else 0.0
        return Measured(self.seconds, fps, self._input_hw, groups, self._input_scale)

    def _look(self, track: Track, box: Array, anchor: Array, at: float) -> None:
        group = GROUP_OF[CLASSES[track.class_id]]
        row = int(np.clip(anchor[1] * ROWS, 0, ROWS - 1))
        seen = self._seen.get(track.track_id)
        if track.seen_at < at or track.confidence < self._confidence:
            if seen is not None:
                seen.missed.append(row)
            return
        if seen is None:
            self._seen[track.track_id] = seen = _Seen(at, anchor, at, group)
            seen.look(row, track.confidence)
            self._sample(group, track, box, anchor, np.full(2, np.nan))
            return
        # It was there all the while: only now do the looks in between count as misses. Away for longer, it was
        # hidden.
        if at - seen.found_at <= HOLD_S:
            for missed in seen.missed:
                seen.look(missed, None)
        seen.missed.clear()
        seen.look(row, track.confidence)
        seen.found_at, seen.group = at, group
        if at - seen.sampled_at >= SAMPLE_S:
            self._sample(group, track, box, anchor, (anchor - seen.anchor) / (at - seen.sampled_at))
            seen.sampled_at, seen.anchor = at, anchor

    def _sample(self, group: ClassGroup, track: Track, box: Array, anchor: Array, velocity: Array) -> None:
        size = box[2:] - box[:2]
        if box[:2].min() < _CUT or box[2:].max() > 1 - _CUT:
            size = np.full(2, np.nan)  # that it was there is known, not how large it is
        velocity = velocity * self._wh / (size[1] * self._wh[1])
        if np.hypot(*velocity) < STANDING:  # never true of NaN
            velocity = np.zeros(2)
        self._samples[group].add(np.concatenate([anchor, size, velocity, [track.track_id]]))


class _Reservoir:
    """At most `MAX_SAMPLES` rows, each row ever added with the same chance (Vitter, algorithm R, 1985)."""

    def __init__(self) -> None:
        self._rows: list[Array] = []
        self._count = 0
        self._random = np.random.default_rng(0)  # the same run, the same answer

    def add(self, row: Array) -> None:
        self._count += 1
        if len(self._rows) < MAX_SAMPLES:
            self._rows.append(row)
        elif (place := int(self._random.integers(self._count))) < MAX_SAMPLES:
            self._rows[place] = row

    def rows(self) -> Array:
        return np.array(self._rows, np.float64).reshape(-1, 7)
