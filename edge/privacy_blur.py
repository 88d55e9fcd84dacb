"""Masks people, riders and number plates in a picture: the only place where a `BlurredImage` can come from.

Rule 1. Opaque fill, never a blur: blurred faces can be recognised again.
Rule 2. Fail closed: without detections, with odd ones, or on any error the whole picture is black.
Rule 3. What was masked stays masked for half a second after the detector loses it (`Mask`).
Rule 4. Mask more than is counted: give it the detections of all classes, at a low confidence.
Rule 5. What the detector does not look at is filled: nobody there could have been found.

A picture can leave this module only as a `BlurredImage`, and `preview` encodes nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar, dataclass
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from contract.names import CLASSES
from edge.geometry import iou_matrix
from edge.records import Detections, ImageArray

HOLD_S: Final = 0.5
PAD: Final = 0.10  # of the box's width and height, on each side
PLATE_PART: Final = 0.7  # of a vehicle's box, from below: no plate of 140 measured lay higher in a box found
FILL_BGR: Final = (64, 58, 54)
_WHOLE: Final = np.array([name in ("person", "bicycle", "motorcycle") for name in CLASSES])
_TOKEN: Final = object()
_FAR: Final = 1e6  # pixels; beyond any frame

Regions = NDArray[np.float64]  # (N, 4) xyxy, pixels, not clipped


@dataclass(frozen=True, slots=True, eq=False)
class BlurredImage:
    """A masked picture. ``pixels`` (H, W, 3) uint8 BGR, read-only; ``failed``: nothing could be masked, all is black.

    TypeError when built anywhere but here.
    """

    pixels: ImageArray
    failed: bool
    token: InitVar[object]

    def __post_init__(self, token: object) -> None:
        if token is not _TOKEN:
            raise TypeError("a BlurredImage comes from edge.privacy_blur only; call mask() or Mask.apply()")
        self.pixels.flags.writeable = False

    def __reduce__(self) -> NoReturn:
        """No pickling and no deep copy: both would build one without the token, or carry pixels elsewhere."""
        raise TypeError("a BlurredImage cannot be copied or pickled")

    def annotated(self, draw: Callable[[ImageArray], None]) -> BlurredImage:
        """A copy with something drawn on it, in place, by ``draw``: on top of masked pixels, never below."""
        canvas = self.pixels.copy()
        draw(canvas)
        return BlurredImage(canvas, self.failed, _TOKEN)


def mask(image: ImageArray, detections: Detections | None, *, pad: float = PAD) -> BlurredImage:
    """One picture masked by itself; ``image`` (H, W, 3) uint8 is not changed. Never raises."""
    try:
        return _paint(image, regions_of(_checked(detections), pad))
    except Exception:  # whatever failed, an unmasked picture must not get out
        return _black(image)


class Mask:
    """Masks the frames of one camera, holding each region for ``hold_s`` after it was last detected.

    A region that the detector finds again, moved, replaces the held one; so nothing trails behind. ``only``: the part
    (x1, y1, x2, y2) of the frame, pixels, that the detector looks at; all else is filled.
    """

    def __init__(
        self, *, hold_s: float = HOLD_S, pad: float = PAD, only: tuple[int, int, int, int] | None = None
    ) -> None:
        self._hold_s, self._pad = hold_s, pad
        self._unseen = _around(only)
        self._held: Regions = np.zeros((0, 4))
        self._seen_at: NDArray[np.float64] = np.zeros(0)

    def apply(self, image: ImageArray, detections: Detections | None, at: float) -> BlurredImage:
        """The frame of time ``at`` (seconds, monotonic within the run), masked. Never raises.

        After an error the held regions stay, so that the frame after it is masked as if it had not happened.
        """
        try:
            if not np.isfinite(at):
                return _black(image)
            now = regions_of(_checked(detections), self._pad)
            fresh = self._seen_at >= at - self._hold_s
            held, seen_at = self._held[fresh], self._seen_at[fresh]
            lost = ~_found_again(held, now)
            regions = np.concatenate((now, held[lost]))
            blurred = _paint(image, np.concatenate((regions, self._unseen)))
        except Exception:  # whatever failed, an unmasked picture must not get out
            return _black(image)
        self._held = regions
        self._seen_at = np.concatenate((np.full(len(now), at), seen_at[lost]))
        return blurred


def regions_of(detections: Detections, pad: float) -> Regions:
    """What to fill: whole people and cycles with their riders, the lower part of other vehicles; all padded."""
    xyxy = detections.xyxy.astype(np.float64)
    margin = (xyxy[:, 2:] - xyxy[:, :2]) * pad
    regions = np.concatenate((xyxy[:, :2] - margin, xyxy[:, 2:] + margin), axis=1)
    vehicle = ~_WHOLE[detections.class_id]
    top = xyxy[:, 3] - (xyxy[:, 3] - xyxy[:, 1]) * PLATE_PART
    regions[vehicle, 1] = top[vehicle]
    return regions


def _checked(detections: Detections | None) -> Detections:
    """The detections, if every number of theirs can be trusted to cover something; ValueError if not."""
    if detections is None:
        raise ValueError("no detections")
    xyxy, n = detections.xyxy, len(detections.xyxy)
    if xyxy.shape != (n, 4) or detections.class_id.shape != (n,) or detections.confidence.shape != (n,):
        raise ValueError("shapes differ")
    if not np.isfinite(xyxy).all() or (xyxy[:, 2:] < xyxy[:, :2]).any():
        raise ValueError("boxes are broken")
    if ((detections.class_id < 0) | (detections.class_id >= len(CLASSES))).any():
        raise ValueError("unknown class")
    return detections


def _around(part: tuple[int, int, int, int] | None) -> Regions:
    """What lies outside of a part (x1, y1, x2, y2) of the frame: four regions, none without a part."""
    if part is None:
        return np.zeros((0, 4))
    x1, y1, x2, y2 = part
    return np.array(
        [[0, 0, _FAR, y1], [0, y2, _FAR, _FAR], [0, 0, x1, _FAR], [x2, 0, _FAR, _FAR]], np.float64
    )


def _found_again(held: Regions, now: Regions) -> NDArray[np.bool_]:
    """(N,) which held regions a region of now replaces: it overlaps well and is not much smaller."""
    if not len(held) or not len(now):
        return np.zeros(len(held), bool)
    return np.asarray((iou_matrix(held, now) >= 0.4).any(axis=1))


def _paint(image: ImageArray, regions: Regions) -> BlurredImage:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError("not a picture")
    height, width = image.shape[:2]
    pixels = image.copy()
    corners = np.concatenate((np.floor(regions[:, :2]), np.ceil(regions[:, 2:])), axis=1)
    for x1, y1, x2, y2 in corners.clip(0, (width, height, width, height)).astype(np.int64):
        pixels[y1:y2, x1:x2] = FILL_BGR
    return BlurredImage(pixels, failed=False, token=_TOKEN)


def _black(image: object) -> BlurredImage:
    """Black, of the picture's size where that can be told."""
    shape = getattr(image, "shape", None)
    sound = isinstance(shape, tuple) and len(shape) >= 2 and all(isinstance(n, int) for n in shape)
    size = (shape[0], shape[1], 3) if sound and shape is not None else (1, 1, 3)
    return BlurredImage(np.zeros(size, np.uint8), failed=True, token=_TOKEN)
