"""Meshes as plain arrays, so that what is drawn can also be measured without Blender.

Materials are names: `d:r,g,b` dull, `s:r,g,b` smooth plastic, `p:r,g,b` car paint, `m:r,g,b` metal, or a word such as
`glass` that `draw_materials` knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .world import Floats


@dataclass
class Mesh:
    """Vertices in metres, faces as vertex numbers, a material per face and a bone per vertex."""

    verts: Floats
    faces: list[tuple[int, ...]]
    mats: list[str]
    bones: Any

    def on(self, bone: int) -> Mesh:
        """The same mesh, hung on a bone."""
        return Mesh(self.verts, self.faces, self.mats, np.full(len(self.verts), bone))

    def moved(self, x: float = 0, y: float = 0, z: float = 0, turn: float = 0, size: float = 1) -> Mesh:
        """Scaled, turned about the vertical and shifted."""
        c, s = np.cos(turn), np.sin(turn)
        v = self.verts * size @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + (x, y, z)
        return Mesh(v, self.faces, self.mats, self.bones)

    def triangles(self) -> Any:
        """All faces as fans of triangles, (M, 3)."""
        return np.array([(f[0], f[i], f[i + 1]) for f in self.faces for i in range(1, len(f) - 1)])


def make(verts: Any, faces: Sequence[tuple[int, ...]], mat: str | list[str]) -> Mesh:
    """A mesh from points and faces, with one material or one per face."""
    v = np.asarray(verts, float).reshape(-1, 3)
    mats = [mat] * len(faces) if isinstance(mat, str) else mat
    return Mesh(v, list(faces), mats, np.zeros(len(v), int))


def join(parts: Sequence[Mesh]) -> Mesh:
    """One mesh out of many."""
    faces: list[tuple[int, ...]] = []
    mats: list[str] = []
    n = 0
    for p in parts:
        faces += [tuple(i + n for i in f) for f in p.faces]
        mats += p.mats
        n += len(p.verts)
    return Mesh(
        np.concatenate([p.verts for p in parts]), faces, mats, np.concatenate([p.bones for p in parts])
    )


def loft(rings: Any, mat: str | list[str], cap: bool = True) -> Mesh:
    """A skin over closed rings (S, K, 3) of points; the material may differ face by face, ring after ring."""
    r = np.asarray(rings, float)
    s, k = r.shape[:2]
    faces: list[tuple[int, ...]] = [
        (i * k + j, i * k + (j + 1) % k, (i + 1) * k + (j + 1) % k, (i + 1) * k + j)
        for i in range(s - 1)
        for j in range(k)
    ]
    mats = [mat] * len(faces) if isinstance(mat, str) else list(mat)
    if cap:
        faces += [tuple(range(k))[::-1], tuple(range((s - 1) * k, s * k))]
        mats += [mats[0], mats[-1]]
    return make(r.reshape(-1, 3), faces, mats)


def limb(stations: Sequence[tuple[float, float, float, float, float]], mat: str, n: int = 10) -> Mesh:
    """An upright round body through (z, centre x, centre y, radius x, radius y), in any order of z."""
    a = np.arange(n) * 2 * np.pi / n
    rings = [
        np.stack([cx + rx * np.cos(a), cy + ry * np.sin(a), np.full(n, z)], 1)
        for z, cx, cy, rx, ry in sorted(stations)
    ]
    return loft(rings, mat)


def tube(a: Any, b: Any, ra: float, rb: float, mat: str, n: int = 8) -> Mesh:
    """A straight tube from a to b, open to any direction, with capped ends."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    d = (b - a) / np.linalg.norm(b - a)
    u = np.cross(d, (0, 0, 1) if abs(d[2]) < 0.9 else (1, 0, 0))
    u /= np.linalg.norm(u)
    w = np.cross(d, u)
    t = (np.arange(n) * 2 * np.pi / n)[:, None]
    return loft([a + ra * (np.cos(t) * u + np.sin(t) * w), b + rb * (np.cos(t) * u + np.sin(t) * w)], mat)


def ellipsoid(c: Sequence[float], r: Sequence[float], mat: str, n: int = 12, m: int = 8) -> Mesh:
    """A ball about c with radii r."""
    stations = []
    for k in range(m + 1):
        p = np.pi * (k / m - 0.5)
        w = max(np.cos(p), 0.02)
        stations.append((c[2] + r[2] * np.sin(p), c[0], c[1], r[0] * w, r[1] * w))
    return limb(stations, mat, n)


def box(c: Sequence[float], size: Sequence[float], mat: str) -> Mesh:
    """A block about c."""
    v = np.array(
        [[x, y, z] for z in (-0.5, 0.5) for y in (-0.5, 0.5) for x in (-0.5, 0.5)]
    ) * size + np.asarray(c)
    f = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    return make(v, f, mat)


def quad(points: Any, mat: str) -> Mesh:
    """One flat face through the given corners."""
    return make(points, [tuple(range(len(points)))], mat)


def wheel(x: float, y: float, z: float, radius: float, width: float, spokes: int = 5) -> Mesh:
    """A wheel turning about y: a tyre and, on the side away from the car's middle, a rim with spokes."""
    side = 1.0 if y > 0 else -1.0
    tyre = tube((x, y - width / 2, z), (x, y + width / 2, z), radius, radius, "rubber", 20)
    n = spokes * 4
    out = y + side * (width / 2 + 0.008)
    a = np.arange(n) * 2 * np.pi / n
    ring = np.stack([x + 0.66 * radius * np.cos(a), np.full(n, out), z + 0.66 * radius * np.sin(a)], 1)
    hub = np.array([[x, out + side * 0.01, z]])
    faces = [(i, (i + 1) % n, n) if side < 0 else ((i + 1) % n, i, n) for i in range(n)]
    rim = make(
        np.concatenate([ring, hub]),
        faces,
        ["m:.6,.6,.62" if i % 4 < 2 else "s:.05,.05,.05" for i in range(n)],
    )
    return join([tyre, rim])
