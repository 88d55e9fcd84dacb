"""One film through the box's own way, and through the plain recipe, on the same pictures."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np

from bench.debris.films import Image
from bench.debris.recipe import Recipe
from bench.debris.score import Told
from edge.cases import Case
from edge.detect import OnnxDetector
from edge.records import Detections, Frame
from edge.road import RoadWatch
from edge.track import Tracker, TrackerSettings
from edge.zones import Layout

CONFIDENCE = 0.25


@dataclass(slots=True)
class Run:
    """What both ways told of one film, and what each look cost, seconds of the processor."""

    ours: list[Told] = field(default_factory=list)
    recipe: list[Told] = field(default_factory=list)
    stopped: list[Told] = field(default_factory=list)
    unjudged_s: float = 0.0
    looks: int = 0
    look_s: float = 0.0
    detect_s: float = 0.0


def run(
    frames: Iterable[tuple[float, Image]], layout: Layout, persistence_s: float, detector: OnnxDetector
) -> Run:
    """``layout`` with one road zone; ``frames`` about one a second."""
    zone = layout.zones[0]
    polygon = np.asarray(zone.polygon)
    watch = RoadWatch("bench", layout, {zone.id: persistence_s}, CONFIDENCE)
    tracker = Tracker(TrackerSettings(confidence=CONFIDENCE), layout.wh)
    mask = np.zeros(layout.wh[::-1], np.uint8)
    cv2.fillPoly(mask, [polygon.round().astype(np.int32)], 1)
    plain = Recipe(mask > 0, persistence_s)
    done, told = Run(), dict[str, Told]()
    for at, image in frames:
        began = time.process_time()
        detections = detector.detect(image)
        done.detect_s += time.process_time() - began
        tracks = tracker.update(detections, at)
        began = time.process_time()
        cases = watch.frame(Frame(image, at), detections, tracks)
        done.look_s += time.process_time() - began
        done.looks += 1
        done.unjudged_s += watch.sight[zone.id] != "clear"
        for _, case in cases:
            _note(done, told, case, at)
        _plain(plain, done.recipe, image, at, detections)
    return done


def _note(done: Run, told: dict[str, Told], case: Case, at: float) -> None:
    if case.state == "open":
        told[case.case] = Told(case.xyxy, at)
        (done.stopped if case.kind == "stopped_vehicle" else done.ours).append(told[case.case])
    elif case.state == "cleared" and case.case in told:
        told[case.case].cleared = at


def _plain(plain: Recipe, told: list[Told], image: Image, at: float, detections: Detections) -> None:
    sure = detections.xyxy[detections.confidence >= CONFIDENCE]
    new, over = plain.look(image, at, sure)
    told += [Told(box.copy(), at) for box in new]
    for box in over:
        for case in told:
            if case.cleared is None and np.abs(case.xyxy - box).max() < 20:
                case.cleared = at
