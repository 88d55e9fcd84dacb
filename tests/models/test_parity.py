"""The two comparisons of networks, and that each of their limits bites."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.errors import ModelError
from models import parity
from models.parity import LIMITS, Agreement, Difference, compare
from tests.onnx_factory import constant_model, raw_output

ROWS = [(32, 32, 20, 10, 2, 0.9), (10, 20, 6, 18, 0, 0.6)]
OUTPUT = raw_output(ROWS, 6, 84)[0]
PICTURES = [np.zeros((64, 64, 3), np.uint8)] * 12


def test_boxes_that_are_never_used_do_not_count():
    moved = OUTPUT.copy()
    moved[:4, 10:] += 500
    assert compare(OUTPUT, moved) == (2, 0.0, 0.0)


def test_outputs_must_be_comparable():
    with pytest.raises(ModelError, match="one shape"):
        compare(OUTPUT, OUTPUT[:, :5])
    broken = OUTPUT.copy()
    broken[0, 0] = np.nan
    with pytest.raises(ModelError, match="finite"):
        compare(OUTPUT, broken)


def test_rows_of_end_to_end_outputs_may_change_places():
    first = np.zeros((300, 6), np.float32)
    first[0] = 10, 10, 20, 20, 0.9, 0
    first[1] = 10, 11, 20, 20, 0.8, 1
    second = first[::-1].copy()
    assert compare(first, second) == (2, 0.0, 0.0)
    second[-1, 0] += 0.5
    second[-1, 4] -= 0.1
    boxes, score, place = compare(first, second)
    assert (boxes, round(score, 3), place) == (2, 0.1, 0.5)
    second[-1, 5] = 7
    assert compare(first, second)[2] == np.inf


@pytest.mark.parametrize(
    ("score", "box", "fault"), [(0.01, 1.0, ""), (0.011, 0.5, "0.0110"), (0.0, 1.2, "1.20 px")]
)
def test_a_difference_beyond_its_limits_is_named(score, box, fault):
    found = Difference(1, 1, score, box).faults(*parity.EXPORT_LIMITS)
    assert fault in found
    assert bool(found) == bool(fault)


def agreement(tmp_path, changed, unchanged=ROWS):
    before = constant_model(tmp_path / "a.onnx", raw_output(unchanged, 6, 84))
    after = constant_model(tmp_path / "b.onnx", raw_output(changed, 6, 84))
    return parity.agreement(before, after, (64, 64), PICTURES)


def test_equal_networks_agree(tmp_path):
    assert agreement(tmp_path, ROWS) == Agreement(12, 24, 24, 1.0, 1.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ([ROWS[0], (10, 21, 6, 18, 0, 0.6)], {"matched_90": 0.5, "matched_50": 1.0, "sure_lost": 0.0}),
        ([ROWS[0], (10, 50, 6, 18, 0, 0.6)], {"matched_90": 0.5, "matched_50": 0.5, "sure_lost": 0.5}),
        ([ROWS[0], (10, 20, 6, 18, 4, 0.6)], {"matched_50": 0.5, "sure_lost": 0.5}),
        ([ROWS[0]], {"boxes_after": 12, "matched_50": 24 / 36, "sure_lost": 1 / 3}),
        ([ROWS[0], (10, 20, 6, 18, 0, 0.4)], {"score_shift": -0.1, "score_difference": 0.1}),
        ([(32, 32, 20, 10, 2, 0.8), (10, 20, 6, 18, 0, 0.7)], {"score_shift": 0.0, "score_difference": 0.1}),
    ],
    ids=["moved a little", "moved away", "another class", "lost", "less sure", "one less, one more sure"],
)
def test_what_agreement_measures(tmp_path, changed, expected):
    found = agreement(tmp_path, changed)
    assert {name: getattr(found, name) for name in expected} == pytest.approx(expected, abs=1e-6)


def test_one_box_is_no_partner_for_two(tmp_path):
    twice = [(30, 20, 6, 18, 0, 0.6), (10, 20, 6, 18, 0, 0.6)]
    assert agreement(tmp_path, twice[:1], twice).matched_50 == pytest.approx(2 / 3)


def test_too_few_boxes_say_nothing(tmp_path):
    with pytest.raises(ModelError, match=r"at least 20 objects in the pictures \(got 12 in 12\)"):
        agreement(tmp_path, ROWS, ROWS[:1])


@pytest.mark.parametrize("precision", sorted(LIMITS))
def test_each_limit_bites(precision):
    limits = LIMITS[precision]
    just = Agreement(
        9,
        99,
        99,
        limits.matched_90,
        limits.matched_50,
        limits.sure_lost,
        -limits.score_shift,
        limits.score_difference,
    )
    assert just.faults(limits) == ""
    for name, step in (("matched_90", -1), ("matched_50", -1), ("sure_lost", 1), ("score_difference", 1)):
        beyond = replace(just, **{name: getattr(just, name) + 0.001 * step})
        assert beyond.faults(limits).startswith(name)
    for sign in (-1, 1):
        beyond = replace(just, score_shift=sign * (limits.score_shift + 0.001))
        assert beyond.faults(limits).startswith("|score_shift|")
