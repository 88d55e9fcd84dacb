"""What a perfect counter would say: zones, lines and bays from the true ground positions. Pure.

A frame's state holds for 1/fps seconds. `track` is the list of frames of the truth file: rows
[id, x1, y1, x2, y2, ground x, ground y, visible share].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .world import VEHICLES, Camera, Line, Point, Scene, Zone

Row = Sequence[float]
PEAK_S = 1.0


def group(cls: str) -> str:
    """person, bicycle or vehicle."""
    return "vehicle" if cls in VEHICLES else cls


def groups(classes: Sequence[str]) -> list[str]:
    """The groups that some classes belong to, each once."""
    return list(dict.fromkeys(group(c) for c in classes))


def inside(p: Point, polygon: Sequence[Point]) -> bool:
    """Whether p lies in the polygon (even-odd rule)."""
    hit = False
    for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (ay > p[1]) != (by > p[1]) and p[0] < ax + (p[1] - ay) * (bx - ax) / (by - ay):
            hit = not hit
    return hit


def sustained_peak(occupancy: Sequence[int], fps: float) -> int:
    """The greatest number held for at least a second."""
    need = max(round(PEAK_S * fps), 1)
    windows = (min(occupancy[k : k + need]) for k in range(len(occupancy) - need + 1))
    return max(windows, default=0)


def zone_counts(
    frames: Sequence[Sequence[Row]], members: set[int], polygon: Sequence[Point], camera: Camera, fps: float
) -> dict[str, Any]:
    """Entries, exits, sustained peak and mean of the members in a polygon on the ground."""
    before: dict[int, bool] = {}
    occupancy, entries, exits, born, died = [], 0, 0, 0, 0
    for rows in frames:
        now = {}
        for row in rows:
            if int(row[0]) in members:
                p = (row[5], row[6])
                now[int(row[0])] = camera.sees(p) and inside(p, polygon)
        for who, is_in in now.items():
            if who not in before:
                born += is_in
            elif is_in and not before[who]:
                entries += 1
            elif before[who] and not is_in:
                exits += 1
        died += sum(was for who, was in before.items() if who not in now)
        before = now
        occupancy.append(sum(now.values()))
    mean = sum(occupancy) / max(len(occupancy), 1)
    return {
        "entries": entries,
        "exits": exits,
        "peak": sustained_peak(occupancy, fps),
        "mean": round(mean, 4),
        "born_inside": born,
        "died_inside": died,
        "final": occupancy[-1] if occupancy else 0,
    }


def line_counts(
    frames: Sequence[Sequence[Row]], members: set[int], line: Line, camera: Camera
) -> dict[str, int]:
    """Crossings of the ground point. The side is taken in the picture, so that "in" is what the wire calls in."""
    a, b = (camera.project(p)[:2] for p in (line.a, line.b))
    last: dict[int, tuple[float, float, float]] = {}
    out = {"in": 0, "out": 0}
    for rows in frames:
        now = {}
        for row in rows:
            who = int(row[0])
            if who not in members:
                continue
            x, y = (float(v) for v in camera.project((row[5], row[6]))[:2])
            side = float((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]))
            along = float(((x - a[0]) * (b[0] - a[0]) + (y - a[1]) * (b[1] - a[1])) / ((b - a) @ (b - a)))
            now[who] = (side, along, 0.0)
            if who in last and (last[who][0] < 0) != (side < 0):
                share = last[who][0] / (last[who][0] - side)
                at = last[who][1] + share * (along - last[who][1])
                if 0 <= at <= 1:
                    out["in" if side >= 0 else "out"] += 1
        last = now
    return out


def bay_counts(spans: dict[str, list[tuple[float, float]]], frames: int, fps: float) -> dict[str, Any]:
    """Arrivals, departures, peak and mean of the bays taken, from the spans in seconds; a span from 0 was there before."""
    end = (frames - 1) / fps
    flat = [s for v in spans.values() for s in v]
    occupancy = [sum(a <= k / fps < b for a, b in flat) for k in range(frames)]
    return {
        "entries": sum(0 < a <= end for a, _ in flat),
        "exits": sum(b <= end for _, b in flat),
        "peak": sustained_peak(occupancy, fps),
        "mean": round(sum(occupancy) / frames, 4),
    }


def counts(track: Sequence[Sequence[Row]], classes: dict[int, str], zones: Sequence[Zone], lines: Sequence[Line],
           spans: dict[str, list[tuple[float, float]]], camera: Camera, fps: float) -> dict[str, Any]:  # fmt: skip
    """The parts "zones" and "lines" of the truth file, and "bays"."""
    by_group: dict[str, set[int]] = {}
    for who, cls in classes.items():
        by_group.setdefault(group(cls), set()).add(who)
    out: dict[str, Any] = {"zones": {}, "lines": {}, "bays": {}}
    for z in zones:
        if z.bays:
            out["zones"][z.id] = {"vehicle": bay_counts(spans, len(track), fps)}
            out["bays"][z.id] = {
                n: [[round(a, 2), round(min(b, len(track) / fps), 2)] for a, b in spans.get(n, [])]
                for n in z.bays
            }
            continue
        full = {
            g: zone_counts(track, by_group.get(g, set()), z.polygon, camera, fps) for g in groups(z.classes)
        }
        out["zones"][z.id] = {
            g: {k: c[k] for k in ("entries", "exits", "peak", "mean")} for g, c in full.items()
        }
    for line in lines:
        out["lines"][line.id] = {
            g: line_counts(track, by_group.get(g, set()), line, camera) for g in groups(line.classes)
        }
    return out


def document(
    scene: Scene, measured: Sequence[Sequence[Any]], fps: float, width: int, height: int
) -> dict[str, Any]:
    """The whole truth file of a scene, from masks.Seen per frame."""
    track = [
        [
            [
                s.id,
                *(round(v, 1) for v in s.box),
                round(s.ground[0], 2),
                round(s.ground[1], 2),
                round(s.visible, 2),
            ]
            for s in frame
        ]
        for frame in measured
    ]
    classes = {s.id: s.cls for frame in measured for s in frame}
    cam = scene.camera
    debris = []
    for d in scene.debris:
        x, y = d["ground"]
        corners = cam.project(
            [(x + i * 0.33, y + j * 0.3, k) for i in (-1, 1) for j in (-1, 1) for k in (0, 0.47)]
        )
        (x1, y1), (x2, y2) = corners[:, :2].min(0), corners[:, :2].max(0)
        debris.append({**d, "box": [round(float(v), 1) for v in (x1, y1, x2, y2)]})
    return {
        "version": 1, "scene": scene.name, "seed": scene.seed, "fps": fps, "frames": len(track), "width": width, "height": height,
        "camera": {"position": list(cam.position), "target": list(cam.target), "focal_px": cam.focal_px},
        "objects": [{"id": i, "class": c} for i, c in sorted(classes.items())],
        "track": track,
        **counts(track, classes, scene.zones, scene.lines, scene.bay_spans, cam, fps),
        "debris": debris, "events": scene.events,
    }  # fmt: skip
