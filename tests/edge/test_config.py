"""Each broken configuration is answered with file, line, path, rule, value and remedy."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract.messages import canonical
from edge.config import load_config, wire_config
from edge.errors import ConfigError

EXAMPLE = Path(__file__).parent.parent.parent / "edge" / "zones.yaml"
SMALL = """\
device: box
cameras:
  - id: north
    source: video.mp4
    zones:
      - id: lawn
        kind: area
        polygon: [[0.1, 0.1], [0.6, 0.1], [0.6, 0.9]]
    lines:
      - {id: gate, points: [[0.2, 0.5], [0.8, 0.5]]}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "box.yaml"
    path.write_text(text)
    return path


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(write(folder, text))
    return str(caught.value)


def test_the_commented_example_is_valid_and_shows_every_key() -> None:
    box = load_config(EXAMPLE)
    assert [zone.id for zone in box.cameras[0].zones] == ["lawn", "p1", "lane"]
    text = EXAMPLE.read_text()
    for key in (
        "server",
        "token_file",
        "names",
        "input",
        "threads",
        "max_fps",
        "bays",
        "debris",
        "legal_basis",
        "ground",
    ):
        assert key in text


def test_defaults(tmp_path: Path) -> None:
    box = load_config(write(tmp_path, SMALL))
    zone, line = box.cameras[0].zones[0], box.cameras[0].lines[0]
    assert (box.interval_s, box.model.path, box.model.confidence) == (60, "starter", 0.25)
    assert (zone.purpose, zone.wire().classes, line.classes) == ("statistics", ("person",), ("person",))
    road = load_config(write(tmp_path, SMALL.replace("kind: area", "kind: road"))).cameras[0].zones[0]
    assert road.wire().classes == ("motorcycle", "car", "bus", "truck")


BROKEN = [
    ("broken YAML", "cameras:\n  - id", "cameras:\n\t- id", ":3:1: this is not YAML", "indentation"),
    ("an unknown key", "polygon", "polygone", ":8: cameras[0].zones[0].polygone: unknown key", "mean 'polygon'"),
    ("an unknown key far from all others", "source: video.mp4", "source: video.mp4\n    zzz: 1", "zzz: unknown key", "Known here: id, source"),
    ("two points", "[0.6, 0.1], [0.6, 0.9]]", "[0.6, 0.1]]", ":8: cameras[0].zones[0].polygon: ", "at least 3 points (got 2)"),
    ("a crossing polygon", "[0.6, 0.1], [0.6, 0.9]]", "[0.6, 0.9], [0.6, 0.1], [0.1, 0.9]]", "crosses itself", "in the order"),
    ("a flat polygon", "[0.6, 0.1], [0.6, 0.9]]", "[0.6, 0.1], [0.3, 0.1]]", "no area", "Spread"),
    ("a polygon outside the frame", "[[0.1, 0.1]", "[[64, 0.1]", ":8: cameras[0].zones[0].polygon[0]", "0..1, inside the frame (got 64)"),
    ("a negative corner", "[[0.1, 0.1]", "[[0.1, -0.1]", "y must be within 0..1", "the frame's height"),
    ("a corner that is no number", "[[0.1, 0.1]", "[[0.1, .nan]", "y must be within 0..1", "fractions"),
    ("a corner that is a word", "[[0.1, 0.1]", "[[0.1, left]", "y must be a number", "[0.25, 0.60]"),
    ("a corner of three", "[[0.1, 0.1]", "[[0.1, 0.1, 0.1]", "a point is two numbers", "[0.25, 0.60]"),
    ("a line of no length", "[0.8, 0.5]", "[0.2, 0.5]", ":10: cameras[0].lines[0]: ", "two different points"),
    ("two zones with one name", "    lines:", "      - {id: lawn, kind: area, polygon: [[0,0],[1,0],[1,1]]}\n    lines:", "two zones have the name 'lawn'", "rename"),
    ("two lines with one name", "0.8, 0.5]]}", "0.8, 0.5]]}\n      - {id: gate, points: [[0,0],[1,1]]}", "two lines have the name 'gate'", "rename"),
    ("a key twice", "id: north", "id: north\n    id: south", ":4: cameras[0].id: this key stands here twice", "line 3"),
    ("an odd interval", "device: box", "device: box\ninterval_s: 61", ":2: interval_s: must be one of 10, 30, 60", "(got 61)"),
    ("a name with capitals", "device: box", "device: Box", ":1: device: must be a name of small letters", "(got 'Box')"),
    ("an unknown kind", "kind: area", "kind: lawn", "kind: must be one of 'area', 'parking', 'road'", "(got 'lawn')"),
    ("an unknown class", "kind: area", "kind: area\n        classes: [dog]", "classes[0]: must be one of 'person'", "(got 'dog')"),
    ("a required key missing", "    source: video.mp4\n", "", "source: is required and missing", "zones.yaml"),
    ("an area without a polygon", "        polygon: [[0.1, 0.1], [0.6, 0.1], [0.6, 0.9]]\n", "", "needs a `polygon`", "Add its corners"),
    ("parking without bays", "kind: area", "kind: parking", "needs `bays`, or a `polygon` and a `capacity`", "Add either"),
    ("operational without a basis", "kind: area", "kind: area\n        purpose: operational", "needs a legal basis", "legal_basis"),
    ("debris in statistics", "kind: area", "kind: area\n        debris: {enabled: true}", "purpose operational", "legal basis"),
    ("a server without a scheme", "device: box", "device: box\nserver: {url: parvis, token_file: t}", "url must begin with https://", "'parvis'"),
    ("a password in the address", "device: box", "device: box\nserver: {url: 'https://a:b@c', token_file: t}", "no password", "token_file"),
    ("a confidence that is a word", "device: box", "device: box\nmodel: {confidence: high}", ":2: model.confidence: must be a number", "'high'"),
    ("an input that no stride fits", "device: box", "device: box\nmodel: {input: 650}", "model.input", "multiple of 32"),
    ("ground in two units", "    lines:", "    ground: {image: [[0,0],[1,0],[1,1],[0,1]]}\n    lines:", "`metres` or `lonlat`", "not both"),
    ("no camera", SMALL[SMALL.index("cameras:") :], "cameras: []\n", "cameras: ", "at least 1"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "old", "new", "says", "and_says"), BROKEN, ids=[row[0] for row in BROKEN])
