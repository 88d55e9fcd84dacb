"""A camera's picture watched for faults while it is counted: part of the composition root."""

from __future__ import annotations

import logging

from edge.records import Detections, Frame
from edge.sight import LOOK_S, Sight
from edge.view import look_at

log = logging.getLogger("parvis.edge")


class PictureWatch:
    """Looks at a camera's frames about once a second and says once when a fault begins or ends."""

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._due = float("-inf")
        self.sight = Sight()

    def frame(self, frame: Frame, detections: Detections) -> None:
        """One frame, and what was found in it."""
        if frame.at < self._due:
            return
        # On the grid of the seconds, so that 6 and 25 frames a second look at the same moments.
        self._due = frame.at // LOOK_S * LOOK_S + LOOK_S - 1e-6
        for change in self.sight.see(look_at(frame.image, detections.xyxy, frame.at)):
            if change.began:
                log.warning("%s: the picture is %s: %s", self._camera, change.flag, change.words)
            else:
                log.warning("%s: the picture is no longer %s", self._camera, change.flag)
