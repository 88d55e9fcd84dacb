"""What four ground points add to a replay: areas, densities and speeds, in the JSON and in a line a zone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.messages import ConfigBody, GroundConfig, ZoneBody, ZoneConfig, ZoneCounts
from contract.names import CLASSES
from edge.ground_report import GroundReport
from edge.records import Track
from edge.zones import Layout
from sample_videos.world import HEIGHT, WIDTH, Camera
from tests.edge import media
from tests.edge.scene import START, config
from tests.fakes import standing
from tests.front_door import box_file, parvis

WH = (WIDTH, HEIGHT)
CAMERA = Camera((0.0, -7.4, 5.4), (0.2, 30.0, 0.0), 450.0)  # the horizon a third down the picture
SQUARE = ((-4.0, 15.0), (4.0, 15.0), (4.0, 3.0), (-4.0, 3.0))


def seen(places: Any) -> list[list[float]]:
    return (CAMERA.project(places)[:, :2] / WH).tolist()


def zone(name: str, places: Any = None, **parts: Any) -> ZoneConfig:
    polygon = tuple(map(tuple, seen(places))) if places is not None else parts.pop("polygon", None)
    given = {"kind": "area", "purpose": "statistics", "capacity": None, "classes": ("person",), **parts}
    return ZoneConfig(id=name, polygon=polygon, **given)


def wire(*zones: ZoneConfig) -> ConfigBody:
    ground = GroundConfig.model_validate({"image": seen(SQUARE), "metres": [list(point) for point in SQUARE]})
    return config().model_copy(update={"zones": zones, "lines": (), "ground": ground})


def report_of(*zones: ZoneConfig) -> GroundReport:
    report = GroundReport.of(Layout.of(wire(*zones), WH), 0.25)
    assert report is not None
    return report


def record(name: str, observed_s: float, object_s: float, peak: int) -> ZoneBody:
    person = ZoneCounts(object_s=object_s, peak=peak, entries=0, exits=0, dwell=(0,) * 8, dwell_censored=0)
    return ZoneBody(
        camera="cam", start=START, interval_s=60, observed_s=observed_s, time_quality="synced", zone=name,
        zone_version="0" * 16, counts={"person": person} if object_s else {}, peak_vehicle=0,
    )  # fmt: skip


def walker(track_id: int, place: tuple[float, float], at: float, name: str = "person") -> Track:
    foot, head = CAMERA.project([(*place, 0.0), (*place, 1.7)])[:, :2]
    box = np.array(standing(*foot, foot[1] - head[1]), np.float32)
    return Track(track_id, box, 0.8, CLASSES.index(name), "confirmed", 0.0, at)


def test_areas_and_densities_over_observed_time() -> None:
    report = report_of(
        zone("lawn", SQUARE),
        zone("road", [(0, 5), (2, 5), (2, 4), (0, 4)], kind="road", classes=("car",)),
        zone("sky", polygon=((0.1, 0.0), (0.9, 0.0), (0.9, 0.9))),
        zone(
            "bays",
            kind="parking",
            classes=("car",),
            bays={
                "a": tuple(map(tuple, seen([(0, 12), (2.5, 12), (2.5, 7), (0, 7)]))),
                "b": tuple(map(tuple, seen([(-2.5, 12), (0, 12), (0, 7), (-2.5, 7)]))),
            },
        ),
    )
    report.record(record("lawn", 60.0, 120.0, 5))
    report.record(record("lawn", 20.0, 60.0, 9))
    report.record(record("sky", 60.0, 60.0, 1))
    rows = {row["zone"]: row for row in report.summary()["zones"]}
    assert rows["lawn"]["area_m2"] == 96.0
    assert rows["lawn"]["people_per_m2"] == {
        "mean": pytest.approx(180 / 80 / 96, abs=1e-4),
        "peak": pytest.approx(9 / 96, abs=1e-4),
    }
    assert (rows["road"]["area_m2"], rows["road"]["people_per_m2"]) == (2.0, None)
    assert (rows["sky"]["area_m2"], rows["sky"]["people_per_m2"]) == (None, None)
    assert rows["bays"]["area_m2"] == 25.0
    lines = report.lines()
    assert lines[0] == "  lawn: 96 m², 0.023 people per m² (peak 0.094)"
    assert lines[2] == "  sky: no area: it reaches the horizon"


def test_nothing_observed_is_no_density_of_nought() -> None:
    report = report_of(zone("lawn", SQUARE))
    report.record(record("lawn", 0.0, 0.0, 0))
    assert report.summary()["zones"][0]["people_per_m2"] is None
    report.record(record("lawn", 60.0, 0.0, 0))
    assert report.summary()["zones"][0]["people_per_m2"] == {"mean": 0.0, "peak": 0.0}


def test_each_track_has_one_speed_in_a_zone_and_standing_ones_are_counted_apart() -> None:
    report = report_of(zone("lawn", SQUARE, classes=("person", "bicycle")))
    speeds = {1: 1.0, 2: 1.2, 3: 1.4, 4: 1.6, 5: 0.0}
    for at in np.arange(0, 5, 1 / 6).tolist():
        tracks = [walker(who, (speed * at - 3, 4.0 + 1.6 * who), at) for who, speed in speeds.items()]
        tracks.append(walker(6, (4 * at - 16, 9.0), at, "bicycle"))  # passes the zone from 3 s on
        tracks.append(walker(7, (6.0, 2.0 + at), at))  # beside it
        report.frame(tracks, at)
    speed = report.summary()["zones"][0]["speed_kmh"]
    assert speed["person"] == {
        "moving": 4,
        "standing": 1,
        "median": pytest.approx(1.3 * 3.6, rel=0.04),
        "p85": pytest.approx(float(np.percentile([1.0, 1.2, 1.4, 1.6], 85)) * 3.6, rel=0.04),
    }
    assert speed["bicycle"]["moving"] == 1
    assert speed["bicycle"]["median"] == pytest.approx(4 * 3.6, rel=0.04)
    line = report.lines()[0]
    assert re.search(
        r", person 4\.[678] km/h \(85 % up to 5\.[3456]; 4 moving, 1 standing\), bicycle", line
    ), line


def test_where_all_stand_there_is_no_speed() -> None:
    report = report_of(zone("lawn", SQUARE))
    for at in np.arange(0, 3, 0.25).tolist():
        report.frame([walker(1, (0, 8), at)], at)
    assert report.summary()["zones"][0]["speed_kmh"] == {
        "person": {"moving": 0, "standing": 1, "median": None, "p85": None}
    }
    assert report.lines() == ["  lawn: 96 m², person 1 standing"]


GROUND = """\
    ground:
      image:  [[0.4, 0.5], [0.6, 0.5], [0.9, 0.9], [0.1, 0.9]]
      metres: [[0, 12], [8, 12], [8, 0], [0, 0]]