def test_broken(tmp_path: Path, what: str, old: str, new: str, says: str, and_says: str) -> None:
    assert old in SMALL
    text = complaint(tmp_path, SMALL.replace(old, new, 1))
    assert says in text
    assert and_says in text
    assert "box.yaml" in text
    assert "\n" not in text  # one fault, one line


@pytest.mark.parametrize(
    ("content", "says"),
    [("", "begins with `device:`"), ("- a\n", "begins with `device:` (got a list)"), ("hello", "(got text)")],
)
def test_files_that_are_no_configuration(tmp_path: Path, content: str, says: str) -> None:
    assert says in complaint(tmp_path, content)


def test_missing_binary_and_huge_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "nowhere.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(tmp_path / "b.yaml")
    (tmp_path / "h.yaml").write_text("# " + "x" * 1_100_000)
    with pytest.raises(ConfigError, match="1 MB"):
        load_config(tmp_path / "h.yaml")


def test_python_objects_are_not_built_from_yaml(tmp_path: Path) -> None:
    assert "not YAML" in complaint(tmp_path, SMALL + "x: !!python/object/apply:os.system ['true']\n")


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = complaint(
        tmp_path, SMALL.replace("kind: area", "kind: lawn").replace("device: box", "device: BOX")
    )
    assert len(text.splitlines()) == 2


def test_the_version_of_a_zone_follows_its_geometry_and_nothing_else(tmp_path: Path) -> None:
    def version(text: str) -> str:
        box = load_config(write(tmp_path, text))
        at = datetime(2026, 1, 1, tzinfo=UTC)
        wire = wire_config(box, box.cameras[0], at=at, model="m", model_sha256="0" * 64, software="0.1.0")
        assert "legal" not in canonical(wire)
        return wire.zones[0].version

    assert version(SMALL) == version(SMALL.replace("device: box", "device: other"))
    assert version(SMALL) != version(SMALL.replace("[0.6, 0.9]]", "[0.6, 0.8]]"))
