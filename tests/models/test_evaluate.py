"""The whole command on pictures made here, and the card that it writes."""

from __future__ import annotations

import json
import types

import cv2
import numpy as np
import pytest

from edge.errors import ModelError
from models import card, evaluate, speed, truths
from models.card import BEGIN, END, NONE
from models.curves import draw
from tests.onnx_factory import constant_model, raw_output

LINES = ["0 0.5 0.5 0.25 0.5", "2 0.125 0.25 0.125 0.25"]  # the person is found, the car is not
CARD = f"# A card\n\nkept above\n\n{BEGIN}\nold\n{END}\n\nkept below\n"


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Two models that answer alike but for a score, pictures that they suit, and no other data."""
    rng = np.random.default_rng(0)
    for number in range(12):
        for sub in ("images", "labels"):
            (tmp_path / "stills" / sub).mkdir(parents=True, exist_ok=True)
        picture = rng.integers(0, 255, (64, 64, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "stills" / "images" / f"p{number}.png"), picture)
        lines = LINES if number < 8 else LINES[:1]
        (tmp_path / "stills" / "labels" / f"p{number}.txt").write_text("\n".join(lines))
    found = (32, 32, 16, 32, 0, 0.9)
    wrong = (50, 50, 10, 10, 0, 0.95)
    paths = {
        name: constant_model(tmp_path / f"{name}.onnx", raw_output(rows, 6, 84))
        for name, rows in {"good": [found], "yolo11n": [found, wrong]}.items()
    }
    monkeypatch.setattr(truths, "people", lambda shared, thin: [])
    monkeypatch.setattr(truths, "rendered", lambda folder, thin: [])
    monkeypatch.setattr(truths, "by_hand", lambda shared, thin: [])
    monkeypatch.setattr(speed, "frames", lambda video: [np.zeros((64, 64, 3), np.uint8)] * 3)
    (tmp_path / "card.md").write_text(CARD)
    words = [
        *("--model", str(paths["good"]), "--model", str(paths["yolo11n"]), "--stills", str(tmp_path / "stills")),
        *("--cache", str(tmp_path / "cache"), "--no-counts", "--samples", "50"),
    ]  # fmt: skip
    return types.SimpleNamespace(folder=tmp_path, words=words, card=tmp_path / "card.md")


def test_results_are_the_last_line_and_the_rest_is_on_stderr(world, capsys):
    assert evaluate.main([*world.words, "--json"]) == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    good = document["figures"]["stills"]["good@64"]
    assert good["person"]["ap50"]["value"] == 1.0
    assert good["car"]["ap50"]["value"] == 0.0
    assert "bus" not in good
    half = document["figures"]["stills"]["yolo11n@64"]["person"]["ap50"]
    assert half == {"value": 0.5, "interval": [0.5, 0.5]}
    moved = document["differences"]["stills"]["good@64"]["person"]["ap50"]
    assert moved == {"value": 0.5, "interval": [0.5, 0.5]}
    (described,) = document["sets"]
    assert described["boxes"]["person"] == 12
    assert described["boxes"]["car"] == 8
    assert "stills: AP50" in said.err


def test_without_samples_there_are_no_intervals(world, capsys):
    assert evaluate.main([*world.words, "--samples", "0"]) == 0
    assert "[" not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        evaluate.main([*world.words, "--samples", "-1"])
    assert "from 0 (got -1)" in capsys.readouterr().err


def test_the_table_is_on_stdout(world, capsys):
    assert evaluate.main(world.words) == 0
    out = capsys.readouterr().out
    assert "person        12     1.000 / 1.000 / 1.000  .500 / .500 / 1.000" in out
    assert str(world.folder) not in out


def test_a_card_is_rewritten_between_its_markers_and_twice_the_same(world):
    assert evaluate.main([*world.words, "--card", str(world.card)]) == 0
    first = world.card.read_text()
    before, after = CARD.split(f"{BEGIN}\nold\n{END}")
    assert first.startswith(before + BEGIN)
    assert first.endswith(END + after)
    assert "old" not in first
    assert "| person | 12 | 1.000 / 1.000 / 1.000 | .500 / .500 / 1.000 |" in first
    assert str(world.folder) not in first
    assert evaluate.main([*world.words, "--card", str(world.card)]) == 0
    assert world.card.read_text() == first


def test_answers_are_kept(world, monkeypatch):
    assert evaluate.main(world.words) == 0
    kept = {path.name for path in (world.folder / "cache").iterdir()}
    assert len([name for name in kept if name.endswith(".npz")]) == 2

    def never(*args):
        raise AssertionError("asked again")

    monkeypatch.setattr("bench.counts.detections._ask", never)
    monkeypatch.setattr(speed, "interleaved", never)
    assert evaluate.main(world.words) == 0
    with pytest.raises(AssertionError, match="asked again"):
        evaluate.main([*world.words, "--time-again"])


@pytest.mark.parametrize(
    "text", ["no markers", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}", f"{BEGIN}{BEGIN}{END}"]
)
def test_a_card_without_its_markers_is_left_alone(world, capsys, text):
    world.card.write_text(text)
    assert evaluate.main([*world.words, "--card", str(world.card)]) == 5
    assert "once each" in capsys.readouterr().err
    assert world.card.read_text() == text
    assert not (world.folder / "cache").exists(), "found before anything was measured"


def test_a_card_never_holds_half_measurements(world, capsys):
    with pytest.raises(SystemExit) as stopped:
        evaluate.main([*world.words, "--card", str(world.card), "--quick"])
    assert stopped.value.code == 2
    assert "leave one of the two out" in capsys.readouterr().err
    assert world.card.read_text() == CARD


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--model", "missing.onnx"], 5, "readable file"),
        (["--card", "missing.md"], 5, "check --card"),
    ],
)
def test_mistakes_are_explained(world, capsys, words, code, message):
    assert evaluate.main([*world.words, *words]) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--stills", "missing"], "must hold images"), ([], "every set of pictures is absent")],
)
def test_without_pictures_nothing_is_measured(world, capsys, words, message):
    with pytest.raises(SystemExit) as stopped:
        evaluate.main(["--model", world.words[1], *words])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_curves_are_pictures(world):
    assert evaluate.main([*world.words, "--out", str(world.folder / "out")]) == 0
    names = {"evaluate.json", "precision-recall-64.png", "recall-by-size-64.png", "ap50.png"}
    assert {path.name for path in (world.folder / "out").iterdir()} == names
    picture = cv2.imread(str(world.folder / "out" / "precision-recall-64.png"))
    blue = (np.abs(picture.astype(int) - (0xB2, 0x72, 0x00)).sum(axis=2) < 60).sum()
    orange = (np.abs(picture.astype(int) - (0x00, 0x5E, 0xD5)).sum(axis=2) < 60).sum()
    assert blue > 50, "the first model's curve"
    assert orange > 50, "the second model's curve"


def test_no_curves_of_nothing(tmp_path):
    assert draw(tmp_path, {"columns": [], "sets": []}, {}) == []


@pytest.mark.parametrize(
    ("value", "signed", "expected"),
    [(0.9123, False, ".912"), (1.0, False, "1.000"), (0.9996, False, "1.000"), (-0.0001, True, "+.000"),
     (-0.0321, True, "-.032"), (0.5, True, "+.500"), (None, False, NONE), (-1.0, True, "-1.000")],
)  # fmt: skip
def test_numbers(value, signed, expected):
    assert card.number(value, signed=signed) == expected


def test_count_errors_and_missing_ones():
    document = {
        "columns": [{"key": "a@1", "reference": None}, {"key": "b@1", "reference": None}],
        "sets": [],
        "figures": {},
        "differences": {},
        "counts": [
            {"set": "pets", "rate": 2.5, "true": 8.31, "models": {
                "a@1": {"error": 0.5, "ratio": 0.9, "ratio_interval": (0.8, 1.05)}}}
        ],
        "speed": {},
    }  # fmt: skip
    (table,) = card.tables(document)
    assert table.rows == (("PETS09-S2L1", "2.5", "8.3", "0.50, 0.90 [0.80, 1.05]", NONE),)


def test_a_card_that_is_no_text(tmp_path):
    (tmp_path / "card.md").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match="readable text"):
        card.split(tmp_path / "card.md")
