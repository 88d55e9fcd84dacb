"""What must hold of zones and lines whoever walks how: counters alone on tracks that never err, and through the tracker.

Walkers go piecewise straight at up to two of their heights a second, and stop. ``missed`` up to 30 % where the property
should still hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from contract.messages import Body, ZoneBody
from edge.counters import SURE_S
from edge.flow import CONFIRM_EDGE_S, EDGE_BAND
from edge.geometry import distance_to_edge, points_in_polygon
from edge.records import Detections, Track
from tests.edge.pain_world import Told, told
from tests.edge.scene import zones
from tests.edge.walkers import (
    ANCHOR_ZONE,
    FEET,
    HEIGHT,
    A,
    B,
    Walker,
    count_seen,
    count_tracks,
    crowds,
    layout_at,
)

END = 15.0
Count = Callable[..., list[Body]]
Missed = Callable[[int, float], bool]
# The same examples in every run, shown as they were found: shrinking one repeats whole runs for minutes.
PHASES = (Phase.explicit, Phase.generate)
some = settings(max_examples=8, deadline=None, derandomize=True, phases=PHASES)
few = settings(max_examples=5, deadline=None, derandomize=True, phases=PHASES)
rates = st.sampled_from([4.0, 6.0, 10.0])
seeds = st.integers(0, 10**6)
both = pytest.mark.parametrize("count", [count_tracks, count_seen], ids=["tracks", "tracker"])


def steady(rate: float, end: float = END, start: float = 0.0) -> list[float]:
    return [float(at) for at in np.arange(start, end, 1 / rate)]


def irregular(seed: int, gap: float = 0.25) -> list[float]:
    """Frame times that lie 20 ms to ``gap`` apart."""
    moments = np.cumsum(np.random.default_rng(seed).uniform(0.02, gap, 1000))
    return [float(at) for at in moments[moments < END]]


@st.composite
def misses(draw: st.DrawFn, most: float = 0.3) -> Missed:
    """Which sights are missed: up to ``most`` of them, at random."""
    share, seed = draw(st.sampled_from([0.0, most / 2, most])), draw(st.integers(0, 10**6))
    return lambda number, at: np.random.default_rng([seed, number, round(at * 1000)]).random() < share


def sighted(crowd: Sequence[Walker], moments: Sequence[float], missed: Missed) -> list[list[float]]:
    """When each walker is seen."""
    return [
        [at for at in moments if walker.at(at) is not None and not missed(number, at)]
        for number, walker in enumerate(crowd)
    ]


def inside(walker: Walker, at: float) -> bool:
    x, y = walker.at(at) or (0.0, 0.0)
    return bool(points_in_polygon(np.array([[x, y - FEET]]), ANCHOR_ZONE)[0])


def sums(bodies: list[Body]) -> Told:
    found = told(bodies)
    return replace(found, object_s=round(found.object_s, 2), peak=0)


# --- what changes nothing ---


@both
@some
@given(crowd=crowds(), rate=rates, dx=st.integers(-50, 50), dy=st.integers(-40, 40))
def test_moving_everything_by_whole_pixels_changes_no_record(
    count: Count, crowd: list[Walker], rate: float, dx: int, dy: int
) -> None:
    moved = [walker.moved(dx, dy) for walker in crowd]
    here, there = (
        count(who, steady(rate), END, layout=where)
        for who, where in ((crowd, None), (moved, layout_at(dx, dy)))
    )
    assert here == there


@some
@given(crowd=crowds(5), rate=rates, missed=misses(), seed=seeds)
def test_numbers_and_order_of_tracks_change_no_record(
    crowd: list[Walker], rate: float, missed: Missed, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    names = (rng.permutation(len(crowd)) + 1000).tolist()

    def shuffled(tracks: tuple[Track, ...]) -> list[Track]:
        renamed = [replace(track, track_id=names[track.track_id - 1]) for track in tracks]
        return [renamed[place] for place in rng.permutation(len(renamed))]

    straight = count_tracks(crowd, steady(rate), END, missed=missed)
    assert count_tracks(crowd, steady(rate), END, missed=missed, order=shuffled) == straight


@some
@given(crowd=crowds(5), rate=rates, missed=misses(), seed=seeds)
def test_the_order_of_detections_changes_no_record(
    crowd: list[Walker], rate: float, missed: Missed, seed: int
) -> None:
    rng = np.random.default_rng(seed)

    def shuffled(seen: Detections) -> Detections:
        return seen.where(rng.permutation(len(seen)))

    straight = count_seen(crowd, steady(rate), END, missed=missed)
    assert count_seen(crowd, steady(rate), END, missed=missed, order=shuffled) == straight


@both
@few
@given(crowd=crowds(), rate=rates, missed=misses())
def test_a_line_drawn_the_other_way_swaps_in_and_out(
    count: Count, crowd: list[Walker], rate: float, missed: Missed
) -> None:
    ways = told(count(crowd, steady(rate), END, missed=missed)).ways
    assert (
        told(count(crowd, steady(rate), END, missed=missed, layout=layout_at(mirrored=True))).ways
        == ways[::-1]
    )


@both
@few
@given(crowd=crowds(until=75.0, legs=8), rate=rates, missed=misses())
def test_the_sum_is_the_same_in_short_and_in_long_intervals(
    count: Count, crowd: list[Walker], rate: float, missed: Missed
) -> None:
    long, middle, short = (
        count(crowd, steady(rate, 77), 77, missed=missed, interval_s=interval) for interval in (60, 30, 10)
    )
    assert sums(short) == sums(middle) == sums(long)
    assert ended(short) == ended(middle) == ended(long)
    for bodies in (short, middle, long):
        assert sum(body.observed_s for body in zones(bodies)) == pytest.approx(77)
    assert told(short).peak <= told(long).peak + 1


def ended(bodies: list[Body]) -> tuple[int, ...]:
    """Dwell histogram over all records, then censored visits."""
    rows = [(*c.dwell, c.dwell_censored) for body in zones(bodies) for c in body.counts.values()]
    return tuple(np.sum(rows, axis=0).tolist()) if rows else (0,) * 9


# --- what bounds what ---


@both
@some
@given(crowd=crowds(5), frames=seeds, missed=misses())
def test_nobody_is_counted_twice_and_nothing_below_zero(
    count: Count, crowd: list[Walker], frames: int, missed: Missed
) -> None:
    for body in count(crowd, irregular(frames), END, missed=missed, interval_s=10):
        if isinstance(body, ZoneBody) and "person" in body.counts:
            person = body.counts["person"]
            assert 0 <= person.object_s <= len(crowd) * body.observed_s + 1e-6
            assert 0 <= person.peak <= len(crowd)
            assert min(person.entries, person.exits, *person.dwell, person.dwell_censored) >= 0


@some
@given(crowd=crowds(5), frames=seeds, missed=misses())
def test_entries_and_exits_balance(crowd: list[Walker], frames: int, missed: Missed) -> None:
    """Who came in, or was there at first, went out, or was there at last; and every visit is in the histogram once."""
    moments = irregular(frames)
    seen = sighted(crowd, moments, missed)
    steps = dict(zip(moments[1:], np.diff(moments), strict=True))
    assume(all(sum(steps.get(at, 0) for at in sights) > SURE_S + 0.01 for sights in seen))
    assume(all(b - a < 3 for sights in seen for a, b in pairwise(sights)))
    counted = count_tracks(crowd, moments, END, missed=missed)
    born = sum(inside(walker, sights[0]) for walker, sights in zip(crowd, seen, strict=True))
    lost = sum(inside(walker, sights[-1]) for walker, sights in zip(crowd, seen, strict=True))
    flows = told(counted)
    assert flows.entries - flows.exits == lost - born
    assert sum(ended(counted)) == flows.entries + born == flows.exits + lost


# --- what frames and runs do to it ---


@both
@some
@given(data=st.data())
def test_other_frame_times_change_seconds_by_a_gap_for_each_change(count: Count, data: st.DataObject) -> None:
    """Object-seconds of one motion, cut into other frames: (entries + exits) x the longest gap at most.

    Entries and exits are those of the motion, with the walkers who appear or vanish inside; none keeps along the edge.
    Through the tracker it is one walker: two may be taken for one who was hidden.
    """
    crowd = data.draw(crowds(4 if count is count_tracks else 1))
    moments, rate = irregular(data.draw(seeds)), data.draw(rates)
    assume(not any(along_the_edge(walker) for walker in crowd))
    changes = sum(changes_of(walker) for walker in crowd)
    fine = told(count(crowd, steady(15), END)).object_s
    for cut, gap in ((moments, 0.25), (steady(rate), 1 / rate)):
        assert told(count(crowd, cut, END)).object_s == pytest.approx(fine, abs=changes * gap + 1e-3)


def changes_of(walker: Walker) -> int:
    """How often it enters, leaves, appears or vanishes inside."""
    return 2 * sum(inside for inside, _ in walker.stays())


def along_the_edge(walker: Walker) -> bool:
    """Whether some stay on either side is so near to the edge, or so brief, that the frames decide whether it counts."""
    stays = [depth > 0.2 for _, depth in walker.stays()]
    return not all(deep.any() for deep in stays) or any(deep.sum() * 0.01 < 0.6 for deep in stays[1:-1])


@both
@some
@given(data=st.data())
def test_crossings_are_the_true_ones_at_every_rate(count: Count, data: st.DataObject) -> None:
    """Of walkers who are clearly on each side for two frames at least, and pass the segment not by its very end."""
    crowd = data.draw(crowds(4 if count is count_tracks else 1))
    moments, rate = irregular(data.draw(seeds)), data.draw(rates)
    assume(all(clear_of_line(walker, 0.25) for walker in crowd))
    true = np.sum([crossings_of(walker) for walker in crowd], axis=0).tolist()
    for cut in (moments, steady(rate), steady(15)):
        assert list(told(count(crowd, cut, END)).ways) == true


def sides_of(walker: Walker) -> list[np.ndarray]:
    """The anchors (N, 2), 10 ms apart, of each of its stays on one side of the line."""
    _, anchors = walker.anchors()
    changes = np.flatnonzero(np.diff(anchors[:, 1] > A[1])) + 1
    return np.split(anchors, changes)


def clear_of_line(walker: Walker, gap: float) -> bool:
    stays = sides_of(walker)
    seconds = [(np.abs(stay[:, 1] - A[1]) > 0.15 * HEIGHT).sum() * 0.01 for stay in stays]
    ends = [min(abs(stay[0, 0] - A[0]), abs(stay[0, 0] - B[0])) for stay in stays[1:]]
    return min(seconds) > 2 * gap + 0.02 and min(ends, default=99) > 0.2 * HEIGHT


def crossings_of(walker: Walker) -> tuple[int, int]:
    ways = [stay[0, 1] > A[1] for stay in sides_of(walker)[1:] if A[0] < stay[0, 0] < B[0]]
    return sum(ways), len(ways) - sum(ways)


@both
@settings(some, max_examples=10)
@given(crowd=crowds(), rate=st.sampled_from([4.0, 10.0, 15.0]), at=st.floats(1, 14))
def test_a_restart_loses_a_gap_of_each_object_and_a_crossing_of_each(
    count: Count, crowd: list[Walker], rate: float, at: float
) -> None:
    """A run split in two: of each object alive then, the sum is off by one gap at most, and by at most one crossing.

    Who was seen for less than .5 s before or after is nobody to that run: up to .5 s and two gaps more. Of a change at
    the zone's edge that is not decided yet, both runs believe what they see: up to 3 s more.
    """
    whole = told(count(crowd, steady(rate), END))
    before, after = ([t for t in steady(rate) if (t < at) == first] for first in (True, False))
    parts = [told(count(crowd, before, at)), told(count(crowd, after, END))]
    alive = [walker for walker in crowd if walker.at(at) is not None]
    bound = sum(1 / rate + unproven(walker, at, rate) + undecided(walker, at) for walker in alive)
    assert sum(part.object_s for part in parts) == pytest.approx(whole.object_s, abs=bound + 1e-3)
    for way in (0, 1):
        assert abs(sum(part.ways[way] for part in parts) - whole.ways[way]) <= len(alive)


def unproven(walker: Walker, at: float, rate: float) -> float:
    brief = SURE_S + 2 / rate
    return brief if min(at - walker.times[0], walker.times[-1] - at) < brief else 0.0


def undecided(walker: Walker, at: float) -> float:
    moments, anchors = walker.anchors()
    around = anchors[np.abs(moments - at) < CONFIRM_EDGE_S + 0.3]
    near = distance_to_edge(around, ANCHOR_ZONE) < EDGE_BAND * HEIGHT + 2
    hits = points_in_polygon(around, ANCHOR_ZONE)
    return CONFIRM_EDGE_S if near.any() or hits.any() != hits.all() else 0.0


@pytest.mark.parametrize("border", [10, 20])
def test_an_exit_at_the_border_of_an_interval_is_counted(border: float) -> None:
    """It belongs to the interval that begins then: frames a quarter of a second apart do fall on it."""
    # At 60 px a second to the right, so that the first frame outside, x > 440, is the one at the border.
    leaving = Walker((0.0, border - 3, border + 4), ((250.0, 180.0), (267.0, 180.0), (687.0, 180.0)))
    counted = count_tracks([leaving], steady(4, 60), 60, interval_s=10)
    assert told(counted).exits == 1
    assert sum(ended(counted)) == 1
