"""The life of a track: birth, confirmation, loss, return, death; always in seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.names import CLASSES
from edge.assignment import assign
from edge.records import Detections, Track
from edge.track import Tracker, TrackerSettings
from tests.edge.scene import frames_of, times, walk
from tests.fakes import detections, join, standing


def follow(script: dict[float, Detections]) -> dict[float, tuple[Track, ...]]:
    tracker = Tracker()
    return {at: tracker.update(seen, at) for at, seen in script.items()}


@pytest.mark.parametrize("fps", [2.5, 4, 10, 25])
def test_one_walker_keeps_one_number_at_every_rate(fps: float) -> None:
    motion = walk(100, 200, 500, 200, 0, 15)  # 27 px/s, .67 box heights a second
    tracks = follow({at: frames_of([motion], at) for at in times(15, fps)})
    assert {track.track_id for frame in tracks.values() for track in frame} == {1}


@pytest.mark.parametrize("fps", [2.5, 5])
def test_a_car_that_moves_further_than_its_width_keeps_its_number(fps: float) -> None:
    motion = walk(50, 200, 600, 200, 0, 5)  # 110 px/s, box 50 px wide at 2.5 frames a second: 44 px a frame

    def seen(at: float) -> Detections:
        place = motion(at)
        return Detections.empty() if place is None else detections(standing(*place, 30, 50), name="car")

    tracks = follow({at: seen(at) for at in times(5, fps)})
    assert len({track.track_id for frame in tracks.values() for track in frame}) == 1


def test_life_cycle() -> None:
    box = detections(standing(300, 200))
    nothing = Detections.empty()
    tracker = Tracker()
    (track,) = tracker.update(box, 0.0)
    assert (track.state, track.born_at, track.seen_at) == ("tentative", 0.0, 0.0)
    (track,) = tracker.update(box, 0.25)
    assert track.state == "tentative"
    (track,) = tracker.update(box, 0.5)
    assert track.state == "confirmed"
    (track,) = tracker.update(nothing, 0.75)
    assert (track.state, track.seen_at) == ("lost", 0.5)
    (track,) = tracker.update(box, 3.0)
    assert (track.state, track.track_id, track.born_at, track.found) == ("confirmed", 1, 0.0, False)
    limit = TrackerSettings().remember_s
    assert tracker.update(nothing, 3.0 + limit) != ()
    assert tracker.update(nothing, 3.1 + limit) == ()
    (track,) = tracker.update(box, 4.0 + limit)
    assert track.track_id == 2


def behind_a_sign(comes_back_at: float, x: float = 300, **tracker: Any) -> list[Track]:
    """Somebody stands at x 300 for two seconds, is hidden, and stands at ``x`` from another time on."""
    follower = Tracker(**tracker)
    tracks: tuple[Track, ...] = ()
    for at in times(comes_back_at + 1):
        place = 300 if at < 2 else x if at >= comes_back_at else None
        seen = Detections.empty() if place is None else detections(standing(place, 200))
        tracks = follower.update(seen, at)
    return [track for track in tracks if track.seen_at > comes_back_at]


def test_who_stood_behind_a_sign_is_found_where_they_vanished() -> None:
    (track,) = behind_a_sign(8.0)
    assert track.track_id == 1
    (track,) = behind_a_sign(8.0, x=318)
    assert track.track_id == 1
    (track,) = behind_a_sign(8.0, x=330)  # three quarters of their height away: somebody else
    assert track.track_id == 2
    (track,) = behind_a_sign(13.0)  # nobody is expected that long
    assert track.track_id == 2


def group_of_two(front_until: float) -> dict[float, tuple[Track, ...]]:
    """One comes and stands; a second stands down before them, a little nearer, and hides them from 6 s on."""
    front = walk(460, 205, 304, 205, 0, 5)

    def seen(at: float) -> Detections:
        place = front(at) or ((304, 205) if at < front_until else None)
        first = detections(standing(300, 200)) if at < 5.5 else Detections.empty()
        return join(first, *([detections(standing(place[0], place[1], 44))] if place else []))

    return follow({at: seen(at) for at in times(30)})


def test_who_is_hidden_behind_somebody_standing_is_held_there() -> None:
    tracks = group_of_two(20)
    hidden = [at for at, frame in tracks.items() if any(track.hidden for track in frame)]
    assert hidden[0] == pytest.approx(5.5, abs=0.2)
    assert hidden[-1] == pytest.approx(20, abs=0.2)
    (track,) = [track for track in tracks[hidden[-1]] if track.hidden]
    assert (track.track_id, track.xyxy.tolist()) == (1, [292, 160, 308, 200])
    assert [track for track in tracks[max(tracks)] if track.hidden] == []


def test_nobody_is_held_for_ever() -> None:
    hidden = [at for at, frame in group_of_two(40).items() if any(track.hidden for track in frame)]
    assert hidden[-1] <= 5.5 + TrackerSettings().hidden_s + 0.2


def test_two_boxes_on_one_person_hold_nobody() -> None:
    """They never were apart: when the second box goes, nobody stood behind the first."""
    script = {
        at: join(
            detections(standing(300, 205, 44)),
            detections(standing(302, 190, 26)) if at < 6 else Detections.empty(),
        )
        for at in times(20)
    }
    assert not any(track.hidden for frame in follow(script).values() for track in frame)


def test_who_walks_past_somebody_standing_is_not_held() -> None:
    one, other = walk(100, 200, 500, 200, 0, 10), (300, 206)

    def seen(at: float) -> Detections:
        place = one(at)
        behind = place is None or abs(place[0] - other[0]) < 16
        return join(
            detections(standing(*other, 46)),
            *([] if behind or place is None else [detections(standing(*place))]),
        )

    tracks = follow({at: seen(at) for at in times(14)})
    assert sum(any(track.hidden for track in frame) for frame in tracks.values()) < 8


def test_who_left_through_the_frames_border_is_not_expected_back() -> None:
    (track,) = behind_a_sign(8.0, frame_wh=(640, 360))
    assert track.track_id == 1
    (track,) = behind_a_sign(8.0, frame_wh=(308, 360))  # the same place, but at the right border
    assert track.track_id == 2


def test_who_went_on_under_another_number_is_not_found_again() -> None:
    tracker = Tracker()

    def seen(at: float) -> Detections:
        """One who stood at 300 turns up a step aside, too far to be the same track, and walks off; another comes."""
        first = detections(standing(300, 200)) if at < 2 else Detections.empty()
        on = detections(standing(336 + 30 * max(0, at - 3), 200)) if at >= 2.5 else Detections.empty()
        another = detections(standing(300, 200)) if at >= 7 else Detections.empty()
        return join(first, on, another)

    for at in times(9):
        tracks = tracker.update(seen(at), at)
    assert sorted(track.track_id for track in tracks if track.seen_at == at) == [2, 3]


@pytest.mark.parametrize("fps", [5, 10])
def test_two_who_pass_each_other_unseen_for_a_moment_go_on_as_they_went(fps: float) -> None:
    one, other = walk(100, 200, 500, 200, 0, 10), walk(500, 204, 100, 204, 0, 10)
    tracker = Tracker()
    for at in times(10, fps):
        a, b = one(at), other(at)
        assert a is not None
        assert b is not None
        near = abs(a[0] - b[0]) < 24
        seen = detections(standing(*b)) if near else detections(standing(*a), standing(*b))
        tracks = tracker.update(seen, at)
    places = {track.track_id: float(track.xyxy[0]) for track in tracks if track.seen_at == at}
    assert set(places) == {1, 2}
    assert places[1] > 400
    assert places[2] < 200


def test_a_flicker_dies_young() -> None:
    tracker = Tracker()
    tracker.update(detections(standing(300, 200)), 0.0)
    assert tracker.update(Detections.empty(), 1.1) == ()


def test_weak_detections_continue_a_confirmed_track_but_start_none() -> None:
    weak, sure = detections(standing(300, 200), confidence=0.12), detections(standing(300, 200))
    tracker = Tracker()
    assert tracker.update(weak, 0.0) == ()
    tracker.update(sure, 0.25)
    tracker.update(sure, 0.5)
    (track,) = tracker.update(weak, 0.75)  # seen twice is not enough to follow a faint trace
    assert (track.state, track.seen_at) == ("tentative", 0.5)
    tracker.update(sure, 1.0)
    (track,) = tracker.update(weak, 1.25)
    assert (track.state, track.seen_at) == ("confirmed", 1.25)


def test_of_two_tracks_on_one_object_the_one_seen_last_goes_on() -> None:
    tracker = Tracker()
    for at in times(2):
        tracker.update(join(detections(standing(300, 200)), detections(standing(306, 200))), at)
    for at in times(3.2, start=2):
        tracker.update(detections(standing(306, 200)), at)
    tracks = tracker.update(detections(standing(302, 200)), 3.2)
    assert [track.track_id for track in tracks if track.seen_at == 3.2] == [2]


def test_a_flicker_takes_no_detection_from_its_neighbour() -> None:
    whole, part = standing(300, 200, 60), standing(300, 196, 48)
    tracker = Tracker()
    for at in times(4):
        turn = int(at * 6) % 3 == 2
        seen = join(detections(whole), detections(part, confidence=0.4)) if turn else detections(whole)
        tracks = tracker.update(seen, at)
    assert min(track.track_id for track in tracks) == 1
    assert next(track for track in tracks if track.track_id == 1).seen_at == at


def test_people_do_not_become_cars() -> None:
    tracker = Tracker()
    tracker.update(detections(standing(300, 200)), 0.0)
    tracks = tracker.update(detections(standing(300, 200), name="car"), 0.25)
    assert len(tracks) == 2


def test_the_class_is_a_vote_weighted_by_confidence() -> None:
    tracker = Tracker()
    for at, (name, confidence) in enumerate([("truck", 0.4), ("car", 0.9), ("truck", 0.3)]):
        (track,) = tracker.update(detections(standing(300, 200), name=name, confidence=confidence), at / 4)
    assert CLASSES[track.class_id] == "car"


def test_two_who_cross_keep_their_numbers() -> None:
    motions = [walk(100, 200, 500, 210, 0, 15), walk(500, 230, 100, 220, 0, 15)]
    script = {at: frames_of(motions, at) for at in times(15, 6)}
    tracks = follow(script)
    assert {track.track_id for frame in tracks.values() for track in frame} == {1, 2}
    last = max(tracks)
    places = {track.track_id: float(track.xyxy[0]) for track in tracks[last]}
    assert places[1] > 450
    assert places[2] < 150


def test_a_box_seen_twice_is_one_track_in_the_end() -> None:
    tracker = Tracker()
    for at in times(4):
        twice = join(detections(standing(300, 200)), detections(standing(301, 200), confidence=0.5))
        tracks = tracker.update(twice if at < 1 else detections(standing(300, 200)), at)
    assert len(tracks) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 7), st.integers(0, 7), st.integers(0, 10**6))
def test_assignment_is_the_best_there_is(rows: int, columns: int, seed: int) -> None:
    from itertools import permutations

    similarity = np.random.default_rng(seed).random((rows, columns)).round(2)
    found_rows, found_columns = assign(similarity.copy(), 0.4)
    assert len(set(found_rows)) == len(found_rows)
    assert len(set(found_columns)) == len(found_columns)
    found = similarity[found_rows, found_columns]
    assert (found >= 0.4).all()
    allowed = np.where(similarity >= 0.4, similarity, 0.0)
    wide = allowed if rows <= columns else allowed.T
    best = max(
        (
            sum(wide[i, j] for i, j in enumerate(order))
            for order in permutations(range(wide.shape[1]), len(wide))
        ),
        default=0.0,
    )
    assert found.sum() == pytest.approx(best)


def test_numbers_and_order_of_detections_do_not_matter() -> None:
    motions = [walk(100 + 60 * n, 200, 400, 120 + 30 * n, 0, 10) for n in range(5)]
    forward, backward = Tracker(), Tracker()
    for at in times(10):
        seen = frames_of(motions, at)
        a = forward.update(seen, at)
        b = backward.update(seen.where(np.arange(len(seen))[::-1]), at)
        assert sorted(tuple(t.xyxy.round(3)) for t in a) == sorted(tuple(t.xyxy.round(3)) for t in b)
