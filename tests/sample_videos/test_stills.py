"""Training stills without Blender: the made-up places, their labels, and what weather does to a picture."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sample_videos import cycles, looks, masks, scene_anywhere, scenes, stills, vehicles
from sample_videos.weather import weathered
from sample_videos.world import CLASSES, HEIGHT, WIDTH

SPAN = 62.0 / scene_anywhere.MOMENTS


def test_places_differ_by_seed_and_repeat() -> None:
    first, again, other = (scene_anywhere.build(seed) for seed in (7, 7, 8))
    assert first.camera == again.camera
    assert [a.look for a in first.actors] == [a.look for a in again.actors]
    assert first.camera != other.camera


def test_a_few_places_show_every_class_by_day_and_night_from_low_and_high() -> None:
    seen: Counter[str] = Counter()
    built = [scene_anywhere.build(seed) for seed in range(25)]
    for scene in built:
        for k in range(scene_anywhere.MOMENTS):
            seen.update(s.cls for s in masks.measure(scene, (k + 0.5) * SPAN, None))
    assert set(seen) == set(CLASSES)
    assert seen["person"] > 5 * seen["bus"]
    heights = [scene.camera.position[2] for scene in built]
    assert min(heights) < 4
    assert max(heights) > 9
    assert 0 < sum(scene.light.night for scene in built) < len(built) / 2


def test_nobody_stands_in_the_camera_nor_in_a_vehicle() -> None:
    for seed in range(8):
        scene = scene_anywhere.build(seed)
        for k in range(scene_anywhere.MOMENTS):
            now = [a for a in scene.actors if a.exists((k + 0.5) * SPAN)]
            places = {a.id: a.track.values[0][:3] for a in now}
            assert all(np.hypot(x, y) > 2 for x, y, _ in places.values())
            walkers = np.array([places[a.id][:2] for a in now if a.kind == "person"]).reshape(-1, 2)
            for car in (a for a in now if a.kind in vehicles.BODIES or a.kind == "car"):
                x, y, heading = places[car.id]
                body = vehicles.BODIES[car.look.body]
                turn = np.array([[np.cos(heading), np.sin(heading)], [-np.sin(heading), np.cos(heading)]])
                inside = np.abs((walkers - (x, y)) @ turn.T) < (body.length / 2 - 0.4, body.width / 2 - 0.1)
                assert not inside.all(axis=1).any()


def test_each_crowd_has_one_moment() -> None:
    scene = scene_anywhere.build(1)
    times = stills.moments(scene, 99)
    assert len(times) == scene_anywhere.MOMENTS
    crowds = [{a.id for a in scene.actors if a.exists(t)} for _, t in times]
    assert not set.intersection(*crowds)
    assert len(stills.moments(scenes.build("street"), 3)) == 3


@pytest.mark.parametrize("name", ["square", "street", "car_park", scene_anywhere.NAME])
def test_every_fifth_moment_shows_the_place_alone(name: str) -> None:
    scene = scenes.build(name, 7)
    there = [any(actor.exists(t) for actor in scene.actors) for _, t in stills.moments(scene, 10)]
    assert not any(there[4::5])
    assert all(there[:4])


@pytest.mark.parametrize("kind", list(cycles.MACHINES))
def test_machine_and_rider_are_told_apart(kind: str) -> None:
    look = looks.machine(np.random.default_rng(2), kind, ridden=True)
    machine, rider = cycles.parts(look)
    assert (machine ^ rider).all()
    points = cycles.verts(look, np.array([5.0, 9.0, 0.7, 1.0, 0, 0, 0, 0]))
    assert 0.9 < points[machine, 2].max() < 1.35
    assert 1.3 < points[rider, 2].max() < 2.0
    assert points[rider, 2].max() > points[machine, 2].max()
    assert -0.02 < points[machine, 2].min() < 0.02
    assert np.hypot(*(points[machine, :2].mean(0) - (5, 9))) < 0.3
    alone = cycles.parts(looks.machine(np.random.default_rng(2), kind, ridden=False))
    assert alone[0].all()


def test_a_rider_and_the_cycle_are_labelled_as_two() -> None:
    scene = scenes.build("street")
    t = next(a.track.start + 9 for a in scene.actors if a.kind == "bicycle" and a.track.start > 0)
    rider = next(s for s in masks.measure(scene, t, None) if s.cls == "bicycle")
    found = stills.boxes(scene, t, None)
    bicycles = [box for cls, box in found if cls == "bicycle"]
    x1, y1, x2, y2 = min(bicycles, key=lambda box: abs(box[0] - rider.box[0]))
    people = [box for cls, box in found if cls == "person"]
    mate = min(people, key=lambda box: abs(box[1] - rider.box[1]) + abs(box[0] - rider.box[0]))
    union = (min(x1, mate[0]), min(y1, mate[1]), max(x2, mate[2]), max(y2, mate[3]))
    assert union == pytest.approx(rider.box, abs=0.01)
    assert y1 > mate[1] + 5, "the rider's head is above the machine"


def test_labels_are_fractions_of_the_frame() -> None:
    assert stills.label("bus", (64.0, 36.0, 192.0, 108.0)) == "4 0.20000 0.20000 0.20000 0.20000"
    scene = scenes.build("square")
    lines = [stills.label(cls, box).split() for cls, box in stills.boxes(scene, 20.0, None)]
    assert len(lines) > 5
    assert all(0 <= float(v) <= 1 for line in lines for v in line[1:])


def test_what_is_hidden_is_not_labelled_and_what_the_border_cuts_is() -> None:
    scene = scenes.build("street")
    everything = stills.boxes(scene, 20.0, None)
    blank = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    assert stills.boxes(scene, 20.0, blank) == [], "no pixel of anybody can be seen"
    cut = [box for _, box in everything if box[0] == 0 or box[2] == WIDTH]
    assert cut


def test_weather_keeps_shape_and_type_and_repeats() -> None:
    image = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
    for seed in range(20):
        one, two = (weathered(image, np.random.default_rng(seed)) for _ in range(2))
        assert one.shape == image.shape
        assert one.dtype == np.uint8
        assert (one == two).all()
    assert (weathered(image, np.random.default_rng(1)) != weathered(image, np.random.default_rng(2))).any()


def test_headlights_shine_at_night() -> None:
    image = np.full((90, 160, 3), 10, np.uint8)
    lit = weathered(image, np.random.default_rng(3), night=True, lamps=[(80.0, 45.0, 2.0)])
    dark = weathered(image, np.random.default_rng(3), night=True)
    assert int(lit[45, 80].max()) > int(dark[45, 80].max()) + 60
