"""From demand to what a box would have counted: presence, entries, exits, visits, bays, crossings. Pure.

Rules:
1. Whole numbers stay whole, and what enters leaves: exits follow entries, bays never hold more than there are.
2. Nothing is counted where nothing was seen: each slot is thinned by its observed share.
3. The same seed gives the same series.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from contract.names import BINS, DWELL_BOUNDS_S, STAY_BOUNDS_S
from server.simulate_world import Array

# Slots of one zone resemble each other less than Poisson's: groups, passing school classes, a bus that empties.
CLUMP: Final = 30.0
CENSORED: Final = 0.14


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """One class in one zone; arrays (N,), ``lengths`` (N, BINS). ``mean``: objects present while observed."""

    mean: Array
    peak: Array
    entries: Array
    exits: Array
    lengths: Array
    censored: Array


@dataclass(frozen=True, slots=True, eq=False)
class Bays:
    """One car park; arrays (N,), ``lengths`` (N, BINS). ``mean``: bays occupied while observed."""

    mean: Array
    peak: Array
    arrivals: Array
    departures: Array
    lengths: Array
    censored: Array


def _bands(bounds_s: tuple[int, ...], median_s: float, spread: float) -> Array:
    """Share of each bin when lengths are lognormal."""
    grid = np.exp(np.linspace(-4, 4, 2001) * spread) * median_s
    weight = np.exp(-0.5 * np.linspace(-4, 4, 2001) ** 2)
    shares = np.bincount(np.searchsorted(bounds_s, grid, side="right"), weight, BINS)
    return np.asarray(shares / shares.sum())


def presence(
    rng: np.random.Generator,
    expected: Array,
    dwell_s: float,
    step: int,
    seen: Array,
    *,
    vehicle: bool = False,
) -> Presence:
    """A class in a zone.

    Args:
        rng: where chance comes from.
        expected: expected presence, (N,).
        dwell_s: mean time that a visit takes.
        step: seconds of a slot.
        seen: observed share of each slot, 0 to 1.
        vehicle: the bounds of its visits are those of vehicles.
    """
    rate = expected * step / dwell_s
    entries = rng.poisson(rate * rng.gamma(CLUMP, 1 / CLUMP, len(rate)))
    # Some stay past the end of their slot.
    stay = rng.binomial(entries, min(0.5, dwell_s / step / 2))
    exits = entries - stay + np.concatenate(([0], stay[:-1]))
    mean = (entries + exits) / 2 * dwell_s / step * rng.gamma(30.0, 1 / 30.0, len(rate))
    entries, exits = rng.binomial(entries, seen), rng.binomial(exits, seen)
    mean = np.where(seen > 0, mean, 0.0)
    peak = np.ceil(mean) + rng.poisson(0.7 * np.sqrt(mean))
    censored = rng.binomial(exits, CENSORED)
    bounds = STAY_BOUNDS_S if vehicle else DWELL_BOUNDS_S
    lengths = rng.multinomial(exits - censored, _bands(bounds, dwell_s * 0.7, 0.8))
    return Presence(mean, peak.astype(int), entries, exits, lengths, censored)


def bays(rng: np.random.Generator, share: Array, size: int, step: int, seen: Array, *, brief: bool) -> Bays:
    """A car park of ``size`` bays wanted by ``share`` of them, more than 1 when more come than fit.

    Arrivals beyond what fits drive on; ``brief``: a place to set down, not to park.
    """
    stay_s = 600.0 if brief else 6600.0
    leave = 1 - np.exp(-step / stay_s)
    wanted = share * size * rng.gamma(40.0, 1 / 40.0, len(share))
    held = np.empty(len(share) + 1, int)
    held[0] = min(size, int(wanted[0]))
    came, went = np.zeros(len(share), int), np.zeros(len(share), int)
    chance = rng.random(len(share))
    for slot in range(len(share)):
        before = int(held[slot])
        # Faster out in the evening, when fewer are wanted than are there.
        out = int(before * leave + chance[slot])
        come = int(max(0.0, wanted[slot] - (before - out)) * (1 if brief else 0.6) + chance[slot])
        went[slot] = min(before, out)
        came[slot] = min(come, size - (before - went[slot]))
        held[slot + 1] = before - went[slot] + came[slot]
    mean = (held[:-1] + held[1:]) / 2
    peak = np.maximum(held[:-1], held[1:])
    arrivals, departures = rng.binomial(came, seen), rng.binomial(went, seen)
    censored = rng.binomial(departures, CENSORED / 2)
    lengths = rng.multinomial(departures - censored, _bands(STAY_BOUNDS_S, stay_s * 0.75, 0.9))
    return Bays(mean, np.where(seen > 0, peak, 0), arrivals, departures, lengths, censored)


def crossings(rng: np.random.Generator, expected: Array, hour: Array, seen: Array) -> tuple[Array, Array]:
    """In and out of a line; more in before noon, more out in the evening."""
    lean = 0.5 + 0.16 * np.cos(2 * np.pi * (hour - 8.5) / 24)
    rate = expected * rng.gamma(CLUMP, 1 / CLUMP, len(expected)) * seen
    return rng.poisson(rate * lean), rng.poisson(rate * (1 - lean))
