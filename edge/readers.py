"""How each kind of live source is read, in the capture process: a generator of pictures per kind (`READERS`).

Rules:
1. A reader gets its orders (`edge.camera`) and yields (H, W, 3) uint8 BGR pictures as they arrive, thinned to the
   wanted rate. One that has nothing to show but is well calls ``beat``; one that just waits is silent, and replaced.
2. A reader ends only because a recording is over; everything else is a fault with a reason (`CameraError`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from av.error import FFmpegError

from edge import connector, ffmpeg_pipe
from edge.decode import BrokenStreamError, Decoder, Rate, Timeline, bgr, check_size, explain, open_container
from edge.records import ImageArray

Reader = Callable[[dict[str, Any], Callable[[], None]], Iterator[ImageArray]]

_LATE_S: Final = 1.0


def _rtsp(orders: dict[str, Any], beat: Callable[[], None]) -> Iterator[ImageArray]:
    rate, timeout_s, began = Rate(orders["rate"]), orders["timeout_s"], time.monotonic()
    try:
        container = open_container(orders["address"], orders["max_side_px"], timeout_s)
    except FFmpegError as exc:
        # FFmpeg calls an answer that never came invalid data.
        mute = time.monotonic() - began >= 0.95 * timeout_s
        raise BrokenStreamError(f"it did not answer for {timeout_s:g} s" if mute else explain(exc)) from None
    last: float | None = None
    with container:
        for picture in Decoder(container, orders["wh"], orders["max_side_px"]):
            now = time.monotonic()
            # FFmpeg answers a read that timed out with what its parser still held, and then waits once more.
            if last is not None and now - last >= 0.95 * timeout_s:
                raise BrokenStreamError(f"it sent nothing for {timeout_s:g} s")
            last = now
            if rate.keeps(now):
                yield bgr(picture)
    raise BrokenStreamError("it ended the stream")


def _usb(orders: dict[str, Any], beat: Callable[[], None]) -> Iterator[ImageArray]:
    import cv2

    rate, wh = Rate(orders["rate"]), orders["wh"]
    camera = cv2.VideoCapture(orders["address"], cv2.CAP_V4L2)
    camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    while camera.grab():
        if not rate.keeps(time.monotonic()):
            continue
        ok, image = camera.retrieve()
        if ok:
            check_size(image.shape[1::-1], wh, orders["max_side_px"])
            wh = image.shape[1::-1]
            yield image
    raise BrokenStreamError("it is not there, is in use by another program, or stopped delivering")


def _recording(orders: dict[str, Any], beat: Callable[[], None]) -> Iterator[ImageArray]:
    """A recording at its own pace. One that cannot keep up shifts its schedule instead of hurrying after it."""
    rate, starts = Rate(orders["rate"]), time.monotonic()
    while True:
        last: float | None = None
        with open_container(Path(orders["address"]), orders["max_side_px"]) as container:
            decoder = Decoder(container, orders["wh"], orders["max_side_px"])
            timeline = Timeline(decoder.fps)
            for picture in decoder:
                if (at := timeline.stamp(picture.time)) is None:
                    continue
                last = at
                starts = max(starts, time.monotonic() - at - _LATE_S)
                while (wait_s := starts + at - time.monotonic()) > 0:
                    beat()
                    time.sleep(min(wait_s, 1.0))
                if rate.keeps(starts + at):
                    yield bgr(picture)
        if last is None:
            raise BrokenStreamError("it holds no picture that can be decoded")
        if not orders["loop"]:
            return
        starts += last + timeline.step_s


READERS: Final[dict[str, Reader]] = {
    "rtsp": _rtsp,
    "usb": _usb,
    "file": _recording,
    "picamera": connector.read,
    "ffmpeg": ffmpeg_pipe.read,
}
