"""The forecast of a zone: what holds whatever the history is, and when there is none."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.forecast import Episode, Forecast, History, Refusal, episodes_of, forecast

MONDAY = date(2026, 3, 2)
SHAPE = np.array([2, 1, 1, 3, 8, 14, 20, 26, 30, 28, 22, 16.0])
OF_WEEKDAY = np.array([1.0, 1.1, 1.05, 1.0, 1.2, 1.6, 0.5])
CALM = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def week(days: int, first: date = MONDAY) -> np.ndarray:
    """A pattern that comes back every week."""
    return np.array([SHAPE * OF_WEEKDAY[(first + timedelta(days=k)).weekday()] for k in range(days)]) + 5


def noisy(days: int, seed: int, spread: float = 3.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    level = 1 + 0.1 * rng.standard_normal((days, 1))
    return np.maximum(week(days) * level + spread * rng.standard_normal((days, len(SHAPE))), 0)


def said(values: np.ndarray, limit: float | None = None, **more) -> Forecast:
    found = forecast(History(MONDAY, values, 60, 480, **more), limit)
    assert isinstance(found, Forecast), found
    return found


def refused(values: np.ndarray, **more) -> Refusal:
    found = forecast(History(MONDAY, values, 60, 480, **more))
    assert isinstance(found, Refusal)
    return found


def test_a_perfect_week_comes_back_exactly() -> None:
    found = said(week(50))
    coming = week(64)[50:]
    for quantile in (found.p10, found.p50, found.p90):
        np.testing.assert_allclose(quantile, coming, atol=1e-8)
    assert found.days == tuple(MONDAY + timedelta(days=50 + k) for k in range(14))
    assert found.score.mae == 0
    assert found.score.within == 1
    assert found.score.ratio is None


@given(seed=st.integers(0, 10_000), share=st.floats(0, 0.25))
@CALM
def test_gaps_never_become_zeros(seed: int, share: float) -> None:
    """A perfect week with any gaps in it is forecast as without, but for slots never seen on their weekday."""
    rng = np.random.default_rng(seed)
    values = week(60)
    values[rng.random(values.shape) < share] = np.nan
    values[rng.random(len(values)) < share / 2] = np.nan
    found = said(values).p50
    known = np.array([np.isfinite(values[(60 + ahead) % 7 :: 7]).any(axis=0) for ahead in range(14)])
    np.testing.assert_allclose(found, np.where(known, week(74)[60:], np.nan), atol=1e-8)


@given(
    seed=st.integers(0, 10_000),
    days=st.integers(35, 120),
    capacity=st.sampled_from([None, 20.0, 45.0, 500.0]),
)
@CALM
def test_quantiles_are_ordered_and_within_bounds(seed: int, days: int, capacity: float | None) -> None:
    values = np.minimum(noisy(days, seed, 6), capacity or np.inf)
    found = forecast(History(MONDAY, values, 60, capacity=capacity))
    if isinstance(found, Refusal):
        assert found.reason == "not_better"
        return
    assert (found.p10 >= 0).all()
    assert (found.p10 <= found.p50).all()
    assert (found.p50 <= found.p90).all()
    if capacity is None:
        assert found.chance is None
        return
    assert (found.p90 <= capacity).all()
    assert found.chance is not None
    assert ((found.chance >= 0) & (found.chance <= 1)).all()


@given(seed=st.integers(0, 10_000), factor=st.sampled_from([0.01, 0.5, 3.0, 1000.0]))
@CALM
def test_a_scaled_history_scales_the_forecast(seed: int, factor: float) -> None:
    values = noisy(60, seed)
    one, other = said(values, limit=40.0), said(values * factor, limit=40.0 * factor)
    for name in ("p10", "p50", "p90"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name) * factor, rtol=1e-6)
    assert other.score.ratio == pytest.approx(one.score.ratio)
    np.testing.assert_allclose(other.chance, one.chance, atol=0.002)


@given(seed=st.integers(0, 10_000), added=st.floats(0, 1000))
@CALM
def test_a_constant_added_is_added_to_the_forecast(seed: int, added: float) -> None:
    values = noisy(60, seed) + 40
    one, other = said(values), said(values + added)
    for name in ("p10", "p50", "p90"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name) + added, rtol=1e-6)


def test_the_same_history_gives_the_same_bits() -> None:
    one, other = said(noisy(80, 3)), said(noisy(80, 3))
    assert one.p90.tobytes() == other.p90.tobytes()
    assert one.score == other.score


def test_days_older_than_400_are_not_looked_at() -> None:
    """Nor do they move the dates, labels or anything else."""
    values = noisy(450, 4)
    labels = {MONDAY + timedelta(days=440): "fair", MONDAY + timedelta(days=455): "fair"}
    later = History(MONDAY + timedelta(days=50), values[50:], 60, labels=labels)
    long, short = forecast(History(MONDAY, values, 60, labels=labels)), forecast(later)
    assert isinstance(long, Forecast)
    assert isinstance(short, Forecast)
    assert long.days == short.days
    assert long.p50.tobytes() == short.p50.tobytes()


def test_slots_and_weekdays_without_use_have_no_forecast() -> None:
    values = noisy(60, 5)
    values[:, 0] = np.nan
    sundays = [(MONDAY + timedelta(days=k)).weekday() == 6 for k in range(60)]
    values[sundays] = np.nan
    found = said(values, limit=20.0)
    closed = np.array([day.weekday() == 6 for day in found.days])
    assert np.isnan(found.p50[:, 0]).all()
    assert np.isnan(found.p50[closed]).all()
    assert found.chance is not None
    assert np.isnan(found.chance[closed]).all()
    assert np.isfinite(found.p50[~closed, 1:]).all()
    assert all(episode.day.weekday() != 6 for episode in found.episodes)


def test_days_of_23_and_25_hours_are_wall_clock_days() -> None:
    """29 March lacks its hour from 2 to 3; 25 October has it twice, and the caller gave its mean."""
    for first, turn in ((date(2026, 2, 16), date(2026, 3, 29)), (date(2026, 9, 14), date(2026, 10, 25))):
        night = np.arange(24.0) + 10
        values = np.array([night * OF_WEEKDAY[(first + timedelta(days=k)).weekday()] for k in range(45)])
        if turn.month == 3:
            values[(turn - first).days, 2] = np.nan
        found = forecast(History(first, values, 60))
        assert isinstance(found, Forecast)
        expected = [night * OF_WEEKDAY[day.weekday()] for day in found.days]
        np.testing.assert_allclose(found.p50, expected, atol=1e-8)


def test_a_public_holiday_starts_out_as_a_sunday() -> None:
    values = week(50)
    day = MONDAY + timedelta(days=52)
    found = said(values, labels={day: "public_holiday"})
    sunday = week(64)[[(MONDAY + timedelta(days=k)).weekday() for k in range(50, 57)].index(6) + 50]
    np.testing.assert_allclose(found.p50[2], sunday, atol=1e-8)


@pytest.mark.parametrize("ago", [20, 120], ids=["within nine weeks", "long ago"])
def test_a_label_is_learnt_from_its_past_days(ago: int) -> None:
    """A week of school holidays halved the zone; the same is expected of the one that comes."""
    values = noisy(180, 6, 1.0)
    past = [MONDAY + timedelta(days=180 - ago + k) for k in range(7)]
    for day in past:
        values[(day - MONDAY).days] *= 0.5
    coming = [MONDAY + timedelta(days=180 + k) for k in range(7)]
    with_label = said(values, labels=dict.fromkeys(past + coming, "school_holiday"))
    plain = said(values, labels=dict.fromkeys(past, "school_holiday"))
    assert with_label.p50[:7].sum() < 0.72 * plain.p50[:7].sum()
    assert with_label.p50[7:].sum() == pytest.approx(plain.p50[7:].sum(), rel=0.05)


def test_a_day_like_no_other_moves_little() -> None:
    values = noisy(60, 7, 1.0)
    odd = values.copy()
    odd[55] = 300
    one, other = said(values), said(odd)
    assert np.abs(one.p50 - other.p50).mean() < 0.1 * one.p50.mean()


def test_a_level_that_rose_is_followed() -> None:
    values = noisy(60, 9, 1.0)
    risen = values.copy()
    risen[40:] += 12
    one, other = said(values), said(risen)
    assert (other.p50 - one.p50).mean() == pytest.approx(12, abs=2.5)


def test_the_band_holds_what_it_says() -> None:
    """Of noise that stays as it is, P10 to P90 holds about 80 %, in the back-test and after it."""
    inside = whole = 0
    within = []
    for seed in range(12):
        values = noisy(104, seed)
        found = said(values[:90])
        inside += ((values[90:] >= found.p10) & (values[90:] <= found.p90)).sum()
        whole += found.p50.size
        within.append(found.score.within)
    assert 0.7 <= inside / whole <= 0.9
    assert 0.7 <= np.mean(within) <= 0.9


def test_the_chance_falls_with_the_limit_and_comes_true() -> None:
    came, told = [], []
    for seed in range(12):
        values = noisy(104, seed)
        chances = [said(values[:90], limit).chance for limit in (10.0, 25.0, 35.0, 80.0)]
        assert all((low >= high).all() for low, high in itertools.pairwise(chances))
        came.append(values[90:] >= 25)
        told.append(chances[1])
    told, came = np.concatenate(told), np.concatenate(came)
    for low, high in ((0.0, 0.2), (0.2, 0.8), (0.8, 1.0)):
        own = (told >= low) & (told <= high)
        assert came[own].mean() == pytest.approx(told[own].mean(), abs=0.1)


def test_a_square_may_exceed_its_capacity() -> None:
    found = said(week(50), capacity=30.0, bounded=False)
    assert found.p50.max() > 30
    assert found.chance is not None
    np.testing.assert_array_equal(found.chance, (found.p50 >= 30 - 1e-9).astype(float))


def test_episodes_are_neighbouring_likely_slots_of_one_day() -> None:
    saturday = date(2026, 3, 7)
    chance = np.zeros((2, 8))
    chance[0, 1:4] = 0.6, 0.7, 0.5
    chance[0, 5] = 0.49
    chance[0, 7] = 0.9
    chance[1, 0] = 0.8
    chance[1, 4] = np.nan
    assert episodes_of(chance, (saturday, saturday + timedelta(days=1)), 30, 600) == (
        Episode(saturday, 630, 720, 0.7),
        Episode(saturday, 810, 840, 0.9),
        Episode(saturday + timedelta(days=1), 600, 630, 0.8),
    )


def test_a_full_car_park_is_foretold() -> None:
    """The capacity is reached on Saturdays from 15:00 to 19:00; what cannot be exceeded is not."""
    values = np.minimum(week(50), 40.0)
    found = said(values, capacity=40.0)
    saturdays = [day for day in found.days if day.weekday() == 5]
    assert [(episode.day, episode.start_min, episode.end_min) for episode in found.episodes if episode.day in saturdays] == [
        (day, 15 * 60, 19 * 60) for day in saturdays
    ]  # fmt: skip
    assert all(episode.chance == 1 for episode in found.episodes)


def test_refused_when_history_is_short() -> None:
    assert refused(week(20)) == Refusal("short_history", 20, 21)
    values = week(40)
    values[:25] = np.nan
    assert refused(values) == Refusal("short_history", 15, 21)
    assert refused(np.full((40, 12), np.nan)) == Refusal("short_history", 0, 21)


def test_refused_when_there_are_too_many_gaps() -> None:
    values = week(60)
    values[32:60:2] = np.nan
    values[33] = np.nan
    assert refused(values) == Refusal("gaps", 13, 14)


def test_refused_when_nothing_was_seen_of_late() -> None:
    values = week(60)
    values[-8:] = np.nan
    assert refused(values) == Refusal("stale", 8, 7)
    values[-8] = week(60)[-8]
    said(values)


def test_refused_when_nothing_can_be_compared() -> None:
    values = week(21)
    values[11:18] = np.nan
    found = refused(values)
    assert (found.reason, found.needed) == ("not_comparable", 14)


def test_refused_where_last_week_does_better() -> None:
    """Each weekday goes its own way from week to week: its last value is the best that can be said."""
    rng = np.random.default_rng(8)
    steps = rng.normal(0, 30, (14, 7)).cumsum(axis=0)
    values = np.maximum(np.repeat(steps.reshape(-1, 1), 12, axis=1) + 500, 0)
    found = refused(values)
    assert found.reason == "not_better"
    assert found.score is not None
    assert found.score.worse
    assert (found.found, found.needed) == (found.score.mae, found.score.naive_mae)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"values": np.zeros(5)}, "days by slots"),
        ({"values": np.zeros((0, 24))}, "days by slots"),
        ({"values": np.full((30, 24), -1.0)}, "0 or more"),
        ({"values": np.full((30, 24), np.inf)}, "0 or more"),
        ({"slot_min": 10}, "15, 30 or 60"),
        ({"opens_min": 60}, "within the day"),
        ({"opens_min": -60}, "within the day"),
        ({"capacity": 0.0}, "above 0"),
        ({"capacity": np.inf}, "above 0"),
    ],
)
def test_bad_input_is_named(change: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        History(**{"first": MONDAY, "values": np.zeros((30, 24)), "slot_min": 60} | change)


def test_a_limit_is_above_zero() -> None:
    with pytest.raises(ValueError, match="limit is above 0"):
        forecast(History(MONDAY, week(50), 60, 480), limit=0.0)