"""


def test_a_replay_tells_it_when_there_are_ground_points(tmp_path: Path) -> None:
    clip = media.video(tmp_path / "clip.mp4", 60, fps=6)
    box = box_file(tmp_path)
    out = tmp_path / "records.jsonl"
    plain = parvis("edge", "replay", clip, "--config", box, "--out", out, "--json")
    assert "ground" not in json.loads(plain.out.splitlines()[-1])
    box.write_text(box.read_text() + GROUND)
    told = json.loads(
        parvis("edge", "replay", clip, "--config", box, "--out", out, "--json").out.splitlines()[-1]
    )
    (row,) = told["ground"]["zones"]
    assert row["zone"] == "middle"
    assert row["area_m2"] is None, "this zone reaches above the horizon of these points"
    box.write_text(box.read_text().replace("[[0.2, 0.2], [0.8, 0.2]", "[[0.2, 0.5], [0.8, 0.5]"))
    said = parvis("edge", "replay", clip, "--config", box, "--out", out)
    assert said.code == 0
    assert "m², 0.0" in said.err
    told = json.loads(
        parvis("edge", "replay", clip, "--config", box, "--out", out, "--json").out.splitlines()[-1]
    )
    (row,) = told["ground"]["zones"]
    assert row["people_per_m2"]["mean"] == pytest.approx(1 / row["area_m2"], abs=1e-4)
    assert row["speed_kmh"]["person"]["standing"] == 1
    types = {json.loads(line)["type"] for line in out.read_text().splitlines()}
    assert types == {"parvis.config.v1", "parvis.zone.v1", "parvis.line.v1", "parvis.grid.v1"}, (
        "nothing new is sent"
    )
