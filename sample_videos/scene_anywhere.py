"""Anywhere: for training only. Each seed is another made-up place, camera, light and weather; each moment another crowd.

Nothing moves and nothing is counted: stills with exact boxes, of what the three sample scenes lack (camera heights
from 1.4 to 14 m, motorcycles and scooters, buses, parked bicycles, rows of cars, night, crowds near and far).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import ambience, looks
from .looks import Rng
from .world import HEIGHT, WIDTH, Actor, Camera, Light, Patch, Point, Prop, Scene, Track

NAME = "anywhere"
MOMENTS = 6  # crowds of a seed; a crowd stays for SECONDS / MOMENTS
FLOORS = ("slabs", "paving", "gravel", "asphalt", "oldasphalt", "lawn")
STREET_PROPS = ("tree", "tree", "bench", "lamp", "bin", "bollard", "planter", "hedge", "sign")
RADIUS = {
    "person": 0.32,
    "bicycle": 0.9,
    "motorcycle": 1.0,
    "scooter": 0.9,
    "car": 2.4,
    "truck": 3.4,
    "bus": 5.9,
}
HALF = {"car": 1.5, "truck": 2.5, "bus": 5.0}  # metres from the middle to the last disc that a vehicle takes
NIGHT_SHARE = 0.22
LOW_SHARE = 0.3  # of the places: cameras at eye level, where vehicles fill a third of the picture
LOW_M = 3.2
BENCH_SHARE = (
    0.35  # of the places: benches near the camera, from all sides; end-on they pass for somebody sitting
)


def _camera(rng: Rng) -> Camera:
    """A camera on a pole, a wall or a roof: 2.5 to 14 m up, looking 6 to 50 degrees down; or low, at a gate."""
    if rng.random() < LOW_SHARE:
        height, down = float(rng.uniform(1.4, 3.2)), np.radians(float(rng.uniform(3, 16)))
        return Camera(
            (0.0, 0.0, height), (0.0, float(height / np.tan(down)), 0.0), float(rng.uniform(380, 750))
        )
    height = float(np.exp(rng.uniform(np.log(2.5), np.log(14.0))))
    down = np.radians(float(np.clip(rng.normal(14 + 1.6 * height, 8), 6, 50)))
    reach = height / np.tan(down)
    return Camera((0.0, 0.0, height), (0.0, float(reach), 0.0), float(rng.uniform(380, 1000)))


def _light(rng: Rng) -> Light:
    """A day like those of the sample scenes, or a night in the light of lamps."""
    if rng.random() < NIGHT_SHARE:
        moon = float(rng.uniform(0.03, 0.35))
        colour = ((1.0, 0.8, 0.55), (0.8, 0.88, 1.0), (1.0, 0.95, 0.9))[int(rng.integers(3))]
        return Light(np.radians(rng.uniform(40, 80)), float(rng.uniform(0, 6.28)), colour, moon, float(rng.uniform(0.03, 0.16)))  # fmt: skip
    return ambience.light(rng, -1, 40, 180, 0.5)


class Ground:
    """Where things still fit: a place is taken by a disc, in metres."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.taken: list[tuple[float, float, float]] = []

    def free(self, x: float, y: float, radius: float) -> bool:
        """Whether nothing lies within `radius` plus its own, and the camera is not in it."""
        if np.hypot(x, y) < radius + 2.2:
            return False
        return all(np.hypot(x - a, y - b) >= radius + r for a, b, r in self.taken)

    def take(self, x: float, y: float, radius: float) -> None:
        """Nothing else may stand there."""
        self.taken.append((x, y, radius))

    def place(self, rng: Rng, radius: float, far: float = 55.0) -> Point | None:
        """A free place that the camera sees, even over the picture half of the time and over the ground otherwise."""
        right, up, forward = self.camera.axes()
        for _ in range(40):
            if rng.random() < 0.5:
                u, v = rng.uniform(-0.05, 1.05) * WIDTH, rng.uniform(0, 1.1) * HEIGHT
                ray = forward + right * (u - WIDTH / 2) / self.camera.focal_px + up * (HEIGHT / 2 - v) / self.camera.focal_px  # fmt: skip
                if ray[2] > -0.02:
                    continue
                x, y = (float(k) for k in (ray * self.camera.position[2] / -ray[2])[:2])
            else:
                y = float(rng.uniform(2, far))
                x = float(rng.uniform(-0.6, 0.6) * WIDTH / self.camera.focal_px * (y + 2))
            u, v, depth = self.camera.project((x, y))
            near = depth > 1 and -0.05 < u / WIDTH < 1.05 and 0 < v / HEIGHT < 1.15
            if near and np.hypot(x, y) < far and self.free(x, y, radius):
                return x, y
        return None


