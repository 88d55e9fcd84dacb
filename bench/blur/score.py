"""Counts what a mask hides. A secret is hidden in a frame when at least HIDDEN of its box is.

Per frame: the share of secrets that are hidden. Per track: the share of those never exposed, for a face that shows in
one frame of a hundred has been shown. Intervals: Wilson's, 95 %; faces of one picture hang together, so they are a
little too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from bench.blur.clips import Boxes, Clip
from bench.blur.systems import Hidden, System
from bench.counts.statistics import wilson

HIDDEN: Final = 0.8
SIZES: Final = (0, 20, 32, 64)  # pixels of the longer side, from which each class begins
LEAST: Final = 20  # of a secret that the figures are about


def size_class(side: float) -> str:
    """The name of a size class."""
    k = int(np.searchsorted(SIZES, side, side="right")) - 1
    return f"{SIZES[k]}-{SIZES[k + 1]}" if k + 1 < len(SIZES) else f">={SIZES[k]}"


def covered(hidden: Hidden, boxes: Boxes) -> list[float]:
    """Share of each box (N, 4) that is hidden; 1 for a box without area."""
    shares = []
    for x1, y1, x2, y2 in np.round(boxes).astype(int):
        part = hidden[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)]
        shares.append(float(part.mean()) if part.size else 1.0)
    return shares


def vain(hidden: Hidden, free: Boxes) -> float:
    """Share of the picture that is hidden though nobody is there."""
    bare = hidden.copy()
    corners = np.concatenate((np.floor(free[:, :2]), np.ceil(free[:, 2:])), axis=1)
    height, width = hidden.shape
    for x1, y1, x2, y2 in corners.clip(0, (width, height, width, height)).astype(int):
        bare[y1:y2, x1:x2] = False
    return float(bare.mean())


@dataclass(slots=True)
class Score:
    """One mask on one set. ``misses``: (clip, seconds, number, longer side, share hidden) of each secret that showed."""

    seen: dict[str, int] = field(default_factory=dict)
    hid: dict[str, int] = field(default_factory=dict)
    exposed: dict[tuple[str, int], bool] = field(default_factory=dict)
    misses: list[tuple[str, float, int, int, float]] = field(default_factory=list)
    in_vain: list[float] = field(default_factory=list)
    area: list[float] = field(default_factory=list)

    def add(self, system: System, clip: Clip) -> None:
        """Count one clip."""
        for sight, hidden in system.run(clip):
            sides = (sight.secret[:, 2:] - sight.secret[:, :2]).max(axis=1, initial=0)
            shares = covered(hidden, sight.secret)
            for side, share, number in zip(sides.tolist(), shares, sight.number.tolist(), strict=True):
                self._one(clip.name, sight.at, number, side, share)
            self.area.append(float(hidden.mean()))
            if sight.free is not None:
                self.in_vain.append(vain(hidden, sight.free))

    def _one(self, clip: str, at: float, number: int, side: float, share: float) -> None:
        name, good = size_class(side), share >= HIDDEN
        self.seen[name] = self.seen.get(name, 0) + 1
        self.hid[name] = self.hid.get(name, 0) + good
        if side >= LEAST:
            self.exposed[clip, number] = self.exposed.get((clip, number), False) or not good
        if not good:
            self.misses.append((clip, round(at, 3), number, round(side), round(share, 2)))

    def figures(self) -> dict[str, Any]:
        """All figures, for JSON."""
        large = [name for name in self.seen if int(name.lstrip(">=").split("-")[0]) >= LEAST]
        seen, hid = sum(self.seen[n] for n in large), sum(self.hid[n] for n in large)
        tracks, shown = len(self.exposed), sum(self.exposed.values())
        return {
            "hidden": share(hid, seen),
            "ever_exposed": share(shown, tracks),
            "by_size": {name: share(self.hid[name], self.seen[name]) for name in sorted(self.seen, key=_order)},
            "masked_area": _mean(self.area),
            "masked_in_vain": _mean(self.in_vain),
            "misses": [dict(zip(("clip", "at", "number", "side", "hidden"), row, strict=True)) for row in self.misses],
        }  # fmt: skip


def _order(name: str) -> int:
    return int(name.lstrip(">=").split("-")[0])


def _mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def share(hits: int, total: int) -> dict[str, Any]:
    """A share with its counts and interval; None where there was nothing."""
    low, high = wilson(hits, total)
    value = round(hits / total, 4) if total else None
    return {"hits": hits, "of": total, "share": value, "low": round(low, 4), "high": round(high, 4)}
