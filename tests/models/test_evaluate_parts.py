"""The truths that models are measured on, figures by label, count errors and times."""

from __future__ import annotations

import itertools
import json
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.counts import cases
from bench.counts.detections import Model, Sight
from contract.names import CLASSES
from edge.detect import OnnxDetector
from edge.records import Detections
from models import count_error, figures, speed, truths
from models.columns import columns
from tests.fakes import detections, join
from tests.onnx_factory import constant_model, raw_output, yolox_output

ROOT = Path(__file__).parent.parent.parent
SHARED = ROOT.parent / "shared"
NOTHING = np.zeros((0, 4), np.float32)


def still(folder, name, lines, wh=(64, 32)):
    for sub in ("images", "labels"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / "images" / f"{name}.png"), np.full((wh[1], wh[0], 3), 90, np.uint8))
    (folder / "labels" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return folder


def truth(boxes, names, spared=None, areas=NOTHING, block=0):
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    numbers = np.array([CLASSES.index(name) for name in names], np.int64)
    none = np.zeros(len(xyxy), bool) if spared is None else np.array(spared)
    return truths.Truth(block, xyxy, numbers, none, np.asarray(areas, np.float32).reshape(-1, 4))


def pictures(*all_truths):
    blocks = [sorted({own.block for own in all_truths})]
    return truths.PictureSet("p", "made up", all_truths, blocks, lambda: iter(()), b"")


# the truths


def test_a_rider_and_a_cycle_are_one_bicycle_with_the_box_of_both(tmp_path):
    folder = still(tmp_path, "a-1-0", ["1 0.5 0.7 0.25 0.4", "0 0.5 0.5 0.1 0.5", "0 0.1 0.5 0.1 0.8"])
    (own,) = truths.stills(folder).truths
    assert [CLASSES[number] for number in own.class_id] == ["bicycle", "person"]
    np.testing.assert_allclose(own.xyxy[0], [24, 8, 40, 28.8], atol=1e-4)
    assert not own.spared.any()


def test_stills_of_one_rendering_are_one_block_and_low_boxes_are_spared(tmp_path):
    for name in ("a-1-0", "a-1-1", "b-2-0"):
        still(tmp_path, name, ["2 0.5 0.5 0.25 0.02"])  # 0.64 of 32 px: 6.4 at 640
    made = truths.stills(tmp_path)
    assert [own.block for own in made.truths] == [0, 0, 1]
    assert made.blocks == [[0, 1]]
    assert all(own.spared.all() for own in made.truths)
    assert len(list(made.frames())) == 3
    assert made.content != truths.stills(tmp_path, thin=2).content


@pytest.mark.parametrize("line", ["9 .5 .5 .1 .1", "0 .5 .5 .1", "person .5 .5 .1 .1", "0 .5 .5 .1 .1\n0 .5"])
def test_labels_that_are_none_are_named(tmp_path, line):
    with pytest.raises(ValueError, match=r"a\.txt: each line must be a class"):
        truths.stills(still(tmp_path, "a", [line]))


def test_a_folder_without_labelled_pictures_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must hold images"):
        truths.stills(tmp_path)


def test_the_sample_videos_are_one_set_resampled_by_video():
    (made,) = truths.rendered(ROOT / "sample_videos", thin=10)
    (whole,) = truths.rendered(ROOT / "sample_videos")
    assert len(whole.truths) == 3 * 62
    assert [len(own) for own in whole.blocks] == [16, 16, 16]  # 4 s each, the last of a video shorter
    assert sorted(itertools.chain(*whole.blocks)) == list(range(48))
    document = json.loads((ROOT / "sample_videos" / "street.truth.json").read_text())
    rows = document["track"][60]
    own = made.truths[2 * 7 + 1]  # the third video's second picture
    np.testing.assert_allclose(own.xyxy, np.array([row[1:5] for row in rows]), atol=0.01)
    assert own.spared.tolist() == [row[7] < 0.25 or row[4] - row[2] < 8 for row in rows]


def test_people_are_those_of_the_issue():
    if not (SHARED / "data" / "sequences").is_dir():
        pytest.skip("shared/data/sequences is absent (no part of the project)")
    pets, campus = truths.people(SHARED)
    assert sum(len(own.xyxy) for own in pets.truths) == 586
    assert sum(len(own.xyxy) for own in campus.truths) == 182
    assert len(pets.blocks[0]) == 20
    assert len(campus.blocks[0]) >= truths.LEAST_BLOCKS


def test_absent_people_are_said_and_left_out(tmp_path, capsys):
    assert truths.people(tmp_path) == []
    assert capsys.readouterr().err.count("is absent") == 2


@dataclass
class Hand:
    source: str
    seen: int
    classes: list[str]
    boxes: np.ndarray
    ignore: np.ndarray = field(default_factory=lambda: NOTHING)
    ridden: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    @property
    def place(self):
        return self.source

    def read(self):
        return np.full((20, 40, 3), len(self.source), np.uint8)


def test_corrected_pictures_are_two_sets_all_and_unseen(tmp_path, monkeypatch):
    module = types.ModuleType("models.hand_truth")
    found = [
        Hand("a", 1, ["car"], np.array([[1, 1, 9, 9.0]]), ridden=np.zeros(1, bool)),
        Hand(
            "bb",
            0,
            ["bicycle", "bus"],
            np.array([[1, 1, 9, 9.0], [11, 1, 30, 9]]),
            np.array([[0, 0, 6, 8.0]]),
            np.array([True, False]),
        ),
    ]
    module.pictures = lambda shared: found
    monkeypatch.setitem(sys.modules, "models.hand_truth", module)
    whole, unseen = truths.by_hand(tmp_path)
    assert [len(own.truths) for own in (whole, unseen)] == [2, 1]
    assert unseen.truths[0].areas.tolist() == [[0, 0, 6, 8]]
    assert unseen.truths[0].spared.tolist() == [True, False], "half of the first lies where nothing is heard"
    assert [CLASSES[number] for number in unseen.truths[0].class_id] == ["bicycle", "bus"]
    assert whole.content != unseen.content
    found.append(Hand("a", 1, [], NOTHING))
    again, _ = truths.by_hand(tmp_path)
    assert [own.block for own in again.truths] == [0, 1, 0], "frames of one place hang together"
    assert again.blocks == [[0, 1]]
    found[0] = Hand("a", 1, ["bicycle"], np.array([[11, 11, 15, 15.0]]), ridden=np.array([False]))
    pushed = truths.by_hand(tmp_path)[0].truths[0]
    assert pushed.spared.tolist() == [True], "who pushes a bicycle rides none"
    assert pushed.areas.tolist() == [[9, 7, 17, 15]], "with the room of the walker"
    found.clear()
    assert truths.by_hand(tmp_path) == []


# figures


def seen(*found):
    return [(own, (640, 360)) for own in found]


def test_a_van_called_a_truck_is_a_four_wheeler_all_the_same():
    own = pictures(truth([(10, 10, 90, 60)], ["car"]))
    van = detections((10, 10, 90, 60), name="truck")
    made = figures.score(own, seen(van), np.ones((1, 1)))
    assert made["car"].values == {"ap50": 0.0, "ap": 0.0, "recall": 0.0}
    assert made["four-wheeler"].values == {"ap50": 1.0, "ap": 1.0, "recall": 1.0}
    assert "truck" not in made, "no true truck: no figure"
    assert "cycle" not in made


def test_who_is_spared_and_what_is_not_heard_changes_nothing():
    boxes = [(10, 10, 40, 60), (100, 10, 130, 60)]
    own = pictures(truth(boxes, ["person"] * 2, spared=[False, True], areas=[[300, 0, 400, 100]]))
    found = detections(boxes[0], boxes[1], (310, 10, 340, 60))
    ranking, heights = figures.rank(own.truths, seen(found), figures.LABELS["person"])
    assert ranking.boxes == 1
    assert heights.tolist() == [50.0]
    made = figures.score(own, seen(found), np.ones((1, 1)))["person"]
    assert made.values["ap50"] == 1.0
    assert len(ranking.scores) == 2, "the one in the area is not heard"
    assert (ranking.verdicts[0] == [1, -1]).all()


def test_heights_are_those_of_a_picture_640_px_long():
    own = pictures(truth([(0, 0, 9, 30), (20, 0, 29, 31.5)], ["person"] * 2))
    found = [(detections((20, 0, 29, 31.5)), (320, 240))]
    made = figures.row(figures.score(own, found, np.ones((1, 1))), 1)["person"]
    assert [(band["size"], band["boxes"], band["recall"]) for band in made["sizes"]] == [
        ("< 16", 0, None),
        ("16-32", 0, None),
        ("32-64", 2, 0.5),
        ("≥ 64", 0, None),
    ]


def test_few_boxes_make_no_mean_and_a_difference_to_itself_is_none():
    box = (10, 10, 40, 60)
    own = pictures(*(truth([box], ["person" if block else "bus"], block=block) for block in range(30)))
    worse = [Detections.empty() if block % 3 else detections(box) for block in range(30)]
    weights = figures.weights_of(own, 200, 1)
    bad = figures.score(own, seen(*worse), weights)
    good = figures.score(own, seen(*[detections(box)] * 30), weights)
    assert bad["bus"].ranking.boxes == 1
    assert bad[figures.MEAN].values == bad["person"].values, "one bus is too few for the mean"
    same = figures.difference(good, good, 30)["person"]["recall"]
    assert same == {"value": 0.0, "interval": (0.0, 0.0)}
    moved = figures.difference(bad, good, 30)["person"]["recall"]
    assert moved["value"] == pytest.approx(9 / 29 - 1)
    assert moved["interval"][0] < moved["value"] < moved["interval"][1] < 0
    row = figures.row(bad, 30)["person"]
    low, high = row["recall"]["interval"]
    assert low < row["recall"]["value"] < high
    assert figures.row(bad, 3)["person"]["recall"]["interval"] is None, "three blocks say nothing"


# columns, counts, times


def test_nameless_models_are_cocos_and_a_fixed_size_is_one_column(tmp_path, capsys):
    rows = [(32.0, 32.0, 16.0, 16.0, 2, 0.9, 0.9)]
    nameless = constant_model(tmp_path / "small.onnx", yolox_output(rows, 80, (64, 64)), names=None)
    free = constant_model(
        tmp_path / "yolo11n.onnx", raw_output([(32, 32, 16, 16, 0, 0.9)], 6, 84), input_shape=(1, 3, "h", "w")
    )
    found = columns([nameless, free], [352, 64])
    assert [(own.key, own.names, own.reference) for own in found] == [
        ("small@64", "coco", "yolo11n@64"),
        ("yolo11n@64", None, "yolo11n@64"),
        ("yolo11n@352", None, "yolo11n@352"),
    ]
    assert "names no classes" in capsys.readouterr().err


def test_two_files_of_one_name_stay_two_columns(tmp_path):
    paths = []
    for folder, score in (("a", 0.9), ("b", 0.8)):
        (tmp_path / folder).mkdir()
        output = raw_output([(32, 32, 16, 16, 0, score)], 6, 84)
        paths.append(constant_model(tmp_path / folder / "last.onnx", output))
    first, second = columns(paths, [64])
    assert first.key == "last@64"
    assert second.key == f"last-{OnnxDetector(paths[1]).sha256[:6]}@64"


def test_counts_of_perfect_detections_are_near_the_truth_and_compare_by_window():
    case = next(own for own in cases.find("scenes", ROOT / "sample_videos", SHARED) if own.name == "car_park")
    document = json.loads((ROOT / "sample_videos" / "car_park.truth.json").read_text())
    class_of = {item["id"]: CLASSES.index(item["class"]) for item in document["objects"]}

    def sights(keep):
        for number, rows in enumerate(document["track"]):
            shown = [row for row in rows if row[7] >= 0.25 and row[0] % keep == 0]
            boxes = np.array([row[1:5] for row in shown], np.float32).reshape(-1, 4)
            sure = np.full(len(shown), 0.9, np.float32)
            numbers = np.array([class_of[row[0]] for row in shown], np.int64)
            yield Sight(number / 6, (640, 360), Detections(boxes, sure, numbers))

    good = count_error.errors([case], [list(sights(1))], "scenes", 2.5)
    poor = count_error.errors([case], [list(sights(2))], "scenes", 2.5)
    assert good.error < 0.15 * good.true < poor.error
    row = count_error.compared(poor, good, 100, 0)
    assert row["ratio"] == pytest.approx(poor.error / good.error)
    assert row["ratio_interval"][0] > 1
    assert "ratio" not in count_error.compared(good, good, 100, 0)


def test_times_are_taken_in_turn_and_compared_within_a_round(tmp_path):
    output = raw_output([(32, 32, 16, 16, 0, 0.9)], 6, 84)
    models = {key: Model(constant_model(tmp_path / f"{key}.onnx", output), 64) for key in "ab"}
    taken = speed.interleaved(models, [np.zeros((36, 64, 3), np.uint8)] * 3, 5)
    assert {key: len(own) for key, own in taken.items()} == {"a": 5, "b": 5}
    assert min(taken["a"] + taken["b"]) > 0
    made = speed.summary({"a": [1.0, 8.0, 3.0], "b": [2.0, 4.0, 6.0], "c": [1.0]}, {"a": "b", "b": "b"})
    assert made == {
        "a": {"ms": 3.0, "ratio": 0.5},
        "b": {"ms": 4.0, "ratio": 1.0},
        "c": {"ms": 1.0, "ratio": None},
    }


def test_frames_for_times_are_640x360():
    made = speed.frames(ROOT / "sample_videos" / "street.mp4")
    assert len(made) == speed.FRAMES
    assert {own.shape for own in made} == {(360, 640, 3)}
    assert not np.array_equal(made[0], made[-1])


def test_boxes_of_several_classes_join():
    both = join(detections((0, 0, 9, 9)), detections((20, 0, 29, 9), name="bus"))
    own = pictures(truth([(0, 0, 9, 9), (20, 0, 29, 9)], ["person", "bus"]))
    made = figures.score(own, seen(both), np.ones((1, 1)))
    assert {name for name in made if made[name].values["ap50"] == 1.0} == {"person", "bus", "four-wheeler"}
