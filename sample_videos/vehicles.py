"""Cars, vans, lorries and bicycles as meshes: a lofted body, wheels, lights, plates, mirrors. x forward, origin on the ground."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from . import cycles, figure
from .looks import CarLook
from .meshes import Mesh, box, ellipsoid, join, loft, make, tube, wheel
from .world import Floats


@dataclass(frozen=True)
class Body:
    """Length, width, waist height in metres; roof line as (fraction from tail to nose, height); side windows."""

    length: float
    width: float
    waist: float
    roof: tuple[tuple[float, float], ...]
    window: tuple[float, float]
    pillars: tuple[float, ...]
    wheels: tuple[float, float]
    radius: float = 0.32


BODIES = {
    "hatch": Body(4.0, 1.76, 0.93, ((0, 0.6), (0.012, 0.95), (0.035, 1.04), (0.12, 1.37), (0.2, 1.45), (0.42, 1.49), (0.55, 1.43),
                  (0.73, 0.99), (0.77, 0.95), (0.93, 0.82), (0.985, 0.72), (1, 0.55)), (0.1, 0.72), (0.22, 0.45), (0.19, 0.81)),
    "saloon": Body(4.6, 1.8, 0.92, ((0, 0.6), (0.012, 0.9), (0.03, 1.0), (0.15, 1.03), (0.28, 1.34), (0.37, 1.42), (0.5, 1.45), (0.58, 1.39),
                   (0.72, 0.98), (0.95, 0.8), (0.985, 0.72), (1, 0.55)), (0.2, 0.7), (0.29, 0.48), (0.2, 0.81)),
    "estate": Body(4.6, 1.8, 0.93, ((0, 0.6), (0.012, 0.95), (0.03, 1.03), (0.09, 1.36), (0.16, 1.46), (0.5, 1.5), (0.58, 1.43), (0.72, 1.0),
                   (0.95, 0.83), (0.985, 0.74), (1, 0.55)), (0.08, 0.7), (0.22, 0.46), (0.19, 0.81)),
    "suv": Body(4.45, 1.86, 1.05, ((0, 0.7), (0.012, 1.05), (0.03, 1.15), (0.1, 1.5), (0.17, 1.62), (0.45, 1.66), (0.56, 1.6), (0.71, 1.14),
                (0.76, 1.1), (0.94, 0.98), (0.985, 0.86), (1, 0.65)), (0.08, 0.7), (0.22, 0.45), (0.19, 0.81), 0.36),
    "van": Body(5.2, 1.98, 1.18, ((0, 0.7), (0.01, 1.7), (0.02, 2.0), (0.05, 2.1), (0.5, 2.14), (0.66, 2.1), (0.72, 1.98), (0.86, 1.25),
                (0.97, 1.04), (0.99, 0.85), (1, 0.6)), (0.62, 0.82), (0.7,), (0.19, 0.82), 0.34),
    "truck": Body(6.6, 2.1, 1.3, ((0, 0.8), (0.02, 0.95), (0.66, 0.97), (0.675, 1.9), (0.69, 2.25), (0.85, 2.3), (0.9, 2.2), (0.965, 1.4),
                  (0.985, 1.1), (1, 0.7)), (0.74, 0.92), (), (0.2, 0.82), 0.42),
    "bus": Body(11.6, 2.5, 1.35, ((0, 0.8), (0.004, 2.2), (0.008, 2.85), (0.02, 3.0), (0.3, 3.05), (0.9, 3.05), (0.975, 2.95), (0.99, 2.2),
                (0.996, 1.2), (1, 0.7)), (0.03, 0.96), tuple(0.12 * k for k in range(1, 8)), (0.24, 0.77), 0.48),
}  # fmt: skip
STATIONS = 61
CYCLES = ("bicycle", "motorcycle")  # kinds of actors that carry riders; their looks are RiderLook


def _profile(body: Body, x: Floats) -> Floats:
    """Height of the roof line over the body's length, corners rounded."""
    f = np.linspace(0, 1, 241)
    z = np.interp(f, [p[0] for p in body.roof], [p[1] for p in body.roof])
    pad = np.concatenate([np.full(4, z[0]), z, np.full(4, z[-1])])
    smooth = np.convolve(pad, np.ones(9) / 9, "valid")
    out: Floats = np.interp(x / body.length + 0.5, f, smooth)
    return out


