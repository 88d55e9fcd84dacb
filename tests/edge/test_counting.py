"""Occupancy, flow and lines from scripted objects: one sentence a scenario."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.counters import CameraCounters
from edge.records import Detections
from edge.track import Tracker
from tests.edge.scene import (
    Motion,
    config,
    count,
    counters,
    crossed,
    frames_of,
    lines,
    parking,
    stand,
    times,
    total,
    walk,
    zones,
)
from tests.fakes import detections, join, standing

ACROSS = walk(60, 180, 580, 180, 0, 20)  # enters at x 160 (3.85 s), leaves at x 480 (16.15 s)
DOWN = walk(320, 100, 320, 260, 0, 12)  # born inside, crosses the line downward at 6 s


@pytest.mark.parametrize("fps", [2.5, 4, 6, 10, 25])
def test_one_visit_counts_alike_at_every_rate(fps: float) -> None:
    bodies = count([ACROSS], times(20, fps), end=20)
    assert (total(bodies, "entries"), total(bodies, "exits")) == (1, 1)
    assert total(bodies, "object_s") == pytest.approx(12.3, abs=1.01 / fps)
    assert sum(body.observed_s for body in zones(bodies)) == pytest.approx(20)
    assert zones(bodies)[0].counts["person"].peak == 1
    assert zones(bodies)[0].counts["person"].dwell == (0, 1, 0, 0, 0, 0, 0, 0)


def test_born_inside_is_no_entry_and_lost_inside_no_exit() -> None:
    bodies = count([stand(320, 180, 2, 8)], times(20))
    assert (total(bodies, "entries"), total(bodies, "exits")) == (0, 0)
    assert total(bodies, "dwell_censored") == 1
    assert total(bodies, "object_s") == pytest.approx(6, abs=0.35)


def test_a_gap_is_bridged_when_the_object_is_found_again() -> None:
    def hidden(at: float) -> tuple[float, float] | None:
        return None if 8 <= at < 10.5 else ACROSS(at)

    bodies = count([hidden], times(20), end=20)
    assert (total(bodies, "entries"), total(bodies, "exits")) == (1, 1)
    assert total(bodies, "object_s") == pytest.approx(12.3, abs=0.35)


def test_a_gap_longer_than_three_seconds_is_not_counted() -> None:
    # The track lives on for four seconds, but who is found after more than three may be somebody else.
    bodies = count([lambda at: None if 8 <= at < 11.5 else (320.0, 180.0)], times(20), end=20)
    assert total(bodies, "object_s") == pytest.approx(16.5, abs=0.35)
    assert (total(bodies, "entries"), total(bodies, "exits")) == (0, 0)


def test_a_tail_of_weak_detections_is_no_presence() -> None:
    counting, tracker = counters(config()), Tracker()
    for at in times(20):
        seen = detections(standing(320, 180), confidence=0.8 if at < 8 else 0.15)
        counting.observe(seen, tracker.update(seen, at), at)
    assert total(counting.finish(20), "object_s") == pytest.approx(8, abs=0.35)


def test_weak_detections_between_two_sure_ones_are_presence() -> None:
    counting, tracker = counters(config()), Tracker()
    for at in times(20):
        seen = detections(standing(320, 180), confidence=0.15 if 8 <= at < 10 else 0.8)
        counting.observe(seen, tracker.update(seen, at), at)
    assert total(counting.finish(20), "object_s") == pytest.approx(20, abs=0.01)


def test_a_gap_is_not_filled_when_nobody_comes_back() -> None:
    bodies = count([stand(320, 180, 0, 8)], times(20))
    assert total(bodies, "object_s") == pytest.approx(8, abs=0.35)


def test_jitter_on_the_edge_is_neither_entry_nor_exit() -> None:
    def jitter(at: float) -> tuple[float, float]:
        return 160 + 3 * math.sin(40 * at), 180

    bodies = count([jitter], times(60), end=60)
    assert total(bodies, "entries") + total(bodies, "exits") <= 1


def test_the_anchor_is_taken_before_any_clipping() -> None:
    # Box x 440..640, anchor 540: outside, though the part of the box inside the zone has its middle inside.
    bodies = count([stand(540, 180)], times(10), height=500)
    assert total(bodies, "object_s") == 0


@pytest.mark.parametrize(
    ("confidence", "lasts", "expected"), [(0.3, 9, 0.0), (0.7, 0.1, 0.0), (0.7, 0.5, 0.5), (0.7, 9, 9)]
)
def test_a_flash_or_a_faint_shape_that_stands_still_is_nobody(
    confidence: float, lasts: float, expected: float
) -> None:
    counting, tracker = counters(config()), Tracker()
    for at in times(12):
        there = 1 <= at < 1 + lasts
        seen = detections(standing(320, 180), confidence=confidence + 0.01) if there else Detections.empty()
        counting.observe(seen, tracker.update(seen, at), at)
    assert total(counting.finish(12), "object_s") == pytest.approx(expected, abs=0.01)


def test_a_faint_shape_that_moves_is_somebody_from_its_first_sight_on() -> None:
    counting, tracker = counters(config()), Tracker()
    motion = walk(200, 180, 440, 180, 1, 11)
    for at in times(14):
        place = motion(at)
        seen = Detections.empty() if place is None else detections(standing(*place), confidence=0.3)
        counting.observe(seen, tracker.update(seen, at), at)
    assert total(counting.finish(14), "object_s") == pytest.approx(10, abs=0.2)


def test_faint_shapes_here_and_there_are_nobody_who_moves() -> None:
    """A pattern of a wall is taken for somebody now at one end, now at the other; a track strings the two together."""
    counting, tracker = counters(config()), Tracker()
    for at in times(40, 10):
        tick = round(at * 10)
        x = None if tick % 10 > 1 else 310 if tick % 20 < 10 else 338
        seen = Detections.empty() if x is None else detections(standing(x, 180), confidence=0.3)
        counting.observe(seen, tracker.update(seen, at), at)
    assert total(counting.finish(40), "object_s") == 0


def test_nothing_there_is_sent_as_nothing_seen_for_its_full_time() -> None:
    (body,) = zones(count([], times(60), end=60))
    assert (body.observed_s, body.counts, body.flag_s) == (60, {}, {})


def test_a_blind_minute_is_lost_and_not_zero_people() -> None:
    counting, tracker = counters(config()), Tracker()
    bodies = []
    for at in [*times(30), *times(150, start=120)]:
        seen = frames_of([stand(320, 180)], at)
        bodies += counting.observe(seen, tracker.update(seen, at), at)
    first, second, third = zones(bodies + counting.finish(150))
    assert (first.observed_s, first.flag_s) == (
        pytest.approx(33, abs=0.2),
        {"lost": pytest.approx(27, abs=0.2)},
    )
    assert (second.observed_s, second.counts, second.flag_s) == (0, {}, {"lost": 60})
    assert third.observed_s == 30
    assert total([first], "object_s") == pytest.approx(33, abs=0.2)  # a state holds 3 s


def test_an_interval_cut_short_by_the_end_of_the_run_lost_nothing() -> None:
    (body,) = zones(count([], times(25), end=25))
    assert (body.observed_s, body.flag_s) == (25, {})


def test_records_close_by_time_alone_and_only_after_settling() -> None:
    counting = counters(config())
    assert counting.observe(Detections.empty(), (), 0.0) == []
    assert counting.advance(89.9) == []
    assert len(counting.advance(90.0)) == 2  # one zone, one line
    assert counting.advance(90.0) == []


def test_intervals_lie_on_the_utc_grid() -> None:
    wire = config(interval_s=10)
    counting = CameraCounters(
        "cam", counters(wire)._layout, interval_s=10, anchor=1_000_000_003.4, confidence=0.25
    )
    counting.observe(Detections.empty(), (), 0.0)
    bodies = zones(counting.finish(20.0))
    assert [body.start.timestamp() % 10 for body in bodies] == [0, 0, 0]
    assert [body.observed_s for body in bodies] == [pytest.approx(3.0), 0, 0]


def test_a_change_confirmed_late_is_dated_back_into_its_own_interval() -> None:
    # Enters at 59.7 s; confirmed only in the next minute, counted in this one.
    bodies = zones(count([walk(60, 180, 280, 180, 32.57, 92.3)], times(100)))
    late = zones(count([walk(158, 180, 200, 180, 59.0, 75.0)], times(100), height=200))
    assert [body.counts["person"].entries for body in bodies if "person" in body.counts] == [1, 0]
    assert sum(body.counts["person"].entries for body in late if "person" in body.counts) == 1
    assert late[0].counts["person"].entries == 1


@pytest.mark.parametrize("fps", [2.5, 4, 10])
@pytest.mark.parametrize(
    ("what", "motion", "expected"),
    [
        ("a walk down through the line is in", DOWN, (1, 0)),
        ("a walk up is out", walk(320, 260, 320, 100, 0, 12), (0, 1)),
        ("a walk past the line's end is nothing", walk(100, 100, 100, 260, 0, 12), (0, 0)),
        ("a walk to the line and back is nothing", lambda at: (320, 184 - abs(at - 6) * 10), (0, 0)),
        ("standing on the line is nothing", lambda at: (320, 180 + 3 * math.sin(30 * at)), (0, 0)),
        (
            "a stop on the line counts once",
            lambda at: (320, 100 + 80 * min(at, 3) / 3 + 40 * max(0, at - 9)),
            (1, 0),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_lines(what: str, motion: Motion, expected: tuple[int, int], fps: float) -> None:
    assert crossed(count([motion], times(12, fps))) == expected


def test_a_box_that_grows_over_the_line_is_no_crossing() -> None:
    counting, tracker = counters(config()), Tracker()
    for at in times(12):
        height = 40 + 3 * math.sin(3 * at)  # the feet stand still at 178, the detector breathes
        seen = detections((310, 178 - 40, 330, 138 + height))
        counting.observe(seen, tracker.update(seen, at), at)
    assert crossed(counting.finish(12)) == (0, 0)


def test_two_who_meet_and_part_cross_once_each() -> None:
    motions = [walk(200, 100, 440, 260, 0, 12), walk(440, 260, 200, 100, 0, 12)]
    bodies = count(motions, times(12))
    assert crossed(bodies) == (1, 1)
    assert total(bodies, "object_s") == pytest.approx(2 * 11, abs=2.5)


def test_classes_are_counted_apart_and_vehicles_peak_together() -> None:
    wire = config(kind="road", classes=("car", "truck"))
    counting, tracker = counters(wire), Tracker()
    for at in times(10):
        seen = join(detections(standing(220, 180), name="car"), detections(standing(400, 180), name="truck"))
        counting.observe(seen, tracker.update(seen, at), at)
    (body,) = zones(counting.finish(10))
    assert body.counts["car"].peak == body.counts["truck"].peak == 1
    assert body.peak_vehicle == 2


def test_a_peak_needs_a_second() -> None:
    bodies = count([stand(200, 180), stand(320, 180), stand(440, 180, 5, 5.6)], times(20, 10))
    assert zones(bodies)[0].counts["person"].peak == 2


def test_capacity_parking_is_bounded_by_its_capacity() -> None:
    wire = config(kind="parking", classes=("car",), capacity=1)
    (body,) = parking(count([stand(220, 180), stand(400, 180)], times(60), wire=wire, end=60, name="car"))
    assert (body.bay_mode, body.bays, body.peak, body.stay) == ("capacity", 1, 1, None)
    assert body.occupied_bay_s == body.observed_bay_s == 60


def test_nothing_is_carried_over_a_restart() -> None:
    first = count([stand(320, 180)], times(30))
    second = count([], times(30))
    assert total(first, "object_s") > 29
    assert total(second, "object_s") == 0


def test_state_of_dead_tracks_is_forgotten() -> None:
    counting, tracker = counters(config()), Tracker()
    for at in times(600, 4):
        seen = detections(standing(200 + (37 * int(at)) % 240, 180))  # jumps: many short tracks
        counting.observe(seen, tracker.update(seen, at), at)
    flow, line = counting.watched.flows["zone"], counting.watched.lines["line"]
    assert max(len(counting._subjects), len(flow._members), len(line._walkers), len(tracker._states)) < 20
    assert len(flow.visits) < 400


@settings(max_examples=40, deadline=None)
@given(st.floats(-30, 30), st.floats(-30, 30))
def test_moving_scene_and_zone_together_changes_nothing(dx: float, dy: float) -> None:
    def moved(at: float) -> tuple[float, float] | None:
        place = ACROSS(at)
        return None if place is None else (place[0] + dx, place[1] + dy)

    wire = config()
    zone = wire.zones[0]
    shift = tuple((x + dx / 640, y + dy / 360) for x, y in zone.polygon or ())
    shifted = wire.model_copy(update={"zones": (zone.model_copy(update={"polygon": shift}),)})
    here, there = count([ACROSS], times(20)), count([moved], times(20), wire=shifted)
    assert total(there, "object_s") == pytest.approx(total(here, "object_s"), abs=0.35)
    assert total(there, "entries") == total(here, "entries")


@settings(max_examples=30, deadline=None)
@given(st.floats(1, 19))
def test_splitting_a_run_keeps_the_seconds(split: float) -> None:
    moments = times(20)
    before, after = [at for at in moments if at < split], [at for at in moments if at >= split]
    if len(before) < 2 or len(after) < 2:
        return
    whole = total(count([ACROSS], moments, end=20), "object_s")
    parts = total(count([ACROSS], before, end=split), "object_s") + total(
        count([ACROSS], after, end=20), "object_s"
    )
    assert parts == pytest.approx(whole, abs=0.5)


def test_lines_are_reported_also_when_nobody_came() -> None:
    (body,) = lines(count([], times(60), end=60))
    assert body.counts == {}
