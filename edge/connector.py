"""The camera connector of a Raspberry Pi, read through picamera2, in the capture process.

One stream only, ``main``, because the detector is the only reader of a live picture: the image processor of the Pi
scales it for nothing and writes it in the order the detector wants (picamera2's RGB888 lies in memory as B, G, R). A
second, small ``lores`` stream would save nothing: it is YUV and would have to be converted on the processor, and the
large one would be written to memory for nobody.

Rules:
1. The whole field of view: the sensor's smallest mode that shows all of it. Left alone, libcamera takes a cut-out of a
   Camera Module 3. Unless a size is given, the picture is 1280 pixels wide in the shape of the sensor.
2. The sensor runs at the wanted rate (30 frames a second at most), so that no picture is made to be thrown away.
3. picamera2 waits for ever when a cable comes loose. So it does here: the watchdog of `edge.camera` ends the process.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from edge.decode import BrokenStreamError, Rate, check_size
from edge.records import ImageArray

WIDTH_PX: Final = 1280
_FASTEST: Final = 30.0


def read(orders: dict[str, Any], beat: Callable[[], None]) -> Iterator[ImageArray]:
    """The pictures of the connector ``orders["address"]["number"]``, (H, W, 3) uint8 BGR.

    Raises:
        BrokenStreamError: no such camera, in use, or it failed.
        StreamChangedError: another size than before, or larger than the limit.
    """
    try:
        # picamera2 and what it stands on belong to the system, not to us; any of it may fail to load.
        from picamera2 import Picamera2
    except Exception as exc:
        raise BrokenStreamError(
            f"the library picamera2 cannot be loaded ({type(exc).__name__}). A simplejpeg made for an older NumPy does "
            "that; in the environment of parvis: pip install --force-reinstall --no-deps simplejpeg"
        ) from None
    number, size = orders["address"]["number"], orders["address"]["size"]
    found = len(Picamera2.global_camera_info())
    if number >= found:
        raise BrokenStreamError(
            f"no camera is connected there ({found} found). Check the ribbon cable: rpicam-hello --list-cameras"
        )
    try:
        camera = Picamera2(number)
        camera.configure(_configuration(camera, size, orders["rate"]))
        camera.start()
    except (RuntimeError, OSError):
        raise BrokenStreamError(
            "it is in use by another program, or cannot deliver that size or rate"
        ) from None
    rate, wh = Rate(orders["rate"]), orders["wh"]
    while True:
        image = camera.capture_array("main")
        check_size(image.shape[1::-1], wh, orders["max_side_px"])
        wh = image.shape[1::-1]
        if rate.keeps(time.monotonic()):
            yield image


def _configuration(camera: Any, size: list[int] | None, rate: float | None) -> Any:
    """One stream without a queue, so that no picture is older than the wish for it."""
    fps = min(rate or _FASTEST, _FASTEST)
    width, height = camera.sensor_resolution
    period_us = round(1_000_000 / fps)
    return camera.create_video_configuration(
        main={
            "size": tuple(size) if size else (WIDTH_PX, 2 * round(WIDTH_PX * height / width / 2)),
            "format": "RGB888",
        },
        raw=None,
        sensor=_sensor(camera.sensor_modes, fps),
        buffer_count=3,
        queue=False,
        controls={"FrameDurationLimits": (period_us, period_us)},
    )


def _sensor(modes: list[dict[str, Any]], fps: float) -> dict[str, Any]:
    """The sensor's smallest mode that sees everything, one fast enough if there is any; none known: its own choice."""
    seen = [mode for mode in modes if "crop_limits" in mode]
    if not seen:
        return {}
    view = max(math.prod(mode["crop_limits"][2:]) for mode in seen)
    # Modes of one sensor differ by a few border pixels.
    whole = [mode for mode in seen if math.prod(mode["crop_limits"][2:]) >= 0.95 * view]
    best = min(whole, key=lambda mode: (mode["fps"] < fps, math.prod(mode["size"])))
    return {"output_size": best["size"], "bit_depth": best["bit_depth"]}