def _still(x: float, y: float, heading: float, since: float, until: float, pose: tuple[float, ...] = (0, 0, 0, 0)) -> Track:  # fmt: skip
    return Track(since, until - since, np.array([[x, y, heading, *pose, 0]] * 2, float))


class Crowd:
    """What stands about at one moment."""

    def __init__(self, rng: Rng, ground: Ground, since: float, until: float) -> None:
        self.rng, self.ground, self.since, self.until = rng, ground, since, until
        self.actors: list[Actor] = []

    def add(self, cls: str, kind: str, look: Any, x: float, y: float, heading: float, pose: tuple[float, ...] = (0, 0, 0, 0), radius: float = 0.0) -> None:  # fmt: skip
        """One more, where it is."""
        self.ground.take(x, y, radius)
        track = _still(x, y, heading, self.since, self.until, pose)
        self.actors.append(Actor(0, cls, kind, look, track, self.since, self.until))

    def people(self, count: int) -> None:
        """Walkers, standing and talking people, alone and in groups of up to five."""
        rng = self.rng
        while count > 0:
            spot = self.ground.place(rng, 0.5)
            if spot is None:
                return
            group = min(count, int(rng.choice([1, 1, 1, 2, 2, 3, 5])))
            way, walking = float(rng.uniform(0, 2 * np.pi)), rng.random() < 0.65
            for _ in range(group):
                x, y = (c + float(rng.normal(0, 0.25 + 0.22 * group)) for c in spot)
                if self.ground.free(x, y, 0.28):
                    self._person(x, y, way + float(rng.normal(0, 0.2 if walking else 2.0)), walking)
            count -= group

    def _person(self, x: float, y: float, heading: float, walking: bool) -> None:
        rng = self.rng
        look = looks.person(rng, child=rng.random() < 0.1)
        swing = float(rng.uniform(0.25, 0.5)) if walking else 0.0
        talk = float(not walking and rng.random() < 0.4)
        self.add("person", "person", look, x, y, heading, (float(rng.uniform(0, 6.28)), swing, 0, talk), 0.28)

    def cycles(self, kind: str, count: int, ridden: float, rows: bool = False, far: float = 45.0) -> None:
        """Bicycles, motorcycles or scooters, ridden or standing, within `far` metres; `rows`: several side by side."""
        rng = self.rng
        for _ in range(count):
            spot = self.ground.place(rng, RADIUS[kind], far)
            if spot is None:
                return
            way = float(rng.uniform(0, 2 * np.pi))
            for k in range(int(rng.integers(2, 6)) if rows else 1):
                x, y = spot[0] - 0.75 * k * np.sin(way), spot[1] + 0.75 * k * np.cos(way)
                look = looks.machine(rng, kind, not rows and rng.random() < ridden)
                cls = "bicycle" if kind == "bicycle" else "motorcycle"
                self.add(cls, cls, look, x, y, way, (float(rng.uniform(0, 6.28)), 0, 0, 0), 0.5)

    def vehicles(self, cls: str, count: int, way: float | None = None, far: float = 60.0) -> None:
        """Vehicles on their own within `far` metres, heading anywhere or along a road."""
        rng = self.rng
        for _ in range(count):
            spot = self.ground.place(rng, RADIUS[cls], far)
            if spot is None:
                return
            heading = float(rng.uniform(0, 2 * np.pi)) if way is None else way + float(rng.choice([0, np.pi]) + rng.normal(0, 0.05))  # fmt: skip
            ends = [(spot[0] + k * np.cos(heading), spot[1] + k * np.sin(heading)) for k in np.linspace(-HALF[cls], HALF[cls], 5)]  # fmt: skip
            if all(self.ground.free(x, y, 1.2) for x, y in ends):
                self._vehicle(cls, *spot, heading)

    def _vehicle(self, cls: str, x: float, y: float, heading: float) -> None:
        rng = self.rng
        body = cls if cls != "car" else ("van" if rng.random() < 0.15 else None)
        c, s = np.cos(heading), np.sin(heading)
        look = looks.car(rng, body)
        self.add(cls, cls, look, x, y, heading)
        for k in np.linspace(-HALF[cls], HALF[cls], 3 if cls == "car" else 6):
            self.ground.take(x + k * c, y + k * s, 1.25)

    def parked_row(self, count: int) -> None:
        """Cars side by side as in bays, or one behind the other along a kerb, now and then one missing."""
        rng = self.rng
        spot = self.ground.place(rng, 2.5, 45)
        if spot is None:
            return
        way, along = float(rng.uniform(0, 2 * np.pi)), rng.random() < 0.35
        step = (5.7 if along else float(rng.uniform(2.35, 2.8)), way if along else way + np.pi / 2)
        for k in range(count):
            x, y = spot[0] + k * step[0] * np.cos(step[1]), spot[1] + k * step[0] * np.sin(step[1])
            if rng.random() < 0.8 and np.hypot(x, y) > 4.5 and self._clear(x, y, way):
                self._vehicle("car", x, y, way + float(rng.choice([0, np.pi]) + rng.normal(0, 0.03)))

    def _clear(self, x: float, y: float, way: float) -> bool:
        mine = len(self.ground.taken)
        return all(
            np.hypot(x + k * np.cos(way) - a, y + k * np.sin(way) - b) >= min(r, 1.0) + 0.9
            for k in (-1.4, 0.0, 1.4)
            for a, b, r in self.ground.taken[:mine]
        )


