"""The street: traffic both ways, passers-by, a carton falls on the lane and is fetched, a van stops, a cloud passes."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import ambience, looks, motion
from .looks import Rng
from .motion import Leg, Walk
from .world import VEHICLES, Actor, Camera, Line, Patch, Point, Prop, Scene, Track, Zone, rectangle

NAME = "street"
NEAR_LANE, FAR_LANE = 9.3, 12.6
CARTON: Point = (4.4, 7.95)
FALLS, FETCHED = 9.0, 37.0
STOP, STOP_X = 42.5, 7.0


def _near(rng: Rng, at: float, speed: float, y: float = NEAR_LANE) -> tuple[float, Leg]:
    """A vehicle to the right that is at x = 0 at time `at`; it keeps clear of the carton while that lies there."""
    points: list[Point] = [(-30.0, y), (45.0, y)]
    if FALLS + 1 < at < FETCHED + 2:
        aside = y + (1.05 if y > 8.5 else 1.3)
        points = [(-30.0, y), (-6.5, y), (0.0, aside), (8.5, aside), (15.0, y), (45.0, y)]
    return at - 30.0 / speed, Leg(points, speed, enter=speed, leave=speed)


def _far(rng: Rng, at: float, speed: float, y: float = FAR_LANE) -> tuple[float, Leg]:
    """A vehicle to the left that is at x = 7 at time `at`."""
    return at - 43.0 / speed, Leg([(50.0, y), (-30.0, y)], speed, enter=speed, leave=speed)


def _vehicles(rng: Rng, actors: list[Actor], events: list[dict[str, object]]) -> None:
    def add(cls: str, kind: str, look: object, start: float, legs: list[Leg]) -> list[tuple[float, float]]:
        track, stops = motion.drive(start, legs, 1.1 if kind == "bicycle" else 2.6)
        actors.append(Actor(0, cls, kind, look, track, track.start, track.end))
        return stops

    for at in (-1.0, 4.3, 13.5, 19.0, 23.5, 29.5, 44.5, 56.0, 61.0):
        start, leg = _near(rng, at + float(rng.uniform(-0.8, 0.8)), float(rng.uniform(6.2, 7.6)))
        add("car", "car", looks.car(rng, "van" if at == 23.5 else None), start, [leg])
    for at in (1.5, 7.0, 12.0, 20.5, 26.5, 33.0):
        start, leg = _far(rng, at + float(rng.uniform(-0.8, 0.8)), float(rng.uniform(6.2, 7.6)))
        add("car", "car", looks.car(rng), start, [leg])
    start, leg = _near(rng, FALLS - 0.95 - 0.05, 6.0)
    add("truck", "truck", looks.car(rng, "truck"), start, [leg])
    for at, far in ((16.3, False), (51.0, False), (30.5, True), (48.5, True)):
        y = 7.75 if not far else FAR_LANE + 1.2
        start, leg = (_far if far else _near)(rng, at, float(rng.uniform(4.0, 4.6)), y)
        if at == 48.5:  # this one rides around the van
            leg.points = [(50.0, y), (20.0, y), (13.0, 11.0), (1.0, 11.0), (-6.0, y), (-30.0, y)]
        add("bicycle", "bicycle", looks.rider(rng), start, [leg])
    hold = float(rng.uniform(12, 13.5))
    y = FAR_LANE + 0.5
    reach = 43.0 / 6.5 + 1.9
    stops = add(
        "car",
        "car",
        looks.car(rng, "van"),
        STOP - reach,
        [
            Leg(
                [(50.0, FAR_LANE), (20.0, FAR_LANE), (STOP_X + 4, y), (STOP_X, y)],
                6.5,
                enter=6.5,
                then_wait=hold,
            ),
            Leg([(STOP_X, y), (STOP_X - 4, y), (-8.0, FAR_LANE), (-30.0, FAR_LANE)], 6.5, leave=6.5),
        ],
    )
    events.append(
        {
            "kind": "stopped_vehicle",
            "zone": "lane",
            "from": round(stops[0][0], 2),
            "to": round(stops[0][1], 2),
            "ground": [STOP_X, y],
        }
    )
    for x, body in ((-6.3, "estate"), (10.2, "hatch"), (15.4, "suv")):
        track = motion.parked(x, 15.7, np.pi + float(rng.normal(0, 0.01)), ambience.SECONDS)
        actors.append(Actor(0, "car", "car", looks.car(rng, body), track, 0.0, ambience.SECONDS))


def _passers(rng: Rng) -> list[Walk]:
    out = []
    for start in np.arange(-14, 58, 2.8):
        near = rng.random() < 0.65
        way = float(rng.choice([-1, 1]))
        y = float(rng.uniform(3.9, 6.3) if near else rng.uniform(17.3, 18.6))
        left, right = (-9.5, 13.0) if near else (-10.5, 30.0)
        a, b = (left, right) if way > 0 else (right, left)
        speed = float(np.clip(rng.normal(1.35, 0.15), 1.0, 1.8))
        steps: list[tuple[Any, ...]] = [("go", b, y + float(rng.uniform(-0.4, 0.4)))]
        if rng.random() < 0.3:
            stop = float(rng.uniform(-3, 6) if near else rng.uniform(-3, 12))
            steps = [
                ("go", stop, y),
                ("wait" if near else "talk", float(rng.uniform(5, 14)), -np.pi / 2 if near else np.pi / 2),
                *steps,
            ]
        begin = float(start + rng.uniform(-1, 1)) - (0 if near else 6 if way > 0 else 12)
        out.append(Walk(begin, (a, y), speed, steps, phase=float(rng.uniform(0, 6))))
        if rng.random() < 0.35:
            pair = [(s[0], s[1], s[2] - 0.75) if s[0] == "go" else s for s in steps]
            out.append(Walk(begin, (a, y - 0.75), speed, pair, phase=float(rng.uniform(0, 6))))
    return out


def _fetcher() -> Walk:
    """Who takes the carton away: waits at the kerb, goes to it, bends, and carries it to the right."""
    place = (CARTON[0] - 0.1, CARTON[1] - 0.62)
    way = float(np.hypot(place[0] + 8.5, place[1] - 5.2)) / 1.35
    return Walk(
        FETCHED - 1.0 - way,
        (-8.5, 5.2),
        1.35,
        [("go", *place), ("wait", 1.4, np.pi / 2), ("go", 5.0, 6.0), ("go", 13.5, 5.0)],
    )


def _crossing(rng: Rng) -> list[Walk]:
    """Two who cross the road while nothing comes."""
    return [
        Walk(36.2, (-1.5, 17.6), 1.5, [("go", -1.5, 6.2), ("go", -9.5, 5.2)], phase=1.0),
        Walk(36.8, (-2.4, 17.9), 1.5, [("go", -2.4, 6.0), ("go", -9.5, 4.4)], phase=3.0),
    ]


def _carton(fetcher: Track) -> Track:
    """Falls from 1.1 m in half a second, lies, and then goes along in the fetcher's arms."""
    rows = []
    for k in range(int(40 / motion.STEP)):
        t = FALLS - 0.5 + k * motion.STEP
        if t < FETCHED:
            z = 1.1 * max(0.0, 1 - ((t - FALLS + 0.5) / 0.5) ** 2)
            rows.append((*CARTON, 0.5 + 0.4 * min(1, z), 0, 0, 0, 0, z))
        else:
            x, y, h = fetcher.at(t)[:3]
            lift = min((t - FETCHED) / 0.5, 1.0)
            rows.append((x + 0.45 * np.cos(h), y + 0.45 * np.sin(h), h + np.pi / 2, 0, 0, 0, 0, 0.85 * lift))
    return Track(FALLS - 0.5, motion.STEP, np.array(rows, float))


