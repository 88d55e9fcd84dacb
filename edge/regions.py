"""What the mask fills: regions of people, vehicles, faces and plates, where they were found and where they may be.

A region is a box (x1, y1, x2, y2) in pixels of the frame, not clipped to it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from contract.names import CLASSES
from edge.geometry import iou_matrix
from edge.records import Detections

BODY_PAD: Final = 0.02  # of a person's width, on each side
UPPER_PART: Final = 0.6  # of a person's box, from above: head and upper body of whoever is seen whole
UPPER_WIDTHS: Final = (
    1.2  # of a person's width: what is masked is at least as high, for who is seen in part or bends
)
HEAD_PART: Final = 0.20  # of a person's box, from above: the head and what it may lean to
HEAD_PAD: Final = (
    0.30  # of a person's width, on each side of the head: boxes are narrow where arms and bags swing
)
HEAD_ABOVE: Final = (
    0.10  # of a person's height, above the box: boxes begin low, by up to two thirds of a head
)
VEHICLE_PAD: Final = 0.10  # of a vehicle's box, on each side
FACE_PAD: Final = 0.30  # of a face's or a plate's, on each side
PLATE_PART: Final = 0.7  # of a vehicle's box, from below: no plate of 140 measured lay higher in a box found
SAME: Final = 0.4  # IoU from which a region found now takes the place of one held
MOST: Final = 800  # regions in one frame; more cannot be followed
_WHOLE: Final = np.array([name in ("person", "bicycle", "motorcycle") for name in CLASSES])
_FAR: Final = 1e6  # pixels; beyond any frame

Regions = NDArray[np.float64]  # (N, 4)


class UnmaskableError(ValueError):
    """A picture that cannot be masked, in words that hold nothing of the picture."""


def no_regions() -> Regions:
    """None at all."""
    return np.zeros((0, 4))


def regions_of(detections: Detections) -> Regions:
    """What to fill: of people, and of cycles with their riders, upper body and head; of other vehicles the lower part."""
    xyxy = detections.xyxy.astype(np.float64)
    person = _WHOLE[detections.class_id]
    people, vehicles = xyxy[person], xyxy[~person]
    high, wide = people[:, 3] - people[:, 1], people[:, 2] - people[:, 0]
    heads = people.copy()
    heads[:, 3] = people[:, 1] + HEAD_PART * high
    heads += np.stack((-HEAD_PAD * wide, -HEAD_ABOVE * high, HEAD_PAD * wide, 0 * high), axis=1)
    bodies = people + np.stack((-BODY_PAD * wide, 0 * high, BODY_PAD * wide, 0 * high), axis=1)
    bodies[:, 3] = people[:, 1] + np.minimum(high, np.maximum(UPPER_PART * high, UPPER_WIDTHS * wide))
    lower = padded(vehicles, VEHICLE_PAD)
    lower[:, 1] = vehicles[:, 3] - PLATE_PART * (vehicles[:, 3] - vehicles[:, 1])
    return np.concatenate((bodies, heads, lower))


def padded(boxes: Regions, pad: float) -> Regions:
    """Boxes with ``pad`` of their width and height more on each side."""
    margin = (boxes[:, 2:] - boxes[:, :2]) * pad
    return np.concatenate((boxes[:, :2] - margin, boxes[:, 2:] + margin), axis=1)


def checked(detections: Detections | None) -> Detections:
    """The detections, if every number of theirs can be trusted to cover something; UnmaskableError if not."""
    if detections is None:
        raise UnmaskableError("no detections")
    n = len(detections.xyxy)
    if detections.class_id.shape != (n,) or detections.confidence.shape != (n,):
        raise UnmaskableError("the detections' shapes differ")
    checked_boxes(detections.xyxy)
    if ((detections.class_id < 0) | (detections.class_id >= len(CLASSES))).any():
        raise UnmaskableError("a detection of an unknown class")
    return detections


def checked_boxes(boxes: ArrayLike) -> Regions:
    """Boxes (N, 4) as they are, if they are boxes; UnmaskableError if not."""
    found = np.asarray(boxes, np.float64)
    if found.ndim != 2 or found.shape[1] != 4:
        raise UnmaskableError("no boxes")
    if not np.isfinite(found).all() or (found[:, 2:] < found[:, :2]).any():
        raise UnmaskableError("broken boxes")
    return found


def around(part: tuple[int, int, int, int] | None) -> Regions:
    """What lies outside of a part (x1, y1, x2, y2) of the frame: four regions, none without a part."""
    if part is None:
        return no_regions()
    x1, y1, x2, y2 = part
    return np.array(
        [[0, 0, _FAR, y1], [0, y2, _FAR, _FAR], [0, 0, x1, _FAR], [x2, 0, _FAR, _FAR]], np.float64
    )


def found_again(held: Regions, now: Regions) -> NDArray[np.bool_]:
    """(N,) which of the held regions a region of now replaces: they overlap well and it is not much smaller."""
    if not len(held) or not len(now):
        return np.zeros(len(held), bool)
    return np.asarray((iou_matrix(held, now) >= SAME).any(axis=1))
