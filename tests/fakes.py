"""Stand-ins by injection: scripted objects instead of a camera and a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from contract.names import CLASSES
from edge.faults import FaultBook
from edge.records import Detections, ImageArray

Box = tuple[float, float, float, float]


def detections(*boxes: Box, name: str = "person", confidence: float = 0.8) -> Detections:
    """Detections of one class and confidence."""
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(count, confidence, np.float32),
        np.full(count, CLASSES.index(name)),
    )


def join(*parts: Detections) -> Detections:
    """Several detections of one frame as one."""
    return Detections(
        np.concatenate([part.xyxy for part in parts]),
        np.concatenate([part.confidence for part in parts]),
        np.concatenate([part.class_id for part in parts]),
    )


def standing(x: float, y: float, height: float = 40.0, width: float | None = None) -> Box:
    """The box of an object whose anchor (bottom centre) is at x, y."""
    width = 0.4 * height if width is None else width
    return (x - width / 2, y - height, x + width / 2, y)


class ScriptedDetector:
    """Answers the nth picture with the nth detections."""

    def __init__(self, script: Sequence[Detections]) -> None:
        self._script = list(script)
        self.calls = 0

    def detect(self, image: ImageArray) -> Detections:
        self.calls += 1
        return self._script[self.calls - 1]


class Unjudged:
    """In the place of `edge.watching.PictureWatch`: these pictures are no view."""

    def __init__(self, camera: str) -> None:
        self.sight = FaultBook({})

    def frame(self, *_: object) -> None:
        pass
