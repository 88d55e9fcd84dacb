"""What bench.counts takes for true: crossings and entries of walked paths, with and without jitter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.counts import cases
from bench.counts.truth import (
    Change,
    Walk,
    line_crossings,
    scene_truth,
    sequence_truth,
    settled,
    zone_changes,
)
from edge.config import BoxConfig
from edge.zones import Layout

ROOT = Path(__file__).parent.parent.parent
SHARED = ROOT.parent / "shared"
WH = (100, 100)


def layout() -> Layout:
    """The right half of a square frame, and a line down its middle (in: from right to left)."""
    camera = {
        "id": "c",
        "source": "x",
        "zones": [{"id": "right", "kind": "area", "polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}],
        "lines": [{"id": "middle", "points": [[0.5, 0.1], [0.5, 0.9]]}],
    }
    return cases.layout_of(
        BoxConfig.model_validate({"device": "d", "interval_s": 10, "cameras": [camera]}), WH
    )


def walk(xs: list[float], y: float = 50.0, frames: list[int] | None = None) -> Walk:
    return Walk(frames or list(range(len(xs))), np.array([[x, y] for x in xs], float))


def test_who_appears_inside_does_not_enter_and_who_vanishes_does_not_leave() -> None:
    path = walk([60, 60, 40, 40, 60, 60])
    assert zone_changes(path, path.points[:, 0] >= 50, fps=10) == [Change(0.2, "out"), Change(0.4, "in")]
    gone = walk([40, 60], frames=[0, 5])
    assert zone_changes(gone, gone.points[:, 0] >= 50, fps=10) == []


def test_crossing_has_the_direction_of_the_wire_and_stays_on_the_segment() -> None:
    (line,) = layout().lines
    assert line_crossings(walk([60, 40]), line, 10) == [Change(0.1, "in")], (
        "down the line, its right side is left"
    )
    assert line_crossings(walk([40, 60]), line, 10) == [Change(0.1, "out")]
    assert line_crossings(walk([40, 60], y=95), line, 10) == [], "past its end"


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        ([(1.0, "in"), (1.8, "out")], 0),
        ([(1.0, "in"), (2.5, "out")], 2),
        ([(1.0, "in"), (1.2, "out"), (1.4, "in")], 1),
        ([(1.0, "in"), (1.5, "out"), (2.0, "in"), (9.0, "out")], 2),
    ],
)
def test_opposite_changes_within_a_second_cancel(times: list[Any], kept: int) -> None:
    assert len(settled([Change(*item) for item in times], 1.0)) == kept


def rows(walks: dict[int, list[tuple[int, float, float]]], flag: int = 1) -> Any:
    """MOT rows of people 10 wide and 20 tall whose feet are at (x, y) in frames from 1."""
    return np.array(
        [[f, who, x - 5, y - 20, 10, 20, flag] for who, steps in walks.items() for f, x, y in steps], float
    )


def test_sequence_counts_everybody_annotated() -> None:
    truth = sequence_truth(
        rows({1: [(f, 30 + 4 * f, 50.0) for f in range(1, 11)], 2: [(f, 80.0, 100.4) for f in range(1, 21)]}),
        fps=10, layout=layout(),
    )  # fmt: skip
    assert truth.end == 2.0
    # The first is inside from x = 50 (frame 5) to frame 10; the second stands at the lower edge throughout.
    assert truth.occupancy["right", "person"].mean(0, 2) == pytest.approx((6 * 0.1 + 2.0) / 2)
    assert truth.totals["right", "person"] == (1, 0)
    assert truth.totals["middle", "person"] == (0, 1)
    assert len(truth.boxes) == 20
    assert truth.boxes[0]["person"].ids.tolist() == [1, 2]


def test_wholly_hidden_people_count_but_are_asked_of_no_tracker() -> None:
    truth = sequence_truth(rows({1: [(1, 80.0, 50.0)]}, flag=0), fps=10, layout=layout())
    assert truth.occupancy["right", "person"].mean(0, 0.1) == 1
    assert len(truth.boxes[0]["person"].ids) == 0


@pytest.mark.parametrize("name", ["square", "car_park", "street"])
def test_scenes_say_what_their_truth_files_say(name: str) -> None:
    (case,) = [case for case in cases.find("scenes", ROOT / "sample_videos", SHARED) if case.name == name]
    document = json.loads((ROOT / "sample_videos" / f"{name}.truth.json").read_text())
    for zone, groups in document["zones"].items():
        for group, stated in groups.items():
            mean = case.truth.occupancy[zone, group].mean(0, case.truth.end)
            assert mean == pytest.approx(stated["mean"], abs=0.02), zone
            assert case.truth.totals[zone, group] == (stated["entries"], stated["exits"])
            if (zone, group) in case.truth.lasting:
                assert sum(case.truth.lasting[zone, group]) <= sum(case.truth.totals[zone, group])
    for line, groups in document["lines"].items():
        for group, stated in groups.items():
            ways = [change.way for change in case.truth.crossings[line, group]]
            assert (ways.count("in"), ways.count("out")) == (stated["in"], stated["out"])


def test_truth_of_another_configuration_is_refused() -> None:
    case = next(c for c in cases.find("scenes", ROOT / "sample_videos", SHARED) if c.name == "square")
    document = json.loads((ROOT / "sample_videos" / "square.truth.json").read_text())
    document["zones"]["plaza"]["person"]["entries"] += 5
    with pytest.raises(ValueError, match=r"plaza.*render video, .yaml and .truth.json together"):
        scene_truth(document, case.layout)


def test_rates() -> None:
    assert cases.rates_of("scenes", 6.0, []) == [6.0, 5.0, 2.5]
    assert cases.rates_of("tud", 25.0, []) == [25.0, 10.0, 5.0, 2.5]
    assert cases.rates_of("pets", 10.0, [30.0, 4.0]) == [10.0, 4.0]


def test_lines_of_the_real_sequences_are_as_fixed() -> None:
    if not (SHARED / "data" / "sequences" / "PETS09-S2L1").is_dir():
        pytest.skip("PETS09-S2L1 is absent; it is no part of the project")
    (case,) = cases.find("pets", ROOT, SHARED)
    width, height = case.layout.wh
    ends = {line.id: [*line.a / (width, height), *line.b / (width, height)] for line in case.layout.lines}
    assert ends["x25"] == pytest.approx([0.25, 0.20, 0.25, 0.95])
    assert ends["y70"] == pytest.approx([0.10, 0.70, 0.90, 0.70])
    assert len(ends) == 6
    assert sum(
        case.truth.occupancy[z, "person"].mean(0, case.truth.end) for z in ("all", "middle", "left")
    ) == (pytest.approx(10.1, abs=0.1))
