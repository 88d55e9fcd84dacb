"""Finds number plates for the mask with the bundled plate network, beside what the vehicles' boxes hide.

The network (`models.train_plates`) answers with a map, a quarter of the input's size, of how surely each place is on a
plate. A plate is a connected part of the map above a threshold.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge import model_file, session
from edge.errors import ModelError
from edge.records import FloatArray, ImageArray

BUNDLED: Final = Path(__file__).parent.parent / "models" / "plates.onnx"
SIDE: Final = 640
THRESHOLD: Final = 0.5
_STRIDE: Final = 8
_LEAST_CELLS: Final = 4
_LEAST_SHAPE: Final = 0.8  # width to height; a plate lies, or is about as high as wide

Boxes = NDArray[np.float64]  # (N, 4) xyxy, pixels of the frame


class PlateNet:
    """Plates from 14 to 120 pixels wide in the looked-at picture.

    ``side``: the longer side is shrunk to so many pixels, never enlarged.

    Raises:
        ModelError: the file is missing, or is not the one that was released.
    """

    def __init__(
        self, path: Path = BUNDLED, *, side: int = SIDE, threshold: float = THRESHOLD, threads: int = 2
    ) -> None:
        where = f"plates: {path}"
        data = model_file.read(path, where)
        sums = path.with_suffix(".sha256")
        wanted = sums.read_text().split()[0] if sums.exists() else "none: its .sha256 file is missing"
        found = hashlib.sha256(data).hexdigest()
        if wanted != found:
            raise ModelError(
                f"{where}: must have the SHA-256 {wanted} (got {found}); it is damaged or was replaced: install Parvis again"
            )
        self._session = session.open_session(data, threads, False, where)
        self._side, self._threshold = side, threshold

    def detect(self, image: ImageArray) -> Boxes:
        """Plates of one frame (H, W, 3) uint8 BGR."""
        scores, scale = self.scores(image)
        boxes: Boxes = boxes_of(scores, self._threshold) / np.tile(scale, 2)
        return boxes

    def scores(self, image: ImageArray) -> tuple[FloatArray, tuple[float, float]]:
        """The map, and how many of its cells there are to a pixel of the frame, along x and y."""
        height, width = image.shape[:2]
        shrink = min(1.0, self._side / max(height, width))
        looked = tuple(max(1, round(n * shrink / _STRIDE)) * _STRIDE for n in (width, height))
        small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), looked, interpolation=cv2.INTER_AREA)
        blob = (small.astype(np.float32) / 255)[None, None]
        scores: FloatArray = self._session.run(None, {self._session.get_inputs()[0].name: blob})[0][0, 0]
        return scores, (scores.shape[1] / width, scores.shape[0] / height)


def boxes_of(scores: FloatArray, threshold: float) -> Boxes:
    """Boxes, in cells, around the connected parts of a map (h, w) above ``threshold``."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((scores > threshold).astype(np.uint8), connectivity=8)
    parts = stats[1:]  # the first is the ground
    wide, high = parts[:, cv2.CC_STAT_WIDTH], parts[:, cv2.CC_STAT_HEIGHT]
    parts = parts[(parts[:, cv2.CC_STAT_AREA] >= _LEAST_CELLS) & (wide >= _LEAST_SHAPE * high)]
    found: Boxes = np.concatenate((parts[:, :2], parts[:, :2] + parts[:, 2:4]), axis=1).astype(np.float64)
    return found
