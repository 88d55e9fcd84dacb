"""Spans of faults: hysteresis both ways in seconds, dated back; what they leave of the counts adds up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.counters import CameraCounters
from edge.faults import Fault, FaultBook, inside, joined, without
from edge.parking import BayWatch
from edge.presence import seconds
from edge.records import Detections
from tests.edge.test_pains_parking import CAR, LOT
from tests.edge.test_pains_zones import LAWN
from tests.fakes import detections

SPANS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    max_size=6,
)


def test_a_fault_is_believed_after_its_time_and_over_after_the_contrary() -> None:
    fault = Fault(3.0, 2.0)
    states = []
    for at in range(20):
        fault.judge(5 <= at < 12, at)
        states.append(fault.since is not None)
    # Evidence from 5 on means: somewhere after the look at 4. What was shown until 14 was not counted.
    assert states == [False] * 7 + [True] * 7 + [False] * 6
    assert fault.spans() == [(4, 14)]


def test_a_flicker_is_no_fault_and_a_gap_proves_nothing() -> None:
    fault = Fault(3.0, 2.0)
    for at in range(30):
        fault.judge(at % 3 != 0, at)
    assert fault.spans() == []
    fault.judge(True, 40)
    fault.judge(True, 60)
    assert fault.spans() == []


def test_what_cannot_be_told_leaves_a_fault_as_it_is() -> None:
    fault = Fault(3.0, 2.0)
    for at in range(10):
        fault.judge(True, at)
    for at in range(10, 30):
        fault.judge(None, at)
    assert fault.spans() == [(0, math.inf)]


@given(SPANS, SPANS)
def test_spans_and_holes_part_the_time(spans: Any, holes: Any) -> None:
    spans, holes = joined(spans), joined(holes)
    left = without(spans, holes)
    for instant in range(80):
        at = instant + 0.5
        assert inside(at, left) == (inside(at, spans) and not inside(at, holes))
    assert seconds(joined([*left, *holes])) == pytest.approx(seconds(joined([*spans, *holes])))


NOTHING = Detections.empty()
EVIDENCE = st.lists(
    st.tuples(
        st.sampled_from([0.2, 0.5, 1.0, 2.0, 7.0]),  # until the next frame
        st.sampled_from(["", "", "", "frozen", "moved", "covered", "dark"]),
        st.integers(1, 12),  # for so many frames
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(EVIDENCE, st.sampled_from([10, 30]))
def test_r11_flags_and_observed_seconds_fill_the_interval(script: Any, interval_s: Any) -> None:
    faults = {"frozen": Fault(3, 1), "moved": Fault(9, 9, 4), "covered": Fault(3, 3), "dark": Fault(5, 5)}
    book = FaultBook(faults)  # type: ignore[arg-type]
    counters = CameraCounters("cam", LAWN, interval_s=interval_s, anchor=0.0, confidence=0.25, faults=book)
    at, bodies = 0.0, []
    for step_s, shown, times in script:
        for _ in range(times):
            bodies += counters.observe(NOTHING, [], at)
            for name, fault in faults.items():
                fault.judge(shown == name, at)
            at += step_s
    bodies += counters.finish(at)
    closed = [
        body for body in bodies if body.type == "parvis.zone.v1"
    ]  # their own validators judged them already
    total = 0.0
    for body in closed:
        blind = [body.flag_s.get(name, 0.0) for name in ("frozen", "moved", "covered")]
        lost = body.flag_s.get("lost", 0.0)
        assert body.flag_s.get("dark", 0.0) <= body.observed_s + 0.01
        # Blind faults may overlap one another, never the observed seconds; what is left out of a record is below half a second.
        assert body.observed_s + lost + max(blind) <= interval_s + 0.01
        total += body.observed_s + lost + sum(blind)
    assert total >= at - 0.5 * 4 * len(closed) - 0.01


def test_after_a_move_the_cars_in_the_bays_have_not_arrived_anew() -> None:
    square = np.array([[0, 0], [100, 0], [100, 100], [0, 100]], np.float64)
    bays = BayWatch({"a": square}, 0.25)
    for at in range(20):
        bays.observe(detections((5, 5, 95, 95), name="car"), at)
    for at in range(20, 40):  # the view has moved: another view's empty ground
        bays.observe(NOTHING, at)
    bays.restart(40)
    for at in range(40, 60):
        bays.observe(detections((5, 5, 95, 95), name="car"), at)
    assert [(stay.arrived, stay.end) for stay in bays.stays()][-1] == (False, math.inf)


def test_a_covered_lens_frees_no_bay() -> None:
    """While the picture cannot be believed nothing is fed to the counters, so that it proves nobody gone."""
    cover = Fault(0.0, 0.0)
    counting = CameraCounters(
        "cam", LOT, interval_s=60, anchor=0.0, confidence=0.25, faults=FaultBook({"covered": cover})
    )
    closed: list[Any] = []
    for at in range(600):
        covered = 120 <= at < 420
        cover.judge(covered, at)
        closed += counting.observe(NOTHING if covered else detections(CAR, name="car"), (), float(at))
    closed += counting.finish(600.0)
    assert sum(body.departures for body in closed) == 0
    assert sum(body.arrivals for body in closed) == 0
    assert sum(body.flag_s.get("covered", 0.0) for body in closed) == pytest.approx(300, abs=3)
