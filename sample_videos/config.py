"""The edge configuration that goes with a rendered scene: zones and lines as a technician would draw them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .world import HEIGHT, WIDTH, Point, Scene


def fractions(scene: Scene, points: Sequence[Point]) -> list[list[float]]:
    """Ground points as fractions of the frame, clipped to it, 4 decimals."""
    xy = scene.camera.project(points)[:, :2] / (WIDTH, HEIGHT)
    return [[round(min(max(float(v), 0.0), 1.0), 4) for v in p] for p in xy]


def _points(p: list[list[float]]) -> str:
    return "[" + ", ".join(f"[{x:.4f}, {y:.4f}]" for x, y in p) + "]"


def _names(classes: Sequence[str]) -> str:
    return "[" + ", ".join(classes) + "]"


def yaml_text(scene: Scene) -> str:
    """The file as text; written by hand, so that it reads like a technician's own."""
    cam: dict[str, Any] = {"id": scene.name, "source": f"{scene.name}.mp4"}
    out = [
        f"# The sample scene {scene.name}: rendered, with exact truth in {scene.name}.truth.json. Made by sample_videos/render.py.",
        "device: box-demo",
        "model: {path: starter, confidence: 0.25}",
        "interval_s: 10",
        "cameras:",
        f"  - id: {cam['id']}",
        f"    source: {cam['source']}",
        "    zones:",
    ]
    for z in scene.zones:
        out += [f"      - id: {z.id}", f"        kind: {z.kind}", "        purpose: statistics"]
        if z.bays:
            out.append("        bays:")
            out += [f"          {n}: {_points(fractions(scene, p))}" for n, p in z.bays.items()]
        else:
            out.append(f"        polygon: {_points(fractions(scene, z.polygon))}")
        out.append(f"        classes: {_names(z.classes)}")
    out.append("    lines:")
    out += [
        f"      - {{id: {n.id}, points: {_points(fractions(scene, (n.a, n.b)))}, classes: {_names(n.classes)}}}"
        for n in scene.lines
    ]
    metres = ", ".join(f"[{x:g}, {y:g}]" for x, y in scene.ground)
    out += [
        "    ground:",
        f"      image: {_points(fractions(scene, scene.ground))}",
        f"      metres: [{metres}]",
    ]
    return "\n".join(out) + "\n"
