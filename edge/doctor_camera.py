"""The doctor's look at one camera: its model, whether pictures come, what they show, what is drawn on them.

Part of the composition root.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.camera import open_source
from edge.config import BoxConfig, CameraEntry
from edge.doctor_line import Colour, Line
from edge.records import ImageArray
from edge.remedies import REMEDIES, TRIES_IT
from edge.replay import build_detector, layout_of
from edge.zone_check import FIRST_PICTURE_S, NOMINAL_WH
from edge.zone_lint import lint

SLOW_FPS: Final = 2.0  # with fewer pictures a second, short visits and crossings are missed
# Grey values, 0 to 255: a picture whose brightest twentieth is darker than this is dark; one that spreads less is one
# colour.
DARK: Final = 40.0
SPREAD: Final = 4.0
AWAY: Final = REMEDIES["camera_lost"].replace(TRIES_IT, "")


class CameraCheck:
    """One camera of a configuration; ``running`` is what ``/healthz`` of a running service told, if one runs."""

    def __init__(
        self, box: BoxConfig, entry: CameraEntry, base: Path, seconds: float, running: dict[str, Any] | None
    ) -> None:
        self._box, self._entry, self._base = box, entry, base
        self._seconds, self._running = seconds, running

    def model(self) -> Iterator[Line]:
        """The detector's file: its name and fingerprint."""
        detector = build_detector(self._box, self._base, self._entry)
        what = f"{detector.label}, SHA-256 {detector.sha256[:16]}…"
        yield Line(f"model of {self._entry.id}", "green", what)

    def lines(self) -> Iterator[Line]:
        """The camera, its picture, and what is drawn on it."""
        name = f"camera {self._entry.id}"
        held = self._held()
        if held is not None:
            live = held["state"] == "live"
            what = f"held by the running service: {held['state']}, {held['fps']:.1f} pictures a second"
            yield Line(name, "green" if live else "red", what, "" if live else AWAY)
            wh = NOMINAL_WH
        else:
            seen, fps = self._look()
            if isinstance(seen, str):
                yield Line(name, "red", f"no picture came ({seen})", AWAY)
                return
            wh = (seen.shape[1], seen.shape[0])
            yield from _picture(name, seen, fps, self._entry.max_fps)
        yield from _drawing(f"zones of {self._entry.id}", self._box, self._entry, wh)

    def _held(self) -> dict[str, Any] | None:
        """What the running service tells of a camera that only one program can open."""
        if self._running is None or not (
            self._entry.source.isdigit() or self._entry.source.startswith(("/dev/", "picamera"))
        ):
            return None
        mine = [told for told in self._running.get("cameras", []) if told.get("camera") == self._entry.id]
        return mine[0] if mine else None

    def _look(self) -> tuple[ImageArray | str, float]:
        """The last picture and the pictures a second, or why there is none."""
        began = time.monotonic()
        times: list[float] = []
        image: ImageArray | None = None
        with open_source(self._entry.source, self._base, rate=self._entry.max_fps) as camera:
            while camera.state != "ended":
                frame = camera.latest(0.5)
                if frame is not None:
                    image = frame.image
                    times.append(frame.at)
                limit = FIRST_PICTURE_S if image is None else times[0] - began + self._seconds
                if time.monotonic() - began >= limit:
                    break
            if image is None:
                return camera.reason or camera.name, 0.0
        return image, (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0


def _picture(name: str, image: ImageArray, fps: float, max_fps: float) -> Iterator[Line]:
    height, width = image.shape[:2]
    slow = fps < min(SLOW_FPS, 0.8 * max_fps)
    remedy = "Raise the camera's frame rate or lower its resolution; check the network." if slow else ""
    what = f"{width} by {height} pixels, {fps:.1f} pictures a second"
    yield Line(name, "yellow" if slow else "green", what, remedy)
    few = image[::4, ::4]
    if float(few.std()) < SPREAD:
        remedy = "Take off the cap or whatever covers it."
        yield Line(name, "red", "the picture is of one colour: it shows nothing", remedy)
    elif float(np.percentile(few, 95)) < DARK:
        yield Line(name, "yellow", "the picture is dark", REMEDIES["picture_poor"])
    else:
        yield Line(name, "green", "the picture is bright enough")


def _drawing(name: str, box: BoxConfig, entry: CameraEntry, wh: tuple[int, int]) -> Iterator[Line]:
    findings = [found for found in lint(layout_of(box, entry, wh)) if found.severity != "info"]
    if not findings:
        yield Line(name, "green", "nothing to mend in the drawing; measure it with: parvis edge zones check")
    for found in findings:
        colour: Colour = "red" if found.severity == "error" else "yellow"
        yield Line(name, colour, f"{found.where}: {found.message} ({found.code})", found.remedy)
