"""Writes masked pictures as video or picture files: the one encoder of pixels on the box. Takes `BlurredImage` only."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import av
import cv2
import numpy as np

from edge.errors import CameraError

if TYPE_CHECKING:
    from edge.privacy_blur import BlurredImage

_TICK: Final = Fraction(1, 90000)  # seconds
PICTURES: Final = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


class MaskedVideo:
    """An mp4 (H.264) of masked pictures of ``size_wh`` at ``fps``; odd sizes lose their last row or column. No sound.

    Use it in a ``with`` block: leaving it, also by an exception, finishes the file.

    Raises:
        CameraError: the file cannot be written.
    """

    def __init__(self, path: str | Path, size_wh: tuple[int, int], fps: float) -> None:
        self._path = str(path)
        self._size = (size_wh[0] // 2 * 2, size_wh[1] // 2 * 2)
        try:
            Path(path).open("wb").close()  # av would find out with the first picture
            self._container = av.open(self._path, "w", format="mp4")
        except OSError as exc:
            raise CameraError(
                f"{path}: the video must be writable ({exc.strerror}); choose another place"
            ) from exc
        rate = Fraction(fps).limit_denominator(1001)
        self._stream: Any = self._container.add_stream(
            "libx264", rate=rate, options={"preset": "veryfast", "crf": "24"}
        )
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = _TICK
        self._open = True
        self._step_s, self._next_s = 1 / float(rate), 0.0

    def write(self, picture: BlurredImage, at: float | None = None) -> None:
        """Append one picture, shown from ``at`` (seconds, rising; default: one frame after the last).

        TypeError for anything but a `BlurredImage`, ValueError for another size.
        """
        _only_masked(picture)
        width, height = self._size
        pixels = picture.pixels[:height, :width]
        if pixels.shape[:2] != (height, width):
            if not picture.failed:
                raise ValueError(f"a picture of {width}x{height} expected (got {picture.pixels.shape})")
            pixels = np.zeros((height, width, 3), np.uint8)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="bgr24")
        at = self._next_s if at is None else at
        self._next_s = at + self._step_s
        frame.pts, frame.time_base = round(at / _TICK), _TICK
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file; further calls do nothing."""
        if self._open:
            self._open = False
            self._container.mux(self._stream.encode())
            self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write_picture(path: Path, picture: BlurredImage) -> None:
    """One picture file, of the kind that its name says; nothing of another file (date, place, camera) goes into it.

    Raises:
        TypeError: for anything but a `BlurredImage`.
        CameraError: the file cannot be written.
    """
    _only_masked(picture)
    if path.suffix.lower() not in PICTURES:
        raise CameraError(f"{path}: must end in one of {', '.join(PICTURES)}; choose another name")
    done, packed = cv2.imencode(path.suffix.lower(), picture.pixels)
    try:
        if not done:
            raise OSError(0, "OpenCV could not encode it")
        path.write_bytes(packed.tobytes())
    except OSError as exc:
        raise CameraError(
            f"{path}: the picture must be writable ({exc.strerror}); choose another place"
        ) from exc


def _only_masked(picture: object) -> None:
    # Adapters do not import each other: a real BlurredImage has brought its module along.
    home = sys.modules.get("edge.privacy_blur")
    if home is None or not isinstance(picture, home.BlurredImage):
        raise TypeError(f"only a BlurredImage may be encoded (got {type(picture).__name__}); mask it first")
