"""What a dry run measures, against a world whose sizes, speeds and visibility are known."""

from __future__ import annotations

import numpy as np
import pytest

from edge import dry_run
from edge.measured import fit_height, least_height
from tests.edge.lint_world import GROWTH, TOP, WH, Actor, crowd, height_at, look
from tests.edge.scene import stand, walk


def test_heights_follow_the_place_in_the_frame() -> None:
    sizes = look(crowd()).groups["person"]
    assert sizes.objects == 9
    assert sizes.aspect == pytest.approx(0.4, abs=0.01)
    for y in (0.3, 0.6, 0.9):
        # The anchor lies a little above the lower edge, so an object at y is a little larger than one ending there.
        assert float(sizes.height.at(y)) == pytest.approx(TOP + GROWTH * y, rel=0.05)
    assert [band.height for band in sizes.bands] == sorted(band.height for band in sizes.bands)


def test_half_hidden_people_do_not_bend_the_line() -> None:
    hidden = [Actor(walk(100, y, 400, y, 0, 20), scale=0.5) for y in (150, 200)]
    plain, mixed = look(crowd()).groups["person"], look(crowd() + hidden).groups["person"]
    for y in (0.3, 0.6, 0.9):
        assert float(mixed.height.at(y)) == pytest.approx(float(plain.height.at(y)), rel=0.1)


def test_people_in_one_row_show_no_perspective() -> None:
    sizes = look([Actor(walk(40, 200, 600, 200, 0, 20)) for _ in range(4)]).groups["person"]
    assert sizes.height.slope == 0
    assert float(sizes.height.at(0.9)) == pytest.approx(height_at(200) / WH[1], rel=0.02)


@pytest.mark.parametrize("fps", [2.0, 6.0, 25.0])
def test_travel_between_two_frames_follows_the_rate(fps: float) -> None:
    measured = look(crowd(), fps=fps)
    assert measured.fps == pytest.approx(fps, rel=0.01)
    assert measured.seconds == pytest.approx(20, abs=0.5)
    median, most = measured.groups["person"].travel(measured.fps) or (0, 0)
    assert median == pytest.approx(0.8 / fps, rel=0.05)
    assert most == pytest.approx(0.8 / fps, rel=0.1)


def test_who_stands_says_nothing_of_travel() -> None:
    jitter = np.random.default_rng(3).normal(0, 0.01, (200, 2))

    def sway(at: float) -> tuple[float, float]:
        dx, dy = jitter[round(at * 6)] * height_at(200)
        return 300 + dx, 200 + dy

    measured = look([Actor(sway)] * 4)
    assert measured.groups["person"].travel(measured.fps) is None


def test_heights_that_are_missed_too_often_are_known() -> None:
    small = [
        Actor(walk(40, y, 500, y, 0, 20), missed=lambda at: round(at * 6) % 10 > 3) for y in (60, 70, 80)
    ]
    large = [Actor(walk(40, y, 500, y, 0, 20)) for y in (200, 250, 300)]
    sizes = look(small + large).groups["person"]
    assert sizes.least_height is not None
    assert height_at(80) < sizes.least_height * WH[1] < height_at(200)
    assert look(large).groups["person"].least_height is None


def test_large_objects_that_are_hidden_are_not_called_small() -> None:
    small = [Actor(walk(40, y, 500, y, 0, 20)) for y in (60, 70, 80)]
    large = [Actor(walk(40, y, 500, y, 0, 20), missed=lambda at: round(at * 6) % 10 > 3) for y in (200, 250)]
    sizes = look(small + large).groups["person"]
    assert sizes.least_height is None
    assert [item.share for item in sizes.found if item.low * WH[1] > height_at(150)] == pytest.approx(
        [0.4, 0.4], abs=0.02
    )


