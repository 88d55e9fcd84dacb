"""Boxes corrected by hand: what the table says, which pictures are read, and what is no table."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.names import CLASSES
from edge.errors import CameraError
from models import hand_truth
from tests.edge.media import grey, video

ROOT = Path(__file__).parent.parent.parent
SHARED = ROOT.parent / "shared"
HEAD = "source,frame,width,height,class,ridden,x1,y1,x2,y2,seen\n"
STILL = "plates/a.png,,8,6,car,0,1,2,5.5,6,0"
FILM = "clips/f.mp4,3,64,48,bicycle,1,0,0,10,20,1"


@pytest.fixture
def shared(tmp_path):
    """A picture of 8x6 and a video of 64x48 whose frame i is grey(i)."""
    for folder in ("plates", "clips"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "data/plates/a.png"), np.full((6, 8, 3), (10, 20, 30), np.uint8))
    video(tmp_path / "data/clips/f.mp4", 12)
    return tmp_path


def table(folder, *lines):
    path = folder / "vehicles.csv"
    path.write_text(HEAD + "".join(f"{line}\n" for line in lines))
    return path


def read(shared, *lines):
    return hand_truth.pictures(shared, table(shared, *lines))


def test_a_picture_and_its_boxes(shared, capsys):
    area = STILL.replace("car,0,1,2,5.5", "ignore,0,0,0,4")
    (picture,) = read(shared, STILL, area, STILL.replace("car,0", "motorcycle,1"))
    assert (picture.source, picture.frame, picture.seen) == ("plates/a.png", None, False)
    assert picture.classes == ("car", "motorcycle")
    np.testing.assert_array_equal(picture.boxes, np.array([[1, 2, 5.5, 6]] * 2, np.float32))
    assert picture.ridden.tolist() == [False, True]
    np.testing.assert_array_equal(picture.ignore, [[0, 0, 4, 6]])
    np.testing.assert_array_equal(picture.read(), np.full((6, 8, 3), (10, 20, 30)))
    assert picture.read().dtype == np.uint8
    assert capsys.readouterr().err == ""


def test_a_picture_without_vehicles_has_empty_boxes(shared):
    (picture,) = read(shared, STILL.replace("car", "ignore"))
    assert picture.classes == ()
    assert picture.boxes.shape == (0, 4)
    assert picture.ridden.shape == (0,)
    assert picture.ignore.shape == (1, 4)


def test_frames_of_a_video_are_those_named_and_it_is_decoded_once(shared, monkeypatch):
    opened = []

    class Counted(hand_truth.VideoFile):
        def __init__(self, path):
            opened.append(path)
            super().__init__(path)

    monkeypatch.setattr(hand_truth, "VideoFile", Counted)
    found = read(shared, FILM, STILL, FILM.replace(",3,", ",0,"), FILM.replace(",3,", ",11,"))
    assert [picture.frame for picture in found] == [3, None, 0, 11]
    assert opened == []
    for picture in (found[3], found[0], found[2], found[0]):
        assert picture.seen
        assert abs(float(picture.read().mean()) - grey(picture.frame)) < 3
    assert opened == [shared / "data/clips/f.mp4"]


def test_a_reader_cannot_spoil_the_picture_of_the_next(shared):
    (picture,) = read(shared, FILM)
    picture.read()[:] = 0
    assert picture.read().mean() > grey(2)


def test_pictures_of_one_place(shared):
    (shared / "data/parking").mkdir()
    for name in ("b.png", "c.png"):
        (shared / "data/parking" / name).write_bytes(b"")
    names = ("parking/b.png", "parking/c.png", "plates/a.png")
    places = [p.place for p in read(shared, *(STILL.replace("plates/a.png", name) for name in names), FILM)]
    assert places == ["parking", "parking", "plates/a.png", "clips/f.mp4"]


def test_absent_sources_are_skipped_and_named(shared, capsys):
    found = read(shared, *(STILL.replace("a.png", f"{name}.png") for name in "vwxya"))
    assert [picture.source for picture in found] == ["plates/a.png"]
    said = capsys.readouterr().err
    assert "4 of 5 sources are absent" in said
    assert "plates/v.png, plates/w.png, plates/x.png …" in said
    assert hand_truth.pictures(shared / "nothing", shared / "vehicles.csv") == []
    assert hand_truth.pictures(shared, shared / "no.csv") == []
    assert "no.csv is absent" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (STILL + ",1", "must have 11 columns \\(got 12\\)"),
        ("", "must have 11 columns \\(got 0\\)"),
        (STILL.replace("plates", "/plates"), "column source: must be a relative path"),
        (STILL.replace("plates", "../plates"), "column source: must be a relative path"),
        (STILL.replace(".png", ".txt"), "column source: must be a .jpg, .png or .mp4 file"),
        (STILL.replace("png,,", "png,0,"), "column frame: must be empty for a picture"),
        (FILM.replace(",3,", ",,"), "column frame: must be a frame number from 0"),
        (FILM.replace(",3,", ",-3,"), "column frame: must be a frame number from 0 \\(got '-3'\\)"),
        (STILL.replace(",8,", ",0,"), "column width: must be pixels from 1"),
        (STILL.replace("car", "person"), "column class: must be one of bicycle, .* \\(got 'person'\\)"),
        (STILL.replace("car,0", "car,1"), "column ridden: must be 0 for what is no cycle"),
        (FILM.replace("cle,1", "cle,yes"), "column ridden: must be 0 or 1"),
        (STILL.replace("5.5", "5.55"), "column x2: must be pixels with at most one decimal"),
        (
            STILL.replace(",1,2,", ",-1,2,"),
            "column x1: must be pixels with at most one decimal, not negative",
        ),
        (STILL.replace(",1,2,", ",nan,2,"), "column x1: must be pixels"),
        (STILL.replace("5.5", "1"), "column x2: must be above 1 and at most 8"),
        (STILL.replace("5.5", "8.5"), "column x2: must be above 1 and at most 8"),
        (STILL.replace("5.5,6", "5.5,7"), "column y2: must be above 2 and at most 6"),
        (STILL[:-1] + "2", "column seen: must be 0 or 1"),
        (STILL[:-1] + "1", "column seen: must be what line 2 says of the same picture"),
        (STILL.replace(",8,", ",9,"), "column width,height: must be what line 2 says"),
    ],
)
def test_a_malformed_line(shared, line, said):
    with pytest.raises(ValueError, match=rf"vehicles\.csv, line 3.*{said}.*; \w"):
        read(shared, STILL, line)


def test_a_table_with_other_columns(shared):
    (shared / "vehicles.csv").write_text("file,x1\n")
    with pytest.raises(ValueError, match=r"line 1: the columns must be source,frame.*\(got file,x1\)"):
        hand_truth.pictures(shared, shared / "vehicles.csv")


def test_pictures_that_are_not_as_the_table_says(shared):
    (picture,) = read(shared, STILL.replace(",8,6,", ",9,6,"))
    with pytest.raises(ValueError, match=r"a\.png: must be 9x6 pixels .* \(got 8x6\)"):
        picture.read()
    first, late = read(shared, FILM, FILM.replace(",3,", ",12,"))
    with pytest.raises(ValueError, match=r"f\.mp4: must have a frame 12 \(got 1 of the 2 frames"):
        late.read()
    assert first.read().shape == (48, 64, 3)
    (shared / "data/plates/a.png").write_bytes(b"damaged")
    (picture,) = read(shared, STILL)
    with pytest.raises(ValueError, match=r"a\.png: must be a readable picture"):
        picture.read()
    (shared / "data/clips/f.mp4").write_bytes(b"damaged")
    (picture,) = read(shared, FILM)
    with pytest.raises(CameraError, match=r"f\.mp4"):
        picture.read()


@pytest.fixture(scope="module")
def rows():
    return list(hand_truth._rows(hand_truth.TABLE))


def test_the_table_is_large_enough_and_keeps_its_rules(rows):
    own = [row for row in rows if row.label != hand_truth.IGNORE]
    four = {id(row) for row in own if row.label in {"car", "bus", "truck"}}
    assert len(four) >= 400
    assert len(own) - len(four) >= 60
    assert {row.label for row in own} == set(CLASSES[1:])
    pictures = {(row.source, row.frame) for row in rows}
    assert {(row.source, row.frame) for row in own} == pictures
    assert (
        len({key for key in pictures if not next(r for r in rows if (r.source, r.frame) == key).seen}) >= 16
    )
    for row in own:
        assert (row.box[3] - row.box[1]) * 640 / max(row.wh) >= 10, f"line {row.line} is to be ignored"
    assert len({(row.source, row.frame, row.label, row.box) for row in rows}) == len(rows)


def test_what_training_saw_is_marked_by_scene(rows):
    seen = {row.source for row in rows if row.seen}
    assert seen == {f"clips/{name}.mp4" for name in ("avenue", "crossing", "parking_top")}
    assert not seen & {row.source for row in rows if not row.seen}
    assert not any("PETS09" in row.source or "detect/" in row.source for row in rows)


def test_the_readme_counts_what_the_table_holds(rows):
    text = (hand_truth.TABLE.parent / "README.md").read_text()
    for word, seen in (("unseen", False), ("seen", True)):
        part = [row for row in rows if row.seen == seen]
        count = Counter(row.label for row in part)
        wanted = [count[label] for label in ("bicycle", "motorcycle", "car", "bus", "truck")]
        wanted += [sum(row.ridden for row in part), count["ignore"]]
        wanted += [len({(row.source, row.frame) for row in part})]
        (line,) = re.findall(rf"^\| {word} \|(.*)\|$", text, re.MULTILINE)
        assert [int(cell) for cell in line.split("|")] == wanted
    assert f"in {len({(row.source, row.frame) for row in rows})} pictures" in text


def test_the_pictures_at_hand_fit_the_table():
    if not (SHARED / "data").is_dir():
        pytest.skip("the shared pictures are absent")
    found = [p for p in hand_truth.pictures(SHARED) if p.frame is None or "parking_top" in p.source]
    if not found:
        pytest.skip("the shared pictures are absent")
    assert len(found) == 35
    for picture in found:
        image = picture.read()
        assert image.ndim == 3
        assert image.std() > 5
        assert (picture.boxes[:, 2:] <= image.shape[1::-1]).all()
