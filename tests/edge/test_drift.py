"""Drift: who appeared or vanished within a zone is missing from entries minus exits."""

from __future__ import annotations

from edge.drift import Balance
from edge.track import Tracker
from tests.edge.scene import Motion, config, counters, frames_of, stand, times, walk


def balance_of(motions: list[Motion], end: float = 60.0) -> Balance:
    counting, tracker = counters(config(interval_s=10)), Tracker(frame_wh=(640, 360))
    for at in times(end):
        seen = frames_of(motions, at)
        counting.observe(seen, tracker.update(seen, at), at)
    counting.finish(end)
    return counting.balances["zone"].get("person", Balance())


def test_who_walks_through_leaves_no_drift() -> None:
    balance = balance_of([walk(100, 180, 540, 180, 5, 20), walk(540, 200, 100, 200, 10, 25)])
    assert (balance.entries, balance.exits, balance.drift) == (2, 2, 0)


def test_who_stays_is_present_and_no_drift() -> None:
    balance = balance_of([stand(300, 180), walk(100, 200, 320, 200, 20, 30), stand(320, 200, 30)])
    assert (balance.entries, balance.first, balance.last, balance.drift) == (1, 1, 2, 0)


def test_who_vanishes_within_drifts_up_and_who_appears_drifts_down() -> None:
    balance = balance_of([walk(100, 180, 320, 180, 5, 20)])
    assert (balance.entries, balance.vanished, balance.drift) == (1, 1, 1)
    balance = balance_of([walk(320, 180, 540, 180, 5, 20)])
    assert (balance.exits, balance.appeared, balance.drift) == (1, 1, -1)
    # Both together would cancel: the parts are kept.
    balance = balance_of([walk(100, 180, 320, 180, 5, 15), walk(330, 200, 540, 200, 30, 45)])
    assert (balance.appeared, balance.vanished, balance.drift) == (1, 1, 0)
