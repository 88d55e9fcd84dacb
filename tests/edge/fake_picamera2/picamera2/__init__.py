"""A stand-in for picamera2 0.3.38: the same names, arguments, defaults and errors, for the calls that `edge.connector`
makes. The scene is 200 red, 100 green and 50 blue with a white border one tenth wide, which a cut-out does not show.

What is connected stands in ``connected.json`` next to this folder: ``cameras`` (a number), ``behaves`` (well, busy,
hangs, grows) and ``sensor`` (a key of SENSORS).
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

# Sizes, fields of view and frame rates of the modes that libcamera lists for these sensors.
SENSORS = {
    "imx708": [
        {"size": (1536, 864), "bit_depth": 10, "fps": 120.13, "crop_limits": (768, 432, 3072, 1728)},
        {"size": (2304, 1296), "bit_depth": 10, "fps": 56.03, "crop_limits": (0, 0, 4608, 2592)},
        {"size": (4608, 2592), "bit_depth": 10, "fps": 14.35, "crop_limits": (0, 0, 4608, 2592)},
    ],
    "imx219": [
        {"size": (640, 480), "bit_depth": 10, "fps": 103.33, "crop_limits": (1000, 752, 1280, 960)},
        {"size": (1640, 1232), "bit_depth": 10, "fps": 41.85, "crop_limits": (0, 0, 3280, 2464)},
        {"size": (1920, 1080), "bit_depth": 10, "fps": 47.57, "crop_limits": (680, 692, 1920, 1080)},
        {"size": (3280, 2464), "bit_depth": 10, "fps": 21.19, "crop_limits": (0, 0, 3280, 2464)},
    ],
}
_CONNECTED = json.loads((Path(__file__).parent.parent / "connected.json").read_text())
_ORDER = {"RGB888": (2, 1, 0), "BGR888": (0, 1, 2)}


class Picamera2:
    """One camera."""

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        return [
            {
                "Model": _CONNECTED["sensor"],
                "Location": 2,
                "Rotation": 180,
                "Id": f"/base/i2c@{number}",
                "Num": number,
            }
            for number in range(_CONNECTED["cameras"])
        ]

    def __init__(self, camera_num=0, verbose_console=None, tuning=None, allocator=None):
        if _CONNECTED["behaves"] == "busy" or camera_num >= _CONNECTED["cameras"]:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.sensor_modes = SENSORS[_CONNECTED["sensor"]]
        self.sensor_resolution = self.sensor_modes[-1]["size"]
        self._config: dict[str, Any] | None = None
        self._started = False
        self._count = 0

    def create_video_configuration(
        self,
        main={},  # noqa: B006 - as in the original
        lores=None,
        raw={},  # noqa: B006
        transform=None,
        colour_space=None,
        buffer_count=6,
        controls={},  # noqa: B006
        display="main",
        encode="main",
        queue=True,
        sensor={},  # noqa: B006
        use_case="video",
    ) -> dict[str, Any]:
        for key in main:
            if key not in {"format", "size", "stride", "preserve_ar"}:
                raise ValueError(f"Bad key {key!r}")
        main = {"format": "XBGR8888", "size": (1280, 720)} | main
        main["size"] = tuple(side - side % 2 for side in main["size"])
        controls = {"FrameDurationLimits": (33333, 33333)} | controls
        return {"main": main, "lores": lores, "raw": raw, "controls": controls, "sensor": sensor}

    def configure(self, camera_config) -> None:
        if set(camera_config["sensor"]) - {"bit_depth", "output_size"}:
            raise RuntimeError("Unexpected keys in sensor configuration")
        if set(camera_config["controls"]) - {"FrameDurationLimits", "FrameRate", "ExposureTime"}:
            raise RuntimeError("Control is not advertised by libcamera")
        size = camera_config["main"]["size"]
        if any(a > b for a, b in zip(size, self.sensor_resolution, strict=True)):
            raise RuntimeError(f"Invalid camera configuration: {camera_config}")
        self._config = camera_config

    def start(self, config=None, show_preview=False) -> None:
        if self._config is None:
            raise RuntimeError("Camera has not been configured")
        self._started = True

    def capture_array(self, name="main", wait=None, signal_function=None) -> np.ndarray:
        assert self._config is not None
        assert self._started
        self._count += 1
        if _CONNECTED["behaves"] == "hangs" and self._count > 5:
            threading.Event().wait()
        time.sleep(self._config["controls"]["FrameDurationLimits"][0] / 1e6)
        width, height = self._config["main"]["size"]
        if _CONNECTED["behaves"] == "grows" and self._count > 5:
            width += 2
        return self._scene(width, height)

    def _scene(self, width: int, height: int) -> np.ndarray:
        # Left alone, the original takes the mode whose size is nearest to that of the picture.
        assert self._config is not None
        wish = self._config["sensor"].get("output_size") or self._config["main"]["size"]
        mode = min(self.sensor_modes, key=lambda mode: abs(mode["size"][0] - wish[0]))
        image = np.empty((height, width, 3), np.uint8)
        image[:] = np.array([200, 100, 50], np.uint8)[list(_ORDER[self._config["main"]["format"]])]
        if mode["crop_limits"][:2] == (0, 0):
            edge = height // 10
            image[:edge] = image[-edge:] = 255
            image[:, :edge] = image[:, -edge:] = 255
        return image
