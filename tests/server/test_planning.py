"""Figures a planner defends: the usual week, before and after, rankings, lengths of stay, fullness."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import NormalDist
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.names import STAY_BOUNDS_S
from server.bands import lengths
from server.chance import LEAST_DAYS, mean_interval, t_quantile
from server.comparison import Effect, NoComparison, compare
from server.fullness import turnover
from server.ranking import Candidate, rank
from server.reports import DAY, Amounts, Bin, Row, edges, report
from server.week import usual_week

PARIS = ZoneInfo("Europe/Paris")
MONDAY = datetime(2026, 3, 2, tzinfo=PARIS)


def day_bin(number: int, mean: float | None, coverage: float = 1.0, entries: int = 240) -> Bin:
    start = MONDAY + timedelta(days=number)
    begin, end = (int((start + timedelta(days=extra)).timestamp()) for extra in (0, 1))
    seen = None if mean is None else entries
    return Bin(
        begin, end, coverage * (end - begin), coverage, mean, 9, seen, seen, mean and mean / 50, {}, False
    )


def days(values, first: int = 0) -> list[Bin]:
    return [day_bin(first + i, value) for i, value in enumerate(values)]


def hours_of(start: datetime, end: datetime, rows) -> list[Bin]:
    first, last = int(start.timestamp()), int(end.timestamp())
    borders = edges(first, last, 3600, PARIS)
    done = report(rows, kind="zone", group="person", step=3600, borders=borders, until=last)
    return list(done.bins)


@pytest.mark.parametrize(
    ("freedom", "table"), [(3, 3.182), (4, 2.776), (6, 2.447), (10, 2.228), (30, 2.042), (1000, 1.962)]
)
def test_t_quantiles_are_those_of_the_tables(freedom, table):
    assert t_quantile(freedom) == pytest.approx(table, rel=0.01)


def test_intervals_of_means_hold_the_truth_in_19_of_20_samples():
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(2000):
        low, high = mean_interval(list(rng.normal(10, 3, 5)))
        held += low <= 10 <= high
    spread = NormalDist().inv_cdf(0.9995) * (0.95 * 0.05 / 2000) ** 0.5
    assert held / 2000 == pytest.approx(0.95, abs=spread)


def test_too_few_days_have_no_interval():
    assert mean_interval([1.0] * (LEAST_DAYS - 1)) is None


def test_the_usual_week_pools_hours_by_their_observed_seconds():
    start = MONDAY
    rows = [
        Row(
            int(start.timestamp()) + 8 * 3600, 60, 3600.0, counts={"person": Amounts(3600.0 * 10, 12, 30, 20)}
        ),
        Row(
            int((start + timedelta(days=7)).timestamp()) + 8 * 3600,
            60,
            900.0,
            counts={"person": Amounts(0.0, 0, 0, 0)},
        ),
    ]
    week = usual_week(hours_of(start, start + timedelta(days=14), rows), PARIS)
    cell = week[0][8]
    assert cell.mean == pytest.approx(10 * 3600 / 4500)
    assert cell.entries == pytest.approx(30 / 4500 * 3600)
    assert cell.coverage == pytest.approx(4500 / 7200)
    assert (cell.peak, cell.days) == (12, 2)


def test_an_hour_that_nobody_saw_is_none_and_no_zero():
    week = usual_week(hours_of(MONDAY, MONDAY + timedelta(days=7), []), PARIS)
    assert all(
        (c.mean, c.peak, c.entries, c.exits, c.rate, c.coverage) == (None, None, None, None, None, 0.0)
        for day in week
        for c in day
    )


def test_the_25_hours_of_october_meet_one_cell_twice_and_the_23_of_march_leave_one_out():
    for day, met in ((datetime(2026, 10, 25, tzinfo=PARIS), 2), (datetime(2026, 3, 29, tzinfo=PARIS), 0)):
        end = day + timedelta(days=1)
        first, last = int(day.timestamp()), int(end.timestamp())
        rows = [Row(at, 60, 3600.0, counts={"person": Amounts(3600.0)}) for at in range(first, last, 3600)]
        week = usual_week(hours_of(day, end, rows), PARIS)
        assert week[6][2].days == met
        assert sum(cell.days for cell in week[6]) == (last - first) // 3600


def test_a_bin_longer_than_an_hour_has_no_hour():
    with pytest.raises(ValueError, match="an hour at most"):
        usual_week([day_bin(0, 1.0)], PARIS)


def test_a_change_is_found_with_its_interval():
    before = [10, 11, 9, 10, 12, 30, 8] * 4
    rng = np.random.default_rng(0)
    noisy = [value + rng.normal(0, 1) for value in before]
    effect = compare(days(noisy), days([v + 5 + rng.normal(0, 1) for v in before], 28), "mean", PARIS)
    assert isinstance(effect, Effect)
    assert effect.interval[0] < 5 < effect.interval[1]
    assert effect.significant
    assert effect.days == (28, 28)


def test_no_change_is_called_one_in_one_case_of_20_at_most():
    rng = np.random.default_rng(7)
    wrong = 0
    for _ in range(400):
        first, second = (days(list(rng.normal(20, 4, 14)), at) for at in (0, 14))
        wrong += compare(first, second, "mean", PARIS).significant
    assert wrong <= 400 * 0.05 + 3 * (400 * 0.05 * 0.95) ** 0.5


def test_two_single_weeks_are_compared_by_their_weekdays():
    effect = compare(days([10, 11, 9, 10, 12, 30, 8]), days([13, 15, 12, 14, 15, 34, 11], 7), "mean", PARIS)
    assert isinstance(effect, Effect)
    assert effect.change == pytest.approx(24 / 7)
    assert effect.significant


def test_one_more_saturday_makes_no_period_busier():
    week = [10.0] * 5 + [80.0, 10.0]
    effect = compare(days(week * 2), days([80.0, 10.0, *week, *week], 5), "mean", PARIS)
    assert isinstance(effect, Effect)
    assert effect.change == pytest.approx(0)
    assert not effect.significant


def test_days_hardly_seen_are_left_out_and_counted():
    before = days([10.0] * 14)
    before[3] = day_bin(3, 99.0, coverage=0.2)
    effect = compare(before, days([10.0] * 14, 14), "mean", PARIS)
    assert isinstance(effect, Effect)
    assert effect.before == pytest.approx(10)
    assert effect.left_out == (1, 0)


@pytest.mark.parametrize(
    ("first", "second", "period"), [(2, 14, "before"), (14, 1, "after"), (0, 0, "before")]
)
def test_too_few_days_are_refused_by_name(first, second, period):
    answer = compare(days([1.0] * first), days([2.0] * second, 14), "mean", PARIS)
    assert isinstance(answer, NoComparison)
    assert answer.period == period


def test_periods_without_a_common_weekday_are_refused():
    answer = compare(days([1.0] * 3), days([1.0] * 3, 3), "mean", PARIS)
    assert answer == NoComparison("both", 0)


def test_flows_are_compared_per_observed_hour():
    half = [day_bin(i, 5.0, coverage=0.5, entries=120) for i in range(14)]
    full = [day_bin(14 + i, 5.0, entries=240) for i in range(14)]
    effect = compare(half, full, "entries", PARIS)
    assert isinstance(effect, Effect)
    assert effect.change == pytest.approx(0, abs=0.05)


def test_a_ranking_marks_what_chance_could_have_turned_round():
    rng = np.random.default_rng(2)
    weather = rng.normal(0, 8, 28)
    near = Candidate("near", days(list(50 + weather + rng.normal(0, 4, 28))))
    also = Candidate("also", days(list(50.2 + weather + rng.normal(0, 4, 28))))
    far = Candidate("far", days(list(45 + weather + rng.normal(0, 1, 28))))
    ranks = rank([far, near, also], "mean").ranks
    assert [own.clear for own in ranks] == [None, False, True]
    assert ranks[2].place == "far"
    # the days in common make it clear, though the intervals of the two means overlap
    assert ranks[1].interval[0] < ranks[2].interval[1]


def test_a_ranking_by_area_or_capacity_lists_apart_who_has_none():
    small, large, none = (
        Candidate("small", days([5.0] * 5), area_m2=50, capacity=10),
        Candidate("large", days([20.0] * 5), area_m2=1000, capacity=100),
        Candidate("none", days([90.0] * 5)),
    )
    dark = Candidate("dark", days([None] * 5), area_m2=10, capacity=5)
    by_area = rank([small, large, none, dark], "mean", "area")
    assert [(own.place, own.value) for own in by_area.ranks] == [("small", 10.0), ("large", 2.0)]
    assert by_area.apart == {"none": "no_area", "dark": "nothing_observed"}
    by_capacity = rank([small, large, none], "mean", "capacity")
    assert [own.value for own in by_capacity.ranks] == [0.5, 0.2]
    assert by_capacity.apart == {"none": "no_capacity"}


def test_two_places_of_one_name_cannot_be_ranked():
    with pytest.raises(ValueError, match="different names"):
        rank([Candidate("a", []), Candidate("a", [])], "mean")


@given(st.lists(st.integers(0, 500), min_size=8, max_size=8), st.integers(0, 500))
def test_bands_add_up(histogram, censored):
    told = lengths(histogram, STAY_BOUNDS_S, censored)
    assert sum(band.visits for band in told.bands) == told.complete == sum(histogram)
    assert [band.low for band in told.bands] == [0, *STAY_BOUNDS_S]
    if told.complete:
        assert sum(band.share for band in told.bands) == pytest.approx(1)
        below = sum(histogram[: told.median])
        assert below < told.complete / 2 <= below + histogram[told.median]
        assert told.median <= told.long
    else:
        assert told.median is told.long is None
    assert (told.censored_share is None) == (told.complete + censored == 0)


def test_impossible_histograms_are_refused():
    with pytest.raises(ValueError, match="8 bins"):
        lengths([1] * 7, STAY_BOUNDS_S, 0)
    with pytest.raises(ValueError, match="negative"):
        lengths([1] * 7 + [-1], STAY_BOUNDS_S, 0)


def test_turnover_is_arrivals_per_bay_and_observed_day():
    full, half = day_bin(0, 5.0, entries=40), day_bin(1, 5.0, coverage=0.5, entries=20)
    assert turnover([full], 20) == pytest.approx(2.0)
    assert turnover([full, half], 20) == pytest.approx(2.0)
    assert turnover([day_bin(0, None, coverage=0.0)], 20) is None
    with pytest.raises(ValueError, match="must have bays"):
        turnover([full], 0)


def test_the_day_of_25_hours_has_an_hour_more_of_arrivals():
    borders = edges(int(datetime(2026, 10, 25, tzinfo=PARIS).timestamp()), 1792969200, DAY, PARIS)
    long = Bin(borders[0], borders[1], 25 * 3600.0, 1.0, 5.0, 9, 50, 50, None, {}, False)
    assert borders[1] - borders[0] == 25 * 3600
    assert turnover([long], 10) == pytest.approx(50 / (25 / 24) / 10)
