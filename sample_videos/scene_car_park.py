"""The car park: two rows of bays along an aisle; cars arrive, park, wait and leave; people walk to and from them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from . import ambience, looks, motion
from .looks import Rng
from .motion import Leg, Walk
from .world import VEHICLES, Actor, Camera, Line, Patch, Point, Prop, Scene, Track, Zone, rectangle

NAME = "car_park"
BAY = 2.6
NEAR = [(-6.5 + BAY * k, 13.4) for k in range(6)]
FAR = [(-6.5 + BAY * k, 24.6) for k in range(7)]
CENTRES: dict[str, Point] = {f"b{i + 1}": c for i, c in enumerate(NEAR + FAR)}
IN_LANE, OUT_LANE = 17.8, 20.3
DOOR = 1.2


def bay_polygon(name: str) -> tuple[Point, ...]:
    """The corners of a bay on the ground."""
    x, y = CENTRES[name]
    return rectangle(x - BAY / 2, 11 if y < 18 else 22, x + BAY / 2, 16 if y < 18 else 27)


def _arrive(bay: str) -> Leg:
    x, y = CENTRES[bay]
    lane = 19.0 if y < 18 else IN_LANE  # those who turn right swing out first
    points = (
        [(-21.0, IN_LANE), (-13.0, IN_LANE), (x - 3.0, lane), (x, lane), (x, y)]
        if x > -5
        else [(-21.0, lane), (x, lane), (x, y)]
    )
    return Leg(points, 4.2, enter=4.2)


def _leave(bay: str) -> list[Leg]:
    x, y = CENTRES[bay]
    back = 19.7 if y < 18 else 18.3
    return [
        Leg([(x, y), (x, back), (x + 4.8, back)], 1.9, direction=-1, then_wait=0.6),
        Leg([(x + 4.8, back), (x + 2.5, back), (x - 3.5, OUT_LANE), (-22.0, OUT_LANE)], 4.2, leave=4.2),
    ]


def _nose(bay: str) -> float:
    return -np.pi / 2 if CENTRES[bay][1] < 18 else np.pi / 2


def _exit_walk(rng: Rng, bay: str) -> list[Point]:
    """From a car's door out of the picture: along the aisle's edge, the front path or the far pavement."""
    x, y = CENTRES[bay]
    side = float(rng.choice([-1, 1]))
    door = (x + side * DOOR, y + (0.3 if y < 18 else -0.3))
    if y < 18:
        if rng.random() < 0.5:
            return [door, (door[0], 9.9), (float(rng.choice([-10.0, 10.0])), float(rng.uniform(9.2, 10)))]
        return [door, (door[0], 16.5), (17.0, 16.7)]
    if rng.random() < 0.2:
        return [door, (door[0], 27.9), (20.5, 28.0)]
    return [door, (door[0], 21.6), (9.0, 21.2), (17.5, 16.8)]


def _driver(rng: Rng, bay: str, at: float, comes: bool) -> Walk:
    """The driver who gets out at time `at`, or who comes to the car and is inside at that time."""
    way = _exit_walk(rng, bay)
    speed = float(rng.uniform(1.15, 1.5))
    if comes:
        way = way[::-1]
        length = sum(float(np.hypot(b[0] - a[0], b[1] - a[1])) for a, b in pairwise(way))
        at -= length / speed + 0.8
    steps: list[tuple[Any, ...]] = [("go", *p) for p in way[1:]]
    pause = ("wait", 0.8, _nose(bay))
    return Walk(
        at, way[0], speed, [*steps, pause] if comes else [pause, *steps], phase=float(rng.uniform(0, 6))
    )


def _passers(rng: Rng) -> list[Walk]:
    """People on the front path, in the aisle and on the far pavement."""
    out = []
    for start in np.arange(-8, 58, 3.6):
        where = rng.random()
        y, reach = (
            (float(rng.uniform(8.9, 10.3)), 10.5)
            if where < 0.7
            else (float(rng.uniform(16.3, 16.9)), 17.5)
            if where < 0.95
            else (float(rng.uniform(27.6, 28.6)), 21.0)
        )
        way = float(rng.choice([-1, 1]))
        out.append(
            Walk(
                float(start + rng.uniform(0, 4)),
                (-way * reach, y),
                float(rng.uniform(1.1, 1.6)),
                [("go", way * reach, y + float(rng.uniform(-0.3, 0.3)))],
                phase=float(rng.uniform(0, 6)),
            )
        )
        if rng.random() < 0.35:
            first, beside = out[-1], y + (0.75 if 12 < y < 20 else -0.75)
            out.append(
                Walk(
                    first.start + 0.1,
                    (first.at[0], beside),
                    first.speed,
                    [("go", way * reach, beside)],
                    phase=float(rng.uniform(0, 6)),
                )
            )
    return out


def _cars(
    rng: Rng, actors: list[Actor], spans: dict[str, list[tuple[float, float]]], walks: list[Walk]
) -> None:
    """Fill the bays: always taken, always free, arrivals and departures one after another."""
    names = [str(n) for n in rng.permutation(list(CENTRES))]
    end = ambience.SECONDS
    taken, arriving, leaving, short = names[:4], names[4:7], names[7:10], names[10]  # the other two stay free
    spans.update({n: [] for n in CENTRES})

    def add(cls_look: looks.CarLook, track: Track) -> None:
        actors.append(Actor(0, "car", "car", cls_look, track, track.start, track.end))

    for n in taken:
        body = "suv" if n == taken[0] and CENTRES[n][1] > 18 else None
        shift = rng.uniform(-0.12, 0.12, 2)
        heading = _nose(n) + (np.pi if rng.random() < 0.12 else 0) + float(rng.normal(0, 0.015))
        add(
            looks.car(rng, body),
            motion.parked(CENTRES[n][0] + shift[0], CENTRES[n][1] + shift[1], heading, end),
        )
        spans[n].append((0.0, end))
    slots = np.arange(8) * 7.8 - 5 + rng.uniform(-0.6, 0.6, 8)
    for n, t in zip(arriving, slots[[2, 5, 7]], strict=True):
        leg = _arrive(n)
        leg.then_wait = end
        track, stops = motion.drive(float(t), [leg])
        add(looks.car(rng), track)
        spans[n].append((stops[0][0], end))
        walks.append(_driver(rng, n, stops[0][0] + float(rng.uniform(1.5, 3)), False))
    for n, t in zip(leaving, slots[[1, 3, 6]], strict=True):
        back, out = _leave(n)
        track, _ = motion.drive(float(t), [back, out])
        hold = np.repeat(track.values[:1], int(t / motion.STEP), 0)
        track = Track(float(t) - len(hold) * motion.STEP, motion.STEP, np.concatenate([hold, track.values]))
        add(looks.car(rng), track)
        spans[n].append((0.0, float(t)))
        walks.append(_driver(rng, n, float(t) - 2.0, True))
    leg = _arrive(short)
    here = motion.drive(float(slots[0]), [leg])[1][0][0]
    leg.then_wait = float(slots[4]) - here
    track, stops = motion.drive(float(slots[0]), [leg, *_leave(short)])
    add(looks.car(rng), track)
    spans[short].append(stops[0])


def _patches() -> list[Patch]:
    out = [Patch(rectangle(-80, -20, 80, 90), "asphalt", 0.0), Patch(rectangle(-60, -5, 60, 10.75), "paving", 0.02), Patch(rectangle(-60, 27.2, 60, 29.6), "paving", 0.02),
           Patch(rectangle(-60, 29.6, 60, 34), "lawn", 0.03), Patch(rectangle(-40, 10.75, -8.2, 16.0), "lawn", 0.025), Patch(rectangle(9.3, 10.75, 40, 16.0), "lawn", 0.025),
           Patch(rectangle(-40, 22.0, -8.2, 27.2), "lawn", 0.025), Patch(rectangle(11.0, 22.0, 40, 27.2), "lawn", 0.025)]  # fmt: skip
    for row, y0, y1 in ((NEAR, 11.0, 16.0), (FAR, 22.0, 27.0)):
        edges = [row[0][0] - BAY / 2 + BAY * k for k in range(len(row) + 1)]
        out += [Patch(rectangle(x - 0.06, y0, x + 0.06, y1), "marking", 0.016) for x in edges]
    for x, d in ((-10.5, 1), (4.5, 1), (10.5, -1), (-4.5, -1)):
        y = IN_LANE if d > 0 else OUT_LANE
        out.append(Patch(rectangle(x - 0.9, y - 0.07, x + 0.9, y + 0.07), "marking", 0.016))
        out.append(
            Patch(((x + d * 0.8, y + 0.3), (x + d * 1.5, y), (x + d * 0.8, y - 0.3)), "marking", 0.017)
        )
    return out


def _props() -> list[Prop]:
    props = [Prop("kerb", -38 + 4 * k, y) for k in range(20) for y in (10.85, 27.2)]
    props += [
        Prop("tree", x, y, turn=i, size=s, variant=i % 3)
        for i, (x, y, s) in enumerate(
            (
                (-13.5, 25, 0.8),
                (14.0, 24.5, 0.85),
                (-12.0, 31.5, 1.1),
                (-3.5, 31.8, 1.0),
                (5.0, 31.4, 1.15),
                (13.0, 31.6, 1.0),
                (-12.2, 13.6, 0.62),
                (21, 31.5, 1.1),
                (-21, 31.5, 1.1),
            )
        )
    ]
    props += [Prop("hedge", -21 + 3.05 * k, 30.1, 0, 1, k % 2) for k in range(14)]
    props += [
        Prop("lamp", -8.6, 26.6),
        Prop("lamp", 12.0, 22.6),
        Prop("lamp", 9.8, 15.4),
        Prop("sign", -8.9, 22.3),
        Prop("bin", -8.6, 10.9),
    ]
    props += [Prop("house", -36 + 9 * k, 38.0, 0, 1, (k * 2) % 7) for k in range(9)]
    return props


def _build(rng: Rng, seed: int) -> Scene:
    view = ambience.camera(rng, seed, Camera((-0.3, 0.7, 7.4), (0.0, 16.6, 0.2), 500.0))
    sun = ambience.light(rng, seed, 44, 215, 0.35)
    actors: list[Actor] = []
    spans: dict[str, list[tuple[float, float]]] = {}
    walks = _passers(rng)
    _cars(rng, actors, spans, walks)
    people = [looks.person(rng, child=rng.random() < 0.1) for _ in walks]
    for w, p in zip(walks, people, strict=True):
        w.height = p.height
    obstacles = [(p.x, p.y, 0.2) for p in _props() if p.kind in ("lamp", "tree", "sign", "bin")]
    for p, t in zip(people, motion.walks(walks, obstacles), strict=True):
        actors.append(Actor(0, "person", "person", p, t, t.start, t.end))
    actors = [a for a in actors if a.until > 0 and a.since < ambience.SECONDS]
    for i, a in enumerate(actors):
        a.id = i + 1
    zones = [
        Zone("p1", "parking", VEHICLES, (), {n: bay_polygon(n) for n in CENTRES}),
        Zone("aisle", "area", ("person",), rectangle(-8.4, 16.0, 9.0, 22.0)),
        Zone("front-path", "area", ("person",), ((-5.6, 10.7), (5.6, 10.7), (4.9, 8.8), (-4.9, 8.8))),
    ]
    lines = [Line("entrance", (-9.0, 16.4), (-9.0, 21.8), VEHICLES)]
    return Scene(
        NAME,
        seed,
        ambience.FRAMES,
        view,
        sun,
        actors,
        _props(),
        _patches(),
        zones,
        lines,
        rectangle(-5.2, 11.0, 5.2, 27.0),
        bay_spans=spans,
    )


def build(seed: int = ambience.DEFAULT_SEED) -> Scene:
    """The car park for a seed."""
    return ambience.best(NAME, seed, _build, 20)
