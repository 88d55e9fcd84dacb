"""Which part of the frame a detector needs to look at: the zones, bays and lines, and the objects that stand in them.

Whoever stands in a zone reaches above it, and must be seen before he enters and after he leaves; so the part has
margins. Where the ground plane gives heights they are metres; else shares of the frame.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from contract.names import GROUP_OF, ClassGroup
from edge.letterbox import Part
from edge.zones import Layout, Points

# Seen before it enters and after it leaves: 2 s of walking, 1 s of driving through town.
AROUND_M: Final[dict[ClassGroup, float]] = {"person": 2.5, "bicycle": 4.0, "vehicle": 6.0}
TALL_M: Final[dict[ClassGroup, float]] = {"person": 2.0, "bicycle": 2.0, "vehicle": 3.3}
# Without metres: shares of the frame's width to the sides, of its height below and above.
SIDE, BELOW, ABOVE = 0.10, 0.10, 0.25
# A part that leaves so little out is not worth the seam.
WORTH: Final = 0.85


def part_of(layout: Layout) -> Part | None:
    """The part (x1, y1, x2, y2) of the frame, pixels, half open; None when it is nearly the whole frame."""
    width, height = layout.wh
    found = reaches(layout)
    low, high = found[:, :2].min(axis=0, initial=np.inf), found[:, 2:].max(axis=0, initial=-np.inf)
    x1, y1 = (int(v) for v in np.floor(np.clip(low, 0, (width, height))))
    x2, y2 = (int(v) for v in np.ceil(np.clip(high, 0, (width, height))))
    if x2 <= x1 or y2 <= y1 or (x2 - x1) * (y2 - y1) >= WORTH * width * height:
        return None
    return x1, y1, x2, y2


def reaches(layout: Layout) -> Points:
    """Of each zone, bay and line (S, 4) the box around it and its margins, pixels; it may stand out of the frame."""
    boxes = [np.concatenate(_reach(layout, points, groups)) for points, groups in _shapes(layout)]
    return np.array(boxes, np.float64).reshape(-1, 4)


def _shapes(layout: Layout) -> list[tuple[Points, frozenset[ClassGroup]]]:
    """Corner points (M, 2) of all that is counted in or on, and the groups that are."""
    found = []
    for zone in layout.zones:
        groups = frozenset(GROUP_OF[name] for name in zone.classes)
        shapes = [*zone.bays.values(), *([] if zone.polygon is None else [zone.polygon])]
        found += [(shape, groups) for shape in shapes]
    for line in layout.lines:
        found.append((np.stack([line.a, line.b]), frozenset(GROUP_OF[name] for name in line.classes)))
    return found


def _reach(layout: Layout, points: Points, groups: frozenset[ClassGroup]) -> tuple[Points, Points]:
    """Upper left and lower right corner (2,) of the shape with its margins."""
    width, height = layout.wh
    side = np.full(len(points), SIDE * width)
    below, above = np.full(len(points), BELOW * height), np.full(len(points), ABOVE * height)
    ground = layout.ground
    if ground is not None:
        around, tall = max(AROUND_M[g] for g in groups), max(TALL_M[g] for g in groups)
        metre = ground.px_per_metre(points)
        upright = ground.upright_px(points)
        upright = np.where(np.isfinite(upright), upright, metre)
        known = np.isfinite(metre) & (metre > 0)
        side = np.where(known, around * metre, side)
        # On the ground a metre towards the camera is never longer in the picture than one across it.
        below = np.where(known, around * metre * 0.6, below)
        above = np.where(known, np.maximum(tall * upright, 0.0) + 0.3 * around * metre, above)
    first = np.stack([points[:, 0] - side, points[:, 1] - above]).min(axis=1)
    last = np.stack([points[:, 0] + side, points[:, 1] + below]).max(axis=1)
    return first, last
