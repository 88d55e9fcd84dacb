"""How large a zone is on the ground."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.ground_area import area_m2

SQUARE = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]


def test_a_rectangle_seen_from_above():
    ground = [(0, 0), (40, 0), (40, 30), (0, 30)]
    assert area_m2([(0.2, 0.2), (0.6, 0.2), (0.6, 0.8), (0.2, 0.8)], SQUARE, ground, None) == pytest.approx(
        288
    )


@given(
    tilt=st.floats(0.05, 0.9),
    size=st.floats(1, 300),
    shift=st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)),
)
def test_a_trapezium_in_the_picture_is_the_rectangle_on_the_ground(tilt, size, shift):
    """The four points themselves are a zone: their area on the ground is known, whatever the perspective."""
    image = [(0.5 - tilt / 2, 0.2), (0.5 + tilt / 2, 0.2), (0.95, 0.9), (0.05, 0.9)]
    x, y = shift
    ground = [(x, y), (x + size, y), (x + size, y + 2 * size), (x, y + 2 * size)]
    assert area_m2(image, image, ground, None) == pytest.approx(2 * size * size, rel=1e-6)


def test_degrees_are_metres_on_the_ground():
    side = 1 / 1113.1949  # about 100 m of latitude
    lat = 48.85
    wide = side / math.cos(math.radians(lat))
    lonlat = [(2.35, lat), (2.35 + wide, lat), (2.35 + wide, lat + side), (2.35, lat + side)]
    assert area_m2(SQUARE, SQUARE, None, lonlat) == pytest.approx(1e4, rel=5e-3)


def test_what_gives_no_area_is_none_and_never_zero():
    ground = [(0, 0), (40, 0), (40, 30), (0, 30)]
    image = [(0.4, 0.5), (0.6, 0.5), (0.9, 0.9), (0.1, 0.9)]
    assert area_m2(SQUARE, SQUARE, None, None) is None
    assert area_m2(SQUARE[:2], SQUARE, ground, None) is None
    assert area_m2([(0.5, 0.5)] * 3, SQUARE, ground, None) is None
    # Up to the sky: the horizon of these four points lies within the picture.
    assert area_m2([(0.1, 0.05), (0.9, 0.05), (0.9, 0.9), (0.1, 0.9)], image, ground, None) is None
    assert area_m2(SQUARE, SQUARE, [(0, 0)] * 4, None) is None
    assert area_m2(SQUARE, SQUARE, [(0, 0), (1, 0), (2, 0), (3, 0)], None) is None
