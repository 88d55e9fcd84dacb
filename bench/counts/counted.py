"""What a counter, ours or the baseline, said of a video."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.counts.series import Span
from bench.counts.truth import Boxes, Key
from contract.names import ClassGroup


@dataclass(slots=True)
class Counted:
    """All by zone or line and class group; lists by window have one entry for each window of the video."""

    occupancy: dict[Key, list[float]] = field(default_factory=dict)  # mean in each window
    changes: dict[Key, list[tuple[int, int]]] = field(default_factory=dict)  # entries, exits in each window
    crossings: dict[Key, list[tuple[int, int]]] = field(default_factory=dict)  # in, out in each window
    bays: dict[str, dict[str, list[Span]]] = field(default_factory=dict)  # when each bay was taken
    boxes: list[dict[ClassGroup, Boxes]] = field(default_factory=list)  # tracks seen, by frame fed


def totals(by_window: list[tuple[int, int]]) -> tuple[int, int]:
    """Both ways, over all windows."""
    return sum(first for first, _ in by_window), sum(second for _, second in by_window)
