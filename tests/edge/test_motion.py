"""Speeds over the ground: right at every frame rate, nothing for who stands, None where too little was seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.messages import GroundConfig
from contract.names import CLASSES
from edge.ground import GroundPlane
from edge.motion import STANDING, Motion
from edge.records import Track
from sample_videos.world import HEIGHT, WIDTH, Camera
from tests.fakes import standing

WH = (WIDTH, HEIGHT)
CAMERA = Camera((0.0, -7.4, 5.4), (0.2, 6.9, 0.75), 600.0)
SQUARE = ((-4.0, 15.0), (4.0, 15.0), (4.0, 3.0), (-4.0, 3.0))
PLANE = GroundPlane.of(
    GroundConfig.model_validate(
        {"image": (CAMERA.project(SQUARE)[:, :2] / WH).tolist(), "metres": [list(p) for p in SQUARE]}
    ),
    WH,
)

Way = Callable[[float], tuple[float, float]]


def box_at(place: Sequence[float], jitter: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """The box of a person 1.7 m tall at a place in metres."""
    foot, head = CAMERA.project([(*place, 0.0), (*place, 1.7)])[:, :2]
    return np.array(standing(foot[0] + jitter[0], foot[1] + jitter[1], foot[1] - head[1]), np.float32)


def track(
    box: np.ndarray,
    at: float,
    *,
    track_id: int = 1,
    seen_at: float | None = None,
    confidence: float = 0.8,
    name: str = "person",
) -> Track:
    seen = at if seen_at is None else seen_at
    number = CLASSES.index(name)
    return Track(track_id, box, confidence, number, "confirmed" if seen == at else "lost", 0.0, seen)


def speed(way: Way, times: Sequence[float], **looks: str) -> float | None:
    """What one track along a way has at the end."""
    motion = Motion(PLANE, confidence=0.25)
    for at in times:
        motion.observe([track(box_at(way(at)), at, **looks)], at)  # type: ignore[arg-type]
    return motion.speed_ms(1)


def straight(metres_a_second: float, heading: float) -> Way:
    return lambda at: (
        metres_a_second * math.cos(heading) * (at - 1.5),
        8 + metres_a_second * math.sin(heading) * (at - 1.5),
    )


@given(
    st.floats(0.5, 2.5), st.floats(0, 2 * math.pi), st.sampled_from([2, 2.5, 4, 6, 10, 25]), st.floats(0, 1)
)
@settings(max_examples=80, deadline=None)
def test_a_constant_speed_is_found_at_any_frame_rate(
    metres_a_second: float, heading: float, fps: float, start: float
) -> None:
    times = np.arange(start, start + 2.51, 1 / fps)
    found = speed(straight(metres_a_second, heading), times.tolist())
    # Not exactly: a box turns a little about its feet as it comes nearer.
    assert found == pytest.approx(metres_a_second, rel=0.04)


@given(st.floats(0.6, 2.0), st.floats(2, 6), st.floats(0, 6.28))
@settings(max_examples=40, deadline=None)
def test_who_walks_in_a_circle_is_as_fast_at_every_frame_rate(
    metres_a_second: float, radius: float, turn: float
) -> None:
    def way(at: float) -> tuple[float, float]:
        angle = turn + at * metres_a_second / radius
        return radius * math.cos(angle), 9 + radius * math.sin(angle)

    found = [speed(way, np.arange(0, 2.01, 1 / fps).tolist()) for fps in (2.5, 4, 10, 25)]
    assert found == pytest.approx([found[-1]] * 4, rel=0.1)


@given(st.integers(0, 10**6), st.sampled_from([2.5, 6, 25]), st.floats(3, 25))
@settings(max_examples=30, deadline=None)
def test_a_box_that_jitters_moves_nobody(seed: int, fps: float, away: float) -> None:
    """Three per cent of the box height, as detectors jitter, at every distance."""
    rng, motion = np.random.default_rng(seed), Motion(PLANE, confidence=0.25)
    still = box_at((0.0, away))
    height = float(still[3] - still[1])
    found = []
    for at in np.arange(0, 12, 1 / fps):
        box = still + rng.normal(0, 0.03 * height, 2)[[0, 1, 0, 1]].astype(np.float32)
        motion.observe([track(box, float(at))], float(at))
        found.append(motion.speed_ms(1))
    known = [value for value in found if value is not None]
    assert len(known) >= (12 - 1.5) * fps
    # What the anchor lies off by, in metres, over two seconds.
    worst = STANDING * height * float(PLANE.distance_m([still[[0, 3]]], [still[[0, 3]] - (0, 1)])[0])
    # Of 27 values at 2.5 frames a second chance lets some seven pass the limit, now and then.
    assert np.mean(np.array(known) == 0) >= 0.7
    assert max(known) <= 2 * worst


def test_the_noise_of_a_walk_is_averaged_out() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(40):
        motion = Motion(PLANE, confidence=0.25)
        for at in np.arange(0, 2.01, 1 / 6):
            box = box_at(straight(1.4, 0.4)(at), tuple(rng.normal(0, 1.0, 2)))
            motion.observe([track(box, float(at))], float(at))
        found.append(motion.speed_ms(1))
    assert np.median(found) == pytest.approx(1.4, rel=0.03)  # type: ignore[arg-type]
    assert np.std(found) < 0.15  # type: ignore[arg-type]


def test_too_short_a_look_says_nothing() -> None:
    way = straight(1.4, 0.0)
    assert speed(way, []) is None
    assert speed(way, [0.0]) is None
    assert speed(way, np.arange(0, 0.95, 0.1).tolist()) is None
    assert speed(way, [0.0, 1.5]) is None, "two sightings may be two mistakes"
    assert speed(way, [0.0, 0.5, 1.0]) == pytest.approx(1.4, rel=0.04)


def test_only_the_last_two_seconds_count() -> None:
    def way(at: float) -> tuple[float, float]:
        return (min(at, 4.0) * 1.4 - 3, 8.0)  # stops at 4 s

    times = np.arange(0, 6.6, 1 / 6).tolist()
    assert speed(way, times) == 0.0
    assert speed(way, times[:25]) == pytest.approx(1.4, rel=0.04)


def test_the_state_of_a_track_dies_with_it() -> None:
    motion = Motion(PLANE, confidence=0.25)
    for at in np.arange(0, 2, 0.25).tolist():
        motion.observe([track(box_at(straight(1.4, 0)(at)), at)], at)
    assert motion.speed_ms(1) is not None
    motion.observe([], 2.0)
    assert motion.speed_ms(1) is None
    assert motion._ways == {}


def test_memory_is_bounded_by_what_is_in_view() -> None:
    motion = Motion(PLANE, confidence=0.25)
    for step in range(2000):
        at = step / 10
        motion.observe([track(box_at((0, 8)), at, track_id=step // 20)], at)
    assert len(motion._ways) == 1
    assert sum(map(len, motion._ways.values())) <= 21


def test_a_lost_track_has_no_speed_once_its_sightings_are_old() -> None:
    motion = Motion(PLANE, confidence=0.25)
    for at in np.arange(0, 2, 0.25).tolist():
        motion.observe([track(box_at(straight(1.4, 0)(at)), at)], at)
    motion.observe([track(box_at((0, 8)), 3.5, seen_at=1.75)], 3.5)
    assert motion.speed_ms(1) is None


def test_weak_sightings_say_nothing_of_a_place() -> None:
    motion = Motion(PLANE, confidence=0.25)
    for at in np.arange(0, 3, 0.25).tolist():
        motion.observe([track(box_at((0, 8)), at, confidence=0.15)], at)
    assert motion.speed_ms(1) is None


def test_a_box_cut_off_by_the_frame_does_not_brake_a_car() -> None:
    """Leaving the frame, the visible part shrinks and its middle slows down to half the car's speed."""
    motion = Motion(PLANE, confidence=0.25)
    found = []
    for at in np.arange(0, 4, 1 / 6).tolist():
        x = 200 + 220 * at
        box = np.array([min(x, WIDTH - 1), 150, min(x + 150, WIDTH - 1), 220], np.float32)
        if box[2] - box[0] < 10:
            break
        motion.observe([track(box, at, name="car")], at)
        found.append(motion.speed_ms(1))
    known = [value for value in found if value is not None]
    assert len(known) >= 2
    assert known == pytest.approx([known[0]] * len(known), rel=0.02)


def test_beyond_the_horizon_nobody_has_a_speed() -> None:
    motion = Motion(PLANE, confidence=0.25)
    for at in np.arange(0, 3, 0.25).tolist():
        motion.observe([track(np.array(standing(320 + 20 * at, -20, 10), np.float32), at)], at)
    assert motion.speed_ms(1) is None
