"""Miscounts that users of other counters report (items 10 and 11 of the study): parked cars.

Told like those of lines in `test_pains_lines.py`. The baseline's bay is taken while the centre of a car's box lies in it.
"""

from __future__ import annotations

import numpy as np
import pytest

from edge.records import Detections
from tests.edge.lint_world import box_of, layout, zone
from tests.edge.pain_world import Script, ours, run, script_of, theirs
from tests.edge.scene import parking
from tests.fakes import detections, join

BAYS = {
    "b1": box_of(0.3, 0.5, 0.46, 0.72),
    "b2": box_of(0.46, 0.5, 0.62, 0.72),
}  # x 192..294..397, y 180..259
LOT = layout(zone("lot", kind="parking", classes=("car", "truck"), bays=BAYS))
CAR = (197.0, 150.0, 290.0, 257.0)  # in b1


def passers_by(rate: float, missed_s: float) -> Script:
    """Every 20 s somebody walks past a parked car, which is not found for a while."""

    def seen(at: float) -> Detections:
        since = at % 20 - 5
        x = 190 + 25 * since
        person = detections((x, 140, x + 45, 265)) if 0 <= since < 4 else Detections.empty()
        car = Detections.empty() if 0.5 <= since < 0.5 + missed_s else detections(CAR, name="car")
        return join(car, person)

    return script_of(seen, 240, rate)


@pytest.mark.parametrize("rate", [1, 4, 10])
@pytest.mark.parametrize("missed_s", [1, 3, 5.5])
def test_10_a_passer_by_frees_no_bay(missed_s: float, rate: float) -> None:
    """frigate#10739 and #238: who walks past a parked car frees its place, and it is "taken" again a moment later.

    Twelve walk past in four minutes: the baseline has twelve departures and arrivals, and loses their seconds.
    """
    script = passers_by(rate, missed_s)
    counted, baseline = ours(LOT, script, 240), theirs(LOT, script, rate, 240)
    assert counted.changes == (0, 0)
    assert counted.bay_s == pytest.approx(240)
    assert baseline.changes == (12, 12)
    assert baseline.bay_s < 240 - 12 * missed_s + 12


def test_10_a_car_that_leaves_is_gone_at_once_though_believed_later() -> None:
    """The other side of patience: a real departure and the next arrival keep their times."""
    script = [
        (at, detections(CAR, name="car") if at < 50 or at >= 80 else Detections.empty())
        for at in np.arange(0, 120, 0.25).tolist()
    ]
    counted = ours(LOT, script, 120)
    assert counted.changes == (1, 1)
    assert counted.bay_s == pytest.approx(50 + 40, abs=0.3)


def headlights(rate: float, seed: int, *, lasting_s: float, shift: float) -> Script:
    """Every 15 s light sweeps over a parked car: its box is torn, weak or missing, and there are others beside it."""
    rng = np.random.default_rng(seed)
    car = np.array(CAR)
    width, height = car[2] - car[0], car[3] - car[1]

    def seen(at: float) -> Detections:
        if not 0 <= at % 15 - 10 < lasting_s:
            return detections(tuple(car + rng.normal(0, 0.03 * height, 4)), name="car")
        torn = car + rng.normal(0, shift, 4) * (width, height / 2, width, height)
        torn[:2] = np.minimum(torn[:2], torn[2:] - 5)
        beside = car + np.array([1, 0, 1, 0]) * rng.uniform(-1.2, 1.2) * width
        found = rng.random(2) < (0.7, 0.5)
        boxes = [tuple(box) for box, is_found in zip((torn, beside), found, strict=True) if is_found]
        seen = detections(*boxes, name="car")
        return Detections(seen.xyxy, rng.uniform(0.1, 0.7, len(seen)).astype(np.float32), seen.class_id)

    return script_of(seen, 150, rate)


@pytest.mark.parametrize("rate", [1, 4, 10])
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("lasting_s", "shift"), [(3, 0.2), (5, 0.35), (5, 0.6)])
def test_11_headlights_move_no_parked_car(lasting_s: float, shift: float, seed: int, rate: float) -> None:
    """frigate#16562 and #9001: at night, passing headlights made a parked car move, leave and come again.

    Ten sweeps in 150 s; the baseline has ten to 180 arrivals by them.
    """
    script = headlights(rate, seed, lasting_s=lasting_s, shift=shift)
    counted, baseline = ours(LOT, script, 150), theirs(LOT, script, rate, 150)
    assert counted.changes == (0, 0)
    assert counted.bay_s == pytest.approx(150, abs=0.5)
    assert baseline.changes[0] >= 10


def test_11_a_box_that_drifts_with_the_light_is_no_new_car() -> None:
    """The box wanders by a fifth of the car to and fro, over minutes: the same car, one stay."""

    def seen(at: float) -> Detections:
        return detections(tuple(np.array(CAR) + np.array([1, 0, 1, 0]) * 18 * np.sin(at / 20)), name="car")

    bodies = parking(run(LOT, script_of(seen, 600, 2), 600))
    assert sum(body.arrivals + body.departures for body in bodies) == 0
    assert sum(body.stay_censored for body in bodies) == 0
    assert sum(body.occupied_bay_s for body in bodies) == pytest.approx(600)
