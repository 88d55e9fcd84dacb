"""The escape hatch: the program ffmpeg reads what our own decoder does not, and writes raw pictures into a pipe.

It runs below the capture process and inherits its confinement: no file can be written, memory is capped, and the kernel
ends it with its parent.

Rules:
1. The address is told on stdin, as a list of one entry for ffmpeg's concat demuxer: command lines are public, and an
   address may hold a password. Only a device, which has none, is an argument.
2. Only protocols of the network may be opened, whatever a stream or a playlist mentions.
3. Each picture travels as a packet of its own, with one column more than it has. A picture of another size, be it the
   same turned on its side, is then a packet of another length: ffmpeg itself would scale it without a word.
4. Nothing that ffmpeg writes on stderr is passed on, for it quotes addresses; it is searched for known causes.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, Any, Final

import av
import numpy as np
from av.error import FFmpegError

from edge.decode import BrokenStreamError, Rate, StreamChangedError, check_size
from edge.errors import CameraError
from edge.records import ImageArray

_PROTOCOLS: Final = "pipe,rtsp,rtsps,rtp,rtmp,rtmps,srt,tcp,udp,tls,http,https,httpproxy,hls,crypto"
_HEAD: Final = [
    "ffmpeg",
    "-hide_banner",
    "-nostdin",
    "-loglevel",
    "error",
    "-threads",
    "1",
    "-filter_threads",
    "1",
]
_LIST: Final = ["-f", "concat", "-safe", "0", "-protocol_whitelist", _PROTOCOLS, "-i", "pipe:0"]
_TAIL: Final = ["-map", "0:v:0", "-fps_mode", "passthrough", "-autoscale", "0", "-c:v", "rawvideo"]
_PIPE: Final = ["-flush_packets", "1", "-f", "nut", "pipe:1"]
_NUT: Final = {"protocol_whitelist": "pipe", "probesize": "32", "analyzeduration": "0"}
_TOO_LARGE: Final = "too large"
_CAUSES: Final = (
    (r"Picture size \d+x\d+ exceeds", _TOO_LARGE),
    (r"\b40[13]\b", "it rejected the user or the password"),
    (r"\b404\b", "it knows no stream of that name"),
    (r"Connection refused", "it refused the connection"),
    (r"timed out", "it did not answer in time"),
    (r"No route to host|unreachable|not known|resolve", "it cannot be reached"),
    (r"No such file|No such device", "it is not there"),
    (r"resource busy", "it is in use by another program"),
    (
        r"Option .* not found|Unrecognized option|Unused options|Unable to parse",
        "it has no such option or value",
    ),
    (r"Cannot allocate memory", "it needed more memory than a camera may"),
    (r"Invalid data found", "it is no video that can be decoded"),
)


def read(orders: dict[str, Any], beat: Callable[[], None]) -> Iterator[ImageArray]:
    """The pictures that ffmpeg makes of ``orders["address"]`` (`edge.sources`), (H, W, 3) uint8 BGR.

    Raises:
        BrokenStreamError: ffmpeg ended, with the cause if it is a known one.
        StreamChangedError: another size than before, or larger than the limit.
    """
    child = _start(orders["address"], orders["max_side_px"], orders["rate"])
    rate, ear = Rate(orders["rate"]), _Ear(child)
    # Of what ends before or within a picture, ffmpeg has said why.
    with (
        contextlib.suppress(FFmpegError),
        av.open(f"pipe:{_fd(child.stdout)}", format="nut", options=_NUT) as nut,
    ):
        stream = nut.streams.video[0]
        wh = (stream.codec_context.width - 1, stream.codec_context.height)
        check_size(wh, orders["wh"], orders["max_side_px"])
        for packet in nut.demux(stream):
            if packet.size not in {0, 3 * (wh[0] + 1) * wh[1]}:
                raise StreamChangedError(
                    f"stream_changed: the picture was {wh[0]}x{wh[1]} pixels and is no longer"
                )
            if packet.size:
                ear.forget()
            if packet.size and rate.keeps(time.monotonic()):
                yield np.frombuffer(packet, np.uint8).reshape(wh[1], wh[0] + 1, 3)[:, :-1]
    raise ear.fault(orders["max_side_px"])


def _start(source: dict[str, Any], max_side_px: int, rate: float | None) -> subprocess.Popen[bytes]:
    libc, parent = ctypes.CDLL(None), os.getpid()

    def bind() -> None:
        libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, which a new process does not inherit
        if os.getppid() != parent:
            os._exit(1)

    asking, address = source["asking"], source["address"]
    device = address.startswith("/dev/")
    entry = (
        ""
        if device
        else "".join([f"file '{address}'\n", *(f"option {k} '{_quoted(v)}'\n" for k, v in asking.items())])
    )
    words = [*_HEAD, "-max_pixels", str(max_side_px**2), *_options(source["decoding"])]
    words += ["-f", "v4l2", *_options(asking), "-i", address] if device else _LIST
    child = subprocess.Popen(
        [*words, *_TAIL, "-vf", _filters(rate), *_PIPE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=bind,  # noqa: PLW1509 - this process has one thread
    )
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError), child.stdin as inlet:
            inlet.write(entry.encode())
    return child


def _filters(rate: float | None) -> str:
    """Thinned before anything is converted; times of its own, since ours are taken at the arrival."""
    thinned = f"select='isnan(prev_selected_t)+gte(t-prev_selected_t,{0.9 / rate:.4f})'," if rate else ""
    return f"{thinned}setpts=N/25/TB,format=bgr24,pad=iw+1:ih"


def _options(given: dict[str, str]) -> list[str]:
    return [word for name, value in given.items() for word in (f"-{name}", value)]


def _quoted(value: str) -> str:
    return value.replace("'", r"'\''")


def _fd(pipe: IO[bytes] | None) -> int:
    if pipe is None:
        raise BrokenStreamError("ffmpeg has no pipe")
    return pipe.fileno()


class _Ear:
    """Empties ffmpeg's stderr, so that it never waits, and keeps the last known cause."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        self._cause: str | None = None
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def fault(self, max_side_px: int) -> CameraError:
        """Why it ended, once its last words are read."""
        self._child.kill()
        self._thread.join(1.0)
        if self._cause == _TOO_LARGE:
            return StreamChangedError(
                f"stream_changed: the picture may have {max_side_px} pixels a side and is larger"
            )
        return BrokenStreamError(self._cause or "it ended the stream")

    def forget(self) -> None:
        """A picture came: what went wrong before is over."""
        if self._cause != _TOO_LARGE:
            self._cause = None

    def _listen(self) -> None:
        for line in iter(lambda: os.read(_fd(self._child.stderr), 4096), b""):
            text = re.sub(
                r"'[^']*'|\S+://\S+", "", line.decode(errors="replace")
            )  # a path may hold any number
            self._cause = next((words for pattern, words in _CAUSES if re.search(pattern, text)), self._cause)
            if self._cause == _TOO_LARGE:  # it would go on for ever without a picture
                self._child.kill()
