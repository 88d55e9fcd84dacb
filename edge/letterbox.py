"""How a frame, or the part of it that a detector looks at, lies in the model's input. Pure arithmetic in pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.records import FloatArray

PADDING: Final = 114  # the grey around a letterboxed picture, as all these models were trained with

Part = tuple[int, int, int, int]  # x1, y1, x2, y2 in pixels of the frame, half open


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a frame lies in the model's input: ``input = (frame - origin) * scale + (pad_x, pad_y)``, all in pixels.

    ``part`` is what of the frame the model sees; its upper left corner is the origin. ``inner_hw`` is the height and
    width that the resized part covers; the rest of ``input_hw`` is padding.
    """

    scale: float
    pad_x: int
    pad_y: int
    input_hw: tuple[int, int]
    inner_hw: tuple[int, int]
    part: Part

    @staticmethod
    def fit(
        frame_hw: tuple[int, int],
        input_hw: tuple[int, int],
        *,
        centred: bool = True,
        part: Part | None = None,
    ) -> Letterbox:
        """The largest placement that keeps the aspect. YOLOX models want the frame at the top left."""
        seen = part or (0, 0, frame_hw[1], frame_hw[0])
        height, width = seen[3] - seen[1], seen[2] - seen[0]
        input_h, input_w = input_hw
        scale = min(input_h / height, input_w / width)
        inner_h = min(input_h, max(1, round(height * scale)))
        inner_w = min(input_w, max(1, round(width * scale)))
        pad_x, pad_y = ((input_w - inner_w) // 2, (input_h - inner_h) // 2) if centred else (0, 0)
        return Letterbox(scale, pad_x, pad_y, input_hw, (inner_h, inner_w), seen)

    def to_frame(self, xyxy: FloatArray) -> FloatArray:
        """Boxes (N, 4) float32 of the input, in pixels of the frame; not clipped."""
        pad = np.array((self.pad_x, self.pad_y, self.pad_x, self.pad_y), np.float32)
        origin = np.array((*self.part[:2], *self.part[:2]), np.float32)
        return (xyxy - pad) / np.float32(self.scale) + origin


def fitted_input(frame_hw: tuple[int, int], longer_side: int, stride: int = 32) -> tuple[int, int]:
    """The leanest input (height, width) for frames of this aspect, both multiples of the stride.

    Padding a 16:9 frame to a square wastes 44 % of the work: 640x360 at 640 becomes (384, 640).
    """
    scale = longer_side / max(frame_hw)
    height, width = (max(1, math.ceil(side * scale / stride - 1e-6)) * stride for side in frame_hw)
    return height, width


def fitted_part(frame_hw: tuple[int, int], part: Part, longer_side: int, stride: int = 32) -> tuple[int, int]:
    """The leanest input (height, width) for a part of the frame.

    A part is seen at least as large as in the whole frame at ``longer_side``, which makes it cheaper; larger, up to the
    camera's own pixels, as long as its own longer side stays within ``longer_side``, which makes it better.
    """
    hw = part[3] - part[1], part[2] - part[0]
    scale = max(longer_side / max(frame_hw), min(1.0, longer_side / max(hw)))
    return fitted_input(hw, max(1, round(scale * max(hw))), stride)
