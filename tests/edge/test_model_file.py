"""Models that must not be loaded, or cannot be used, are refused in one paragraph that says how to mend it."""

from __future__ import annotations

import re

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import model_file
from edge.detect import OnnxDetector
from edge.errors import ModelError
from tests.onnx_factory import constant_model, external_data_model, foreign_operator_model, raw_output

CAR_AND_PERSON = raw_output([(32, 32, 20, 10, 2, 0.9), (10, 20, 6, 18, 0, 0.6)], 6, 84)


def refused(path, match, **options):
    """The message of the ModelError, checked to be one paragraph that names the file."""
    with pytest.raises(ModelError) as caught:
        OnnxDetector(path, **options)
    message = str(caught.value)
    assert message.startswith(f"model {path}: ")
    assert "\n" not in message
    assert re.search(match, message), message


def test_missing_file(tmp_path):
    refused(tmp_path / "no.onnx", "readable file .No such file.*check model.path")
    (tmp_path / "dir.onnx").mkdir()
    refused(tmp_path / "dir.onnx", "readable file")


def test_checkpoint(tmp_path):
    (tmp_path / "best.pt").write_bytes(b"PK")
    refused(tmp_path / "best.pt", r"must be an \.onnx file; convert .* models.export_onnx")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + bytes(100), b"\xff" * 50, b"\x3a\x7f"])
def test_not_onnx(tmp_path, content):
    (tmp_path / "m.onnx").write_bytes(content)
    refused(tmp_path / "m.onnx", "is not an ONNX model")


def test_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(model_file, "MAX_BYTES", 1000)
    refused(constant_model(tmp_path / "m.onnx", CAR_AND_PERSON), "100 MB at most")


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "/etc/passwd"])
@pytest.mark.parametrize("attribute", [False, True])
def test_external_data(tmp_path, monkeypatch, location, attribute):
    monkeypatch.chdir(tmp_path)
    path = external_data_model(tmp_path / "m.onnx", location=location, attribute=attribute)
    refused(path, "keeps weights in another file")


@pytest.mark.parametrize("nested", [False, True])
def test_foreign_operators(tmp_path, nested):
    path = foreign_operator_model(tmp_path / "m.onnx", nested=nested)
    refused(path, "foreign domain 'evil.example'")


def test_graph_that_does_not_load(tmp_path):
    path = constant_model(tmp_path / "m.onnx", CAR_AND_PERSON)
    model = onnx.load(path)
    model.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(model, path)
    refused(path, "onnxruntime must be able to load it")


def test_no_names(tmp_path):
    refused(constant_model(tmp_path / "m.onnx", CAR_AND_PERSON, names=None), "names: coco")
    bad = "__import__('os').system('true')"
    refused(constant_model(tmp_path / "m.onnx", CAR_AND_PERSON, names=bad), "names: coco")
    refused(constant_model(tmp_path / "m.onnx", CAR_AND_PERSON), "names must be", names=[1, 2])


def test_unknown_output_shape_is_stated(tmp_path):
    path = constant_model(tmp_path / "m.onnx", np.zeros((1, 9, 84)), declared=("b", "c", "n"))
    refused(path, r"\[1, 10, N\], \[1, N, 6\] or \[1, N, 11\].*got \[1, 9, 84\]")
    refused(constant_model(tmp_path / "v5.onnx", np.zeros((1, 252, 11))), r"got \[1, 252, 11\]")


def test_class_that_the_model_lacks(tmp_path):
    path = constant_model(tmp_path / "m.onnx", raw_output([], 2, 84), names={0: "person", 1: "car"})
    refused(path, "bus, truck is missing, it has person, car", classes=frozenset({"bus", "truck", "car"}))
    tree = constant_model(tmp_path / "t.onnx", raw_output([], 1, 84), names={0: "tree"})
    refused(tree, "any is missing, it has none of person")


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (8, 3, 64, 64), (1, 64, 64, 3)])
def test_wrong_input(tmp_path, shape):
    path = constant_model(tmp_path / "m.onnx", CAR_AND_PERSON, input_shape=shape)
    refused(path, r"one float32 input \[1, 3, height, width\]")


def test_half_precision_input(tmp_path):
    path = constant_model(tmp_path / "m.onnx", CAR_AND_PERSON, input_type=onnx.TensorProto.FLOAT16)
    refused(path, "float16")


@pytest.mark.parametrize("size", [0, 16, 5000, (640, 8)])
def test_wrong_size(tmp_path, size):
    path = constant_model(tmp_path / "m.onnx", CAR_AND_PERSON, input_shape=(1, 3, "h", "w"))
    refused(path, "input_size must be within", input_size=size)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 60))
def test_damaged_files_are_refused_or_harmless_but_never_crash_the_check(damaged_source, seed, edits):
    rng = np.random.default_rng(seed)
    data = bytearray(damaged_source)
    for place in rng.integers(0, len(data), edits):
        data[place] = rng.integers(0, 256)
    verdict = model_file.fault(bytes(data[: rng.integers(1, len(data) + 1)]))
    assert verdict is None or isinstance(verdict, str)


@pytest.fixture(scope="session")
def damaged_source(tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "m.onnx"
    return constant_model(path, raw_output([(9, 9, 4, 4, 0, 0.5)], 6, 21)).read_bytes()