def _crowd(rng: Rng, ground: Ground, since: float, until: float, way: float) -> list[Actor]:
    crowd = Crowd(rng, ground, since, until)
    if ground.camera.position[2] < LOW_M:
        for cls in rng.permutation(["car", "car", "car", "bus", "truck", "car"])[: int(rng.integers(1, 5))]:
            crowd.vehicles(str(cls), 1, far=16.0)
        crowd.cycles(
            str(rng.choice(["motorcycle", "scooter", "bicycle"])), int(rng.integers(0, 3)), 0.9, far=12.0
        )
    kind = str(rng.choice(["walk", "ride", "drive", "park", "mixed"], p=[0.25, 0.22, 0.2, 0.13, 0.2]))
    heavy = {"drive": 0.6, "mixed": 0.25, "ride": 0.15}.get(kind, 0.05)
    for cls in ("bus", "truck"):
        crowd.vehicles(
            cls, int(rng.random() < heavy) + int(rng.random() < heavy), way if rng.random() < 0.7 else None
        )
    if kind in ("park", "mixed"):
        for _ in range(int(rng.integers(2, 6))):
            crowd.parked_row(int(rng.integers(3, 10)))
    cars = {"drive": (5, 14), "mixed": (2, 7), "park": (1, 5), "ride": (1, 5)}.get(kind, (0, 3))
    crowd.vehicles("car", int(rng.integers(*cars)), way if rng.random() < 0.7 else None)
    rides = {"ride": 6, "mixed": 3, "drive": 2}.get(kind, 1)
    for machine in ("bicycle", "bicycle", "motorcycle", "scooter"):
        crowd.cycles(machine, int(rng.integers(0, rides + 1)), 0.85)
    if rng.random() < 0.25:
        crowd.cycles("bicycle", 1, 0.0, rows=True)
    if rng.random() < 0.1:
        crowd.cycles("scooter", 1, 0.0, rows=True)
    most = {"walk": 40, "mixed": 18, "ride": 10}.get(kind, 6)
    crowd.people(int(rng.integers(most // 4, most + 1)))
    return crowd.actors


def _surroundings(rng: Rng, ground: Ground, way: float) -> tuple[list[Prop], list[Patch]]:
    patches = [Patch(((-90, 95), (90, 95), (90, -30), (-90, -30)), str(rng.choice(FLOORS)), 0.0)]
    along, across = np.array([np.cos(way), np.sin(way)]), np.array([-np.sin(way), np.cos(way)])
    for k in range(int(rng.integers(0, 4))):
        middle = np.array([rng.uniform(-12, 12), rng.uniform(2, 35)])
        half = float(rng.uniform(1.2, 4.5))
        corners = [middle + a * 90 * along + b * half * across for a, b in ((-1, 1), (1, 1), (1, -1), (-1, -1))]  # fmt: skip
        patches.append(Patch(tuple((float(p[0]), float(p[1])) for p in corners), str(rng.choice(FLOORS)), 0.004 + 0.004 * k))  # fmt: skip
        if rng.random() < 0.5:
            for d in np.arange(-60, 60, 4.5):
                c = [middle + (d + a) * along + b * across for a, b in ((0, 0.07), (1.6, 0.07), (1.6, -0.07), (0, -0.07))]  # fmt: skip
                patches.append(Patch(tuple((float(p[0]), float(p[1])) for p in c), "marking", 0.03))
    props: list[Prop] = []
    for _ in range(int(rng.integers(3, 22))):
        spot = ground.place(rng, 0.8, 45)
        if spot is not None and np.hypot(*spot) > 5:
            kind = str(rng.choice(STREET_PROPS))
            props.append(Prop(kind, *spot, float(rng.uniform(0, 6.28)), float(rng.uniform(0.8, 1.1)), int(rng.integers(2))))  # fmt: skip
            ground.take(*spot, 0.6)
    if rng.random() < BENCH_SHARE:
        for _ in range(int(rng.integers(3, 9))):
            spot = ground.place(rng, 1.0, 22)
            if spot is not None and np.hypot(*spot) > 4:
                props.append(Prop("bench", *spot, float(rng.uniform(0, 6.28)), 1.0, 0))
                ground.take(*spot, 0.9)
    if rng.random() < 0.7:
        back = float(rng.uniform(22, 60))
        props += [
            Prop("house", -58.5 + 9 * k, back, 0.0, 1.0, int(rng.integers(7)))
            for k in range(14)
            if rng.random() < 0.9
        ]
    return props, patches


def build(seed: int) -> Scene:
    """The place of a seed."""
    rng = ambience.generator(NAME, seed)
    camera, light = _camera(rng), _light(rng)
    ground = Ground(camera)
    way = float(rng.uniform(0, np.pi))
    props, patches = _surroundings(rng, ground, way)
    fixed = list(ground.taken)
    wall = min((p.y for p in props if p.kind == "house"), default=200.0)
    actors: list[Actor] = []
    span = ambience.SECONDS / MOMENTS
    for k in range(MOMENTS):
        ground.taken = list(fixed)
        crowd = _crowd(rng, ground, k * span, (k + 1) * span - 0.01, way)
        actors += [a for a in crowd if a.track.values[0][1] < wall - 1.5]
    for i, actor in enumerate(actors):
        actor.id = i + 1
    return Scene(NAME, seed, ambience.FRAMES, camera, light, actors, props, patches, [], [], ())
