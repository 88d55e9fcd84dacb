"""What the detector adds to the network: `python -m bench.detect_speed [--model F] [--size S] [--json]`.

Each round runs, on the same frame and the same threads, the bare session on an input prepared beforehand and then
the whole of `OnnxDetector.detect`, in changing order, so that a busy machine slows both alike. Pre- and
postprocessing are timed by themselves in the same round. Figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from statistics import median

import cv2
import numpy as np

from edge.detect import OnnxDetector, resolve_model
from edge.records import ImageArray


def frames(video: str | None, count: int, size_wh: tuple[int, int]) -> list[ImageArray]:
    """Frames of a video spread over its length, or noise with blocks if there is none."""
    if video is None:
        rng = np.random.default_rng(0)
        small = rng.integers(0, 255, (count, 18, 32, 3), np.uint8)
        return [np.asarray(cv2.resize(s, size_wh), np.uint8) for s in small]
    capture = cv2.VideoCapture(video)
    pictures: list[ImageArray] = []
    while len(pictures) < 40 * count:
        good, picture = capture.read()
        if not good:
            break
        pictures.append(np.asarray(picture, np.uint8))
    capture.release()
    if not pictures:
        sys.exit(f"{video}: no frame could be read; give a video file")
    return pictures[:: max(1, len(pictures) // count)][:count]


def _ms(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1e3


def measure(detector: OnnxDetector, pictures: list[ImageArray], rounds: int) -> dict[str, float]:
    """Medians in milliseconds: session, detect, pre, post; and boxes per frame."""
    times: dict[str, list[float]] = {"session": [], "detect": [], "pre": [], "post": []}
    boxes = []
    for picture in pictures[:3]:
        detector.detect(picture)
    for i in range(rounds):
        picture = pictures[i % len(pictures)]
        blob = detector.preprocess(picture)
        output = detector.infer(blob)
        tasks: list[tuple[str, Callable[[], object]]] = [
            ("session", partial(detector.infer, blob)),
            ("detect", partial(detector.detect, picture)),
            ("pre", partial(detector.preprocess, picture)),
            ("post", partial(detector.postprocess, output)),
        ]
        for name, task in tasks if i % 2 else tasks[::-1]:
            times[name].append(_ms(task))
        boxes.append(len(detector.postprocess(output)))
    result = {f"{name}_ms": round(median(values), 3) for name, values in times.items()}
    pairs = zip(times["detect"], times["session"], strict=True)
    return result | {
        "overhead_percent": round(median(100 * (d / s - 1) for d, s in pairs), 1),
        "boxes": round(sum(boxes) / len(boxes), 1),
    }


def main() -> None:
    """Measure, print a table, and with --json one last line for machines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--names", help="'coco' for a model without names")
    parser.add_argument("--size", type=int, default=640, help="longer side of the input")
    parser.add_argument("--video", help="default: synthetic frames of 640x360")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--confidence", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("--spinning", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    detector = OnnxDetector(
        resolve_model(asked.model),
        names="coco" if asked.names == "coco" else None,
        input_size=asked.size,
        threads=asked.threads,
        confidence=asked.confidence,
        spinning=asked.spinning,
    )
    pictures = frames(asked.video, 30, (640, 360))
    figures = measure(detector, pictures, asked.rounds)
    setting = {
        "model": detector.label,
        "frame_hw": list(pictures[0].shape[:2]),
        "input_hw": list(detector.input_hw or ()),
        "threads": asked.threads,
        "spinning": asked.spinning,
        "onnxruntime": version("onnxruntime"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    for name, value in {**setting, **figures}.items():
        print(f"{name:17} {value}", file=sys.stderr if asked.json else sys.stdout)
    if asked.json:
        print(json.dumps({**setting, **figures}))


if __name__ == "__main__":
    main()
