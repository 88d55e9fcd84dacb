"""The pace under heat and load: down in steps, back slowly, never below what the counting error is published for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.pace import CALM_S, COOL_C, HOT_C, LEAST_FPS, OVERLOAD_S, RUNGS, STEP_S, Pace, Rung, ladder

RATES = (10.0, 10.0)


def new(rates: tuple[float, ...] = RATES) -> Pace:
    return Pace(ladder(rates, resizable=True), rates)


def drive(pace: Pace, start: float, seconds: float, **state: float | bool | None) -> float:
    """Every 10 s from ``start`` on; returns the time after it."""
    told = {"temperature_c": 50.0, "throttled": False, "load": 0.3} | state
    for step in range(round(seconds / 10)):
        pace.observe(start + 10 * step, **told)  # type: ignore[arg-type]
    return start + seconds


def test_full_pace_while_all_is_well() -> None:
    pace = new()
    drive(pace, 0, 3600)
    assert pace.rung == Rung()
    assert not pace.reduced


@pytest.mark.parametrize("state", [{"temperature_c": HOT_C}, {"throttled": True}])
def test_heat_steps_down_one_rung_at_a_time(state: dict[str, float]) -> None:
    pace = new()
    levels = []
    for at in range(0, 200, 10):
        pace.observe(at, **({"temperature_c": 60.0, "throttled": False, "load": 0.3} | state))
        levels.append(pace.level)
    assert levels[0] == 1
    assert levels[int(STEP_S // 10) - 1] == 1
    assert levels[int(STEP_S // 10)] == 2
    assert pace.rung == RUNGS[-1]
    assert pace.reason == "heat"


def test_work_that_does_not_fit_steps_down_after_a_while_only() -> None:
    pace = new()
    at = drive(pace, 0, OVERLOAD_S, load=1.4)
    assert pace.level == 0
    drive(pace, at, 10, load=1.4)
    assert pace.level == 1
    assert pace.reason == "load"


def test_a_burst_of_work_changes_nothing() -> None:
    pace, at = new(), 0.0
    for _ in range(20):
        at = drive(pace, at, 20, load=3.0)
        at = drive(pace, at, 10, load=0.4)
    assert pace.level == 0


def test_back_only_after_it_was_cool_for_long_and_the_work_would_fit() -> None:
    pace = new()
    at = drive(pace, 0, 10, temperature_c=85.0)
    assert pace.level == 1
    at = drive(pace, at, 600, temperature_c=(HOT_C + COOL_C) / 2)  # neither hot nor cool: it stays
    assert pace.level == 1
    at = drive(pace, at, 600, load=0.5)  # at twice the rate it would be 1.0
    assert pace.level == 1
    at = drive(pace, at, CALM_S)
    assert pace.level == 1
    drive(pace, at, 20)
    assert pace.level == 0
    assert pace.reason is None


def test_who_falls_back_again_waits_longer_before_the_next_attempt() -> None:
    pace, at, tries = new(), 0.0, []
    for _ in range(4):
        at = drive(pace, at, 30, temperature_c=85.0)
        began = at
        while pace.reduced:
            at = drive(pace, at, 10)
        tries.append(at - began)
    assert tries[1] > 1.5 * tries[0]
    assert tries[2] > 1.5 * tries[1]


def test_what_cannot_be_measured_says_nothing() -> None:
    pace = new()
    drive(pace, 0, 3600, temperature_c=None, throttled=None, load=None)
    assert pace.level == 0
    at = drive(pace, 3600, 10, temperature_c=90.0)
    assert pace.level == 1
    drive(pace, at, 300, temperature_c=None, throttled=None, load=None)
    assert pace.level == 0


@given(
    st.lists(st.tuples(st.floats(30, 100), st.booleans(), st.floats(0, 5)), min_size=1, max_size=200),
    st.lists(st.sampled_from([1.0, 2.5, 4.0, 6.0, 10.0, 25.0]), min_size=1, max_size=4),
    st.booleans(),
)
def test_it_stays_on_the_ladder_and_moves_one_rung(
    states: list[tuple[float, bool, float]], rates: list[float], resizable: bool
) -> None:
    rungs = ladder(rates, resizable=resizable)
    pace = Pace(rungs, rates)
    for step, (celsius, throttled, load) in enumerate(states):
        before = pace.level
        moved = pace.observe(10.0 * step, temperature_c=celsius, throttled=throttled, load=load)
        assert moved == (pace.level != before)
        assert abs(pace.level - before) <= 1
        assert pace.rung.fps is None or pace.rung.fps >= LEAST_FPS
        if pace.level > before:
            assert throttled or celsius >= HOT_C or load > 1
        if pace.level < before:
            assert not throttled
            assert celsius <= COOL_C


def test_rungs_that_change_nothing_are_left_out() -> None:
    assert ladder([10.0], resizable=True) == RUNGS
    assert ladder([4.0], resizable=True) == (Rung(), Rung(2.5), Rung(2.5, 0.55))
    assert ladder([10.0], resizable=False) == (Rung(), Rung(5.0), Rung(2.5))
    assert ladder([2.0], resizable=True) == (Rung(), Rung(None, 0.55))
    assert ladder([2.0], resizable=False) == (Rung(),)
