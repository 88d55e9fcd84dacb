"""Multi-object tracking in seconds.

Association in two stages, confident detections first, weak ones only to keep known tracks alive, follows
ByteTrack (Zhang et al., ECCV 2022, arXiv 2110.06864); boxes grown before comparing, so that objects that moved
further than their own width still meet, follow C-BIoU (Yang et al., WACV 2023, arXiv 2211.14317).

Rules:
1. Every constant is in seconds or in box heights; frame counts appear nowhere.
2. State of a track is dropped with the track; memory is bounded by the objects in view.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract.names import CLASSES
from edge.assignment import assign
from edge.geometry import iou_matrix
from edge.kalman import BoxFilter
from edge.records import Detections, Track, TrackState

# Classes that one object may change between from frame to frame: people, two-wheelers, four-wheelers.
_KIND = np.array([{"person": 0, "bicycle": 1, "motorcycle": 1}.get(name, 2) for name in CLASSES])


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """``confidence`` is the least for a new track; weaker detections only continue one."""

    confidence: float = 0.25
    confirm_hits: int = 2
    tentative_s: float = 1.0
    lost_s: float = 4.0
    grow: float = 0.25  # share of the box by which both boxes grow on each side before they are compared
    grow_per_s: float = 0.5  # more of it for each second without a sighting
    recency_s: float = 3.0
    least_similarity: float = 0.08
    same_object_iou: float = 0.75


@dataclass(slots=True)
class _State:
    """What belongs to a track besides its filter row."""

    track_id: int
    born_at: float
    seen_at: float
    confidence: float
    hits: int
    votes: NDArray[np.float64]
    state: TrackState = "tentative"


class Tracker:
    """Tracks of one camera. ``update`` must be called in order of time."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self._settings = settings or TrackerSettings()
        self._filter = BoxFilter()
        self._states: list[_State] = []
        self._next_id = 1

    def update(self, detections: Detections, at: float) -> tuple[Track, ...]:
        """Take the detections of the frame at ``at``; return every track that may still be found again.

        Tracks fed by this frame have ``seen_at == at``.
        """
        settings = self._settings
        self._filter.predict(at)
        strong = detections.confidence >= settings.confidence
        # Known tracks choose first, then those seen once: a flicker must not take a detection from its neighbour.
        left = self._associate(detections, np.flatnonzero(strong), at, tentative=False)
        left = self._associate(detections, left, at, tentative=True)
        self._associate(detections, np.flatnonzero(~strong), at, tentative=False)
        for index in left:
            self._start(detections, int(index), at)
        self._drop(at)
        return self._tracks()

    def _associate(
        self, detections: Detections, candidates: NDArray[np.int64], at: float, *, tentative: bool
    ) -> NDArray[np.int64]:
        """Feed tracks not fed yet from the candidates; return the candidates left over."""
        open_rows = [
            row
            for row, state in enumerate(self._states)
            if state.seen_at < at and (state.state == "tentative") == tentative
        ]
        if not open_rows or not len(candidates):
            return candidates
        similarity = self._similarity(open_rows, detections.where(candidates), at)
        rows, columns = assign(similarity, self._settings.least_similarity)
        fed = np.array([open_rows[row] for row in rows], np.int64)
        self._filter.correct(fed, detections.xyxy[candidates[columns]])
        for row, column in zip(fed, columns, strict=True):
            self._feed(self._states[row], detections, int(candidates[column]), at)
        return np.delete(candidates, columns)

    def _similarity(self, rows: list[int], detections: Detections, at: float) -> NDArray[np.float64]:
        """IoU (T, D) of boxes grown by their size and the time since a track was seen, 0 across kinds."""
        settings = self._settings
        age_s = np.array([at - self._states[row].seen_at for row in rows])
        grow = np.minimum(settings.grow + settings.grow_per_s * age_s, 1.0)
        predicted = self._filter.xyxy()[rows]
        # Grown boxes of a crowd all overlap: the plain IoU decides among them.
        similarity = 0.5 * _grown_iou(predicted, detections.xyxy, grow) + 0.5 * iou_matrix(
            predicted, detections.xyxy
        )
        # Of two tracks on one object, the one seen last goes on; else both would live, fed by turns.
        similarity *= np.exp(-age_s / settings.recency_s)[:, None]
        kinds = np.array([_KIND[int(self._states[row].votes.argmax())] for row in rows])
        similarity[kinds[:, None] != _KIND[detections.class_id][None, :]] = 0.0
        return similarity

    def _feed(self, state: _State, detections: Detections, index: int, at: float) -> None:
        confidence = float(detections.confidence[index])
        state.votes[detections.class_id[index]] += confidence
        state.seen_at, state.confidence, state.hits = at, confidence, state.hits + 1
        if state.state == "lost" or state.hits >= self._settings.confirm_hits:
            state.state = "confirmed"

    def _start(self, detections: Detections, index: int, at: float) -> None:
        votes = np.zeros(len(CLASSES))
        confidence = float(detections.confidence[index])
        votes[detections.class_id[index]] = confidence
        self._states.append(_State(self._next_id, at, at, confidence, 1, votes))
        self._filter.add(detections.xyxy[index], at)
        self._next_id += 1

    def _drop(self, at: float) -> None:
        """Forget tracks unseen for too long, and the younger of two that follow one object."""
        keep = []
        for state in self._states:
            unseen_s = at - state.seen_at
            limit_s = self._settings.tentative_s if state.state == "tentative" else self._settings.lost_s
            if unseen_s > 0 and state.state == "confirmed":
                state.state = "lost"
            keep.append(unseen_s <= limit_s)
        kept = np.array(keep, bool)
        kept[list(self._twins(at))] = False
        if not kept.all():
            self._filter.keep(kept)
            self._states = [state for state, stays in zip(self._states, kept, strict=True) if stays]

    def _twins(self, at: float) -> set[int]:
        """Rows of unseen tracks that lie on a track seen now: the object went on under the other's number."""
        if len(self._states) < 2:
            return set()
        overlap = iou_matrix(self._filter.xyxy(), self._filter.xyxy())
        np.fill_diagonal(overlap, 0.0)
        rows, columns = np.nonzero(overlap > self._settings.same_object_iou)
        return {
            int(row)
            for row, column in zip(rows, columns, strict=True)
            if self._states[row].seen_at < at == self._states[column].seen_at
            and self._states[column].born_at <= self._states[row].seen_at
        }

    def _tracks(self) -> tuple[Track, ...]:
        boxes = self._filter.xyxy().astype(np.float32)
        return tuple(
            Track(
                state.track_id,
                box,
                state.confidence,
                int(state.votes.argmax()),
                state.state,
                state.born_at,
                state.seen_at,
            )
            for state, box in zip(self._states, boxes, strict=True)
        )


def _grown_iou(
    tracks: NDArray[np.float64], detections: NDArray[np.float32], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """IoU (T, D) after growing both boxes of a pair on each side by the track's ``share`` (T,) of their mean side.

    Of the mean side, not of each: people are narrow but walk sideways.
    """
    sizes_t, sizes_d = tracks[:, 2:] - tracks[:, :2], detections[:, 2:] - detections[:, :2]
    margin_t = (share * sizes_t.mean(axis=1))[:, None, None]
    margin_d = (share[:, None] * sizes_d.mean(axis=1)[None, :])[..., None]
    low = np.maximum(tracks[:, None, :2] - margin_t, detections[None, :, :2] - margin_d)
    high = np.minimum(tracks[:, None, 2:] + margin_t, detections[None, :, 2:] + margin_d)
    shared = (high - low).clip(0).prod(axis=2)
    areas = (sizes_t[:, None, :] + 2 * margin_t).prod(axis=2) + (sizes_d[None] + 2 * margin_d).prod(axis=2)
    iou: NDArray[np.float64] = shared / np.maximum(areas - shared, 1e-9)
    return iou
