"""Geometry: known values and algebra."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.geometry import (
    bottom_center,
    chord,
    clip_to_box,
    distance_to_edge,
    iou_matrix,
    points_in_polygon,
    polygon_area,
    segments_cross,
    self_crossing,
    side_of_line,
)

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], float)
boxes = st.lists(
    st.tuples(st.floats(0, 50), st.floats(0, 50), st.floats(1, 50), st.floats(1, 50)).map(
        lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
    ),
    min_size=1,
    max_size=6,
).map(np.array)


@given(boxes, boxes)
def test_iou_is_symmetric_and_within_bounds(a: np.ndarray, b: np.ndarray) -> None:
    iou = iou_matrix(a, b)
    assert ((iou >= 0) & (iou <= 1 + 1e-9)).all()
    np.testing.assert_allclose(iou, iou_matrix(b, a).T)
    np.testing.assert_allclose(np.diag(iou_matrix(a, a)), 1)


def test_iou_of_a_worked_value() -> None:
    assert iou_matrix(np.array([[0, 0, 2, 2.0]]), np.array([[1, 1, 3, 3.0]]))[0, 0] == pytest.approx(1 / 7)


def test_anchor_is_the_middle_of_the_lower_edge() -> None:
    np.testing.assert_allclose(bottom_center(np.array([[10, 20, 30, 60.0]])), [[20, 60]])


@given(st.floats(-20, 30), st.floats(-20, 30))
def test_inside_a_square(x: float, y: float) -> None:
    expected = 0 <= x < 10 and 0 <= y < 10
    assert bool(points_in_polygon(np.array([[x, y]]), SQUARE)[0]) == expected


@given(st.floats(0.01, 19.99), st.floats(0.01, 9.99))
def test_two_zones_that_share_an_edge_never_share_a_point(x: float, y: float) -> None:
    point = np.array([[x, y]])
    assert points_in_polygon(point, SQUARE)[0] != points_in_polygon(point, SQUARE + np.array([10, 0]))[0]


def test_inside_a_bent_polygon() -> None:
    bent = np.array([[0, 0], [10, 0], [10, 10], [5, 2], [0, 10]], float)
    assert points_in_polygon(np.array([[5, 1], [5, 5], [1, 5], [9, 5.0]]), bent).tolist() == [
        True,
        False,
        True,
        True,
    ]


def test_side_is_positive_below_a_line_from_left_to_right() -> None:
    c = side_of_line(np.array([0, 5.0]), np.array([10, 5.0]), np.array([[5, 4], [5, 6], [5, 5.0]]))
    assert np.sign(c).tolist() == [-1, 1, 0]


@given(st.floats(0, 1))
def test_a_way_through_a_line_counts_once_wherever_it_is_cut(share: float) -> None:
    a, b, p, q = np.array([0, 0.0]), np.array([10, 0.0]), np.array([5, -3.0]), np.array([5, 4.0])
    middle = p + share * (q - p)
    assert segments_cross(p, middle, a, b) + segments_cross(middle, q, a, b) == 1


def test_a_way_past_the_end_of_a_line_does_not_cross_it() -> None:
    a, b = np.array([0, 0.0]), np.array([10, 0.0])
    assert not segments_cross(np.array([11, -1.0]), np.array([11, 1.0]), a, b)


def test_crossing_polygons_are_found() -> None:
    assert self_crossing(SQUARE) is None
    assert self_crossing(SQUARE[[0, 2, 1, 3]]) is not None


def test_area_and_clipping() -> None:
    assert polygon_area(SQUARE) == 100
    assert polygon_area(SQUARE[::-1]) == 100
    assert polygon_area(clip_to_box(SQUARE, np.array([5, 5, 20, 20.0]))) == 25
    assert polygon_area(clip_to_box(SQUARE, np.array([50, 50, 60, 60.0]))) == 0
    assert polygon_area(SQUARE[:2]) == 0


def test_distance_to_the_nearest_edge() -> None:
    np.testing.assert_allclose(distance_to_edge(np.array([[5, 4], [5, -2], [13, 14.0]]), SQUARE), [4, 2, 5])


def test_a_chord_is_where_a_way_runs_through_a_polygon() -> None:
    square = np.array([(10, 10), (20, 10), (20, 20), (10, 20)])
    assert chord(np.array((0, 15)), np.array((40, 15)), square) == pytest.approx((0.25, 0.5))
    assert chord(np.array((15, 0)), np.array((15, 15)), square) == pytest.approx((2 / 3, 2 / 3))
    assert chord(np.array((0, 5)), np.array((40, 5)), square) is None
    assert chord(np.array((0, 15)), np.array((9, 15)), square) is None
    assert chord(np.array((12, 12)), np.array((18, 18)), square) is None
