"""Fair sharing of several cameras: shares in the long run, nobody starves, nobody waits for a dead one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.turns import Turns


def simulate(
    rates: list[float],
    costs: list[float],
    seconds: float,
    *,
    alive: list[bool] | None = None,
    limits: dict[int, float] | None = None,
) -> tuple[list[list[float]], float]:
    """Cameras that each deliver at their rate, newest frame only: when each was served, and the idle seconds in
    which somebody had a frame waiting."""
    turns, at, idle = Turns(rates), 0.0, 0.0
    for index, limit in (limits or {}).items():
        turns.limit(index, limit)
    served: list[list[float]] = [[] for _ in rates]
    taken = [-1.0] * len(rates)  # number of the last frame taken
    while at < seconds:
        for index in turns.order(at):
            newest = float(int(at * rates[index] + 1e-9))
            if (alive or [True] * len(rates))[index] and newest > taken[index]:
                taken[index] = newest
                served[index].append(at)
                turns.served(index, at, costs[index])
                at += costs[index]
                break
        else:
            waiting = [i for i in range(len(rates)) if int(at * rates[i] + 1e-9) > taken[i]]
            idle += 0.005 if waiting and not limits and alive is None else 0.0
            at += 0.005
    return served, idle


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.5, 1.0, 4.0, 10.0, 25.0]), st.floats(0.005, 0.8)), min_size=1, max_size=5
    )
)
def test_nobody_starves_and_no_moment_is_wasted(cameras: list[tuple[float, float]]) -> None:
    rates, costs = [rate for rate, _ in cameras], [cost for _, cost in cameras]
    served, idle = simulate(rates, costs, 15.0)
    assert idle == 0.0
    for rate, cost, times in zip(rates, costs, served, strict=True):
        gaps = np.diff(times)
        period = max(1 / rate, len(rates) * cost)
        # Overtaken while it waits for one period, by each other camera in proportion, and once more by each in hand.
        assert max(gaps, default=0.0) <= 2.2 * (period + sum(costs)) + 1 / rate


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 5), st.floats(0.05, 0.3))
def test_alike_cameras_get_alike_shares(count: int, cost: float) -> None:
    served, _ = simulate([10.0] * count, [cost] * count, 20.0)
    frames = [len(times) for times in served]
    assert max(frames) - min(frames) <= 2


def test_one_camera_with_huge_frames_takes_no_more_than_its_share() -> None:
    served, _ = simulate([10.0, 10.0, 10.0, 10.0], [1.0, 0.05, 0.05, 0.05], 120.0)
    assert len(served[0]) * 1.0 <= 0.36 * 120
    assert len(served[0]) >= 0.15 * 120
    assert min(len(times) for times in served[1:]) >= 4 * 120  # in turns one by one it would be 0.9 a second


def test_who_asks_for_little_gets_all_of_it_beside_those_who_ask_for_much() -> None:
    served, _ = simulate([1.0, 25.0, 25.0], [0.05, 0.05, 0.05], 60.0)
    assert len(served[0]) >= 59
    assert abs(len(served[1]) - len(served[2])) <= 2


def test_a_dead_camera_costs_nothing() -> None:
    alone, _ = simulate([10.0], [0.2], 60.0)
    beside, _ = simulate([10.0, 10.0, 10.0], [0.2, 0.2, 0.2], 60.0, alive=[True, False, False])
    assert len(beside[0]) == len(alone[0])


@pytest.mark.parametrize("limit", [5.0, 2.5])
def test_a_limited_camera_keeps_its_rate_on_the_average(limit: float) -> None:
    served, _ = simulate([10.0, 10.0], [0.01, 0.01], 60.0, limits={0: limit})
    assert len(served[0]) == pytest.approx(60 * limit, rel=0.02)
    assert len(served[1]) == pytest.approx(600, rel=0.02)


def test_the_pause_ends_when_the_next_camera_is_due() -> None:
    turns = Turns([10.0])
    turns.limit(0, 2.5)
    turns.served(0, 1.0, 0.01)
    assert turns.order(1.1) == []
    assert turns.pause_s(1.1) == pytest.approx(0.3)
    turns.limit(0, None)
    assert turns.order(1.1) == [0]


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Turns([10.0, 0.0])
