"""Where the seconds of a run lie (R15): cuts at steps of the clock, and the slices of a time that is not known."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.messages import Body, Interval
from edge.provisional import sorted_in
from edge.timeline import SLICE_S, Piece, Timeline
from edge.track import Tracker
from tests.edge.scene import (
    START,
    WH,
    CameraCounters,
    Layout,
    config,
    crossed,
    frames_of,
    stand,
    times,
    total,
    walk,
    zones,
)

MINUTE = int(START.timestamp())
DAY_S, YEAR_S = 86400.0, 365 * 86400.0
STEPS = {
    "-14 d": -14 * DAY_S,
    "+1 y": YEAR_S,
    "to 1970": -float(MINUTE),
    "+10 y": 10 * YEAR_S,
    "-10 y": -10 * YEAR_S,
    "leap second": -1.0,
    "half a minute on": 30.0,
    "half a minute back": -30.0,
    "an hour on": 3600.0,
    "an hour back": -3600.0,
}


def pieces(timeline: Timeline, start: float, end: float) -> list[Piece]:
    found = []
    while start < end:
        found.append(timeline.piece(start))
        start = found[-1].end
    return found


def test_known_time_is_cut_at_the_interval_and_unknown_time_into_slices() -> None:
    known = pieces(Timeline(60, MINUTE + 17.25), 0.0, 120.0)
    assert [piece.begins - MINUTE for piece in known] == [0, 60, 120]
    assert [piece.end for piece in known] == [42.75, 102.75, 162.75]
    unknown = pieces(Timeline(60, 1000.5, known=False), 0.0, 6.0)
    assert [(piece.begins, piece.end) for piece in unknown] == [
        (1000, 1.5),
        (1002, 3.5),
        (1004, 5.5),
        (1006, 7.5),
    ]
    assert not any(piece.known for piece in unknown)


def test_time_that_becomes_known_begins_with_a_whole_interval() -> None:
    timeline = Timeline(60, 1000.5, known=False)
    since, again = timeline.cut(100.0, MINUTE + 10.0 - 100.0, known=True)
    assert (since, again) == (150.0, False)
    found = pieces(timeline, 98.0, 211.0)
    assert [piece.known for piece in found].index(True) == len(found) - 2
    assert found[-2] == Piece(150.0, 210.0, MINUTE + 60, known=True)
    assert found[-3].end == 150.0


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    cuts=st.lists(
        st.tuples(
            st.floats(0.01, 400),
            st.one_of(
                st.floats(1, 90), st.floats(-90, -1), st.floats(-1e9, 1e9).filter(lambda step: abs(step) >= 1)
            ),
            st.booleans(),
        ),
        max_size=8,
    ),
    interval_s=st.sampled_from([10, 60, 900]),
    known=st.booleans(),
    phase=st.floats(0, 900),
)
def test_r15_pieces_follow_each_other_and_none_is_longer_than_its_interval(
    cuts: list[tuple[float, float, bool]], interval_s: int, known: bool, phase: float
) -> None:
    """Whatever the clock does: no gap, no overlap, nothing negative; and one run tells no time twice."""
    timeline = Timeline(interval_s, MINUTE + phase if known else phase, known=known)
    at, anchor, runs = 0.0, MINUTE + phase, []
    for wait, step, whether in cuts:
        at, anchor, known = at + wait, anchor + step, known or whether
        since, again = timeline.cut(at, anchor if known else phase, known=known)
        runs = [moment for moment in runs if moment <= at] + [since] * again
    found = pieces(timeline, 0.0, at + 3 * interval_s)
    for one, other in itertools.pairwise(found):
        assert one.end == other.start
    for piece in found:
        length = interval_s if piece.known else SLICE_S
        assert 0 < piece.end - piece.start <= length + 2e-3
        assert piece.begins % length == 0
    # The runs as they come: a piece belongs to the run that is open where it starts.
    for run in range(len(runs) + 1):
        mine = [p.begins for p in found if p.known and sum(moment <= p.start for moment in runs) == run]
        assert mine == sorted(set(mine)), (runs, mine)


END_S = 130.0


def counted(change: Callable[[Timeline, float], None] | None = None) -> list[Body]:
    """Two minutes of two walkers and one who stands; ``change`` may do something to the clock at each frame."""
    motions = [stand(300, 200, 5, 120), walk(320, 60, 320, 320, 20, 40), walk(330, 60, 330, 320, 50, 70)]
    timeline = Timeline(60, float(MINUTE))
    counting = CameraCounters("cam", Layout.of(config(), WH), interval_s=60, anchor=timeline, confidence=0.25)
    tracker, bodies = Tracker(), []
    for at in times(END_S, fps=4):
        if change is not None:
            change(timeline, at)
        seen = frames_of(motions, at)
        bodies += counting.observe(seen, tracker.update(seen, at), at)
    return bodies + counting.finish(END_S)


@pytest.fixture(scope="module")
def calm() -> list[Body]:
    return counted()


def stepped(step: float, at_s: float) -> Callable[[Timeline, float], None]:
    """A clock that is set once, while somebody is in the zone and on the way over the line."""
    done: list[bool] = []

    def change(timeline: Timeline, at: float) -> None:
        if at >= at_s and not done:
            done.append(True)
            timeline.cut(at, MINUTE + step, known=True)

    return change


@pytest.mark.parametrize(
    ("name", "at_s"), [*((name, 61.0) for name in STEPS), ("leap second", 60.3), ("an hour back", 119.5)]
)
def test_r15_a_step_of_the_clock_changes_no_count(calm: list[Body], name: str, at_s: float) -> None:
    """Conservation: object-seconds, seconds, entries, exits, crossings and visits are those of an undisturbed run."""
    stormy = counted(stepped(STEPS[name], at_s))
    assert sum(body.observed_s for body in zones(stormy)) == pytest.approx(END_S, abs=0.5)
    assert total(stormy, "object_s") == pytest.approx(total(calm, "object_s"), abs=0.01)
    for field in ("entries", "exits", "dwell_censored"):
        assert total(stormy, field) == total(calm, field)
    assert crossed(stormy) == crossed(calm) == (2, 0)
    for body in stormy:
        assert isinstance(body, Interval)
        assert body.start.timestamp() % 60 == 0


def test_r15_slewing_by_a_second_a_minute_loses_nothing(calm: list[Body]) -> None:
    """A clock that is drawn along slowly: followed by a second at a time (`edge.boxclock.STEP_S`)."""
    told = [0.0]

    def change(timeline: Timeline, at: float) -> None:
        if at / 60 - told[0] >= 1:
            told[0] = at / 60
            timeline.cut(at, MINUTE + told[0], known=True)

    stormy = counted(change)
    assert told[0] > 0
    assert total(stormy, "object_s") == pytest.approx(total(calm, "object_s"), abs=0.01)
    starts = [body.start for body in zones(stormy)]
    assert starts == sorted(set(starts))


def test_a_clock_that_jumps_all_the_time_fills_no_memory() -> None:
    timeline = Timeline(60, float(MINUTE))
    for n in range(1000):
        timeline.cut(float(n), MINUTE + 100.0 * (n % 7), known=True)
    assert len(timeline._stretches) <= 102
    assert timeline.piece(990.0).end > 990.0


def test_r16_what_was_counted_in_unknown_time_is_what_an_undisturbed_run_counts(calm: list[Body]) -> None:
    """Sorted in from slices, through zone, line, settling and the boundary; each figure within a second of its time."""
    booted = 1000.37
    timeline = Timeline(60, booted, known=False)
    counting = CameraCounters("cam", Layout.of(config(), WH), interval_s=60, anchor=timeline, confidence=0.25)
    motions = [stand(300, 200, 5, 120), walk(320, 60, 320, 320, 20, 40), walk(330, 60, 330, 320, 50, 70)]
    tracker, bodies = Tracker(), []
    for at in times(END_S, fps=4):
        if at == 75.0:
            since, again = timeline.cut(at, float(MINUTE), known=True)
            assert (since, again) == (120.0, False)
        seen = frames_of(motions, at)
        bodies += counting.observe(seen, tracker.update(seen, at), at)
    bodies += counting.finish(END_S)
    bodies = sorted_in(counting.slices, MINUTE - booted, "synced") + bodies
    assert [(type(b), b.start) for b in bodies if isinstance(b, Interval)] == [
        (type(b), b.start) for b in calm if isinstance(b, Interval)
    ]
    for mine, other in zip(zones(bodies), zones(calm), strict=True):
        assert mine.observed_s == pytest.approx(other.observed_s, abs=1.001)
        assert mine.flag_s == other.flag_s == {}
        assert mine.counts.keys() == other.counts.keys()
        for name, counts in mine.counts.items():
            assert counts.object_s == pytest.approx(other.counts[name].object_s, abs=2.001)
            assert counts.peak == other.counts[name].peak
    assert total(bodies, "object_s") == pytest.approx(total(calm, "object_s"), abs=0.02)
    for field in ("entries", "exits", "dwell_censored"):
        assert total(bodies, field) == total(calm, field)
    assert crossed(bodies) == crossed(calm)
