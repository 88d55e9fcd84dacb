"""Object numbers as colours and back, for the pictures that say which pixel belongs to whom. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np


def colour(number: int) -> tuple[int, int, int]:
    """Red, green, blue 0..255 of an object's number 1..511; black means scenery."""
    return tuple(16 + 32 * (number // 8**k % 8) for k in range(3))


def number(rgb: Any) -> Any:
    """The numbers in an RGB picture (H, W, 3); 0 where it is black."""
    a = np.asarray(rgb).astype(int)
    level = np.clip((a - 16 + 16) // 32, 0, 7)
    return np.where(a.max(-1) < 8, 0, level[..., 0] + 8 * level[..., 1] + 64 * level[..., 2])
