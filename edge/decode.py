"""Decoding, shared by recordings (`edge.video_file`) and live streams (`edge.capture`).

Rules:
1. Times are presentation times, made strictly increasing (`Timeline`).
2. A picture larger than the limit is refused by the decoder before its memory exists. A picture of another
   size than the first one is never delivered: zones drawn on one view do not fit another.
3. Only plain local files and RTSP are opened; nothing that a file or an address mentions is followed elsewhere.
4. No text of FFmpeg is passed on: it quotes addresses with their passwords.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.error import FFmpegError
from av.stream import Disposition

from edge.errors import CameraError
from edge.records import ImageArray

MAX_SIDE_PX: Final = 4096
# Demuxers of plain recordings: no playlists, scripts or picture series, which open other files.
_RECORDINGS: Final = "mov,mp4,matroska,webm,mpegts,mpeg,avi,flv,asf,ogg,mxf,h264,hevc,mjpeg"
_NETWORK: Final = "rtsp,rtsps,rtp,tcp,tls"
_JUMP_S: Final = 1.0


class StreamChangedError(CameraError):
    """The pictures changed their size on the way, or became larger than the limit."""


class BrokenStreamError(CameraError):
    """The stream ended by a fault. What was decoded before stays valid."""


class Timeline:
    """Presentation times as strictly increasing seconds from 0.0.

    A time that does not increase is dropped (None). A step back of a second or more is a new count (recordings
    glued together): it continues one frame interval after the last picture. A missing time is one interval later.
    """

    def __init__(self, fps: float) -> None:
        self.step_s = 1.0 / fps if fps > 0 else 0.04
        self._origin: float | None = None
        self._last: float | None = None

    def stamp(self, pts_s: float | None) -> float | None:
        """Seconds since the first picture, or None for a picture to drop."""
        following = 0.0 if self._last is None else self._last + self.step_s
        if pts_s is None:
            at = following
        else:
            if self._origin is None:
                self._origin = pts_s - following
            at = pts_s - self._origin
            if self._last is not None and at <= self._last:
                if self._last - at < _JUMP_S:
                    return None
                self._origin, at = pts_s - following, following
        self._last = at
        return at


class Rate:
    """Thins pictures to ``fps`` by time, evenly in the long run; None keeps all. Jitter of 10 ms is forgiven."""

    def __init__(self, fps: float | None) -> None:
        self._period_s = 1.0 / fps if fps else 0.0
        self._due: float | None = None

    def keeps(self, at: float) -> bool:
        """Whether the picture at ``at`` seconds is wanted; ask once per picture, in order."""
        due = at if self._due is None else self._due
        if at < due - min(0.1 * self._period_s, 0.01):
            return False
        # After a pause the schedule starts anew: what was missed is not caught up on.
        self._due = (due if at - due < self._period_s else at) + self._period_s
        return True


def open_container(
    address: str | Path, max_side_px: int = MAX_SIDE_PX, timeout_s: float | None = None
) -> Any:
    """The PyAV container of a plain local recording (a Path, whatever its name looks like) or of an RTSP URL.

    RTSP goes over TCP; opening and every read of it wait ``timeout_s`` at most.

    Raises:
        FFmpegError: not a recording, larger than the limit; no answer, refused, wrong password, no such stream.
    """
    options = {"max_pixels": str(max_side_px**2)}
    if isinstance(address, Path):
        options |= {"protocol_whitelist": "file", "format_whitelist": _RECORDINGS}
        # Titles in another encoding are no reason to refuse pictures.
        return av.open(f"file:{address.resolve()}", options=options, metadata_errors="replace")
    options |= {
        "rtsp_transport": "tcp",
        "allowed_media_types": "video",
        "protocol_whitelist": _NETWORK,
        "analyzeduration": "2000000",
        # Its rate is not asked for: FFmpeg would watch twenty pictures first, for ever on a slow camera.
        "fpsprobesize": "0",
    }
    timeouts = (timeout_s, timeout_s)
    return av.open(address, format="rtsp", options=options, timeout=timeouts, metadata_errors="replace")


class Decoder:
    """The pictures of a container's first video stream, on one thread: the cores belong to the detector.

    ``wh`` is the size, turned upright, once a picture was decoded; ``damaged`` counts undecodable packets.
    """

    def __init__(
        self, container: Any, wh: tuple[int, int] | None = None, max_side_px: int = MAX_SIDE_PX
    ) -> None:
        # PyAV 18.0 crashes the process when a stream without a codec context is decoded; covers are no video.
        streams = [
            stream
            for stream in container.streams.video
            if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
        ]
        if not streams:
            raise BrokenStreamError("it holds no video stream that can be decoded")
        self.stream = streams[0]
        self.stream.thread_type = "NONE"
        self.stream.codec_context.thread_count = 1
        self.stream.codec_context.options = {"max_pixels": str(max_side_px**2)}
        self.wh = wh
        self.damaged = 0
        self._container = container
        self._max_side_px = max_side_px

    @property
    def fps(self) -> float:
        """The stated average rate, frames per second; 25 where nothing is stated."""
        return float(self.stream.average_rate or self.stream.guessed_rate or 25.0)

    def __iter__(self) -> Iterator[Any]:
        """The decoded pictures (`av.VideoFrame`).

        Raises:
            StreamChangedError: another size, or larger than the limit.
            BrokenStreamError: the stream cannot be read on.
        """
        packets = self._container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError as exc:
                raise BrokenStreamError(explain(exc)) from None
            except IndexError:  # PyAV's answer to a stream that appears on the way
                raise BrokenStreamError("it is damaged") from None
            if packet is None:
                return
            try:
                pictures = packet.decode()
            except (av.error.ArgumentError, av.error.MemoryError):
                # With max_pixels set, this is how a decoder refuses a picture.
                raise _changed(self.wh, "larger than allowed", self._max_side_px) from None
            except FFmpegError:
                self.damaged += 1
                continue
            for picture in pictures:
                if picture.is_corrupt:
                    self.damaged += 1
                    continue
                turned = picture.rotation % 180 != 0
                wh = (picture.height, picture.width) if turned else (picture.width, picture.height)
                check_size(wh, self.wh, self._max_side_px)
                self.wh = wh
                yield picture


def check_size(wh: tuple[int, int], expected: tuple[int, int] | None, max_side_px: int) -> None:
    """Refuse a picture of another size than before, or larger than the limit (StreamChangedError)."""
    if max(wh) > max_side_px or (expected is not None and wh != expected):
        raise _changed(expected, f"{wh[0]}x{wh[1]}", max_side_px)


def _changed(was: tuple[int, int] | None, now: str, max_side_px: int) -> StreamChangedError:
    before = f"was {was[0]}x{was[1]} pixels" if was else f"may have {max_side_px} pixels a side"
    return StreamChangedError(f"stream_changed: the picture {before} and is now {now}")


def bgr(picture: Any) -> ImageArray:
    """The picture as (H, W, 3) uint8 BGR, upright: telephones film sideways and say so beside the picture."""
    image: ImageArray = picture.to_ndarray(format="bgr24")
    turns = round(picture.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


_CAUSES: Final[tuple[tuple[tuple[type[BaseException], ...], str], ...]] = (
    ((av.error.ExitError, TimeoutError), "it did not answer in time"),
    ((ConnectionRefusedError,), "it refused the connection"),
    ((ConnectionError,), "it dropped the connection"),
    ((av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError), "it rejected the user or the password"),
    ((av.error.HTTPNotFoundError,), "it knows no stream of that name"),
    # What a server answers to a client that wanted none of its streams, too.
    (
        (av.error.HTTPError, av.error.HTTPClientError),
        "it answered with an error, or holds no video stream that can be decoded",
    ),
    ((PermissionError,), "this user may not read it"),
    ((FileNotFoundError,), "it is not there"),
    ((av.error.InvalidDataError,), "it is no video that can be decoded, or is cut off"),
    ((av.error.ArgumentError,), "it is no video, or its pictures are larger than that"),
    ((MemoryError, av.error.MemoryError), "it needed more memory than a camera may"),
    ((EOFError,), "it ended the stream"),
)


def explain(exc: BaseException) -> str:
    """What went wrong, in our own words (rule 5)."""
    known = next((words for kinds, words in _CAUSES if isinstance(exc, kinds)), None)
    return known or f"it failed ({type(exc).__name__})"


def mask(source: str) -> str:
    """A source as messages may show it: of an address the user and the host only, for paths hold passwords too."""
    if source.startswith("ffmpeg:"):
        address = source.rpartition("-i ")[2].strip()
        return f"ffmpeg:{mask(address) if re.match(r'[A-Za-z]+://|/dev/video[0-9]+$', address) else '***'}"
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)(.*)", source, re.DOTALL)
    if match is None:
        return source
    scheme, authority, rest = match.groups()
    if "@" in rest:  # an unescaped "/" or "?" in the password
        return f"{scheme}***"
    credentials, at, host = authority.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}{user}{':***' if colon else ''}{at}{host}"
