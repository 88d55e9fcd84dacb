"""What differs between two configurations over one video: the pure difference, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.batch import parse_record
from contract.messages import (
    Body,
    ConfigBody,
    GridBody,
    LineBody,
    LineCounts,
    ParkingBody,
    ZoneBody,
    ZoneCounts,
)
from edge.compare import Comparison, PlaceDiff, compare
from edge.compare_cli import OncePerFrame
from edge.totals import totals
from tests.edge import media
from tests.edge.lint_world import box_of, line, zone
from tests.edge.scene import START, config
from tests.fakes import ScriptedDetector, detections
from tests.front_door import box_file, parvis

COMMON: dict[str, Any] = {"camera": "cam", "interval_s": 60, "time_quality": "synced"}
LAWN = zone("lawn", *box_of(0.2, 0.2, 0.8, 0.8))
P1 = zone("p1", kind="parking", bays={"b1": box_of(0.1, 0.1, 0.2, 0.2)}, classes=("car",))
GATE = line("gate", (0.1, 0.5), (0.9, 0.5))


def setup(*parts: Any, interval_s: Any = 60) -> ConfigBody:
    zones = tuple(part for part in parts if hasattr(part, "polygon"))
    lines = tuple(part for part in parts if not hasattr(part, "polygon"))
    return config(interval_s=interval_s).model_copy(update={"zones": zones, "lines": lines})


def at(minute: int) -> Any:
    return START.replace(minute=minute)


def people(object_s: float = 0.0, peak: int = 0, entries: int = 0, exits: int = 0) -> ZoneCounts:
    return ZoneCounts(
        object_s=object_s, peak=peak, entries=entries, exits=exits, dwell=(0,) * 8, dwell_censored=0
    )


def lawn(minute: int, counts: dict[str, ZoneCounts], version: str = "a" * 16, **other: Any) -> ZoneBody:
    return ZoneBody(
        **{**COMMON, "start": at(minute), "observed_s": 60.0, "peak_vehicle": 0, **other},
        zone="lawn",
        zone_version=version,
        counts=counts,
    )


def gate(minute: int, in_: int, out: int) -> LineBody:
    counts = {"person": LineCounts(in_=in_, out=out)} if in_ or out else {}
    return LineBody(**COMMON, start=at(minute), observed_s=60.0, line="gate", counts=counts)


def p1(minute: int, occupied: float, arrivals: int) -> ParkingBody:
    return ParkingBody(
        **COMMON, start=at(minute), observed_s=60.0, zone="p1", zone_version="b" * 16, bay_mode="drawn", bays=1,
        occupied_bay_s=occupied, observed_bay_s=60.0, peak=1, arrivals=arrivals, departures=0, stay=(0,) * 8,
        stay_censored=0,
    )  # fmt: skip


def place(result: Comparison, name: str) -> PlaceDiff:
    (found,) = [item for item in result.places if item.place == name]
    return found


def test_the_same_records_are_identical() -> None:
    run: list[Body] = [setup(LAWN, GATE), lawn(0, {"person": people(30, 2, 1, 1)}), gate(0, 1, 0)]
    result = compare(run, run)
    assert result.identical
    assert result.records == ()
    assert [(item.kind, item.place, item.intervals, item.differing) for item in result.places] == [
        ("zone", "lawn", 1, 0),
        ("line", "gate", 1, 0),
    ]


def test_fields_that_differ_by_place_interval_and_class() -> None:
    a: list[Body] = [
        setup(LAWN, GATE),
        lawn(0, {"person": people(30, 2, 1, 1)}), gate(0, 1, 0),
        lawn(1, {"person": people(60, 1, 0, 0)}), gate(1, 0, 0),
    ]  # fmt: skip
    b: list[Body] = [
        setup(LAWN, GATE),
        lawn(0, {"person": people(30, 2, 1, 1)}), gate(0, 1, 2),
        lawn(1, {"person": people(90, 2, 0, 0), "bicycle": people(3, 1, 1)}), gate(1, 0, 0),
    ]  # fmt: skip
    result = compare(a, b)
    assert not result.identical
    assert [(item.place, item.start, item.fields) for item in result.records] == [
        ("gate", "2026-01-01T00:00:00Z", {"counts.person.out": (0, 2)}),
        (
            "lawn",
            "2026-01-01T00:01:00Z",
            {
                "counts.person.object_s": (60, 90),
                "counts.person.peak": (1, 2),
                "counts.bicycle.object_s": (0, 3),
                "counts.bicycle.peak": (0, 1),
                "counts.bicycle.entries": (0, 1),
            },
        ),
    ]
    lawns = place(result, "lawn")
    assert (lawns.intervals, lawns.differing, lawns.changed, lawns.side) == (2, 1, False, "both")
    assert lawns.totals["person"] == (
        {"mean": 0.75, "peak": 2, "entries": 1, "exits": 1},
        {"mean": 1.0, "peak": 2, "entries": 1, "exits": 1},
    )
    assert lawns.as_dict()["totals"]["bicycle"]["mean"] == {"a": 0.0, "b": 0.025, "difference": 0.025}
    assert place(result, "gate").totals == {"person": ({"in": 1, "out": 0}, {"in": 1, "out": 2})}


def test_a_class_that_is_not_named_counted_nothing() -> None:
    named: list[Body] = [setup(LAWN), lawn(0, {"person": people()})]
    absent: list[Body] = [setup(LAWN), lawn(0, {})]
    assert compare(named, absent).records == ()
    assert compare(named, absent).identical


def test_other_geometry_is_told_once_and_is_no_difference_of_each_record() -> None:
    moved = zone("lawn", *box_of(0.2, 0.2, 0.8, 0.7))
    a: list[Body] = [setup(LAWN), lawn(0, {}, LAWN.version)]
    b: list[Body] = [setup(moved), lawn(0, {}, moved.version)]
    result = compare(a, b)
    assert result.records == ()
    assert not result.identical
    assert place(result, "lawn").changed
    assert place(result, "lawn").versions == (LAWN.version, moved.version)
    turned = [setup(GATE), gate(0, 1, 0)], [setup(line("gate", (0.9, 0.5), (0.1, 0.5))), gate(0, 1, 0)]
    assert place(compare(*turned), "gate").changed


def test_places_on_one_side_only() -> None:
    a: list[Body] = [setup(LAWN, P1), lawn(0, {}), p1(0, 30.0, 1)]
    b: list[Body] = [setup(LAWN, GATE), lawn(0, {}), gate(0, 2, 0)]
    result = compare(a, b)
    assert {item.place: item.side for item in result.places} == {"lawn": "both", "p1": "a", "gate": "b"}
    assert place(result, "p1").totals["bays"] == (
        {"mean": 0.5, "peak": 1, "arrivals": 1, "departures": 0},
        {"mean": 0, "peak": 0, "arrivals": 0, "departures": 0},
    )
    alone = [item for item in result.records if item.place == "p1"]
    assert [(item.as_dict()["in"], item.as_pair()["b"]) for item in alone] == [("a", None)]
    assert alone[0].fields["arrivals"] == (1, None)


def test_a_zone_that_became_a_car_park_is_another_place() -> None:
    area = zone("p1", *box_of(0.1, 0.1, 0.2, 0.2))
    a: list[Body] = [setup(P1), p1(0, 30.0, 1)]
    b: list[Body] = [setup(area), lawn(0, {}).model_copy(update={"zone": "p1"})]
    assert [(item.kind, item.side) for item in compare(a, b).places] == [("parking", "a"), ("zone", "b")]


def test_intervals_of_another_length_compare_by_their_totals() -> None:
    a: list[Body] = [setup(LAWN), lawn(0, {"person": people(60, 1)}), lawn(1, {"person": people(60, 1)})]
    longer = {"interval_s": 300, "observed_s": 120.0}
    b: list[Body] = [setup(LAWN, interval_s=300), lawn(0, {"person": people(120, 1)}, **longer)]
    result = compare(a, b)
    assert result.intervals_differ
    assert not result.identical
    assert result.records == ()
    totals_a, totals_b = place(result, "lawn").totals["person"]
    assert totals_a == totals_b


def test_grids_are_compared_by_class() -> None:
    def grid(seconds: float | None) -> GridBody:
        return GridBody(
            camera="cam", start=START, object_class="person", cols=2, rows=1, observed_s=60.0,
            object_s=(seconds, None),
        )  # fmt: skip

    result = compare([setup(LAWN), grid(5.0)], [setup(LAWN), grid(None)])
    assert [item.fields for item in result.records] == [{"object_s": ([5.0, None], [None, None])}]
    assert place(result, "person").totals == {"person": ({"object_s": 5.0}, {"object_s": 0.0})}


def test_seconds_seen_differ_too() -> None:
    a: list[Body] = [setup(LAWN), lawn(0, {})]
    b: list[Body] = [setup(LAWN), lawn(0, {}, observed_s=50.0, flag_s={"lost": 10.0})]
    assert compare(a, b).records[0].fields == {"observed_s": (60.0, 50.0), "flag_s.lost": (None, 10.0)}


def test_a_run_without_its_configuration_is_refused() -> None:
    with pytest.raises(ValueError, match="configuration body"):
        compare([lawn(0, {})], [setup(LAWN)])


def test_unobserved_time_has_no_mean() -> None:
    assert totals([lawn(0, {"person": people()}, observed_s=0.0)], "zone", "lawn")["person"]["mean"] == 0


def test_the_detector_runs_once_for_both() -> None:
    inner = ScriptedDetector([detections((1, 2, 3, 4)), detections()])
    inner.label, inner.sha256 = "model", "0" * 64  # type: ignore[attr-defined]
    shared = OncePerFrame(inner)  # type: ignore[arg-type]
    first, second = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)
    assert len(shared.detect(first)) == len(shared.detect(first)) == 1
    assert len(shared.detect(second)) == 0
    assert inner.calls == 2


# --- through the front door ---


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return media.video(tmp_path / "clip.mp4", 150, fps=6)


def variant(folder: Path, *changes: tuple[str, str]) -> Path:
    """A second configuration next to the first."""
    text = box_file(folder).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / f"b{len(changes)}.yaml"
    path.write_text(text)
    return path


AWAY = (
    "[[0.2, 0.2], [0.8, 0.2], [0.8, 0.95], [0.2, 0.95]]",
    "[[0.0, 0.0], [0.1, 0.0], [0.1, 0.1], [0.0, 0.1]]",
)


def answer(clip: Path, a: Path, b: Path, *words: object) -> tuple[int, dict[str, Any]]:
    said = parvis("edge", "replay", clip, "--compare", a, b, "--json", *words)
    return said.code, json.loads(said.out.splitlines()[-1])


def test_a_configuration_against_itself(tmp_path: Path, clip: Path) -> None:
    box = box_file(tmp_path)
    said = parvis("edge", "replay", clip, "--compare", box, box)
    assert said.code == 0
    assert "Identical: every record of A is in B (zone middle, line gate" in said.out
    code, told = answer(clip, box, box)
    assert (code, told["identical"], told["records"]) == (0, True, [])
    assert (told["frames"], told["seconds"]) == (150, pytest.approx(25, abs=0.01))


def test_a_zone_that_was_moved_away(tmp_path: Path, clip: Path) -> None:
    a, b, out = box_file(tmp_path), variant(tmp_path, AWAY), tmp_path / "d.jsonl"
    said = parvis("edge", "replay", clip, "--compare", a, b, "--out", out)
    assert said.code == 0
    assert "zone middle, drawn differently" in said.out
    assert "3 of 3" in said.out
    assert "The same in both: line gate" in said.out
    pairs = [json.loads(row) for row in out.read_text().splitlines()]
    assert [pair["a"]["counts"]["person"]["object_s"] for pair in pairs][:2] == [10, 10]
    assert [pair["b"]["counts"] for pair in pairs] == [{}, {}, {}]
    code, told = answer(clip, a, b)
    middle = next(item for item in told["places"] if item["id"] == "middle")
    assert code == 0
    assert middle["changed"]
    assert middle["zone_version"]["a"] != middle["zone_version"]["b"]
    assert middle["totals"]["person"]["mean"] == {"a": 1.0, "b": 0.0, "difference": -1.0}


def test_each_side_counts_as_a_replay_of_its_own(tmp_path: Path, clip: Path) -> None:
    """One pass over the video changes nothing for either side, shared detector or not."""
    a, b = box_file(tmp_path), variant(tmp_path, AWAY, ("confidence: 0.25", "confidence: 0.95"))
    for other in (variant(tmp_path, AWAY), b):
        _, told = answer(clip, a, other)
        for side, box in (("a", a), ("b", other)):
            alone = [parse_record(item) for item in parvis("edge", "replay", clip, "--config", box).records]
            assert told[side]["records"] == len(alone)
            for item in told["places"]:
                for name, figures in item["totals"].items():
                    got = {figure: value[side] for figure, value in figures.items()}
                    expected = totals(alone, item["kind"], item["id"])
                    assert got == expected.get(name, dict.fromkeys(got, 0))


def test_records_that_only_one_has(tmp_path: Path, clip: Path) -> None:
    a, b = box_file(tmp_path), variant(tmp_path, ("id: gate", "id: door"))
    said = parvis("edge", "replay", clip, "--compare", a, b)
    assert "line gate, only in A" in said.out
    assert "line door, only in B" in said.out
    _, told = answer(clip, a, b)
    assert {item["id"]: item["in"] for item in told["places"] if item["kind"] == "line"} == {
        "gate": "a",
        "door": "b",
    }


def test_intervals_of_different_length_are_named(tmp_path: Path, clip: Path) -> None:
    b = variant(tmp_path, ("interval_s: 10", "interval_s: 30"))
    said = parvis("edge", "replay", clip, "--compare", box_file(tmp_path), b)
    assert "A counts in intervals of 10 s and B of 30 s: only totals are compared." in said.out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--config", "A"], 2, "--compare names both"),
        (["--preview", "p.mp4"], 2, "leave --preview out"),
        (["--camera", "south"], 3, "no camera 'south'"),
        (["--out", "/nowhere/d.jsonl"], 3, "/nowhere/d.jsonl"),
        (["--start", "yesterday"], 3, "--start"),
    ],
    ids=["config", "preview", "camera", "out", "start"],
)
def test_wrong_options(tmp_path: Path, clip: Path, words: list[str], code: int, says: str) -> None:
    box = box_file(tmp_path)
    said = parvis("edge", "replay", clip, "--compare", box, box, *words)
    assert said.code == code
    assert says in " ".join(said.err.replace("│", " ").split())


def test_neither_configuration_nor_comparison(clip: Path) -> None:
    said = parvis("edge", "replay", clip)
    assert said.code == 2
    assert "--config" in said.err


def test_a_truncated_video_is_compared_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = media.video(tmp_path / "whole.mp4", 150, fps=6, movflags="faststart", noise=True)
    clip = media.cut(whole, tmp_path / "clip.mp4", 0.6)
    code, told = answer(clip, box_file(tmp_path), variant(tmp_path, AWAY))
    assert code == 4
    assert "clip.mp4" in told["warning"]
    assert 60 < told["frames"] < 120
    assert len(told["records"]) == 2


def test_a_video_that_is_none(tmp_path: Path) -> None:
    box = box_file(tmp_path)
    said = parvis("edge", "replay", tmp_path / "nowhere.mp4", "--compare", box, box)
    assert (said.code, said.out) == (4, "")
    assert "nowhere.mp4" in said.err
