"""Bays: what frees one, what does not."""

from __future__ import annotations

import pytest

from contract.messages import Body, ParkingBody
from edge.records import Detections
from edge.track import Tracker
from tests.edge.scene import config, counters, parking, times
from tests.fakes import Box, detections, join

# Three bays side by side, 100 px wide and 60 deep, as seen from a mast: fractions of 640x360.
BAYS = {f"b{n}": tuple((x / 640, y / 360) for x, y in [(100 * n, 200), (100 * n + 100, 200), (100 * n + 100, 260), (100 * n, 260)]) for n in (1, 2, 3)}  # fmt: skip


def car(n: int) -> Box:
    """A car in the bay of that number: as wide as it, and higher."""
    return (100 * n + 8, 170, 100 * n + 92, 256)


def watch(script: dict[float, Detections], end: float, interval_s: int = 60) -> list[ParkingBody]:
    counting, tracker = (
        counters(config(kind="parking", classes=("car", "truck"), bays=BAYS, interval_s=interval_s)),
        Tracker(),
    )
    bodies: list[Body] = []
    for at, seen in script.items():
        bodies += counting.observe(seen, tracker.update(seen, at), at)
    return parking(bodies + counting.finish(end))


def cars(*numbers: int, confidence: float = 0.8) -> Detections:
    return detections(*[car(n) for n in numbers], name="car", confidence=confidence)


@pytest.mark.parametrize("fps", [0.5, 2, 6])
def test_arrival_and_departure_are_dated_to_their_evidence(fps: float) -> None:
    (body,) = watch({at: cars(1, 2) if 10 <= at < 40 else cars(1) for at in times(60, fps)}, 60)
    assert (body.arrivals, body.departures, body.peak, body.bays) == (1, 1, 2, 3)
    assert body.occupied_bay_s == pytest.approx(60 + 30, abs=1.2 / fps)
    assert body.observed_bay_s == 180
    assert body.stay == (1, 0, 0, 0, 0, 0, 0, 0)
    # The car that stood there before and after: its stay ends unseen with the run, in no interval of it.
    assert body.stay_censored == 0


def test_a_detector_that_blinks_moves_no_car() -> None:
    script = {at: cars(1) if int(at * 6) % 3 else Detections.empty() for at in times(60)}
    (body,) = watch(script, 60)
    assert (body.arrivals, body.departures) == (0, 0)
    assert body.occupied_bay_s == pytest.approx(60, abs=1)


def test_a_passer_by_frees_no_bay_and_a_person_takes_none() -> None:
    person = detections((120, 180, 150, 255), name="person")
    script = {at: join(cars(1), person) if 10 < at < 30 else join(person, cars(1)) for at in times(60)}
    (body,) = watch(script, 60)
    assert (body.arrivals, body.departures, body.peak) == (0, 0, 1)


def test_a_lorry_in_front_hides_bays_and_changes_nothing() -> None:
    lorry = detections((90, 120, 420, 330), name="truck")
    script = {at: lorry if 20 < at < 40 else cars(1) for at in times(60)}
    (body,) = watch(script, 60)
    assert (body.arrivals, body.departures) == (0, 0)
    assert body.occupied_bay_s == pytest.approx(60, abs=1)


def test_a_car_driving_through_takes_no_bay() -> None:
    def passing(at: float) -> Detections:
        x = 60 * at
        return detections((x, 170, x + 84, 256), name="car")

    (body,) = watch({at: passing(at) for at in times(10)}, 10)
    assert (body.arrivals, body.peak) == (0, 0)


def test_weak_detections_hold_an_occupied_bay() -> None:
    script = {at: cars(1, confidence=0.8 if at < 20 else 0.12) for at in times(60)}
    (body,) = watch(script, 60)
    assert body.departures == 0


def test_a_faint_car_takes_a_bay_when_it_lasts_twice_as_long() -> None:
    def faint(seconds: float) -> Detections:
        return cars(2, confidence=0.12) if seconds >= 20 else Detections.empty()

    (body,) = watch({at: faint(at) if at < 25 else Detections.empty() for at in times(60)}, 60)
    assert body.arrivals == 0
    (body,) = watch({at: faint(at) for at in times(60)}, 60)
    assert (body.arrivals, body.occupied_bay_s) == (1, pytest.approx(40, abs=0.5))


def test_a_car_arrives_when_it_rests_and_departs_when_it_moves() -> None:
    """It rolls through its bay for four seconds, stands for thirty, and takes four to roll out."""

    def place(at: float) -> float:
        if at < 14:
            return 60 - 15 * (at - 10)
        return 0 if at < 44 else 15 * (at - 44)

    script = {}
    for at in times(60):
        y = place(at)
        box = detections((108, 170 + y, 192, 256 + y), name="car")
        script[at] = box if 10 <= at < 48 else Detections.empty()
    (body,) = watch(script, 60)
    assert (body.arrivals, body.departures) == (1, 1)
    assert body.occupied_bay_s == pytest.approx(30, abs=3)


def test_a_car_that_comes_within_the_first_seconds_has_arrived() -> None:
    script = {
        at: detections((108, 170 + max(0, 60 - 20 * at), 192, 256 + max(0, 60 - 20 * at)), name="car")
        for at in times(30)
    }
    (body,) = watch(script, 30)
    assert (body.arrivals, body.peak) == (1, 1)


def test_headlights_move_no_car() -> None:
    """At night a passing car's light tears the box of a parked one about, and loses it, time and again."""

    def lit(at: float) -> Detections:
        if at > 10 and at % 20 < 3:
            return detections((90, 150, 230, 262), name="car", confidence=0.35)
        return Detections.empty() if at > 10 and at % 20 < 6 else cars(1, confidence=0.5)

    (body,) = watch({at: lit(at) for at in times(120)}, 120, interval_s=300)
    assert (body.arrivals, body.departures, body.peak) == (0, 0, 1)
    assert body.occupied_bay_s == pytest.approx(120, abs=1)


def test_people_before_a_bay_hide_it() -> None:
    crowd = detections((95, 150, 205, 262), name="person")
    (body,) = watch({at: crowd if 20 < at < 50 else cars(1) for at in times(70)}, 70, interval_s=300)
    assert (body.arrivals, body.departures) == (0, 0)


def test_different_vehicles_in_the_bays_are_the_turnover() -> None:
    counting, tracker = counters(config(kind="parking", classes=("car",), bays=BAYS)), Tracker()
    for at in times(80):
        seen = cars(*(n for n, here in ((1, True), (2, at < 20 or at >= 40)) if here))
        counting.observe(seen, tracker.update(seen, at), at)
    bays = counting.watched.bays["zone"]
    assert (bays.vehicles, len(bays)) == (3, 3)


def test_one_car_takes_one_bay() -> None:
    between = detections((158, 170, 242, 256), name="car")
    (body,) = watch(dict.fromkeys(times(60), between), 60)
    assert body.peak <= 1


def test_stays_add_up_over_intervals() -> None:
    script = {at: cars(2) if 15 <= at < 95 else Detections.empty() for at in times(120)}
    bodies = watch(script, 120, interval_s=30)
    assert len(bodies) == 4
    assert sum(body.arrivals for body in bodies) == sum(body.departures for body in bodies) == 1
    assert sum(body.occupied_bay_s for body in bodies) == pytest.approx(80, abs=0.5)
