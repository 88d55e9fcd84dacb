"""What a configuration's ``source`` may be: its kinds, told apart and checked before anything is started.

Rules:
1. What can be known without opening the source is checked here, in the parent, with the remedy in the message.
2. An ``ffmpeg:`` source is taken apart word by word and put together anew: no shell, one input, no option but those
   listed here, all of which only say how to read. Addresses are of the network or /dev/videoN, never files.
3. No password in a source appears in a message.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
from pathlib import Path
from typing import Any, Final

from edge.decode import mask
from edge.errors import CameraError
from edge.video_file import check_file

# How FFmpeg asks for the stream, and how it decodes it. An option that names a file or a program is in neither.
_ASKING: Final = {
    "analyzeduration", "buffer_size", "fflags", "framerate", "input_format", "max_delay", "pixel_format",
    "probesize", "reorder_queue_size", "rtsp_flags", "rtsp_transport", "rw_timeout", "timeout", "tls_verify",
    "user_agent", "video_size",
}  # fmt: skip
_DECODING: Final = {"c:v", "err_detect", "flags", "hwaccel", "skip_frame"}
_NETWORK: Final = r"(?i)(?:rtsps?|rtmps?|https?|srt|tcp|udp|rtp)://[^\s'\"\\]+\Z"
_DEVICE: Final = r"/dev/video[0-9]+"
_EXAMPLE: Final = "ffmpeg:-rtsp_transport udp -i rtsp://USER:PASSWORD@HOST/PATH"


def parse(source: str) -> tuple[str, Any]:
    """The kind of a source (file, usb, rtsp, picamera or ffmpeg) and what its reader needs to open it.

    Raises:
        CameraError: no such kind of source, no such recording, or what it needs is not installed.
    """
    if re.match(r"(?i)rtsps?://[^/?#]", source):
        return "rtsp", source
    if source.isascii() and source.isdigit():
        return "usb", int(source)
    if re.fullmatch(_DEVICE, source):
        return "usb", source
    if source.startswith("picamera:"):
        return "picamera", _connector(source)
    if source.startswith("ffmpeg:"):
        return "ffmpeg", _words(source)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", source):
        raise CameraError(
            f"{mask(source)}: a source must be a recording's path, rtsp://…, rtsps://…, /dev/videoN, picamera:N or "
            "ffmpeg:…, and this is another kind of address. Most cameras offer RTSP: see their manual; others can be "
            f"read by ffmpeg ({_EXAMPLE}). A file of that name is written with ./ before it."
        )
    return "file", str(check_file(Path(source)).resolve())


def _connector(source: str) -> dict[str, Any]:
    match = re.fullmatch(r"picamera:([0-9])(?:@([1-9][0-9]{1,3})x([1-9][0-9]{1,3}))?", source)
    if match is None:
        raise CameraError(
            f"{source}: must be picamera: and the number of the camera connector, with a size if it is not to be "
            "1280 pixels wide. Write picamera:0 or picamera:0@1640x1232."
        )
    if importlib.util.find_spec("picamera2") is None:
        raise CameraError(
            f"{source}: the camera connector of a Raspberry Pi is read with the library picamera2, and this Python "
            "has none. On Raspberry Pi OS: sudo apt install --no-install-recommends python3-picamera2, and set "
            "include-system-site-packages = true in the pyvenv.cfg of the environment that parvis is installed in."
        )
    number, width, height = match.groups()
    return {"number": int(number), "size": None if width is None else [int(width), int(height)]}


def _words(source: str) -> dict[str, Any]:
    """The options by purpose and the address of an ffmpeg source."""
    wrong = f"{mask(source)}: must be written like {_EXAMPLE}, and "
    try:
        words = shlex.split(source.removeprefix("ffmpeg:"))
    except ValueError:
        raise CameraError(f"{wrong}a quotation mark is not closed. Close it.") from None
    if len(words) < 2 or words[-2] != "-i" or len(words) % 2:
        raise CameraError(
            f"{wrong}its last two words must be -i and the address. Parvis adds the output itself."
        )
    asking: dict[str, str] = {}
    decoding: dict[str, str] = {}
    for option, value in zip(words[:-2:2], words[1:-2:2], strict=True):
        name = option.removeprefix("-")
        if option == name or name not in _ASKING | _DECODING:
            raise CameraError(
                f"{wrong}{option if option.startswith('-') else 'one of its words'} is no option that may be given. "
                f"These may, each with a value: -{', -'.join(sorted(_ASKING | _DECODING))}."
            )
        if any(ord(char) < 32 for char in value):
            raise CameraError(f"{wrong}the value of {option} holds a control character. Remove it.")
        (asking if name in _ASKING else decoding)[name] = value
    address = words[-1]
    if not re.match(_NETWORK, address) and not re.fullmatch(_DEVICE, address):
        raise CameraError(
            f"{wrong}its address must be a camera in the network (rtsp, http, rtmp, srt, tcp, udp or rtp) or "
            "/dev/videoN. A recording needs no ffmpeg: name its path alone."
        )
    if shutil.which("ffmpeg") is None:
        raise CameraError(f"{mask(source)}: the program ffmpeg is not installed. sudo apt install ffmpeg")
    return {"asking": asking, "decoding": decoding, "address": address}
