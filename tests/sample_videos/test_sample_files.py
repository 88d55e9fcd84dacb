"""The committed videos, truth files and configurations agree with each other and with the script."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import pytest
import yaml

from sample_videos import config, masks, scenes, truth
from sample_videos.world import CLASSES, FPS, Scene

FOLDER = Path(scenes.__file__).parent
every_scene = pytest.mark.parametrize("name", scenes.NAMES)


@lru_cache
def scene(name: str) -> Scene:
    return scenes.build(name)


@lru_cache
def document(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.truth.json").read_text())


@lru_cache
def camera_config(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text())["cameras"][0]


@every_scene
def test_video_decodes_to_the_stated_frames_and_size(name: str) -> None:
    path = FOLDER / f"{name}.mp4"
    assert path.stat().st_size <= 3_000_000
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        times = []
        for frame in container.decode(stream):
            assert (frame.width, frame.height) == (document(name)["width"], document(name)["height"])
            times.append(frame.time)
    assert len(times) == document(name)["frames"] >= 360
    assert times == pytest.approx([k / FPS for k in range(len(times))], abs=0.002)


@every_scene
def test_truth_has_its_form(name: str) -> None:
    d = document(name)
    assert (FOLDER / f"{name}.truth.json").stat().st_size < 1_500_000
    assert (d["version"], d["scene"], d["fps"]) == (1, name, FPS)
    assert len(d["track"]) == d["frames"]
    classes = {o["id"]: o["class"] for o in d["objects"]}
    assert set(classes.values()) <= set(CLASSES)
    for rows in d["track"]:
        assert len({r[0] for r in rows}) == len(rows)
        for who, x1, y1, x2, y2, _gx, _gy, visible in rows:
            assert who in classes
            assert 0 <= x1 < x2 <= d["width"]
            assert 0 <= y1 < y2 <= d["height"]
            assert 0 <= visible <= 1


@every_scene
def test_script_reproduces_boxes_and_ground_positions(name: str) -> None:
    d = document(name)
    for k in range(0, d["frames"], 93):
        fresh = {s.id: s for s in masks.measure(scene(name), k / FPS, None)}
        assert set(fresh) == {r[0] for r in d["track"][k]}
        for row in d["track"][k]:
            assert row[1:5] == pytest.approx(fresh[row[0]].box, abs=0.11)
            assert row[5:7] == pytest.approx(fresh[row[0]].ground, abs=0.011)


@every_scene
def test_counts_follow_from_the_tracks(name: str) -> None:
    d, s = document(name), scene(name)
    classes = {o["id"]: o["class"] for o in d["objects"]}
    again = truth.counts(d["track"], classes, s.zones, s.lines, s.bay_spans, s.camera, FPS)
    assert json.loads(json.dumps(again)) == {k: d[k] for k in ("zones", "lines", "bays")}


@every_scene
def test_flows_and_occupancy_balance(name: str) -> None:
    d, s = document(name), scene(name)
    for zone in s.zones:
        for group, counts in d["zones"][zone.id].items():
            assert 0 <= counts["mean"] <= counts["peak"] + 1
            if zone.bays:
                start = sum(span[0] == 0 for spans in d["bays"][zone.id].values() for span in spans)
                end = sum(
                    span[1] >= d["frames"] / FPS for spans in d["bays"][zone.id].values() for span in spans
                )
                assert start + counts["entries"] - counts["exits"] == end
                continue
            members = {o["id"] for o in d["objects"] if truth.group(o["class"]) == group}
            full = truth.zone_counts(d["track"], members, zone.polygon, s.camera, FPS)
            assert (
                full["entries"] - full["exits"] + full["born_inside"] - full["died_inside"] == full["final"]
            )


@every_scene
def test_configuration_is_what_the_script_writes(name: str) -> None:
    assert (FOLDER / f"{name}.yaml").read_text() == config.yaml_text(scene(name))


@every_scene
def test_configuration_and_truth_name_the_same_things(name: str) -> None:
    d, c = document(name), camera_config(name)
    assert c["id"] == name
    assert c["source"] == f"{name}.mp4"
    assert {z["id"] for z in c["zones"]} == set(d["zones"])
    assert {line["id"] for line in c["lines"]} == set(d["lines"])
    for zone in c["zones"]:
        assert set(d["zones"][zone["id"]]) == set(truth.groups(zone["classes"]))
        if "bays" in zone:
            assert set(zone["bays"]) == set(d["bays"][zone["id"]])


@every_scene
def test_zones_and_lines_lie_inside_the_frame(name: str) -> None:
    c = camera_config(name)
    shapes = [z["polygon"] for z in c["zones"] if "polygon" in z]
    shapes += [b for z in c["zones"] for b in z.get("bays", {}).values()]
    shapes += [line["points"] for line in c["lines"]] + [c["ground"]["image"]]
    for shape in shapes:
        for x, y in shape:
            assert 0 < x < 1
            assert 0 < y < 1


def test_each_scene_tells_its_story() -> None:
    square, park, street = (document(n) for n in ("square", "car_park", "street"))
    assert len(square["zones"]) >= 3
    assert all(square["lines"]["gate"]["person"][way] > 0 for way in ("in", "out"))
    bays = park["bays"]["p1"]
    assert len(bays) >= 12
    assert any(not spans for spans in bays.values()), "a bay that is always free"
    assert any(spans == [[0.0, park["frames"] / FPS]] for spans in bays.values()), (
        "a bay that is always taken"
    )
    assert park["zones"]["p1"]["vehicle"]["entries"] >= 2
    assert park["zones"]["p1"]["vehicle"]["exits"] >= 2
    kinds = {e["kind"]: e for e in street["events"]}
    assert kinds["stopped_vehicle"]["to"] - kinds["stopped_vehicle"]["from"] >= 10
    assert "cloud" in kinds
    (carton,) = street["debris"]
    assert carton["removed"] - carton["appears"] >= 20
    assert {o["class"] for o in street["objects"]} >= {"person", "bicycle", "car", "truck"}
