"""Windows, states, intervals and verdicts of bench.counts, against cases worked out by hand."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from bench.counts.series import Steps, agreement, steps_of_spans, weighted_mean, windows, without
from bench.counts.statistics import Paired, ratio, ratio_interval, resample, wilson
from bench.counts.summary import summarise
from bench.counts.table import HEAD, markdown, plain, rows
from bench.counts.verdict import judge


def test_mean_is_weighted_by_time() -> None:
    steps = Steps.of([0, 4, 5], [1, 3, 0], end=12)
    assert steps.mean(0, 10) == pytest.approx((4 * 1 + 1 * 3) / 10)
    assert steps.mean(4.5, 5.5) == pytest.approx(1.5)


def test_nothing_is_counted_before_the_first_frame_and_the_last_holds_to_the_end() -> None:
    steps = Steps.of([2.0], [4.0], end=8.0)
    assert steps.mean(0, 4) == pytest.approx(2.0)
    assert steps.mean(6, 10) == pytest.approx(2.0)


def test_windows_cover_the_video_and_the_last_weighs_what_it_is_long() -> None:
    spans = windows(25.0)
    assert spans == [(0, 10), (10, 20), (20, 25)]
    assert weighted_mean([1, 1, 4], spans) == pytest.approx((10 + 10 + 20) / 25)
    assert windows(20.0) == [(0, 10), (10, 20)]


def test_spans_add_up() -> None:
    steps = steps_of_spans([(0, 5), (3, 8)], end=10)
    assert [steps.mean(at, at + 1) for at in (1, 4, 6, 9)] == [1, 2, 1, 0]


def test_bay_is_right_while_both_say_the_same() -> None:
    right, total = agreement([(2, 6)], [(3, 8)], [(0, 10)])
    assert (right, total) == (10 - 1 - 2, 10)
    assert agreement([], [], [(0, 10)]) == (10, 10)


def test_settle_times_are_left_out() -> None:
    assert without(60, [20], 6) == [(6, 14), (26, 60)]
    assert without(60, [], 6) == [(6, 60)]
    assert without(60, [8, 12, 58], 6) == [(18, 52)]
    right, total = agreement([(20, 60)], [(24, 60)], without(60, [20], 6))
    assert right == total == 8 + 34


def test_wilson_interval() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 0) == (0, 1)
    low, high = wilson(10, 10)
    assert low == pytest.approx(0.7225, abs=1e-4)
    assert high == pytest.approx(1)


def errors(count: int, share: float) -> Paired:
    theirs = np.random.default_rng(3).uniform(0.5, 1.5, count)
    return Paired(share * theirs, theirs, np.full(count, 10.0))


def test_bootstrap_repeats_exactly_and_hears_the_seed() -> None:
    noisy = Paired(errors(8, 1).ours[::-1].copy(), errors(8, 1).theirs, np.full(8, 10.0))
    first = ratio_interval([noisy], 200, seed=0)
    assert first == ratio_interval([noisy], 200, seed=0)
    assert first != ratio_interval([noisy], 200, seed=1)
    assert first is not None
    assert first[0] < ratio([noisy]) < first[1]


def test_bootstrap_draws_the_same_windows_for_both() -> None:
    interval = ratio_interval([errors(8, 0.8), errors(6, 0.8)], 100, seed=0)
    assert interval == pytest.approx((0.8, 0.8))


def test_bootstrap_keeps_neighbours_together() -> None:
    drawn = resample(9, np.random.default_rng(0))
    assert len(drawn) == 9
    assert all(drawn[k + 1] == drawn[k] + 1 for k in range(0, 8, 2))
    assert drawn.max() <= 8


def test_too_few_windows_have_no_interval_and_no_error_no_ratio() -> None:
    assert ratio_interval([errors(3, 1)], 100, seed=0) is None
    assert ratio([Paired(np.ones(2), np.zeros(2), np.ones(2))]) is None


def way(true: int, **counted: int) -> dict[str, int]:
    return {"true": true, "lasting": true, **counted}


def occupancy(error: float, windows: list[float]) -> dict[str, Any]:
    return {"error": error, "share": error / 2, "mean": 2.0, "windows": windows}


def video() -> dict[str, Any]:
    """A square with one zone and one line, and a parking zone, over two windows."""
    return {
        "video": "v",
        "seconds": 20.0,
        "windows": [(0.0, 10.0), (10.0, 20.0)],
        "zones": [
            {
                "zone": "z", "class": "person", "true_mean": 2.0, "true_windows": [2.0, 2.0],
                "occupancy": {"ours": occupancy(0.1, [2.1, 1.9]), "tracks": occupancy(0.5, [1.5, 1.5]),
                              "detections": occupancy(0.2, [2.2, 1.8])},
                "entries": way(20, ours=21, tracks=30, tuned=25), "exits": way(4, ours=3, tracks=9, tuned=5),
            },
            {
                "zone": "p", "class": "vehicle", "true_mean": 5.0, "true_windows": [5.0, 5.0],
                "occupancy": {"ours": occupancy(0.0, [5.0, 5.0]), "detections": occupancy(0.3, [4.7, 4.7])},
                "entries": way(1, ours=1, detections=4), "exits": way(0, ours=0, detections=3),
            },
        ],
        "lines": [{"line": "l", "class": "person", "in": way(3, ours=2, tracks=0, tuned=3),
                   "out": way(40, ours=42, tracks=30, tuned=41)}],
        "bays": [{"zone": "p", "bays": 5,
                  "ours": {"right": 0.985, "right_with_settling": 0.9, "bay_s": 80.0, "bay_s_with_settling": 100.0},
                  "detections": {"right": 0.9, "right_with_settling": 0.8, "bay_s": 80.0, "bay_s_with_settling": 100.0}}],
    }  # fmt: skip


def run(case_set: str = "scenes", rate: float = 5.0, changed: Any = None) -> dict[str, Any]:
    figures = video()
    if changed is not None:
        changed(figures)
    scores = {"HOTA": 0.5, "IDF1": 0.6, "MOTA": 0.7}
    return {
        "set": case_set, "model": "m@640", "rate": rate, **summarise([figures], 0, 0),
        "tracking": {"ours": scores, "tracks": scores}, "videos": [figures],
    }  # fmt: skip


def test_summary_adds_up_and_takes_the_better_baseline() -> None:
    found = run()
    part = found["occupancy"]
    assert part["baseline"] == "detections"
    assert part["detections"] == pytest.approx(0.5)
    assert part["tracks"] == pytest.approx(0.8), "bays have one baseline, which counts for both"
    assert part["ratio"] == pytest.approx(0.1 / 0.5)
    assert found["entries_exits"] == {"true": 24, "ours": 2, "tracks": 15, "tuned": 6}
    assert found["arrivals_departures"] == {"true": 1, "ours": 0, "tracks": 6, "tuned": 6}
    assert found["lines"] == {"true": 43, "ours": 3, "tracks": 13, "tuned": 1}


def verdict_of(found: dict[str, Any], word: str) -> bool:
    (verdict,) = [v for v in judge([found]) if word in v.goal]
    return verdict.met


def test_scene_goals_are_met() -> None:
    assert all(verdict.met for verdict in judge([run()]))
    assert len(judge([run()])) == 8


@pytest.mark.parametrize(
    ("word", "path", "value"),
    [
        ("occupancy", ("zones", 0, "occupancy", "ours", "error"), 0.17),  # 8 % of 2.0 is .16
        ("entries of", ("zones", 0, "entries", "true"), 18),
        ("entries that are no glance", ("zones", 0, "entries", "lasting"), 18),
        ("exits of", ("zones", 0, "exits", "true"), 6),
        ("exits that are no glance", ("zones", 0, "exits", "lasting"), 6),
        ("crossings", ("lines", 0, "out", "ours"), 43),
        ("bay state", ("bays", 0, "ours", "right"), 0.979),
        ("arrivals", ("zones", 1, "exits", "ours"), 1),
    ],
)
def test_scene_goals_are_missed(word: str, path: tuple[Any, ...], value: float) -> None:
    def spoil(figures: dict[str, Any]) -> None:
        part: Any = figures
        for step in path[:-1]:
            part = part[step]
        part[path[-1]] = value

    assert not verdict_of(run(changed=spoil), word)


def test_pets_goals() -> None:
    def no_bays(figures: dict[str, Any]) -> None:
        figures["zones"], figures["bays"] = figures["zones"][:1], []

    fast, slow = run("pets", 10.0, no_bays), run("pets", 5.0, no_bays)
    assert [v.met for v in judge([fast, slow])] == [True] * 5
    slow["lines"] = slow["lines"] | {"ours": 4}
    assert [v.met for v in judge([fast, slow])] == [True, True, True, True, False], "1.2 of 3 is less than 4"
    slow["lines"] = slow["lines"] | {"ours": 10}
    slow["occupancy"] = slow["occupancy"] | {"ratio": 0.86}
    assert [v.met for v in judge([fast, slow])] == [True, True, False, False, False]


def test_table_has_a_row_for_each_run_and_lot() -> None:
    lot = {"model": "m@640", "ours": {"right": 0.87, "interval": (0.86, 0.88), "bays": 5196}}
    alone = copy.deepcopy(run("pets"))
    alone["occupancy"] = {"true": 2.0, "ours": 0.1}
    body = rows([run(), alone], [lot])
    assert {len(row) for row in body} == {len(HEAD)}
    assert "0.10 / 0.50 d of 7.0" in body[0]
    text = markdown(HEAD, body)
    assert text.count("\n") == 4
    assert all(line.count("|") == len(HEAD) + 1 for line in text.splitlines())
    assert len(plain(HEAD, body).splitlines()) == 5
