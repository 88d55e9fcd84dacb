"""The parts of the training that need no torch: cutting boxes, listing pictures, mixing them, refusing."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ModelError
from models.architectures import described
from models.few_cores import KEEP_SHARE, cut_boxes, shrunk, trainer_class
from models.pictures import NAMES, Source, factors, link, parse_source, write_mix
from models.train import OPTIONS, main, recipe
from tests.onnx_factory import SIX


@pytest.mark.parametrize(
    ("why", "rows", "expected"),
    [
        ("in the middle: moved and stretched", (0.5, 0.5, 0.2, 0.3), (0.5, 0.5, 0.2, 0.5)),
        ("cut by the upper edge, half is left", (0.5, 0.2, 0.2, 0.2), (0.5, 1 / 12, 0.2, 1 / 6)),
        ("cut off but for a quarter", (0.5, 0.15, 0.2, 0.2), None),
        ("outside", (0.5, 0.05, 0.2, 0.1), None),
    ],
)
def test_boxes_follow_the_cut(why, rows, expected):
    """A square of 640, cut to rows 128..512."""
    boxes, keep = cut_boxes(np.array([rows], np.float32), 640, 128, 384)
    assert keep[0] == (expected is not None), why
    if expected:
        np.testing.assert_allclose(boxes[0], expected, atol=1e-6, err_msg=why)


@given(st.integers(0, 256), st.lists(st.tuples(*[st.floats(1 / 16, 15 / 16, width=32)] * 4), max_size=8))
def test_kept_boxes_lie_inside_and_keep_their_share(top, rows):
    xywh = np.array(rows, np.float32).reshape(-1, 4)
    boxes, keep = cut_boxes(xywh, 640, top, 384)
    kept = boxes[keep]
    assert (kept[:, 1] - kept[:, 3] / 2 > -1e-5).all()
    assert (kept[:, 1] + kept[:, 3] / 2 < 1 + 1e-5).all()
    assert (kept[:, 3] * 384 >= KEEP_SHARE * xywh[keep, 3] * 640 - 1e-3).all()
    np.testing.assert_array_equal(boxes[:, [0, 2]], xywh[:, [0, 2]])


@given(st.sampled_from([(384, 640), (640, 640), (224, 352)]), st.integers(0, 700), st.integers(0, 2**32 - 1))
def test_batches_shrink_within_the_limits_and_keep_their_shape(size, least, seed):
    height, width = shrunk(size, least, np.random.default_rng(seed))
    assert height % 32 == width % 32 == 0
    assert width <= size[1]
    assert width >= min(least, size[1])
    assert abs(height / width - size[0] / size[1]) < 32 / width


def test_every_size_gets_its_share():
    rng = np.random.default_rng(0)
    widths = [shrunk((384, 640), 352, rng)[1] for _ in range(1000)]
    assert set(widths) == set(range(352, 641, 32))
    assert min(widths.count(w) for w in set(widths)) > 60


def make(folder, labels, unlabelled=()):
    """A folder of empty pictures: name -> lines of its label file."""
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    for name in (*labels, *unlabelled):
        (folder / "images" / f"{name}.jpg").touch()
    for name, lines in labels.items():
        (folder / "labels" / f"{name}.txt").write_text(lines)
    return folder


PERSON, BICYCLE = "0 .5 .5 .1 .2\n", "1 .5 .5 .2 .1\n"


def test_rare_classes_are_shown_more_often():
    classes = [frozenset({0})] * 95 + [frozenset({0, 1})] * 4 + [frozenset()]
    assert factors(classes, 0.0) == [1.0] * 100
    shares = factors(classes, 0.16)
    assert shares[0] == 1.0
    assert shares[95] == pytest.approx(2.0)  # sqrt(.16 / .04)
    assert shares[99] == 1.0


def test_the_list_counts_each_source_as_often_as_asked(tmp_path):
    real = make(tmp_path / "r", {"a": PERSON, "b": PERSON}, unlabelled=["q"])
    twin = make(tmp_path / "t", {})
    for kind in ("images", "labels"):
        (twin / kind / "train").mkdir()
    (twin / "images" / "train" / "c.png").touch()
    (twin / "labels" / "train" / "c.txt").write_text(BICYCLE)
    sources = [Source(real), Source(twin / "images" / "train", 3)]
    valid = Source(make(tmp_path / "v", {"d": ""}))
    data, counts = write_mix(tmp_path / "out", sources, valid, 0.0, None, 0)
    assert json.loads(data.read_text())["names"] == list(NAMES) == list(SIX.values())
    lines = (tmp_path / "out" / "train.txt").read_text().split()
    assert [line.rsplit("/", 1)[1] for line in lines] == ["a.jpg", "b.jpg", "c.png", "c.png", "c.png"]
    assert list(counts.values()) == [2, 3]
    assert all(Path(line).is_file() and str(tmp_path / "out") in line for line in lines), "reached by links"
    assert (tmp_path / "out" / "valid.txt").read_text().endswith("/valid/images/d.jpg\n")


def test_rare_pictures_of_the_mix_come_twice_and_a_draw_repeats(tmp_path):
    labels = {f"p{i}": PERSON for i in range(24)} | {"bike": BICYCLE}
    folder = Source(make(tmp_path / "a", labels))
    valid = Source(make(tmp_path / "v", {"d": ""}))
    write_mix(tmp_path / "out", [folder], valid, 0.16, None, 0)
    lines = (tmp_path / "out" / "train.txt").read_text().split()
    assert sum("bike" in line for line in lines) == 2
    assert len(lines) == 26
    drawn = []
    for name in ("x", "y"):
        write_mix(tmp_path / name, [folder], valid, 0.0, 4, 3)
        drawn.append([Path(line).name for line in (tmp_path / name / "train.txt").read_text().split()])
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 4


@pytest.mark.parametrize(
    "line",
    ["6 .5 .5 .1 .1", "0 .5 .5 .1", "x .5 .5 .1 .1", "0 1.5 .5 .1 .1", "-1 .5 .5 .1 .1", "0 .5 nan .1 .1"],
)
def test_malformed_labels_are_refused_by_line(tmp_path, line):
    folder = Source(make(tmp_path / "a", {"p": PERSON + line + "\n"}))
    with pytest.raises(ModelError, match=r"p\.txt, line 2: must be a class"):
        write_mix(tmp_path / "out", [folder], folder, 0.0, None, 0)


def test_sources_are_read_from_the_command_line():
    assert parse_source("a/b") == Source(Path("a/b"))
    assert parse_source("a/b=3") == Source(Path("a/b"), 3)
    for wrong in ("a=0", "a=x", "a=-1"):
        with pytest.raises(argparse.ArgumentTypeError, match="FOLDER=TIMES"):
            parse_source(wrong)


def test_missing_pictures_are_explained(tmp_path):
    with pytest.raises(ModelError, match="must hold images/ and labels/"):
        link(Source(tmp_path / "missing"), tmp_path / "l")
    with pytest.raises(ModelError, match=r"with \.txt labels"):
        link(Source(make(tmp_path / "e", {}, unlabelled=["q"])), tmp_path / "l")
    with pytest.raises(ModelError, match="at least once"):
        write_mix(tmp_path / "out", [], Source(tmp_path), 0.0, None, 0)


def test_refusals_are_explained(tmp_path, capsys, monkeypatch):
    common = ["--out", str(tmp_path / "out"), "--valid", str(tmp_path)]
    (tmp_path / "own.pt").write_bytes(b"weights")
    assert main([str(tmp_path / "own.pt"), *common]) == 5
    assert "--trust" in capsys.readouterr().err
    assert main(["small", *common, "--teacher", str(tmp_path / "own.pt")]) == 5
    assert "--trust" in capsys.readouterr().err
    assert main([str(tmp_path / "own.pt"), *common, "--resume"]) == 5
    assert "leave --resume out" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match="are missing"):
        trainer_class((384, 640), 0, 1, 0, "cpu")


def test_the_recipe_names_everything_but_places(tmp_path):
    start = tmp_path / "start.pt"
    start.write_bytes(b"weights")
    options = {name[2:].replace("-", "_"): default for name, default, _ in OPTIONS}
    asked = argparse.Namespace(
        start=str(start), size=(384, 640), device="cpu", teacher=None, pictures=[Source(tmp_path / "a" / "b", 2)], **options
    )  # fmt: skip
    found = recipe(asked, {"a/b": 7})
    assert found["start"] == {"sha256": hashlib.sha256(b"weights").hexdigest()}
    assert found["pictures"] == [{"folder": "a/b", "repeat": 2}]
    assert found["seed"] == 0
    assert str(tmp_path) not in json.dumps(found)


def test_architectures_are_described_from_the_original():
    original = {"nc": 80, "scales": {"n": [1, 1, 1]}, "backbone": [1], "head": [2], "licence": "x"}
    small = described("small", original)
    assert small["nc"] == 6
    assert (small["backbone"], small["head"]) == ([1], [2])
    assert small["scales"]["n"][1] * 2 == described("starter", original)["scales"]["n"][1]
    assert "licence" not in small
    with pytest.raises(ModelError, match="must have a backbone"):
        described("small", {"head": []})
