"""Random walkers for Hypothesis: piecewise straight ways with pauses, and tracks of them that never err."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from contract.messages import Body, IntervalSeconds
from contract.names import CLASSES
from edge.counters import CameraCounters
from edge.geometry import distance_to_edge, points_in_polygon
from edge.records import Detections, Track
from edge.track import Tracker
from edge.zones import CountLine, Layout, Points, Zone
from tests.edge.scene import START, WH
from tests.fakes import detections, standing

HEIGHT = (
    41.3  # of every walker's box; odd, as are all places below, so that nothing lies exactly on a threshold
)
ODD = 0.37
FEET = 0.04 * HEIGHT  # how far above the lower edge of a box a person's anchor lies
ANCHOR_ZONE = np.array([(200, 110), (440, 110), (440, 250), (200, 250)], float)
A, B = np.array([190.0, 180.0]), np.array([450.0, 180.0])


@dataclass(frozen=True)
class Walker:
    """Feet at ``places`` at ``times``, straight and steady in between; there from the first time to the last."""

    times: tuple[float, ...]
    places: tuple[tuple[float, float], ...]

    def at(self, moment: float) -> tuple[float, float] | None:
        if not self.times[0] <= moment <= self.times[-1]:
            return None
        x, y = zip(*self.places, strict=True)
        return float(np.interp(moment, self.times, x)), float(np.interp(moment, self.times, y))

    def moved(self, dx: float, dy: float) -> Walker:
        return replace(self, places=tuple((x + dx, y + dy) for x, y in self.places))

    def anchors(self, step: float = 0.01) -> tuple[Points, Points]:
        """Moments (N,) and anchors (N, 2) of its whole way, finely."""
        moments = np.arange(self.times[0], self.times[-1], step)
        x, y = np.array(self.places).T
        return moments, np.stack(
            [np.interp(moments, self.times, x), np.interp(moments, self.times, y) - FEET], axis=1
        )

    def stays(self) -> list[tuple[bool, Points]]:
        """Its stays in the zone (true) and out of it: how far beyond the edge, box heights, every 10 ms (N,)."""
        _, anchors = self.anchors()
        hits, depth = points_in_polygon(anchors, ANCHOR_ZONE), distance_to_edge(anchors, ANCHOR_ZONE) / HEIGHT
        changes = np.flatnonzero(np.diff(hits)) + 1
        return [(bool(hits[part[0]]), depth[part]) for part in np.split(np.arange(len(hits)), changes)]


@st.composite
def walkers(draw: st.DrawFn, *, until: float = 15.0, legs: int = 4, speed: float = 2.0) -> Walker:
    """One walker between x 80 and 560, y 90 and 300, at up to ``speed`` box heights a second, with pauses."""
    place = st.tuples(st.integers(80, 560), st.integers(90, 300)).map(lambda p: (p[0] + ODD, p[1] + ODD))
    times, places = [draw(st.integers(0, 40)) / 10 + 0.013], [draw(place)]
    for _ in range(draw(st.integers(1, legs))):
        target = draw(st.one_of(place, st.just(places[-1])))
        way = math.dist(target, places[-1]) / HEIGHT
        needs = way / draw(st.sampled_from([0.4, 0.8, 1.3, speed])) if way else draw(st.integers(5, 60)) / 10
        times.append(times[-1] + needs)
        places.append(target)
    cut = Walker(tuple(times), tuple(places))
    if cut.times[-1] <= until:
        return cut
    last = cut.at(until)
    keep = [n for n, at in enumerate(cut.times) if at < until]
    assert last is not None
    return Walker((*(cut.times[n] for n in keep), until), (*(cut.places[n] for n in keep), last))


def crowds(most: int = 4, **settings: float) -> st.SearchStrategy[list[Walker]]:
    return st.lists(walkers(**settings), min_size=1, max_size=most)


def layout_at(dx: float = 0.0, dy: float = 0.0, *, mirrored: bool = False) -> Layout:
    """One zone and one line, in pixels, moved by whole ones."""
    move = np.array([dx, dy])
    a, b = (B, A) if mirrored else (A, B)
    zone = Zone("zone", "area", "0" * 16, ("person",), ANCHOR_ZONE + move, {}, None)
    return Layout(WH, (zone,), (CountLine("line", ("person",), a + move, b + move),))


def tracks_at(
    crowd: Sequence[Walker],
    at: float,
    seen: dict[int, tuple[float, float]],
    missed: Callable[[int, float], bool] = lambda number, at: False,
) -> tuple[Track, ...]:
    """What a tracker that never errs says of a frame; ``seen`` keeps when each was seen first and last."""
    tracks = []
    for number, walker in enumerate(crowd):
        place = walker.at(at)
        if place is not None and not missed(number, at):
            seen[number] = (seen.get(number, (at, at))[0], at)
        if number in seen and at - seen[number][1] <= 4.0:
            first, last = seen[number]
            box = np.array(standing(*(walker.at(last) or (0, 0)), HEIGHT), np.float32)
            state = "confirmed" if last == at else "lost"
            tracks.append(Track(number + 1, box, 0.8, CLASSES.index("person"), state, first, last))
    return tuple(tracks)


def count_tracks(
    crowd: Sequence[Walker],
    moments: Sequence[float],
    end: float,
    *,
    layout: Layout | None = None,
    interval_s: IntervalSeconds = 60,
    missed: Callable[[int, float], bool] = lambda number, at: False,
    order: Callable[[tuple[Track, ...]], Sequence[Track]] = lambda tracks: tracks,
) -> list[Body]:
    """The counters alone, fed with such tracks; their records, closed at ``end``."""
    counting = counters(layout or layout_at(), interval_s)
    seen: dict[int, tuple[float, float]] = {}
    bodies: list[Body] = []
    for at in moments:
        bodies += counting.observe(Detections.empty(), order(tracks_at(crowd, at, seen, missed)), at)
    return bodies + counting.finish(end)


def count_seen(
    crowd: Sequence[Walker],
    moments: Iterable[float],
    end: float,
    *,
    layout: Layout | None = None,
    interval_s: IntervalSeconds = 60,
    missed: Callable[[int, float], bool] = lambda number, at: False,
    order: Callable[[Detections], Detections] = lambda seen: seen,
) -> list[Body]:
    """Tracker and counters, fed by a detector that sees everybody not missed."""
    layout = layout or layout_at()
    counting, tracker = counters(layout, interval_s), Tracker(frame_wh=layout.wh)
    bodies: list[Body] = []
    for at in moments:
        places = [walker.at(at) for walker in crowd]
        found = order(
            detections(
                *[standing(*p, HEIGHT) for n, p in enumerate(places) if p is not None and not missed(n, at)]
            )
        )
        bodies += counting.observe(found, tracker.update(found, at), at)
    return bodies + counting.finish(end)


def counters(layout: Layout, interval_s: IntervalSeconds = 60) -> CameraCounters:
    return CameraCounters("cam", layout, interval_s=interval_s, anchor=START.timestamp(), confidence=0.25)
