"""Regions follow what moves in them, and grow where nothing can be followed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.carry import GROWTH, carried, small_grey
from edge.geometry import iou_matrix

RNG = np.random.default_rng(7)
SCENE = cv2.resize(RNG.integers(0, 255, (60, 80, 3), np.uint8), (640, 480), interpolation=cv2.INTER_CUBIC)
BOXES = np.array([[100.0, 100, 180, 260], [400, 200, 440, 290]])


def seen(dx=0.0, dy=0.0, zoom=1.0):
    warp = np.array([[zoom, 0, dx + 320 * (1 - zoom)], [0, zoom, dy + 240 * (1 - zoom)]])
    return small_grey(cv2.warpAffine(SCENE, warp, (640, 480), borderMode=cv2.BORDER_REFLECT_101))


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (12, 0), (-9, 7), (20, -15)])
def test_a_pan_moves_every_region_with_it(dx, dy):
    found = carried(BOXES, seen(), seen(dx, dy), 0.5)
    np.testing.assert_allclose(found, BOXES + np.array([dx, dy, dx, dy]), atol=2.5)


@pytest.mark.parametrize("zoom", [0.95, 1.05, 1.1])
def test_a_zoom_makes_regions_grow_or_shrink(zoom):
    middle = np.array([320, 240, 320, 240])
    found = carried(BOXES, seen(), seen(zoom=zoom), 0.5)
    assert np.diag(iou_matrix(found, (BOXES - middle) * zoom + middle)).min() > 0.85


def test_back_and_forth_is_where_it_began():
    there = carried(BOXES, seen(), seen(10, 5), 0.5)
    np.testing.assert_allclose(carried(there, seen(10, 5), seen(), 0.5), BOXES, atol=3)


def test_what_cannot_be_followed_stays_and_grows():
    flat = np.full((240, 320), 90, np.uint8)
    found = carried(BOXES, flat, flat, 0.5)
    margin = (BOXES[:, 2:] - BOXES[:, :2]) * GROWTH
    np.testing.assert_allclose(found, np.hstack((BOXES[:, :2] - margin, BOXES[:, 2:] + margin)))


def test_another_size_of_picture_ends_the_following():
    assert carried(BOXES, seen(), seen()[:100], 0.5)[0, 0] < BOXES[0, 0]


def test_nothing_carries_nothing():
    assert carried(np.zeros((0, 4)), seen(), seen(), 0.5).shape == (0, 4)


def test_regions_outside_of_the_picture_are_harmless():
    far = np.array([[-900.0, -900, -800, -800], [620, 460, 900, 800]])
    assert np.isfinite(carried(far, seen(), seen(5, 5), 0.5)).all()
