"""Pictures for comparisons and calibration: which are taken, and what is no source."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import CameraError, ModelError
from models import frames

SQUARE = Path(__file__).parent.parent.parent / "sample_videos" / "square.mp4"


@pytest.fixture
def folder(tmp_path):
    """Ten pictures of one shade each, 0 to 90, and a file that is no picture."""
    for i in range(10):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((4, 6, 3), 10 * i, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def shades(pictures):
    return [int(picture[0, 0, 0]) for picture in pictures]


def test_a_folder_is_spread(folder):
    assert shades(frames.read(folder, 100)) == list(range(0, 100, 10))
    assert shades(frames.read(folder, 5)) == [10, 30, 50, 70, 90]
    assert shades(frames.read(folder, 5, 0.0)) == [0, 20, 40, 60, 80]
    assert shades(frames.read(folder / "3.png", 5)) == [30]


def test_calibration_and_comparison_take_different_pictures(folder):
    seen = set(shades(frames.read(folder, 3, 0.5)))
    assert not seen & set(shades(frames.read(folder, 3, 0.25)))


def test_a_damaged_picture_is_left_out(folder):
    (folder / "4.png").write_bytes(b"damaged")
    assert shades(frames.read(folder, 100)) == [0, 10, 20, 30, 50, 60, 70, 80, 90]


def test_a_video_is_spread():
    two = list(frames.read(SQUARE, 2))
    assert [picture.shape for picture in two] == [(360, 640, 3)] * 2
    assert np.abs(two[0].astype(int) - two[1]).max() > 50


def test_a_folder_of_videos_gives_frames_of_each(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(SQUARE.read_bytes())
    assert len(list(frames.read(tmp_path, 5))) == 4


def test_what_is_no_source(tmp_path):
    with pytest.raises(ModelError, match="must be a video, or a folder"):
        list(frames.read(tmp_path, 3))
    with pytest.raises(ModelError, match="must be a video, or a folder"):
        list(frames.read(tmp_path / "missing", 3))
    (tmp_path / "v.mp4").write_bytes(b"no video")
    with pytest.raises(CameraError, match=r"v\.mp4"):
        list(frames.read(tmp_path, 3))


def test_the_default_is_the_sample_videos_and_made_up_ones():
    pictures = frames.for_comparison(None, (64, 96))
    assert len(pictures) == 3 * frames.SAMPLE_FRAMES + 6
    assert {picture.shape for picture in pictures} == {(360, 640, 3), (64, 96, 3)}
    np.testing.assert_array_equal(pictures[-1], frames.made_up((64, 96))[-1])


def test_without_sample_videos_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "SAMPLES", tmp_path)
    with pytest.raises(ModelError, match="must hold the sample videos"):
        frames.for_comparison(None, (64, 96))
