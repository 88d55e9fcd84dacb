"""The box and the baseline on scripted walks, the cache of the network's answers, and the command as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bench.counts import baseline, cases, cli, detections, ours, tracking
from bench.counts.counted import totals
from bench.counts.detections import Model, Sight
from bench.counts.parking_pictures import labelled
from bench.counts.series import windows
from bench.counts.truth import Boxes
from edge.config import BoxConfig
from edge.detect import OnnxDetector
from edge.records import Detections
from edge.video_file import VideoFile
from tests.edge.media import video
from tests.edge.scene import Motion, frames_of, stand, walk
from tests.fakes import detections as boxes_of
from tests.onnx_factory import SIX, constant_model, raw_output, yolox_output

WH = (640, 360)
END, RATE = 20.0, 5.0
MIDDLE = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]  # x 160..480, y 90..270 pixels


def box(**camera: Any) -> BoxConfig:
    given = {"id": "c", "source": "x", "zones": [{"id": "zone", "kind": "area", "polygon": MIDDLE}], **camera}
    return BoxConfig.model_validate({"device": "d", "interval_s": 10, "cameras": [given]})


def sights(*motions: Motion, **looks: Any) -> list[Sight]:
    return [Sight(at, WH, frames_of(motions, at, **looks)) for at in np.arange(0, END, 1 / RATE).tolist()]


@pytest.mark.parametrize(
    ("way", "steps"),
    [((1, 0), (320, 100, 320, 260)), ((0, 1), (320, 260, 320, 100))],
)
@pytest.mark.parametrize("recipe", [baseline.DEFAULT, baseline.tuned(RATE)])
def test_box_and_baseline_call_the_same_way_in(
    way: tuple[int, int], steps: tuple[float, float, float, float], recipe: baseline.Recipe
) -> None:
    config = box(lines=[{"id": "line", "points": [[0.25, 0.5], [0.75, 0.5]]}])
    seen, spans = sights(walk(*steps, 1, 15)), windows(END)
    own = ours.count(config, seen, spans)
    theirs = baseline.count(cases.layout_of(config, WH), seen, RATE, spans, recipe)["tracks"]
    assert totals(own.crossings["line", "person"]) == way
    assert totals(theirs.crossings["line", "person"]) == way


def test_both_count_who_stands_and_who_walks_in() -> None:
    config, spans = box(), windows(END)
    seen = sights(stand(300, 200), walk(40, 180, 400, 180, 0, 12), stand(400, 180, 12))
    own = ours.count(config, seen, spans)
    theirs = baseline.count(cases.layout_of(config, WH), seen, RATE, spans)
    entered = 4.0  # at x = 160, a third of the way
    true = [1 + (10 - entered) / 10, 2.0]
    for counted in (own, theirs["tracks"], theirs["detections"]):
        assert counted.occupancy["zone", "person"] == pytest.approx(true, abs=0.1)
    for counted in (own, theirs["tracks"]):
        assert counted.changes["zone", "person"] == [(1, 0), (0, 0)]


def test_weak_detections_are_nobody_to_the_baseline() -> None:
    weak = [
        Sight(
            s.at,
            s.wh,
            Detections(s.detections.xyxy, s.detections.confidence * 0 + 0.2, s.detections.class_id),
        )
        for s in sights(stand(300, 200))
    ]
    theirs = baseline.count(cases.layout_of(box(), WH), weak, RATE, windows(END))
    assert theirs["detections"].occupancy["zone", "person"] == [0, 0]


def test_bays_of_both() -> None:
    zone = {
        "id": "lot",
        "kind": "parking",
        "bays": {"b1": MIDDLE, "b2": [[0, 0.8], [0.2, 0.8], [0.2, 1], [0, 1]]},
    }
    config, spans = box(zones=[zone]), windows(END)
    seen = sights(stand(320, 270, start=8), height=180, name="car")
    seen = [
        Sight(s.at, WH, boxes_of((160, 90, 480, 270), name="car") if len(s.detections) else s.detections)
        for s in seen
    ]
    own = ours.count(config, seen, spans)
    theirs = baseline.count(cases.layout_of(config, WH), seen, RATE, spans)["detections"]
    for counted in (own, theirs):
        (span,) = counted.bays["lot"]["b1"]
        assert span == pytest.approx((8.0, END), abs=0.25)
        assert counted.bays["lot"]["b2"] == []
        assert counted.changes["lot", "vehicle"] == [(1, 0), (0, 0)]
        assert counted.occupancy["lot", "vehicle"] == pytest.approx([0.2, 1.0], abs=0.03)


def test_a_bay_is_taken_while_it_holds_the_centre_of_a_vehicle() -> None:
    bays = {"b1": np.array([[0, 0], [50, 0], [50, 50], [0, 50]], float)}
    assert baseline.taken_bays(bays, boxes_of((20, 20, 60, 60), name="truck"))["b1"]
    assert not baseline.taken_bays(bays, boxes_of((40, 40, 80, 80), name="car"))["b1"]
    assert not baseline.taken_bays(bays, boxes_of((20, 20, 60, 60), name="person"))["b1"]
    assert not baseline.taken_bays(bays, boxes_of((20, 20, 60, 60), name="car", confidence=0.2))["b1"]


def test_scores_of_perfect_and_of_swapped_tracks() -> None:
    here = np.array([[0, 0, 10, 10], [50, 0, 60, 10]], float)
    true = [{"person": Boxes(np.array([1, 2]), here)} for _ in range(10)]
    swapped = [{"person": Boxes(np.array([7, 8] if k < 5 else [8, 7]), here)} for k in range(10)]
    perfect = tracking.figures([(true, [{"person": Boxes(np.array([30, 20]), here)} for _ in range(10)])])
    assert perfect == {"HOTA": 1.0, "IDF1": 1.0, "MOTA": 1.0, "switches": 0}
    mixed = tracking.figures([(true, swapped)])
    assert mixed["IDF1"] == pytest.approx(0.5)
    assert mixed["MOTA"] == pytest.approx(0.9)


def test_slower_rates_take_the_frames_that_a_video_would_give(tmp_path: Path) -> None:
    clip = video(tmp_path / "clip.mp4", 24, fps=6)
    full = [Sight(frame.at, WH, Detections.empty()) for frame in VideoFile(clip)]
    for rate in (5.0, 2.5, 2.0):
        assert [s.at for s in detections.at_rate(full, rate)] == [f.at for f in VideoFile(clip, rate=rate)]
    assert detections.at_rate(full, None) == full


def answers(kind: str) -> np.ndarray:
    if kind == "raw":
        return raw_output([(32, 32, 10, 20, 0, 0.9), (10, 40, 6, 9, 2, 0.12), (50, 9, 6, 9, 1, 0.05)], 6, 84)
    return yolox_output([(32, 32, 10, 20, 0, 0.9, 0.9), (12, 40, 8, 8, 2, 0.9, 0.2)], 6, (64, 64))


@pytest.mark.parametrize("kind", ["raw", "yolox"])
def test_cache_gives_what_the_detector_gives_without_the_network(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = video(tmp_path / "clip.mp4", 5)
    model = Model(constant_model(tmp_path / "tiny.onnx", answers(kind)), 64)
    detector = model.open()
    expected = [detector.detect(frame.image) for frame in VideoFile(clip)]
    first = detections.of_video("clip", clip, model, tmp_path / "cache")
    monkeypatch.setattr("bench.counts.detections._ask", None)
    again = detections.of_video("clip", clip, model, tmp_path / "cache")
    for want, *got in zip(expected, first, again, strict=True):
        for sight in got:
            assert np.array_equal(sight.detections.xyxy, want.xyxy)
            assert np.array_equal(sight.detections.confidence, want.confidence)
            assert np.array_equal(sight.detections.class_id, want.class_id)
    assert len(expected[0]) == 2
    assert [sight.at for sight in again] == [frame.at for frame in VideoFile(clip)]


def test_cache_knows_another_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = video(tmp_path / "clip.mp4", 3)
    path = constant_model(tmp_path / "tiny.onnx", answers("raw"))
    assert len(detections.of_video("clip", clip, Model(path, 64), tmp_path)[0].detections) == 2
    constant_model(path, raw_output([], 6, 84))
    assert len(detections.of_video("clip", clip, Model(path, 64), tmp_path)[0].detections) == 0


def test_labels_of_parking_pictures(tmp_path: Path) -> None:
    label = tmp_path / "lot.txt"
    label.write_text("1 0.5 0.5 0.2 0.4\n\n0 0.1 0.1 0.2 0.2 0.2 0.1 0.1 0.2\n")
    states, config = labelled(label)
    assert states == {"b1": True, "b3": False}
    bays = config.cameras[0].zones[0].bays
    assert np.array(bays["b1"]) == pytest.approx(np.array([[0.4, 0.3], [0.6, 0.3], [0.6, 0.7], [0.4, 0.7]]))
    assert len(bays["b3"]) == 4, "an outline that crosses itself becomes its hull"
    label.write_text("1 0.5 0.5 0.2\n")
    with pytest.raises(ValueError, match="a bay must be 'class x y w h' or a polygon"):
        labelled(label)


def scene(folder: Path) -> list[str]:
    """A rendered scene in small: twelve seconds of one person standing in the zone, and the options to measure it."""
    video(folder / "tiny.mp4", 48, fps=4, wh=(64, 64))
    whole = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]
    config = {
        "device": "d", "model": {"path": "tiny.onnx"}, "interval_s": 60,
        "cameras": [{"id": "c", "source": "tiny.mp4", "zones": [{"id": "zone", "kind": "area", "polygon": whole}],
                     "lines": [{"id": "line", "points": [[0.1, 0.2], [0.9, 0.2]]}]}],
    }  # fmt: skip
    (folder / "tiny.yaml").write_text(yaml.safe_dump(config))
    none = {"entries": 0, "exits": 0, "peak": 1, "mean": 1.0}
    row = [1, 27.0, 22.0, 37.0, 42.0, 0.0, 10.0, 1.0]
    truth = {
        "scene": "tiny", "fps": 4.0, "frames": 48, "width": 64, "height": 64,
        "camera": {"position": [0, 0, 1.0], "target": [0, 10.0, 1.0], "focal_px": 600.0},
        "objects": [{"id": 1, "class": "person"}], "track": [[row]] * 48, "bays": {},
        "zones": {"zone": {"person": none}}, "lines": {"line": {"person": {"in": 0, "out": 0}}},
    }  # fmt: skip
    (folder / "tiny.truth.json").write_text(json.dumps(truth))
    constant_model(folder / "tiny.onnx", raw_output([(32, 32, 10, 20, 0, 0.9)], 6, 84), names=SIX)
    words = ["--set", "scenes", "--scenes", str(folder), "--model", str(folder / "tiny.onnx"), "--size", "64"]
    return [*words, "--cache", str(folder / "cache"), "--samples", "20", "--rate", "2"]


def test_command_measures_a_scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([*scene(tmp_path), "--json", "--out", str(tmp_path / "out")])
    said = capsys.readouterr()
    document = json.loads(said.out.splitlines()[-1])
    assert len(said.out.splitlines()) == 1
    (run,) = document["runs"]
    (zone,) = run["videos"][0]["zones"]
    assert run["rate"] == 2.0
    assert zone["true_windows"] == zone["occupancy"]["ours"]["windows"] == [1.0, 1.0]
    assert zone["occupancy"]["detections"]["error"] == 0.0
    assert run["tracking"]["ours"]["MOTA"] > 0.9
    assert all(verdict["met"] for verdict in document["verdicts"])
    assert "6 of 6 goals met" in said.err
    pictures = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert pictures == ["scenes-tiny-tiny-64-2fps.png", "summary.png"]
    assert json.loads((tmp_path / "out" / "counts.json").read_text())["runs"] == document["runs"]


def test_command_measures_the_box_alone_and_prints_markdown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.counts.baseline.count", None)
    cli.main([*scene(tmp_path), "--markdown", "--no-baseline"])
    assert "| scenes | tiny@64 | 2 | 0.00 / - of 1.0 |" in capsys.readouterr().out


def test_missing_data_are_said_and_nothing_else_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["--set", "tud", "--set", "parking", "--shared", str(tmp_path)])
    assert "nothing to measure" in str(stop.value.code)
    assert capsys.readouterr().err.count("it is no part of the project") == 2


def test_a_broken_model_is_said_plainly(tmp_path: Path) -> None:
    words = scene(tmp_path)
    (tmp_path / "tiny.onnx").write_bytes(b"no model")
    with pytest.raises(SystemExit, match=r"bench.counts: model .*tiny.onnx"):
        cli.main(words)


def test_detectors_are_opened_like_a_replays(tmp_path: Path) -> None:
    detector = Model(constant_model(tmp_path / "tiny.onnx", answers("raw")), 64).open()
    assert isinstance(detector, OnnxDetector)
    assert len(detector.detect(np.zeros((64, 64, 3), np.uint8))) == 2, "weak detections come out as well"
