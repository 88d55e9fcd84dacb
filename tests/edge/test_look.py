"""Which part of a frame the detector looks at: the arithmetic, the choice, the detector, the preview."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.messages import ConfigBody, GroundConfig, LineConfig, ZoneConfig
from edge.config import BoxConfig
from edge.detect import OnnxDetector, resolve_model
from edge.letterbox import Letterbox, fitted_input, fitted_part
from edge.look import ABOVE, BELOW, SIDE, part_of
from edge.privacy_blur import FILL_BGR, Mask
from edge.records import Detections
from edge.replay import build_detector, looked_at
from edge.video_file import VideoFile
from edge.zones import Layout
from tests.edge.scene import START
from tests.onnx_factory import constant_model, raw_output

ROOT = Path(__file__).parents[2]
WH = (640, 360)
SQUARE = ((0.4, 0.5), (0.6, 0.5), (0.6, 0.7), (0.4, 0.7))


def layout(wh: tuple[int, int] = WH, **parts: Any) -> Layout:
    common = {"camera": "c", "at": START, "interval_s": 60, "model": "m", "model_sha256": "0" * 64, "software": "1", "zones": (), "lines": (), "ground": None}  # fmt: skip
    return Layout.of(ConfigBody.model_validate({**common, **parts}), wh)


def area(polygon: Any = SQUARE, **extra: Any) -> ZoneConfig:
    classes = ("person",)
    return ZoneConfig.model_validate({"id": "z", "kind": "area", "purpose": "statistics", "polygon": polygon, "classes": classes, "capacity": None, **extra})  # fmt: skip


# --- the arithmetic ---


@st.composite
def parts(draw: st.DrawFn) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
    height, width = draw(st.integers(40, 1200)), draw(st.integers(40, 2000))
    x1, y1 = draw(st.integers(0, width - 20)), draw(st.integers(0, height - 20))
    return (height, width), (x1, y1, draw(st.integers(x1 + 20, width)), draw(st.integers(y1 + 20, height)))


@given(parts(), st.sampled_from([320, 352, 640]))
def test_boxes_of_a_part_come_back_to_their_place_in_the_frame(case: Any, longer: int) -> None:
    frame_hw, part = case
    box = Letterbox.fit(frame_hw, fitted_part(frame_hw, part, longer), part=part)
    x1, y1, x2, y2 = part
    inner = np.array(
        [[box.pad_x, box.pad_y, box.pad_x + (x2 - x1) * box.scale, box.pad_y + (y2 - y1) * box.scale]], np.float32
    )  # fmt: skip
    np.testing.assert_allclose(box.to_frame(inner), [part], atol=0.02)
    assert box.inner_hw[0] <= box.input_hw[0]
    assert box.inner_hw[1] <= box.input_hw[1]


@given(parts(), st.sampled_from([320, 352, 640]))
def test_a_part_is_never_seen_smaller_and_hardly_ever_costs_more_than_the_frame(
    case: Any, longer: int
) -> None:
    frame_hw, part = case
    whole, input_hw = fitted_input(frame_hw, longer), fitted_part(frame_hw, part, longer)
    scale = Letterbox.fit(frame_hw, input_hw, part=part).scale
    assert scale >= 0.97 * longer / max(frame_hw), "rounding to the stride and to pixels"
    assert max(input_hw) <= longer + 31
    assert fitted_part(frame_hw, (0, 0, frame_hw[1], frame_hw[0]), longer) == whole


@pytest.mark.parametrize(
    ("why", "frame_hw", "part", "expected"),
    [
        ("a small camera: as large as before, so cheaper", (360, 640), (200, 100, 460, 300), (224, 288)),
        (
            "a large camera: the input stays, so all is larger",
            (1080, 1920),
            (500, 300, 1100, 660),
            (384, 608),
        ),
        (
            "half of a large camera: its own input, twice the scale",
            (1080, 1920),
            (0, 0, 960, 1080),
            (640, 576),
        ),
    ],
)
def test_the_input_fits_the_part(why: str, frame_hw: Any, part: Any, expected: tuple[int, int]) -> None:
    assert fitted_part(frame_hw, part, 640) == expected, why


# --- the choice ---


def test_margins_are_shares_of_the_frame_where_metres_are_unknown() -> None:
    x1, y1, x2, y2 = (0.4 - SIDE) * 640, (0.5 - ABOVE) * 360, (0.6 + SIDE) * 640, (0.7 + BELOW) * 360
    assert part_of(layout(zones=[area()])) == (int(x1), int(y1), int(x2), int(y2))


def test_lines_and_bays_count_too() -> None:
    line = LineConfig(id="l", points=((0.1, 0.6), (0.2, 0.6)), classes=("person",))
    with_line = part_of(layout(zones=[area()], lines=[line]))
    assert with_line is not None
    assert with_line[0] == 0
    bays = {"b": ((0.8, 0.5), (0.85, 0.5), (0.85, 0.6), (0.8, 0.6))}
    lot = ZoneConfig(id="p", kind="parking", purpose="statistics", bays=bays, classes=("car",), polygon=None, capacity=None)  # fmt: skip
    with_bay = part_of(layout(zones=[area(), lot]))
    assert with_bay is not None
    assert with_bay[2] == round((0.85 + SIDE) * 640)


def test_nearly_the_whole_frame_is_the_whole_frame() -> None:
    assert part_of(layout(zones=[area(((0.1, 0.2), (0.9, 0.2), (0.9, 0.95), (0.1, 0.95)))])) is None


def test_margins_are_metres_where_the_ground_is_known() -> None:
    ground = GroundConfig(
        image=((0.35, 0.4), (0.65, 0.4), (0.9, 0.9), (0.1, 0.9)),
        metres=((-3, 20), (3, 20), (3, 6), (-3, 6)),
        lonlat=None,
    )
    near = part_of(layout(zones=[area(((0.4, 0.8), (0.6, 0.8), (0.6, 0.85), (0.4, 0.85)))], ground=ground))
    far = part_of(
        layout(zones=[area(((0.48, 0.42), (0.52, 0.42), (0.52, 0.44), (0.48, 0.44)))], ground=ground)
    )
    assert near is not None
    assert far is not None
    assert near[2] - near[0] > 2 * (far[2] - far[0]), "a metre is longer near the camera"
    assert far[1] > 0.15 * 360, "two metres of a person are short far away"


@settings(max_examples=60)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=6))
def test_the_part_lies_in_the_frame_and_holds_every_corner(points: list[tuple[float, float]]) -> None:
    xy = np.array(points)
    hull = [tuple(p) for p in (xy.min(0), (xy[:, 0].max(), xy[:, 1].min()), xy.max(0), (xy[:, 0].min(), xy[:, 1].max()))]  # fmt: skip
    if (np.ptp(xy, axis=0) < 0.02).any():
        return
    part = part_of(layout(zones=[area(hull)]))
    if part is None:
        return
    assert 0 <= part[0] < part[2] <= 640
    assert 0 <= part[1] < part[3] <= 360
    corners = xy * WH
    assert (corners >= np.array(part[:2]) - 1e-6).all()
    assert (corners <= np.array(part[2:]) + 1e-6).all()


def test_the_configuration_decides() -> None:
    camera = {"id": "c", "source": "x.mp4", "zones": [{"id": "z", "kind": "area", "polygon": SQUARE}]}
    box = BoxConfig.model_validate({"device": "d", "cameras": [camera]})
    assert looked_at(box, box.cameras[0], WH) is None
    box = BoxConfig.model_validate({"device": "d", "cameras": [{**camera, "look": "zones"}]})
    assert looked_at(box, box.cameras[0], WH) == part_of(layout(zones=[area()]))


@pytest.mark.parametrize(("look", "same"), [("frame", True), ("zones", False)])
def test_only_a_part_gives_the_input_another_shape_when_the_frames_change(look: str, same: bool) -> None:
    """A whole frame of another size is letterboxed into the input there is: its memory was filled once."""
    camera = {"id": "c", "source": "x.mp4", "look": look, "zones": [{"id": "z", "kind": "area", "polygon": SQUARE}]}  # fmt: skip
    box = BoxConfig.model_validate({"device": "d", "model": {"input": 128}, "cameras": [camera]})
    detector = build_detector(box, ROOT, box.cameras[0])
    shapes = []
    for height, width in ((72, 128), (128, 96)):
        detector.detect(np.zeros((height, width, 3), np.uint8))
        shapes.append(detector.input_hw)
    assert (shapes[0] == shapes[1]) is same


# --- the detector and the preview ---


def test_the_detector_says_where_in_the_frame_its_boxes_are(tmp_path: Any) -> None:
    output = raw_output([(32, 32, 20, 10, 2, 0.9), (60, 60, 30, 30, 0, 0.6)], 6, 84)
    detector = OnnxDetector(constant_model(tmp_path / "m.onnx", output), look=lambda wh: (100, 50, 164, 114))
    assert detector.part is None
    found = detector.detect(np.zeros((200, 300, 3), np.uint8))
    np.testing.assert_allclose(found.xyxy, [[122, 77, 142, 87], [145, 95, 164, 114]])
    assert detector.part == (100, 50, 164, 114)
    assert detector.scale == 1.0


def test_a_part_shows_the_same_people_for_less() -> None:
    with VideoFile(ROOT / "sample_videos" / "square.mp4") as video:
        image = next(iter(video)).image
    part = (160, 96, 480, 320)
    whole = OnnxDetector(resolve_model("starter"), input_size=640)
    looking = OnnxDetector(resolve_model("starter"), input_size=640, look=lambda wh: part)
    everywhere, there = whole.detect(image), looking.detect(image)
    assert looking.input_hw == (224, 320)
    inner = [b for b in everywhere.xyxy if b[0] > 175 and b[1] > 110 and b[2] < 465 and b[3] < 305]
    assert len(inner) >= 3
    gaps = [np.abs(there.xyxy - box).max(axis=1).min() for box in inner]
    assert sum(gap < 4 for gap in gaps) >= len(inner) - 1, gaps


def test_a_new_frame_size_gets_a_new_part(tmp_path: Any) -> None:
    asked: list[tuple[int, int]] = []

    def look(wh: tuple[int, int]) -> tuple[int, int, int, int]:
        asked.append(wh)
        return (0, 0, wh[0] // 2, wh[1])

    detector = OnnxDetector(constant_model(tmp_path / "m.onnx", raw_output([], 6, 84)), look=look)
    for height, width in ((100, 200), (100, 200), (60, 80)):
        detector.detect(np.zeros((height, width, 3), np.uint8))
    assert asked == [(200, 100), (80, 60)]
    assert detector.part == (0, 0, 40, 60)


def test_what_nobody_looks_at_is_never_shown() -> None:
    image = np.full((120, 160, 3), 200, np.uint8)
    (blurred,) = Mask(only=(40, 30, 100, 90), ahead_s=0).push(image, Detections.empty(), 0.0)
    assert not blurred.failed
    assert (blurred.pixels[30:90, 40:100] == 200).all()
    outside = np.ones((120, 160), bool)
    outside[30:90, 40:100] = False
    assert (blurred.pixels[outside] == FILL_BGR).all()
