"""Boxes and visible shares of what was drawn: silhouettes from the meshes, what is seen from the picture of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from . import ids, vehicles
from .world import HEIGHT, WIDTH, Actor, Scene

PAD = 400  # pixels around the frame in which a silhouette is still measured


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


def silhouette(points: Any, triangles: Any) -> tuple[Any, int]:
    """The filled outline of projected triangles in the padded frame: the mask inside the frame, all its pixels."""
    canvas = np.zeros((HEIGHT + 2 * PAD, WIDTH + 2 * PAD), np.uint8)
    p = np.clip(np.rint((points[:, :2] + PAD - 0.5) * 16), -30000, 60000).astype(np.int32)
    corners = p[triangles]
    for c in corners:
        cv2.fillConvexPoly(canvas, c, 1, lineType=cv2.LINE_8, shift=4)
    return canvas[PAD:-PAD, PAD:-PAD], int(canvas.sum())


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
        _, total = silhouette(points, _triangles(a.kind, a.look))
        visible = min(1.0, float((numbers == a.id).sum()) / max(total, 1))
    box = (float(x1), float(y1), float(x2), float(y2))
    return Seen(a.id, cls, box, (float(row[0]), float(row[1])), visible)
