"""The check of a camera's zones and lines, by hand and at the start of the service: part of the composition root."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge.camera import open_source
from edge.config import BoxConfig, CameraEntry
from edge.dry_run import DryRun
from edge.errors import CameraError, EdgeError
from edge.findings import Finding
from edge.measured import Measured
from edge.pipeline import Detector
from edge.records import Frame, Track
from edge.replay import build_detector, layout_of
from edge.track import Tracker, TrackerSettings
from edge.video_file import VideoFile
from edge.zone_lint import lint
from edge.zones import Layout

log = logging.getLogger("parvis.edge")

# The frame that the drawing alone is judged in: the fractions are the camera's, the size does not matter.
NOMINAL_WH: Final = (1600, 900)
START_CHECK_S: Final = 60.0
# A camera that shows nothing for this long is away.
FIRST_PICTURE_S: Final = 20.0
_WAIT_S: Final = 0.5

Watch = Callable[[float], None]  # told the seconds seen so far


@dataclass(frozen=True, slots=True)
class Checked:
    """One camera: what was found, what the dry run measured, and why there was none."""

    camera: str
    findings: list[Finding]
    measured: Measured | None = None
    fault: EdgeError | None = None

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "camera": self.camera,
            "findings": [finding.as_dict() for finding in self.findings],
            "dry_run": None if self.measured is None else self.measured.summary(),
            "fault": None if self.fault is None else str(self.fault),
        }


def check_drawing(box: BoxConfig, entry: CameraEntry) -> Checked:
    """What the drawing alone shows."""
    return Checked(entry.id, lint(layout_of(box, entry, NOMINAL_WH)))


def check_camera(
    box: BoxConfig, entry: CameraEntry, base: Path, video: Path | None, seconds: float, watch: Watch
) -> Checked:
    """What the drawing and a dry run of the camera, or of ``video`` in its place, show.

    Where no dry run is possible, ``fault`` says why and the drawing alone is checked.
    """
    try:
        layout, measured = dry_run(box, entry, base, video, seconds, watch)
    except EdgeError as exc:
        return Checked(entry.id, check_drawing(box, entry).findings, fault=exc)
    return Checked(entry.id, lint(layout, measured), measured)


def dry_run(
    box: BoxConfig, entry: CameraEntry, base: Path, video: Path | None, seconds: float, watch: Watch
) -> tuple[Layout, Measured]:
    """Look at a camera for some seconds with its configured model, at the rate at which the box counts it.

    Raises:
        EdgeError: no picture, no video, or no usable model.
    """
    detector = build_detector(box, base, entry)
    run: DryRun | None = None
    with _frames(entry, base, video) as frames:
        for frame in frames:
            found = detector.detect(frame.image)
            if run is None:
                layout = layout_of(box, entry, (frame.image.shape[1], frame.image.shape[0]))
                tracker = Tracker(TrackerSettings(confidence=box.model.confidence), layout.wh)
                run = DryRun(
                    layout.wh,
                    confidence=box.model.confidence,
                    input_hw=detector.input_hw,
                    input_scale=detector.scale,
                    ground=layout.ground,
                )
            run.observe(tracker.update(found, frame.at), frame.at)
            watch(min(run.seconds, seconds))
            if run.seconds >= seconds:
                break
    if run is None:
        raise CameraError(f"camera {entry.id}: its recording shows nothing. Name another with --video FILE.")
    return layout, run.measured()


@contextmanager
def _frames(entry: CameraEntry, base: Path, video: Path | None) -> Iterator[Iterator[Frame]]:
    """Frames of a recording as fast as they come, or of a live camera; at most ``max_fps`` a second of their time."""
    path = video or base / entry.source
    if video is not None or path.is_file():
        with VideoFile(path, rate=entry.max_fps) as file:
            yield iter(file)
        return
    with open_source(entry.source, base, rate=entry.max_fps) as camera:

        def live() -> Iterator[Frame]:
            heard, any_ = time.monotonic(), False
            while camera.state != "ended" and time.monotonic() < heard + FIRST_PICTURE_S:
                frame = camera.latest(_WAIT_S)
                if frame is not None:
                    yield frame
                    heard, any_ = time.monotonic(), True  # what the caller did with the frame was no silence
            if not any_:
                raise CameraError(
                    f"camera {entry.id}: no picture came for {FIRST_PICTURE_S:.0f} s"
                    f" ({camera.reason or camera.name}). Check its address, password and cable; a recording of it does as"
                    " well: --video FILE."
                )

        yield live()


class StartCheck:
    """The check while the service starts: the drawing at once, the objects after the first minute of frames.

    Findings go to the log only.
    """

    def __init__(self, box: BoxConfig, entry: CameraEntry, detector: Detector) -> None:
        self._box, self._entry, self._detector = box, entry, detector
        self._run: DryRun | None = None
        self._told: set[tuple[str, str]] = set()
        self._layout = layout_of(box, entry, NOMINAL_WH)
        self._tell(None)

    def frame(self, wh: tuple[int, int], tracks: Sequence[Track], at: float) -> bool:
        """One counted frame of a size; True once all is told and this check is over."""
        if self._run is None or self._layout.wh != wh:
            self._layout = layout_of(self._box, self._entry, wh)
            self._run = DryRun(
                wh,
                confidence=self._box.model.confidence,
                input_hw=getattr(self._detector, "input_hw", None),  # known from the first frame on
                input_scale=getattr(self._detector, "scale", None),
                ground=self._layout.ground,
            )
        self._run.observe(tracks, at)
        if self._run.seconds < START_CHECK_S:
            return False
        self._tell(self._run.measured())
        return True

    def _tell(self, measured: Measured | None) -> None:
        try:
            findings = lint(self._layout, measured)
        except Exception:  # a fault of the check must never stop the counting
            log.exception(
                "camera %s: its zones could not be checked; they are counted all the same", self._entry.id
            )
            return
        before, self._told = self._told, {(finding.code, finding.where) for finding in findings}
        for finding in findings:
            if (finding.code, finding.where) in before:
                continue
            log.log(
                logging.INFO if finding.severity == "info" else logging.WARNING,
                "camera %s, %s: %s %s (%s, docs/zones.md)",
                self._entry.id,
                finding.where,
                finding.message,
                finding.remedy,
                finding.code,
            )
