"""Counts with and without skipping, on the same detections: what a spared frame changes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from bench.counts import cases, detections, looking, ours
from bench.counts.cases import Case
from bench.counts.counted import Counted, totals
from bench.counts.detections import Model, Sight
from bench.counts.measure import video_figures
from bench.counts.series import WINDOW_S, weighted_mean, windows
from bench.saving.films import stop_and_go
from edge.config import BoxConfig
from edge.detect import resolve_model
from edge.records import Detections, Frame, ImageArray
from edge.replay import Replay
from edge.video_file import VideoFile

RATES = (6.0, 5.0, 2.5)
DRAWS = (1, 2)


class _Film:
    """A replay's video and its detector at once: real pictures, the network's answers from the cache."""

    label, sha256 = "cached", "0" * 64

    def __init__(self, path: Path, rate: float | None, sights: Sequence[Sight]) -> None:
        self._video = VideoFile(path, rate=rate)
        self._sights = {round(sight.at, 4): sight.detections for sight in sights}
        self.width, self.height = self._video.width, self._video.height
        self.frames: int | None = None
        self.fps = rate or self._video.fps
        self.warning: str | None = None
        self._at = 0.0

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._video:
            self._at = frame.at
            yield frame

    def detect(self, image: ImageArray) -> Detections:
        return self._sights[round(self._at, 4)]


def halting(cache: Path, scenes: Path, rates: Sequence[float]) -> Iterator[dict[str, Any]]:
    """One row for each scene, made to halt, rate and draw of the sensor's noise: everybody stands still and must stay counted.

    Then one for each scene and rate that compares the two draws, both always looked at: what noise alone changes.
    """
    model = Model(resolve_model("starter"), 640)
    for case in cases.find("scenes", scenes, Path()):
        always: dict[tuple[int, float], Counted] = {}
        with tempfile.TemporaryDirectory() as folder:
            for draw in DRAWS:
                film = stop_and_go(case.video, Path(folder) / f"{case.name}-{draw}.mp4", draw)
                sights = detections.of_video(f"{case.name}-stop", film, model, cache)
                for rate in rates:
                    row, both = _pair(case.box, f"{case.name} stop-and-go, draw {draw}", film, sights, rate)
                    always[draw, rate] = both["always"]
                    yield row
        for rate in rates:
            first, second = (always[draw, rate] for draw in DRAWS)
            found = difference(first, second, windows(sights[-1].at + 1e-3))
            yield {"video": f"{case.name} stop-and-go, noise alone", "rate": rate, **found}


def compared(shared: Path, cache: Path, scenes: Path, rates: Sequence[float]) -> Iterator[dict[str, Any]]:
    """One row for each video and rate; what is absent is left out with a message."""
    model = Model(resolve_model("starter"), 640)
    sets: tuple[cases.SetName, ...] = ("scenes", "pets")
    for name in sets:
        for case in cases.find(name, scenes, shared):
            shown = [case, *looking.alone(case)] if name == "pets" else [case]
            sights = detections.of_video(case.name, case.video, model, cache)
            for one in shown:
                for rate in rates:
                    yield _true(one, sights, min(rate, one.truth.fps))


def _true(case: Case, sights: Sequence[Sight], rate: float) -> dict[str, Any]:
    """With the truth of the video beside both."""
    row, both = _pair(case.box, case.name, case.video, sights, rate)
    figures = video_figures(case.truth, both)
    for name in both:
        row[f"error_{name}"] = round(
            sum(zone["occupancy"][name]["error"] for zone in figures["zones"] if name in zone["occupancy"]), 3
        )
    return row


def _pair(
    box: BoxConfig, name: str, video: Path, sights: Sequence[Sight], rate: float
) -> tuple[dict[str, Any], dict[str, Counted]]:
    end = sights[-1].at + 1e-3
    spans = windows(end)
    found: dict[str, Counted] = {}
    held = looks = 0
    for kind in ("skipping", "always"):
        if kind == "always" and not held:  # every frame was looked at, so this would be the same run again
            found[kind] = found["skipping"]
            break
        film = cast("Any", _Film(video, rate, sights))
        replay = Replay(film, box, box.cameras[0], film, ours.START, skip_still=kind == "skipping")
        found[kind] = ours.count(box, detections.at_rate(sights, rate), spans, replay)
        if replay.pipeline.gate is not None:
            held, looks = replay.pipeline.gate.held, replay.pipeline.gate.looks
    row = {
        "video": name,
        "rate": rate,
        "skipped": round(held / max(1, held + looks), 3),
        **difference(found["always"], found["skipping"], spans),
    }
    return row, found


def difference(a: Counted, b: Counted, spans: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Largest change of a zone's mean occupancy over the video and in any 10 s; entries, exits and crossings changed."""
    mean, window = 0.0, 0.0
    for key in {*a.occupancy, *b.occupancy}:
        first, second = (c.occupancy.get(key, [0.0] * len(spans)) for c in (a, b))
        mean = max(mean, abs(weighted_mean(first, spans) - weighted_mean(second, spans)))
        long = [
            abs(x - y)
            for x, y, (start, end) in zip(first, second, spans, strict=True)
            if end - start > WINDOW_S / 2
        ]
        window = max([window, *long])
    changed = {
        name: sum(
            abs(totals(x.get(key, []))[way] - totals(y.get(key, []))[way])
            for key in {*x, *y}
            for way in (0, 1)
        )
        for name, x, y in (("in_out", a.changes, b.changes), ("crossings", a.crossings, b.crossings))
    }
    bays = sum(
        len(a.bays[zone].get(bay, [])) != len(b.bays[zone].get(bay, []))
        for zone in a.bays
        for bay in a.bays[zone]
    )
    return {"occupancy": round(mean, 4), "occupancy_10s": round(window, 3), **changed, "bays": bays}
