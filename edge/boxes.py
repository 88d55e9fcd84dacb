"""Boxes that may be parts of one thing: how much they share, and whether they belong together. Pure.

All boxes are (4,) xyxy in pixels; `edge.geometry` has the same for many at once, which would spend its time on wrapping pairs.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from edge.cases import Box

NEAR: Final = 0.6  # of the larger one's size: how far apart the centres of one thing's boxes may be
GAP: Final = 0.25  # of it: how far apart their edges


def area(box: Box) -> float:
    """Square pixels; a box turned inside out has none."""
    return float(max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0))


def longer(box: Box) -> float:
    """Its longer side, pixels."""
    return float((box[2:] - box[:2]).max())


def common(a: Box, b: Box) -> float:
    """Square pixels that both cover."""
    return area(np.concatenate([np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])]))


def covered(box: Box, by: Box) -> float:
    """The share of a box, 0 to 1, that another covers."""
    return common(box, by) / max(area(box), 1e-6)


def union(a: Box, b: Box) -> Box:
    """The box around both."""
    return np.concatenate([np.minimum(a[:2], b[:2]), np.maximum(a[2:], b[2:])])


def together(known: Box, other: Box) -> bool:
    """Whether a box is, or is a part of, what is known there."""
    size = max(longer(known), longer(other), 1.0)
    apart = np.maximum(0.0, np.maximum(known[:2] - other[2:], other[:2] - known[2:]))
    if float(np.hypot(*apart)) > GAP * size:
        return False
    centres = (known[:2] + known[2:] - other[:2] - other[2:]) / 2
    return common(known, other) > 0 or float(np.hypot(*centres)) <= NEAR * size


def same_place(a: Box, b: Box) -> bool:
    """Whether two boxes cover each other enough to be one thing that has not moved."""
    return common(a, b) >= 0.3 * max(min(area(a), area(b)), 1.0)
