"""The static meshes: trees, benches, lamps, facades, hedges. Each is built once and shared by its instances."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .meshes import Mesh, box, ellipsoid, join, limb, make, quad, tube

STONES = ("d:.62,.55,.44", "d:.68,.64,.57", "d:.55,.42,.33", "d:.70,.60,.47", "d:.48,.46,.44")


@lru_cache
def tree(variant: int) -> Mesh:
    """A broad-leaved tree, about 6.5 m high, crown from 2.4 m upwards."""
    rng = np.random.default_rng(variant)
    parts = [tube((0, 0, 0), (0.05, 0, 2.6), 0.2, 0.13, "bark", 10)]
    blobs: list[tuple[Any, float]] = [(np.array([0, 0, 4.6]), 1.5)]
    for k in range(8):
        a = k * 2.4 + rng.uniform(-0.4, 0.4)
        c = np.array([1.25 * np.cos(a), 1.25 * np.sin(a), rng.uniform(3.3, 5.6)])
        parts.append(tube((0.05, 0, 2.5), c, 0.08, 0.03, "bark", 6))
        blobs.append((c, rng.uniform(0.8, 1.15)))
    verts: list[Any] = []
    faces: list[tuple[int, ...]] = []
    mats: list[str] = []
    for c, r in blobs:
        parts.append(ellipsoid(c, (0.72 * r, 0.72 * r, 0.6 * r), "d:.02,.045,.012", 10, 6))
        for _ in range(int(420 * r * r)):
            d = rng.normal(size=3)
            d /= np.linalg.norm(d)
            p = c + d * r * rng.uniform(0.72, 1.08) * (1, 1, 0.85)
            u = np.cross(d, rng.normal(size=3))
            u /= np.linalg.norm(u)
            w = np.cross(d + 0.6 * rng.normal(size=3), u)
            w /= np.linalg.norm(w)
            s = rng.uniform(0.055, 0.12)
            n = len(verts)
            verts += [p - u * s * 1.4, p - w * s, p + u * s * 1.4, p + w * s]
            faces.append((n, n + 1, n + 2, n + 3))
            mats.append(f"leaf{int(rng.integers(3))}")
    return join([*parts, make(np.array(verts), faces, mats)])


@lru_cache
def bench(_: int = 0) -> Mesh:
    """A park bench 1.8 m long; one sits on it looking along +x."""
    parts = [box((0.02 + 0.11 * k, 0, 0.44), (0.085, 1.8, 0.035), "wood") for k in range(4)]
    parts += [box((-0.09 - 0.02 * k, 0, 0.58 + 0.12 * k), (0.03, 1.8, 0.09), "wood") for k in range(3)]
    for y in (-0.75, 0.75):
        parts += [
            box((0.03, y, 0.22), (0.05, 0.05, 0.44), "s:.03,.03,.03"),
            box((0.36, y, 0.22), (0.05, 0.05, 0.44), "s:.03,.03,.03"),
        ]
        parts.append(box((-0.1, y, 0.66), (0.04, 0.05, 0.5), "s:.03,.03,.03"))
    return join(parts)


@lru_cache
def lamp(_: int = 0) -> Mesh:
    """A street lamp, 5 m."""
    return join([tube((0, 0, 0), (0, 0, 0.7), 0.09, 0.07, "s:.03,.04,.035", 8), tube((0, 0, 0.7), (0, 0, 4.6), 0.05, 0.04, "s:.03,.04,.035", 8),
                 limb([(4.6, 0, 0, 0.1, 0.1), (4.95, 0, 0, 0.2, 0.2), (5.05, 0, 0, 0.05, 0.05)], "d:.8,.78,.7")])  # fmt: skip


@lru_cache
def bin_(_: int = 0) -> Mesh:
    """A litter bin."""
    return join(
        [limb([(0, 0, 0, 0.2, 0.2), (0.75, 0, 0, 0.24, 0.24), (0.8, 0, 0, 0.2, 0.2)], "s:.04,.07,.05", 14)]
    )


@lru_cache
def bollard(_: int = 0) -> Mesh:
    """A low post."""
    return limb([(0, 0, 0, 0.06, 0.06), (0.75, 0, 0, 0.06, 0.06), (0.86, 0, 0, 0.03, 0.03)], "s:.05,.05,.05")


@lru_cache
def planter(variant: int) -> Mesh:
    """A stone trough with a shrub."""
    rng = np.random.default_rng(variant + 50)
    parts = [box((0, 0, 0.25), (1.3, 0.7, 0.5), "d:.5,.48,.44")]
    verts: list[Any] = []
    faces: list[tuple[int, ...]] = []
    mats: list[str] = []
    for _ in range(330):
        d = rng.normal(size=3)
        d /= np.linalg.norm(d)
        p = np.array([0, 0, 0.65]) + d * (0.6, 0.34, 0.35)
        u, w = rng.normal(size=3) * 0.06, rng.normal(size=3) * 0.06
        n = len(verts)
        verts += [p - u, p - w, p + u, p + w]
        faces.append((n, n + 1, n + 2, n + 3))
        mats.append("d:.55,.08,.1" if rng.random() < 0.1 else f"leaf{int(rng.integers(3))}")
    return join([*parts, make(np.array(verts), faces, mats)])


@lru_cache
def hedge(variant: int) -> Mesh:
    """A clipped hedge 3 m long, 0.9 m high."""
    rng = np.random.default_rng(variant + 90)
    verts: list[Any] = []
    faces: list[tuple[int, ...]] = []
    mats: list[str] = []
    for _ in range(900):
        p = rng.uniform((-1.5, -0.35, 0.05), (1.5, 0.35, 0.9))
        k = int(rng.integers(3))
        p[k] = (-1.5, -0.35, 0.9)[k] if rng.random() < 0.5 else (1.5, 0.35, 0.9)[k]
        u, w = rng.normal(size=3) * 0.07, rng.normal(size=3) * 0.07
        n = len(verts)
        verts += [p - u, p - w, p + u, p + w]
        faces.append((n, n + 1, n + 2, n + 3))
        mats.append(f"leaf{int(rng.integers(3))}")
    return join([box((0, 0, 0.43), (2.94, 0.64, 0.86), "d:.02,.05,.015"), make(np.array(verts), faces, mats)])


@lru_cache
def fountain(_: int = 0) -> Mesh:
    """A round basin with a column."""
    stone = "d:.55,.52,.47"
    return join([limb([(0, 0, 0, 1.75, 1.75), (0.45, 0, 0, 1.7, 1.7), (0.5, 0, 0, 1.75, 1.75), (0.51, 0, 0, 1.45, 1.45), (0.42, 0, 0, 1.4, 1.4)], stone, 32),
                 limb([(0.4, 0, 0, 1.42, 1.42), (0.43, 0, 0, 1.4, 1.4)], "water", 32),
                 limb([(0.3, 0, 0, 0.35, 0.35), (1.2, 0, 0, 0.18, 0.18), (1.3, 0, 0, 0.6, 0.6), (1.42, 0, 0, 0.7, 0.7), (1.4, 0, 0, 0.5, 0.5)], stone, 20)])  # fmt: skip


def _window(x: float, z: float, w: float, h: float, shutters: str | None) -> list[Mesh]:
    frame = "d:.75,.74,.7"
    parts = [
        quad(
            [
                (x - w / 2, -0.03, z),
                (x + w / 2, -0.03, z),
                (x + w / 2, -0.03, z + h),
                (x - w / 2, -0.03, z + h),
            ],
            "pane",
        )
    ]
    parts += [box((x + s * w / 2, -0.05, z + h / 2), (0.1, 0.12, h + 0.1), frame) for s in (-1, 0, 1)]
    parts += [box((x, -0.05, z + e), (w + 0.1, 0.12, 0.1), frame) for e in (0.0, 0.62 * h, h)]
    parts.append(box((x, -0.1, z - 0.08), (w + 0.35, 0.26, 0.1), "d:.6,.57,.52"))
    if shutters:
        parts += [
            box((x + s * (w * 0.75 + 0.1), -0.05, z + h / 2), (w * 0.45, 0.06, h), shutters) for s in (-1, 1)
        ]
    return parts


@lru_cache
def house(variant: int) -> Mesh:
    """A town house 9 m wide with a shop, facing -y, its front at y = 0."""
    rng = np.random.default_rng(variant + 7)
    wall, floors = STONES[variant % 5], int(rng.integers(2, 4))
    height = 3.6 + 2.9 * floors
    parts = [
        box((0, 4, height / 2), (9, 8, height), wall),
        box((0, -0.1, 3.5), (9, 0.3, 0.22), "d:.6,.57,.52"),
        box((0, -0.15, height), (9.1, 0.5, 0.3), "d:.6,.57,.52"),
    ]
    parts.append(
        make(
            [
                (-4.5, -0.3, height + 0.1),
                (4.5, -0.3, height + 0.1),
                (4.5, 4, height + 3),
                (-4.5, 4, height + 3),
            ],
            [(0, 1, 2, 3)],
            "roof",
        )
    )
    shutters = (None, "d:.12,.2,.28", "d:.2,.25,.2", "d:.3,.1,.08")[int(rng.integers(4))]
    for f in range(floors):
        for x in (-3.1, -1.05, 1.05, 3.1):
            parts += _window(x, 4.4 + 2.9 * f, 1.05, 1.75, shutters)
    colour = ("d:.08,.12,.1", "d:.25,.05,.05", "d:.06,.09,.2", "d:.3,.22,.1")[int(rng.integers(4))]
    parts.append(box((0, -0.08, 1.6), (8, 0.14, 3.0), colour))
    for x in (-2.6, 0.1, 2.7):
        w = 1.1 if abs(x) < 1 else 2.2
        parts.append(
            quad(
                [
                    (x - w / 2, -0.17, 0.35),
                    (x + w / 2, -0.17, 0.35),
                    (x + w / 2, -0.17, 2.5),
                    (x - w / 2, -0.17, 2.5),
                ],
                "pane",
            )
        )
        parts.append(box((x, -0.19, 1.4), (0.07, 0.06, 2.2), colour))
    if rng.random() < 0.7:
        awning = ("d:.5,.07,.06", "d:.08,.2,.14", "d:.6,.55,.45")[int(rng.integers(3))]
        parts.append(
            make(
                [(-4, -0.15, 3.0), (4, -0.15, 3.0), (4, -1.3, 2.45), (-4, -1.3, 2.45)], [(0, 1, 2, 3)], awning
            )
        )
        parts.append(
            make(
                [(-4, -1.3, 2.45), (4, -1.3, 2.45), (4, -1.3, 2.25), (-4, -1.3, 2.25)], [(0, 1, 2, 3)], awning
            )
        )
    return join(parts)


@lru_cache
def kerb(_: int = 0) -> Mesh:
    """A kerb stone 4 m long along x."""
    return box((0, 0, 0.05), (4, 0.2, 0.13), "d:.55,.54,.52")


@lru_cache
def sign(variant: int) -> Mesh:
    """A traffic sign: a blue square with a white P, or a round one."""
    parts = [
        tube((0, 0, 0), (0, 0, 2.3), 0.03, 0.03, "m:.4,.4,.4", 6),
        box((0, -0.04, 2.55), (0.6, 0.03, 0.6), "d:.02,.08,.4"),
    ]
    if variant == 0:
        parts += [
            box((-0.1, -0.065, 2.55), (0.07, 0.02, 0.42), "d:.8,.8,.8"),
            box((0.02, -0.065, 2.66), (0.22, 0.02, 0.2), "d:.8,.8,.8"),
        ]
    return join(parts)


MAKERS = {
    "tree": tree, "bench": bench, "lamp": lamp, "bin": bin_, "bollard": bollard, "planter": planter, "hedge": hedge,
    "fountain": fountain, "house": house, "kerb": kerb, "sign": sign,
}  # fmt: skip
