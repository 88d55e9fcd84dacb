"""What it saves to let the detector look at the zones alone: which part of the frame, which input, how long it takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench.counts.cases import Case, layout_of
from bench.counts.detections import Model
from bench.counts.truth import Truth
from edge.look import part_of
from edge.video_file import VideoFile

ROUNDS = 30  # frames of each video that both detectors see in turn


def alone(case: Case) -> list[Case]:
    """The video once for each of its zones, as if that were all its camera counts; parking zones included."""
    (camera,) = case.box.cameras
    found = []
    for zone in camera.zones:
        only = camera.model_copy(update={"zones": (zone,), "lines": ()})
        box = case.box.model_copy(update={"cameras": (only,)})
        layout = layout_of(box, case.layout.wh)
        found.append(
            replace(
                case, name=f"{case.name} {zone.id}", box=box, layout=layout, truth=_of(case.truth, zone.id)
            )
        )
    return found


def _of(truth: Truth, zone: str) -> Truth:
    """What is true of one zone."""
    kept = {key for key in truth.totals if key[0] == zone}
    return replace(
        truth,
        occupancy={k: v for k, v in truth.occupancy.items() if k in kept},
        changes={k: v for k, v in truth.changes.items() if k in kept},
        crossings={},
        totals={k: v for k, v in truth.totals.items() if k in kept},
        lasting={k: v for k, v in truth.lasting.items() if k in kept},
        bays={k: v for k, v in truth.bays.items() if k == zone},
    )


def model_for(case: Case, model: Model) -> Model:
    """The model as it looks at one video's zones and lines; unchanged where these take nearly the whole frame."""
    return replace(model, part=part_of(case.layout))


def times(cases: Sequence[Case], model: Model) -> list[dict[str, Any]]:
    """For each video the part, both inputs, and milliseconds a frame of both in turn (medians of one run)."""
    return [_time(case, model) for case in cases]


def _time(case: Case, model: Model) -> dict[str, Any]:
    part = part_of(case.layout)
    sides = {"frame": model.open(), "zones": model_for(case, model).open()}
    spent: dict[str, list[float]] = {name: [] for name in sides}
    with VideoFile(case.video) as video:
        for number, frame in enumerate(video):
            for name, detector in sides.items():
                began = time.perf_counter()
                detector.detect(frame.image)
                spent[name].append(1000 * (time.perf_counter() - began))
            if number >= ROUNDS:
                break
    median = {name: float(np.median(values[1:])) for name, values in spent.items()}
    whole = case.layout.wh[0] * case.layout.wh[1]
    return {
        "video": case.name,
        "model": model.name,
        "part": None if part is None else list(part),
        "share": 1.0 if part is None else round((part[2] - part[0]) * (part[3] - part[1]) / whole, 3),
        "input": {name: list(detector.input_hw or ()) for name, detector in sides.items()},
        "milliseconds": {name: round(value, 2) for name, value in median.items()},
        "ratio": round(median["zones"] / median["frame"], 3),
    }


def lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """One line of text for each video."""
    return [
        f"{row['video']} {row['model']}: zones and lines need {row['share']:.0%} of the frame; input "
        f"{_size(row['input']['frame'])} -> {_size(row['input']['zones'])}, {row['ratio']:.2f} of the time a frame takes"
        for row in rows
    ]


def _size(hw: Sequence[int]) -> str:
    return "x".join(str(side) for side in hw)
