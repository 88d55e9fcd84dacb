"""How long visits and stays lasted, told from the histograms of the wire. Pure.

Rules:
1. Only complete visits have a length. Censored ones (their start or end was not seen) are told as a share beside it,
   since a place with many of them knows little of its long visits.
2. A histogram knows a band, not a length: the median is the band in which it lies, and a mean is not offered at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from contract.names import BINS


@dataclass(frozen=True, slots=True)
class Band:
    """Visits of ``low`` to ``high`` seconds (None: no upper bound), and their ``share`` of the complete ones."""

    low: int
    high: int | None
    visits: int
    share: float


@dataclass(frozen=True, slots=True)
class Lengths:
    """``bands`` from the shortest; ``complete`` visits; ``censored`` ones and their share of all.

    ``median`` and ``long`` (nine in ten are shorter) name a band by its number, None without complete visits.
    """

    bands: tuple[Band, ...]
    complete: int
    censored: int
    censored_share: float | None
    median: int | None
    long: int | None


def lengths(histogram: Sequence[int], bounds: Sequence[int], censored: int) -> Lengths:
    """What a histogram says.

    Args:
        histogram: visits in each bin, [lower, upper); ``BINS`` of them.
        bounds: the inner borders of the bins in seconds, ascending; ``BINS`` - 1 of them.
        censored: visits whose length is not known.

    Raises:
        ValueError: for another number of bins, or negative counts.
    """
    if len(histogram) != BINS or len(bounds) != BINS - 1:
        raise ValueError(f"there must be {BINS} bins (got {len(histogram)} and {len(bounds)} bounds)")
    if min(*histogram, censored) < 0:
        raise ValueError("visits cannot be negative")
    complete = sum(histogram)
    borders = [0, *bounds, None]
    bands = tuple(
        Band(borders[i] or 0, borders[i + 1], visits, visits / complete if complete else 0.0)
        for i, visits in enumerate(histogram)
    )
    together = list(accumulate(histogram))

    def band_of(share: float) -> int | None:
        return next((i for i, n in enumerate(together) if n >= share * complete), None) if complete else None

    every = complete + censored
    return Lengths(bands, complete, censored, censored / every if every else None, band_of(0.5), band_of(0.9))