def _patches() -> list[Patch]:
    out = [
        Patch(rectangle(-80, -20, 90, 90), "paving", 0.06),
        Patch(rectangle(-80, 7.0, 90, 16.9), "asphalt", 0.0 + 0.07),
        Patch(rectangle(-80, 14.6, 90, 16.9), "oldasphalt", 0.075),
    ]
    out += [
        Patch(rectangle(x, 10.84, x + 1.5, 10.96), "marking", 0.085)
        for x in np.arange(-38, 60, 4.5)
        if not -4.2 < x < 0
    ]
    out += [Patch(rectangle(-3.4, y, -0.6, y + 0.5), "marking", 0.085) for y in np.arange(7.4, 14.4, 1.0)]
    out += [Patch(rectangle(x, 14.62, x + 0.12, 16.85), "marking", 0.085) for x in np.arange(-5.9, 40, 5.4)]
    return [Patch(p.polygon, p.material, p.z - 0.07) for p in out]


def _props() -> list[Prop]:
    props = [Prop("kerb", -38 + 4 * k, y) for k in range(24) for y in (6.95, 16.95)]
    props += [
        Prop("tree", x, y, turn=i, size=s, variant=i % 3)
        for i, (x, y, s) in enumerate(
            ((4.2, 17.5, 0.8), (20.5, 17.5, 0.85), (-9.0, 17.4, 0.85), (31.0, 17.5, 0.9))
        )
    ]
    props += [
        Prop("lamp", 0.2, 6.6),
        Prop("lamp", 12.5, 17.3),
        Prop("bin", 0.9, 6.5),
        Prop("sign", -4.2, 6.6, np.pi / 2, 1, 1),
        Prop("bench", 8.0, 19.6, -np.pi / 2),
    ]
    props += [Prop("bollard", x, 6.6) for x in (2.2, 3.4, 4.6, 5.8, 7.0)]
    props += [Prop("planter", 9.5, 3.0, np.pi / 2, 1, 1), Prop("planter", 1.6, 19.7, 0, 1, 0)]
    props += [Prop("house", -32 + 9 * k, 20.4, 0, 1, (k * 4 + 2) % 7) for k in range(11)]
    return props


