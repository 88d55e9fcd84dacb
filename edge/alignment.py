"""Whether a camera still looks where it looked: outlines against a reference that holds nobody.

A reference is the average over time of the outlines (`edge.view`) outside of what was found in the picture: walls, kerbs and
poles stay in it, people, shadows and noise average out. Rules:
1. ``home`` is how much of the reference's outlines is found in its place, give or take a pixel of the map.
2. Where that falls, all similarities (a shift, a turn, a zoom) within reach are tried on the correlations of blocks, summed so
   that a wall which fixes one direction only still speaks for it. A crowd, a lorry or another light makes ``home`` fall
   but no other place better; a knock makes another place better.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

# By name: numpy loads it when it is first asked for, which would be in the middle of the counting.
from numpy.fft import irfft2, rfft2
from numpy.typing import NDArray

from edge.records import FloatArray

REACH: Final = 16  # pixels of the map (a tenth of the width) searched each way
ROWS: Final = 3
COLS: Final = 5
# Turns in degrees and zooms that are tried together.
TURNS: Final = (-8.0, -6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0)
ZOOMS: Final = (0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15)
_SIDE: Final = 2 * REACH + 1


class Average:
    """Outlines (h, w, 2) averaged over time; each pixel by itself, so that what is hidden now is not forgotten."""

    def __init__(self, shape: tuple[int, ...], memory_s: float) -> None:
        self.outlines: FloatArray = np.zeros(shape, np.float32)
        self._seen_s = np.zeros(shape[:2], np.float32)
        self._memory_s = memory_s
        self.looks = 0

    def add(self, outlines: FloatArray, free: NDArray[np.bool_], step_s: float) -> None:
        """One look that stands for ``step_s`` seconds, where it is free: a plain mean at first, a sliding one later."""
        self._seen_s += np.where(free, np.float32(step_s), np.float32(0))
        share = np.where(free, step_s / np.clip(self._seen_s, step_s, self._memory_s), 0.0)
        self.outlines += share.astype(np.float32)[:, :, None] * (outlines - self.outlines)
        self.looks += 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where the reference was found: ``score`` in [-1, 1] there, ``shift`` the mean displacement as a share of the width."""

    score: float
    shift: float


def home(reference: FloatArray, current: FloatArray) -> float:
    """How much of the reference's outlines (h, w, 2) is in its place, in [-1, 1]: the mean over its blocks, by energy."""
    height, width = reference.shape[:2]
    right_left, up_down = np.moveaxis(reference, 2, 0).copy()
    padded = np.pad(np.moveaxis(current, 2, 0), ((0, 0), (1, 1), (1, 1)))
    rows, cols = _membership(height, ROWS), _membership(width, COLS).T
    best = np.full((ROWS, COLS), -np.inf)
    for down in range(3):
        for right in range(3):
            across, along = padded[:, down : down + height, right : right + width]
            best = np.maximum(best, rows @ (right_left * across + up_down * along) @ cols)
    return float(best.sum() / max(_energy(reference), 1e-6))


def find(reference: FloatArray, current: FloatArray) -> Place:
    """The best place of the reference within reach."""
    maps = _correlations(reference, current)
    sums = _gathered(maps, reference.shape[1], reference.shape[0]) / max(_energy(reference), 1e-6)
    pose, place = np.unravel_index(int(sums.argmax()), sums.shape)
    down, right = divmod(int(place), _SIDE)
    moves = _moves(reference.shape[1], reference.shape[0])[1][pose] + [down - REACH, right - REACH]
    shift = float(np.hypot(moves[:, 0], moves[:, 1]).mean()) / reference.shape[1]
    return Place(float(sums[pose, place]), shift)


def _energy(reference: FloatArray) -> float:
    return float((reference * reference).sum())


def _edges(size: int, parts: int) -> list[int]:
    return [round(size * part / parts) for part in range(parts + 1)]


@cache
def _membership(size: int, parts: int) -> FloatArray:
    """(parts, size): 1 where a row or column belongs to a part, so that a product with it sums over the parts."""
    edges = _edges(size, parts)
    place = np.arange(size)
    return np.array(
        [(place >= first) & (place < last) for first, last in itertools.pairwise(edges)], np.float32
    )


def _correlations(reference: FloatArray, current: FloatArray) -> FloatArray:
    """Of each block (B, side, side): its correlation with the current outlines displaced by -REACH … REACH, down and right."""
    height, width = reference.shape[:2]
    padded = np.pad(current, ((REACH, REACH), (REACH, REACH), (0, 0)))
    rows, cols = _edges(height, ROWS), _edges(width, COLS)
    size = int(max(np.diff(rows))) + 2 * REACH, int(max(np.diff(cols))) + 2 * REACH
    pairs = [
        (reference[top:bottom, left:right], padded[top : bottom + 2 * REACH, left : right + 2 * REACH])
        for top, bottom in itertools.pairwise(rows)
        for left, right in itertools.pairwise(cols)
    ]
    maps = []
    for block, around in pairs:
        spectrum = rfft2(around, size, axes=(0, 1)) * np.conj(rfft2(block, size, axes=(0, 1)))
        maps.append(irfft2(spectrum.sum(axis=2), size)[:_SIDE, :_SIDE])
    return np.array(maps, np.float32)


@cache
def _moves(width: int, height: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of each turn and zoom (P, B, 2): whole pixels that each block's centre moves down and right, and the exact ones."""
    rows, cols = _edges(height, ROWS), _edges(width, COLS)
    centres = np.array(
        [
            ((top + bottom) / 2 - height / 2, (left + right) / 2 - width / 2)
            for top, bottom in itertools.pairwise(rows)
            for left, right in itertools.pairwise(cols)
        ]
    )
    moves = []
    for turn in np.radians(TURNS):
        for zoom in ZOOMS:
            cosine, sine = zoom * np.cos(turn) - 1, zoom * np.sin(turn)
            down = cosine * centres[:, 0] + sine * centres[:, 1]
            right = cosine * centres[:, 1] - sine * centres[:, 0]
            moves.append(np.stack([down, right], axis=1))
    exact = np.array(moves)
    return exact.round().astype(np.int64), exact


def _gathered(maps: FloatArray, width: int, height: int) -> FloatArray:
    """For each turn and zoom, and each shift: the sum (P, side * side) of the blocks' correlations where it puts them."""
    most = int(np.abs(_moves(width, height)[0]).max())
    wide = np.pad(maps, ((0, 0), (most, most), (most, most)))
    sums = []
    for pose in _moves(width, height)[0]:
        total = np.zeros((_SIDE, _SIDE), np.float32)
        for block, (down, right) in zip(wide, pose + most, strict=True):
            total += block[down : down + _SIDE, right : right + _SIDE]
        sums.append(total.ravel())
    return np.array(sums)
