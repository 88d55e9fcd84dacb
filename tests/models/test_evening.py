"""Evenings made of days: darker, lit where vehicles are, and nothing moved."""

from __future__ import annotations

import numpy as np
import pytest

from models.evening import evening

DAY = np.full((96, 160, 3), 180, np.uint8)


@pytest.mark.parametrize("seed", range(20))
def test_an_evening_has_the_shape_of_its_day(seed: int) -> None:
    night = evening(DAY, np.zeros((0, 4)), np.random.default_rng(seed))
    assert night.shape == DAY.shape
    assert night.dtype == np.uint8


def test_most_evenings_are_much_darker_than_the_day() -> None:
    shares = [
        evening(DAY, np.zeros((0, 4)), np.random.default_rng(seed)).mean() / DAY.mean() for seed in range(60)
    ]
    assert float(np.median(shares)) < 0.6


def test_vehicles_are_lit_at_their_own_place_only() -> None:
    box = np.array([[90.0, 40.0, 140.0, 80.0]])
    brighter = []
    for seed in range(40):
        night = evening(DAY, box, np.random.default_rng(seed)).astype(float).max(axis=2)
        inside, far = night[40:80, 90:140], night[:, :30]
        brighter.append(np.percentile(inside, 99) - np.percentile(far, 99))
    assert np.mean(np.array(brighter) > 20) > 0.35


def test_a_vehicle_too_small_to_show_its_lights_gets_none() -> None:
    rng = [np.random.default_rng(5) for _ in range(2)]
    small = evening(DAY, np.array([[10.0, 10.0, 15.0, 14.0]]), rng[0])
    assert np.array_equal(small, evening(DAY, np.zeros((0, 4)), rng[1]))


def test_the_grey_around_a_picture_stays_grey() -> None:
    padded = DAY.copy()
    padded[:20] = 114
    night = evening(padded, np.zeros((0, 4)), np.random.default_rng(2))
    assert (night[:20] == 114).all()
    assert not (night[20:] == 114).all()


def test_the_same_seed_makes_the_same_evening() -> None:
    boxes = np.array([[90.0, 40.0, 140.0, 80.0]])
    assert np.array_equal(*(evening(DAY, boxes, np.random.default_rng(9)) for _ in range(2)))
