"""The plan of an invented site: the ground of its camera from above, with its zones. Pure.

The camera of every invented site looks over the same ground, 30 m by 36 m; each plan lies turned in another way.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.onplan import Array, Projection
from server.pairs import Ground, Pair
from server.simulate_town import Site, Zone

Mask = NDArray[np.bool_]
GROUND: Final = Ground(
    ((0.2, 0.35), (0.8, 0.35), (1.0, 0.95), (0.0, 0.95)), ((0.0, 0.0), (30.0, 0.0), (30.0, 36.0), (0.0, 36.0))
)
_SEEN: Final = Projection.between(GROUND.image, GROUND.metres).matrix
WIDTH: Final = 900
HEIGHT: Final = 700
# Pixels of the plan in a metre.
_SCALE: Final = 13.0
_GRID_M: Final = 5.0
# Grass, grid of five metres, seen ground, then zones by turns and the edge of each.
_COLOURS: Final = ("eef1e8", "dfe4d6", "f7f5ef", "e3dccb", "d3e0d2", "d8dfe8", "9a948a")


def _lay(number: int) -> Array:
    """From metres to the pixels of a plan."""
    turn = math.radians((number * 37) % 80 - 40)
    c, s = _SCALE * math.cos(turn), _SCALE * math.sin(turn)
    middle = np.array([[c, -s], [s, c]]) @ np.array([15.0, 18.0])
    return np.array([[c, -s, WIDTH / 2 - middle[0]], [s, c, HEIGHT / 2 - middle[1]], [0, 0, 1]])


def pairs(number: int) -> tuple[Pair, ...]:
    """Where the ground points of the camera lie on the plan with this number."""
    laid = np.column_stack([np.array(GROUND.metres), np.ones(4)]) @ _lay(number).T
    return tuple(
        Pair(x, y, round(float(u) / WIDTH, 6), round(float(v) / HEIGHT, 6))
        for (x, y), (u, v) in zip(GROUND.image, laid[:, :2], strict=True)
    )


def spot(number: int, points: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """The middle of a shape of the frame, as fractions of the plan with this number."""
    x, y = np.array(list(points)).mean(axis=0)
    laid = _lay(number) @ _SEEN @ np.array([x, y, 1.0])
    return round(float(laid[0] / laid[2]) / WIDTH, 4), round(float(laid[1] / laid[2]) / HEIGHT, 4)


def _within(x: Array, y: Array, polygon: Iterable[tuple[float, float]]) -> Mask:
    """Even-odd rule, for every pixel at once."""
    corners = list(polygon)
    found = np.zeros(x.shape, dtype=bool)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        if ay != by:
            found ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return found


def _edge(inside: Mask) -> Mask:
    """Pixels of a shape whose neighbour is outside."""
    around = [np.roll(inside, step, axis) for step in (-1, 1) for axis in (0, 1)]
    return np.asarray(inside & ~np.logical_and.reduce(around))


def polygons(zone: Zone) -> list[tuple[tuple[float, float], ...]]:
    """Its outline, or its bays."""
    return ([zone.config.polygon] if zone.config.polygon else []) + list(zone.config.bays.values())


def picture(site: Site, number: int) -> bytes:
    """The plan as a PNG."""
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    metres = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(_lay(number)).T
    frame = metres @ np.linalg.inv(_SEEN).T
    x, y = frame[..., 0] / frame[..., 2], frame[..., 1] / frame[..., 2]
    seen = (frame[..., 2] > 0) & (x >= 0) & (x <= 1) & (y >= 0.3) & (y <= 1)
    drawn = np.where(seen, 2, 0).astype(np.uint8)
    drawn[(metres[..., :2] % _GRID_M < 1 / _SCALE).any(axis=-1)] = 1
    # Bays lie on top of what surrounds them.
    for turn, zone in enumerate(sorted(site.zones, key=lambda one: len(one.config.bays))):
        for polygon in polygons(zone):
            inside = _within(x, y, polygon) & seen
            drawn[inside] = 3 + turn % 3
            drawn[_edge(inside)] = 6
    return _png(drawn)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _png(indices: NDArray[np.uint8]) -> bytes:
    """A picture of indexed colours (ISO/IEC 15948, colour type 3)."""
    height, width = indices.shape
    rows = np.column_stack([np.zeros(height, np.uint8), indices]).tobytes()
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes.fromhex("".join(_COLOURS))),
            _chunk(b"IDAT", zlib.compress(rows, 9)),
            _chunk(b"IEND", b""),
        )
    )
