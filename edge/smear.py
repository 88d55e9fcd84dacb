"""Where a picture lost its sharpness: drops, dirt or breath on a part of the lens, told from the parts that keep theirs. Pure.

Each block of the picture has its usual sharpness: detail at the finest scale over detail four times coarser, so that contrast
and light fall out of it. A block is judged where that much fine detail would stand out of today's noise; a lorry's smooth side
has no coarse detail either and is not judged. What moves through a block has its own sharpness, which is no worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.records import FloatArray

Pair = tuple[FloatArray, FloatArray]  # fine and coarse detail of blocks
# A block is smeared below this share of its usual sharpness.
LOST: Final = 0.45
# Blocks with this much coarse detail (and more than half of all blocks have) and no less sharp than a quarter of those.
LEAST: Final = 4.0
STILL_THERE: Final = 2.0  # coarse detail today: a drop leaves it, a lorry's side has none
OVER_NOISE: Final = 2.0
FEWEST: Final = 20
MEMORY: Final = 2.0  # looks over which today's detail is averaged
LEARNT: Final = 600.0  # and the usual


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """A picture's detail in blocks (h, w): ``fine`` at the finest scale, ``coarse`` four times coarser, levels of grey.

    ``noise``: what the smoothest parts show of fine detail. ``free``: nothing was found there.
    """

    fine: FloatArray
    coarse: FloatArray
    noise: float
    free: NDArray[np.bool_]

    @property
    def detail(self) -> FloatArray:
        """Fine detail without the noise in it: the two add like the sides of a right angle."""
        left = np.maximum(self.fine * self.fine - np.float32(self.noise * self.noise), 0)
        return np.asarray(np.sqrt(left), np.float32)


class Smear:
    """The usual sharpness of one camera's blocks, of one size of picture, and how many have lost it."""

    def __init__(self) -> None:
        self._usual: Pair | None = None
        self._now: Pair | None = None
        self._looks = 0

    def see(self, blocks: Blocks) -> float:
        """The share of blocks that are smeared at this look, 0 while too few can be judged."""
        noise, found = blocks.noise, (blocks.detail, blocks.coarse)
        if self._now is None:
            self._now = (found[0].copy(), found[1].copy())
        _follow(self._now, found, blocks.free, MEMORY)
        if self._usual is None:
            return 0.0
        usual = self._usual[0] / np.maximum(self._usual[1], 1)
        middle = np.sort(self._usual[1], axis=None)[
            self._usual[1].size // 2
        ]  # np.median would load numpy.ma here
        rich = self._usual[1] >= max(LEAST, float(middle))
        if not rich.any():
            return 0.0
        rich &= usual >= np.sort(usual[rich])[rich.sum() // 4]
        seen: NDArray[np.bool_] = self._now[1] >= STILL_THERE
        judged = rich & seen & (usual * self._now[1] >= OVER_NOISE * noise)
        if judged.sum() < FEWEST:
            return 0.0
        return float((self._now[0] / np.maximum(self._now[1], 1) < LOST * usual)[judged].mean())

    def learn(self, blocks: Blocks) -> None:
        """A look without any fault."""
        found = (blocks.detail, blocks.coarse)
        if self._usual is None:
            self._usual = (found[0].copy(), found[1].copy())
        self._looks += 1
        _follow(self._usual, found, blocks.free, min(self._looks, LEARNT))


def _follow(means: Pair, found: Pair, free: NDArray[np.bool_], looks: float) -> None:
    """Move means towards what was found, where it is free, as one of so many looks."""
    for mean, new in zip(means, found, strict=True):
        np.add(mean, (new - mean) / np.float32(looks), out=mean, where=free)
