"""The presence map: sums of which only a part is known, and which never call the unknown 0."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.onplan import Projection
from server.pages.presence import column
from server.presence import presence
from server.store.quality_base import GridPart
from tests.server.build import NOON, config, grid, zone, zone_config

HOUR = NOON - 6 * 3600
PAGE = "/cameras/box-a/north/presence"
DAY_S = 86400


def part(start, *cells, name="person", observed_s=3600.0, cols=2):
    return GridPart(name, start, cols, len(cells) // cols, observed_s, cells)


def test_what_was_shown_is_a_lower_bound_over_all_hours_and_a_mean_over_its_own():
    found = presence(
        [part(0, 7200.0, None), part(3600, None, None, observed_s=1800.0), part(7200, 0.0, 90.0)]
    )
    assert (found.hours, found.observed_s) == (3, 9000.0)
    first, second = found.cells
    assert (first.least, first.shown, first.share) == (7200 / 9000, 1.0, 0.8)
    assert (second.least, second.shown, second.share) == (0.01, 0.025, 0.4)


def test_too_few_is_never_nought_and_a_true_nought_is():
    few, nought = presence([part(0, None, 0.0)]).cells
    assert (few.least, few.shown, few.share) == (None, None, 0.0)
    assert (nought.least, nought.shown, nought.share) == (0.0, 0.0, 1.0)
    assert presence([]) is None


def test_classes_of_a_group_add_up_and_their_time_does_not():
    found = presence([part(0, 3600.0, None, name="car"), part(0, 1800.0, None, name="bus")])
    assert (found.observed_s, found.cells[0].least, found.cells[0].share) == (3600.0, 1.5, 1.0)
    assert found.cells[1].least is None


def test_two_parts_of_an_hour_are_one_hour():
    found = presence([part(0, 900.0, None, observed_s=1200.0), part(0, 900.0, 60.0, observed_s=2400.0)])
    assert (found.hours, found.observed_s) == (1, 3600.0)
    assert found.cells[0].least == 0.5
    assert found.cells[1].share == pytest.approx(2 / 3)


def test_grids_of_another_size_are_left_out_and_told():
    found = presence([part(0, *[1.0] * 4, cols=4), part(3600, 3600.0, None)])
    assert (found.cols, found.rows, found.left_out, found.cells[0].least) == (2, 1, 1, 1.0)


VALUE = st.one_of(st.none(), st.floats(0, 36_000))


@given(st.lists(st.tuples(st.integers(0, 9), VALUE, VALUE, st.floats(1, 3600)), min_size=1, max_size=30))
def test_no_order_changes_a_map_and_no_bound_is_above_its_mean(told):
    grids = [part(3600 * at, one, other, observed_s=seen) for at, one, other, seen in told]
    found, again = presence(grids), presence(grids[::-1])
    assert found.observed_s == pytest.approx(again.observed_s)
    for cell, other in zip(found.cells, again.cells, strict=True):
        assert (cell.least is None) == (other.least is None)
        if cell.least is not None:
            assert cell.least == pytest.approx(other.least)
            assert cell.least <= cell.shown + 1e-9
            assert cell.least == pytest.approx(cell.shown * cell.share, rel=1e-6, abs=1e-9)


def text_of(site, query="", language="en", status=200):
    answer = site.client("planner").get(PAGE + query, headers={"Accept-Language": language})
    assert answer.status_code == status
    return re.sub(r"\s+", " ", answer.text)


@pytest.fixture
def fed(site):
    """Six hours of 16 x 9 cells: one busy cell, one seen in one hour, the others too few."""
    lines = [{"id": "gate", "points": [[0.1, 0.5], [0.9, 0.5]], "classes": ["person"]}]
    records = [config(0, NOON - DAY_S, [zone_config("lawn")], lines=lines), zone(1, NOON - 7200)]
    for n in range(6):
        cells = [None] * 144
        cells[16 * 4 + 6] = 7200.0
        if n == 2:
            cells[0] = 360.0
        records.append(grid(10 + n, NOON - 3600 * (6 - n), observed_s=3600.0, object_s=cells))
    assert site.post(records).json()["rejected"] == []
    return site


def test_the_map_shows_what_is_known_over_the_outlines_of_the_zones(fed):
    fed.clock.now = NOON + 900
    text = text_of(fed)
    assert "people: 6 hours" in text
    assert "The busiest cell: G5: at least 2.00 on average (2.00 during the 100% of the time" in text
    assert "142 of 144 cells never have enough visits to be shown; this is not zero." in text
    assert text.count('<rect class="few"') == 142
    assert text.count("A1: at least 0.02 on average (0.10 during the 17%") == 2
    assert "<polygon" in text
    assert ">lawn</text>" in text
    assert ">gate</text>" in text
    assert text.count('class="w-none"') == 142
    french = text_of(fed, language="fr")
    assert "trop peu pour être montré" in french


def test_an_hour_appears_with_the_delay_of_statistics(fed):
    fed.clock.now = NOON + 899
    assert "people: 5 hours" in text_of(fed)
    fed.clock.now = NOON + 900
    assert "people: 6 hours" in text_of(fed)


def test_hours_of_the_day_and_days_are_local_ones(fed):
    """Six hours from 7:00 to 13:00 in Paris, of a Sunday."""
    fed.clock.now = NOON + 900
    assert "people: 3 hours" in text_of(fed, "?from_hour=8&to_hour=11")
    assert "people: 6 hours" in text_of(fed, "?days=weekend")
    assert "No presence grid for these hours" in text_of(fed, "?days=week")
    assert "No presence grid for these hours" in text_of(fed, "?from=2026-03-01&to=2026-03-31")


@pytest.mark.parametrize(
    "query",
    [
        "from=x",
        "from=2026-11-22&to=2026-11-21",
        "from=2026-01-01&to=2026-11-21",
        "from=1970-01-01&to=1970-01-02",
        "from_hour=9&to_hour=9",
        "from_hour=-1",
        "to_hour=25",
        "days=never",
        "class=vehicle",
    ],
)
def test_a_wish_that_cannot_be_is_told_beside_a_page_that_can(fed, query):
    text = text_of(fed, f"?{query}", status=400)
    assert "This choice cannot be shown" in text
    assert "Mean presence by cell" in text


def test_a_camera_without_grids_says_so_and_an_unknown_one_is_not_found(site):
    site.post([zone(1, NOON - 7200)])
    assert "has not sent a presence grid yet" in text_of(site)
    assert site.client("planner").get("/cameras/box-a/south/presence").status_code == 404


def test_a_changed_configuration_is_told(fed):
    moved = config(900, NOON - 7200, [zone_config("lawn", polygon=[[0, 0], [1, 0], [1, 1]])], run="f" * 16)
    fed.post([moved])
    fed.clock.now = NOON + 900
    assert "configuration in this period: 1" in text_of(fed)


def test_a_quarter_of_all_vehicles_is_read_with_few_rows(fed):
    """What the page reads at most: hours, days, and the four classes of vehicles."""
    from server.pages.presence import MOST_DAYS

    assert 24 * MOST_DAYS * 4 <= 20_000


def test_grids_of_the_future_are_kept_out(fed):
    fed.post([grid(99, NOON + 40 * DAY_S)])
    assert fed.store.quality.grid_extent("box-a", "north")[1] == NOON - 3600


def test_columns_have_names():
    assert [column(n) for n in (0, 25, 26, 63)] == ["A", "Z", "AA", "BL"]


SQUARE = ((0.2, 0.4), (0.8, 0.4), (0.9, 0.9), (0.1, 0.9))
ON_PLAN = ((100.0, 100.0), (300.0, 100.0), (300.0, 400.0), (100.0, 400.0))


def test_the_four_points_lie_where_they_were_put_and_lines_stay_lines():
    lay = Projection.between(SQUARE, ON_PLAN)
    for one, other in zip(lay.outline(SQUARE), ON_PLAN, strict=True):
        assert one == pytest.approx(other)
    # The middle of the frame's near edge is the middle of the plan's.
    assert lay.outline([(0.5, 0.9)])[0] == pytest.approx((200.0, 400.0))
    assert lay.outline([(0.5, 0.4)])[0] == pytest.approx((200.0, 100.0))


def test_what_lies_beyond_the_horizon_has_no_place_on_the_plan():
    """The sides meet at (0.5, -1.1): nearer to it a cell would be endless, and behind it turned about."""
    lay = Projection.between(SQUARE, ON_PLAN)
    assert lay.outline([(0.4, -0.5), (0.6, -0.5)]) is not None
    assert lay.outline([(0.4, -1.1), (0.6, -0.5)]) is None
    assert lay.outline([(0.5, -1.5)]) is None


@pytest.mark.parametrize(
    "frame", [((0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.0, 1.0)), ((0.0, 0.0),) * 4, SQUARE[:3]]
)
def test_points_that_span_no_ground_are_refused(frame):
    with pytest.raises(ValueError, match="four points"):
        Projection.between(frame, ON_PLAN[: len(frame)])
