"""The pure parts behind the scenes: projection, counting rules, figures, determinism."""

from __future__ import annotations

import numpy as np
import pytest

from sample_videos import figure, ids, looks, masks, scene_square, truth, vehicles
from sample_videos.world import Camera, Line

CAMERA = Camera((0.0, -8.0, 6.0), (0.0, 6.0, 0.0), 560.0)
SQUARE = ((-2.0, 2.0), (2.0, 2.0), (2.0, -2.0), (-2.0, -2.0))


def row(who: int, x: float, y: float) -> list[float]:
    return [who, 0, 0, 1, 1, x, y, 1.0]


def test_the_target_is_the_middle_of_the_picture() -> None:
    assert CAMERA.project((0.0, 6.0))[:2] == pytest.approx((320, 180))
    assert CAMERA.project((1.0, 6.0))[0] > 320, "x runs to the right"
    assert CAMERA.project((0.0, 9.0))[1] < 180, "farther is higher"


def test_born_inside_is_no_entry_and_dying_inside_no_exit() -> None:
    frames = [[row(1, 0, 0)], [row(1, 0, 3)], [row(1, 0, 0)], []]
    got = truth.zone_counts(frames, {1}, SQUARE, CAMERA, 6.0)
    assert (got["entries"], got["exits"], got["born_inside"], got["died_inside"], got["final"]) == (
        1,
        1,
        1,
        1,
        0,
    )


def test_mean_is_over_all_frames_and_others_do_not_count() -> None:
    frames = [[row(1, 0, 0), row(2, 0, 0)], [row(1, 0, 0)], [], []]
    assert truth.zone_counts(frames, {1}, SQUARE, CAMERA, 6.0)["mean"] == 0.5


@pytest.mark.parametrize(("held", "peak"), [(5, 1), (6, 2)])
def test_peak_must_be_held_for_a_second(held: int, peak: int) -> None:
    assert truth.sustained_peak([1] * 6 + [2] * held + [1] * 6, 6.0) == peak


def test_in_is_downward_for_a_line_from_left_to_right() -> None:
    line = Line("l", (-2.0, 4.0), (2.0, 4.0), ("person",))
    toward = [[row(1, 0, 5)], [row(1, 0, 3)]]
    assert truth.line_counts(toward, {1}, line, CAMERA) == {"in": 1, "out": 0}
    assert truth.line_counts(toward[::-1], {1}, line, CAMERA) == {"in": 0, "out": 1}
    beside = [[row(1, 5, 5)], [row(1, 5, 3)]]
    assert truth.line_counts(beside, {1}, line, CAMERA) == {"in": 0, "out": 0}


def test_bay_spans_become_arrivals_departures_and_occupancy() -> None:
    got = truth.bay_counts({"b1": [(0.0, 1.0)], "b2": [(1.0, 2.0)], "b3": [(0.0, 9.0)]}, 12, 6.0)
    assert got == {"entries": 1, "exits": 1, "peak": 2, "mean": 2.0}


def test_numbers_survive_their_colours() -> None:
    numbers = np.arange(1, 512).reshape(1, -1)
    picture = np.array([[ids.colour(int(n)) for n in numbers[0]]])
    assert (ids.number(picture) == numbers).all()
    assert ids.number(np.zeros((1, 1, 3)))[0, 0] == 0


@pytest.mark.parametrize("child", [False, True])
def test_a_figure_stands_on_the_ground_at_its_height(child: bool) -> None:
    look = looks.person(np.random.default_rng(3), child)
    for phase in np.linspace(0, 6, 7):
        verts = vehicles.actor_verts("person", look, np.array([3.0, 4.0, 0.5, phase, 0.4, 0, 0, 0]))
        assert -0.12 < verts[:, 2].min() < 0.03
        assert verts[:, 2].max() == pytest.approx(look.height, rel=0.08)
        assert np.hypot(*(verts[:, :2].mean(0) - (3, 4))) < 0.25


@pytest.mark.parametrize("body", list(vehicles.BODIES))
def test_vehicles_have_the_size_of_vehicles(body: str) -> None:
    size = np.ptp(vehicles.car(looks.CarLook(body, "p:.5,.5,.5")).verts, axis=0)
    assert size[0] == pytest.approx(vehicles.BODIES[body].length, abs=0.15)
    assert 0 <= size[1] - vehicles.BODIES[body].width < 0.45, "mirrors stick out"
    assert 1.4 < size[2] < 3.2


def test_a_seated_figure_is_lower() -> None:
    look = looks.person(np.random.default_rng(5))
    heights = []
    for sit in (0.0, 1.0):
        _rot, pos = figure.pose(look, figure.angles(0, 0, sit, 0), (0, 0, 0, 0))
        heights.append(pos[figure.HEAD][2])
    assert heights[0] - heights[1] > 0.3


@pytest.mark.parametrize("left", [-10.0, 100.0])
def test_a_silhouette_is_measured_whole_inside_the_frame_and_out(left: float) -> None:
    square = np.array([[left, 100, 5], [left + 20, 100, 5], [left + 20, 120, 5], [left, 120, 5]])
    assert masks.silhouette(square, np.array([[0, 1, 2], [0, 2, 3]])) == pytest.approx(400, rel=0.04)


def test_a_seed_always_gives_the_same_people_and_another_seed_others() -> None:
    a, b, c = (scene_square.build(seed) for seed in (7, 7, 8))
    assert [x.look for x in a.actors] == [x.look for x in b.actors]
    assert all((x.track.values == y.track.values).all() for x, y in zip(a.actors, b.actors, strict=True))
    assert a.camera == b.camera != c.camera
    assert [x.look for x in a.actors] != [x.look for x in c.actors]
