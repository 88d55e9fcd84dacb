"""When the detector need not look: nothing changed since it looked last, and nobody is coming, going or in doubt.

Rules:
1. A frame that is not looked at counts as observed, with the last answer held: who stands or sits there stays counted,
   a parked car keeps its bay. It proves nothing new: no evidence that something is an object grows in it.
2. The detector looks while any object moves, has just come, was just lost or is not believed yet; while somebody on the
   edge of a zone or line may be going in or out; while a bay is being decided (`DOUBT_S` at most); and `RECHECK_S` after
   its last look at the latest. If that look shows anything else, it goes on looking.
   Somebody so faint that noise alone decides whether he is seen (`FAINT`) is asked after each `FAINT_S`, `DOUBT_S` at
   most: one such answer held for two seconds would be two seconds of a visit more or less.
3. Only what lies within reach of a zone, bay or line is watched for changes (`edge.look`); objects that are known are
   followed wherever they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.look import reaches
from edge.records import Frame, ImageArray, Track
from edge.zones import Layout

RECHECK_S: Final = 2.0
# At rest: for this long no further than this many box heights from one place.
REST_S: Final = 1.0
REST: Final = 0.1
# An object that was lost is looked for so long; later it comes back as a change, or not at all.
SEARCH_S: Final = 4.0
# A bay that is decided at all is decided by then. What stays in doubt (a faint shape in a free bay) would keep the
# detector busy for ever; held answers decide it too, as half a frame a second does (`edge.parking`).
DOUBT_S: Final = 15.0
# How near the configured confidence: the same shape differs by so much from frame to frame in a picture that stands still.
FAINT: Final = 0.05
FAINT_S: Final = 0.5
_SLACK_S: Final = 1e-6


class Eye(Protocol):
    """What tells whether the picture changed; `edge.stillness.Stillness` fits."""

    def changed(self, image: ImageArray) -> bool:
        """Whether it differs from the picture last looked at."""
        ...

    def learn(self, at: float) -> None:
        """Nobody moved in it."""
        ...

    def looked(self) -> None:
        """It is the picture last looked at from now on."""
        ...


class Gate:
    """Decides for each frame of one camera, in order of time: `holds`, then `tracked`.

    ``confidence``: from which a detection is somebody. ``looks`` and ``held`` count the frames the detector saw and those it was spared; ``holding``: the last was spared.
    """

    def __init__(self, eye: Eye, confidence: float = 0.25) -> None:
        self._eye, self._confidence = eye, confidence
        self._faint_since: float | None = None
        self._looked_at = float("-inf")
        self._quiet = False
        self._doubt_since: float | None = None
        self._places: dict[
            int, tuple[float, NDArray[np.float32]]
        ] = {}  # by track: since when, and the box then
        self.looks = self.held = 0
        self.holding = False

    def holds(self, frame: Frame, *, ways_settled: bool, bays_settled: bool) -> bool:
        """Whether the last answer holds for this frame; ``…_settled``: nothing of that kind is just being decided."""
        changed = self._eye.changed(frame.image)
        if self._quiet:
            self._eye.learn(frame.at)
        if bays_settled:
            self._doubt_since = None
        elif self._doubt_since is None:
            self._doubt_since = frame.at
        else:
            bays_settled = frame.at - self._doubt_since >= DOUBT_S - _SLACK_S
        faint = self._faint_since is not None and frame.at - self._faint_since < DOUBT_S
        due = frame.at - self._looked_at >= (FAINT_S if faint else RECHECK_S) - _SLACK_S
        self.holding = self._quiet and ways_settled and bays_settled and not changed and not due
        if self.holding:
            self.held += 1
        else:
            self.looks += 1
            self._looked_at = frame.at
            self._eye.looked()
        return self.holding

    def tracked(self, tracks: Sequence[Track], at: float) -> None:
        """The tracks after the frame at ``at``: every one that may still be found again."""
        places = {}
        quiet = True
        for track in tracks:
            since, box = self._places.get(track.track_id, (at, track.xyxy))
            if not track.hidden and _away(track.xyxy, box) > REST:
                since, box = at, track.xyxy
            places[track.track_id] = (since, box)
            quiet &= _calm(track, since, at)
        self._places, self._quiet = places, quiet
        if not any(self._faint(track, at) for track in tracks):
            self._faint_since = None
        elif self._faint_since is None:
            self._faint_since = at

    def _faint(self, track: Track, at: float) -> bool:
        return at - track.seen_at <= SEARCH_S and abs(track.confidence - self._confidence) < FAINT


def _calm(track: Track, since: float, at: float) -> bool:
    if track.state == "tentative":
        return False
    if track.seen_at < at:
        return track.hidden or at - track.seen_at > SEARCH_S
    return at - since >= REST_S - _SLACK_S


def _away(box: NDArray[np.float32], place: NDArray[np.float32]) -> float:
    """How far a box's corners lie from another's, at most, in heights of that."""
    return float(np.abs(box - place).max() / max(1e-6, place[3] - place[1]))


def watched_cells(layout: Layout, rows: int, cols: int) -> NDArray[np.bool_]:
    """Which cells (rows, cols) of the frame lie within reach of a zone, bay or line."""
    cells = np.zeros((rows, cols), np.bool_)
    scale = np.array([cols, rows] * 2, np.float64) / np.array(layout.wh * 2, np.float64)
    for x1, y1, x2, y2 in reaches(layout) * scale:
        cells[max(0, int(y1)) : max(0, int(np.ceil(y2))), max(0, int(x1)) : max(0, int(np.ceil(x2)))] = True
    return cells
