"""The forecast's bench: what it reads, what it counts, and what it says when the data are absent."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from bench.forecast import cli
from bench.forecast.measure import FIRST_ORIGIN, measure, together, worse_than_naive
from bench.forecast.series import Series, birmingham, fremont, halves
from server.backtest import naive
from server.forecast import History, forecast

ROOT = Path(__file__).parents[2]
SERIES = ROOT.parent / "shared" / "data" / "series"
MONDAY = date(2026, 3, 2)


def zone(name: str, days: int, seed: int, spread: float = 3.0) -> Series:
    rng = np.random.default_rng(seed)
    week = rng.uniform(20, 60, (7, 4))
    values = np.maximum(week[np.arange(days) % 7] + rng.normal(0, spread, (days, 4)), 0)
    return Series(name, MONDAY, values, 60, 480, {}, 70.0)


def test_absent_data_are_skipped_with_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--shared", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "birmingham skipped" in said.err
    assert "fremont skipped" in said.err


def test_the_car_parks_are_read_with_their_gaps(tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    path.write_text(
        "SystemCodeNumber,Capacity,Occupancy,LastUpdated\n"
        "A,100,10,2016-10-04 07:59:42\n"
        "A,100,20,2016-10-04 08:01:10\n"
        "A,100,-4,2016-10-04 08:32:00\n"
        "A,100,55,2016-10-06 16:29:00\n"
        "B,50,1,2016-10-05 12:00:00\n"
    )
    one, other = birmingham(path)
    assert (one.name, one.first, one.values.shape, one.capacity) == ("A", date(2016, 10, 4), (3, 18), 100)
    assert one.values[0, 0] == 15
    assert one.values[2, 17] == 55
    assert np.isfinite(one.values).sum() == 2
    assert other.values[0, 8] == 1
    assert one.labels[date(2016, 10, 25)] == "school_holiday"
    assert one.labels[date(2016, 12, 26)] == "public_holiday"
    assert halves([one, other]) == {"tuned on": [one], "not tuned on": [other]}


def test_the_bridge_is_read_as_two_halves(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    rows = ["Date,East,West", "11/03/2013 01:00:00 AM,4,6", "11/03/2013 01:00:00 AM,1,3"]
    rows += ["11/04/2013 01:00:00 PM,7,", "11/05/2013 11:00:00 PM,2,3", "11/06/2013 12:00:00 AM,0,0"]
    path.write_text("\n".join(rows) + "\n")
    first, second = fremont(path)
    assert first.values.shape == second.values.shape == (2, 24)
    assert first.values[0, 1] == 7
    assert np.isnan(first.values[1]).all()
    assert (second.first, second.values[0, 23], second.values[1, 0]) == (date(2013, 11, 5), 5, 0)
    assert first.labels[date(2013, 11, 28)] == "public_holiday"


def test_errors_are_those_of_the_forecast_made_at_each_origin() -> None:
    one = zone("one", 50, 1)
    row = measure(one, 7).row()
    assert row["origins"] == 4
    assert row["refused"] == {}
    ours = theirs = inside = whole = 0.0
    for at in (28, 35, 42, 49):
        said = forecast(History(MONDAY, one.values[:at], 60, 480, {}, 70.0))
        truth = one.values[at : at + 14]
        ours += np.abs(said.p50[: len(truth)] - truth).sum()
        theirs += np.abs(naive(one.values[:at], at)[: len(truth)] - truth).sum()
        inside += ((truth >= said.p10[: len(truth)]) & (truth <= said.p90[: len(truth)])).sum()
        whole += truth.size
    assert row["ratio"] == row["ratio_without_refusals"] == pytest.approx(ours / theirs, abs=1e-4)
    assert row["within"] == pytest.approx(inside / whole, abs=1e-4)
    assert sum(said["slots"] for said in row["chance"]) == whole


def test_refused_forecasts_count_apart_and_zones_add_up() -> None:
    """A zone whose last value is the best that can be said, and one without three weeks of data."""
    wild = zone("wild", 60, 2)
    steps = np.random.default_rng(8).normal(0, 30, (9, 7)).cumsum(axis=0).reshape(-1, 1)[:60]
    wild.values[:] = np.maximum(np.repeat(steps, 4, axis=1) + 500, 0)
    empty = zone("empty", 60, 3)
    empty.values[:50] = np.nan
    calm = zone("calm", 60, 4)
    wild, empty, calm = (
        measure(Series(one.name, one.first, one.values, 60, 480, {}, None), 14) for one in (wild, empty, calm)
    )
    assert set(wild.refused) == {"not_better"}
    assert wild.row()["ratio_without_refusals"] is not None
    assert empty.refused == {"short_history": 3}
    assert empty.row()["ratio"] is empty.row()["ratio_without_refusals"] is None
    total = together("all", [wild, empty, calm])
    assert total.origins == 9
    assert total.refused["short_history"] == 3
    np.testing.assert_allclose(total.all, wild.all + empty.all + calm.all)
    assert worse_than_naive([calm]) == []


def test_goals_are_judged_on_the_whole_set_with_its_calendar() -> None:
    row = {"set": "s", "calendar": "with the calendar", "part": "all", "ratio": 0.85, "within": 0.7}
    assert list(cli.judge([row]).values()) == [True, True]
    assert list(cli.judge([row | {"ratio": 0.86, "within": 0.91}]).values()) == [False, False]
    assert list(cli.judge([row | {"ratio": None, "within": None}]).values()) == [False, False]
    assert cli.judge([row | {"part": "tuned on"}, row | {"calendar": "without"}]) == {}


@pytest.mark.skipif(not SERIES.exists(), reason=f"{SERIES} is absent")
def test_the_figures_of_three_real_car_parks(capsys: pytest.CaptureFixture[str]) -> None:
    """Of those that the method was not tuned on, one is taken as it is, its history and its truth."""
    zones = halves(birmingham(SERIES / "birmingham_parking.csv"))["not tuned on"][:3]
    assert [len(one.values) for one in zones] == [77, 77, 77]
    row = together("three", [measure(one, 14) for one in zones]).row()
    assert row["origins"] == 3 * len(range(FIRST_ORIGIN, 77, 14))
    assert row["ratio_without_refusals"] < 1
    assert 0.5 <= row["within"] <= 0.98


def test_one_json_object_is_the_last_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "data" / "series"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(5)
    lines = ["SystemCodeNumber,Capacity,Occupancy,LastUpdated"]
    for name in ("A", "B"):
        for day in range(45):
            at = date(2016, 10, 3) + timedelta(days=day)
            lines += [
                f"{name},99,{20 + 5 * at.weekday() + h + rng.normal(0, 3):.0f},{at} {h:02}:00:00"
                for h in range(8, 17)
            ]
    (folder / "birmingham_parking.csv").write_text("\n".join(lines) + "\n")
    code = cli.main(["--shared", str(tmp_path), "--set", "birmingham", "--every", "14", "--json", "--zones"])
    said = capsys.readouterr()
    document = json.loads(said.out.splitlines()[-1])
    assert code == (0 if all(document["verdicts"].values()) else 1)
    assert [row["part"] for row in document["rows"]] == ["all", "tuned on", "not tuned on"] * 2
    assert len(document["zones"]) == 4
    assert document["cpu_s"] > 0
