"""The check of a layout: what will miscount, why, and how to mend it.

Everything is judged against the objects themselves. Their sizes, ways and visibility come from a dry run
(`edge.measured`); without one only that is told which is wrong whatever the objects are. docs/zones.md explains
each code.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from contract.names import GROUP_OF, ClassGroup
from edge.bay_lint import lint_bays
from edge.findings import PLURAL, Array, Expected, Finding, percent, ranked, up
from edge.geometry import distance_to_edge, points_in_polygon, polygon_area
from edge.line_lint import LEAST_SECONDS, lint_line, nothing_there
from edge.lint_geometry import inner_points, least_breadth, mean_chord, shared_part, visible_share
from edge.measured import FOUND, VX, VY, Measured, Sizes, X, Y
from edge.zones import Layout, Zone

_OVERLAP = 0.05  # of the smaller zone
_CONTAINED = 0.95
_SMALL, _ALL_SMALL = 0.1, 0.9  # shares of a zone in which objects are too small
_CUT_OFF = 0.5
# A change of zone is believed from .1 of an object's height beyond the edge on, on either side: less has no inside.
_NARROW = 0.25
_LEAST_WAYS = 8
# An object covers at least this share of its height of the ground, each way.
_GROUND = 0.4


def lint(layout: Layout, measured: Measured | None = None) -> list[Finding]:
    """Every finding about a camera's layout, the gravest first.

    Args:
        layout: zones, lines and, if known, the ground plane at one frame size.
        measured: what a dry run of the same camera saw; None checks the drawing alone.
    """
    expected = Expected(layout.wh, measured, layout.ground)
    findings: list[Finding] = []
    for zone in layout.zones:
        findings += _lint_zone(zone, expected)
        findings += lint_bays(zone, expected, layout.ground)
    findings += _overlaps(layout.zones)
    for line in layout.lines:
        findings += lint_line(line, expected)
    if measured is not None:
        findings += _lint_run(layout, measured)
    return ranked(findings)


def _lint_zone(zone: Zone, expected: Expected) -> list[Finding]:
    polygons = list(zone.bays.values()) if zone.polygon is None else [zone.polygon]
    points = np.concatenate([inner_points(polygon) for polygon in polygons])
    findings = [_small_objects(zone, expected, points), _cut_off(zone, expected, points)]
    if zone.polygon is not None:
        findings.append(
            _tiny(zone, expected, zone.polygon, points) or _thin(zone, expected, zone.polygon, points)
        )
    if expected.measured is not None and expected.measured.seconds >= LEAST_SECONDS:
        findings.append(_empty(zone, expected, polygons))
    return [finding for finding in findings if finding is not None]


def _tiny(zone: Zone, expected: Expected, polygon: Array, points: Array) -> Finding | None:
    """Smaller than the ground that one object covers."""
    width = _GROUND * float(np.median(expected.boxes(zone.classes, points)[1]))
    area = polygon_area(polygon)
    if area >= width**2:
        return None
    frame = float(np.prod(expected.wh))
    return Finding(
        "zone-tiny",
        "error",
        f"zone {zone.id}",
        f"it covers {100 * area / frame:.3f} % of the frame, less than the ground under"
        f" {expected.what(zone.classes)} ({100 * width**2 / frame:.3f} %): nobody is inside for a whole step.",
        f"Draw it at least {up(2 * width / expected.wh[0])} of the frame's width wide and as deep, or take it out.",
    )


def _thin(zone: Zone, expected: Expected, polygon: Array, points: Array) -> Finding | None:
    """Thinner than the way between two frames, along the motion there; or than the jitter of a box."""
    travel = _travel(zone, expected, polygon)
    height = float(np.median(expected.boxes(zone.classes, points)[1]))
    side = expected.wh[1]
    if travel is not None:
        chords, steps = travel
        skipped = float(np.mean(chords < steps))
        if skipped >= 0.1:
            assert expected.measured is not None  # noqa: S101 - ways come from a dry run
            fps = expected.measured.fps
            typical, most = np.median(steps) / side, np.quantile(steps, 0.9) / side
            return Finding(
                "zone-thin",
                "error" if skipped >= 0.5 else "warning",
                f"zone {zone.id}",
                f"along the way of the objects it is {np.median(chords) / side:.3f} of the frame's height deep, and"
                f" between two frames ({fps:.1f} a second) they travel {typical:.3f}, the fastest tenth {most:.3f}:"
                f" {percent(skipped)} of them would step over it.",
                f"Make it at least {up(2 * most)} of the frame's height deep along their way, or count with a line.",
            )
    breadth = least_breadth(polygon)
    if breadth >= _NARROW * height:
        return None
    return Finding(
        "zone-thin",
        "warning",
        f"zone {zone.id}",
        f"at its narrowest it is {breadth / side:.3f} of the frame's height across, less than a quarter of the"
        f" height of {expected.what(zone.classes)} there ({height / side:.3f}): the jitter of a box carries it in and out.",
        f"Make it at least {up(0.5 * height / side)} of the frame's height across, or count with a line.",
    )


def _travel(zone: Zone, expected: Expected, polygon: Array) -> tuple[Array, Array] | None:
    """For each moving sample in or near a zone: its way through the zone and its way between two frames, pixels."""
    measured = expected.measured
    if measured is None or measured.fps <= 0:
        return None
    scale = np.array(expected.wh, np.float64)
    chords, steps = [], []
    for sizes in expected.sizes(zone.classes).values():
        rows = sizes.moving()
        places = rows[:, [X, Y]] * scale
        heights = sizes.height.at(rows[:, Y]) * scale[1]
        near = points_in_polygon(places, polygon) | (distance_to_edge(places, polygon) <= heights)
        velocity = rows[near][:, [VX, VY]]
        speed = np.hypot(velocity[:, 0], velocity[:, 1])
        chords.append(mean_chord(polygon, velocity / speed[:, None]))
        steps.append(speed * heights[near] / measured.fps)
    if sum(map(len, steps)) < _LEAST_WAYS:
        return None
    return np.concatenate(chords), np.concatenate(steps)


def _small_objects(zone: Zone, expected: Expected, points: Array) -> Finding | None:
    worst: tuple[float, ClassGroup, Sizes] | None = None
    for group, sizes in expected.sizes(zone.classes).items():
        limit, _ = expected.least_height(group, sizes)
        share = float((sizes.height.at(points[:, 1] / expected.wh[1]) < limit).mean())
        if share >= _SMALL and (worst is None or share > worst[0]):
            worst = share, group, sizes
    scale = expected.input_px()
    if worst is None or scale is None:
        return None
    share, group, sizes = worst
    limit, shown = expected.least_height(group, sizes)
    near, y = (float(value) / expected.wh[1] for value in (points[:, 1].max(), points[:, 1].min()))
    height = float(sizes.height.at(y))
    why = (
        f"by what the dry run saw, {PLURAL[group]} under {limit * scale:.0f} px are found in fewer than"
        f" {percent(FOUND)} of the frames"
        if shown
        else f"none so small was found in the dry run, and under {limit * scale:.0f} px few are"
    )
    return Finding(
        "zone-small-objects",
        "error" if share >= _ALL_SMALL else "warning",
        f"zone {zone.id}",
        f"at its far edge {PLURAL[group]} are {height * scale:.0f} px high in the model's input ({height:.3f} of the"
        f" frame{'' if sizes.height.low <= y <= sizes.height.high else ', extrapolated'}); {why}. That is"
        f" {percent(share)} of the zone.",
        _enlarge(expected, sizes, limit, height, near),
    )


def _enlarge(expected: Expected, sizes: Sizes, limit: float, height: float, near: float) -> str:
    assert expected.measured is not None and expected.measured.input_hw is not None  # noqa: S101, PT018
    longer = max(expected.measured.input_hw)
    wanted = int(-(-longer * limit / height // 32) * 32)
    larger = f"Set model.input to {wanted} instead of {longer}" if wanted <= 1920 else ""
    nearer = ""
    if sizes.height.slope > 0 and (y := (limit - sizes.height.base) / sizes.height.slope) < near:
        nearer = f"draw the zone only where y is at least {up(y)}"
    choices = [choice for choice in (larger, nearer, "move or zoom the camera nearer") if choice]
    text = ", or ".join(choices)
    return f"{text[0].upper()}{text[1:]}."


def _cut_off(zone: Zone, expected: Expected, points: Array) -> Finding | None:
    """Where an object stands with most of it outside the frame."""
    widths, heights = expected.boxes(zone.classes, points)
    share = float((visible_share(points, widths, heights, expected.wh) < 0.5).mean())
    if share < _CUT_OFF:
        return None
    return Finding(
        "zone-cut-off",
        "warning",
        f"zone {zone.id}",
        f"over {percent(share)} of it, more than half of {expected.what(zone.classes)} standing there is outside the"
        " frame: it is seldom detected.",
        f"Turn the camera towards it, or draw it at least {up(float(np.median(heights)) / expected.wh[1])} of the"
        " frame's height below the upper edge and clear of the sides.",
    )


def _empty(zone: Zone, expected: Expected, polygons: Sequence[Array]) -> Finding | None:
    known = expected.sizes(zone.classes)
    measured = expected.measured
    if not known or measured is None:
        return None
    places = np.concatenate([sizes.samples for sizes in known.values()])[:, [X, Y]] * np.array(expected.wh)
    if any(points_in_polygon(places, polygon).any() for polygon in polygons):
        return None
    return nothing_there(f"zone {zone.id}", zone.classes, measured.seconds)


def _overlaps(zones: Sequence[Zone]) -> list[Finding]:
    """Pairs of zones that count the same objects twice."""
    findings = []
    for first, second in itertools.combinations(zones, 2):
        if first.polygon is None or second.polygon is None or not set(first.classes) & set(second.classes):
            continue
        share = shared_part(first.polygon, second.polygon)
        if share <= _OVERLAP:
            continue
        small, large = sorted((first, second), key=lambda zone: polygon_area(zone.polygon))  # type: ignore[arg-type]
        inside = share >= _CONTAINED
        findings.append(
            Finding(
                "zone-overlap",
                "info" if inside else "warning",
                f"zone {small.id}",
                f"{'all' if inside else percent(share)} of it lies in zone {large.id} too: objects there are"
                " counted in both.",
                f"{'Fine if you mean it so' if inside else 'Move their common edge apart'}; never add the two up.",
            )
        )
    return findings


def _lint_run(layout: Layout, measured: Measured) -> list[Finding]:
    """What the dry run says about the camera as a whole."""
    classes = {name for zone in layout.zones for name in zone.classes}
    groups = {GROUP_OF[name] for name in classes | {name for line in layout.lines for name in line.classes}}
    findings = []
    for group in sorted(groups):
        sizes = measured.groups.get(group)
        if sizes is None or not sizes.enough:
            findings.append(_unseen(group, 0 if sizes is None else sizes.objects, measured.seconds))
        elif sizes.share < FOUND:
            findings.append(_weak(group, sizes, measured))
    return findings


def _unseen(group: ClassGroup, objects: int, seconds: float) -> Finding:
    few = f"only {objects}" if objects else "no"
    return Finding(
        "dry-run-thin",
        "info",
        PLURAL[group],
        f"{few} {PLURAL[group]} were seen in {seconds:.0f} s: their sizes and ways are not known, and only the"
        " drawing was checked for them.",
        "Check again at a busier hour, or longer (--seconds 300), or on a recording (--video FILE).",
    )


def _weak(group: ClassGroup, sizes: Sizes, measured: Measured) -> Finding:
    now = "" if measured.input_hw is None else f" (now {max(measured.input_hw)})"
    return Finding(
        "rarely-found",
        "warning",
        PLURAL[group],
        f"by what the dry run saw, {PLURAL[group]} are found in {percent(sizes.share)} of the frames only,"
        " whatever their size.",
        f"Use a larger model.input{now} or a stronger model; look for backlight, dirt and night.",
    )
