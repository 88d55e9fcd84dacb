"""Average precision: cases worked out by hand, a slow second implementation, and laws that hold for any detections."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.average_precision import (
    FALSE,
    HIT,
    IOUS,
    NEITHER,
    Ranking,
    average_precision,
    curve,
    joined,
    match,
    recall_at,
    samples,
)

BOX = (10.0, 10.0, 20.0, 30.0)
FAR = (100.0, 100.0, 110.0, 120.0)
NONE = np.zeros((0, 4))


def ranking(rows, totals=None, row_of_hits=None):
    """From (score, block, hit) rows, alike at all thresholds, and the true boxes of each block."""
    totals = totals or [sum(hit for *_, hit in rows)]
    verdict = np.array([hit for *_, hit in rows], np.int8)
    found = [score for score, _, hit in rows if hit == HIT]
    blocks = np.repeat(np.arange(len(totals)), totals)
    finders = np.full(len(blocks), -1.0)
    finders[: len(found)] = found
    return Ranking(
        np.array([score for score, *_ in rows], float),
        np.repeat(verdict[None], len(IOUS), axis=0),
        np.array([block for _, block, _ in rows], np.int64),
        blocks,
        finders,
    )


@pytest.mark.parametrize(
    ("why", "rows", "total", "expected"),
    [
        ("all found, nothing else", [(0.9, 0, HIT), (0.8, 0, HIT)], 2, 1.0),
        ("nothing found", [(0.9, 0, FALSE)], 3, 0.0),
        ("no detection at all", [], 3, 0.0),
        ("half found: levels 0 to .50 of 101", [(0.9, 0, HIT)], 2, 51 / 101),
        ("a false alarm first: every level at a half", [(0.9, 0, FALSE), (0.8, 0, HIT)], 1, 0.5),
        ("one between: 51 levels at 1, 50 at 2/3", [(0.9, 0, HIT), (0.8, 0, FALSE), (0.7, 0, HIT)], 2, (51 + 50 * 2 / 3) / 101),
        ("a false alarm after all changes nothing", [(0.9, 0, HIT), (0.1, 0, FALSE)], 1, 1.0),
        ("equal scores are one step", [(0.5, 0, FALSE), (0.5, 0, HIT)], 1, 0.5),
        ("neither counts as nothing", [(0.9, 0, NEITHER), (0.8, 0, HIT)], 1, 1.0),
        ("best precision at that recall or more", [(0.9, 0, FALSE), (0.8, 0, HIT), (0.7, 0, HIT), (0.6, 0, HIT)], 3, 0.75),
    ],
)  # fmt: skip
def test_cases_by_hand(why, rows, total, expected):
    areas = average_precision(ranking(rows, [total]))
    assert areas == pytest.approx([expected] * len(IOUS)), why


def test_nothing_to_find_has_no_precision():
    assert np.isnan(average_precision(ranking([(0.9, 0, FALSE)], [0]))).all()
    assert np.isnan(recall_at(ranking([], [0]), 0.25))


def test_each_true_box_is_found_once_and_by_the_surest():
    verdicts, finders = match([BOX, BOX, FAR], [0.6, 0.9, 0.8], [BOX], NONE)
    assert verdicts[0].tolist() == [FALSE, HIT, FALSE]
    assert finders.tolist() == [0.9]


def test_a_detection_takes_the_free_box_it_overlaps_most():
    beside = (12.0, 10.0, 22.0, 30.0)  # overlaps BOX by 8/12
    verdicts, finders = match([BOX, beside], [0.9, 0.8], [beside, BOX], NONE)
    assert verdicts[-1].tolist() == [HIT, HIT]
    assert finders.tolist() == [pytest.approx(0.8), pytest.approx(0.9)]


def test_thresholds_decide_by_overlap():
    shifted = (12.0, 10.0, 22.0, 30.0)  # IoU 8/12
    verdicts, _ = match([shifted], [0.9], [BOX], NONE)
    assert [iou for iou, row in zip(IOUS, verdicts, strict=True) if row[0] == HIT] == [0.5, 0.55, 0.6, 0.65]
    edge, _ = match([(10.0, 10.0, 20.0, 20.0)], [0.9], [BOX], NONE)  # IoU exactly .5
    assert edge[0, 0] == HIT


def test_what_lies_in_a_spared_box_is_no_false_alarm_but_a_true_box_comes_first():
    spared = [(0.0, 0.0, 60.0, 60.0)]
    verdicts, finders = match([BOX, (12, 12, 16, 20), FAR], [0.9, 0.8, 0.7], [BOX], spared)
    assert verdicts[0].tolist() == [HIT, NEITHER, FALSE]
    assert finders.tolist() == [0.9]
    half = (50.0, 0.0, 72.0, 60.0)  # 10 of 22 px inside: less than half
    assert match([half], [0.9], NONE, spared)[0][0, 0] == FALSE


def test_recall_counts_what_is_sure_enough():
    found = ranking([(0.9, 0, HIT), (0.2, 0, HIT)], [4])
    assert recall_at(found, 0.25) == 0.25
    assert recall_at(found, 0.1) == 0.5


def test_curve_has_a_point_for_each_step_that_finds():
    recall, precision = curve(ranking([(0.9, 0, HIT), (0.8, 0, FALSE), (0.7, 0, HIT)], [4]))
    assert recall.tolist() == [0.25, 0.5]
    assert precision == pytest.approx([1, 2 / 3])


def test_weights_repeat_blocks():
    parts = ranking([(0.9, 0, HIT), (0.8, 1, FALSE), (0.7, 1, HIT)], [1, 2])
    twice = ranking([(0.9, 0, HIT), (0.9, 0, HIT), (0.8, 0, FALSE), (0.7, 0, HIT)], [4])
    drawn = average_precision(parts, np.array([[1.0, 1.0], [2.0, 1.0], [0.0, 0.0]]))
    assert drawn[0] == pytest.approx(average_precision(parts))
    assert drawn[1] == pytest.approx(average_precision(twice))
    assert np.isnan(drawn[2]).all()
    assert recall_at(parts, 0.75, np.array([[3.0, 1.0]])) == pytest.approx([3 / 5])


def test_samples_are_seeded_and_keep_each_video_apart():
    drawn = samples([[0, 1, 2], [3, 4]], 200, 7)
    assert (drawn[:, :3].sum(axis=1) == 3).all()
    assert (drawn[:, 3:].sum(axis=1) == 2).all()
    assert drawn.std(axis=0).min() > 0
    np.testing.assert_array_equal(drawn, samples([[0, 1, 2], [3, 4]], 200, 7))


def naive(rows, total):
    """The definition, level by level, without any vector."""
    steps = sorted({score for score, *_ in rows}, reverse=True)
    points = []
    for least in steps:
        shown = [hit for score, _, hit in rows if score >= least and hit != NEITHER]
        hits = sum(hit == HIT for hit in shown)
        if shown:
            points.append((hits, hits / len(shown)))
    levels = [
        max((p for hits, p in points if 100 * hits >= level * total), default=0.0) for level in range(101)
    ]
    return sum(levels) / 101


SCORES = st.integers(0, 12).map(lambda tenth: tenth / 12)  # few, so that many are equal
ROWS = st.lists(st.tuples(SCORES, st.integers(0, 2), st.sampled_from((HIT, FALSE, NEITHER))), max_size=30)


@settings(deadline=None)
@given(ROWS, st.integers(0, 5), st.randoms())
def test_laws_of_rankings(rows, missed, rng):
    hits = [sum(hit == HIT and block == own for _, block, hit in rows) for own in range(3)]
    totals = [hits[0] + missed, *hits[1:]]
    found = average_precision(ranking(rows, totals))[0]
    if not sum(totals):
        assert np.isnan(found)
        return
    assert 0 <= found <= 1
    assert found == pytest.approx(naive(rows, sum(totals)))
    mixed = list(rows)
    rng.shuffle(mixed)
    assert average_precision(ranking(mixed, totals))[0] == found
    lower = average_precision(ranking([*rows, (-1.0, 1, FALSE)], totals))[0]
    assert lower <= found
    higher = average_precision(ranking([*rows, (2.0, 1, FALSE)], totals))[0]
    assert higher <= found


CORNER = st.integers(0, 40).map(float)
BOXES = st.lists(st.tuples(CORNER, CORNER, st.integers(4, 30), st.integers(4, 30), SCORES), max_size=8)


def xyxy(rows):
    return np.array([(x, y, x + w, y + h) for x, y, w, h, _ in rows], float).reshape(-1, 4)


@settings(max_examples=60, deadline=None)  # a busy machine is no failure
@given(BOXES, BOXES, st.randoms())
def test_laws_of_matching(found, true, rng):
    scores = np.array([row[-1] for row in found])
    verdicts, finders = match(xyxy(found), scores, xyxy(true), NONE)
    hits = (verdicts == HIT).sum(axis=1)
    assert (hits <= min(len(found), len(true))).all()
    assert hits[0] == (finders >= 0).sum()
    assert sorted(scores[verdicts[0] == HIT]) == sorted(finders[finders >= 0])
    mixed = list(found)
    rng.shuffle(mixed)
    again, same = match(xyxy(mixed), np.array([row[-1] for row in mixed]), xyxy(true), NONE)
    assert same.tolist() == finders.tolist()
    assert ((again == HIT).sum(axis=1) == hits).all()


@settings(max_examples=60, deadline=None)
@given(BOXES)
def test_perfect_detections_have_precision_one(true):
    boxes = xyxy(true)
    boxes = np.unique(boxes, axis=0)
    verdicts, finders = match(boxes, np.full(len(boxes), 0.5), boxes, NONE)
    whole = joined([(0, np.full(len(boxes), 0.5), verdicts, finders)])
    assert average_precision(whole) == pytest.approx(
        [1.0] * len(IOUS) if len(boxes) else [np.nan] * len(IOUS), nan_ok=True
    )
