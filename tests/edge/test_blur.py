"""`parvis edge blur` through the command line: videos, pictures, folders; what cannot be done is said and costs nothing."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.privacy_blur import FILL_BGR
from tests.edge import media
from tests.front_door import blind_model, parvis, person_model

NOISE = np.random.default_rng(4).integers(0, 256, (240, 320, 3), np.uint8)


def pictures(path: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(path)) as shown:
        assert not shown.streams.audio
        return [(float(frame.time), frame.to_ndarray(format="bgr24")) for frame in shown.decode(video=0)]


def filled(picture: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(picture.astype(int) - FILL_BGR).max(axis=2) < 10)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return person_model(tmp_path / "person.onnx")


def test_a_video_is_masked_frame_by_frame_at_its_own_times(tmp_path: Path, model: Path) -> None:
    clip = media.video(tmp_path / "clip.mp4", 12, fps=6, wh=(320, 240), noise=True)
    said = parvis("edge", "blur", clip, "--out", tmp_path / "out.mp4", "--model", model, "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out.splitlines()[-1])
    assert (told["frames"], told["black"], told["unread"]) == (12, {}, [])
    found = pictures(tmp_path / "out.mp4")
    assert [at for at, _ in found] == pytest.approx([k / 6 for k in range(12)], abs=0.002)
    for _, picture in found:
        assert filled(picture[75:128, 140:180]).mean() > 0.98
        assert filled(picture[:60]).mean() < 0.05


def test_a_recording_whose_size_changes_keeps_all_that_was_read(tmp_path: Path, model: Path) -> None:
    parts = [media.video(tmp_path / f"{w}.ts", 12, fps=6, wh=(w, 240), noise=True) for w in (320, 352)]
    film = media.joined(tmp_path / "film.ts", *parts)
    said = parvis("edge", "blur", film, "--out", tmp_path / "out.mp4", "--model", model)
    assert said.code == 4
    assert len(pictures(tmp_path / "out.mp4")) >= 10


def test_a_picture_keeps_its_pixels_but_those_of_people(tmp_path: Path, model: Path) -> None:
    source, out = tmp_path / "a.png", tmp_path / "b.png"
    cv2.imwrite(str(source), NOISE)
    assert parvis("edge", "blur", source, "--out", out, "--model", model).code == 0
    masked = cv2.imread(str(out))
    assert (masked[75:128, 140:180] == FILL_BGR).all()
    np.testing.assert_array_equal(masked[:60], NOISE[:60])


def test_a_folder_keeps_its_shape_and_names_what_cannot_be_read(tmp_path: Path, model: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    cv2.imwrite(str(folder / "a.png"), NOISE)
    cv2.imwrite(str(folder / "deep" / "b.jpg"), NOISE)
    (folder / "deep" / "bad.jpg").write_bytes(b"no picture")
    said = parvis("edge", "blur", folder, "--out", out, "--model", model, "--json")
    assert said.code == 4
    assert "bad.jpg" in said.err
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*.*")) == ["a.png", "deep/b.jpg"]
    assert json.loads(said.out.splitlines()[-1])["unread"] == ["bad.jpg"]


def test_metadata_of_the_original_does_not_come_along(tmp_path: Path) -> None:
    done, packed = cv2.imencode(".jpg", NOISE)
    assert done
    data, secret = packed.tobytes(), b"Exif\0\0GPS 48.8566 2.3522 Marie"
    marked = data[:2] + b"\xff\xe1" + (len(secret) + 2).to_bytes(2) + secret + data[2:]
    (tmp_path / "a.jpg").write_bytes(marked)
    blind = blind_model(tmp_path / "blind.onnx")
    assert parvis("edge", "blur", tmp_path / "a.jpg", "--out", tmp_path / "b.jpg", "--model", blind).code == 0
    assert b"Marie" not in (tmp_path / "b.jpg").read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (["missing.mp4", "--out", "o.mp4"], 4, "missing.mp4"),
        (["empty", "--out", "o"], 4, "must hold pictures"),
        (["a.png", "--out", "a.png"], 4, "the original would be lost"),
        (["a.png", "--out", "o.gif"], 4, "must end in one of"),
        (["a.png", "--out", "o.png", "--faces", "no.onnx"], 5, "no.onnx"),
        (["a.png", "--out", "o.png", "--plates", "no.onnx"], 5, "no.onnx"),
    ],
    ids=["missing", "empty", "itself", "kind", "faces", "plates"],
)
def test_what_cannot_be_done_is_said_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    cv2.imwrite("a.png", NOISE)
    before = (tmp_path / "a.png").read_bytes()
    said = parvis("edge", "blur", *words)
    assert (said.code, said.out) == (code, "")
    assert named in " ".join(said.err.split())
    assert (tmp_path / "a.png").read_bytes() == before
    assert not list(tmp_path.glob("o*"))
