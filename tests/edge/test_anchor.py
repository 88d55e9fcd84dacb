"""Where objects stand, against the true footprints of the rendered scenes, and at the frame's borders."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.messages import parse_time
from contract.names import CLASSES, VEHICLES
from edge.anchor import Anchoring
from edge.config import load_config, wire_config
from edge.geometry import bottom_center
from edge.ground import GroundPlane
from sample_videos.world import Camera

SCENES = Path(__file__).parents[2] / "sample_videos"
WH = (640, 360)
PERSON, CAR = CLASSES.index("person"), CLASSES.index("car")


@cache
def scene(name: str) -> tuple[GroundPlane, dict[str, tuple[Any, Any]]]:
    """The plane of a scene, and by group the whole boxes (N, 4) and the true places (N, 2) in pixels."""
    box = load_config(SCENES / f"{name}.yaml")
    wire = wire_config(
        box,
        box.cameras[0],
        at=parse_time("2026-01-01T00:00:00Z"),
        model="m",
        model_sha256="0" * 64,
        software="0",
    )
    truth = json.loads((SCENES / f"{name}.truth.json").read_text())
    view = truth["camera"]
    camera = Camera(tuple(view["position"]), tuple(view["target"]), view["focal_px"])
    kinds = {
        item["id"]: "vehicle" if item["class"] in VEHICLES else item["class"] for item in truth["objects"]
    }
    found: dict[str, list[Any]] = {}
    for rows in truth["track"]:
        for who, x1, y1, x2, y2, x, y, visible in rows:
            if visible > 0.9 and x1 > 4 and y1 > 4 and x2 < WH[0] - 4 and y2 < WH[1] - 4:
                found.setdefault(kinds[who], []).append(((x1, y1, x2, y2), camera.project((x, y))[:2]))
    assert wire.ground is not None
    by_group = {
        group: (np.array([b for b, _ in v]), np.array([p for _, p in v])) for group, v in found.items()
    }
    return GroundPlane.of(wire.ground, WH), by_group


def off(anchors: Any, boxes: Any, places: Any) -> Any:
    """Median displacement (2,) from the true places, in box heights."""
    return np.median((anchors - places) / (boxes[:, 3] - boxes[:, 1])[:, None], axis=0)


@pytest.mark.parametrize("name", ["square", "car_park", "street"])
def test_people_stand_where_their_feet_are(name: str) -> None:
    plane, groups = scene(name)
    boxes, places = groups["person"]
    kinds = np.full(len(boxes), PERSON)
    assert off(bottom_center(boxes), boxes, places)[1] > 0.03  # what is to be put right
    assert np.abs(off(Anchoring(WH)(boxes, kinds), boxes, places)).max() < 0.02
    assert np.abs(off(Anchoring(WH, plane)(boxes, kinds), boxes, places)).max() < 0.015


@pytest.mark.parametrize("name", ["car_park", "street"])
def test_vehicles_stand_in_the_middle_of_what_they_cover(name: str) -> None:
    plane, groups = scene(name)
    boxes, places = groups["vehicle"]
    kinds = np.full(len(boxes), CAR)
    assert off(bottom_center(boxes), boxes, places)[1] > 0.15
    assert np.abs(off(Anchoring(WH)(boxes, kinds), boxes, places)).max() < 0.07
    assert np.abs(off(Anchoring(WH, plane)(boxes, kinds), boxes, places)).max() < 0.07


def test_boxes_lean_outward_and_the_plane_puts_them_upright() -> None:
    """Left of the middle heads are further left than feet, right of it further right; without a plane that stays."""
    plane, groups = scene("street")
    boxes, places = groups["person"]
    kinds = np.full(len(boxes), PERSON)
    left = places[:, 0] < 200
    with_plane = off(Anchoring(WH, plane)(boxes, kinds)[left], boxes[left], places[left])
    without = off(Anchoring(WH)(boxes, kinds)[left], boxes[left], places[left])
    assert abs(with_plane[0]) < 0.5 * abs(without[0])


def anchor(box: tuple[float, float, float, float], kind: int = PERSON) -> tuple[float, float]:
    x, y = Anchoring(WH)(np.array([box], np.float64), np.array([kind]))[0].tolist()
    return x, y


def test_whoever_is_half_in_the_picture_stands_beside_it() -> None:
    assert anchor((620, 100, 640, 200))[0] == pytest.approx(642)  # 20 of 44 pixels are seen
    assert anchor((0, 100, 20, 200))[0] == pytest.approx(-2)
    assert anchor((600, 100, 640, 200))[0] == pytest.approx(622)  # 40 of 44: still in it
    assert anchor((500, 100, 520, 200))[0] == 510  # narrow, but no border is near


def test_whoever_is_seen_from_the_waist_up_stands_below_it() -> None:
    assert anchor((300, 320, 344, 360))[1] > 400  # 44 wide, so 100 high
    assert anchor((300, 260, 344, 360))[1] < 360


def test_a_car_that_leaves_the_picture_leaves_its_lane() -> None:
    assert anchor((0, 100, 100, 200), CAR)[0] == pytest.approx(0)  # half of 200 pixels
    assert anchor((0, 100, 60, 200), CAR)[0] < 0
    assert anchor((0, 100, 200, 200), CAR)[0] == 100
