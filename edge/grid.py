"""The hourly presence grid of one camera: how long each part of the frame held people and vehicles.

1. Object-seconds by the anchors of confirmed tracks, in cells that are fractions of the frame. A sighting holds until
   the next frame, `HOLD_S` at most, and until the next sighting of its track within that time.
2. A cell touched by fewer than `FEWEST_TRACKS` distinct tracks in the hour is null, be it by none or by four: one
   person's hour in a grid is a path.
3. A track is distinct only away from where it was born: who stands, is lost and found again must not become five.
4. What is kept over a restart are sums; which track was where stays in memory and is dropped with the track.

5. While the time is unknown the sums of ten seconds each stay in memory (`edge.grid_loose`), and nowhere else.

Time is as in `edge.counters`: ``at`` in seconds within the run, ``anchor`` the Unix time of ``at == 0``, or while that is
unknown the seconds since the machine started.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.base import Strict
from contract.messages import ConfigBody, GridBody, canonical
from contract.names import CLASSES, GRID_INTERVAL_S, Hex16, Name, ObjectClass
from edge.anchor import Anchoring
from edge.grid_loose import CELLS, COLS, ROWS, KeptHour, LooseSums
from edge.presence import HOLD_S
from edge.records import Track
from edge.zones import Layout

FEWEST_TRACKS: Final = 5
_EPOCH: Final = datetime.fromtimestamp(0, UTC)


class KeptGrid(Strict):
    """What a restart goes on from; ``config`` names the configuration it was counted under. Never sent."""

    camera: Name
    config: Hex16
    classes: tuple[ObjectClass, ...]
    hours: tuple[KeptHour, ...]


@dataclass(slots=True)
class _Hour:
    """Sums by class and cell."""

    observed_s: float = 0.0
    object_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros((len(CLASSES), CELLS)))
    tracks: NDArray[np.int64] = field(default_factory=lambda: np.zeros((len(CLASSES), CELLS), np.int64))


@dataclass(slots=True)
class _Walker:
    """One track: where it was born, where it was last seen as confirmed, and until when that was added up."""

    born: int
    cell: int = 0
    class_id: int = 0
    seen_at: float = float("-inf")
    added_to: float = 0.0
    touched: set[tuple[int, int, int]] = field(default_factory=set)  # hour, class, cell


class PresenceGrid:
    """The grid of one camera; it outlives its counters, whose clock and frame size it takes by `under`."""

    def __init__(self, config: ConfigBody, *, confidence: float) -> None:
        counted = {name for zone in config.zones for name in zone.classes}
        counted |= {name for line in config.lines for name in line.classes}
        self.camera, self._confidence = config.camera, confidence
        self._classes = tuple(name for name in CLASSES if name in counted)
        timeless = config.model_copy(update={"at": _EPOCH})
        self._config = hashlib.sha256(canonical(timeless).encode()).hexdigest()[:16]
        self._anchor, self._wh, self._anchors = 0.0, (1, 1), Anchoring((1, 1))
        self._hours: dict[int, _Hour] = {}
        # A new tracker numbers anew, but none of its tracks was born when an old one was.
        self._walkers: dict[tuple[int, float], _Walker] = {}
        self._frame_at: float | None = None
        self._known, self._loose = True, LooseSums()

    def under(self, anchor: float, layout: Layout, *, known: bool = True) -> None:
        """The clock and the frame's size from now on; what was counted in unknown time goes into its hours."""
        if known and not self._known:
            for kept in self._loose.hours(anchor - self._anchor):
                _add_kept(self._hours.setdefault(kept.start, _Hour()), kept)
            now = int((anchor + (self._frame_at or 0.0)) // GRID_INTERVAL_S) * GRID_INTERVAL_S
            for walker in self._walkers.values():
                # Who touched a cell then is not to be another one in it now.
                walker.touched = {(now, *cell) for _, *cell in walker.touched}  # type: ignore[misc]
        self._known = known
        self._anchor, self._wh, self._anchors = anchor, layout.wh, Anchoring(layout.wh, layout.ground)

    def observe(self, tracks: Sequence[Track], at: float) -> None:
        """One frame: every track that may still be found again; those with ``seen_at == at`` are in it."""
        self._hold(at)
        alive = {(track.track_id, track.born_at) for track in tracks}
        self._walkers = {key: walker for key, walker in self._walkers.items() if key in alive}
        seen = [track for track in tracks if track.seen_at == at]
        for track, cell in zip(seen, self._cells(seen), strict=True):
            walker = self._walkers.setdefault((track.track_id, track.born_at), _Walker(cell))
            if track.state == "confirmed" and track.confidence >= self._confidence:
                if at - walker.seen_at <= HOLD_S:
                    self._add(walker, at)
                walker.cell, walker.class_id = cell, track.class_id
                walker.seen_at = walker.added_to = at
                self._touch(walker, at)
        self._frame_at = at

    def finish(self, at: float) -> None:
        """Nothing is seen from ``at`` on: the last frame holds until then. The hours stay open."""
        self._hold(at)
        self._frame_at = None
        for walker in self._walkers.values():
            walker.seen_at = float("-inf")

    def close(self, at: float) -> list[GridBody]:
        """The records of the hours that were over at ``at``."""
        unix = self._anchor + at
        # An hour yet to come was counted under a clock that has been set back since.
        due = [
            hour
            for hour in sorted(self._hours)
            if hour + GRID_INTERVAL_S <= unix or hour > unix + GRID_INTERVAL_S
        ]
        return [body for hour in due for body in self._close(hour)]

    def close_all(self) -> list[GridBody]:
        """The records of all hours so far, also of one that is not over."""
        return [body for hour in sorted(self._hours) for body in self._close(hour)]

    def keep(self) -> KeptGrid:
        """The sums of the open hours."""
        return KeptGrid(
            camera=self.camera,
            config=self._config,
            classes=self._classes,
            hours=tuple(_kept(start, hour) for start, hour in sorted(self._hours.items())),
        )

    def resume(self, kept: KeptGrid, unix: float) -> list[GridBody]:
        """Go on from what an earlier run kept; returns the records of its hours that cannot go on at ``unix``.

        An hour goes on while it lasts and nothing of the configuration has changed.
        """
        closed: list[GridBody] = []
        for hour in kept.hours:
            if kept.config == self._config and hour.start <= unix < hour.start + GRID_INTERVAL_S:
                _add_kept(self._hours.setdefault(hour.start, _Hour()), hour)
            else:
                closed += _bodies(kept.camera, kept.classes, hour.start, _add_kept(_Hour(), hour))
        return closed

    def _hold(self, at: float) -> None:
        """The state of the last frame holds until this moment."""
        if self._frame_at is None:
            return
        until = min(at, self._frame_at + HOLD_S)
        if not self._known:
            self._loose.observe(self._anchor + self._frame_at, until - self._frame_at)
        for hour, seconds in self._parts(self._frame_at, until):
            self._hours.setdefault(hour, _Hour()).observed_s += seconds
        for walker in self._walkers.values():
            if walker.seen_at == self._frame_at:
                self._add(walker, until)

    def _add(self, walker: _Walker, until: float) -> None:
        if not self._known:
            begins = self._anchor + walker.added_to
            self._loose.add(begins, walker.class_id, walker.cell, until - walker.added_to)
        for hour, seconds in self._parts(walker.added_to, until):
            self._hours.setdefault(hour, _Hour()).object_s[walker.class_id, walker.cell] += seconds
        walker.added_to = until

    def _touch(self, walker: _Walker, at: float) -> None:
        # In unknown time once in its life: fewer at worst, for which hour it will be is not known.
        hour = int((self._anchor + at) // GRID_INTERVAL_S) * GRID_INTERVAL_S if self._known else -1
        touch = (hour, walker.class_id, walker.cell)
        if touch not in walker.touched:
            walker.touched.add(touch)
            if _neighbours(walker.born, walker.cell):
                return
            if self._known:
                self._hours.setdefault(hour, _Hour()).tracks[walker.class_id, walker.cell] += 1
            else:
                self._loose.touch(self._anchor + at, walker.class_id, walker.cell)

    def _parts(self, start: float, end: float) -> Iterator[tuple[int, float]]:
        """[start, end) by UTC hour: its Unix start, and the seconds in it; nothing while that is unknown."""
        if not self._known:
            return
        unix, until = self._anchor + start, self._anchor + end
        while unix < until:
            hour = int(unix // GRID_INTERVAL_S) * GRID_INTERVAL_S
            stop = min(until, hour + GRID_INTERVAL_S)
            yield hour, stop - unix
            unix = stop

    def _cells(self, tracks: Sequence[Track]) -> list[int]:
        boxes = np.array([track.xyxy for track in tracks], np.float64).reshape(-1, 4)
        kinds = np.array([track.class_id for track in tracks], np.int64)
        share = self._anchors(boxes, kinds) / np.array(self._wh, np.float64)
        place = np.floor(share * (COLS, ROWS)).astype(np.int64).clip(0, (COLS - 1, ROWS - 1))
        cells: list[int] = (place[:, 1] * COLS + place[:, 0]).tolist()
        return cells

    def _close(self, start: int) -> list[GridBody]:
        for walker in self._walkers.values():
            walker.touched = {touch for touch in walker.touched if touch[0] != start}
        return _bodies(self.camera, self._classes, start, self._hours.pop(start))


def closed(kept: KeptGrid) -> list[GridBody]:
    """The records of what was kept of a camera that is no longer configured."""
    return [
        body
        for hour in kept.hours
        for body in _bodies(kept.camera, kept.classes, hour.start, _add_kept(_Hour(), hour))
    ]


def _bodies(camera: str, classes: Sequence[ObjectClass], start: int, hour: _Hour) -> list[GridBody]:
    """A record for each class, also where every cell is null: its absence would tell that nobody came."""
    observed_s = min(round(hour.observed_s, 3), float(GRID_INTERVAL_S))
    if observed_s == 0:
        return []
    return [
        GridBody(
            camera=camera,
            start=datetime.fromtimestamp(start, UTC),
            object_class=name,
            cols=COLS,
            rows=ROWS,
            observed_s=observed_s,
            object_s=tuple(
                round(float(seconds), 1) if tracks >= FEWEST_TRACKS else None
                for seconds, tracks in zip(hour.object_s[number], hour.tracks[number], strict=True)
            ),
        )
        for number, name in enumerate(CLASSES)
        if name in classes
    ]


def _kept(start: int, hour: _Hour) -> KeptHour:
    return KeptHour(
        start=start,
        observed_s=round(hour.observed_s, 3),
        cells={
            name: tuple(
                (int(cell), round(float(hour.object_s[number, cell]), 3), int(hour.tracks[number, cell]))
                for cell in np.flatnonzero(hour.object_s[number] + hour.tracks[number])
            )
            for number, name in enumerate(CLASSES)
        },
    )


def _add_kept(hour: _Hour, kept: KeptHour) -> _Hour:
    hour.observed_s += kept.observed_s
    for name, cells in kept.cells.items():
        for cell, seconds, tracks in cells:
            hour.object_s[CLASSES.index(name), cell] += seconds
            hour.tracks[CLASSES.index(name), cell] += tracks
    return hour


def _neighbours(a: int, b: int) -> bool:
    """Whether two cells are the same or touch."""
    return abs(a // COLS - b // COLS) <= 1 and abs(a % COLS - b % COLS) <= 1
