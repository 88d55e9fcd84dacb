"""Where objects stand: one point for each box, the middle of what the object covers of the ground.

The lower edge of a box is the near side of that, and a box leans outward towards the frame's sides. Measured on the
rendered scenes (`python -m bench.counts`), the plain bottom centre lies .04 of a person's height and .2 of a car's too
low: enough to put a whole file of people who walk along a kerb into the wrong zone.

With a ground plane the correction follows from the camera's view; without one it is a share of the box height.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.names import CLASSES, VEHICLES
from edge.geometry import bottom_center
from edge.ground import GroundPlane, View

Points = NDArray[np.float64]
Index = NDArray[np.int64]

# Without a ground plane: how far above the lower edge objects stand, in box heights (medians over the rendered scenes).
_RISE: Final = np.array([0.2 if name in VEHICLES else 0.04 for name in CLASSES])
# With one: half of what a standing person or a cycle covers of the ground, along the view.
_RADIUS_M: Final = 0.17
# Of a vehicle's box, the lower part shows what it covers of the ground and the rest its height.
_BODY_M: Final = np.array([{"bus": 2.8, "truck": 2.8, "car": 1.4}.get(name, 1.0) for name in CLASSES])
_LEAST_RISE: Final = 0.05
_MOST_RISE: Final = 0.4
# Usual widths in box heights, of who walks and of what drives past: what the frame's border cuts off is added again.
_WIDTH: Final = np.array(
    [{"person": 0.44, "car": 2.0, "bus": 2.5, "truck": 2.2}.get(name, 1.0) for name in CLASSES]
)
_BORDER: Final = 0.005  # of the frame's width: nearer to its border, a box is cut off

_IS_VEHICLE: Final = np.array([name in VEHICLES and name != "motorcycle" for name in CLASSES])


@dataclass(frozen=True, slots=True, eq=False)
class Anchoring:
    """The rule of one camera: ``frame_wh`` (width, height) pixels, and its ground plane if there is one."""

    frame_wh: tuple[int, int]
    plane: GroundPlane | None = None

    def __call__(self, xyxy: NDArray[np.floating], class_id: Index) -> Points:
        """Anchors (N, 2), pixels, of boxes (N, 4); ``class_id`` (N,) as in `edge.records.Detections`.

        They may lie outside the frame: who is only half in the picture stands beside or below it.
        """
        boxes = _uncut(np.asarray(xyxy, np.float64).reshape(-1, 4), class_id, self.frame_wh)
        anchors = bottom_center(boxes)
        height = boxes[:, 3] - boxes[:, 1]
        rise = _RISE[class_id] * height
        view = None if self.plane is None else self.plane.view
        if self.plane is not None and view is not None:
            rise = _seen_rise(self.plane, view, anchors, height, class_id, rise)
        anchors[:, 1] -= rise
        if self.plane is not None and view is not None:
            anchors[:, 0] += _lean(self.plane, view, boxes, anchors)
        return anchors


def _uncut(boxes: Points, class_id: Index, frame_wh: tuple[int, int]) -> Points:
    """Boxes (N, 4) cut off by the frame's left or right border, or people by its lower one, made whole again."""
    whole = boxes.copy()
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    margin = _BORDER * frame_wh[0]
    usual = _WIDTH[class_id]
    low = (class_id == CLASSES.index("person")) & (boxes[:, 3] > frame_wh[1] - margin)
    narrow = np.where(low, 0.0, (usual * height - width).clip(0))
    whole[:, 0] -= np.where(boxes[:, 0] < margin, narrow, 0.0)
    whole[:, 2] += np.where(boxes[:, 2] > frame_wh[0] - margin, narrow, 0.0)
    whole[:, 3] += np.where(low, (width / usual - height).clip(0), 0.0)
    return whole


def _seen_rise(
    plane: GroundPlane, view: View, feet: Points, height: Points, class_id: Index, otherwise: Points
) -> Points:
    """Pixels (N,) from the near side of what an object covers to its middle; ``otherwise`` above the horizon."""
    metres_per_row = np.sqrt(((plane.to_metres(feet) - plane.to_metres(feet - (0.0, 1.0))) ** 2).sum(axis=1))
    body = plane.upright_px(feet) * _BODY_M[class_id]
    vehicle = ((height - body) / 2).clip(_LEAST_RISE * height, _MOST_RISE * height)
    with np.errstate(divide="ignore"):
        rise = np.where(_IS_VEHICLE[class_id], vehicle, _RADIUS_M / metres_per_row)
    return np.where(np.isfinite(rise), np.minimum(rise, _MOST_RISE * height), otherwise)


def _lean(plane: GroundPlane, view: View, boxes: Points, anchors: Points) -> Points:
    """Pixels (N,) sideways from the middle of a box to its feet: what is upright points to the nadir."""
    x, y = view.nadir(plane.wh)
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    lean: Points = (x - anchors[:, 0]) * (anchors[:, 1] - middle) / (y - middle)
    return lean
