"""The roads of one camera watched for debris and stopped vehicles while it is counted: part of the composition root.

About once a second a frame goes to the road's memories (`edge.background`); what they tell is judged zone by zone (`edge.debris`).
While the picture has a fault, nothing is judged: cases stay as they are.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Final

import cv2
import numpy as np

from contract.messages import AnomalyBody
from contract.names import CLASSES, UNOBSERVED_FLAGS, VEHICLES, Flag
from edge.background import Ground
from edge.cases import Case, KeptCases, Mover, Sight
from edge.config import CameraEntry
from edge.debris import DebrisWatch
from edge.records import Detections, FloatArray, Frame, Track
from edge.telling import CaseBook, size_m
from edge.timeline import Timeline
from edge.zones import Layout

log = logging.getLogger("parvis.edge")

LOOK_S: Final = 1.0
_VEHICLE_IDS: Final = [CLASSES.index(name) for name in VEHICLES]
# A zone that cannot be judged for so long says so.
TELL_S: Final = 60.0


class RoadWatch:
    """Watches the roads of one camera at one frame size.

    Args:
        roads: `persistence_s` by the id of each zone to watch; the others are not looked at.
        confidence: from which on a detection is an object, 0 to 1.
        names: makes the names of cases, 16 hex digits; random by default.
    """

    def __init__(
        self,
        camera: str,
        layout: Layout,
        roads: Mapping[str, float],
        confidence: float,
        names: Callable[[], str] | None = None,
    ) -> None:
        self._camera, self.wh = camera, layout.wh
        self._confidence = confidence
        zones = [zone for zone in layout.zones if zone.id in roads and zone.polygon is not None]
        self._watches = {
            zone.id: DebrisWatch(
                zone.polygon,
                roads[zone.id],
                metres_of=lambda box: size_m(box, layout),
                names=names or _random_name,
            )
            for zone in zones
            if zone.polygon is not None
        }
        width, height = layout.wh
        mask = np.zeros((height, width), np.uint8)
        for zone in zones:
            cv2.fillPoly(mask, [np.asarray(zone.polygon).round().astype(np.int32)], 1)
        self._ground = Ground(mask > 0) if mask.any() else None
        self._due = float("-inf")
        self.sight: dict[str, Sight] = dict.fromkeys(self._watches, "learning")
        self._blind_since: dict[str, float] = {}
        self._told: set[str] = set()

    def take_over(self, zone: str, cases: Sequence[Case]) -> None:
        """Cases of a zone that were open before; their times are within this run."""
        self._watches[zone].take_over(cases)

    @property
    def open_cases(self) -> list[tuple[str, Case]]:
        """The latest revision of each open case, and its zone."""
        return [(zone, case) for zone, watch in self._watches.items() for case in watch.open_cases]

    def frame(
        self, frame: Frame, detections: Detections, tracks: Sequence[Track], faults: Sequence[Flag] = ()
    ) -> list[tuple[str, Case]]:
        """One frame, what was found in it, and the faults of the picture; returns revisions to send, usually none."""
        if self._ground is None or frame.at < self._due:
            return []
        self._due = frame.at // LOOK_S * LOOK_S + LOOK_S - 1e-6
        if UNOBSERVED_FLAGS.intersection(faults):
            return []
        sure = detections.confidence >= self._confidence
        busy = detections.xyxy[sure]
        look = self._ground.look(frame.image, frame.at, busy)
        known = [
            track for track in tracks if track.seen_at == frame.at and track.confidence >= self._confidence
        ]
        movers = _movers(known, busy)
        faint = list(detections.xyxy[~sure & np.isin(detections.class_id, _VEHICLE_IDS)].astype(np.float64))
        told = []
        for zone, watch in self._watches.items():
            verdict = watch.observe(look, movers, frame.at, faint)
            self._ground.absorb(verdict.absorb)
            self._say(zone, verdict.sight, frame.at)
            told += [(zone, case) for case in verdict.cases]
        return told

    def _say(self, zone: str, sight: Sight, at: float) -> None:
        """A line when a road cannot be judged for long, and when it can be again."""
        self.sight[zone] = sight
        if sight in {"clear", "learning"}:
            if zone in self._told:
                log.info("%s: road %s can be judged again", self._camera, zone)
            self._told.discard(zone)
            self._blind_since.pop(zone, None)
            return
        since = self._blind_since.setdefault(zone, at)
        if at - since >= TELL_S and zone not in self._told:
            self._told.add(zone)
            log.warning(
                "%s: road %s is too %s to be judged; what lies there is not seen", self._camera, zone, sight
            )


def _random_name() -> str:
    return secrets.token_hex(8)


def _name_of(seed: str, numbers: Iterator[int]) -> str:
    return hashlib.sha256(f"{seed}/{next(numbers)}".encode()).hexdigest()[:16]


def _movers(tracks: Sequence[Track], busy: FloatArray) -> list[Mover]:
    """The tracks seen now, and every sure box (N, 4) once more: a track begins at its second sight."""
    movers = [
        Mover(np.asarray(t.xyxy, np.float64), CLASSES[t.class_id] in VEHICLES, t.track_id) for t in tracks
    ]
    return movers + [Mover(np.asarray(box, np.float64), False, -1) for box in busy]


class Roads:
    """The roads of one camera over changes of its frame size and over restarts.

    Args:
        timeline: the run's; a case is told once it knows the time.
        seed: what the names of cases follow from, so that a replay repeats exactly; None: they are random.
    """

    def __init__(
        self, camera: CameraEntry, confidence: float, timeline: Timeline, seed: str | None = None
    ) -> None:
        self.camera, self._confidence = camera.id, confidence
        self._names = _random_name if seed is None else partial(_name_of, seed, count())
        self._roads = {zone.id: zone.debris.persistence_s for zone in camera.zones if zone.debris.enabled}
        self._book = CaseBook(camera.id, timeline)
        self._watch: RoadWatch | None = None
        self._resumed: KeptCases | None = None

    @property
    def watches(self) -> bool:
        """Whether any zone is watched."""
        return bool(self._roads)

    def resume(self, kept: KeptCases) -> None:
        """Go on from what an earlier run kept; before the first frame."""
        self._resumed = kept

    def keep(self) -> KeptCases:
        """The open cases that were told."""
        return self._resumed or self._book.keep()

    @property
    def open_cases(self) -> list[tuple[str, Case]]:
        """The latest revision of each open case, and its zone."""
        return [] if self._watch is None else self._watch.open_cases

    @property
    def sight(self) -> dict[str, Sight]:
        """Of each watched zone, how well it can be judged now."""
        return {} if self._watch is None else dict(self._watch.sight)

    def frame(
        self,
        frame: Frame,
        layout: Layout,
        detections: Detections,
        tracks: Sequence[Track],
        faults: Sequence[Flag] = (),
    ) -> list[AnomalyBody]:
        """One frame and what was found in it; returns revisions of cases, usually none."""
        if not self._roads:
            return []
        if self._watch is None or layout.wh != self._watch.wh:
            kept, self._resumed = self.keep(), None
            self._watch = RoadWatch(self.camera, layout, self._roads, self._confidence, self._names)
            for zone, cases in self._book.take_over(kept, layout, frame.at).items():
                self._watch.take_over(zone, cases)
        told = self._watch.frame(frame, detections, tracks, faults)
        return self._book.tell(told, layout, frame.at)
