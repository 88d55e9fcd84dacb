"""The square: lawns, paths, benches and a fountain under trees; people cross, meet, talk, sit; low sun."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import ambience, looks, motion
from .looks import Rng
from .motion import Walk
from .world import Actor, Camera, Line, Patch, Point, Prop, Scene, Zone, rectangle

NAME = "square"
GATES: tuple[Point, ...] = (
    (-9.0, 2.6),
    (9.2, 2.2),
    (-16.5, 15.2),
    (16.5, 14.8),
    (0.8, -3.2),
    (-10.0, 4.6),
    (10.6, 4.3),
)
NODES: tuple[Point, ...] = ((0.4, 3.6), (0.6, 9.5), (0.4, 14.9))
BENCHES: tuple[tuple[float, float, float], ...] = (
    (-6.4, 6.3, -np.pi / 2),
    (-4.0, 6.3, -np.pi / 2),
    (5.6, 5.5, -np.pi / 2),
    (3.2, 11.2, np.pi),
    (-2.2, 10.0, 0.0),
)
SPOTS: tuple[Point, ...] = ((-1.6, 3.0), (2.7, 2.6), (1.8, 8.2), (-3.0, 4.4), (1.2, 12.0), (0.2, 6.2))
TREES = (
    (-9.2, 10.2, 1.0),
    (-4.6, 12.9, 0.95),
    (6.3, 11.6, 1.05),
    (9.8, 8.2, 1.0),
    (-12.6, 19.6, 1.1),
    (11.5, 19.8, 1.1),
    (3.0, 21.0, 1.0),
    (-5.0, 21.2, 1.15),
    (-7.4, 2.4, 0.8),
)
LAWN_LEFT = ((-13.0, 14.0), (-2.6, 14.0), (-2.6, 7.0), (-13.0, 7.0))
LAWN_RIGHT = ((3.6, 13.2), (14.0, 13.2), (14.0, 6.2), (3.6, 6.2))


def _jitter(rng: Rng, p: Point, r: float) -> Point:
    return (p[0] + float(rng.uniform(-r, r)), p[1] + float(rng.uniform(-r, r)))


def _crosser(rng: Rng, start: float, speed: float, phase: float, height: float) -> Walk:
    """Someone who goes from one side to another, by the paths or straight over a lawn."""
    i, j = rng.choice(len(GATES), 2, replace=False)
    a, b = _jitter(rng, GATES[i], 0.8), _jitter(rng, GATES[j], 0.8)
    via = [NODES[0 if a[1] < 8 else 2], NODES[0 if b[1] < 8 else 2]]
    if rng.random() < 0.25:
        via = [(float(rng.uniform(-8, 7)), float(rng.uniform(8, 12)))]
    elif via[0] == via[1]:
        via = via[:1]
    steps: list[tuple[Any, ...]] = [("go", *_jitter(rng, p, 1.3)) for p in via]
    if rng.random() < 0.15:
        steps.append(("wait", float(rng.uniform(3, 8)), float(rng.uniform(-3, 3))))
    return Walk(start, a, speed, [*steps, ("go", *b)], height, phase)


def _talkers(rng: Rng, spot: Point, meet: float, until: float, n: int) -> list[Walk]:
    """N people who come from different sides, stand in a ring until `until` and part."""
    out = []
    turn = float(rng.uniform(0, 6))
    gates = rng.choice(len(GATES), n, replace=False)
    for k in range(n):
        angle = turn + 2 * np.pi * k / n
        place = (spot[0] + 0.55 * np.cos(angle), spot[1] + 0.55 * np.sin(angle))
        a, b = _jitter(rng, GATES[gates[k]], 0.5), _jitter(rng, GATES[int(rng.integers(len(GATES)))], 0.5)
        speed = float(rng.uniform(1.05, 1.45))
        start = meet - float(np.hypot(a[0] - place[0], a[1] - place[1])) / speed
        talk = until - meet + float(rng.uniform(-1, 1))
        out.append(Walk(start, a, speed, [("go", *place), ("talk", talk, angle + np.pi), ("go", *b)]))
    return out


def _sitter(rng: Rng, bench: tuple[float, float, float], seat: float, come: float, leave: float) -> Walk:
    """Someone on a bench; `come` <= 0 has sat there all along, `leave` > the end stays."""
    x, y, h = bench
    ahead, aside = np.array([np.cos(h), np.sin(h)]), np.array([-np.sin(h), np.cos(h)])
    place = np.array([x, y]) + 0.14 * ahead + seat * aside
    front = place + 0.65 * ahead
    steps: list[tuple[Any, ...]] = [("sit", leave - max(come, 0.0), h)]
    end = _jitter(rng, GATES[int(rng.integers(len(GATES)))], 0.5)
    steps += [("go", *front), ("go", *end)]
    speed = float(rng.uniform(1.0, 1.4))
    if come <= 0:
        return Walk(0.0, (place[0], place[1]), speed, steps)
    a = _jitter(rng, GATES[int(rng.integers(len(GATES)))], 0.5)
    walk = (np.hypot(*(front - a)) + 0.65) / speed
    return Walk(come - float(walk), a, speed, [("go", *front), ("go", *place), *steps])


def _people(rng: Rng) -> list[Walk]:
    walks = [_crosser(rng, float(s + rng.uniform(-1, 1)), float(np.clip(rng.normal(1.3, 0.16), 0.9, 1.8)), float(rng.uniform(0, 6)), 1.7)
             for s in np.arange(-19, 56, 3.3)]  # fmt: skip
    spots = rng.permutation(len(SPOTS))
    for k, (meet, until, n) in enumerate(((-4, 22, 2), (9, 33, 3), (30, 58, 2), (38, 70, 3))):
        walks += _talkers(rng, SPOTS[spots[k]], meet + float(rng.uniform(-2, 2)), until, n)
    for bench in (0, 2):
        walks.append(_sitter(rng, BENCHES[bench], -0.42, -1, float(rng.uniform(25, 90))))
    walks.append(_sitter(rng, BENCHES[2], 0.42, float(rng.uniform(28, 34)), 90))
    walks.append(_sitter(rng, BENCHES[0], 0.4, -1, float(rng.uniform(70, 90))))
    walks.append(_sitter(rng, BENCHES[1], 0.3, float(rng.uniform(9, 16)), float(rng.uniform(40, 52))))
    walks.append(_sitter(rng, BENCHES[4], -0.3, float(rng.uniform(18, 28)), 90))
    return walks


def _props() -> list[Prop]:
    props = [Prop("tree", x, y, turn=1.3 * i, size=s, variant=i % 3) for i, (x, y, s) in enumerate(TREES)]
    props += [Prop("bench", x, y, h) for x, y, h in BENCHES]
    props += [
        Prop("lamp", -2.9, 6.6),
        Prop("lamp", 3.9, 13.6),
        Prop("lamp", -13.5, 14.4),
        Prop("lamp", 12.5, 5.6),
    ]
    props += [Prop("bin", -2.9, 7.4), Prop("bin", 4.4, 5.6), Prop("fountain", 0.4, 18.6)]
    props += [
        Prop("planter", x, y, t, 1, i % 2)
        for i, (x, y, t) in enumerate(((-5.5, 16.9, 0), (6.5, 17.2, 0), (7.8, 5.5, 0), (-9.0, 6.4, 0)))
    ]
    props += [Prop("bollard", x, 22.4) for x in np.arange(-16, 17, 2.0)]
    props += [Prop("hedge", x, 13.5, 0, 1, int(x) % 2) for x in (6.2, 9.3, 12.4)]
    props += [Prop("house", -31.5 + 9 * k, 26.0, 0, 1, (k * 3 + 1) % 7) for k in range(8)]
    return props


def _build(rng: Rng, seed: int) -> Scene:
    view = ambience.camera(rng, seed, Camera((0.0, -7.4, 5.4), (0.2, 6.9, 0.75), 600.0))
    sun = ambience.light(rng, seed, 27, 155, 0.75)
    props = _props()
    obstacles = [
        (p.x, p.y, {"tree": 0.25, "fountain": 1.8, "planter": 0.65}.get(p.kind, 0.15))
        for p in props
        if p.kind in ("tree", "lamp", "bin", "planter", "fountain")
    ]
    obstacles += [
        (x + d * np.sin(h), y + d * np.cos(h), 0.3) for x, y, h in BENCHES for d in (-0.6, 0.0, 0.6)
    ]
    walks = _people(rng)
    people = [
        looks.person(rng, child=rng.random() < 0.12 and w.steps[-3][0] != "sit")
        if len(w.steps) > 2
        else looks.person(rng, child=rng.random() < 0.12)
        for w in walks
    ]
    for w, p in zip(walks, people, strict=True):
        w.height = p.height
    tracks = motion.walks(walks, obstacles)
    actors = [
        Actor(i + 1, "person", "person", p, t, t.start, t.end)
        for i, (p, t) in enumerate(zip(people, tracks, strict=True))
    ]
    patches = [
        Patch(rectangle(-70, -20, 70, 80), "slabs", 0.0),
        Patch(rectangle(-40, 14.0, 40, 16.4), "gravel", 0.012), Patch(rectangle(-2.6, -10, 3.6, 14.2), "gravel", 0.014),
        Patch(LAWN_LEFT, "lawn", 0.03), Patch(LAWN_RIGHT, "lawn", 0.03), Patch(rectangle(-40, 22.8, 40, 25.9), "paving", 0.02),
    ]  # fmt: skip
    zones = [
        Zone("lawn", "area", ("person",), ((-10.4, 13.8), (-2.8, 13.8), (-2.8, 7.2), (-7.0, 7.2))),
        Zone("path", "area", ("person",), ((-2.6, 14.0), (3.6, 14.0), (3.6, 6.4), (-2.6, 6.4))),
        Zone("plaza", "area", ("person",), ((-5.4, 5.6), (5.4, 5.6), (4.0, 1.6), (-4.0, 1.6))),
        Zone("benches", "area", ("person",), ((-7.0, 6.9), (-2.9, 6.9), (-2.9, 5.2), (-6.2, 5.2))),
    ]
    lines = [
        Line("gate", (-2.6, 6.2), (3.6, 6.2), ("person",)),
        Line("cross-path", (6.0, 14.0), (6.0, 16.8), ("person",)),
    ]
    return Scene(
        NAME,
        seed,
        ambience.FRAMES,
        view,
        sun,
        actors,
        props,
        patches,
        zones,
        lines,
        rectangle(-4.0, 3.0, 4.0, 15.0),
    )


def build(seed: int = ambience.DEFAULT_SEED) -> Scene:
    """The square for a seed."""
    return ambience.best(NAME, seed, _build, 4)
