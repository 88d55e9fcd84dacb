"""What must hold of bays whatever the cars do, as long as they stay, and leave, for more than twelve seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from contract.messages import Body, ParkingBody
from edge.counters import CameraCounters
from edge.records import Detections
from tests.edge.lint_world import box_of, layout, zone
from tests.edge.pain_world import Script
from tests.edge.scene import START, parking
from tests.fakes import Box, detections

BAYS = {f"b{n}": box_of((100 * n) / 640, 200 / 360, (100 * n + 100) / 640, 260 / 360) for n in (1, 2, 3)}
DRIVE_S, DRIVE_PX = 2.5, 130.0  # how a car comes in from below, and goes
FIRST = 0.137  # the first frame: no other falls on the border of an interval (that has a test of its own)
PHASES = (Phase.explicit, Phase.generate)  # shrinking repeats whole runs for minutes
some = settings(max_examples=10, deadline=None, derandomize=True, phases=PHASES)


@dataclass(frozen=True)
class Parked:
    """A car at rest in a bay (1 to 3) over [start, end) seconds, driving in before and out after."""

    bay: int
    start: float
    end: float

    def box(self, at: float) -> Box | None:
        late = max(self.start - at, at - self.end, 0.0)
        below = DRIVE_PX * late / DRIVE_S
        left = 100 * self.bay
        return (left + 8, 170 + below, left + 92, 256 + below) if late < DRIVE_S else None


@st.composite
def lots(draw: st.DrawFn, end: float = 150.0, *, at_first: bool = True) -> list[Parked]:
    """Cars by turns in each of three bays; some are there from the beginning, some to the end."""
    found = []
    for bay in (1, 2, 3):
        at = draw(st.sampled_from([-20.0, 20.0] if at_first else [20.0])) + draw(st.integers(0, 60)) / 10
        while at < end - 13:
            stay = draw(st.integers(130, 600)) / 10 + max(-at, 0.0)
            found.append(Parked(bay, at + 0.013, at + 0.013 + stay))
            at += stay + 2 * DRIVE_S + draw(st.integers(130, 400)) / 10
        if found and end - 13 < found[-1].end < end + 6:  # its end is neither clearly seen nor clearly not
            found[-1] = Parked(bay, found[-1].start, end + 30)
    return found


def film(
    cars: Sequence[Parked], rate: float, end: float = 150.0, *, missed: float = 0.0, seed: int = 0
) -> Script:
    rng = np.random.default_rng(seed)

    def seen(at: float) -> Detections:
        boxes = [box for car in cars if (box := car.box(at)) is not None and rng.random() >= missed]
        return detections(*boxes, name="car")

    return [(float(at), seen(float(at))) for at in np.arange(FIRST, end, 1 / rate)]


def count(
    script: Script, names: Sequence[str] = ("b1", "b2", "b3"), interval_s: int = 60
) -> list[ParkingBody]:
    bays = {name: BAYS[name] for name in names}
    lot = layout(zone("lot", kind="parking", classes=("car", "truck"), bays=bays))
    counting = CameraCounters("cam", lot, interval_s=interval_s, anchor=START.timestamp(), confidence=0.25)
    bodies = [body for at, seen in script for body in counting.observe(seen, (), at)]
    return parking(bodies + counting.finish(2 * script[-1][0] - script[-2][0]))


def sums(bodies: Sequence[Body]) -> tuple[int, int, float, tuple[int, ...]]:
    """Arrivals, departures, occupied seconds, and stays by length with the censored ones last."""
    found = parking(bodies)
    stays = np.sum([(*(body.stay or ()), body.stay_censored) for body in found], axis=0)
    return (
        sum(body.arrivals for body in found),
        sum(body.departures for body in found),
        sum(body.occupied_bay_s for body in found),
        tuple(stays.tolist()),
    )


@some
@given(cars=lots(), rate=st.sampled_from([0.5, 0.7, 1.0, 2.0, 5.0, 10.0]))
def test_bays_count_alike_from_half_a_frame_to_ten_a_second(cars: list[Parked], rate: float) -> None:
    """True arrivals and departures, and occupied seconds within a gap for each of them."""
    arrivals, departures, occupied_s, _ = sums(count(film(cars, rate)))
    came, went = sum(car.start > 0 for car in cars), sum(car.end < 150 for car in cars)
    assert (arrivals, departures) == (came, went)
    true_s = sum(min(car.end, 150) - max(car.start, 0) for car in cars)
    # A car that comes to rest or sets off is within a third of its length of its place for a moment.
    assert occupied_s == pytest.approx(true_s, abs=(came + went) * (1 / rate + 0.6) + 1e-3)


@some
@given(cars=lots(at_first=False), rate=st.sampled_from([2.0, 5.0]), seed=st.integers(0, 10**6))
def test_a_fifth_of_the_sights_missed_changes_no_arrival(cars: list[Parked], rate: float, seed: int) -> None:
    clean, gappy = (sums(count(film(cars, rate, missed=missed, seed=seed))) for missed in (0, 0.2))
    assert gappy[:2] == clean[:2]
    assert gappy[2] == pytest.approx(clean[2], abs=(clean[0] + clean[1]) * 8 / rate + 1e-3)


@some
@given(cars=lots(), rate=st.sampled_from([0.5, 2.0, 4.0]), order=st.permutations(["b1", "b2", "b3"]))
def test_the_order_of_bays_changes_no_record(cars: list[Parked], rate: float, order: list[str]) -> None:
    script = film(cars, rate)
    here, there = count(script), count(script, order)
    assert [body.model_copy(update={"zone_version": ""}) for body in there] == [
        body.model_copy(update={"zone_version": ""}) for body in here
    ]


@some
@given(cars=lots(), rate=st.sampled_from([1.0, 4.0]))
def test_the_sum_is_the_same_in_short_and_in_long_intervals(cars: list[Parked], rate: float) -> None:
    script = film(cars, rate)
    long = sums(count(script, interval_s=60))
    for interval in (30, 10):
        short = sums(count(script, interval_s=interval))
        assert (*short[:2], short[3][:-1]) == (*long[:2], long[3][:-1])
        assert short[2] == pytest.approx(long[2], abs=0.01)


@some
@given(cars=lots(), rate=st.sampled_from([0.5, 2.0, 4.0]))
def test_bays_are_never_fuller_than_they_are_many(cars: list[Parked], rate: float) -> None:
    came = 0
    for body in count(film(cars, rate), interval_s=10):
        assert 0 <= body.occupied_bay_s <= body.observed_bay_s == pytest.approx(3 * body.observed_s)
        assert 0 <= body.peak <= 3
        came += body.arrivals - body.departures
        assert -3 <= came <= 3


@pytest.mark.parametrize("leaves", [40, 60])
def test_a_departure_at_the_border_of_an_interval_is_counted(leaves: float) -> None:
    """It belongs to the interval that begins then."""
    script = [
        (float(at), film([Parked(2, -20, 200)] if at < leaves else [], 1, at + 1)[-1][1]) for at in range(90)
    ]
    assert sums(count(script, interval_s=10))[1] == 1


def test_a_car_seen_in_the_first_look_has_not_arrived_though_it_is_missed_then() -> None:
    """Found at 0, .5 and 1.5 s and from 3.5 s on, at two frames a second: it stood there all the time."""
    car, nothing = detections((208, 170, 292, 256), name="car"), Detections.empty()
    moments = np.arange(0, 60, 0.5).tolist()
    arrivals, _, occupied_s, _ = sums(
        count([(at, car if at in (0, 0.5, 1.5) or at >= 3.5 else nothing) for at in moments])
    )
    assert arrivals == 0
    assert occupied_s == pytest.approx(60, abs=0.5)
