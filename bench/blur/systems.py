"""The masks that are compared: `parvis edge blur` with some detector, and `deface` as it comes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.blur.clips import Clip, Sight
from edge.blur import CONFIDENCE, finders_of, frames_between
from edge.detect import OnnxDetector, resolve_model
from edge.privacy_blur import FILL_BGR, BlurredImage, Mask, mask

Hidden = NDArray[np.bool_]  # (H, W): which pixels are gone


@dataclass(slots=True)
class Clock:
    """Seconds spent by the detector, and by all that a mask adds to it, over the frames of films."""

    frames: int = 0
    detector_s: float = 0.0
    mask_s: float = 0.0

    def add(self, detector_s: float, mask_s: float) -> None:
        """One frame more."""
        self.frames += 1
        self.detector_s += detector_s
        self.mask_s += mask_s


class System(Protocol):
    """One mask. ``clock``: its times so far."""

    name: str
    clock: Clock

    def run(self, clip: Clip) -> Iterator[tuple[Sight, Hidden]]:
        """Each frame with what is hidden in it."""
        ...


@dataclass(slots=True)
class Parvis:
    """What `parvis edge blur --model MODEL` does, frame by frame."""

    name: str
    detector: OnnxDetector
    finders: Any
    picture_finders: Any
    clock: Clock = field(default_factory=Clock)

    @classmethod
    def of(cls, model: str, plates: str, threads: int) -> Parvis:
        """With a model by name or path."""
        detector = OnnxDetector(
            resolve_model(model), confidence=CONFIDENCE, input_size=640, threads=threads, spinning=True
        )
        film, still = (finders_of("centerface", plates, pictures=pictures) for pictures in (False, True))
        return cls(f"parvis {detector.label}", detector, film, still)

    def run(self, clip: Clip) -> Iterator[tuple[Sight, Hidden]]:
        """Each frame with what is hidden in it, half a second late as in the command."""
        waiting: deque[Sight] = deque()
        every = frames_between(clip.fps) if clip.fps else 1
        masked = Mask(finders=self.finders, every=every)
        for sight in clip.frames():
            start = time.perf_counter()
            found = self.detector.detect(sight.image)
            middle = time.perf_counter()
            waiting.append(sight)
            if clip.fps:
                ready = masked.push(sight.image, found, sight.at)
            else:
                ready = [mask(sight.image, found, self.picture_finders)]
            if clip.fps:
                self.clock.add(middle - start, time.perf_counter() - middle)
            yield from ((waiting.popleft(), _gone(picture)) for picture in ready)
        yield from ((waiting.popleft(), _gone(picture)) for picture in masked.flush())


@dataclass(slots=True)
class Deface:
    """`deface` at its defaults (threshold .2, the picture's own size, ellipses 1.3 times as far out), frame by frame."""

    name: str = "deface"
    clock: Clock = field(default_factory=Clock)
    _net: Any = None
    _canvas: Any = None

    def run(self, clip: Clip) -> Iterator[tuple[Sight, Hidden]]:
        """Each frame with the pixels that it changes."""
        from deface.centerface import CenterFace
        from deface.deface import anonymize_frame

        self._net = self._net or CenterFace(backend="onnxrt")
        for sight in clip.frames():
            start = time.perf_counter()
            found, _ = self._net(np.ascontiguousarray(sight.image[..., ::-1]), threshold=0.2)
            found_s = time.perf_counter() - start
            noise = self._noise(sight.image.shape)
            canvas, middle = noise.copy(), time.perf_counter()
            anonymize_frame(
                found, canvas, mask_scale=1.3, replacewith="blur", ellipse=True, draw_scores=False,
                replaceimg=None, mosaicsize=20,
            )  # fmt: skip
            if clip.fps:
                self.clock.add(found_s, time.perf_counter() - middle)
            yield sight, (canvas != noise).any(axis=2)

    def _noise(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Noise of a frame's shape: a blur changes all of it, so that what was blurred shows."""
        if self._canvas is None or self._canvas.shape != shape:
            self._canvas = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        canvas: NDArray[np.uint8] = self._canvas
        return canvas


def _gone(picture: BlurredImage) -> Hidden:
    if picture.failed:
        return np.ones(picture.pixels.shape[:2], bool)
    return np.asarray((picture.pixels == FILL_BGR).all(axis=2))
