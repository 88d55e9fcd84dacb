"""The masked preview of a replay: what is drawn and from where. Part of the composition root."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from contract.names import CLASSES, ObjectClass
from edge.blur import CONFIDENCE, black_frames, finders_of, frames_between
from edge.cases import Case
from edge.cli_parts import err
from edge.counters import CameraCounters
from edge.crossing import Crossing
from edge.pipeline import Pipeline
from edge.records import Detections, Frame
from edge.remedies import length
from edge.replay import Replay, Watch
from edge.zones import Layout, Zone

if TYPE_CHECKING:
    from edge.preview import LineView
    from edge.privacy_blur import BlurredImage


@contextmanager
def preview_watch(
    path: Path | None, job: Replay, faces: str, again: Callable[[float], Detections]
) -> Iterator[Watch]:
    """A watch that writes each frame, masked and drawn on, to ``path``; without a path it does nothing.

    ``again``: what the frame counted last holds from a confidence on (`OnnxDetector.again`): the mask hides more than
    the counters are given.

    Raises:
        CameraError: when the file cannot be written.
        ModelError: when the face detector cannot be loaded.
    """
    if path is None:
        yield lambda *_: None
        return
    finders = finders_of(faces)
    # Drawing brings supervision and matplotlib along, which a box without a preview need not load.
    from edge.encode import MaskedVideo
    from edge.preview import BayView, CaseView, Overlay, ZoneView, draw
    from edge.privacy_blur import Mask

    mask = Mask(only=job.part, finders=finders, every=frames_between(job.fps))
    totals, overlays = _Totals(job.layout), deque[Overlay]()

    with MaskedVideo(path, job.layout.wh, job.fps) as writer:

        def show(ready: list[BlurredImage]) -> None:
            for blurred in ready:
                writer.write(draw(blurred, overlays.popleft()))

        def watch(frame: Frame, pipeline: Pipeline, counters: CameraCounters) -> None:
            watched = counters.watched
            totals.add(counters)
            zones = [
                ZoneView(
                    zone.id, zone.polygon.tolist(), _counts(zone, watched.flows[zone.id].present(frame.at))
                )
                for zone in job.layout.zones
                if zone.polygon is not None
            ]
            bays = [
                BayView(name, zone.bays[name].tolist(), occupied)
                for zone in job.layout.zones
                if zone.id in watched.bays
                for name, occupied in watched.bays[zone.id].occupied().items()
            ]
            clock = (job.config.at + timedelta(seconds=frame.at)).strftime("%H:%M:%S UTC")
            boxes = _shown(pipeline.detections, job.confidence)
            cases = [
                CaseView(
                    f"{case.kind.replace('_', ' ')} {length(frame.at - case.first_seen)}", _corners(case)
                )
                for _, case in job.roads.open_cases
            ]
            overlays.append(Overlay(zones, totals.views(), bays, boxes, cases, clock))
            show(mask.push(frame.image, again(CONFIDENCE), frame.at))

        try:
            yield watch
        finally:
            show(mask.flush())  # the last half second still waits for what might have appeared
    if mask.black:
        err.print(black_frames(mask), style="yellow")


class _Totals:
    """Crossings so far, of all classes; the counters forget theirs once an interval is closed."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._counted: set[Crossing] = set()
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, counters: CameraCounters) -> None:
        present = set()
        for line_id, flow in counters.watched.lines.items():
            present.update(flow.crossings)
            for crossing in flow.crossings:
                if crossing not in self._counted and crossing.subject.real:
                    self._counts[line_id, crossing.direction] += 1
        self._counted = present

    def views(self) -> list[LineView]:
        from edge.preview import LineView

        return [
            LineView(
                line.id,
                (float(line.a[0]), float(line.a[1])),
                (float(line.b[0]), float(line.b[1])),
                self._counts[line.id, "in"],
                self._counts[line.id, "out"],
            )
            for line in self._layout.lines
        ]


def _counts(zone: Zone, present: Counter[int]) -> dict[ObjectClass, int]:
    """What the zone counts and holds now; nobody is shown as nobody."""
    counts = {name: present[CLASSES.index(name)] for name in zone.classes}
    return {name: count for name, count in counts.items() if count} or {zone.classes[0]: 0}


def _corners(case: Case) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (float(v) for v in case.xyxy)
    return x1, y1, x2, y2


def _shown(detections: Detections, confidence: float) -> Detections:
    return detections.where(detections.confidence >= confidence)
