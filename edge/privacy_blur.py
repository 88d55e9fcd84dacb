"""Masks people, riders, faces and number plates in a picture: the only place where a `BlurredImage` can come from.

Rule 1. Opaque fill, never a blur: blurred faces can be recognised again.
Rule 2. Fail closed: without detections, with odd or old ones, with a face detector that is missing or fails, on a lag,
        on more regions than can be followed, or on any error the whole picture is black, and says why.
Rule 3. What was found stays masked for half a second after it was lost, and half a second before it was found, carried
        along what moves in it (`Mask`).
Rule 4. Mask more than is counted: give it the detections of all classes, at a low confidence.
Rule 5. What the detector does not look at is filled: nobody there could have been found.

A picture can leave this module only as a `BlurredImage`, and `encode` writes nothing else.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import Final, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.carry import Grey, carried, small_grey
from edge.records import Detections, ImageArray
from edge.regions import (
    FACE_PAD,
    MOST,
    Regions,
    UnmaskableError,
    around,
    checked,
    checked_boxes,
    found_again,
    no_regions,
    padded,
    regions_of,
)

HOLD_S: Final = 0.5
AHEAD_S: Final = 0.5
STALE_S: Final = 0.5  # a result older than that says nothing about a frame
LAG_S: Final = 2.0
HELD_BYTES: Final = 256_000_000  # of frames waiting for their mask; a larger picture waits less
FILL_BGR: Final = (64, 58, 54)
_TOKEN: Final = object()
_log = logging.getLogger(__name__)


class Finder(Protocol):
    """A second pair of eyes: a face detector or a plate detector."""

    def detect(self, image: ImageArray) -> NDArray[np.float64]:
        """Boxes (N, 4) xyxy in pixels of a frame (H, W, 3) uint8 BGR."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class BlurredImage:
    """A masked picture. ``pixels`` (H, W, 3) uint8 BGR, read-only; ``failed``: nothing could be masked, all is black.

    ``reason``: why, in words that hold nothing of the picture. TypeError when built anywhere but here.
    """

    pixels: ImageArray
    failed: bool
    token: InitVar[object]
    reason: str = ""

    def __post_init__(self, token: object) -> None:
        if token is not _TOKEN:
            raise TypeError("a BlurredImage comes from edge.privacy_blur only; call mask() or Mask.push()")
        self.pixels.flags.writeable = False

    def __reduce__(self) -> NoReturn:
        """No pickling and no deep copy: both would build one without the token, or carry pixels elsewhere."""
        raise TypeError("a BlurredImage cannot be copied or pickled")

    def annotated(self, draw: Callable[[ImageArray], None]) -> BlurredImage:
        """A copy with something drawn on it, in place, by ``draw``: on top of masked pixels, never below."""
        canvas = self.pixels.copy()
        draw(canvas)
        return BlurredImage(canvas, self.failed, _TOKEN, self.reason)


def mask(image: ImageArray, detections: Detections | None, finders: tuple[Finder, ...] = ()) -> BlurredImage:
    """One picture masked by itself; ``image`` (H, W, 3) uint8 is not changed. Never raises."""
    try:
        regions = _within_bounds(np.concatenate((regions_of(checked(detections)), _seen(finders, image))))
        return _paint(image, regions)
    except Exception as exc:  # whatever failed, an unmasked picture must not get out
        return _black(image, exc)


@dataclass(slots=True, eq=False)
class _Waiting:
    """A frame and what is known to be filled in it so far."""

    image: ImageArray
    at: float
    grey: Grey | None = None  # None: it failed
    regions: Regions = field(default_factory=no_regions)
    failure: Exception | None = None
    size: int = 0  # bytes


