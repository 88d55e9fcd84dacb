"""Points that a planner placed: exact ones give an exact map, bad ones are refused and named."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from server.onplan import Projection, homography
from server.pairs import Ground, Pair
from server.placing import FITS, LEAST, place
from server.sites import SiteError

W, H = 1000, 700
IMAGE = ((0.2, 0.4), (0.8, 0.4), (0.9, 0.9), (0.1, 0.9))
METRES = ((0.0, 0.0), (20.0, 0.0), (20.0, 30.0), (0.0, 30.0))
GROUND = Ground(IMAGE, METRES)
# The same ground, measured with y to the north: the sense of turning is the other one.
NORTH = Ground(IMAGE, tuple((x, -y) for x, y in METRES))
FRAME = ((0.25, 0.5), (0.7, 0.45), (0.85, 0.85), (0.15, 0.8), (0.5, 0.6), (0.4, 0.85))


def truth(turn=0.4, scale=12.0, shift=(350.0, 120.0), shear=0.0):
    """From the frame to the plan's pixels: metres, turned, scaled, shifted."""
    c, s = scale * math.cos(turn), scale * math.sin(turn)
    lay = np.array([[c, -s + shear, shift[0]], [s, c, shift[1]], [0, 0, 1]])
    return Projection(lay @ homography(IMAGE, METRES))


def pairs_of(projection, points, *, width=W, height=H):
    laid = projection.outline(points)
    return [Pair(x, y, u / width, v / height) for (x, y), (u, v) in zip(points, laid, strict=True)]


def rule_of(*args):
    with pytest.raises(SiteError) as caught:
        place(*args)
    return caught.value.rule, caught.value.found


@given(
    turn=st.floats(-3.1, 3.1),
    scale=st.floats(20, 50),
    fit=st.sampled_from(FITS),
    more=st.integers(0, 2),
    ground=st.sampled_from([GROUND, NORTH]),
    point=st.tuples(st.floats(0.1, 0.9), st.floats(0.42, 0.95)),
)
def test_exact_points_give_an_exact_map(turn, scale, fit, more, ground, point):
    true = truth(turn, scale, (500.0, 350.0))
    pairs = pairs_of(true, FRAME[: LEAST[fit] + more], width=4000, height=4000)
    pairs = [Pair(one.x, one.y, one.u + 0.5, one.v + 0.5) for one in pairs]
    assume(all(0 <= one.u <= 1 and 0 <= one.v <= 1 for one in pairs))
    placed = place(pairs, 4000, 4000, fit, None if fit == "free" else ground)
    (u, v), (x, y) = placed.projection.outline([point])[0], true.outline([point])[0]
    assert (u - 2000, v - 2000) == (pytest.approx(x, abs=1e-4), pytest.approx(y, abs=1e-4))
    if more:
        assert max(placed.off) < 1e-7
        assert (placed.off_m is not None) == (fit == "scale")
    else:
        assert placed.off is placed.off_m is None


@given(n=st.integers(3, 6), which=st.integers(0, 5), move=st.floats(5, 25), way=st.floats(0, 6.3))
def test_a_point_put_wrong_leaves_a_residual_in_metres(n, which, move, way):
    """One point off by d: no point misses by more than d, and together they miss by something."""
    pairs = pairs_of(truth(), FRAME[:n])
    one = pairs[which % n]
    moved = Pair(one.x, one.y, one.u + move * math.cos(way) / W, one.v + move * math.sin(way) / H)
    pairs[which % n] = moved
    placed = place(pairs, W, H, "scale", GROUND)
    assert 0 < max(placed.off_m) <= move / 12.0 + 1e-9
    assert [12 * m / o for m, o in zip(placed.off_m, placed.off, strict=True)] == pytest.approx(
        [placed.off_m[0] * 12 / placed.off[0]] * n, rel=0.2
    )


def test_stretched_plans_need_three_points_and_a_scale_does_not_fit_them():
    pairs = pairs_of(truth(shear=9.0), FRAME[:5])
    assert max(place(pairs, W, H, "stretch", GROUND).off) < 1e-9
    assert rule_of(pairs, W, H, "scale", GROUND)[0] == "place_off"


