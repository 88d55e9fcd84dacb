"""Multi-object tracking in seconds.

Association in two stages, confident detections first, weak ones only to keep known tracks alive, follows
ByteTrack (Zhang et al., ECCV 2022, arXiv 2110.06864); boxes grown before comparing, so that objects that moved
further than their own width still meet, follow C-BIoU (Yang et al., WACV 2023, arXiv 2211.14317). Among several, the
one that fits the filter's motion wins: two who pass each other keep their numbers.

Rules:
1. Every constant is in seconds or in box heights; the only count is that of the sightings which confirm a track.
2. State of a track is dropped with the track; memory is bounded by the objects in view.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from contract.names import CLASSES
from edge.assignment import assign
from edge.geometry import covered_share, iou_matrix
from edge.kalman import BoxFilter
from edge.records import Detections, Track
from edge.similarity import displacement, grown_iou, riding
from edge.track_state import CYCLE, KIND, MOTOR, PERSON, State, TrackerSettings

__all__ = ["Tracker", "TrackerSettings"]

# A box within this share of the frame's width from its border is about to leave through it, or has just come.
BORDER = 0.02
# A track that begins this near (box heights) to where another was lost is most likely the same object.
NEAR = 1.0
OVERLAP_S = 1.0  # both may have been fed for a moment
# Vehicles seen once: how soon after, how fast (box heights a second; 60 km/h) and how alike the second sight is.
LEAP_S, FASTEST, LEAP_RATIO = 0.4, 12.0, 1.35
HELD_S = 2.0  # whoever covers a hidden object may be missed for so long


class Tracker:
    """Tracks of one camera. ``update`` must be called in order of time.

    ``frame_wh`` (width, height) in pixels tells who left through the frame's border; None: nobody is known to have.
    """

    def __init__(
        self, settings: TrackerSettings | None = None, frame_wh: tuple[int, int] | None = None
    ) -> None:
        self._settings = settings or TrackerSettings()
        self._frame_wh = frame_wh
        self._filter = BoxFilter()
        self._states: list[State] = []
        self._next_id = 1

    def update(self, detections: Detections, at: float) -> tuple[Track, ...]:
        """Take the detections of the frame at ``at``; return every track that may still be found again.

        Tracks fed by this frame have ``seen_at == at``; of those that are ``hidden`` the last box is told.
        """
        settings = self._settings
        self._filter.predict(at)
        strong = detections.confidence >= settings.confidence
        # Known tracks choose first, then those seen once: a flicker must not take a detection from its neighbour.
        left = self._associate(detections, np.flatnonzero(strong), at, tentative=False)
        left = self._associate(detections, left, at, tentative=True)
        self._associate(detections, np.flatnonzero(~strong), at, tentative=False)
        left = self._ride_on(detections, left, at)
        left = self._leap(detections, left, at)
        left = self._revive(detections, left, at)
        for index in left:
            self._start(detections, int(index), at)
        self._hold_hidden(at)
        self._drop(at)
        return self._tracks(at)

    def _associate(
        self, detections: Detections, candidates: NDArray[np.int64], at: float, *, tentative: bool
    ) -> NDArray[np.int64]:
        """Feed tracks not fed yet from the candidates; return the candidates left over."""
        open_rows = [
            row
            for row, state in enumerate(self._states)
            if state.seen_at < at
            and (state.state == "tentative") == tentative
            and at - state.seen_at <= self._settings.lost_s
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

    def _ride_on(self, detections: Detections, candidates: NDArray[np.int64], at: float) -> NDArray[np.int64]:
        """Give riders whose cycle was missed to its track, and the reverse; return the candidates left over.

        A rider and the cycle are one object, which the detector shows as a cycle or, when it misses that, as a person.
        """
        for seen, known in ((PERSON, CYCLE), (CYCLE, PERSON)):
            found = candidates[KIND[detections.class_id[candidates]] == seen]
            rows = [
                row
                for row, state in enumerate(self._states)
                if state.seen_at < at <= state.seen_at + HELD_S and state.kind == known
            ]
            if not rows or not len(found):
                continue
            expected, boxes = self._filter.xyxy()[rows], detections.xyxy[found].astype(np.float64)
            fit = riding(boxes, expected).T if seen == PERSON else riding(expected, boxes)
            taken, columns = assign(fit, 1e-6)
            for row, column in zip(taken, columns, strict=True):
                box = boxes[column]
                if seen == PERSON:  # where the whole is, by its rider
                    shift = np.array([box[::2].mean() - expected[row, ::2].mean(), box[1] - expected[row, 1]])
                    box = expected[row] + np.tile(shift, 2)
                state = self._states[rows[row]]
                self._filter.correct(np.array([rows[row]]), box[None].astype(np.float32))
                self._feed(state, detections, int(found[column]), at)
                state.last = box.astype(np.float32)
            candidates = np.setdiff1d(candidates, found[columns])
        return candidates

    def _leap(self, detections: Detections, candidates: NDArray[np.int64], at: float) -> NDArray[np.int64]:
        """Give a vehicle's second sight to its first, far from it; return the candidates left over.

        At 4 frames a second a car comes further between two frames than boxes grow. Only what nothing else explains,
        and only one to one: two newcomers near each other could be exchanged.
        """
        rows = [
            row
            for row, state in enumerate(self._states)
            if state.hits == 1 and state.seen_at < at <= state.seen_at + LEAP_S and state.kind == MOTOR
        ]
        found = candidates[KIND[detections.class_id[candidates]] == MOTOR]
        if not rows or not len(found):
            return candidates
        away, ratio = self._filter.misfit(rows, detections.xyxy[found], 0.0, 1.0)
        since = np.array([at - self._states[row].seen_at for row in rows])[:, None]
        fits = (away <= FASTEST * since) & (np.abs(np.log(ratio)) <= np.log(LEAP_RATIO))
        fits &= (fits.sum(axis=1, keepdims=True) == 1) & (fits.sum(axis=0, keepdims=True) == 1)
        for row, column in zip(*np.nonzero(fits), strict=True):
            self._filter.correct(np.array([rows[row]]), detections.xyxy[found[[column]]])
            self._feed(self._states[rows[row]], detections, int(found[column]), at)
        return np.setdiff1d(candidates, found[fits.any(axis=0)])

    def _revive(self, detections: Detections, candidates: NDArray[np.int64], at: float) -> NDArray[np.int64]:
        """Give detections that no track explains to tracks lost near there; return the candidates left over."""
        rows = [row for row, state in enumerate(self._states) if state.seen_at < at and self._vanished(state)]
        inside = np.array([not self._at_border(box) for box in detections.xyxy[candidates]], bool)
        if not rows or not inside.any():
            return candidates
        last = np.array([self._states[row].last for row in rows], np.float64)
        closeness = 1 - displacement(last, detections.xyxy[candidates]) / self._settings.reach
        closeness *= inside & self._same_kind(rows, detections.where(candidates))
        found, columns = assign(closeness.clip(0), 1e-6)
        for row, column in zip(found, columns, strict=True):
            state, index = self._states[rows[row]], int(candidates[column])
            self._filter.place(rows[row], detections.xyxy[index])
            self._feed(state, detections, index, at)
            state.found_at = at
        return np.delete(candidates, columns)

    def _vanished(self, state: State) -> bool:
        """Whether a known track was lost within the picture, and not to another number."""
        known = state.state == "lost" and state.seen_at - state.born_at >= self._settings.known_s
        return known and not self._at_border(state.last) and not self._went_on(state)

    def _hold_hidden(self, at: float) -> None:
        """Note who is hidden behind somebody seen now who stands still, and who is seen apart from everybody."""
        settings = self._settings
        rows = [r for r, s in enumerate(self._states) if s.seen_at == at and s.state == "confirmed"]
        if not rows:
            return
        boxes = np.array([state.last for state in self._states], np.float64)
        covered = covered_share(boxes, boxes[rows])
        covered[rows, range(len(rows))] = 0.0
        # Only who stands nearer to the camera hides somebody.
        feet = boxes[:, 3] + settings.nearer * (boxes[:, 3] - boxes[:, 1])
        nearer = boxes[rows, 3][None] > feet[:, None]
        still = self._filter.speed()[rows] < settings.still
        for state, share, hider in zip(self._states, covered, nearer & still[None], strict=True):
            if state.seen_at == at:
                state.apart = state.apart or float(share.max()) < settings.apart
            elif (
                state.apart
                and at - state.seen_at <= settings.hidden_s
                and at - state.held_at <= HELD_S
                and float(share[hider].max(initial=0.0)) >= settings.hidden_share
                and self._vanished(state)
            ):
                state.hidden_at = at

    def _went_on(self, lost: State) -> bool:
        """Whether a track began near where another was lost, about then or since: most likely the same object."""
        firsts = [s.first for s in self._states if s is not lost and s.born_at > lost.seen_at - OVERLAP_S]
        return bool(firsts) and bool(displacement(lost.last[None], np.array(firsts)).min() < NEAR)

    def _at_border(self, box: NDArray[np.float32]) -> bool:
        """Whether a box touches the frame's border on a side where objects come and go: any but the upper one."""
        if self._frame_wh is None:
            return False
        width, height = self._frame_wh
        margin = BORDER * width
        return bool(box[0] < margin or box[2] > width - margin or box[3] > height - margin)

    def _similarity(self, rows: list[int], detections: Detections, at: float) -> NDArray[np.float64]:
        """IoU (T, D) of boxes grown by their size and the time since a track was seen, 0 across kinds."""
        settings = self._settings
        age_s = np.array([at - self._states[row].seen_at for row in rows])
        grow = np.minimum(settings.grow + settings.grow_per_s * age_s, 1.0)
        predicted = self._filter.xyxy()[rows]
        # Grown boxes of a crowd all overlap: the plain IoU decides among them.
        similarity = 0.5 * grown_iou(predicted, detections.xyxy, grow) + 0.5 * iou_matrix(
            predicted, detections.xyxy
        )
        # Of two tracks on one object, the one seen last goes on; else both would live, fed by turns.
        similarity *= np.exp(-age_s / settings.recency_s)[:, None]
        similarity *= self._likelihood(rows, detections)
        similarity *= self._same_kind(rows, detections)
        return similarity

    def _same_kind(self, rows: list[int], detections: Detections) -> NDArray[np.bool_]:
        kinds = np.array([self._states[row].kind for row in rows])
        same: NDArray[np.bool_] = kinds[:, None] == KIND[detections.class_id][None, :]
        return same

    def _likelihood(self, rows: list[int], detections: Detections) -> NDArray[np.float64]:
        """(T, D) in (0, 1]: two who pass each other go on as they went, and keep their height."""
        settings = self._settings
        away, ratio = self._filter.misfit(rows, detections.xyxy, settings.deviations, settings.slack)
        misfit2 = away**2 + (np.log(ratio) / np.log(settings.height_ratio)) ** 2
        likely: NDArray[np.float64] = np.maximum(np.exp(-0.5 * misfit2), settings.least_likelihood)
        return likely

    def _feed(self, state: State, detections: Detections, index: int, at: float) -> None:
        confidence = float(detections.confidence[index])
        state.votes[detections.class_id[index]] += confidence
        state.seen_at, state.confidence, state.hits = at, confidence, state.hits + 1
        state.last = detections.xyxy[index]
        if state.state == "lost" or state.hits >= self._settings.confirm_hits:
            state.state = "confirmed"

    def _start(self, detections: Detections, index: int, at: float) -> None:
        votes = np.zeros(len(CLASSES))
        confidence = float(detections.confidence[index])
        votes[detections.class_id[index]] = confidence
        box = detections.xyxy[index]
        self._states.append(State(self._next_id, at, at, confidence, 1, votes, first=box, last=box))
        self._filter.add(detections.xyxy[index], at)
        self._next_id += 1

    def _drop(self, at: float) -> None:
        """Forget tracks unseen for too long, and the younger of two that follow one object."""
        keep = []
        for state in self._states:
            unseen_s = at - state.held_at
            limit_s = self._settings.tentative_s if state.state == "tentative" else self._settings.remember_s
            if at > state.seen_at and state.state == "confirmed":
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
        apart = self._filter.parting()
        return {
            int(row)
            for row, column in zip(rows, columns, strict=True)
            if self._states[row].seen_at < at == self._states[column].seen_at
            and apart[row, column] < self._settings.together
            and self._states[column].born_at <= self._states[row].seen_at
        }

    def _tracks(self, at: float) -> tuple[Track, ...]:
        boxes = self._filter.xyxy().astype(np.float32)
        return tuple(
            Track(
                state.track_id,
                state.last if state.hidden_at == at else box,
                state.confidence,
                int(state.votes.argmax()),
                state.state,
                state.born_at,
                state.seen_at,
                found=state.found_at == at,
                hidden=state.hidden_at == at,
            )
            for state, box in zip(self._states, boxes, strict=True)
        )
