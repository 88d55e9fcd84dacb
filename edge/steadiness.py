"""Whether a road's light holds still: many newcomers at once, or a swing of its brightness, are no cargo. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from edge.boxes import area, same_place
from edge.cases import Box
from edge.foreign import Known

# So many newcomers at once, or this much of the road, are a change of light; from FLOOD on nothing of it is believed.
BURST: Final = 4
FLOOD: Final = 9
BURST_S: Final = 12.0
BURST_SHARE: Final = 0.3
YOUNG_S: Final = 60.0
# The light of the whole road changed by so much (natural logarithm) within so many seconds: the sun came or went.
SWING: Final = 0.15
SWING_S: Final = 15.0


class Steadiness:
    """Of one road of ``size`` square pixels."""

    def __init__(self, size: float) -> None:
        self._size = size
        self._born: list[tuple[float, Box]] = []
        self._light: list[tuple[float, float]] = []
        self.unsteady_until = -np.inf

    def light(self, level: float, at: float) -> None:
        """The road's light now, 0 to 255."""
        self._light = [(t, light) for t, light in self._light if at - t <= SWING_S]
        self._light.append((at, float(np.log(max(level, 1.0)))))

    def newcomer(self, box: Box, at: float) -> None:
        """Something begins here; one place that comes again and again is one newcomer."""
        if not any(same_place(box, other) for _, other in self._born):
            self._born.append((at, box))

    def judge(self, young: Sequence[Known], at: float) -> list[Known]:
        """Which of the candidates are nothing but light; doubt is noted on those that came with a swing.

        What looks like light is given up at once; of what has outlines nothing is said until the road is steady again.
        """
        if np.ptp([light for _, light in self._light]) > SWING:
            for known in young:
                known.doubtful |= at - known.first_seen <= SWING_S
        self._born = [(born, box) for born, box in self._born if at - born <= BURST_S]
        fresh = sum(area(known.xyxy) for known in young if at - known.first_seen < YOUNG_S)
        flood = len(self._born) >= FLOOD or fresh > BURST_SHARE * self._size
        if not flood and len(self._born) < BURST:
            return []
        self.unsteady_until = at + BURST_S
        return [known for known in young if flood or known.veto_s >= known.seen_s]
