"""The plate network finds rendered plates where the pictures it learnt from do not lie, and nothing in an empty street."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.blur import PLATES_IN_FILMS, PLATES_IN_PICTURES, Plates, finders_of
from edge.errors import ModelError
from edge.plates import BUNDLED, PlateNet, boxes_of
from models.plate_pictures import CELL, plate, sample
from tests.onnx_factory import constant_model, raw_output

PIXELS = np.uint8


def street(seed: int = 0) -> np.ndarray:
    """A road, a wall and a car's dark back, without anything written: (360, 640, 3)."""
    rng = np.random.default_rng(seed)
    image = np.full((360, 640, 3), 120, np.float64)
    image[200:] = 90
    image[120:300, 220:420] = 35
    image += rng.normal(0, 4, image.shape)
    return np.asarray(cv2.GaussianBlur(image.clip(0, 255).astype(PIXELS), (3, 3), 0))


def with_plate(seed: int) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    rng = np.random.default_rng(seed)
    drawn = cv2.resize(plate(rng), (70, 16), interpolation=cv2.INTER_AREA)
    image, (x, y) = street(seed), (int(rng.integers(230, 340)), int(rng.integers(220, 270)))
    image[y : y + 16, x : x + 70] = drawn[..., None]
    return image, (x, y, x + 70, y + 16)


def hidden(boxes: np.ndarray, place: tuple[int, int, int, int]) -> float:
    """Share of a place within boxes that are padded by three tenths, as the mask does."""
    gone = np.zeros((360, 640), bool)
    for x1, y1, x2, y2 in boxes:
        w, h = 0.3 * (x2 - x1), 0.3 * (y2 - y1)
        gone[max(0, int(y1 - h)) : int(y2 + h) + 1, max(0, int(x1 - w)) : int(x2 + w) + 1] = True
    return float(gone[place[1] : place[3], place[0] : place[2]].mean())


@pytest.mark.parametrize("look", [PLATES_IN_FILMS, PLATES_IN_PICTURES], ids=["film", "picture"])
def test_plates_are_found_and_an_empty_street_has_none(look: dict[str, float]) -> None:
    net = PlateNet(side=int(look["side"]), threshold=look["threshold"])
    found = [hidden(net.detect(image), place) >= 0.8 for image, place in map(with_plate, range(20))]
    assert sum(found) >= 17
    assert [len(net.detect(street(seed))) for seed in range(5)] == [0] * 5


def test_any_size_of_picture_is_looked_at() -> None:
    net = PlateNet()
    for size in ((1, 1, 3), (7, 900, 3), (1080, 1920, 3), (64, 8, 3)):
        assert net.detect(np.zeros(size, PIXELS)).shape[1] == 4


def test_parts_of_the_map_become_boxes() -> None:
    scores = np.zeros((20, 40), np.float32)
    scores[4:6, 10:18] = 0.9
    scores[10:18, 3:5] = 0.9  # upright: no plate
    scores[1, 30] = 0.9  # a speck
    scores[15:17, 25:30] = 0.4  # not sure
    np.testing.assert_array_equal(boxes_of(scores, 0.5), [[10, 4, 18, 6]])
    assert boxes_of(np.zeros((3, 3), np.float32), 0.5).shape == (0, 4)


def test_another_file_than_the_released_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plates.onnx"
    with pytest.raises(ModelError, match="plates"):
        PlateNet(path)
    shutil.copy(BUNDLED, path)
    with pytest.raises(ModelError, match="SHA-256 none"):
        PlateNet(path)
    shutil.copy(BUNDLED.with_suffix(".sha256"), tmp_path)
    PlateNet(path)
    data = bytearray(path.read_bytes())
    data[200_000] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="damaged or was replaced"):
        PlateNet(path)
    assert BUNDLED.stat().st_size < 1e6


def test_who_looks_for_plates(tmp_path: Path) -> None:
    assert finders_of("none", "none") == ()
    (bundled,) = finders_of("none")
    assert isinstance(bundled, PlateNet)
    own = constant_model(
        tmp_path / "own.onnx", raw_output([(32, 32, 10, 20, 0, 0.9)], 1, 84), names={0: "plate"}
    )
    (found,) = finders_of("none", str(own))
    assert isinstance(found, Plates)


def test_a_sample_marks_its_plates_and_knows_nothing_of_the_vehicle_they_hang_on() -> None:
    rng = np.random.default_rng(5)
    picture = street()[..., 0]
    vehicle = np.array([[220.0, 120, 420, 300]])
    lit, unknown = 0, 0
    for _ in range(40):
        made = sample(rng, picture, vehicle, 160)
        assert made.image.shape == (160, 160)
        assert made.target.shape == made.weight.shape == (160 // CELL, 160 // CELL)
        assert set(np.unique(made.target)) <= {0.0, 1.0}
        assert (made.weight[made.target > 0] >= 0).all()
        lit += bool((made.target * made.weight).any())
        unknown += bool((made.weight == 0).mean() > 0.2)
    assert lit >= 25
    assert unknown >= 10
