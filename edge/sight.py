"""Whether a camera's picture can be believed: frozen, covered, moved, dark or degraded, judged from looks over time.

1. *frozen*: look after look the very same pixels as one of the last three had (an encoder that is fed one picture repeats
   itself with its key frames). A sensor has noise, so a quiet scene changes somewhere.
2. *dark*: too little light to find anything by.
3. *covered*: most outlines of the reference are gone and nothing is in their place. A dark picture without outlines is night,
   unless it came within seconds out of broad daylight. A lens that shows no outline from the start is covered too.
4. *degraded*: fine detail has left the outlines, everywhere (focus) or in many places (drops, dirt: `edge.smear`), or the
   noise is as strong as they are.
5. *moved*: the reference is found elsewhere, or nowhere while the picture has outlines (`edge.alignment`). It stays so until
   the picture is back at its place or the process starts anew: zones drawn for another view count the wrong ground.

The reference learns only from looks without any fault, slowly enough that a standing lorry does not become a wall; the one of
the first minutes is kept beside it, so that a mast that sags over days is noticed. Both live in memory only.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.names import Flag
from edge import alignment
from edge.alignment import Average
from edge.faults import GAP_S, Fault, FaultBook
from edge.records import FloatArray
from edge.smear import Blocks, Smear

LOOK_S: Final = 1.0
MEMORY_S: Final = 600.0
FIRST_S: Final = 120.0
MARKS: Final = 3
LEARN_S: Final = 10.0  # looks of this many seconds make a reference to judge by
_CURRENT_S: Final = 4.0  # the average that is aligned: long enough for noise and passers-by to fade
_SEARCH_S: Final = 3.0
_SAG_S: Final = 30.0
# Light and noise as shares of white; a fault begins beyond the first figure and ends before the second.
DARK: Final = (0.06, 0.08)
NOISY: Final = (35.0, 28.0)
BLURRED: Final = (0.45, 0.6)  # of the usual sharpness
SMEARED: Final = (0.33, 0.25)  # share of the blocks that lost their sharpness
NEVER_SHARP: Final = (0.11, 0.15)  # sharpness of a picture that was out of focus from the start
GONE: Final = (0.7, 0.5)  # share of the reference's cells that lost their outlines
DAYLIGHT: Final = 0.25
SUDDEN_S: Final = 10.0
BARE: Final = 0.02  # mean length of outlines below which there are none
BARE_S: Final = 30.0
# Another place is believed when it is this far away (share of the width), this good, and this much better.
SHIFT: Final = 0.018
SCORE: Final = 0.3
BETTER: Final = 0.1
DOUBT: Final = (
    0.8  # of the usual home score: below it another place is searched, and nothing is learnt for a while
)
DOUBT_S: Final = 120.0
NOWHERE: Final = 0.2  # home score at which nothing is left in place
_CELL: Final = 10

REMEDY: Final[dict[Flag, str]] = {
    "frozen": "the picture stands still: restart the camera or its stream",
    "covered": "hardly an outline is left: look what is before the lens (a leaf, snow, paint, a bag, thick fog)",
    "moved": (
        "the view is not the one at the start: turn the camera back, or draw the zones anew and restart the service;"
        " until then nothing is counted"
    ),
    "dark": "there is too little light to find anybody: light the place, or switch the camera's night mode on",
    "degraded": "the picture is blurred, in parts or all over, or noisy: clean the lens, check its focus and the light",
}


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What `edge.view` measured of one picture.

    ``mark``: checksum of its pixels. ``light``: mean, a share of white. ``sharp``: detail at the finest scale over detail four
    times coarser. ``noise``: levels of grey by which the smoothest parts differ from pixel to pixel. ``outlines`` (h, w, 2)
    float32: doubled directions, length in [0, 1). ``free`` (h, w) bool: where nothing was found.
    """

    at: float
    mark: int
    light: float
    sharp: float
    blocks: Blocks
    outlines: FloatArray
    free: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Change:
    """A fault that began or ended, and the words for it."""

    flag: Flag
    began: bool
    words: str


class _Usual:
    """A figure's usual value: a plain mean at first, a sliding one later."""

    def __init__(self) -> None:
        self.value: float | None = None
        self._looks = 0

    def add(self, value: float) -> None:
        self._looks += 1
        before = value if self.value is None else self.value
        self.value = before + (value - before) / min(self._looks, MEMORY_S / LOOK_S)


