"""Where people are in the invented pictures: paths and corners that people like. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np

from server.simulate_world import Array

COLS: Final = 16
ROWS: Final = 9
# As on the box (design.md, section 5): a cell that fewer touched is not told.
LEAST_TRACKS: Final = 5


def pattern(rng: np.random.Generator) -> Array:
    """Share of the time that people spend in each cell of a picture, (ROWS, COLS), sums to 1; none in its sky."""
    y, x = np.mgrid[0:ROWS, 0:COLS] + 0.5
    # A path across, two corners with benches, and a little everywhere below the horizon.
    slope, height = rng.uniform(-0.25, 0.25), rng.uniform(5.0, 6.5)
    found = np.exp(-0.5 * ((y - height - slope * (x - COLS / 2)) / 0.7) ** 2) + 0.05
    for _ in range(2):
        at_x, at_y = rng.uniform(1.5, COLS - 1.5), rng.uniform(4.5, 8.0)
        found += rng.uniform(0.6, 1.6) * np.exp(-0.5 * (((x - at_x) / 1.1) ** 2 + ((y - at_y) / 0.8) ** 2))
    found[y < 3] = 0
    return np.asarray(found / found.sum())


def cells(rng: np.random.Generator, shape: Array, object_s: float, tracks: int) -> list[float | None]:
    """An hour's grid, row by row: object-seconds, None where fewer than five tracks are likely to have been."""
    # A track touches several cells on its way.
    touched = rng.poisson(shape.ravel() * tracks * 7)
    values = (shape.ravel() * object_s).round(1)
    return [
        float(value) if number >= LEAST_TRACKS else None
        for value, number in zip(values, touched, strict=True)
    ]
