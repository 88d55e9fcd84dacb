"""One video under two configurations: ``parvis edge replay VIDEO --compare A.yaml B.yaml``. Composition root."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contract.messages import Body
from edge.cli_parts import choose_camera, open_out, progress
from edge.compare import Comparison, PlaceDiff, compare
from edge.config import BoxConfig, CameraEntry, load_config
from edge.detect import OnnxDetector
from edge.errors import CameraError
from edge.records import Detections, ImageArray
from edge.replay import NamedDetector, Replay, build_detector
from edge.video_file import VideoFile

_KINDS = {"zone": "zone", "parking": "parking", "line": "line", "grid": "grid of"}
_SIDES = {"a": "only in A", "b": "only in B"}


class OncePerFrame:
    """A detector shared by two pipelines: the second to ask about a picture gets the answer of the first."""

    def __init__(self, detector: OnnxDetector) -> None:
        self.label, self.sha256 = detector.label, detector.sha256
        self._detector = detector
        self._image: ImageArray | None = None
        self._found = Detections.empty()

    def detect(self, image: ImageArray) -> Detections:
        """As the detector within."""
        if image is not self._image:
            self._image, self._found = image, self._detector.detect(image)
        return self._found


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two configurations."""

    path: Path
    box: BoxConfig
    job: Replay
    bodies: list[Body]

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "config": str(self.path),
            "camera": self.job.config.camera,
            "interval_s": self.box.interval_s,
            "model": self.job.config.model,
            "input": self.box.model.input,
            "confidence": self.box.model.confidence,
            "records": len(self.bodies),
        }


def run_compare(
    video: Path,
    paths: tuple[Path, Path],
    camera: str | None,
    model: Path | None,
    start: datetime,
    out: Path | None,
    *,
    json_: bool,
) -> None:
    """Count a video twice in one pass and say what differs.

    Raises:
        EdgeError: a configuration, model or video cannot be used; or, after the answer, the video ended early.
    """
    boxes = [load_config(path) for path in paths]
    cameras = [choose_camera(box, camera, path) for box, path in zip(boxes, paths, strict=True)]
    sink = None if out is None else open_out(out)
    try:
        with VideoFile(video) as source:
            detectors = _detectors(boxes, cameras, paths, model)
            a, b = (
                Side(path, box, Replay(source, box, entry, detector, start), [])
                for path, box, entry, detector in zip(paths, boxes, cameras, detectors, strict=True)
            )
            with progress() as bar:
                task = bar.add_task(video.name, total=source.frames)
                fault = _count(source, a, b, lambda: bar.advance(task))
        result = compare(a.bodies, b.bodies)
        if sink is not None:
            for record in result.records:
                print(json.dumps(record.as_pair()), file=sink)
    finally:
        if sink is not None:
            sink.close()
    if json_:
        print(json.dumps(_answer(a, b, result, out)))
    else:
        _show(video, a, b, result)
    if fault is not None:
        raise fault
    if a.job.result.warning:
        raise CameraError(a.job.result.warning)


def _detectors(
    boxes: list[BoxConfig], cameras: list[CameraEntry], paths: tuple[Path, Path], model: Path | None
) -> list[NamedDetector]:
    """A detector for each side: one for both where model, names, input and confidence agree, on whole frames."""
    wanted = [
        (model or (path.parent / box.model.path if box.model.path != "starter" else "starter"),
         box.model.names, box.model.input, box.model.confidence)
        for box, path in zip(boxes, paths, strict=True)
    ]  # fmt: skip
    first = build_detector(boxes[0], paths[0].parent, cameras[0], model, spinning=True)
    whole = all(camera.look == "frame" for camera in cameras)
    if whole and wanted[0] == wanted[1] and boxes[1].classes <= first.supported:
        shared = OncePerFrame(first)
        return [shared, shared]
    return [first, build_detector(boxes[1], paths[1].parent, cameras[1], model, spinning=True)]


def _count(source: VideoFile, a: Side, b: Side, advance: Callable[[], None]) -> CameraError | None:
    """Feed both sides every frame; what ended the video early, if anything did."""
    fault = None
    for side in (a, b):
        side.bodies.append(side.job.begin())
    try:
        for frame in source:
            for side in (a, b):
                side.bodies.extend(side.job.step(frame))
            advance()
    except CameraError as exc:
        fault = exc
    for side in (a, b):
        side.bodies.extend(side.job.end())
    return fault


def _answer(a: Side, b: Side, result: Comparison, out: Path | None) -> dict[str, Any]:
    run = a.job.result
    return {
        "a": a.as_dict(),
        "b": b.as_dict(),
        "frames": run.frames,
        "seconds": round(run.seconds, 3),
        "wall_s": round(run.wall_s, 3),
        "warning": run.warning,
        "out": None if out is None else str(out),
        **result.as_dict(),
    }


def _show(video: Path, a: Side, b: Side, result: Comparison) -> None:
    """Totals that differ, side by side; what is the same is only named."""
    out = Console(highlight=False)
    out.print(Text(f"{video.name}, {a.job.result.seconds:.1f} s. A: {a.path}   B: {b.path}", style="bold"))
    if result.intervals_differ:
        out.print(
            Text(
                f"A counts in intervals of {a.box.interval_s} s and B of {b.box.interval_s} s: only totals are"
                " compared."
            )
        )
    differing = [place for place in result.places if place.differs]
    if differing:
        out.print(_table(differing))
    same = [f"{_KINDS[place.kind]} {place.place}" for place in result.places if not place.differs]
    if result.identical:
        out.print(Text(f"Identical: every record of A is in B ({', '.join(same)})."))
    elif same:
        out.print(Text(f"The same in both: {', '.join(same)}."))


def _table(places: list[PlaceDiff]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("", "figure"):
        table.add_column(title)
    for title in ("A", "B", "B - A", "intervals"):
        table.add_column(title, justify="right")
    for place in places:
        notes = _SIDES.get(place.side, "drawn differently" if place.changed else "")
        name = f"{_KINDS[place.kind]} {place.place}{', ' if notes else ''}{notes}"
        intervals = f"{place.differing} of {place.intervals}" if place.intervals else ""
        rows = [
            (kind, figure, a[figure], b[figure])
            for kind, (a, b) in place.totals.items()
            for figure in a
            if a[figure] != b[figure]
        ]
        table.add_row(Text(name, style="bold"), "" if rows else "same totals", "", "", "", intervals)
        for kind, figure, left, right in rows:
            table.add_row(f"  {kind}", figure, f"{left:g}", f"{right:g}", f"{right - left:+.3g}", "")
    return table
