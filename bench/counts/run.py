"""One set of videos, one model, one rate: feed the box and the baseline, put the figures together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.counts import baseline, ours, tracking
from bench.counts.cases import Case
from bench.counts.counted import Counted
from bench.counts.detections import Sight, at_rate
from bench.counts.measure import video_figures
from bench.counts.series import windows
from bench.counts.summary import summarise


def measure(
    videos: Sequence[tuple[Case, Sequence[Sight]]],
    model: str,
    rate: float,
    *,
    with_baseline: bool,
    samples: int,
    seed: int,
) -> tuple[dict[str, Any], dict[str, Mapping[str, Counted]]]:
    """The figures of a run, ready for JSON, and by video what each counter said, for pictures."""
    figures: list[dict[str, Any]] = []
    said: dict[str, Mapping[str, Counted]] = {}
    tracked: dict[str, list[Any]] = {}
    for case, sights in videos:
        frames = at_rate(sights, rate if rate < case.truth.fps else None)
        counters = said[case.name] = _count(case, frames, min(rate, case.truth.fps), with_baseline)
        true = [case.truth.boxes[round(sight.at * case.truth.fps)] for sight in frames]
        counted_groups = list(dict.fromkeys(group for _, group in (*case.truth.totals,)))
        for name, counted in counters.items():
            if counted.boxes:
                own = [
                    {group: boxes for group, boxes in frame.items() if group in counted_groups}
                    for frame in true
                ]
                tracked.setdefault(name, []).append((own, counted.boxes))
        figures.append({"video": case.name, **video_figures(case.truth, counters)})
    run = {
        "set": videos[0][0].set,
        "model": model,
        "rate": rate,
        **summarise(figures, samples, seed),
        "tracking": {name: tracking.figures(pairs) for name, pairs in tracked.items()},
        "videos": figures,
    }
    return run, said


def _count(case: Case, frames: Sequence[Sight], rate: float, with_baseline: bool) -> Mapping[str, Counted]:
    spans = windows(case.truth.end)
    counters = {"ours": ours.count(case.box, frames, spans)}
    if with_baseline:
        counters |= baseline.count(case.layout, frames, rate, spans)
        counters["tuned"] = baseline.count(case.layout, frames, rate, spans, baseline.tuned(rate))["tracks"]
    return counters
