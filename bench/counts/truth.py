"""What is true of a video: occupancy, entries, exits, crossings, bays and boxes over time. Pure.

`scene_truth` follows the rules of `sample_videos/truth.py` with the times kept; `sequence_truth` applies the words of
design.md section 6 to boxes drawn by people, whose jitter it forgives: two opposite changes of one person within
a second are none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from bench.counts.series import Array, IntArray, Mask, Span, Steps, steps_of_spans
from contract.names import GROUP_OF, ClassGroup
from edge.geometry import points_in_polygon, segments_cross, side_of_line
from edge.zones import CountLine, Layout
from sample_videos.world import HEIGHT, WIDTH, Camera

JITTER_S = 1.0
# On the rendered scenes positions are exact, and somebody who walks along a zone's edge goes in and out with each step:
# a stay on either side of it that is shorter than this is a glance.
GLANCE_S = 0.5
ROUNDING = 2  # changes that rounded positions may show more or less than there were
LEAST_VISIBLE = 0.25

Key = tuple[str, ClassGroup]  # of a zone or line
Way = Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class Change:
    """One person or vehicle went in or out at ``at``, seconds."""

    at: float
    way: Way


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Who is where in one frame: ``ids`` (N,) and ``xyxy`` (N, 4) pixels."""

    ids: IntArray
    xyxy: Array


@dataclass(slots=True)
class Truth:
    """A perfect counter's notes of ``end`` seconds."""

    end: float
    fps: float
    occupancy: dict[Key, Steps] = field(default_factory=dict)
    changes: dict[Key, list[Change]] = field(default_factory=dict)  # entries ("in") and exits ("out")
    crossings: dict[Key, list[Change]] = field(default_factory=dict)
    totals: dict[Key, tuple[int, int]] = field(default_factory=dict)  # (in, out) of each zone and line
    lasting: dict[Key, tuple[int, int]] = field(
        default_factory=dict
    )  # the same, without glances (rendered scenes)
    bays: dict[str, dict[str, list[Span]]] = field(default_factory=dict)
    boxes: list[dict[ClassGroup, Boxes]] = field(default_factory=list)  # by frame number


@dataclass(slots=True)
class Walk:
    """One object: frame numbers, increasing, and its ground point (N, 2) in pixels at each."""

    frames: list[int]
    points: Array


def scene_truth(document: Mapping[str, Any], layout: Layout) -> Truth:
    """Of a rendered scene's truth file; ``layout`` holds the zones and lines of its configuration.

    Raises:
        ValueError: the file's own totals are not what its positions say.
    """
    fps, frames = float(document["fps"]), document["track"]
    group_of = {item["id"]: GROUP_OF[item["class"]] for item in document["objects"]}
    seen = document["camera"]
    camera = Camera(tuple(seen["position"]), tuple(seen["target"]), seen["focal_px"])
    scale = np.array(layout.wh) / (WIDTH, HEIGHT)
    truth = Truth(end=len(frames) / fps, fps=fps)
    truth.boxes = [_boxes([row for row in rows if row[7] >= LEAST_VISIBLE], group_of) for rows in frames]
    walks: dict[ClassGroup, list[Walk]] = {}
    for who, group in group_of.items():
        rows = [(number, row) for number, rows in enumerate(frames) for row in rows if row[0] == who]
        ground = np.array([row[5:7] for _, row in rows], float)
        walks.setdefault(group, []).append(
            Walk([number for number, _ in rows], camera.project(ground)[:, :2] * scale)
        )

    def inside(points: Array, polygon: Array) -> Mask:
        out_of_view = ((points < 0) | (points > np.array(layout.wh))).any(axis=1)
        return points_in_polygon(points, polygon) & ~out_of_view

    _follow(truth, walks, layout, inside, jitter_s=0.0, groups=_groups_of(document))
    for zone, bays in document["bays"].items():
        truth.bays[zone] = {name: [(a, b) for a, b in spans] for name, spans in bays.items()}
        spans = [span for spans in truth.bays[zone].values() for span in spans]
        truth.occupancy[zone, "vehicle"] = steps_of_spans(spans, truth.end)
        truth.changes[zone, "vehicle"] = sorted(
            [Change(a, "in") for a, _ in spans if a > 0]
            + [Change(b, "out") for _, b in spans if b <= truth.end - 1 / fps],
            key=lambda change: change.at,
        )
    _take_totals(truth, document)
    return truth


def sequence_truth(rows: Array, fps: float, layout: Layout) -> Truth:
    """Of a MOTChallenge text: rows (N, >= 7) frame, id, x, y, w, h, flag; people only, frames from 1.

    Everybody annotated is counted; rows of flag 0 (wholly hidden) are left out of ``boxes``, as MOTChallenge does.
    Feet below the picture count at its lower edge.
    """
    number = (rows[:, 0] - 1).astype(int)
    truth = Truth(end=(number.max() + 1) / fps, fps=fps)
    xyxy = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
    for frame in range(number.max() + 1):
        shown = (number == frame) & (rows[:, 6] > 0)
        truth.boxes.append({"person": Boxes(rows[shown, 1].astype(int), xyxy[shown])})
    anchors = np.stack([(xyxy[:, 0] + xyxy[:, 2]) / 2, np.minimum(xyxy[:, 3], layout.wh[1] - 1e-6)], axis=1)
    walks = []
    for who in np.unique(rows[:, 1]):
        own = np.flatnonzero(rows[:, 1] == who)
        own = own[np.argsort(number[own])]
        walks.append(Walk(number[own].tolist(), anchors[own]))
    _follow(truth, {"person": walks}, layout, points_in_polygon, jitter_s=JITTER_S)
    for key, found in (*truth.changes.items(), *truth.crossings.items()):
        truth.totals[key] = _totals(found)
    return truth


