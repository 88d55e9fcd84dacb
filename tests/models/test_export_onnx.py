"""What the export refuses, and that it writes nothing unless both networks agree."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from edge.detect import OnnxDetector
from edge.errors import ModelError
from models import frames, manifest, quantize
from models.conversion import Job, export
from models.export_onnx import main, parse_size
from tests.onnx_factory import constant_model, external_data_model, raw_output

ROOT = Path(__file__).parent.parent.parent
OUTPUT = raw_output([(32, 32, 20, 10, 2, 0.9), (10, 20, 6, 18, 0, 0.6)], 6, 84)
STARTER_PT = ROOT.parent / "shared" / "starter" / "starter.pt"
STARTER = ROOT / "models" / "starter.onnx"
SMALL = "192x320"


class FakeCheckpoint:
    """A network that answers ``OUTPUT``, moved by ``shift``, beside an export that answers ``OUTPUT``."""

    def __init__(self, score_shift=0.0, box_shift=0.0):
        self.output = OUTPUT[0].copy()
        self.output[4:] += score_shift
        self.output[:4] += box_shift

    def export(self, folder, size, *, dynamic):
        return constant_model(folder / "made.onnx", OUTPUT)

    def run(self, blob):
        assert blob.shape == (1, 3, 64, 64)
        return self.output


def job(out, **more):
    return Job(
        **{"out": out, "size": (64, 64), "pictures": frames.made_up((64, 64)), "simplify": False, **more}
    )


def test_an_equal_export_is_written(tmp_path):
    out = tmp_path / "new" / "folder" / "m.onnx"
    made = export(FakeCheckpoint(), job(out, origin={"checkpoint_sha256": "ab" * 32}))
    assert made["parity"]["checkpoint"]["boxes"] == 2 * made["parity"]["checkpoint"]["pictures"] == 12
    assert made["source_sha256"] == "ab" * 32
    assert made["precision"] == "fp32"
    assert OnnxDetector(out).input_hw == (64, 64)
    assert manifest.verify(out)["parity"] == made["parity"]


@pytest.mark.parametrize(
    ("score_shift", "box_shift", "good"),
    [(0.009, 0.9, True), (0.011, 0, False), (0, 1.1, False), (-0.02, 0, False)],
)
def test_beyond_the_limits_nothing_is_written(tmp_path, score_shift, box_shift, good):
    out = tmp_path / "m.onnx"
    out.write_bytes(b"older")
    if good:
        export(FakeCheckpoint(score_shift, box_shift), job(out))
    else:
        with pytest.raises(ModelError, match="must equal its checkpoint"):
            export(FakeCheckpoint(score_shift, box_shift), job(out))
        assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]
    assert (out.read_bytes() == b"older") is not good


class FakeSlim:
    """onnxslim, by a model that answers ``output`` or by an error."""

    def __init__(self, folder, output):
        self.made = None if output is None else constant_model(folder / "slimmed.onnx", output)

    def slim(self, path):
        import onnx

        if self.made is None:
            raise RuntimeError("no such\n operator")
        return onnx.load(self.made)


@pytest.mark.parametrize(
    ("shift", "message"), [(0.0, None), (0.2, "stay as it was when simplified"), (None, "no such operator")]
)
def test_simplifying_must_change_nothing(tmp_path, monkeypatch, shift, message):
    out = tmp_path / "out" / "m.onnx"
    slim = FakeSlim(tmp_path, None if shift is None else OUTPUT + shift * (OUTPUT > 1))
    monkeypatch.setitem(sys.modules, "onnxslim", slim)
    if message is None:
        assert export(FakeCheckpoint(), job(out, simplify=True))["simplified"]
    else:
        with pytest.raises(ModelError, match=message) as caught:
            export(FakeCheckpoint(), job(out, simplify=True))
        assert "--no-simplify" in str(caught.value)
        assert not out.exists()


def test_missing_onnxslim_is_explained(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxslim", None)
    with pytest.raises(
        ModelError, match=r"onnxslim, unless --no-simplify .* pip install 'parvis\[models\]'"
    ) as caught:
        export(FakeCheckpoint(), job(tmp_path / "m.onnx", simplify=True))
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["m.pt", "--from-onnx", "m.onnx"],
        ["m.pt", "--size", "100"],
        ["m.pt", "--precision", "int8"],
        ["m.pt", "--calibrate", "."],
        ["--from-onnx", "m.onnx", "--dynamic"],
        ["--from-onnx", "m.onnx", "--trust"],
        ["m.pt", "--precision", "int4"],
        ["m.pt", "--weight-bits", "6"],
    ],
)
def test_wrong_usage(arguments):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)


def test_refused_before_anything_is_opened(tmp_path, capsys):
    source = constant_model(tmp_path / "m.onnx", OUTPUT)
    for arguments, message in (
        ([str(tmp_path / "missing.pt")], "existing .pt checkpoint"),
        ([str(tmp_path / "m.pt"), "--out", str(tmp_path / "m.bin")], "must end in .onnx"),
        (["--from-onnx", str(source)], "must not be the source itself"),
        (
            ["--from-onnx", str(source), "--out", "o.onnx", "--pictures", "nowhere"],
            "nowhere: must be a folder",
        ),
        (["--from-onnx", str(tmp_path / "none.onnx"), "--out", str(tmp_path / "o.onnx")], "readable file"),
        (["--from-onnx", str(source), "--out", str(tmp_path / "o.onnx"), "--size", "96"], "64x64 only"),
    ):
        assert main(arguments) == 5
        assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_an_unreadable_video_has_its_own_exit_code(tmp_path, capsys):
    source, video = constant_model(tmp_path / "m.onnx", OUTPUT), tmp_path / "v.mp4"
    video.write_bytes(b"no video")
    arguments = ["--from-onnx", str(source), "--out", str(tmp_path / "o.onnx"), "--pictures", str(video)]
    assert main(arguments) == 4
    assert "v.mp4" in capsys.readouterr().err


def test_a_model_that_names_other_files_is_not_read(tmp_path, capsys):
    source = external_data_model(tmp_path / "m.onnx")
    assert main(["--from-onnx", str(source), "--out", str(tmp_path / "o.onnx"), "--precision", "fp16"]) == 5
    assert "external data" in capsys.readouterr().err
    with pytest.raises(ModelError, match="external data"):
        export(source, job(tmp_path / "o.onnx", simplify=True))


@pytest.mark.parametrize(("text", "size"), [("640", (640, 640)), ("384x640", (384, 640))])
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """A folder of four frames of the street, on which the starter finds more than twenty objects."""
    import cv2

    folder = tmp_path_factory.mktemp("street")
    for number, picture in enumerate(frames.read(ROOT / "sample_videos" / "street.mp4", 4)):
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


def convert(street, out, *more):
    given = ["--from-onnx", str(STARTER), "--size", SMALL, "--pictures", str(street), "--out", str(out)]
    return main([*given, "--json", *more])


def test_starter_in_half_precision(street, tmp_path, capsys):
    out = tmp_path / "half.onnx"
    assert convert(street, out, "--precision", "fp16") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["bytes"] == out.stat().st_size < 0.52 * STARTER.stat().st_size
    assert report["parity"]["fp16"]["boxes"] > 20
    assert report["parity"]["fp16"]["score_difference"] < 0.002
    assert report["inputs"] == [{"name": "images", "type": "float", "shape": ["batch", 3, "height", "width"]}]
    assert OnnxDetector(out).supported == OnnxDetector(STARTER).supported


def test_starter_in_int8(street, tmp_path, capsys):
    import onnx

    out = tmp_path / "whole.onnx"
    assert convert(street, out, "--precision", "int8", "--calibrate", str(street)) == 0
    report = json.loads(capsys.readouterr().out)
    assert report.pop("out") == str(out)
    assert report == manifest.verify(out)
    assert report["bytes"] < 0.45 * STARTER.stat().st_size
    assert report["precision"] == "int8"
    assert report["stride"] == 32
    assert report["quantised"]["calibration_pictures"] == 4
    assert report["parity"]["int8"]["matched_50"] >= 0.95
    assert "/" not in report["quantised"]["calibrated_on"]
    assert str(tmp_path) not in (tmp_path / "whole.json").read_text()
    model = onnx.load(out)
    names = {node.name for node in onnx.load(STARTER).graph.node if node.op_type == "Conv"}
    fed = {name for node in model.graph.node if node.op_type == "DequantizeLinear" for name in node.output}
    floats = {node.name for node in model.graph.node if node.op_type == "Conv" and node.input[1] not in fed}
    assert floats == {name for name in names if name.startswith("/model.23/")}
    assert floats <= set(report["quantised"]["left_float32"])
    old = {entry.key: entry.value for entry in onnx.load(STARTER).metadata_props}
    new = {entry.key: entry.value for entry in model.metadata_props}
    assert {key: new[key] for key in ("names", "imgsz", "stride", "task", "batch")} == {
        key: old[key] for key in ("names", "imgsz", "stride", "task", "batch")
    }
    assert (
        OnnxDetector(out, classes=frozenset({"person", "car"})).supported == OnnxDetector(STARTER).supported
    )


def test_int8_with_its_head_is_refused(street, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(quantize, "head_nodes", lambda model: [])
    out = tmp_path / "out" / "broken.onnx"
    assert convert(street, out, "--precision", "int8", "--calibrate", str(street)) == 5
    message = capsys.readouterr().err
    assert "must find what fp32 finds" in message
    assert "matched_50 >= 0.95 (got 0.000)" in message
    assert not out.parent.exists()


def test_too_few_objects_to_judge(tmp_path, capsys):
    source, out = constant_model(tmp_path / "m.onnx", OUTPUT), tmp_path / "o.onnx"
    seen = tmp_path / "seen"
    seen.mkdir()
    (seen / "a.png").write_bytes((ROOT / "docs" / "report.png").read_bytes())
    arguments = [
        "--from-onnx",
        str(source),
        "--out",
        str(out),
        "--pictures",
        str(seen),
        "--precision",
        "fp16",
    ]
    assert main(arguments) == 5
    assert "at least 20 objects in the pictures (got 2 in 1)" in capsys.readouterr().err
    assert not out.exists()


def test_real_export(street, tmp_path, capsys):
    if find_spec("ultralytics") is None or not STARTER_PT.is_file():
        pytest.skip("needs the extra 'models' and the starter's checkpoint")
    out = tmp_path / "m.onnx"
    arguments = ["--out", str(out), "--size", "352", "--dynamic", "--json", "--pictures", str(street)]
    assert main([str(STARTER_PT), *arguments]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["sha256"] == manifest.verify(out)["sha256"]
    assert report["parity"]["checkpoint"]["boxes"] > 20
    assert report["simplified"]
    assert report["source_sha256"] == report["checkpoint_sha256"]
