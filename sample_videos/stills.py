"""Labelled stills for training: moments of a scene as JPEG with boxes in YOLO's text form.

Labels are those of the real training pictures: a bicycle and whoever rides it are two boxes, a bicycle and a person.
(The truth of the sample videos and the box's counts merge them: one object, the bicycle.)
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from . import ambience, blender, cycles, ids, masks, scene_anywhere, vehicles
from .weather import weathered
from .world import CLASSES, HEIGHT, WIDTH, Actor, Scene

LEAST_VISIBLE, LEAST_HEIGHT = 0.25, 8  # visible share of what lies in the frame, pixels
LEAST_INSIDE = 0.1  # share of an object's box in the frame

Box = tuple[float, float, float, float]


NOBODY_EVERY = 5  # the last of so many moments shows the place alone: what stands there is nobody
NOBODY_S = -60.0  # a time before anybody comes


def moments(scene: Scene, count: int) -> list[tuple[int, float]]:
    """Numbers and times of `count` random moments; of the place for training one a crowd, in turn. Some show nobody."""
    rng = np.random.default_rng([scene.seed, 5])
    if scene.name == scene_anywhere.NAME:
        span = ambience.SECONDS / scene_anywhere.MOMENTS
        times = [(k + 0.5) * span for k in range(min(count, scene_anywhere.MOMENTS))]
    else:
        times = [float(t) for t in np.sort(rng.uniform(0, ambience.SECONDS, count))]
    return [(k, NOBODY_S if k % NOBODY_EVERY == NOBODY_EVERY - 1 else t) for k, t in enumerate(times)]


def _clipped(points: Any) -> Box | None:
    """The box around projected points (N, 3), clipped to the frame; None if little is left."""
    x1, y1 = np.clip(points[:, :2].min(0), 0, (WIDTH, HEIGHT))
    x2, y2 = np.clip(points[:, :2].max(0), 0, (WIDTH, HEIGHT))
    return (float(x1), float(y1), float(x2), float(y2)) if x2 - x1 >= 2 and y2 - y1 >= 2 else None


def _inside(scene: Scene, actor: Actor, t: float) -> float:
    """The share of the object's box that lies in the frame."""
    points = scene.camera.project(vehicles.actor_verts(actor.kind, actor.look, actor.track.at(t)))[:, :2]
    low, high = points.min(0), points.max(0)
    cut = np.clip(high, 0, (WIDTH, HEIGHT)) - np.clip(low, 0, (WIDTH, HEIGHT))
    return float(cut.prod() / (high - low).prod())


def _parts(scene: Scene, actor: Actor, t: float) -> list[tuple[str, Box]]:
    """The machine and who rides it, each with its class and box."""
    points = scene.camera.project(vehicles.actor_verts(actor.kind, actor.look, actor.track.at(t)))
    machine, rider = cycles.parts(actor.look)
    found = [(str(actor.cls), _clipped(points[machine]))]
    if rider.any():
        found.append(("person", _clipped(points[rider])))
    return [(cls, box) for cls, box in found if box is not None]


def boxes(scene: Scene, t: float, numbers: Any) -> list[tuple[str, Box]]:
    """Classes and boxes in pixels of all that is tall and visible enough at time t, from the picture of numbers."""
    actors = {a.id: a for a in scene.actors}
    out: list[tuple[str, Box]] = []
    for seen in masks.measure(scene, t, numbers):
        inside = _inside(scene, actors[seen.id], t)
        if inside < LEAST_INSIDE or seen.visible < LEAST_VISIBLE * inside:
            continue
        ridden = actors[seen.id].kind in vehicles.CYCLES
        parts = _parts(scene, actors[seen.id], t) if ridden else [(seen.cls, seen.box)]
        out += [(cls, box) for cls, box in parts if box[3] - box[1] >= LEAST_HEIGHT]
    return out


def label(cls: str, box: Box) -> str:
    """A line of a YOLO label file."""
    x1, y1, x2, y2 = box
    middle = ((x1 + x2) / 2 / WIDTH, (y1 + y2) / 2 / HEIGHT, (x2 - x1) / WIDTH, (y2 - y1) / HEIGHT)
    return " ".join([str(CLASSES.index(cls)), *(f"{v:.5f}" for v in middle)])


def headlights(scene: Scene, t: float, numbers: Any) -> list[tuple[float, float, float]]:
    """Where headlights shine into the camera: pixel x, y and radius."""
    out = []
    for a in scene.actors:
        if a.kind not in ("car", "truck", "bus") or not a.exists(t):
            continue
        x, y, heading = a.track.at(t)[:3]
        ahead, aside = (
            np.array([np.cos(heading), np.sin(heading)]),
            np.array([-np.sin(heading), np.cos(heading)]),
        )
        body = vehicles.BODIES[a.look.body]
        for side in (-0.72, 0.72):
            at = np.array([x, y]) + ahead * body.length / 2 + aside * side * body.width / 2
            to_camera = np.asarray(scene.camera.position[:2]) - at
            if to_camera @ ahead < 0.35 * np.hypot(*to_camera):
                continue
            u, v, depth = scene.camera.project((at[0], at[1], 0.75))
            inside = depth > 1 and 0 <= u < WIDTH and 0 <= v < HEIGHT
            if inside and numbers[int(v), int(u)] == a.id:
                out.append((float(u), float(v), 0.13 * scene.camera.focal_px / float(depth)))
    return out


def stills(scene: Scene, count: int, out: Path, work: Path, processes: int) -> None:
    """Random moments of a scene as pictures with labels; drawn ones are kept, so that a run can be resumed.

    Writes OUT/images/SCENE-SEED-KKK.jpg and OUT/labels/SCENE-SEED-KKK.txt; ``work`` holds the raw pictures until then.
    """
    named = [(k, t, f"{scene.name}-{scene.seed}-{k:03d}") for k, t in moments(scene, count)]
    folder = work / f"stills-{scene.name}-{scene.seed}-{count}"
    for sub in ("images", "labels"):
        (out / sub).mkdir(parents=True, exist_ok=True)
    if all((out / "labels" / f"{name}.txt").exists() for *_, name in named):
        return
    blender.draw(scene.name, scene.seed, [(k, t) for k, t, _ in named], folder, processes)
    night = scene.light.night
    for k, t, name in named:
        numbers = ids.number(masks.picture_of_numbers(folder, k))
        raw = cv2.imread(str(folder / f"{k:06d}.jpg"))
        rng = np.random.default_rng([scene.seed, 6, k])
        lamps = headlights(scene, t, numbers) if night else []
        picture = weathered(raw, rng, night, lamps)
        cv2.imwrite(str(out / "images" / f"{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
        lines = [label(cls, box) + "\n" for cls, box in boxes(scene, t, masks.picture_of_numbers(folder, k))]
        (out / "labels" / f"{name}.txt").write_text("".join(lines))
    shutil.rmtree(folder)