def _follow(
    truth: Truth,
    walks: Mapping[ClassGroup, Sequence[Walk]],
    layout: Layout,
    inside: Callable[[Array, Array], Mask],
    *,
    jitter_s: float,
    groups: Mapping[str, Sequence[ClassGroup]] | None = None,
) -> None:
    """Fill in occupancy, changes and crossings of every polygon and line of the layout."""
    times = np.arange(len(truth.boxes)) / truth.fps
    for zone in layout.zones:
        if zone.polygon is None:
            continue
        for group in groups[zone.id] if groups else dict.fromkeys(GROUP_OF[name] for name in zone.classes):
            count, changes, lasting = np.zeros(len(times)), [], []
            for walk in walks.get(group, ()):
                here = inside(walk.points, zone.polygon)
                count[np.array(walk.frames)[here]] += 1
                own = settled(zone_changes(walk, here, truth.fps), jitter_s)
                changes += own
                lasting += settled(own, GLANCE_S)
            truth.occupancy[zone.id, group] = Steps(times, count, truth.end)
            truth.changes[zone.id, group] = sorted(changes, key=lambda change: change.at)
            truth.lasting[zone.id, group] = _totals(lasting)
    for line in layout.lines:
        for group in groups[line.id] if groups else dict.fromkeys(GROUP_OF[name] for name in line.classes):
            crossings = [
                crossing
                for walk in walks.get(group, ())
                for crossing in settled(line_crossings(walk, line, truth.fps), jitter_s)
            ]
            truth.crossings[line.id, group] = sorted(crossings, key=lambda change: change.at)


def zone_changes(walk: Walk, inside: Mask, fps: float) -> list[Change]:
    """Entries and exits of one object; who appears inside did not enter, who vanishes inside did not leave."""
    return [
        Change(now / fps, "in" if is_in else "out")
        for before, now, was_in, is_in in zip(walk.frames, walk.frames[1:], inside, inside[1:], strict=False)
        if now == before + 1 and was_in != is_in
    ]


def line_crossings(walk: Walk, line: CountLine, fps: float) -> list[Change]:
    """Where the way of one object's ground point passes through the segment."""
    return [
        Change(now / fps, "in" if float(side_of_line(line.a, line.b, q)[0]) > 0 else "out")
        for before, now, p, q in zip(walk.frames, walk.frames[1:], walk.points, walk.points[1:], strict=False)
        if now == before + 1 and segments_cross(p, q, line.a, line.b)
    ]


def settled(changes: Sequence[Change], jitter_s: float) -> list[Change]:
    """Without pairs of opposite changes of one object within ``jitter_s``."""
    kept: list[Change] = []
    for change in changes:
        if kept and kept[-1].way != change.way and change.at - kept[-1].at <= jitter_s + 1e-9:
            kept.pop()
        else:
            kept.append(change)
    return kept


def _boxes(rows: Sequence[Sequence[float]], group_of: Mapping[int, ClassGroup]) -> dict[ClassGroup, Boxes]:
    table = np.array([row[:5] for row in rows], float).reshape(-1, 5)
    groups = np.array([group_of[int(who)] for who in table[:, 0]], dtype=object)
    return {
        group: Boxes(table[groups == group, 0].astype(int), table[groups == group, 1:])
        for group in dict.fromkeys(group_of.values())
    }


def _groups_of(document: Mapping[str, Any]) -> dict[str, list[ClassGroup]]:
    return {name: list(groups) for part in ("zones", "lines") for name, groups in document[part].items()}


def _take_totals(truth: Truth, document: Mapping[str, Any]) -> None:
    """The file's totals are the truth; the positions, rounded to centimetres, may tell one change apart from them."""
    for part, found, ways in (
        ("zones", truth.changes, ("entries", "exits")),
        ("lines", truth.crossings, ("in", "out")),
    ):
        for name, groups in document[part].items():
            for group, stated in groups.items():
                totals = stated[ways[0]], stated[ways[1]]
                got = _totals(found[name, group])
                if max(abs(a - b) for a, b in zip(totals, got, strict=True)) > ROUNDING:
                    raise ValueError(
                        f"truth of {document['scene']}: {name} ({group}) states {totals} in and out, and its"
                        f" positions give {got}; render video, .yaml and .truth.json together"
                    )
                truth.totals[name, group] = totals


def _totals(changes: Sequence[Change]) -> tuple[int, int]:
    ways = [change.way for change in changes]
    return ways.count("in"), ways.count("out")
