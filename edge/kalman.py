"""A Kalman filter for many boxes at once, stepping in seconds (Kalman 1960; white-noise acceleration model).

Centre and size are filtered apart: the centre has a velocity, the size drifts. All noise scales with the box
height, since a near object moves and jitters over more pixels than a far one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# In box heights, and box heights per second squared.
_MEASURED = 0.04
_ACCELERATION = 0.9
_SIZE_DRIFT = 0.15  # per square root of a second
_FIRST_SPEED = 1.0
# Velocity of an object that is not seen dies away: who passes behind a tree comes out, who turns there does not.
_UNSEEN_DECAY_S = 4.0


class BoxFilter:
    """Rows of box states; row numbers are the caller's track order."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._centre = np.zeros((0, 2))
        self._speed = np.zeros((0, 2))
        # One covariance serves x and y: both have the same noise.
        self._pp, self._pv, self._vv = np.zeros(0), np.zeros(0), np.zeros(0)
        self._size = np.zeros((0, 2))
        self._size_var = np.zeros(0)
        self._unseen_s = np.zeros(0)

    def add(self, xyxy: NDArray[np.floating], at: float) -> None:
        """Append a row for a box (4,) first seen at ``at``."""
        self._at = at
        box = np.asarray(xyxy, np.float64)
        size = (box[2:] - box[:2]).clip(1.0)
        height = size[1]
        self._centre = np.vstack([self._centre, (box[:2] + box[2:]) / 2])
        self._speed = np.vstack([self._speed, np.zeros(2)])
        self._size = np.vstack([self._size, size])
        self._pp = np.append(self._pp, (_MEASURED * height) ** 2)
        self._pv = np.append(self._pv, 0.0)
        self._vv = np.append(self._vv, (_FIRST_SPEED * height) ** 2)
        self._size_var = np.append(self._size_var, (2 * _MEASURED * height) ** 2)
        self._unseen_s = np.append(self._unseen_s, 0.0)

    def predict(self, at: float) -> None:
        """Step all rows to the time ``at``, seconds."""
        step = 0.0 if self._at is None else max(0.0, at - self._at)
        self._at = at
        if not step or not len(self._pp):
            return
        decay = np.where(self._unseen_s > 0, np.exp(-step / _UNSEEN_DECAY_S), 1.0)
        self._centre += self._speed * step
        self._speed *= decay[:, None]
        noise = (_ACCELERATION * self._size[:, 1]) ** 2
        self._pp += 2 * step * self._pv + step**2 * self._vv + noise * step**4 / 4
        self._pv += step * self._vv + noise * step**3 / 2
        self._vv += noise * step**2
        self._size_var += (_SIZE_DRIFT * self._size[:, 1]) ** 2 * step
        self._unseen_s += step

    def correct(self, rows: NDArray[np.int64], xyxy: NDArray[np.floating]) -> None:
        """Feed measured boxes (K, 4) to K different rows."""
        if not len(rows):
            return
        boxes = np.asarray(xyxy, np.float64)
        size = (boxes[:, 2:] - boxes[:, :2]).clip(1.0)
        measured = (_MEASURED * size[:, 1]) ** 2
        total = self._pp[rows] + measured
        gain_p, gain_v = self._pp[rows] / total, self._pv[rows] / total
        miss = (boxes[:, :2] + boxes[:, 2:]) / 2 - self._centre[rows]
        self._centre[rows] += gain_p[:, None] * miss
        self._speed[rows] += gain_v[:, None] * miss
        self._vv[rows] -= gain_v * self._pv[rows]
        self._pv[rows] *= 1 - gain_p
        self._pp[rows] *= 1 - gain_p
        gain = self._size_var[rows] / (self._size_var[rows] + 4 * measured)
        self._size[rows] += gain[:, None] * (size - self._size[rows])
        self._size_var[rows] *= 1 - gain
        self._unseen_s[rows] = 0.0

    def place(self, row: int, xyxy: NDArray[np.floating]) -> None:
        """Put a row at a box (4,) where its object was found again, at an unknown speed."""
        box = np.asarray(xyxy, np.float64)
        size = (box[2:] - box[:2]).clip(1.0)
        self._centre[row], self._size[row], self._speed[row] = (box[:2] + box[2:]) / 2, size, 0.0
        self._pp[row], self._pv[row] = (_MEASURED * size[1]) ** 2, 0.0
        self._vv[row] = (_FIRST_SPEED * size[1]) ** 2
        self._size_var[row] = (2 * _MEASURED * size[1]) ** 2
        self._unseen_s[row] = 0.0

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Drop the rows that the mask does not name."""
        self._centre, self._speed, self._size = self._centre[mask], self._speed[mask], self._size[mask]
        self._pp, self._pv, self._vv = self._pp[mask], self._pv[mask], self._vv[mask]
        self._size_var, self._unseen_s = self._size_var[mask], self._unseen_s[mask]

    def xyxy(self) -> Array:
        """The boxes (N, 4) now."""
        return np.concatenate([self._centre - self._size / 2, self._centre + self._size / 2], axis=1)

    def misfit(
        self, rows: list[int], xyxy: NDArray[np.floating], deviations: float, slack: float
    ) -> tuple[Array, Array]:
        """How badly boxes (D, 4) fit rows, two (T, D): distance of the centres and ratio of the heights.

        The distance is in units of ``deviations`` standard deviations and ``slack`` box heights together.
        """
        boxes = np.asarray(xyxy, np.float64)
        centre, height = (boxes[:, :2] + boxes[:, 2:]) / 2, self._size[rows, 1][:, None]
        away2 = ((centre[None] - self._centre[rows][:, None]) ** 2).sum(axis=2)
        unit2 = deviations**2 * self._pp[rows][:, None] + (slack * height) ** 2
        return np.sqrt(away2 / unit2), (boxes[:, 3] - boxes[:, 1]).clip(1.0)[None] / height

    def speed(self) -> Array:
        """Speeds (N,) in box heights a second."""
        speed: Array = np.hypot(*self._speed.T) / self._size[:, 1]
        return speed

    def parting(self) -> Array:
        """Speeds (N, N) of rows against each other, in box heights of the first a second."""
        parting: Array = np.hypot(*(self._speed[:, None] - self._speed[None]).transpose(2, 0, 1))
        return parting / self._size[:, 1][:, None]
