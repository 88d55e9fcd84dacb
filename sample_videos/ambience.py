"""What varies with the seed around the actors: sun, sky, camera; and a check that nobody walks through anybody."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from .looks import Rng
from .world import FPS, VEHICLES, Actor, Camera, Light, Scene

DEFAULT_SEED = 1
SECONDS = 62.0
FRAMES = int(SECONDS * FPS)


def generator(scene: str, seed: int, attempt: int = 0) -> Rng:
    """A generator of its own for each scene, seed and attempt."""
    return np.random.default_rng([zlib.crc32(scene.encode()), seed, attempt])


def light(rng: Rng, seed: int, elevation_deg: float, azimuth_deg: float, warmth: float) -> Light:
    """The scene's own light for the default seed, anything from a dull noon to a low sun for the others."""
    strength, sky = 3.5, 0.9
    if seed != DEFAULT_SEED:
        elevation_deg, azimuth_deg = float(rng.uniform(18, 62)), float(rng.uniform(0, 360))
        warmth = float(np.clip((50 - elevation_deg) / 40, 0, 1) * rng.uniform(0.5, 1.1))
        overcast = rng.random() < 0.3
        strength, sky = (
            (float(rng.uniform(0.1, 0.8)), 1.25)
            if overcast
            else (float(rng.uniform(2.6, 4.2)), float(rng.uniform(0.55, 0.9)))
        )
    colour = (1.0, 1.0 - 0.16 * warmth, 1.0 - 0.38 * warmth)
    return Light(np.radians(elevation_deg), np.radians(azimuth_deg), colour, strength, sky)


def camera(rng: Rng, seed: int, base: Camera) -> Camera:
    """The given camera, for other seeds a little elsewhere, a little turned, a little longer or shorter."""
    if seed == DEFAULT_SEED:
        return base
    p = tuple(float(v) for v in np.add(base.position, rng.uniform((-1.5, -0.8, -0.9), (1.5, 0.6, 1.0))))
    t = tuple(float(v) for v in np.add(base.target, rng.uniform((-1.2, -1.0, -0.3), (1.2, 1.0, 0.5))))
    return Camera((p[0], p[1], p[2]), (t[0], t[1], t[2]), base.focal_px * float(rng.uniform(0.9, 1.15)))


def _circles(a: Actor, t: float) -> list[tuple[float, float, float]]:
    x, y, heading = a.track.at(t)[:3]
    if a.cls == "person":
        return [(x, y, 0.2)]
    reach, r = {"bicycle": (0.5, 0.3), "truck": (2.3, 1.1)}.get(a.kind, (1.4, 0.85))
    return [(x + k * reach * np.cos(heading), y + k * reach * np.sin(heading), r) for k in (-1, 0, 1)]


def clashes(scene: Scene) -> int:
    """How many pairs overlap, summed over moments half a second apart. Pairs of parked cars cost nothing."""
    total = 0
    for t in np.arange(0, SECONDS, 0.5):
        live = [
            a for a in scene.actors if a.cls and a.exists(t) and scene.camera.sees(tuple(a.track.at(t)[:2]))
        ]
        if not live:
            continue
        parts = [(i, a.cls in VEHICLES, c) for i, a in enumerate(live) for c in _circles(a, t)]
        c = np.array([p[2] for p in parts])
        owner = np.array([p[0] for p in parts])
        car = np.array([p[1] for p in parts])
        gap = (
            np.hypot(c[:, None, 0] - c[None, :, 0], c[:, None, 1] - c[None, :, 1])
            - c[:, None, 2]
            - c[None, :, 2]
        )
        bad = (gap < 0) & (owner[:, None] < owner[None])
        weight = np.where(car[:, None] & car[None], 10, np.where(car[:, None] | car[None], 3, 1))
        total += int((bad * weight).sum())
    return total


def _clear(scene: Scene) -> None:
    """Leave out the people whom a vehicle would touch, and number the actors anew."""
    hit: set[int] = set()
    for t in np.arange(0, SECONDS, 0.25):
        live = [a for a in scene.actors if a.cls and a.exists(t)]
        wheels = np.array([c for a in live if a.cls in VEHICLES for c in _circles(a, t)]).reshape(-1, 3)
        for a in live:
            if a.cls == "person":
                x, y, r = _circles(a, t)[0]
                if (np.hypot(wheels[:, 0] - x, wheels[:, 1] - y) < wheels[:, 2] + r - 0.06).any():
                    hit.add(a.id)
    scene.actors = [a for a in scene.actors if a.id not in hit]
    for i, a in enumerate(scene.actors):
        a.id = i + 1


def best(name: str, seed: int, build: Callable[[Rng, int], Scene], attempts: int = 12) -> Scene:
    """The attempt with the fewest clashes; the first without any ends the search."""
    fewest, found = 0, None
    for attempt in range(attempts):
        scene = build(generator(name, seed, attempt), seed)
        n = clashes(scene)
        if found is None or n < fewest:
            fewest, found = n, scene
        if n == 0:
            break
    if found is None:
        raise ValueError("attempts must be at least 1")
    _clear(found)
    return found
