"""What the export refuses, and that it writes nothing unless both networks agree."""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from edge.detect import OnnxDetector
from edge.errors import ModelError
from models import export_onnx
from models.export_onnx import (
    UltralyticsCheckpoint,
    check_trust,
    compare,
    export,
    load_pictures,
    main,
    parse_size,
)
from tests.onnx_factory import constant_model, raw_output

OUTPUT = raw_output([(32, 32, 20, 10, 2, 0.9), (10, 20, 6, 18, 0, 0.6)], 6, 84)
STARTER = Path("/work/shared/starter/starter.pt")


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


def test_an_equal_export_is_written(tmp_path):
    out = tmp_path / "new" / "folder" / "m.onnx"
    parity = export(FakeCheckpoint(), out, (64, 64), dynamic=False, pictures=None)
    assert parity.good
    assert parity.boxes == 2 * parity.pictures
    assert OnnxDetector(out).input_hw == (64, 64)


@pytest.mark.parametrize(
    ("score_shift", "box_shift", "good"),
    [(0.009, 0.9, True), (0.011, 0, False), (0, 1.1, False), (-0.02, 0, False)],
)
def test_beyond_the_limits_nothing_is_written(tmp_path, score_shift, box_shift, good):
    out = tmp_path / "m.onnx"
    out.write_bytes(b"older")
    if good:
        export(FakeCheckpoint(score_shift, box_shift), out, (64, 64), dynamic=False, pictures=None)
    else:
        with pytest.raises(ModelError, match="must equal its checkpoint"):
            export(FakeCheckpoint(score_shift, box_shift), out, (64, 64), dynamic=False, pictures=None)
    assert (out.read_bytes() == b"older") is not good


def test_boxes_that_are_never_used_do_not_count():
    moved = OUTPUT[0].copy()
    moved[:4, 10:] += 500
    assert compare(OUTPUT[0], moved) == (2, 0.0, 0.0)


def test_outputs_must_be_comparable():
    with pytest.raises(ModelError, match="one shape"):
        compare(OUTPUT[0], OUTPUT[0][:, :5])
    broken = OUTPUT[0].copy()
    broken[0, 0] = np.nan
    with pytest.raises(ModelError, match="finite"):
        compare(OUTPUT[0], broken)


def test_an_unknown_checkpoint_is_not_opened(tmp_path, capsys):
    checkpoint = tmp_path / "other.pt"
    checkpoint.write_bytes(b"cos\nsystem\n(S'touch /tmp/opened'\ntR.")
    assert main([str(checkpoint)]) == 5
    message = capsys.readouterr().err
    assert hashlib.sha256(checkpoint.read_bytes()).hexdigest() in message
    assert "--trust" in message
    assert check_trust(checkpoint, trust=True)


def test_wrong_arguments(tmp_path, capsys):
    assert main([str(tmp_path / "missing.pt")]) == 5
    assert "existing .pt checkpoint" in capsys.readouterr().err
    assert main([str(tmp_path / "m.pt"), "--out", str(tmp_path / "m.bin")]) == 5
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "m.pt"), "--size", "100"])


@pytest.mark.parametrize(("text", "size"), [("640", (640, 640)), ("384x640", (384, 640))])
def test_sizes(text, size):
    assert parse_size(text) == size


def test_pictures(tmp_path):
    first, second = load_pictures(None, (64, 96)), load_pictures(None, (64, 96))
    assert {picture.shape for picture in first} == {(64, 96, 3)}
    np.testing.assert_array_equal(first[-1], second[-1])
    with pytest.raises(ModelError, match="must hold"):
        load_pictures(tmp_path, (64, 96))


def test_missing_extra_is_explained(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    with pytest.raises(ModelError, match=r"pip install 'parvis\[models\]'"):
        UltralyticsCheckpoint(tmp_path / "m.pt")


def test_the_registered_checkpoint_is_the_starter():
    if not STARTER.is_file():
        pytest.skip(f"{STARTER} is absent")
    assert check_trust(STARTER, trust=False) in export_onnx.KNOWN


def test_real_export(tmp_path, capsys):
    if find_spec("ultralytics") is None or not STARTER.is_file():
        pytest.skip("needs the extra 'models' and the starter's checkpoint")
    out = tmp_path / "m.onnx"
    assert main([str(STARTER), "--out", str(out), "--size", "352", "--dynamic", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert report["boxes"] > 20
