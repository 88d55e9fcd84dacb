"""Masks whole recordings and folders of pictures: detector, face and plate detectors, mask and encoder put together.

Part of the composition root. Sound, dates, places and camera names of the originals are left behind: voices are
identities too, and so is the place where a picture was taken.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from edge.decode import MAX_SIDE_PX
from edge.detect import OnnxDetector
from edge.encode import PICTURES, MaskedVideo, write_picture
from edge.errors import CameraError
from edge.faces import FaceDetector, face_detector
from edge.plates import PlateNet
from edge.privacy_blur import AHEAD_S, HOLD_S, BlurredImage, Finder, Mask, mask
from edge.records import ImageArray
from edge.video_file import VideoFile, check_file

CONFIDENCE: Final = 0.05  # far below what is counted: the mask had better hide a bush than show a face
FILM_SIDE, PICTURE_SIDE = (
    480,
    1280,
)  # pixels at which faces are looked for: a film is carried along, a picture has one look
# A plate in one picture has one look; what is taken for one in a film stays filled for as long as it is held.
PLATES_IN_FILMS: Final = {"side": 640, "threshold": 0.7}
PLATES_IN_PICTURES: Final = {"side": 960, "threshold": 0.3}
Advance = Callable[[], None]


@dataclass(slots=True)
class BlurResult:
    """What was written. ``black``: pictures that could not be masked and are black, by reason; ``unread`` files.

    ``detector_s`` and ``mask_s``: time spent looking for people and vehicles, and with all that the mask adds.
    """

    frames: int = 0
    seconds: float = 0.0
    wall_s: float = 0.0
    detector_s: float = 0.0
    mask_s: float = 0.0
    black: dict[str, int] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    warning: str | None = None


class Plates:
    """Somebody's own plate detector: any YOLO-family .onnx file whose classes all are plates.

    Raises:
        ModelError: the file cannot be used.
    """

    def __init__(self, path: Path, *, threads: int = 2) -> None:
        self._detector = OnnxDetector(path, confidence=CONFIDENCE, names=["car"], threads=threads)

    def detect(self, image: ImageArray) -> Any:
        """Plates (N, 4) of one frame (H, W, 3) uint8 BGR."""
        return self._detector.detect(image).xyxy.astype(np.float64)


def finders_of(faces: str, plates: str = "bundled", *, pictures: bool = False) -> tuple[Finder, ...]:
    """What looks beside the main detector.

    ``faces``: centerface, none, or a YuNet file; ``plates``: bundled, none, or a YOLO-family file. ``pictures``: each
    has one look and is no part of a film.

    Raises:
        ModelError: a model is missing or cannot be used.
    """
    side = PICTURE_SIDE if pictures else FILM_SIDE
    found: list[FaceDetector] = [] if faces == "none" else [face_detector(faces, side=side)]
    if plates == "none":
        return tuple(found)
    if plates != "bundled":
        return (*found, Plates(Path(plates)))
    return (*found, _bundled(PLATES_IN_PICTURES if pictures else PLATES_IN_FILMS))


def _bundled(look: dict[str, float]) -> PlateNet:
    return PlateNet(side=int(look["side"]), threshold=look["threshold"])


def frames_between(fps: float) -> int:
    """Every how many frames the finders look: as seldom as what they find can be carried forwards and back to meet.

    They cost more than a detector.
    """
    return max(1, int(fps * 0.9 * (HOLD_S + AHEAD_S)))


def black_frames(masked: Mask) -> str:
    """The black frames of a run in words."""
    return ", ".join(f"{count} black: {reason}" for reason, count in sorted(masked.reasons.items()))


def blur_video(
    video: VideoFile, out: Path, detector: OnnxDetector, finders: tuple[Finder, ...], advance: Advance
) -> BlurResult:
    """Write ``video`` masked to ``out``, with the times of its pictures and without its sound.

    Raises:
        CameraError: it cannot be read to its end (what was read is written), or ``out`` cannot be written.
    """
    result, began = BlurResult(), time.monotonic()
    masked, times = Mask(finders=finders, every=frames_between(video.fps)), deque[float]()
    with MaskedVideo(out, (video.width, video.height), video.fps) as writer:

        def write(ready: list[BlurredImage]) -> None:
            for picture in ready:
                writer.write(picture, times.popleft())

        try:
            for frame in video:
                start = time.perf_counter()
                found = detector.detect(frame.image)
                middle = time.perf_counter()
                times.append(frame.at)
                ready = masked.push(frame.image, found, frame.at)
                result.mask_s += time.perf_counter() - middle
                result.detector_s += middle - start
                write(ready)
                result.frames, result.seconds = result.frames + 1, frame.at
                advance()
        finally:
            write(masked.flush())  # also what was read before the recording broke off
    result.black, result.wall_s, result.warning = masked.reasons, time.monotonic() - began, video.warning
    return result


def blur_pictures(
    pairs: list[tuple[Path, Path]], detector: OnnxDetector, finders: tuple[Finder, ...], advance: Advance
) -> BlurResult:
    """Write each picture masked to its place. One that cannot be read is named in ``unread`` and the others go on.

    Raises:
        CameraError: a picture cannot be written.
    """
    result, began = BlurResult(), time.monotonic()
    for source, out in pairs:
        image = cv2.imread(str(source), cv2.IMREAD_COLOR)
        if image is None or max(image.shape) > MAX_SIDE_PX:
            result.unread.append(source.name)
            advance()
            continue
        pixels = np.asarray(image, np.uint8)
        start = time.perf_counter()
        found = detector.detect(pixels)
        middle = time.perf_counter()
        picture = mask(pixels, found, finders)
        result.mask_s += time.perf_counter() - middle
        result.detector_s += middle - start
        if picture.failed:
            result.black[picture.reason] = result.black.get(picture.reason, 0) + 1
        out.parent.mkdir(parents=True, exist_ok=True)
        write_picture(out, picture)
        result.frames += 1
        advance()
    result.wall_s = time.monotonic() - began
    return result


def plan(source: Path, out: Path) -> list[tuple[Path, Path]]:
    """Which pictures go where, for a picture or a folder of them; nothing for a video.

    Raises:
        CameraError: nothing to read, or the original would be overwritten.
    """
    if source.is_dir():
        pairs = [(file, out / file.relative_to(source)) for file in _pictures(source)]
        if not pairs:
            raise CameraError(f"{source}: must hold pictures ({', '.join(PICTURES)}); it holds none")
        if out.is_file():
            raise CameraError(f"--out {out}: must be a folder for a folder of pictures, and this is a file")
    elif source.suffix.lower() in PICTURES:
        pairs = [(check_file(source), out / source.name if out.is_dir() else out)]
    else:
        pairs = []
    for original, target in pairs or [(source, out)]:
        if target.exists() and original.exists() and target.samefile(original):
            raise CameraError(f"--out {out}: must be another place than {source}: the original would be lost")
    return pairs


def _pictures(folder: Path) -> Iterator[Path]:
    return (f for f in sorted(folder.rglob("*")) if f.suffix.lower() in PICTURES and f.is_file())
