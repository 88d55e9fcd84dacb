"""Whether a picture still shows what the detector saw last: a grey picture of 160 pixels, cell by cell.

Rules:
1. A frame is compared with the last one that the detector looked at, never with one in between: what creeps in adds up
   until it shows, and a change of the light costs one look, not many.
2. Each cell learns how far it differs while nobody is about (leaves, water, the camera's own noise, the blocks of a
   codec) and must exceed a multiple of that; but no cell ever learns to overlook what stands out by `CAP`.
3. One cell is noise. Two that touch are something: 8 by 4 pixels of a picture 640 wide, less than a detector can name.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import ImageArray

COLS: Final = 160
# Grey levels of 256 by which a cell must differ: at least, at most, and as a multiple of its usual difference.
FLOOR: Final = 8.0
CAP: Final = 25.0
TIMES: Final = 6.0
LEARN_S: Final = 10.0
_USUAL: Final = 1.0  # before anything was learnt

Cells = NDArray[np.float32]


class Stillness:
    """Looks at every frame of one camera; about a millisecond each.

    ``watched`` (rows, `COLS`) tells which cells matter (`edge.gate.watched_cells`); None: all of them.
    """

    def __init__(self, watched: NDArray[np.bool_] | None = None) -> None:
        self._watched = watched
        self._now: Cells | None = None
        self._seen: Cells | None = None  # what the detector looked at last
        self._usual: Cells | None = None
        self._learnt_at = 0.0

    def changed(self, image: ImageArray) -> bool:
        """Whether a frame (H, W, 3) uint8 BGR differs, where it matters, from the last that was looked at."""
        self._now = _cells(image)
        if self._seen is None or self._seen.shape != self._now.shape or self._usual is None:
            return True
        over = np.abs(self._now - self._seen) > np.clip(TIMES * self._usual, FLOOR, CAP)
        if self._watched is not None:
            over &= self._watched
        return bool((over[1:] & over[:-1]).any() or (over[:, 1:] & over[:, :-1]).any())

    def learn(self, at: float) -> None:
        """Nobody moved in the frame of `changed` at ``at`` seconds: what differs there is what usually does."""
        if self._now is None or self._seen is None or self._seen.shape != self._now.shape:
            return
        if self._usual is None:
            self._usual = np.full(self._now.shape, _USUAL, np.float32)
        share = 1 - math.exp(-max(0.0, min(at - self._learnt_at, 1.0)) / LEARN_S)
        self._usual += np.float32(share) * (np.abs(self._now - self._seen) - self._usual)
        self._learnt_at = at

    def looked(self) -> None:
        """The detector looked at the frame of `changed`."""
        self._seen = self._now
        if self._usual is None and self._now is not None:
            self._usual = np.full(self._now.shape, _USUAL, np.float32)


def rows_of(wh: tuple[int, int]) -> int:
    """How many rows of cells a frame of ``wh`` (width, height) pixels has."""
    return max(1, round(COLS * wh[1] / wh[0]))


def _cells(image: ImageArray) -> Cells:
    size = (COLS, rows_of((image.shape[1], image.shape[0])))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.float32)
