"""`parvis edge replay` through the front door: records out, faults told in one paragraph with their exit code."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from contract.batch import parse_record
from edge.cli import app
from tests.edge import media
from tests.front_door import blind_model, box_file, parvis
from tests.onnx_factory import constant_model, raw_output


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return media.video(tmp_path / "clip.mp4", 150, fps=6)


def test_records_are_as_on_the_wire(tmp_path: Path, clip: Path) -> None:
    said = parvis("edge", "replay", clip, "--config", box_file(tmp_path), "--start", "2026-03-01T10:00:00Z")
    assert said.code == 0
    records = [parse_record(item) for item in said.records]
    assert [record.seq for record in records] == list(range(len(records)))
    assert records[0].type == "parvis.config.v1"
    zones = [record for record in records if record.type == "parvis.zone.v1"]
    assert [record.start.isoformat() for record in zones] == [
        "2026-03-01T10:00:00+00:00",
        "2026-03-01T10:00:10+00:00",
        "2026-03-01T10:00:20+00:00",
    ]
    assert [record.observed_s for record in zones] == [10, 10, pytest.approx(5, abs=0.01)]
    assert [record.counts["person"].object_s for record in zones] == [10, 10, pytest.approx(5, abs=0.01)]


def test_a_repeat_is_identical_and_another_start_is_another_run(tmp_path: Path, clip: Path) -> None:
    box = box_file(tmp_path)
    first = parvis("edge", "replay", clip, "--config", box)
    assert first.out == parvis("edge", "replay", clip, "--config", box).out
    other = parvis("edge", "replay", clip, "--config", box, "--start", "2026-01-02T00:00:00Z")
    assert other.records[0]["run"] != first.records[0]["run"]


def test_out_file_and_json(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "records.jsonl"
    said = parvis("edge", "replay", clip, "--config", box_file(tmp_path), "--out", out, "--json")
    told = json.loads(said.out.splitlines()[-1])
    assert told["frames"] == 150
    assert told["records"] == len(out.read_text().splitlines()) == 8
    assert told["seconds"] == pytest.approx(25, abs=0.01)
    assert 0 < told["first_frame_s"] < 60


def test_the_preview_shows_zones_and_hides_people(tmp_path: Path) -> None:
    clip = media.video(tmp_path / "clip.mp4", 12, fps=6, wh=(320, 240), noise=True)
    out = tmp_path / "preview.mp4"
    assert parvis("edge", "replay", clip, "--config", box_file(tmp_path), "--preview", out).code == 0
    with av.open(str(out)) as shown:
        pictures = [frame.to_ndarray(format="bgr24") for frame in shown.decode(video=0)]
    assert len(pictures) == 12
    # The person: x 135..185, y 70..170 of a noisy picture, filled with one colour but for what is drawn on top.
    masked = pictures[6][79:90, 145:175]
    assert np.std(masked, axis=(0, 1)).max() < 12
    assert np.std(pictures[6][200:, 10:50], axis=(0, 1)).max() > 30


def test_the_preview_hides_whom_the_counters_are_not_told_of(tmp_path: Path) -> None:
    """Somebody of confidence .06: below what is counted or followed, above what the mask hides; in both the same look."""
    rows = [(32, 32, 10, 20, 0, 0.9), (10, 30, 6, 14, 0, 0.06)]
    constant_model(tmp_path / "weak.onnx", raw_output(rows, 6, 84))
    clip = media.video(tmp_path / "clip.mp4", 12, fps=6, wh=(320, 240), noise=True)
    out = tmp_path / "preview.mp4"
    words = ["replay", str(clip), "--config", str(box_file(tmp_path, model="weak.onnx")), "--faces", "none"]
    plain = CliRunner().invoke(app, words, catch_exceptions=False)
    shown = CliRunner().invoke(app, [*words, "--preview", str(out)], catch_exceptions=False)
    assert shown.stdout == plain.stdout
    assert '"person"' in shown.stdout
    with av.open(str(out)) as video:
        picture = [frame.to_ndarray(format="bgr24") for frame in video.decode(video=0)][6]
    assert np.std(picture[92:110, 42:58], axis=(0, 1)).max() < 12


def test_a_truncated_video_keeps_its_records_and_says_how_far_it_got(tmp_path: Path) -> None:
    whole = media.video(tmp_path / "whole.mp4", 150, fps=6, movflags="faststart", noise=True)
    clip = media.cut(whole, tmp_path / "clip.mp4", 0.6)
    said = parvis("edge", "replay", clip, "--config", box_file(tmp_path))
    assert said.code == 4
    assert "clip.mp4" in said.err
    records = [parse_record(item) for item in said.records]
    assert 10 <= sum(r.observed_s for r in records if r.type == "parvis.zone.v1") < 20


def test_a_picture_size_that_changes_ends_the_replay_after_its_records(tmp_path: Path) -> None:
    first = media.video(tmp_path / "a.ts", 30, fps=6)
    second = media.video(tmp_path / "b.ts", 30, fps=6, wh=(128, 96))
    clip = media.joined(tmp_path / "clip.ts", first, second)
    said = parvis("edge", "replay", clip, "--config", box_file(tmp_path))
    assert said.code == 4
    assert "128" in said.err
    assert sum(item.get("observed_s", 0) for item in said.records if item["type"] == "parvis.zone.v1") > 3


def bad_video(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "clip.mp4"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("hello")
    elif kind == "folder":
        path.mkdir()
    elif kind == "sound only":
        return media.audio(tmp_path / "clip.mp4")
    return path


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "folder", "sound only"])
def test_no_video(tmp_path: Path, kind: str) -> None:
    said = parvis("edge", "replay", bad_video(tmp_path, kind), "--config", box_file(tmp_path))
    assert (said.code, said.out) == (4, "")
    assert "clip.mp4" in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_models_that_do_not_fit(tmp_path: Path, clip: Path) -> None:
    box = box_file(tmp_path)
    text = tmp_path / "text.onnx"
    text.write_text("not a model")
    seen = raw_output([(32, 32, 10, 20, 0, 0.9)], 6, 84)
    nameless = constant_model(tmp_path / "nameless.onnx", seen, names=None)
    odd = constant_model(tmp_path / "odd.onnx", np.zeros((1, 3), np.float32))
    lacking = constant_model(tmp_path / "lacking.onnx", raw_output([], 1, 84), names={0: "car"})
    for model, words in (
        (tmp_path / "nowhere.onnx", "readable file"),
        (text, "ONNX"),
        (nameless, "names: coco"),
        (odd, "[1, 3]"),
        (lacking, "person"),
    ):
        said = parvis("edge", "replay", clip, "--config", box, "--model", model)
        assert (said.code, said.out) == (5, ""), said.err
        assert words in said.err
        assert model.name in said.err


def test_nothing_to_see_is_a_count_of_nothing(tmp_path: Path, clip: Path) -> None:
    model = blind_model(tmp_path / "blind.onnx")
    said = parvis("edge", "replay", clip, "--config", box_file(tmp_path), "--model", model)
    zones = [item for item in said.records if item["type"] == "parvis.zone.v1"]
    assert [item["counts"] for item in zones] == [{}, {}, {}]
    assert sum(item["observed_s"] for item in zones) == pytest.approx(25, abs=0.01)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--camera", "south"], 3, "no camera 'south'"),
        (["--start", "yesterday"], 3, "2026-11-21T10:15:00Z"),
        (["--out", "/nowhere/records.jsonl"], 3, "/nowhere/records.jsonl"),
        (["--preview", "/nowhere/preview.mp4"], 4, "/nowhere/preview.mp4"),
    ],
    ids=["camera", "start", "out", "preview"],
)
def test_wrong_options(tmp_path: Path, clip: Path, options: list[str], code: int, words: str) -> None:
    said = parvis("edge", "replay", clip, "--config", box_file(tmp_path), *options)
    assert said.code == code
    assert words in said.err


def test_a_broken_configuration_is_exit_code_3(tmp_path: Path, clip: Path) -> None:
    box = box_file(tmp_path)
    box.write_text(box.read_text().replace("polygon", "polygone"))
    for words in (["replay", clip, "--config", box], ["validate", "--config", box], ["run", "--config", box]):
        said = parvis("edge", *words)
        assert said.code == 3
        assert "Did you mean 'polygon'?" in said.err


def test_validate_says_what_will_be_counted(tmp_path: Path) -> None:
    box = box_file(tmp_path)
    assert "area middle: person" in parvis("edge", "validate", "--config", box).out
    told = json.loads(parvis("edge", "validate", "--config", box, "--json").out)
    assert told["cameras"][0]["zones"] == [{"zone": "middle", "kind": "area", "classes": ["person"]}]