def _section(w: float, zb: float, waist: float, top: float) -> tuple[list[tuple[float, float]], float]:
    """Half a cross-section from the sill up to the roof's middle as (y, z), and the height of the glasshouse."""
    belt = min(waist, top - 0.03)
    c = max(top - belt, 0.0)
    d = belt - zb
    lean = 0.93 * w - 0.3 * max(c - 0.03, 0)
    return [
        (0.78 * w, zb), (0.97 * w, zb + 0.07), (1.0 * w, zb + 0.35 * d), (0.99 * w, zb + 0.72 * d), (0.95 * w, belt - 0.02),
        (0.93 * w, belt + 0.01 * min(c * 10, 1)), (lean, belt + 0.86 * c), (lean - 0.09, belt + 0.97 * c), (0.45 * lean, top + 0.01), (0.0, top + 0.015),
    ], c  # fmt: skip


def _shell(body: Body, paint: str) -> Mesh:
    """The painted body with its glass, one closed skin."""
    u = np.linspace(-1, 1, STATIONS)
    x = body.length / 2 * np.sin(u * np.pi / 2)
    top = _profile(body, x)
    e = np.abs(x) / (body.length / 2)
    half = body.width / 2 * (1 - 0.05 * e**4 - 0.16 * e**14)
    low = 0.2 + 0.16 * e**16
    rings, heights = [], []
    for k in range(STATIONS):
        right, c = _section(half[k], low[k], body.waist, top[k])
        ring = [(x[k], -y, z) for y, z in right] + [(x[k], y, z) for y, z in right[-2::-1]]
        rings.append(ring)
        heights.append(c)
    n = len(rings[0])
    frac = x / body.length + 0.5
    mats = []
    for k in range(STATIONS - 1):
        f, c = 0.5 * (frac[k] + frac[k + 1]), min(heights[k], heights[k + 1])
        slope = abs(top[k + 1] - top[k]) / (x[k + 1] - x[k])
        pillar = any(abs(f - p) < 0.013 for p in body.pillars)
        for j in range(n):
            m = min(j, n - 2 - j) if j < n - 1 else -1
            side = m == 5 and c > 0.13 and body.window[0] < f < body.window[1] and not pillar
            pane = (
                m in (7, 8)
                and c > 0.05
                and slope > 0.4
                and (f > 0.5 or body.window[0] < 0.5)
                and 0.05 < f < 0.97
            )
            mats.append("s:.02,.02,.02" if m in (-1, 0) else "glass" if side or pane else paint)
    return loft(rings, mats)


