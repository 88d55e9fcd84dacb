"""The back-test: nothing of it knows what came later, and its figures are what they say."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from server.backtest import FIRST_ORIGIN, HORIZON, ORIGINS, Band, naive, origins, rolling, score
from server.forecast import days_of

MONDAY = date(2026, 3, 2)


def noisy(days: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    week = rng.uniform(20, 60, (7, 6))
    return np.maximum(week[np.arange(days) % 7] + rng.normal(0, 4, (days, 6)), 0)


@pytest.mark.parametrize("days", [21, 22, 28, 40, 60, 100, 400])
def test_origins_reach_the_last_day_and_every_weekday(days: int) -> None:
    found = origins(days)
    assert found[-1] == days
    assert found[0] >= FIRST_ORIGIN
    assert len(found) <= ORIGINS + 1
    assert {at % 7 for at in found} == set(range(7))


def test_no_trial_knows_what_came_after_its_origin() -> None:
    values = noisy(90, 1)
    changed = values.copy()
    changed[60:] = values[60:][::-1] * 3
    days = days_of(MONDAY, 90, {})
    before, after = rolling(values, days, 0.0, np.inf), rolling(changed, days, 0.0, np.inf)
    compared = 0
    for one, other in zip(before, after, strict=True):
        if one.at <= 60:
            assert one.p50.tobytes() == other.p50.tobytes()
            assert (one.band is None) == (other.band is None)
            if one.band is not None and other.band is not None:
                assert one.band.scale.tobytes() == other.band.scale.tobytes()
                assert one.band.sample.tobytes() == other.band.sample.tobytes()
            compared += 1
    assert compared >= 8
    assert before[-1].p50.tobytes() != after[-1].p50.tobytes()


def test_a_trial_is_the_forecast_that_was_made_then() -> None:
    """Of a history that ended there; only the origins behind it differ, and with them the weights."""
    values = noisy(40, 2)
    days = days_of(MONDAY, 40, {})
    trial = next(trial for trial in rolling(values, days, 0.0, np.inf) if trial.at == 30)
    then = rolling(values[:30], days_of(MONDAY, 30, {}), 0.0, np.inf)[-1]
    np.testing.assert_array_equal(trial.p50, then.p50)


def test_naive_is_the_newest_same_weekday_that_was_known() -> None:
    values = np.arange(40.0)[:, None].repeat(2, axis=1)
    values[26, 1] = np.nan
    found = naive(values, 28)
    np.testing.assert_array_equal(found[:7, 0], np.arange(21.0, 28.0))
    np.testing.assert_array_equal(found[7:, 0], np.arange(21.0, 28.0))
    assert found[5, 1] == 19
    assert np.isnan(naive(values[:3], 3)[0, 0])


def test_naive_goes_back_four_weeks_at_most() -> None:
    values = np.arange(70.0)[:, None]
    values[35:63] = np.nan
    assert np.isnan(naive(values, 63)).all()
    values[35] = 35
    assert naive(values, 63)[0, 0] == 35


def test_the_score_is_worked_out_by_hand() -> None:
    """Errors of the trials' P50 and of the naive one over the days that have come."""
    values = noisy(30, 3)
    values[25, 2] = np.nan
    values[27] = np.nan
    trials = rolling(values, days_of(MONDAY, 30, {}), 0.0, np.inf)
    found = score(values, trials, 0.0, np.inf)
    ours, other, inside, whole, days = [], [], 0, 0, 0
    for trial in trials[:-1]:
        last_week = naive(values, trial.at)
        for ahead in range(min(HORIZON, 30 - trial.at)):
            truth = values[trial.at + ahead]
            known = np.isfinite(truth) & np.isfinite(last_week[ahead])
            ours += list(np.abs(truth - trial.p50[ahead])[known])
            other += list(np.abs(truth - last_week[ahead])[known])
            days += bool(known.any())
            if trial.band is not None:
                low, high = trial.band.around(trial.p50, 0.0, np.inf)
                inside += ((truth >= low[ahead]) & (truth <= high[ahead]))[known].sum()
                whole += known.sum()
    assert found is not None
    assert found.mae == pytest.approx(np.mean(ours))
    assert found.naive_mae == pytest.approx(np.mean(other))
    assert found.within == pytest.approx(inside / whole)
    assert (found.origins, found.days, found.since) == (16, days, 16)
    assert found.ratio == pytest.approx(np.mean(ours) / np.mean(other))


def test_few_days_make_the_band_wider() -> None:
    sample = np.sort(np.random.default_rng(0).standard_normal(500))
    p50 = np.full((HORIZON, 1), 100.0)
    widths = []
    for days in (7, 20, 80):
        low, high = Band(sample, np.ones((HORIZON, 1)), days).around(p50, 0.0, np.inf)
        widths.append(float((high - low)[0, 0]))
    assert widths[0] == pytest.approx(sample[-1] - sample[0])
    assert widths[0] > widths[1] > widths[2]


def test_the_chance_is_the_share_of_past_errors_that_would_reach_it() -> None:
    band = Band(np.array([-1.0, 0.0, 1.0, 2.0]), np.array([[2.0], [0.0]]), 30)
    gap = np.array([[2.0], [0.0]])
    np.testing.assert_array_equal(band.reached(gap), [[0.5], [1.0]])
    np.testing.assert_array_equal(band.reached(gap + 0.1), [[0.25], [0.0]])
    assert np.isnan(band.reached(np.full((2, 1), np.nan))).all()