def _build(rng: Rng, seed: int) -> Scene:
    view = ambience.camera(rng, seed, Camera((-4.6, -4.0, 6.2), (2.1, 9.5, 0.7), 585.0))
    sun = ambience.light(rng, seed, 48, 235, 0.3)
    actors: list[Actor] = []
    events: list[dict[str, object]] = [{"kind": "cloud", "from": 19.0, "to": 33.0}]
    _vehicles(rng, actors, events)
    walks = [*_passers(rng), *_crossing(rng), _fetcher()]
    people = [looks.person(rng, child=rng.random() < 0.1 and i < len(walks) - 3) for i in range(len(walks))]
    for w, p in zip(walks, people, strict=True):
        w.height = p.height
    obstacles = [
        (p.x, p.y, 0.55 if p.kind in ("planter", "bench") else 0.15)
        for p in _props()
        if p.kind not in ("kerb", "house")
    ]
    tracks = motion.walks(walks, obstacles)
    for p, t in zip(people, tracks, strict=True):
        actors.append(Actor(0, "person", "person", p, t, t.start, t.end))
    carton = _carton(tracks[-1])
    actors.append(Actor(0, None, "carton", None, carton, carton.start, min(carton.end, tracks[-1].end)))
    actors = [a for a in actors if a.until > 0 and a.since < ambience.SECONDS]
    for i, a in enumerate(actors):
        a.id = i + 1
    zones = [
        Zone("lane", "road", VEHICLES, ((-4.6, 14.3), (14.5, 14.3), (8.6, 7.3), (-4.6, 7.3))),
        Zone("pavement", "area", ("person",), ((-4.0, 6.7), (6.6, 6.7), (4.6, 4.4), (-3.4, 4.9))),
        Zone("far-pavement", "area", ("person",), ((-4.6, 19.8), (17.0, 19.8), (15.0, 17.2), (-4.6, 17.2))),
    ]
    lines = [
        Line("traffic", (4.0, 14.3), (3.0, 7.3), VEHICLES),
        Line("passers", (1.2, 6.8), (0.6, 3.9), ("person",)),
    ]
    debris = [{"zone": "lane", "appears": FALLS, "removed": FETCHED, "ground": list(CARTON)}]
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
        rectangle(-3.5, 7.0, 8.0, 17.0),
        events,
        debris,
    )


def build(seed: int = ambience.DEFAULT_SEED) -> Scene:
    """The street for a seed."""
    return ambience.best(NAME, seed, _build, 16)