@pytest.mark.parametrize("fit", FITS)
def test_too_few_points_and_too_many_are_refused(fit):
    least = LEAST[fit]
    assert rule_of(pairs_of(truth(), FRAME[: least - 1]), W, H, fit, GROUND) == (
        "place_few",
        f"{least - 1} / {least}",
    )
    assert rule_of(pairs_of(truth(), (*FRAME, (0.6, 0.7))), W, H, fit, GROUND)[0] == "place_few"


@pytest.mark.parametrize("fit", FITS)
def test_swapped_points_are_refused(fit):
    pairs = pairs_of(truth(), FRAME[:4])
    a, b = pairs[0], pairs[1]
    pairs[:2] = [Pair(a.x, a.y, b.u, b.v), Pair(b.x, b.y, a.u, a.v)]
    assert rule_of(pairs, W, H, fit, GROUND)[0] in {"place_off", "place_line", "place_mirror"}


@pytest.mark.parametrize("fit", ["stretch", "free"])
def test_a_plan_seen_from_below_is_refused(fit):
    pairs = [Pair(one.x, one.y, 1 - one.u, one.v) for one in pairs_of(truth(), FRAME[:5])]
    assert rule_of(pairs, W, H, fit, GROUND)[0] == "place_mirror"


def test_the_point_that_is_off_is_named():
    pairs = pairs_of(truth(), FRAME)
    pairs[4] = Pair(pairs[4].x, pairs[4].y, 0.01, 0.99)
    assert rule_of(pairs, W, H, "scale", GROUND) == ("place_off", "5")


def test_points_on_a_line_near_one_another_or_outside_are_refused():
    line = [(0.2 + 0.15 * n, 0.5 + 0.05 * n) for n in range(4)]
    for fit in ("stretch", "free"):
        assert rule_of(pairs_of(truth(), line), W, H, fit, GROUND)[0] == "place_line"
    near = pairs_of(truth(), ((0.5, 0.6), (0.505, 0.6), (0.2, 0.8)))
    assert rule_of(near, W, H, "scale", GROUND) == ("place_close", "1, 2")
    assert rule_of([Pair(0.1, 0.5, 1.2, 0.1), Pair(0.8, 0.5, 0.9, 0.1)], W, H, "scale", GROUND) == (
        "place_range",
        "1",
    )
    nan = [Pair(0.1, 0.5, math.nan, 0.1), Pair(0.8, 0.5, 0.9, 0.1)]
    assert rule_of(nan, W, H, "scale", GROUND)[0] == "place_range"


def test_a_point_in_the_sky_and_a_camera_without_ground_points_are_refused():
    pairs = [Pair(0.2, 0.5, 0.2, 0.2), Pair(0.5, 0.001, 0.8, 0.2)]
    steep = Ground(((0.4, 0.5), (0.6, 0.5), (0.9, 0.9), (0.1, 0.9)), METRES)
    assert rule_of(pairs, W, H, "scale", steep) == ("place_horizon", "2")
    assert rule_of(pairs, W, H, "scale", None)[0] == "place_ground"
    flat = Ground(((0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (0.4, 0.4)), METRES)
    assert rule_of(pairs, W, H, "scale", flat)[0] == "place_ground"
    assert rule_of(pairs, W, H, "twisted", None)[0] == "place_fit"


def test_an_invented_plan_is_a_picture_on_which_its_camera_fits_exactly():
    from server.pictures import read_picture
    from server.simulate_plan import GROUND as INVENTED
    from server.simulate_plan import pairs, picture, spot
    from server.simulate_town import plan

    for number, site in enumerate(plan(2, 1)):
        drawn = read_picture(picture(site, number))
        placed = place(pairs(number), drawn.width, drawn.height, "scale", INVENTED)
        assert max(placed.off_m) < 0.01
        u, v = placed.projection.outline([(0.4, 0.6)])[0]
        assert spot(number, [(0.4, 0.6)]) == pytest.approx((u / drawn.width, v / drawn.height), abs=1e-3)
