"""From scripts to tracks: people who walk, wait, talk, sit and step aside; vehicles that drive along smooth paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .world import Floats, Point, Track

STEP = 1 / 12  # seconds between samples of a track


@dataclass
class Walk:
    """A walker's script. Steps: ("go", x, y), ("wait"|"talk"|"sit", seconds, heading)."""

    start: float
    at: Point
    speed: float
    steps: list[tuple[Any, ...]] = field(default_factory=list)
    height: float = 1.75
    phase: float = 0.0


def _wished(walk: Walk) -> Floats:
    """Samples of x, y, facing (nan while walking), sit, talk."""
    rows: list[tuple[float, float, float, float, float]] = []
    x, y = walk.at
    for kind, a, b in walk.steps:
        if kind == "go":
            length = float(np.hypot(a - x, b - y))
            n = max(round(length / walk.speed / STEP), 1)
            rows += [(x + (a - x) * k / n, y + (b - y) * k / n, np.nan, 0, 0) for k in range(1, n + 1)]
            x, y = float(a), float(b)
        else:
            n = round(float(a) / STEP)
            rows += [(x, y, float(b), float(kind == "sit"), float(kind == "talk"))] * n
    return np.array(rows or [(x, y, 0.0, 0.0, 0.0)])


def _smooth(a: Floats, window: int) -> Floats:
    """A running mean along the first axis that keeps the length."""
    if len(a) < 3:
        return a
    w = min(window, len(a) // 2 * 2 - 1) | 1
    pad = np.concatenate([np.repeat(a[:1], w // 2, 0), a, np.repeat(a[-1:], w // 2, 0)])
    c = np.cumsum(np.concatenate([np.zeros((1, *a.shape[1:])), pad]), axis=0)
    out: Floats = (c[w:] - c[:-w]) / w
    return out


def _finish(walk: Walk, wished: Floats, xy: Floats) -> Track:
    """Heading, gait and pose from where the walker really went."""
    xy = _smooth(xy, 5)
    v = np.gradient(xy, STEP, axis=0) if len(xy) > 1 else np.zeros_like(xy)
    speed = np.hypot(v[:, 0], v[:, 1])
    heading = np.zeros(len(xy))
    last = (
        float(np.arctan2(*(xy[min(6, len(xy) - 1)] - xy[0])[::-1]))
        if np.isnan(wished[0, 2])
        else wished[0, 2]
    )
    for k in range(len(xy)):
        face = wished[k, 2]
        goal = (
            np.arctan2(v[k, 1], v[k, 0])
            if np.isnan(face) and speed[k] > 0.3
            else (last if np.isnan(face) else face)
        )
        turn = (goal - last + np.pi) % (2 * np.pi) - np.pi
        last = last + np.clip(turn * 0.35, -0.35, 0.35)  # people turn in about half a second
        heading[k] = last
    stride = 1.42 * (walk.height / 1.75) * np.clip(0.55 + 0.33 * walk.speed, 0.6, 1.15)
    idle = 0.9 * STEP * (speed < 0.2)  # standing people still shift their weight and gesture
    phase = walk.phase + np.cumsum(speed * STEP / stride * 2 * np.pi + idle)
    swing = _smooth(np.clip(0.42 * speed / 1.3, 0, 0.5), 5)
    poses = _smooth(wished[:, 3:5], 9)
    values = np.column_stack([xy, heading, phase, swing, poses, np.zeros(len(xy))])
    return Track(walk.start, STEP, values)


def walks(scripts: Sequence[Walk], obstacles: Sequence[tuple[float, float, float]] = ()) -> list[Track]:
    """Tracks of walkers who keep 0.65 m apart and step around obstacles (x, y, radius)."""
    wished = [_wished(w) for w in scripts]
    first = [round(w.start / STEP) for w in scripts]
    out = [w[:, :2].copy() for w in wished]
    offset = np.zeros((len(scripts), 2))
    obs = np.array(obstacles, float).reshape(-1, 3)
    for k in range(
        min(first, default=0), max((f + len(w) for f, w in zip(first, wished, strict=True)), default=0)
    ):
        live = [i for i, (f, w) in enumerate(zip(first, wished, strict=True)) if f <= k < f + len(w)]
        if not live:
            continue
        want = np.array([wished[i][k - first[i], :2] for i in live])
        fixed = np.array([wished[i][k - first[i], 3] > 0 for i in live])
        off = offset[live] * 0.93
        off[fixed] *= 0.5
        p = want + off
        off += _push(p, fixed) + np.where(fixed[:, None], 0, _avoid(p, obs))
        length = np.linalg.norm(off, axis=1, keepdims=True)
        offset[live] = off * np.minimum(1, 1.6 / np.maximum(length, 1e-9))
        for i, q in zip(live, want + offset[live], strict=True):
            out[i][k - first[i]] = q
    return [_finish(w, a, xy) for w, a, xy in zip(scripts, wished, out, strict=True)]


def _push(p: Floats, fixed: Floats) -> Floats:
    """How far each of the walkers at p moves away from those who are too near, in one step."""
    d = p[:, None] - p[None]
    r = np.linalg.norm(d, axis=2) + np.eye(len(p)) * 9
    near = np.clip(0.95 - r, 0, None)
    away = (
        d / r[..., None] + 0.5 * np.stack([-d[..., 1], d[..., 0]], -1) / r[..., None]
    )  # a little to one side
    move: Floats = 0.16 * (near[..., None] * away).sum(1)
    return np.where(fixed[:, None], 0, move)


def _avoid(p: Floats, obs: Floats) -> Floats:
    if not len(obs):
        return np.zeros_like(p)
    d = p[:, None] - obs[None, :, :2]
    r = np.linalg.norm(d, axis=2) + 1e-6
    near = np.clip(obs[None, :, 2] + 0.45 - r, 0, None)
    move: Floats = 0.3 * (near[..., None] * d / r[..., None]).sum(1)
    return move


@dataclass
class Leg:
    """A stretch of driving: corner points, top speed m/s, speed at the start and the end, forwards (1) or backwards (-1)."""

    points: list[Point]
    speed: float
    enter: float = 0.0
    leave: float = 0.0
    direction: int = 1
    then_wait: float = 0.0


def _path(points: list[Point]) -> Floats:
    """The corners resampled every 0.1 m and rounded over about 4 m."""
    p = np.array(points, float)
    s = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(p, axis=0).T))])
    at = np.arange(0, s[-1] + 1e-9, 0.1)
    line = np.column_stack([np.interp(at, s, p[:, 0]), np.interp(at, s, p[:, 1])])
    w = 20
    head = line[0] + (line[0] - line[1]) * np.arange(w, 0, -1)[:, None]
    tail = line[-1] + (line[-1] - line[-2]) * np.arange(1, w + 1)[:, None]
    full = np.concatenate([head, line, tail])
    for _ in range(2):
        full = _smooth(full, 2 * w + 1)
    full[w:w + 1], full[-w - 1:-w] = line[0], line[-1]  # fmt: skip
    return full[w:-w]


