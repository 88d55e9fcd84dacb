"""The parts of the training that need no torch: cutting boxes, listing pictures, mixing them, refusing."""

from __future__ import annotations

import argparse
import json
import random
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ModelError
from models.finetune import KEEP_SHARE, NAMES, cut_boxes, list_pictures, main, trainer_class, write_mix
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


def make(folder, names, unlabelled=()):
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    for name in (*names, *unlabelled):
        (folder / "images" / f"{name}.jpg").touch()
    for name in names:
        (folder / "labels" / f"{name}.txt").touch()
    return folder


def test_only_labelled_pictures_are_listed_and_a_draw_repeats(tmp_path):
    folder = make(tmp_path / "a", [f"p{i}" for i in range(9)], unlabelled=["q"])
    every = list_pictures(folder, None, random.Random(0))
    assert len(every) == 9
    drawn = list_pictures(folder, 4, random.Random(3))
    assert drawn == list_pictures(folder, 4, random.Random(3))
    assert set(drawn) < set(every)
    with pytest.raises(ModelError, match="must hold images"):
        list_pictures(tmp_path / "missing", None, random.Random(0))


def test_mix_lists_real_once_and_rendered_as_often_as_asked(tmp_path):
    asked = argparse.Namespace(
        out=tmp_path / "out",
        real=[make(tmp_path / "r", ["a", "b"])],
        rendered=[make(tmp_path / "s", ["c"])],
        valid=make(tmp_path / "v", ["d"]),
        limit=None,
        repeat=3,
        seed=0,
    )
    data = json.loads(write_mix(asked).read_text())
    assert data["names"] == list(NAMES) == list(SIX.values())
    lines = (tmp_path / "out" / "train.txt").read_text().split()
    assert [line.rsplit("/", 1)[1] for line in lines] == ["a.jpg", "b.jpg", "c.jpg", "c.jpg", "c.jpg"]
    assert (tmp_path / "out" / "valid.txt").read_text().endswith("/v/images/d.jpg\n")


def test_refusals_are_explained(tmp_path, capsys, monkeypatch):
    common = ["--out", str(tmp_path / "out"), "--valid", str(tmp_path)]
    (tmp_path / "own.pt").write_bytes(b"weights")
    assert main([str(tmp_path / "own.pt"), *common]) == 5
    assert "--trust" in capsys.readouterr().err
    assert main([str(tmp_path / "own.pt"), *common, "--resume"]) == 5
    assert "leave --resume out" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match="are missing"):
        trainer_class((384, 640), 1, 0)
