"""Bays in single pictures of parking lots: the box's own evidence beside the rule of the centre."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.counts import baseline, ours
from bench.counts.cases import layout_of
from bench.counts.detections import Model, Sight, of_pictures
from bench.counts.statistics import wilson
from edge.config import BoxConfig
from edge.geometry import self_crossing

REPEATED_S = 12  # one picture stands still for so long, one frame a second: until the box decides


def measure(folder: Path, model: Model, cache: Path, *, with_baseline: bool = True) -> dict[str, Any]:
    """Share of bays told right over all pictures of a folder, with a Wilson interval.

    Raises:
        ValueError: a label is no box or polygon.
    """
    pictures = sorted(folder.glob("*.jpg"))
    hits: dict[str, dict[str, list[int]]] = {}
    for path, sight in zip(pictures, of_pictures(pictures, model, cache), strict=True):
        states, box = labelled(path.with_suffix(".txt"))
        if not states:
            continue
        told = {
            "ours": ours.live_bays(
                box, [Sight(float(at), sight.wh, sight.detections) for at in range(REPEATED_S + 1)]
            )
        }
        if with_baseline:
            bays = layout_of(box, sight.wh).zones[0].bays
            told["baseline"] = baseline.taken_bays(bays, sight.detections)
        for name, found in told.items():
            tally = hits.setdefault(name, {"occupied": [0, 0], "free": [0, 0]})
            for bay, taken in states.items():
                part = tally["occupied" if taken else "free"]
                part[0] += found[bay] == taken
                part[1] += 1
    return {"set": "parking", "model": model.name, "pictures": len(pictures)} | {
        name: _shares(tally) for name, tally in hits.items()
    }


def labelled(path: Path) -> tuple[dict[str, bool], BoxConfig]:
    """Bays of a YOLO text (class 0 free, 1 occupied; box or polygon in fractions) and a configuration that has them."""
    states: dict[str, bool] = {}
    bays: dict[str, list[list[float]]] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        values = [float(word) for word in line.split()]
        if not values:
            continue
        name = f"b{number}"
        states[name] = values[0] == 1
        bays[name] = _simple(
            [[min(max(value, 0.0), 1.0) for value in corner] for corner in _corners(values[1:], path)]
        )
    zone = {"id": "lot", "kind": "parking", "bays": bays}
    camera = {"id": "c", "source": "x.jpg", "zones": [zone]}
    return states, BoxConfig.model_validate({"device": "bench", "interval_s": 10, "cameras": [camera]})


def _corners(values: Sequence[float], path: Path) -> list[list[float]]:
    if len(values) == 4:
        x, y, w, h = values
        return [
            [x - w / 2, y - h / 2],
            [x + w / 2, y - h / 2],
            [x + w / 2, y + h / 2],
            [x - w / 2, y + h / 2],
        ]
    if len(values) < 6 or len(values) % 2:
        raise ValueError(f"{path}: a bay must be 'class x y w h' or a polygon (got {len(values)} numbers)")
    return [list(corner) for corner in zip(values[::2], values[1::2], strict=True)]


def _simple(corners: list[list[float]]) -> list[list[float]]:
    """The outline, or its convex hull where it crosses itself (a slip of whoever drew it; the box refuses it)."""
    if self_crossing(corners) is None:
        return corners
    hull: list[list[float]] = cv2.convexHull(np.array(corners, np.float32))[:, 0].astype(float).tolist()
    return hull


def _shares(tally: dict[str, list[int]]) -> dict[str, Any]:
    right, bays = (sum(part[k] for part in tally.values()) for k in (0, 1))
    low, high = wilson(right, bays)
    return {
        "right": right / bays,
        "interval": (low, high),
        "bays": bays,
        **{name: {"right": part[0], "bays": part[1]} for name, part in tally.items()},
    }
