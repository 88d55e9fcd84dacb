"""How far a mean over days may be off by chance between days: Student's t intervals. Pure.

A day is the unit: hours of one day hang together. Days that follow each other hang together a little too, so these
intervals are rather too narrow than too wide where the weather stays; they say nothing of the counting error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, variance
from typing import Final

LEVEL: Final = 0.95
LEAST_DAYS: Final = 3
_Z: Final = NormalDist().inv_cdf((1 + LEVEL) / 2)


def t_quantile(freedom: float) -> float:
    """The 97.5 % quantile of Student's t, within 1 % from 3 degrees of freedom on (Fisher and Cornish, 1960).

    Raises:
        ValueError: below 2 degrees of freedom.
    """
    if freedom < 2:
        raise ValueError(f"at least 2 degrees of freedom are needed (got {freedom:g})")
    z, n = _Z, freedom
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / n ** (power + 1) for power, term in enumerate(terms))


def interval_of(centre: float, spread: float, freedom: float) -> tuple[float, float]:
    """95 % around ``centre``; ``spread`` is its standard error."""
    half = t_quantile(freedom) * spread
    return centre - half, centre + half


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % of the mean of days; None with fewer than LEAST_DAYS."""
    if len(values) < LEAST_DAYS:
        return None
    return interval_of(fmean(values), math.sqrt(variance(values) / len(values)), len(values) - 1)