class Mask:
    """Masks the frames of one camera, each once it is known what appears shortly after it.

    ``hold_s``: how long a region stays after it was found last; ``ahead_s``: for how long before it was found first,
    and so how late pictures come out (0: at once). ``only``: the part (x1, y1, x2, y2) of the frame, pixels, that the
    detector looks at; all else is filled. ``finders`` look at every ``every``-th frame.
    """

    def __init__(
        self,
        *,
        hold_s: float = HOLD_S,
        ahead_s: float = AHEAD_S,
        only: tuple[int, int, int, int] | None = None,
        finders: tuple[Finder, ...] = (),
        every: int = 1,
    ) -> None:
        self._hold_s, self._ahead_s = hold_s, ahead_s
        self._finders, self._every = finders, max(1, every)
        self._unseen = around(only)
        self._waiting: deque[_Waiting] = deque()
        self._last: _Waiting | None = None  # the last one that did not fail
        self._newest = 0.0
        self._held = no_regions()
        self._seen_at: NDArray[np.float64] = np.zeros(0)
        self._count = 0
        self.black = 0
        self.reasons: dict[str, int] = {}

    def push(
        self,
        image: ImageArray,
        detections: Detections | None,
        at: float,
        *,
        detected_at: float | None = None,
        lag_s: float = 0.0,
    ) -> list[BlurredImage]:
        """Take the frame of time ``at`` (seconds, never going back within a run); those that are ready. Never raises.

        ``detected_at``: of which frame the detections are, if not of this one; ``lag_s``: how long it waited to be
        looked at. After an error what was held stays, so that the frame after it is masked as if it had not happened.
        """
        timed = isinstance(at, (int, float)) and bool(np.isfinite(at))
        # A frame without a time must neither hold up the others nor let them out early.
        new = _Waiting(image, at if timed else self._newest)
        self._newest = new.at
        try:
            if not timed:
                raise UnmaskableError("a time that is no number")
            if detected_at is not None and not 0 <= at - detected_at <= STALE_S:
                raise UnmaskableError("a result too old for the frame")
            if not lag_s <= LAG_S:
                raise UnmaskableError("a queue that lags")
            self._follow(new, checked(detections))
        except Exception as exc:  # whatever failed, an unmasked picture must not get out
            new.failure = exc
        self._waiting.append(new)
        return [self._finished(self._waiting.popleft()) for _ in range(self._ready())]

    def flush(self) -> list[BlurredImage]:
        """The frames that still wait."""
        return [self._finished(self._waiting.popleft()) for _ in range(len(self._waiting))]

    def _follow(self, new: _Waiting, detections: Detections) -> None:
        """Fill in what is found now, what is held, and, in the frames before, what is found for the first time."""
        grey, last = small_grey(_picture(new.image)), self._last
        new.size = new.image.nbytes
        self._count += 1
        finders = self._finders if (self._count - 1) % self._every == 0 else ()
        now = np.concatenate((regions_of(detections), _seen(finders, new.image)))
        fresh = self._seen_at >= new.at - self._hold_s
        held, seen_at = self._held[fresh], self._seen_at[fresh]
        scale = grey.shape[1] / new.image.shape[1]
        born = ~found_again(now, held)
        lost = ~found_again(held, now)
        rest, seen_at = (
            held[lost],
            seen_at[lost],
        )  # most are found again where they were: only the others are carried
        if last is not None and last.grey is not None:
            rest = carried(rest, last.grey, grey, scale)
        born &= ~found_again(now, rest)
        lost = ~found_again(rest, now)
        regions = _within_bounds(np.concatenate((now, rest[lost])))
        self._before(now[born], new.at, grey, scale)
        new.grey, new.regions, self._last = grey, regions, new
        self._held = regions
        self._seen_at = np.concatenate((np.full(len(now), new.at), seen_at[lost]))

    def _before(self, born: Regions, at: float, grey: Grey, scale: float) -> None:
        """Fill in the frames that wait where the regions of now may have been."""
        for frame in reversed(self._waiting):
            if not len(born) or at - frame.at > self._ahead_s:
                return
            if frame.grey is None:
                continue
            born = carried(born, grey, frame.grey, scale)
            frame.regions = np.concatenate((frame.regions, born))
            grey = frame.grey

    def _ready(self) -> int:
        """How many of those that wait need not wait longer, or must not."""
        size = sum(frame.size for frame in self._waiting)
        for count, frame in enumerate(self._waiting):
            if self._newest - frame.at < self._ahead_s and size <= HELD_BYTES:
                return count
            size -= frame.size
        return len(self._waiting)

    def _finished(self, frame: _Waiting) -> BlurredImage:
        try:
            if frame.failure is not None:
                raise frame.failure
            blurred = _paint(frame.image, np.concatenate((frame.regions, self._unseen)))
        except Exception as exc:  # whatever failed, an unmasked picture must not get out
            blurred = _black(frame.image, exc)
            self.black += 1
            if blurred.reason not in self.reasons:
                _log.warning("mask: the picture is black: %s", blurred.reason)
            self.reasons[blurred.reason] = self.reasons.get(blurred.reason, 0) + 1
        return blurred


def _seen(finders: tuple[Finder, ...], image: ImageArray) -> Regions:
    found = [padded(checked_boxes(finder.detect(_picture(image))), FACE_PAD) for finder in finders]
    return np.concatenate((no_regions(), *found))


def _within_bounds(regions: Regions) -> Regions:
    if len(regions) > MOST:
        raise UnmaskableError("more people and vehicles than the mask can follow")
    return regions


def _picture(image: ImageArray) -> ImageArray:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise UnmaskableError("not a picture")
    return image


def _paint(image: ImageArray, regions: Regions) -> BlurredImage:
    height, width = _picture(image).shape[:2]
    pixels = image.copy()
    corners = np.concatenate((np.floor(regions[:, :2]), np.ceil(regions[:, 2:])), axis=1)
    for x1, y1, x2, y2 in corners.clip(0, (width, height, width, height)).astype(np.int64):
        pixels[y1:y2, x1:x2] = FILL_BGR
    return BlurredImage(pixels, failed=False, token=_TOKEN)


def _black(image: object, why: Exception) -> BlurredImage:
    """Black, of the picture's size where that can be told."""
    shape = getattr(image, "shape", None)
    sound = isinstance(shape, tuple) and len(shape) >= 2 and all(isinstance(n, int) for n in shape)
    size = (shape[0], shape[1], 3) if sound and shape is not None else (1, 1, 3)
    # Another library's message may quote what it was given; ours do not.
    reason = str(why) if isinstance(why, UnmaskableError) else type(why).__name__
    return BlurredImage(np.zeros(size, np.uint8), failed=True, token=_TOKEN, reason=reason)
