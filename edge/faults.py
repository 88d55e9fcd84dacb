"""Spans of time under a fault of the picture, and what they leave of what was counted.

A fault is believed once its evidence lasted, and dated back to where that began, as far as the intervals are still open. It is
over once the contrary lasted, and not dated back: what the picture showed until then was not counted. Seconds under a blind fault (moved, covered, frozen) were not observed, and
no coming or going that falls into them is counted. Dark and degraded seconds were observed, and say so.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Final

from contract.names import UNOBSERVED_FLAGS, Flag
from edge.presence import Span, clip, seconds

FAULTS: Final[tuple[Flag, ...]] = ("frozen", "covered", "moved", "dark", "degraded")
BLIND: Final = tuple(flag for flag in FAULTS if flag in UNOBSERVED_FLAGS)
# Looks further apart than this prove nothing about the time between them.
GAP_S: Final = 5.0
# Flags shorter than this are left out of a record, as for `lost`.
LEAST_S: Final = 0.5


class Fault:
    """One fault over time: on after ``on_s`` of evidence, off after ``off_s`` of the contrary.

    ``lag_s``: how long the evidence itself takes to show; the begin is dated back by it.
    """

    def __init__(self, on_s: float, off_s: float, lag_s: float = 0.0) -> None:
        self._on_s, self._off_s, self._lag_s = on_s, off_s, lag_s
        self._last: float | None = None
        self._against: float | None = None  # the evidence against the present state holds since then
        self.since: float | None = None  # begin of the fault while there is one
        self._over: list[Span] = []

    def judge(self, evidence: bool | None, at: float, on_s: float | None = None) -> None:
        """Take one look's evidence (None: it cannot tell); ``on_s`` asks for another time of it than usual."""
        last, self._last = self._last, at
        if last is None or at - last > GAP_S:
            last, self._against = at, None
        if evidence is None:
            return
        active = self.since is not None
        if evidence == active:
            self._against = None
            return
        if self._against is None:
            # Whatever happened did so after the last look: what lies between is not believed either.
            self._against = at if active else last
        needed_s = self._off_s if active else self._on_s if on_s is None else on_s
        if at - self._against >= needed_s - 1e-6:
            self._turn(at if active else self._against)

    def spans(self) -> list[Span]:
        """All spans under this fault, in order; one that lasts ends never."""
        return [*self._over, *([] if self.since is None else [(self.since, float("inf"))])]

    def forget(self, before: float) -> None:
        """Drop what ended before an instant."""
        self._over = [span for span in self._over if span[1] > before]

    def _turn(self, at: float) -> None:
        if self.since is None:
            floor = self._over[-1][1] if self._over else float("-inf")
            self.since = max(at - self._lag_s, floor)
        else:
            self._over.append((self.since, at))
            self.since = None
        self._against = None


class FaultBook:
    """The faults of one camera's picture."""

    def __init__(self, faults: dict[Flag, Fault]) -> None:
        self._faults = faults
        self._noted: dict[Flag, list[Span]] = {}

    def note(self, flag: Flag, span: Span) -> None:
        """Mark a span for another reason than the picture; spans of one flag come in order."""
        self._noted.setdefault(flag, []).append(span)

    @property
    def current(self) -> tuple[Flag, ...]:
        """The faults there are now."""
        return tuple(flag for flag, fault in self._faults.items() if fault.since is not None)

    @property
    def blind(self) -> bool:
        """Whether what the picture shows now must not be counted."""
        return any(flag in BLIND for flag in self.current)

    def blind_spans(self, start: float, end: float) -> list[Span]:
        """The parts of [start, end) under a blind fault, in order and apart from each other."""
        spans = [span for flag in BLIND if flag in self._faults for span in self._faults[flag].spans()]
        return joined(clip(spans, start, end))

    def flag_s(
        self, arrived: Sequence[Span], blind: Sequence[Span], least_s: float = LEAST_S
    ) -> dict[Flag, float]:
        """Seconds of each fault within the time that pictures arrived in; of dark and degraded, of the observed time.

        Less than ``least_s`` of one is left out.
        """
        observed = without(arrived, blind)
        found: dict[Flag, float] = {}
        for flag in FAULTS:
            own = self._faults[flag].spans() if flag in self._faults else []
            spans = joined([*own, *self._noted.get(flag, [])])
            base = arrived if flag in BLIND else observed
            under = round(sum(seconds(clip(spans, *span)) for span in base), 3)
            if under >= least_s:
                found[flag] = under
        return found

    def forget(self, before: float) -> None:
        """Drop what ended before an instant."""
        for fault in self._faults.values():
            fault.forget(before)
        self._noted = {
            flag: [span for span in spans if span[1] > before] for flag, spans in self._noted.items()
        }


def joined(spans: Iterable[Span]) -> list[Span]:
    """The union of spans, in order and apart from each other."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def without(spans: Iterable[Span], holes: Sequence[Span]) -> list[Span]:
    """The parts of spans outside holes, which are in order and apart from each other."""
    left: list[Span] = []
    for start, end in spans:
        edges = [start, *itertools.chain.from_iterable(clip(holes, start, end)), end]
        left += [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]
    return left


def inside(at: float, spans: Iterable[Span]) -> bool:
    """Whether an instant lies in one of the half-open spans."""
    return any(start <= at < end for start, end in spans)
