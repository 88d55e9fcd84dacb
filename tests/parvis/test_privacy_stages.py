"""The way from the picture to the number: a table held against the code, and the drawing made of it."""

from __future__ import annotations

import gzip
import importlib
import inspect
import json
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from contract.batch import pack, parse_record, stamp
from contract.messages import canonical
from edge.spool import Spool
from parvis.privacy import drawing
from parvis.privacy.source import ROOT, Source, SourceError
from parvis.privacy.stages import ORDER, PREVIEW, STAGES, Stage, agree, network_modules, read
from parvis.privacy.words import LANGUAGES, Words
from server.api.body import inflate
from tests.edge.fault_server import RUN, line

SOURCE = Source()
EVERY = (*STAGES, PREVIEW)


def real(name: str) -> Any:
    """The object of a dotted name, imported."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            found = inspect.getattr_static(found, part) if part.startswith("_") else getattr(found, part)
        return found
    raise AssertionError(name)


def spelt(annotation: Any) -> str:
    return str(annotation).replace("'", "").replace('"', "")


@pytest.mark.parametrize("stage", EVERY, ids=lambda stage: stage.key)
def test_what_is_read_of_a_stage_is_what_python_has(stage: Stage) -> None:
    assert importlib.import_module(stage.module)
    found = read(stage, SOURCE)
    if stage.takes is not None:
        call, parameter = stage.takes
        annotation = inspect.signature(real(call)).parameters[parameter].annotation
        assert spelt(annotation) == spelt(found.taken)
    parent, _, name = stage.hands_on.rpartition(".")
    if name in getattr(real(parent), "__annotations__", {}):
        assert spelt(real(parent).__annotations__[name]) == spelt(found.handed)
    elif inspect.isclass(real(stage.hands_on)):
        assert real(stage.hands_on).__name__ == found.handed
    else:
        assert spelt(inspect.signature(real(stage.hands_on)).return_annotation) == spelt(found.handed)


def test_each_stage_takes_what_the_one_before_hands_on() -> None:
    for first, then in pairwise(STAGES):
        assert agree(SOURCE, first, then), f"{first.key} hands {then.key} something else"
    assert not agree(SOURCE, STAGES[0], STAGES[3]), "a frame is not what the tracker takes"
    assert not agree(SOURCE, STAGES[4], STAGES[7]), "a body is not what the uplink takes"


def test_limits_are_the_numbers_of_the_running_code() -> None:
    checked = 0
    for stage in STAGES:
        for name, value in read(stage, SOURCE).limits.items():
            place = stage.limits[name]
            if isinstance(place, str):
                parent, _, last = place.rpartition(".")
                home = real(parent)
                fields = getattr(home, "__dataclass_fields__", {})
                assert value == (fields[last].default if last in fields else getattr(home, last))
            else:
                assert value == inspect.signature(real(place[0])).parameters[place[1]].default
            checked += 1
    assert checked == 11


def test_pixels_end_at_the_detector_and_numbers_alone_leave() -> None:
    holds = {stage.key: read(stage, SOURCE).holds for stage in EVERY}
    assert [key for key, held in holds.items() if "pixels" in held] == ["camera", "frame", "detector"]
    assert [key for key, held in holds.items() if "ids" in held] == ["tracker", "counters"]
    assert holds["preview"] == ("masked",)
    for key in ("record", "spool", "uplink", "server", "reports"):
        assert holds[key] == ("numbers",), key
    assert read(STAGES[4], SOURCE).hands == ("numbers",), "counters take tracks and hand on counts"


def copied(tmp_path: Path, *changes: tuple[str, str, str]) -> Source:
    for package in ("contract", "edge", "server"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.css")
        )
    for name, before, after in changes:
        path = tmp_path / name
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after, 1))
    return Source(tmp_path)


def test_pixels_and_ids_added_on_the_way_show_by_themselves(tmp_path: Path) -> None:
    source = copied(
        tmp_path,
        ("edge/records.py", "    track_id: int\n", "    track_id: int\n    crop: ImageArray\n"),
        ("contract/messages.py", "    camera: Name\n", "    camera: Name\n    track_id: int\n"),
    )
    holds = {stage.key: read(stage, source).holds for stage in STAGES}
    assert "pixels" in holds["tracker"]
    assert "pixels" in holds["counters"]
    assert "ids" in holds["record"]
    assert read(STAGES[4], source).hands == ("ids", "numbers")


def test_a_table_that_is_out_of_date_is_no_drawing(tmp_path: Path) -> None:
    source = copied(tmp_path, ("edge/track.py", "    def update(", "    def advance("))
    with pytest.raises(SourceError, match=r"edge\.track\.Tracker\.update"):
        read(STAGES[3], source)
    with pytest.raises(SourceError):
        read(replace(STAGES[0], module="edge.periscope"), SOURCE)


def test_the_modules_that_can_reach_a_network_are_known_and_explained(tmp_path: Path) -> None:
    found = network_modules(SOURCE)
    assert set(found) == {"edge.health", "edge.server_time", "edge.status_page", "edge.uplink"}, (
        "a new one is to be explained: texts network.<module>"
    )
    for language in LANGUAGES:
        assert all(Words(language).has(f"network.{module}") for module in found)
    planted = copied(
        tmp_path, ("edge/track.py", "import numpy as np\n", "import numpy as np\nimport urllib.request\n")
    )
    assert network_modules(planted)["edge.track"] == ("urllib.request",)


def test_texts_of_records_hold_records_and_nothing_else(tmp_path: Path) -> None:
    payload = canonical(stamp(line(3), device="box", run=RUN, seq=0))
    body = pack([payload, payload])
    assert inflate(body) == gzip.decompress(body)
    assert json.loads(gzip.decompress(body)) == {"records": [json.loads(payload)] * 2}
    with Spool(tmp_path / "spool.db", device="box", run=RUN) as spool:
        spool.append([line(3)])
        (spooled,) = spool.peek()
    assert parse_record(json.loads(spooled.payload)).key == spooled.key


def captions(words: Words, server: str | None) -> drawing.Captions:
    keys = [stage.key for stage in EVERY]
    return drawing.Captions(
        title="<the way & its end>",
        box="box",
        server=server,
        border="border",
        names={key: words(f"stage.{key}") for key in keys},
        keeps=dict.fromkeys(keys, "kept for a while " * 12),
        contents={content: words(f"content.{content}") for content in ORDER},
    )


@pytest.mark.parametrize("brief", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_drawing_has_every_stage_inside_its_frame(language: str, brief: bool) -> None:
    words = Words(language)
    stages = [read(stage, SOURCE) for stage in STAGES]
    svg = drawing.draw(stages, read(PREVIEW, SOURCE), captions(words, "the server"), brief=brief)
    root = ET.fromstring(svg)
    said = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
    assert [name for name in said if name in {words(f"stage.{stage.key}") for stage in EVERY}] == [
        words(f"stage.{key}")
        for key in (
            "camera",
            "frame",
            "detector",
            "tracker",
            "counters",
            "record",
            "spool",
            "uplink",
            "preview",
        )
    ] + [words("stage.server"), words("stage.reports")]
    assert root[0].text == "<the way & its end>"
    height = float(root.attrib["height"])
    for element in root.iter():
        if element.tag.endswith("rect"):
            assert float(element.attrib["x"]) >= 0
            assert float(element.attrib["x"]) + float(element.attrib["width"]) <= drawing.WIDTH
            assert float(element.attrib["y"]) + float(element.attrib["height"]) <= height
    assert max(map(len, said)) <= 62
    assert any("edge.track:" in text for text in said) != brief


def test_without_a_server_the_way_ends_at_the_box() -> None:
    words = Words("en")
    stages = [read(stage, SOURCE) for stage in STAGES]
    svg = drawing.draw(stages, read(PREVIEW, SOURCE), captions(words, None))
    assert words("stage.uplink") in svg
    assert words("stage.reports") not in svg
