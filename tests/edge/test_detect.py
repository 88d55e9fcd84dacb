"""The detector on tiny generated models, on hostile files, and on the reference models where they are."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import TypeAdapter

from contract.messages import Label
from contract.names import CLASSES
from edge import detect
from edge.detect import OnnxDetector, resolve_model
from edge.errors import ModelError
from tests.onnx_factory import (
    SIX,
    constant_model,
    raw_output,
    yolox_output,
)

SHARED_MODELS = Path(os.environ.get("PARVIS_TEST_MODELS") or Path(__file__).parents[3] / "shared" / "models")
GREY = np.full((64, 64, 3), 90, np.uint8)
CAR_AND_PERSON = raw_output([(32, 32, 20, 10, 2, 0.9), (10, 20, 6, 18, 0, 0.6)], 6, 84)


def names_of(found):
    return [CLASSES[i] for i in found.class_id]


# What comes out


def test_raw_model_of_fixed_size(tmp_path):
    detector = OnnxDetector(constant_model(tmp_path / "My model (v2).onnx", CAR_AND_PERSON))
    found = detector.detect(np.zeros((128, 128, 3), np.uint8))
    assert names_of(found) == ["car", "person"]
    np.testing.assert_allclose(found.xyxy, [[44, 54, 84, 74], [14, 22, 26, 58]])
    assert detector.input_hw == (64, 64)
    assert detector.supported == set(CLASSES)
    assert detector.sha256 == hashlib.sha256((tmp_path / "My model (v2).onnx").read_bytes()).hexdigest()
    assert detector.label == "My-model-v2-"
    TypeAdapter(Label).validate_python(detector.label)


def test_end_to_end_model_is_suppressed_across_vehicle_classes(tmp_path):
    rows = [[10, 10, 30, 40, 0.8, 2], [11, 10, 30, 41, 0.7, 5], [10, 10, 30, 40, 0.6, 0]] + [[0] * 6] * 7
    path = constant_model(tmp_path / "e2e.onnx", np.array([rows]), declared=(1, "rows", 6))
    assert names_of(OnnxDetector(path).detect(GREY)) == ["car", "person"]


def test_yolox_model_takes_names_from_the_configuration(tmp_path):
    output = yolox_output([(32, 32, 20, 10, 2, 0.9, 0.9)], 80, (64, 64))
    path = constant_model(tmp_path / "x.onnx", output, names=None)
    detector = OnnxDetector(path, names="coco")
    found = detector.detect(np.full((64, 32, 3), 7, np.uint8))  # placed at the top left: no shift
    np.testing.assert_allclose(found.xyxy, [[22, 27, 32, 37]], atol=1e-4)
    assert names_of(found) == ["car"]


def test_dynamic_model_follows_the_first_frames_aspect_and_keeps_it(tmp_path):
    path = constant_model(
        tmp_path / "d.onnx", CAR_AND_PERSON, input_shape=("b", 3, "h", "w"), declared=("b", "c", "n")
    )
    detector = OnnxDetector(path, input_size=640)
    assert detector.input_hw is None
    assert detector.preprocess(np.zeros((360, 640, 3), np.uint8)).shape == (1, 3, 384, 640)
    assert detector.input_hw == (384, 640)
    assert detector.preprocess(np.zeros((640, 360, 3), np.uint8)).shape == (1, 3, 384, 640)
    assert OnnxDetector(path, input_size=(100, 200)).input_hw == (128, 224)


@pytest.mark.parametrize(
    ("metadata", "expected"), [({}, 640), ({"imgsz": "[352, 352]"}, 352), ({"imgsz": "oops"}, 640)]
)
def test_default_size_comes_from_the_metadata(tmp_path, metadata, expected):
    path = constant_model(
        tmp_path / "d.onnx", CAR_AND_PERSON, input_shape=(1, 3, "h", "w"), metadata=metadata
    )
    assert OnnxDetector(path).preprocess(np.zeros((480, 480, 3), np.uint8)).shape == (
        1,
        3,
        expected,
        expected,
    )


@pytest.mark.parametrize(
    ("given_names", "expected"),
    [
        ({0: "Pedestrian", 1: "bike", 2: "Car", 3: "motorbike", 4: "bus", 5: "lorry"}, ["car", "person"]),
        (["car", "x", "person", "y", "z", "dog"], ["person", "car"]),
        ({0: "tree", 1: "bicycle", 2: "truck", 3: "a", 4: "b", 5: "c"}, ["truck"]),
    ],
)
def test_classes_are_mapped_by_name(tmp_path, given_names, expected):
    found = OnnxDetector(constant_model(tmp_path / "m.onnx", CAR_AND_PERSON, names=given_names)).detect(GREY)
    assert names_of(found) == expected


def test_only_the_classes_asked_for_come_out_and_riders_are_no_persons(tmp_path):
    rider = [
        (32, 24, 10, 30, 0, 0.9),
        (32, 36, 30, 20, 1, 0.5),
        (55, 20, 6, 20, 0, 0.7),
        (20, 55, 20, 10, 2, 0.9),
    ]
    path = constant_model(tmp_path / "m.onnx", raw_output(rider, 6, 84))
    assert sorted(names_of(OnnxDetector(path).detect(GREY))) == ["bicycle", "car", "person"]
    only = OnnxDetector(path, classes=frozenset({"person"})).detect(GREY)
    assert names_of(only) == ["person"]
    assert only.xyxy[0, 0] > 50


def test_boxes_are_clipped_to_the_frame_and_those_in_the_padding_vanish(tmp_path):
    rows = [(32, 2, 20, 2, 0, 0.9), (60, 32, 20, 10, 0, 0.8)]
    path = constant_model(tmp_path / "m.onnx", raw_output(rows, 6, 84))
    found = OnnxDetector(path).detect(np.zeros((32, 64, 3), np.uint8))
    np.testing.assert_allclose(found.xyxy, [[50, 11, 64, 21]])


# What goes in


def test_picture_goes_in_as_rgb_0_to_1_centred_on_grey(tmp_path):
    detector = OnnxDetector(constant_model(tmp_path / "m.onnx", CAR_AND_PERSON))
    image = np.empty((32, 64, 3), np.uint8)
    image[:] = (10, 20, 30)
    image[0, 5] = (255, 0, 51)
    blob = detector.preprocess(image)
    np.testing.assert_allclose(blob[0, :, 20, 20], np.array([30, 20, 10]) / 255, rtol=1e-6)
    np.testing.assert_allclose(blob[0, :, 16, 5], [0.2, 0, 1], rtol=1e-6)
    assert (blob[0, :, :16] == np.float32(114 / 255)).all()
    assert (blob[0, :, 48:] == np.float32(114 / 255)).all()


def test_yolox_gets_bgr_0_to_255_at_the_top_left(tmp_path):
    output = yolox_output([], 6, (64, 64))
    detector = OnnxDetector(constant_model(tmp_path / "m.onnx", output))
    image = np.empty((32, 64, 3), np.uint8)
    image[:] = (10, 20, 30)
    blob = detector.preprocess(image)
    assert blob[0, :, 31, 63].tolist() == [10, 20, 30]
    assert (blob[0, :, 32:] == 114).all()


def test_frames_of_changing_size_leave_no_trace_of_the_one_before(tmp_path):
    detector = OnnxDetector(constant_model(tmp_path / "m.onnx", CAR_AND_PERSON))
    tall, wide = np.full((640, 320, 3), 255, np.uint8), np.zeros((30, 60, 3), np.uint8)
    first = detector.preprocess(wide).copy()
    detector.preprocess(tall)
    np.testing.assert_array_equal(detector.preprocess(wide), first)
    view = np.zeros((60, 120, 3), np.uint8)[::2, ::2]
    np.testing.assert_array_equal(detector.preprocess(view), first)


@pytest.mark.parametrize(
    "image", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3)), np.zeros((0, 9, 3), np.uint8)]
)
def test_other_arrays_are_refused(tmp_path, image):
    detector = OnnxDetector(constant_model(tmp_path / "m.onnx", CAR_AND_PERSON))
    with pytest.raises(ValueError, match="a frame must be"):
        detector.detect(image)


def test_same_frame_same_boxes():
    image = np.random.default_rng(0).integers(0, 255, (360, 640, 3), np.uint8)
    detector = OnnxDetector(resolve_model("starter"), confidence=0.01)
    first, second = detector.detect(image), detector.detect(image)
    np.testing.assert_array_equal(first.xyxy, second.xyxy)
    np.testing.assert_array_equal(first.confidence, second.confidence)


# The bundled model


def test_bundled_model_is_the_released_one(tmp_path, monkeypatch):
    path = resolve_model("starter")
    assert path.name == "starter.onnx"
    assert resolve_model("other/model.onnx") == Path("other/model.onnx")
    (tmp_path / "starter.onnx").write_bytes(path.read_bytes()[:-1] + b"!")
    (tmp_path / "starter.sha256").write_text((path.parent / "starter.sha256").read_text())
    monkeypatch.setattr(detect, "BUNDLED", tmp_path)
    with pytest.raises(ModelError, match="must have the SHA-256"):
        resolve_model("starter")
    (tmp_path / "starter.sha256").unlink()
    with pytest.raises(ModelError, match="install Parvis again"):
        resolve_model("starter")


def test_nothing_is_written_to_stderr():
    code = (
        "import numpy as np; from edge.detect import *; d = OnnxDetector(resolve_model('starter'));"
        "d.detect(np.zeros((90, 160, 3), np.uint8))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


# Reference models on the pictures of the ultralytics wheel (neither is in this repository)


def asset(name):
    places = [Path(os.environ.get("PARVIS_TEST_ASSETS", "/tmp/assets/ultralytics/assets"))]
    found = find_spec("ultralytics")
    if found and found.origin:
        places.append(Path(found.origin).parent / "assets")
    for place in places:
        if (place / name).is_file():
            return cv2.imread(str(place / name))
    pytest.skip(f"{name} of the ultralytics wheel is absent; set PARVIS_TEST_ASSETS to its folder")


EXPECTED = {
    ("yolo26n", "bus.jpg"): {"bus": [0.93], "person": [0.92, 0.91, 0.87, 0.53]},
    ("yolo26n", "zidane.jpg"): {"person": [0.93, 0.91]},
    ("yolo11n", "bus.jpg"): {"bus": [0.94], "person": [0.90, 0.85, 0.84, 0.41]},
    ("yolo11n", "zidane.jpg"): {"person": [0.87, 0.79]},
    ("yolox_nano", "bus.jpg"): {"bus": [0.91], "person": [0.85, 0.81, 0.69]},
    ("yolox_nano", "zidane.jpg"): {"person": [0.85, 0.83]},
}


@pytest.mark.parametrize(("model", "picture"), list(EXPECTED))
def test_reference_model_gives_the_published_detections(model, picture):
    path = SHARED_MODELS / f"{model}.onnx"
    if not path.is_file():
        pytest.skip(f"{path} is absent; set PARVIS_TEST_MODELS to the folder of the reference models")
    image = asset(picture)
    yolox = model == "yolox_nano"
    detector = OnnxDetector(
        path,
        names="coco" if yolox else None,
        confidence=0.3 if yolox else 0.25,
        input_size=None if yolox else (640, 640),
        iou=0.7,
    )
    found = detector.detect(image)
    scores: dict[str, list[float]] = {}
    for name, score in zip(names_of(found), found.confidence, strict=True):
        scores.setdefault(name, []).append(float(score))
    assert {name: len(values) for name, values in scores.items()} == (
        {name: len(values) for name, values in EXPECTED[model, picture].items()}
    )
    for name, values in EXPECTED[model, picture].items():
        np.testing.assert_allclose(scores[name], values, atol=0.03)


def test_reference_model_at_the_frames_own_aspect():
    path = SHARED_MODELS / "yolo11n.onnx"
    if not path.is_file():
        pytest.skip(f"{path} is absent; set PARVIS_TEST_MODELS to the folder of the reference models")
    detector = OnnxDetector(path, input_size=640)
    found = detector.detect(asset("bus.jpg"))
    assert detector.input_hw == (640, 480)
    np.testing.assert_allclose(found.confidence, [0.939, 0.892, 0.882, 0.856, 0.627], atol=0.005)
    np.testing.assert_allclose(found.xyxy[0], [23, 230, 807, 734], atol=3)


def test_names_match_the_bundled_models_card():
    assert OnnxDetector(resolve_model("starter")).supported == set(SIX.values())
