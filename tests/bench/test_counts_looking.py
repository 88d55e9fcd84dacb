"""Each zone alone, and the detector on the part that it needs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.counts import cases, looking
from bench.counts.detections import Model, Sight
from bench.counts.run import measure
from contract.names import CLASSES
from edge.detect import resolve_model
from edge.records import Detections

ROOT = Path(__file__).parents[2]
SCENES = {case.name: case for case in cases.find("scenes", ROOT / "sample_videos", ROOT / "absent")}


def test_each_zone_is_counted_as_if_it_were_the_only_one() -> None:
    square = looking.alone(SCENES["square"])
    assert [case.name for case in square] == ["square lawn", "square path", "square plaza", "square benches"]
    for case in square:
        zone = case.name.split()[1]
        assert [z.id for z in case.layout.zones] == [zone]
        assert not case.layout.lines
        assert {key[0] for key in case.truth.totals} == {key[0] for key in case.truth.occupancy} == {zone}
        assert case.truth.totals[zone, "person"] == SCENES["square"].truth.totals[zone, "person"]
    (bays,) = [case for case in looking.alone(SCENES["car_park"]) if case.layout.zones[0].bays]
    assert list(bays.truth.bays) == ["p1"]


def test_the_detector_gets_the_part_or_the_whole_frame() -> None:
    whole = Model(resolve_model("starter"), 640)
    lawn = next(case for case in looking.alone(SCENES["square"]) if case.name.endswith("lawn"))
    part = looking.model_for(lawn, whole).part
    assert part is not None
    polygon = lawn.layout.zones[0].polygon
    assert polygon is not None
    assert part[0] <= polygon[:, 0].min()
    assert part[3] >= polygon[:, 1].max()
    assert looking.model_for(SCENES["street"], whole) == whole


def test_a_zone_alone_can_be_measured() -> None:
    """Fed with the true boxes, the single zone's occupancy is right, and nothing else is asked for."""
    lawn = next(case for case in looking.alone(SCENES["square"]) if case.name.endswith("lawn"))
    sights = []
    for number, frame in enumerate(lawn.truth.boxes):
        boxes = frame["person"].xyxy.astype(np.float32)
        n = len(boxes)
        found = Detections(boxes, np.full(n, 0.9, np.float32), np.full(n, CLASSES.index("person"), np.int64))
        sights.append(Sight(number / lawn.truth.fps, lawn.layout.wh, found))
    run, _ = measure([(lawn, sights)], "truth", 6.0, with_baseline=False, samples=0, seed=0)
    (zone,) = run["videos"][0]["zones"]
    assert zone["zone"] == "lawn"
    assert zone["occupancy"]["ours"]["error"] <= max(0.15, 0.08 * zone["true_mean"])
    assert run["videos"][0]["lines"] == []


def test_lines_of_text() -> None:
    row = {"video": "square lawn", "model": "starter@640", "share": 0.26, "input": {"frame": [384, 640], "zones": [224, 320]}, "ratio": 0.31}  # fmt: skip
    assert looking.lines([row]) == [
        "square lawn starter@640: zones and lines need 26% of the frame; input 384x640 -> 224x320, 0.31 of the time a frame takes"
    ]


@pytest.mark.parametrize("name", sorted(SCENES))
def test_every_scene_has_zones_to_take_alone(name: str) -> None:
    assert len(looking.alone(SCENES[name])) == len(SCENES[name].layout.zones)
