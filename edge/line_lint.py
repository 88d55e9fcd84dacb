"""The check of count lines: is each where an object can be seen on both of its sides, and walks across it?"""

from __future__ import annotations

import numpy as np

from contract.names import ObjectClass
from edge.crossing import LINE_BAND
from edge.findings import Array, Expected, Finding, percent, up
from edge.geometry import distance_to_edge, segments_cross
from edge.lint_geometry import room
from edge.measured import LEAST_OBJECTS, SAMPLE_S, VX, VY, WHO, H, X, Y
from edge.zones import CountLine

# From these shares of its length on, a line too near the frame's edge counts nothing, or counts short.
_BLOCKED, _PARTLY = 0.8, 0.25
# A crossing is believed from LINE_BAND beyond the line on, and an anchor lies a little above the feet.
_ABOVE = LINE_BAND + 0.05
# Objects that meet a line at less than this angle, degrees, walk along it.
_ALONG_DEG = 20.0
# A person is about this share of its height wide; a shorter line hardly catches one.
_SHORT = 0.4
_STEPS = 21
_EDGES = (("right", "left"), ("left", "right")), (("lower", "up"), ("upper", "down"))  # (edge, away from it)
# Fewer seconds than this say nothing about where nobody walks.
LEAST_SECONDS = 10.0


def lint_line(line: CountLine, expected: Expected) -> list[Finding]:
    """Findings about one line."""
    points = line.a + np.linspace(0, 1, _STEPS)[:, None] * (line.b - line.a)
    widths, heights = expected.boxes(line.classes, points)
    findings = [_at_edge(line, expected, points, widths, heights), _short(line, expected, heights)]
    measured = expected.measured
    if measured is not None and expected.sizes(line.classes):
        findings.append(_use(line, expected, float(np.median(heights))))
    return [finding for finding in findings if finding is not None]


def _at_edge(
    line: CountLine, expected: Expected, points: Array, widths: Array, heights: Array
) -> Finding | None:
    along = (line.b - line.a) / line.length
    normal = np.array([-along[1], along[0]])
    half = (abs(normal[0]) * widths + abs(normal[1]) * heights) / 2
    # Half an object has to fit between the line and the frame's edge, on both sides. Upward more: there an object is
    # cut from its head down, so that it has to be clearly beyond the line while half of it shows.
    ways = [
        (room(points, way, expected.wh), half + max(-way[1], 0) * _ABOVE * heights, way)
        for way in (normal, -normal)
    ]
    free, need, way = max(ways, key=lambda item: float((item[0] < item[1]).mean()))
    blocked = free < need
    share = float(blocked.mean())
    if share < _PARTLY:
        return None
    axis = int(np.abs(way).argmax())
    side = expected.wh[axis]
    # A little more than half an object: on the spot itself the finding would stay.
    shift = 1.02 * float((need - free)[blocked].max()) * abs(float(way[axis])) / side + 0.005
    edge, inward = _EDGES[axis][int(way[axis] < 0)]
    of = f"of the frame's {'width' if axis == 0 else 'height'}"
    distance, least = (float(np.median(v[blocked])) * abs(float(way[axis])) / side for v in (free, need))
    # Who leaves downward is followed to the edge by the feet, so there crossings are not sure to be missed. At a
    # side, an object is clearly beyond the line only a little further on.
    reach = {"lower": 0.0, "upper": np.inf}.get(edge, LINE_BAND)
    error = share >= _BLOCKED and bool(np.median((free / heights)[blocked]) < reach)
    return Finding(
        "line-at-edge",
        "error" if error else "warning",
        f"line {line.id}",
        f"over {percent(share)} of its length it lies {distance:.3f} {of} from the {edge} edge, and for half of"
        f" {expected.what(line.classes)} to be seen beyond it takes {least:.3f} there: who crosses it is partly"
        f" outside the frame, and crossings {'are' if error else 'may be'} missed.",
        f"Move {'it' if share >= _BLOCKED else 'that part'} {inward} by at least {up(shift)} {of}.",
    )


def _short(line: CountLine, expected: Expected, heights: Array) -> Finding | None:
    height, side = float(np.median(heights)), expected.wh[1]
    if line.length >= _SHORT * height:
        return None
    return Finding(
        "line-short",
        "warning",
        f"line {line.id}",
        f"it is {line.length / side:.3f} of the frame's height long, less than {_SHORT:.1f} of the height of"
        f" {expected.what(line.classes)} there ({height / side:.3f}): most pass beside its ends.",
        f"Draw it across the whole path, at least {up(2 * height / side)} of the frame's height long.",
    )


def _use(line: CountLine, expected: Expected, height: float) -> Finding | None:
    """Does anybody come near it, and do those who cross it walk across it?"""
    measured = expected.measured
    assert measured is not None  # noqa: S101 - the caller asks first
    scale = np.array(expected.wh, np.float64)
    rows = np.concatenate([sizes.samples for sizes in expected.sizes(line.classes).values()])
    rows = rows[distance_to_edge(rows[:, [X, Y]] * scale, np.stack([line.a, line.b])) <= height]
    if not len(rows):
        seconds = measured.seconds
        return nothing_there(f"line {line.id}", line.classes, seconds) if seconds >= LEAST_SECONDS else None
    rows = rows[np.hypot(rows[:, VX], rows[:, VY]) > 0]
    ends = rows[:, [X, Y]] * scale
    starts = ends - SAMPLE_S * rows[:, [VX, VY]] * rows[:, [H]] * scale[1]
    crosses = [segments_cross(p, q, line.a, line.b) for p, q in zip(starts, ends, strict=True)]
    rows = rows[np.array(crosses, bool)]
    direction = (line.b - line.a) / line.length
    cosine = np.abs(rows[:, [VX, VY]] @ direction) / np.hypot(rows[:, VX], rows[:, VY])
    if len(np.unique(rows[:, WHO])) < LEAST_OBJECTS:
        return None
    angle = float(np.degrees(np.arccos(np.clip(np.median(cosine), 0, 1))))
    if angle >= _ALONG_DEG:
        return None
    return Finding(
        "line-along",
        "warning",
        f"line {line.id}",
        f"who crossed it in {measured.seconds:.0f} s met it at {angle:.0f}° (median): they walk along it, and"
        " whoever sways is counted in and out.",
        "Turn it so that it lies across their way; 90° is best.",
    )


def nothing_there(where: str, classes: tuple[ObjectClass, ...], seconds: float) -> Finding:
    """Nobody came to a place while others were seen elsewhere."""
    kind = where.split(maxsplit=1)[0]
    return Finding(
        f"{kind}-no-object",
        "info",
        where,
        f"in {seconds:.0f} s none of what it counts ({', '.join(classes)}) was seen there, while such objects were"
        " seen elsewhere.",
        "Look at the preview whether it lies where you mean it; check again at a busier hour (--seconds 300).",
    )
