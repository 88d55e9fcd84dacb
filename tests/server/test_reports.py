"""The pure core of the reports: sums first, means last, and no data is never 0."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.reports import (
    DAY,
    Amounts,
    Row,
    Sums,
    edges,
    fitting_step,
    grain,
    report,
)

PARIS = ZoneInfo("Europe/Paris")
T0 = int(datetime(2026, 11, 22, 10, 0, tzinfo=UTC).timestamp())


def row(start: int, observed: float = 60.0, people: float = 120.0, **more) -> Row:
    values = {"interval_s": 60, "counts": {"person": Amounts(people, 3, 1, 2)}} | more
    return Row(start=start, observed_s=observed, **values)


def run(rows, step=60, start=T0, end=T0 + 600, until=None, kind="zone", group="person", capacity=None):
    borders = edges(start, end, step, PARIS)
    return report(
        rows,
        kind=kind,
        group=group,
        step=step,
        borders=borders,
        until=until or borders[-1],
        capacity=capacity,
    )


def test_a_mean_is_object_seconds_over_observed_seconds():
    done = run([row(T0, observed=40.0, people=100.0)], end=T0 + 60)
    assert done.bins[0].mean == pytest.approx(2.5)
    assert done.bins[0].coverage == pytest.approx(40 / 60)
    assert (done.bins[0].peak, done.bins[0].entries, done.bins[0].exits) == (3, 1, 2)


def test_no_data_is_none_and_never_zero():
    done = run([row(T0)], end=T0 + 180)
    for gap in done.bins[1:]:
        assert gap.coverage == 0
        assert (gap.mean, gap.peak, gap.entries, gap.exits, gap.rate) == (None,) * 5


def test_a_record_that_saw_nothing_is_no_data_too():
    blind = row(T0, observed=0.0, people=0.0, counts={}, flag_s={"lost": 60.0})
    [one] = run([blind], end=T0 + 60).bins
    assert (one.mean, one.peak, one.entries) == (None, None, None)
    assert one.flag_s == {"lost": 60.0}


def test_an_observed_zero_is_zero():
    [one] = run([row(T0, counts={})], end=T0 + 60).bins
    assert (one.mean, one.peak, one.entries, one.exits) == (0, 0, 0, 0)


def test_partial_records_of_one_interval_add_up():
    parts = [row(T0, observed=20.0, people=40.0), row(T0, observed=30.0, people=90.0)]
    [one] = run(parts, end=T0 + 60).bins
    assert one.mean == pytest.approx(130 / 50)
    assert one.coverage == pytest.approx(50 / 60)
    assert (one.entries, one.exits, one.peak) == (2, 4, 3)


def test_vehicles_are_four_classes_and_their_peak_is_the_measured_one():
    counts = {
        name: Amounts(60.0, 2, 1, 0) for name in ("car", "bus", "truck", "motorcycle", "person", "bicycle")
    }
    [one] = run([row(T0, counts=counts, peak_vehicle=5)], end=T0 + 60, group="vehicle").bins
    assert (one.mean, one.peak, one.entries) == (4.0, 5, 4)


def test_a_car_park_speaks_of_bays():
    parked = Row(T0, 60, 60.0, bays=10, observed_bay_s=300.0, parking=Amounts(120.0, 5, 2, 1))
    done = run([parked], end=T0 + 60, kind="parking", group="vehicle")
    [one] = done.bins
    assert (one.rate, one.mean) == (pytest.approx(0.4), pytest.approx(4.0))
    assert (one.peak, one.entries, one.exits, done.bays) == (5, 2, 1, 10)


def test_what_has_not_elapsed_lowers_no_coverage_and_makes_no_bin():
    done = run([row(T0)], step=300, until=T0 + 60)
    assert len(done.bins) == 1
    assert done.bins[0].coverage == 1.0
    assert done.total.coverage == 1.0


def test_a_line_has_no_occupancy():
    crossing = Row(T0, 60, 60.0, counts={"person": Amounts(entries=3, exits=1)})
    [one] = run([crossing], end=T0 + 60, kind="line").bins
    assert (one.mean, one.peak, one.entries, one.exits) == (None, None, 3, 1)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ((2026, 3, 29), 23),  # clocks go forward
        ((2026, 10, 25), 25),  # clocks go back
        ((2026, 11, 22), 24),
    ],
)
def test_a_day_is_a_local_day(day, hours):
    start = int(datetime(*day, tzinfo=PARIS).timestamp())
    borders = edges(start, start + 3600, DAY, PARIS)
    assert borders == [start, start + hours * 3600]
    rows = [row(start + 60 * i) for i in range(hours * 60)]
    done = run(rows, step=DAY, start=start, end=start + hours * 3600)
    assert len(done.bins) == 1
    assert done.bins[0].observed_s == hours * 3600
    assert done.bins[0].coverage == 1.0
    assert done.bins[0].entries == hours * 60


def test_days_over_both_changes_of_the_clock_join_without_gap():
    start = int(datetime(2026, 3, 27, tzinfo=PARIS).timestamp())
    end = int(datetime(2026, 10, 27, tzinfo=PARIS).timestamp())
    borders = edges(start, end, DAY, PARIS)
    lengths = [(b - a) // 3600 for a, b in pairwise(borders)]
    assert borders[-1] == end
    assert sorted(set(lengths)) == [23, 24, 25]
    assert (lengths.count(23), lengths.count(25)) == (1, 1)


@pytest.mark.parametrize("step", [0, 7, 9, 86399, 86401, -60])
def test_a_step_off_the_day_is_refused(step):
    with pytest.raises(ValueError, match="step"):
        edges(T0, T0 + 600, step, PARIS)


def test_too_many_bins_are_refused():
    with pytest.raises(ValueError, match="bins"):
        edges(T0, T0 + 86400, 10, PARIS)


def test_a_step_shorter_than_the_record_is_refused():
    with pytest.raises(ValueError, match="interval"):
        run([row(T0, interval_s=900)], step=60)


def test_the_chosen_step_is_readable():
    assert fitting_step(60, 10) == 10
    assert fitting_step(86400, 60) == 900
    assert fitting_step(3600, 60) == 60
    assert fitting_step(30 * 86400, 60) == DAY


def test_days_of_half_hour_zones_are_cut_exactly_too():
    tz = ZoneInfo("Pacific/Marquesas")
    start = int(datetime(2026, 11, 22, tzinfo=tz).timestamp())
    assert start % 3600 == 1800
    assert grain(DAY, edges(start, start + 86400, DAY, tz)) == 900
    assert grain(DAY, edges(T0, T0 + 86400, DAY, PARIS)) == 3600


amounts = st.builds(
    Amounts,
    st.integers(0, 1000).map(float),
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(0, 50),
)
rows = st.lists(
    st.builds(
        lambda i, seen, one: Row(T0 + 60 * i, 60, float(seen), counts={"person": one} if seen else {}),
        st.integers(0, 119),
        st.integers(0, 60),
        amounts,
    ),
    max_size=40,
)


@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(some, random):
    shuffled = list(some)
    random.shuffle(shuffled)
    assert run(some, end=T0 + 7200) == run(shuffled, end=T0 + 7200)


@given(rows, st.sampled_from([60, 300, 900, 3600]))
def test_every_binning_keeps_the_sums(some, step):
    fine, coarse = run(some, end=T0 + 7200), run(some, step=step, end=T0 + 7200)
    assert sum(b.observed_s for b in coarse.bins) == sum(b.observed_s for b in fine.bins)
    assert sum(b.entries or 0 for b in coarse.bins) == sum(b.entries or 0 for b in fine.bins)
    assert coarse.total.mean == fine.total.mean
    assert coarse.total.peak == fine.total.peak


@given(rows, st.sampled_from([300, 900, DAY]))
def test_summing_over_the_grain_beforehand_changes_nothing(some, step):
    size = grain(step, edges(T0, T0 + 7200, step, PARIS))
    merged: dict[int, Sums] = {}
    for one in some:
        start = one.start - one.start % size
        here = one.counts.get("person", Amounts())
        merged[start] = merged.get(start, Sums()) + Sums(
            one.observed_s, here.object_s, one.observed_s, 0, here.peak, here.entries, here.exits
        )
    summed = [
        Row(at, 60, s.observed_s, counts={"person": Amounts(s.amount_s, s.peak, s.entries, s.exits)})
        for at, s in merged.items()
    ]
    start, end = T0, T0 + 7200
    assert (
        run(summed, step=step, start=start, end=end).bins == run(some, step=step, start=start, end=end).bins
    )


@given(rows)
def test_coverage_lies_within_0_and_1_and_a_mean_needs_sight(some):
    for one in run(some, step=300, end=T0 + 7200).bins:
        assert 0 <= one.coverage <= 1
        assert (one.mean is None) == (one.observed_s == 0)
        assert one.mean is None or one.mean >= 0
