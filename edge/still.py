"""What one look at the road told, as numbers: shared by `edge.background`, which sees, and `edge.debris`, which judges. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """A part of the road that has looked different, and the same, for a while.

    Attributes:
        xyxy: (4,) box, pixels of the frame.
        area: square pixels of the frame.
        outline: length of what differs, pixels (its points).
        light: mean change of log light against its neighbourhood: below 0 darker than the road was.
        colour: mean change of the slope of colour along it.
        edge_now: mean slope of light and colour along it, logarithms a pixel; ``edge_then``: there in the road's memory.
        alike: correlation with the road's own pattern inside, -1 to 1: near 1 where only the light changed; ``kept``: the same, 1 only
            where the pattern is as strong as it was.
        one_way: 0 to 1, how much the new slopes along it point one way: 1 on the edge of a shadow that has no other side.
        since_s: for how long it has been so, seconds.
    """

    xyxy: NDArray[np.float64]
    area: float
    outline: float
    light: float
    colour: float
    edge_now: float
    edge_then: float
    alike: float
    kept: float
    one_way: float
    since_s: float


def _unmeasured(_: NDArray[np.float64]) -> tuple[float, float]:
    return 0.0, 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One look: its blobs, the share of the road that nobody stood on, its median light (0 to 255), whether it was too dark.

    ``slopes``: of a box (4,), the mean slope in it now and in the road's memory. ``learnt``: the share of the road that is known.
    """

    blobs: tuple[Blob, ...]
    open_share: float
    light: float
    dark: bool
    learnt: float = 1.0
    slopes: Callable[[NDArray[np.float64]], tuple[float, float]] = _unmeasured
