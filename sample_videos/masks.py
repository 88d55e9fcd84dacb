"""Boxes and visible shares of what was drawn: silhouettes from the meshes, what is seen from the picture of numbers."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from . import ids, vehicles
from .world import HEIGHT, WIDTH, Actor, Scene

REACH = 400  # pixels around the frame within which a silhouette is still measured
FINE = 3  # silhouettes are measured on a grid this much finer than the picture


@dataclass(frozen=True)
class Seen:
    """One object in one frame; box in pixels, clipped to the frame; ground in metres; visible share 0..1."""

    id: int
    cls: str
    box: tuple[float, float, float, float]
    ground: tuple[float, float]
    visible: float


@lru_cache(maxsize=256)
def _triangles(kind: str, look: Any) -> Any:
    return vehicles.actor_mesh(kind, look).triangles()


def silhouette(points: Any, triangles: Any) -> float:
    """How many pixels the filled outline of projected triangles covers, inside the frame and out."""
    low = np.clip(points[:, :2].min(0), -REACH, (WIDTH + REACH, HEIGHT + REACH))
    high = np.clip(points[:, :2].max(0), -REACH, (WIDTH + REACH, HEIGHT + REACH))
    width, height = (int(v) + 3 * FINE for v in FINE * (high - low))
    canvas = np.zeros((height, width), np.uint8)
    p = np.clip(FINE * (points[:, :2] - low) + FINE, -8000, 8000)
    for corners in np.rint(p * 16).astype(np.int32)[triangles]:
        cv2.fillConvexPoly(canvas, corners, 1, lineType=cv2.LINE_8, shift=4)
    # OpenCV paints every pixel that an edge touches: on average half a fine pixel too much all around
    rim = int(canvas.sum()) - int(cv2.erode(canvas, np.ones((3, 3), np.uint8)).sum())
    return (int(canvas.sum()) - 0.5 * rim) / FINE**2


def picture_of_numbers(folder: Path, number: int) -> Any:
    """The picture NNNNNN.id.png as RGB; ends the program when it cannot be read."""
    path = folder / f"{number:06d}.id.png"
    image = cv2.imread(str(path))
    if image is None:
        sys.exit(f"render: {path} cannot be read; remove it and run again")
    return image[..., ::-1]


def measure(scene: Scene, t: float, picture: Any | None) -> list[Seen]:
    """All counted objects whose box touches the frame at time t. Without a picture the visible share is 1."""
    numbers = None if picture is None else ids.number(picture)
    out = []
    for a in scene.actors:
        if a.cls is None or not a.exists(t):
            continue
        seen = _measure(scene, a, a.cls, t, numbers)
        if seen is not None:
            out.append(seen)
    return out


def _measure(scene: Scene, a: Actor, cls: str, t: float, numbers: Any | None) -> Seen | None:
    row = a.track.at(t)
    points = scene.camera.project(vehicles.actor_verts(a.kind, a.look, row))
    if points[:, 2].min() < 0.5:
        return None
    x1, y1 = np.clip(points[:, :2].min(0), 0, (WIDTH, HEIGHT))
    x2, y2 = np.clip(points[:, :2].max(0), 0, (WIDTH, HEIGHT))
    if x2 - x1 < 2 or y2 - y1 < 2:
        return None
    visible = 1.0
    if numbers is not None:
        whole = silhouette(points, _triangles(a.kind, a.look))
        visible = min(1.0, float((numbers == a.id).sum()) / max(whole, 1.0))
    box = (float(x1), float(y1), float(x2), float(y2))
    return Seen(a.id, cls, box, (float(row[0]), float(row[1])), visible)
