"""How wrong the box counts with a model: the occupancy error of `bench.counts`, beside a reference model's.

The box itself runs over the network's answers, which `bench.counts` keeps; docs/counting-error.md defines the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.counts import cases, ours
from bench.counts.detections import Model, at_rate, of_video
from bench.counts.measure import video_figures
from bench.counts.series import windows
from bench.counts.statistics import Paired, ratio, ratio_interval
from models.average_precision import Array

RATES: Final[dict[cases.SetName, tuple[float, ...]]] = {"pets": (10.0, 5.0, 2.5), "scenes": (6.0, 2.5)}


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """Of one model, size, set and rate: the absolute errors by window, summed over zones, of each video.

    ``error`` and ``true`` are sums over videos and zones: objects on average, as in `bench.counts`.
    """

    set: str
    rate: float
    error: float
    true: float
    videos: tuple[tuple[Array, Array], ...]  # (W,) errors, (W,) seconds


def measure(model: Model, found: Sequence[cases.Case], cache: Path) -> list[Errors]:
    """At each rate of the cases' set; all cases of one set. Raises ModelError or CameraError."""
    name = found[0].set
    sights = [of_video(case.name, case.video, model, cache) for case in found]
    return [errors(found, sights, name, rate) for rate in RATES[name]]


def errors(found: Sequence[cases.Case], sights: Sequence[Any], name: str, rate: float) -> Errors:
    """Of what was seen in each case's video, thinned to a rate (frames a second)."""
    error = true = 0.0
    videos = []
    for case, seen in zip(found, sights, strict=True):
        frames = at_rate(seen, rate if rate < case.truth.fps else None)
        spans = windows(case.truth.end)
        zones = video_figures(case.truth, {"ours": ours.count(case.box, frames, spans)})["zones"]
        error += sum(zone["occupancy"]["ours"]["error"] for zone in zones)
        true += sum(zone["true_mean"] for zone in zones)
        wrong = [np.abs(np.subtract(z["occupancy"]["ours"]["windows"], z["true_windows"])) for z in zones]
        videos.append((np.sum(wrong, axis=0), np.array([stop - start for start, stop in spans])))
    return Errors(name, rate, error, true, tuple(videos))


def compared(own: Errors, other: Errors | None, samples: int, seed: int) -> dict[str, Any]:
    """Ready for JSON; with another model's errors on the same windows their ratio and its interval."""
    found: dict[str, Any] = {"set": own.set, "rate": own.rate, "error": own.error, "true": own.true}
    if other is not None and other is not own:
        pairs = [
            Paired(mine, theirs, weights)
            for (mine, weights), (theirs, _) in zip(own.videos, other.videos, strict=True)
        ]
        found["ratio"] = ratio(pairs)
        found["ratio_interval"] = ratio_interval(pairs, samples, seed)
    return found