class Sight(FaultBook):
    """The judge of one camera. `see` takes a look about every `LOOK_S`; any other rate is judged in seconds too."""

    def __init__(self) -> None:
        self._frozen, self._covered = Fault(9.0, 1.0), Fault(3.0, 3.0)
        self._moved = Fault(9.0, 9.0, lag_s=_CURRENT_S)
        self._dark, self._degraded = Fault(5.0, 5.0), Fault(5.0, 5.0)
        super().__init__(
            {
                "frozen": self._frozen,
                "covered": self._covered,
                "moved": self._moved,
                "dark": self._dark,
                "degraded": self._degraded,
            }
        )
        self._marks: deque[int] = deque(maxlen=MARKS)
        self._start(None)

    def _start(self, look: Look | None) -> None:
        shape = (0, 0, 2) if look is None else look.outlines.shape
        self._reference, self._first = Average(shape, MEMORY_S), Average(shape, MEMORY_S)
        self._current = Average(shape, _CURRENT_S)
        self._learnt_s, self._last = 0.0, look
        self._sharp, self._home, self._smear = _Usual(), _Usual(), Smear()
        self._bright_at = float("-inf")
        self._sudden, self._sagged = False, False
        self._search_due, self._sag_due = float("-inf"), float("-inf")
        self._away: bool | None = None
        self._doubt_at: float | None = None

    @property
    def ready(self) -> bool:
        """Whether there is a reference to judge by."""
        return self._learnt_s >= LEARN_S

    def see(self, look: Look) -> list[Change]:
        """Judge one look; returns the faults that began or ended with it."""
        last = self._last
        if last is None or last.outlines.shape != look.outlines.shape:
            self._start(look)
        step_s = LOOK_S if last is None else min(look.at - last.at, GAP_S)
        self._last = look
        before = self.current
        same = look.mark in self._marks
        self._marks.append(look.mark)
        self._frozen.judge(same, look.at)
        covered = self._judge_covered(look)
        dark = self._judge_dark(look, covered)
        degraded = None if dark or covered else self._is_degraded(look)
        self._degraded.judge(degraded, look.at)
        if not same:
            self._current.add(look.outlines, look.free, step_s)
            moved = None if dark or covered or not self.ready else self._is_away(look.at)
            self._moved.judge(moved, look.at)
            doubted = self._doubt_at is not None and look.at - self._doubt_at < DOUBT_S
            if not (dark or covered or degraded or moved or doubted or self.current or _bare(look)):
                self._learn(look, step_s)
        return [
            Change(flag, flag in self.current, REMEDY[flag])
            for flag in REMEDY
            if (flag in before) != (flag in self.current)
        ]

    def _judge_covered(self, look: Look) -> bool:
        """Whether this look speaks for a covered lens (or, in the dark, for night: that is `_judge_dark`)."""
        if not self.ready:
            bare = _bare(look) and look.light >= DARK[0]
            self._covered.judge(bare, look.at, BARE_S)
            return bare
        if look.light >= DAYLIGHT:
            self._bright_at = look.at
        gone = self._gone(look)
        active = self._covered.since is not None
        evidence = gone >= GONE[1 if active else 0]
        if not evidence:
            self._sudden = False
        elif look.light < DARK[0] and not active:
            self._sudden = self._sudden or look.at - self._bright_at <= SUDDEN_S
            evidence = self._sudden
        self._covered.judge(evidence, look.at)
        return evidence

    def _judge_dark(self, look: Look, covered: bool) -> bool:
        dark = not covered and look.light < DARK[0 if self._dark.since is None else 1]
        self._dark.judge(dark, look.at)
        return dark

    def _gone(self, look: Look) -> float:
        """The share of the reference's cells, where nothing hides them, that lost their outlines."""
        kept = _cells(np.hypot(*np.moveaxis(look.outlines, 2, 0)))
        due = _cells(np.hypot(*np.moveaxis(self._reference.outlines, 2, 0)))
        judged = (due >= 0.1) & (_cells(look.free.astype(np.float32)) >= 0.5)
        return float((kept < 0.3 * due)[judged].mean()) if judged.sum() >= 10 else 0.0

    def _is_degraded(self, look: Look) -> bool:
        end = 0 if self._degraded.since is None else 1
        usual = self._sharp.value or 0.0
        blurred = look.sharp < max(BLURRED[end] * usual, NEVER_SHARP[end])
        smeared = self._smear.see(look.blocks) >= SMEARED[end]
        return look.blocks.noise > NOISY[end] or smeared or (blurred and not _bare(look))

    def _is_away(self, at: float) -> bool | None:
        """Whether the outlines lie elsewhere; None while that cannot be told."""
        home = alignment.home(self._reference.outlines, self._current.outlines)
        usual = home if self._home.value is None else self._home.value
        if home >= DOUBT * usual:
            self._doubt_at = None
            if at >= self._sag_due:
                self._sag_due = at + _SAG_S
                self._sagged = bool(self._displaced(self._first.outlines))
            if not self._sagged:
                self._home.add(home)
            self._away = self._sagged
            return self._away
        if self._doubt_at is None:
            self._doubt_at = at
        if at >= self._search_due:
            self._search_due = at + _SEARCH_S
            displaced = self._displaced(self._reference.outlines)
            self._away = displaced or (True if home < NOWHERE * min(1.0, 2 * usual) else displaced)
        return self._away

    def _displaced(self, reference: FloatArray) -> bool | None:
        place = alignment.find(reference, self._current.outlines)
        if place.score < SCORE:
            return None
        better = place.score - alignment.home(reference, self._current.outlines)
        return place.shift >= SHIFT and better >= BETTER

    def _learn(self, look: Look, step_s: float) -> None:
        self._reference.add(look.outlines, look.free, step_s)
        if self._learnt_s < FIRST_S:
            self._first.add(look.outlines, look.free, step_s)
        self._learnt_s += step_s
        self._sharp.add(look.sharp)
        self._smear.learn(look.blocks)


def _bare(look: Look) -> bool:
    return float(np.abs(look.outlines).mean()) < BARE


def _cells(values: FloatArray) -> FloatArray:
    """Means of (h, w) over cells; a strip that fills no cell is left out."""
    rows, cols = values.shape[0] // _CELL, values.shape[1] // _CELL
    cut = values[: rows * _CELL, : cols * _CELL].reshape(rows, _CELL, cols, _CELL)
    means: FloatArray = cut.mean(axis=(1, 3))
    return means