def _roll(length: float, leg: Leg, brake: float = 1.6) -> Floats:
    """Distances covered, sample by sample, with bounded acceleration."""
    s, v = 0.0, leg.enter
    out: list[float] = []
    while s < length - 0.02 and len(out) < 3000:
        v = min(leg.speed, v + brake * STEP, float(np.sqrt(leg.leave**2 + 2 * brake * max(length - s, 0))))
        v = max(v, 0.08)
        s = min(s + v * STEP, length)
        out.append(s)
    return np.array(out or [length])


def drive(
    start: float, legs: Sequence[Leg], wheelbase: float = 2.6
) -> tuple[Track, list[tuple[float, float]]]:
    """The track of a vehicle along its legs and the (from, to) times of the stops after each leg."""
    rows: list[tuple[float, float, float]] = []
    stops = []
    for leg in legs:
        path = _path(leg.points)
        s = _roll(0.1 * (len(path) - 1), leg)
        grid = 0.1 * np.arange(len(path))

        def along(d: Floats, path: Floats = path, grid: Any = grid) -> Floats:
            out = np.column_stack([np.interp(d, grid, path[:, 0]), np.interp(d, grid, path[:, 1])])
            over, under = np.clip(d - grid[-1], 0, None)[:, None], np.clip(-d, 0, None)[:, None]
            out += over * (path[-1] - path[-2]) / 0.1 - under * (path[1] - path[0]) / 0.1
            return out

        a, b = along(s + wheelbase / 2), along(s - wheelbase / 2)
        heading = np.arctan2(*(a - b).T[::-1]) + (np.pi if leg.direction < 0 else 0)
        xy = along(s)
        begin = start + STEP * (len(rows) + len(s) - 1)
        rows += [(x, y, h) for (x, y), h in zip(xy, heading, strict=True)]
        rows += [rows[-1]] * round(leg.then_wait / STEP)
        stops.append((begin, start + STEP * (len(rows) - 1)))
    v = np.array(rows)
    v[:, 2] = np.unwrap(v[:, 2])
    gone = np.cumsum(np.concatenate([[0], np.hypot(*np.diff(v[:, :2], axis=0).T)]))
    zero = np.zeros(len(v))
    return Track(start, STEP, np.column_stack([v, gone / 0.7, zero, zero, zero, zero])), stops


def parked(x: float, y: float, heading: float, until: float) -> Track:
    """The track of something that never moves."""
    return Track(0.0, until, np.array([[x, y, heading, 0, 0, 0, 0, 0]] * 2, float))