def _fittings(body: Body) -> list[Mesh]:
    """Wheels, arches, lights, plates, mirrors, grille."""
    half, w = body.length / 2, body.width / 2
    parts = []
    for f in body.wheels:
        for side in (-1, 1):
            x = (f - 0.5) * body.length
            arch = body.radius + 0.055
            parts.append(
                tube(
                    (x, side * (w - 0.12), body.radius + 0.01),
                    (x, side * (w + 0.004), body.radius + 0.01),
                    arch,
                    arch,
                    "s:.012,.012,.012",
                    20,
                )
            )
            parts.append(wheel(x, side * (w - 0.09), body.radius, body.radius, 0.22))
    nose, tail = body.roof[-2][1], body.roof[1][1]
    for side in (-1, 1):
        parts.append(
            ellipsoid((half - 0.13, side * 0.72 * w, nose - 0.06), (0.17, 0.2, 0.075), "lamp", 10, 6)
        )
        parts.append(box((-half + 0.05, side * 0.8 * w, tail - 0.14), (0.12, 0.24, 0.22), "tail"))
        mirror_x = (body.window[1] - 0.5) * body.length - 0.2
        parts.append(
            ellipsoid(
                (mirror_x, side * (w + 0.08), body.waist + 0.06), (0.07, 0.11, 0.075), "s:.03,.03,.03", 8, 6
            )
        )
        if body.window[0] < 0.5:
            handles = [((f - 0.5) * body.length, side * 0.985 * w, body.waist - 0.1) for f in (0.34, 0.57)]
            parts += [box(at, (0.17, 0.03, 0.03), "m:.5,.5,.5") for at in handles]
        if body.window[0] < 0.5:
            parts.append(box((0.06, side * 0.992 * w, 0.62), (0.014, 0.02, 0.58), "s:.02,.02,.02"))
    parts.append(box((half - 0.005, 0, nose - 0.12), (0.05, 0.9 * w, 0.13), "s:.015,.015,.015"))
    parts.append(box((half + 0.0, 0, 0.36), (0.06, 1.3 * w, 0.1), "s:.015,.015,.015"))
    parts.append(box((half + 0.022, 0, 0.46), (0.02, 0.52, 0.115), "d:.8,.8,.78"))
    parts.append(box((-half - 0.012, 0, 0.62), (0.02, 0.52, 0.115), "d:.8,.8,.78"))
    parts.append(box((-half + 0.02, 0, 0.36), (0.08, 1.5 * w, 0.12), "s:.02,.02,.02"))
    return parts


@lru_cache(maxsize=64)
def car(look: CarLook) -> Mesh:
    """A whole vehicle at the origin."""
    body = BODIES[look.body]
    parts = [_shell(body, look.paint), *_fittings(body)]
    if look.body == "truck":
        parts.append(
            box((-0.16 * body.length - 0.05, 0, 1.95), (0.64 * body.length, 2.2, 2.0), "d:.7,.7,.68")
        )
        parts.append(box((-0.16 * body.length - 0.05, 0, 1.6), (0.6 * body.length, 2.215, 0.35), look.paint))
    if look.body in ("estate", "suv"):
        rails = [((-1.3, y, body.roof[5][1]), (0.35, y, body.roof[5][1])) for y in (-0.56, 0.56)]
        parts += [tube(a, b, 0.022, 0.022, "s:.03,.03,.03", 6) for a, b in rails]
    return join(parts)


def carton() -> Mesh:
    """A cardboard box with tape and open flaps, 0.6 x 0.5 x 0.45 m."""
    board = "d:.42,.27,.14"
    flap = make(
        [(-0.3, 0.25, 0.45), (0.3, 0.25, 0.45), (0.3, 0.42, 0.56), (-0.3, 0.42, 0.56)],
        [(0, 1, 2, 3)],
        "d:.5,.34,.19",
    )
    return join(
        [
            box((0, 0, 0.225), (0.6, 0.5, 0.45), board),
            box((0, 0, 0.455), (0.61, 0.07, 0.012), "d:.55,.45,.3"),
            flap,
        ]
    )


@lru_cache(maxsize=128)
def person_mesh(look: Any) -> Mesh:
    """A figure's mesh, built once per look."""
    return figure.build(look)


def actor_mesh(kind: str, look: Any) -> Mesh:
    """The mesh of an actor of any kind, in its own frame or bones."""
    if kind == "person":
        return person_mesh(look)
    if kind in CYCLES:
        return cycles.mesh(look)
    if kind == "carton":
        return carton()
    return car(look)


def actor_verts(kind: str, look: Any, row: Floats) -> Floats:
    """Where the actor's vertices are in the world, for a row of its track."""
    x, y, heading, phase, swing, sit, talk, z = row
    mesh = actor_mesh(kind, look)
    if kind == "person":
        rot, pos = figure.pose(look, figure.angles(phase, swing, sit, talk), (x, y, z, heading))
        return figure.bend(mesh, rot, pos)
    if kind in CYCLES:
        return cycles.verts(look, row)
    return mesh.moved(x, y, z, heading).verts
