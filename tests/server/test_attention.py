"""What a planner should look at first, and what is no concern."""

from __future__ import annotations

import pytest

from server.attention import Concern, Seen, camera_concern, concerns, window
from tests.server.build import NOON, health

KEY = ("box-a", "north", "lawn", "zone")


def concern(late: int = 0, **changes) -> Concern | None:
    record = health(1, NOON - 30) | changes
    return camera_concern("box-a", "north", NOON - late, record, NOON)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"late": 601}, "silent"),
        ({"state": "lost"}, "away"),
        ({"state": "ended"}, "away"),
        ({"flags": ["covered"]}, "blind"),
        ({"flags": ["moved"], "verdict": "failing", "reasons": ["picture_blind"]}, "blind"),
        ({"flags": ["dark"]}, "blind"),
        ({"verdict": "failing", "reasons": ["loop_stalled"]}, "failing"),
        ({"clock": "unsynced"}, "clock"),
    ],
)
def test_a_camera_that_is_not_well_is_a_concern(changes, kind):
    found = concern(**changes)
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize("changes", [{}, {"late": 600}, {"flags": ["degraded"]}, {"verdict": "degraded"}])
def test_a_camera_that_is_well_is_none(changes):
    assert concern(**changes) is None
    assert camera_concern("box-a", "north", NOON, None, NOON) is None


def kinds(*places: Seen, cameras=(), quarantined: int = 0) -> list[str]:
    return [one.kind for one in concerns(cameras, places, quarantined, NOON)]


def test_places_nearly_full_come_first_and_old_figures_are_none():
    assert kinds(Seen(KEY, 0.85, NOON - 60, 1.0), quarantined=2) == ["full", "quarantine"]
    assert kinds(Seen(KEY, 0.84, NOON - 60, 1.0)) == []
    assert kinds(Seen(KEY, 1.0, NOON - 3601, 1.0)) == []
    assert kinds(Seen(KEY, None, NOON, None)) == []


def test_low_coverage_is_told_once_a_camera_and_not_where_the_camera_is_told_already():
    other = ("box-a", "north", "gate", "line")
    [found] = concerns([], [Seen(KEY, None, NOON, 0.7), Seen(other, None, NOON, 0.5)], 0, NOON)
    assert (found.kind, found.place, found.value) == ("coverage", other, 0.5)
    assert kinds(Seen(KEY, None, NOON, 0.8)) == []
    assert kinds(Seen(KEY, None, NOON, 0.1), cameras=[concern(state="lost")]) == ["away"]


def test_the_window_is_whole_hours_and_begins_with_the_place():
    assert window(NOON + 1800, 0) == (NOON - 86400, NOON)
    assert window(NOON + 1800, NOON - 5000) == (NOON - 3600, NOON)
    since, until = window(NOON + 1800, NOON + 60)
    assert since > until