def looks(*classes: tuple[int, int, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of looks, 50 at each object: (height class, objects, share found, confidence) for each class."""
    rows, place = [], []
    for index, objects, share, confidence in classes:
        for _ in range(objects):
            rows.append([len(rows), 0, 50, 50 * share, 50 * share * confidence])
            place.append(index)
    return np.array(rows), np.array(place)


def test_least_height_needs_objects_on_both_sides() -> None:
    assert least_height(*looks((6, 2, 0.1, 0.9), (12, 9, 0.95, 0.9)), 0.25) is None
    assert least_height(*looks((6, 9, 0.1, 0.9)), 0.25) is None
    behind_a_hedge = looks((6, 9, 0.95, 0.9), (9, 3, 0.2, 0.9), (12, 9, 0.95, 0.9))
    assert least_height(*behind_a_hedge, 0.25) is None
    bound = pytest.approx(0.01 * 1.2**6)
    assert least_height(*looks((6, 5, 0.1, 0.9), (12, 9, 0.95, 0.9)), 0.25) == bound
    assert least_height(*looks((6, 5, 0.1, 0.9), (9, 3, 0.95, 0.9), (12, 9, 0.95, 0.9)), 0.25) == bound


def test_confidences_at_the_threshold_hide_those_below() -> None:
    """Who is found in nine frames of ten, but hardly above the threshold, has company that never is."""
    at_the_edge = looks((6, 5, 0.9, 0.3), (12, 9, 0.9, 0.8))
    assert least_height(*at_the_edge, 0.25) is not None
    assert least_height(*at_the_edge, 0.1) is None


def test_one_object_does_not_speak_for_its_height() -> None:
    rows, place = looks((6, 4, 0.6, 0.9), (12, 9, 0.95, 0.9))
    rows[0, 2:] = 5000, 50, 45  # stood behind a tree for minutes
    assert least_height(rows, place, 0.25) is None


def test_who_left_long_ago_still_counts() -> None:
    passers = [
        Actor(walk(40, y, 500, y, 0, 8), missed=lambda at: round(at * 6) % 2 == 1) for y in (200, 202, 204)
    ]
    (found,) = look(passers).groups["person"].found
    assert (found.objects, found.share) == (3, pytest.approx(0.5, abs=0.02))


def test_time_away_is_neither_a_miss_nor_seen() -> None:
    away = [Actor(walk(40, y, 500, y, 0, 20), missed=lambda at: 5 < at < 15) for y in (200, 250, 300)]
    assert look(away).groups["person"].share == 1.0
    brief = [Actor(walk(40, y, 500, y, 0, 20), missed=lambda at: 5 < at < 7) for y in (200, 250, 300)]
    assert look(brief).groups["person"].share == pytest.approx(0.9, abs=0.02)


def test_a_pause_of_the_camera_is_not_looked_at() -> None:
    run = dry_run.DryRun(WH, confidence=0.25)
    for at in (0.0, 0.5, 1.0, 31.0, 31.5):
        run.observe([], at)
    assert run.seconds == 1.5
    assert run.measured().fps == pytest.approx(2.0)


def test_boxes_cut_by_the_frame_have_no_size() -> None:
    leaving = [Actor(stand(x, 300)) for x in (2, 638)]
    sizes = look(crowd() + leaving).groups["person"]
    assert sizes.objects == 9
    assert {0, 1} <= {round(x) for x in sizes.samples[:, 0]}  # but that somebody was there is known


def test_weak_detections_keep_a_track_and_find_nobody() -> None:
    actors = crowd()
    run = dry_run.DryRun(WH, confidence=0.9)  # the world's detections have .8
    from tests.edge.lint_world import tracks_of

    for step in range(60):
        run.observe(tracks_of(actors, step / 6, {}), step / 6)
    assert run.measured().groups == {}


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run, "MAX_SAMPLES", 50)
    sizes = look(crowd()).groups["person"]
    assert len(sizes.samples) == 50
    assert sizes.samples[:, 0].max() > 0.5  # the later samples are among them
    assert float(sizes.height.at(0.6)) == pytest.approx(TOP + GROWTH * 0.6, rel=0.08)


def test_the_summary_holds_no_single_place() -> None:
    told = look(crowd()).summary()
    assert told["input"] == [384, 640]
    person = told["groups"]["person"]
    assert set(person) == {"objects", "aspect", "bands", "travel_heights", "found", "least_height"}
    assert person["travel_heights"]["median"] == pytest.approx(0.8 / 6, rel=0.05)


def test_a_line_through_nothing_that_grows_is_level() -> None:
    y = np.linspace(0.1, 0.9, 40)
    assert fit_height(y, 0.3 - 0.2 * y).slope == 0
    assert fit_height(y, 0.1 + 0.2 * y).slope == pytest.approx(0.2)
