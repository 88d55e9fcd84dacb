"""Every finding against a world where the fault is known, next to a drawing that is just good enough."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from contract.messages import GroundConfig
from edge import line_lint
from edge.findings import Finding
from edge.lint_geometry import inner_points, least_breadth, mean_chord, room, shared_part, visible_share
from edge.measured import Measured
from edge.records import Detections
from edge.track import Tracker
from edge.zone_lint import lint
from tests.edge.lint_world import Actor, box_of, crowd, height_at, layout, line, look, zone
from tests.edge.scene import WH, config, counters, crossed, times, walk
from tests.fakes import detections, standing

ROOT = Path(__file__).parent.parent.parent
VEHICLES = ("motorcycle", "car", "bus", "truck")


@pytest.fixture(scope="module")
def people() -> Measured:
    return look(crowd())


def codes(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(finding.code, finding.severity, finding.where) for finding in findings]


def only(findings: list[Finding], code: str) -> Finding:
    (found,) = [finding for finding in findings if finding.code == code]
    return found


def number(text: str) -> float:
    """The first number of a remedy."""
    match = re.search(r"\d+\.?\d*", text)
    assert match is not None
    return float(match[0])


GOOD = zone("lawn", *box_of(0.1, 0.4, 0.6, 0.9)), line("gate", (0.2, 0.6), (0.8, 0.6))


def test_a_good_layout_has_no_finding(people: Measured) -> None:
    assert lint(layout(*GOOD)) == []
    across = line("gate", (0.5, 0.3), (0.5, 0.9))
    assert lint(layout(GOOD[0], across), people) == []


# --- lines ---


@pytest.mark.parametrize("side", ["lower", "upper", "left", "right"])
def test_a_line_at_the_edge_is_an_error_and_its_remedy_is_enough(side: str, people: Measured) -> None:
    def at(inset: float) -> list[Finding]:
        a, b = {
            "lower": ((0.1, 1 - inset), (0.9, 1 - inset)),
            "upper": ((0.1, inset), (0.9, inset)),
            "left": ((inset, 0.4), (inset, 0.9)),
            "right": ((1 - inset, 0.4), (1 - inset, 0.9)),
        }[side]
        return [f for f in lint(layout(line("rim", a, b)), people) if f.code == "line-at-edge"]

    (found,) = at(0.005)
    assert (found.severity, found.where) == ("warning" if side == "lower" else "error", "line rim")
    assert f"from the {side} edge" in found.message
    assert {"lower": " up ", "upper": " down ", "left": " right ", "right": " left "}[side] in found.remedy
    assert at(0.005 + number(found.remedy)) == []


def test_a_line_that_reaches_the_edge_with_its_end_is_fine(people: Measured) -> None:
    assert lint(layout(line("gate", (0.0, 0.6), (1.0, 0.6))), people) == []


def test_half_a_line_at_the_edge_is_a_warning(people: Measured) -> None:
    found = only(lint(layout(line("bent", (0.3, 0.7), (0.9, 0.99))), people), "line-at-edge")
    assert found.severity == "warning"
    assert "Move that part" in found.remedy


LEAVING = {
    "upper": [(60.0 * i + 30, 150.0, 60.0 * i + 30, -30.0) for i in range(10)],
    "left": [(300.0, 30.0 * i + 70, -60.0, 30.0 * i + 70) for i in range(10)],
    "right": [(340.0, 30.0 * i + 70, 700.0, 30.0 * i + 70) for i in range(10)],
}
RIMS = {
    "upper": lambda inset: ((0.0, inset), (1.0, inset)),
    "left": lambda inset: ((inset, 0.0), (inset, 1.0)),
    "right": lambda inset: ((1 - inset, 0.0), (1 - inset, 1.0)),
}


@pytest.mark.parametrize("side", sorted(LEAVING))
def test_a_line_with_an_error_counts_nobody_and_the_remedy_everybody(side: str) -> None:
    """The truth behind the rule: ten people leave the picture, seen until half of them is out of it."""
    walks = [walk(*way, 0, 12) for way in LEAVING[side]]
    measured = look([Actor(w, scale=2) for w in walks])

    def passed(inset: float) -> int:
        wire = config().model_copy(update={"zones": (), "lines": (line("rim", *RIMS[side](inset)),)})
        counting, tracker = counters(wire), Tracker()
        bodies = []
        for at in times(14, 20):
            boxes = [half_seen(place, 2 * height_at(place[1])) for w in walks if (place := w(at)) is not None]
            seen = [box for box in boxes if box is not None]
            found = detections(*seen) if seen else Detections.empty()
            bodies += counting.observe(found, tracker.update(found, at), at)
        return sum(crossed(bodies + counting.finish(14)))

    (found,) = [
        f for f in lint(layout(line("rim", *RIMS[side](0.002))), measured) if f.code == "line-at-edge"
    ]
    assert found.severity == "error"
    assert passed(0.002) == 0
    assert passed(0.002 + number(found.remedy)) == 10


def half_seen(place: tuple[float, float], height: float) -> tuple[float, float, float, float] | None:
    """A box as a detector gives it: clipped to the frame, none once less than half is left."""
    x0, y0, x1, y1 = standing(*place, height)
    box = max(x0, 0.0), max(y0, 0.0), min(x1, WH[0]), min(y1, WH[1])
    left = max(box[2] - box[0], 0) * max(box[3] - box[1], 0)
    return box if left >= 0.5 * (x1 - x0) * (y1 - y0) else None


def test_without_a_dry_run_only_what_is_certain_is_told() -> None:
    assert codes(lint(layout(line("rim", (0.1, 0.005), (0.9, 0.005))))) == [
        ("line-at-edge", "error", "line rim")
    ]
    assert lint(layout(line("near", (0.1, 0.9), (0.9, 0.9)))) == []


def test_a_ground_plane_tells_sizes_without_a_dry_run() -> None:
    """The ground of the sample scene square: people low in its frame are some .26 of the frame high."""
    ground = GroundConfig(
        image=((0.3236, 0.3711), (0.6501, 0.3692), (0.8112, 0.7731), (0.1623, 0.7806)),
        metres=((-4.0, 15.0), (4.0, 15.0), (4.0, 3.0), (-4.0, 3.0)),
    )
    low = line("low", (0.1, 0.95), (0.9, 0.95))
    (found,) = lint(layout(low, ground=ground))
    assert (found.code, found.severity) == ("line-at-edge", "warning")
    assert "half of a person" in found.message
    assert 0.11 < number(found.message.split("takes")[1]) < 0.15
    assert lint(layout(low)) == []


def test_a_short_line(people: Measured) -> None:
    length = 0.3 * height_at(0.7 * WH[1]) / WH[0]
    found = only(lint(layout(line("stub", (0.5, 0.7), (0.5 + length, 0.7))), people), "line-short")
    assert found.severity == "warning"
    longer = number(found.remedy.split("at least")[1]) * WH[1] / WH[0]
    assert "line-short" not in [
        f.code for f in lint(layout(line("l", (0.4, 0.7), (0.4 + longer, 0.7))), people)
    ]


def test_a_line_along_the_way() -> None:
    flow = look([Actor(walk(40, y, 600, y + 40, 0, 20)) for y in range(150, 250, 10)])
    along, across = line("along", (0.1, 0.6), (0.9, 0.6)), line("across", (0.5, 0.4), (0.5, 0.8))
    assert codes(lint(layout(along, across), flow)) == [("line-along", "warning", "line along")]


def test_a_place_where_nobody_was(people: Measured) -> None:
    parts = zone("roof", *box_of(0.1, 0.05, 0.3, 0.15)), line("sky", (0.6, 0.1), (0.8, 0.1))
    assert codes([f for f in lint(layout(*parts), people) if f.severity == "info"]) == [
        ("zone-no-object", "info", "zone roof"),
        ("line-no-object", "info", "line sky"),
    ]
    brief = look(crowd(), seconds=line_lint.LEAST_SECONDS - 2)
    assert [f for f in lint(layout(*parts), brief) if f.code.endswith("no-object")] == []


# --- zones ---


def strip(depth: float) -> object:
    """Across the way of who walks from left to right."""
    return layout(zone("strip", *box_of(0.1, 0.4, 0.1 + depth, 0.9)))


@pytest.mark.parametrize(("fps", "severity"), [(0.5, "error"), (2.0, "warning"), (6.0, None)])
def test_a_zone_thinner_than_the_travel_between_frames(fps: float, severity: str | None) -> None:
    measured = look(crowd(), fps=fps)
    depth = 0.045  # 29 px; at half a frame a second people travel 1.6 heights, 70 to 130 px there, at two .4
    findings = [f for f in lint(strip(depth), measured) if f.code == "zone-thin"]
    assert [f.severity for f in findings] == ([severity] if severity else [])
    if severity:
        assert f"between two frames ({fps} a second)" in findings[0].message
        enough = number(findings[0].remedy) * WH[1] / WH[0]
        assert [f for f in lint(strip(enough), measured) if f.code == "zone-thin"] == []


def test_thin_along_the_motion_is_what_counts() -> None:
    """A strip that people walk along is not stepped over, however far they travel between two frames."""
    measured = look(crowd(), fps=0.5)
    along = layout(zone("path", *box_of(0.05, 0.6, 0.95, 0.68)))
    assert [f for f in lint(along, measured) if f.code == "zone-thin"] == []


def test_only_the_ways_through_a_zone_count() -> None:
    """People run across the picture further down; those at the strip walk along it."""
    along = [Actor(walk(x, 100, x, 320, 0, 20)) for x in (70, 76, 82, 88)]
    across = [Actor(walk(200, y, 620, y, 0, 4)) for y in (335, 340, 345)]
    strip_of_few = layout(zone("strip", *box_of(0.1, 0.3, 0.145, 0.5)))
    assert [f for f in lint(strip_of_few, look([*along, *across], fps=1.0)) if f.code == "zone-thin"] == []


def test_a_zone_narrower_than_the_jitter_of_a_box(people: Measured) -> None:
    narrow = layout(zone("kerb", *box_of(0.1, 0.60, 0.9, 0.62)))
    found = only(lint(narrow, people), "zone-thin")
    assert found.severity == "warning"
    assert "narrowest" in found.message
    wide = number(found.remedy)
    assert lint(layout(zone("kerb", *box_of(0.1, 0.6, 0.9, 0.6 + wide))), people) == []


def test_a_zone_too_small_for_anybody(people: Measured) -> None:
    dot = layout(zone("dot", *box_of(0.5, 0.6, 0.52, 0.63)))
    assert codes(lint(dot, people))[0] == ("zone-tiny", "error", "zone dot")
    assert lint(dot) == []  # there might be smaller objects
    assert codes(lint(layout(zone("dot", *box_of(0.5, 0.6, 0.505, 0.605))))) == [
        ("zone-tiny", "error", "zone dot")
    ]


def test_objects_smaller_than_the_model_sees(people: Measured) -> None:
    far = [Actor(walk(40, y, 500, y, 0, 20), missed=lambda at: round(at * 6) % 10 > 3) for y in (50, 60, 70)]
    measured = look([*crowd(), *far], input_hw=(384, 640))
    yard = layout(zone("yard", *box_of(0.1, 0.12, 0.9, 0.9)), zone("far", *box_of(0.1, 0.1, 0.9, 0.2)))
    found = {f.where: f for f in lint(yard, measured) if f.code == "zone-small-objects"}
    assert (found["zone far"].severity, found["zone yard"].severity) == ("error", "warning")
    # 360 px of frame are 360 px of input here: people at .12 are some .066 x 360 = 24 px high.
    assert "24 px high in the model's input" in found["zone yard"].message
    assert "by what the dry run saw, people under" in found["zone yard"].message
    y = number(found["zone yard"].remedy.split("where y is at least")[1])
    nearer = layout(zone("yard", *box_of(0.1, y, 0.9, 0.9)))
    assert [f for f in lint(nearer, measured) if f.code == "zone-small-objects"] == []
    assert [f for f in lint(yard, people) if f.code == "zone-small-objects"] == []


def test_smaller_than_anything_seen_is_judged_by_extrapolation() -> None:
    """Nobody was seen far away; with a small input they would be 6 px high, and the message says where that is from."""
    measured = look(crowd(), input_hw=(128, 192))
    found = only(lint(layout(zone("far", *box_of(0.1, 0.05, 0.9, 0.15))), measured), "zone-small-objects")
    assert "extrapolated" in found.message
    assert "none so small was found in the dry run" in found.message
    assert 256 <= number(found.remedy.split("Set model.input to")[1]) <= 768
    unknown = look(crowd(), input_hw=None)
    assert "zone-small-objects" not in [
        f.code for f in lint(layout(zone("far", *box_of(0.1, 0.05, 0.9, 0.15))), unknown)
    ]


def test_overlapping_zones() -> None:
    left, right = zone("left", *box_of(0.1, 0.4, 0.5, 0.8)), zone("right", *box_of(0.4, 0.4, 0.9, 0.8))
    found = only(lint(layout(left, right)), "zone-overlap")
    assert (found.severity, found.where) == ("warning", "zone left")
    assert "25 % of it lies in zone right too" in found.message
    touching = zone("right", *box_of(0.49, 0.4, 0.9, 0.8))
    assert lint(layout(left, touching)) == []
    cars = zone("right", *box_of(0.4, 0.4, 0.9, 0.8), classes=("car",))
    assert lint(layout(left, cars)) == []
    inner = zone("inner", *box_of(0.2, 0.5, 0.4, 0.7))
    assert codes(lint(layout(left, inner))) == [("zone-overlap", "info", "zone inner")]


def test_a_zone_where_objects_are_outside_the_frame() -> None:
    tall = look([Actor(walk(40, y, 600, y, 0, 20), scale=2.5) for y in (250, 280, 310, 340)])
    top = layout(zone("top", *box_of(0.2, 0.0, 0.8, 0.08)))
    found = only(lint(top, tall), "zone-cut-off")
    assert found.severity == "warning"
    assert [
        f for f in lint(layout(zone("low", *box_of(0.2, 0.75, 0.8, 0.95))), tall) if f.code == "zone-cut-off"
    ] == []


def test_nothing_seen_is_said(people: Measured) -> None:
    road = layout(zone("road", *box_of(0.1, 0.4, 0.9, 0.9), kind="road", classes=VEHICLES))
    assert codes(lint(road, people)) == [("dry-run-thin", "info", "vehicles")]
    assert lint(road, people)[0].message.startswith("no vehicles were seen in 20 s")
    assert codes(lint(layout(GOOD[0]), look([]))) == [("dry-run-thin", "info", "people")]


def test_objects_that_flicker_at_every_size() -> None:
    flicker = look(crowd(missed=lambda at: round(at * 6) % 3 > 0))
    found = only(lint(layout(GOOD[0]), flicker), "rarely-found")
    assert found.where == "people"
    assert "found in 33 % of the frames" in found.message or "found in 34 %" in found.message
    assert "(now 640)" in found.remedy


# --- bays ---

CAR = {"name": "car", "aspect": 1.2, "scale": 1.0}


def parked() -> Measured:
    return look([Actor(lambda at, x=x: (x, 250), **CAR) for x in (160, 260, 360)])


def bays(**polygons: tuple[tuple[float, float], ...]) -> object:
    return layout(zone("p1", kind="parking", bays=polygons, classes=VEHICLES))


def test_bays_about_as_large_as_cars() -> None:
    side = height_at(250)
    one = (260 / WH[0], 250 / WH[1])
    half_w, deep = 0.6 * side / WH[0], side / WH[1]

    def bay(factor: float) -> object:
        k = factor**0.5
        return bays(b1=box_of(one[0] - k * half_w, one[1] - k * deep, one[0] + k * half_w, one[1] + 0.02))

    assert lint(bay(1.0), parked()) == []
    small, large = lint(bay(0.2), parked()), lint(bay(4.0), parked())
    assert codes(small)[0] == codes(large)[0] == ("bay-size", "warning", "bay p1/b1")
    assert "not recognised as its own" in small[0].message
    assert "several bays drawn as one" in large[0].message
    assert lint(bay(4.0)) == []  # without a dry run or a ground plane nobody knows


def test_bays_in_metres_where_the_ground_is_known() -> None:
    ground = GroundConfig(
        image=((0.2, 0.4), (0.8, 0.4), (1.0, 1.0), (0.0, 1.0)),
        metres=((0.0, 30.0), (20.0, 30.0), (20.0, 0.0), (0.0, 0.0)),
    )
    whole = zone("p1", kind="parking", bays={"all": ground.image}, classes=VEHICLES)
    (found,) = lint(layout(whole, ground=ground))
    assert (found.code, found.where) == ("bay-size", "bay p1/all")
    assert "600.0 m²" in found.message
    dot = zone("p1", kind="parking", bays={"dot": box_of(0.5, 0.9, 0.53, 0.93)}, classes=VEHICLES)
    assert codes(lint(layout(dot, ground=ground))) == [("bay-size", "warning", "bay p1/dot")]


def test_overlapping_bays() -> None:
    first, second = box_of(0.2, 0.5, 0.4, 0.7), box_of(0.36, 0.5, 0.56, 0.7)
    assert codes(lint(bays(b1=first, b2=second))) == [("bay-overlap", "warning", "bay p1/b2")]
    assert codes(lint(bays(b1=first, b2=box_of(0.22, 0.5, 0.42, 0.7)))) == [
        ("bay-overlap", "error", "bay p1/b2")
    ]
    assert lint(bays(b1=first, b2=box_of(0.4, 0.5, 0.6, 0.7))) == []


def test_the_gravest_comes_first(people: Measured) -> None:
    parts = zone("roof", *box_of(0.1, 0.1, 0.3, 0.2)), line("rim", (0.1, 0.99), (0.9, 0.99))
    severities = [f.severity for f in lint(layout(*GOOD, *parts), people)]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    assert len(severities) > 1


# --- the measures ---


def test_measures_of_polygons() -> None:
    square = np.array(box_of(0, 0, 10, 20), float)
    assert len(inner_points(square)) == 1600
    assert least_breadth(square) == 10
    ways = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    assert mean_chord(square, ways)[:2] == pytest.approx([10, 20])
    slanted = np.array([[0, 0], [10, 10], [9, 11], [-1, 1]], float)
    assert least_breadth(slanted) == pytest.approx(2**0.5)
    assert shared_part(square, square + np.array([5, 0])) == pytest.approx(0.5, abs=0.03)
    assert shared_part(square, square + np.array([50, 0])) == 0


def test_room_to_the_edge_and_what_shows_of_a_box() -> None:
    points = np.array([[10.0, 50.0], [90.0, 50.0]])
    assert room(points, np.array([-1.0, 0.0]), (100, 100)) == pytest.approx([10, 90])
    assert room(points, np.array([0.6, 0.8]), (100, 100)) == pytest.approx([62.5, 10 / 0.6])
    shares = visible_share(
        np.array([[50.0, 10.0], [0.0, 90.0]]), np.full(2, 10.0), np.full(2, 40.0), (100, 100)
    )
    assert shares == pytest.approx([0.25, 0.5])


def test_every_code_is_explained() -> None:
    source = "".join(
        (ROOT / "edge" / f"{name}.py").read_text() for name in ("zone_lint", "line_lint", "bay_lint")
    )
    found = set(re.findall(r'^ +"([a-z]+(?:-[a-z]+)+)",$', source, re.MULTILINE)) | {
        "zone-no-object",
        "line-no-object",
    }
    assert len(found) >= 13
    table = set(re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs" / "zones.md").read_text(), re.MULTILINE))
    assert table == found
