"""The watchdog's food: promises of parts that move, and systemd's limits."""

from __future__ import annotations

import math

import pytest

from edge.pulse import Feed, Pulse, feeding_s


def test_who_promised_and_did_not_come_is_late() -> None:
    pulse = Pulse()
    pulse.promise("delivering", 100.0)
    pulse.promise("storing", 200.0)
    assert pulse.late(100.0) == []
    assert pulse.late(100.1) == ["delivering"]
    pulse.promise("delivering", 400.0)  # it waits, and says until when
    assert pulse.late(250.0) == ["storing"]
    pulse.promise("storing", math.inf)
    assert pulse.late(399.0) == []


def test_what_does_not_promise_is_followed() -> None:
    pulse = Pulse()
    pulse.follow("camera", ("lost", 1), 0.0, 180.0)
    for at in range(5, 900, 5):
        pulse.follow("camera", ("lost", at // 70), float(at), 180.0)  # it tries again each 70 s
        assert pulse.late(float(at)) == []
    for at in range(900, 1085, 5):
        pulse.follow("camera", ("lost", 12), float(at), 180.0)
    assert pulse.late(1100.0) == ["camera"]


def test_the_feed_keeps_its_time_and_starves_who_is_late() -> None:
    feed = Feed(15.0)
    assert [at for at in range(60) if feed.due(float(at), late=False)] == [0, 15, 30, 45]
    assert not feed.due(60.0, late=True)
    assert feed.due(61.0, late=False)
    assert not Feed(None).due(0.0, late=False)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 15.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, 15.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_systemds_limit_is_read_from_the_environment(environ: dict[str, str], expected: float | None) -> None:
    assert feeding_s(environ, lambda: 7) == expected
