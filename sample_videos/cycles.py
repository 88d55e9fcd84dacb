"""Bicycles and motorcycles as meshes, with or without who rides them. x forward, origin on the ground."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from . import figure
from .looks import RiderLook
from .meshes import Mesh, box, ellipsoid, join, limb, tube
from .world import Floats

DARK = "s:.02,.02,.02"
# how each is sat on: saddle height in metres, how far the hips are behind the origin
SEATS = {"bicycle": (0.99, 0.2), "motorcycle": (0.86, 0.28), "scooter": (0.82, 0.34)}


def _ring(x: float, z: float, radius: float, thick: float) -> list[Mesh]:
    """A tyre and eight spokes in the plane y = 0."""
    a = np.linspace(0, 2 * np.pi, 17)
    rim = [(x + (radius - thick) * np.cos(t), 0.0, z + (radius - thick) * np.sin(t)) for t in a]
    parts = [tube(p, q, thick, thick, "rubber", 5) for p, q in pairwise(rim)]
    return parts + [tube((x, 0, z), rim[k], 0.006, 0.006, "m:.6,.6,.6", 4) for k in range(0, 16, 2)]


def _bicycle(paint: str) -> Mesh:
    """A city bicycle, wheels on the ground."""
    rear, front, r = (-0.52, 0, 0.34), (0.56, 0, 0.34), 0.34
    parts = _ring(rear[0], r, 0.344, 0.024) + _ring(front[0], r, 0.344, 0.024)
    crank, seat, head = (-0.08, 0, 0.3), (-0.22, 0, 0.86), (0.42, 0, 0.84)
    for a_, b_ in (
        (crank, seat),
        (crank, head),
        (seat, head),
        (rear, crank),
        (rear, seat),
        (head, front),
        (head, (0.38, 0, 1.02)),
    ):
        parts.append(tube(a_, b_, 0.022, 0.022, paint, 6))
    parts.append(tube((0.36, -0.28, 1.03), (0.36, 0.28, 1.03), 0.018, 0.018, "s:.03,.03,.03", 6))
    parts.append(ellipsoid((-0.24, 0, 0.9), (0.14, 0.08, 0.04), DARK, 8, 4))
    parts.append(box((-0.6, 0, 0.72), (0.36, 0.14, 0.02), "s:.03,.03,.03"))
    parts.append(ellipsoid((0.46, 0, 0.86), (0.05, 0.05, 0.05), "lamp", 8, 4))
    return join(parts)


def _motorcycle(paint: str) -> Mesh:
    """A motorcycle: fat wheels, engine, tank, seat, fork, lights, exhaust."""
    parts = _ring(-0.7, 0.31, 0.31, 0.065) + _ring(0.74, 0.31, 0.31, 0.06)
    parts += [tube((0.74, y, 0.31), (0.5, y, 0.95), 0.03, 0.03, "m:.5,.5,.5", 6) for y in (-0.1, 0.1)]
    parts += [tube((-0.7, y, 0.31), (-0.1, y, 0.42), 0.03, 0.03, DARK, 6) for y in (-0.1, 0.1)]
    parts += [
        box((0.0, 0, 0.42), (0.52, 0.3, 0.36), "m:.25,.25,.26"),
        ellipsoid((0.18, 0, 0.84), (0.32, 0.17, 0.15), paint, 12, 8),
        ellipsoid((-0.35, 0, 0.78), (0.42, 0.14, 0.07), DARK, 10, 6),
        ellipsoid((-0.75, 0, 0.82), (0.2, 0.11, 0.08), paint, 8, 6),
        ellipsoid((0.62, 0, 0.66), (0.13, 0.09, 0.06), paint, 8, 4),
        ellipsoid((0.58, 0, 0.92), (0.09, 0.1, 0.1), "lamp", 10, 6),
        box((-0.93, 0, 0.78), (0.05, 0.16, 0.09), "tail"),
        box((-0.95, 0, 0.56), (0.02, 0.2, 0.16), "d:.8,.8,.78"),
        tube((0.1, -0.19, 0.3), (-0.75, -0.2, 0.42), 0.05, 0.06, "m:.5,.5,.5", 8),
        tube((0.42, -0.36, 1.03), (0.42, 0.36, 1.03), 0.02, 0.02, DARK, 6),
    ]
    return join([*parts, *(ellipsoid((0.42, y, 1.18), (0.03, 0.07, 0.05), DARK, 6, 4) for y in (-0.3, 0.3))])


def _scooter(paint: str) -> Mesh:
    """A scooter of the town: small wheels, a shield in front, a floor, a box of a tail."""
    parts = _ring(-0.6, 0.24, 0.24, 0.06) + _ring(0.62, 0.24, 0.24, 0.06)
    shield = [(0.3, 0.44, 0, 0.05, 0.2), (0.6, 0.42, 0, 0.06, 0.22), (1.0, 0.34, 0, 0.06, 0.15)]
    tail = [(0.28, -0.5, 0, 0.34, 0.16), (0.55, -0.5, 0, 0.4, 0.2), (0.76, -0.46, 0, 0.36, 0.16)]
    parts += [
        limb(shield, paint, 14),
        limb(tail, paint, 14),
        box((0.05, 0, 0.3), (0.6, 0.36, 0.08), paint),
        ellipsoid((-0.42, 0, 0.8), (0.38, 0.15, 0.05), DARK, 10, 4),
        ellipsoid((0.62, 0, 0.5), (0.16, 0.09, 0.06), paint, 8, 4),
        ellipsoid((0.4, 0, 0.98), (0.08, 0.1, 0.07), "lamp", 8, 4),
        box((-0.9, 0, 0.62), (0.04, 0.14, 0.07), "tail"),
        tube((0.34, -0.32, 1.03), (0.34, 0.32, 1.03), 0.02, 0.02, DARK, 6),
    ]
    return join(parts)


MACHINES = {"bicycle": _bicycle, "motorcycle": _motorcycle, "scooter": _scooter}


def _helmet(paint: str) -> Mesh:
    return ellipsoid((0.02, 0, 0.13), (0.15, 0.125, 0.16), paint, 12, 8).on(figure.HEAD)


@lru_cache(maxsize=64)
def mesh(look: RiderLook) -> Mesh:
    """Machine and rider, hung on the figure's bones; the machine alone when nobody rides it."""
    machine = MACHINES[look.machine](look.paint).on(figure.BIKE)
    if look.rider is None:
        return machine
    parts = [figure.build(look.rider), machine]
    return join([*parts, _helmet(look.helmet)] if look.helmet else parts)


def verts(look: RiderLook, row: Floats) -> Floats:
    """Where the vertices of machine and rider are in the world, (N, 3), for a row of the track."""
    x, y, heading, phase, _swing, _sit, _talk, z = row
    whole = mesh(look)
    c, s = np.cos(heading), np.sin(heading)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    rot, pos = np.tile(turn, (figure.BONES, 1, 1)), np.tile([x, y, z], (figure.BONES, 1))
    if look.rider is not None:
        saddle, back = SEATS[look.machine]
        pedals = look.machine == "bicycle"
        rot, pos = figure.pose(
            look.rider, figure.angles(phase if pedals else 0.0, 0, 0, 0, True), (x, y, z, heading), saddle
        )
        pos = pos - back * np.array([c, s, 0])
        rot[figure.BIKE], pos[figure.BIKE] = turn, (x, y, z)
    return figure.bend(whole, rot, pos)


def parts(look: RiderLook) -> tuple[Any, Any]:
    """Which vertices (N,) are the machine's, and which the rider's."""
    machine = mesh(look).bones == figure.BIKE
    return machine, ~machine
