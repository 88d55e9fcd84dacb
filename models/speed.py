"""Milliseconds a frame, of several models in one run: each round asks every model for the same frame.

A busy machine slows neighbours in a round alike, so the ratio of two models is steadier than their times. Medians.
The threads wait without spinning and the confidence is .25, as in a live box.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Final

import cv2
import numpy as np

from bench.counts.detections import CONFIDENCE, Model
from edge.detect import OnnxDetector
from edge.records import ImageArray
from edge.video_file import VideoFile

THREADS: Final = 2
FRAME_WH: Final = (640, 360)
FRAMES: Final = 20
WARM: Final = 3


def frames(video: Path) -> list[ImageArray]:
    """FRAMES pictures of 640x360, spread over a video."""
    with VideoFile(video) as film:
        every = [np.asarray(cv2.resize(frame.image, FRAME_WH), np.uint8) for frame in film]
    return every[:: max(1, len(every) // FRAMES)][:FRAMES]


def interleaved(
    models: Mapping[str, Model], pictures: list[ImageArray], rounds: int
) -> dict[str, list[float]]:
    """Milliseconds of each round (rounds,) by name; the order turns from round to round."""
    detectors = {
        name: OnnxDetector(
            model.path,
            confidence=CONFIDENCE,
            names=model.names,
            input_size=model.size,
            threads=THREADS,
        )
        for name, model in models.items()
    }
    for detector, picture in itertools.product(detectors.values(), pictures[:WARM]):
        detector.detect(picture)
    times: dict[str, list[float]] = {name: [] for name in detectors}
    order = list(detectors)
    for number in range(rounds):
        picture = pictures[number % len(pictures)]
        for name in order:
            began = time.perf_counter()
            detectors[name].detect(picture)
            times[name].append(1e3 * (time.perf_counter() - began))
        order = order[1:] + order[:1]
    return times


def summary(
    times: Mapping[str, list[float]], reference: Mapping[str, str]
) -> dict[str, dict[str, float | None]]:
    """By name: the median, and the median of the rounds' ratios to ``reference[name]``, None where there is none."""
    found: dict[str, dict[str, float | None]] = {}
    for name, own in times.items():
        other = times.get(reference.get(name, ""))
        shares = None if other is None else median(a / b for a, b in zip(own, other, strict=True))
        found[name] = {"ms": round(median(own), 2), "ratio": None if shares is None else round(shares, 3)}
    return found
