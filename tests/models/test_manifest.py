"""The three files of a model speak of one another, and of no machine."""

from __future__ import annotations

import json
import subprocess

import onnx
import pytest

from edge.errors import ModelError
from models import manifest
from tests.onnx_factory import constant_model, raw_output

METADATA = {
    "stride": "32",
    "imgsz": "[64, 96]",
    "task": "detect",
    "batch": "1",
    "description": "Ultralytics YOLO11n model trained on /home/somebody/data.yaml",
}


@pytest.fixture
def model(tmp_path):
    path = constant_model(tmp_path / "source.onnx", raw_output([], 6, 84), metadata=METADATA)
    return onnx.load(path)


def test_what_is_written_fits(tmp_path, model):
    out = tmp_path / "sub" / "m.onnx"
    made = manifest.write(out, model, {"note": [1, 2]})
    assert manifest.verify(out) == json.loads(json.dumps(made))
    assert made["bytes"] == out.stat().st_size
    assert made["inputs"] == [{"name": "images", "type": "float", "shape": [1, 3, 64, 64]}]
    assert made["outputs"] == [{"name": "output0", "type": "float", "shape": [1, 10, 84]}]
    assert (made["imgsz"], made["stride"], made["task"], made["opset"]) == ([64, 96], 32, "detect", 17)
    assert made["names"][3] == "motorcycle"
    assert set(made["versions"]) >= {"onnx", "onnxruntime", "numpy"}
    assert {path.name for path in out.parent.iterdir()} == {"m.onnx", "m.json", "m.sha256"}


def test_the_checksum_is_one_that_sha256sum_reads(tmp_path, model):
    manifest.write(tmp_path / "m.onnx", model, {})
    done = subprocess.run(["sha256sum", "-c", "m.sha256"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0


def test_short_lists_stand_on_one_line(tmp_path, model):
    manifest.write(tmp_path / "m.onnx", model, {"odd": ["a, b", "c"], "none": []})
    text = (tmp_path / "m.json").read_text()
    assert '"shape": [1, 3, 64, 64]' in text
    assert json.loads(text)["odd"] == ["a, b", "c"]


@pytest.mark.parametrize("name", ["m.onnx", "m.json", "m.sha256"])
def test_a_change_is_noticed(tmp_path, model, name):
    manifest.write(tmp_path / "m.onnx", model, {})
    manifest.write(tmp_path / "other.onnx", onnx.load(tmp_path / "source.onnx"), {"other": True})
    manifest.annotate(model, model, {"precision": "fp16"})
    manifest.write(tmp_path / "new.onnx", model, {})
    (tmp_path / name).write_bytes((tmp_path / name.replace("m.", "new.", 1)).read_bytes())
    with pytest.raises(ModelError, match="must state its name"):
        manifest.verify(tmp_path / "m.onnx")


@pytest.mark.parametrize("name", ["m.onnx", "m.json", "m.sha256"])
def test_a_missing_file_is_noticed(tmp_path, model, name):
    manifest.write(tmp_path / "m.onnx", model, {})
    (tmp_path / name).unlink()
    with pytest.raises(ModelError, match="must lie beside it"):
        manifest.verify(tmp_path / "m.onnx")


def test_metadata_are_kept_without_the_machine(model):
    made = onnx.ModelProto()
    manifest.annotate(made, model, {"precision": "int8", "source_sha256": "ab"})
    found = {entry.key: entry.value for entry in made.metadata_props}
    assert {key: found[key] for key in ("stride", "imgsz", "task", "batch")} == {
        key: METADATA[key] for key in ("stride", "imgsz", "task", "batch")
    }
    assert found["description"] == "Ultralytics YOLO11n model"
    assert (found["parvis.precision"], found["parvis.source_sha256"]) == ("int8", "ab")
    assert "person" in found["names"]
    manifest.annotate(made, made, {"precision": "fp32"})
    assert {e.key: e.value for e in made.metadata_props}["parvis.precision"] == "fp32"


def test_a_folder_that_cannot_be_written(tmp_path, model):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="must be writable"):
        manifest.write(tmp_path / "file" / "m.onnx", model, {})
