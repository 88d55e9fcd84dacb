"""What one look at the road told, as numbers: shared by `edge.background`, which sees, and `edge.debris`, which judges. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """A part of the road that has looked different, and the same, for a while.

    Attributes:
        xyxy: (4,) box, pixels of the frame.
        area: square pixels of the frame.
        light: mean change of log light against its neighbourhood: below 0 darker than the road was.
        outline: length of what differs, pixels (its points).
        colour: mean change of the slope of colour along it.
        edge_now: mean slope of light and colour along it, a pixel; ``edge_then``: there in the memory of the road.
        alike: correlation with the road's own pattern, -1 to 1: near 1 where only the light changed.
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
    since_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One look: its blobs, the share of the road that nobody stood on, its mean light (0 to 255), whether it was too dark."""

    blobs: tuple[Blob, ...]
    open_share: float
    light: float
    dark: bool
