"""Whose frame is counted next, where several cameras share one processor.

Rules:
1. First comes the camera that has waited longest, measured in its own periods: who asks for ten frames a second has
   waited as long after .1 s as who asks for one after a second.
2. A camera whose frames take long to count has a longer period: no shorter than one frame in its equal share of the
   time. So one with huge frames is counted less often, and the others hardly are.
3. Whoever has no frame is passed over and costs nothing: nobody waits for a dead camera, and no time is kept for it.
4. A camera may be limited to a lower rate than it delivers (`edge.pace`); its frames in between are left to grow old.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# The time a frame takes is a moving average over about this many.
_FRAMES: Final = 10


@dataclass(slots=True)
class _Camera:
    rate: float  # frames a second it asks for
    served_at: float = float("-inf")
    cost_s: float = 0.0
    limit: float | None = None
    due_at: float = float("-inf")  # earliest next turn under the limit


class Turns:
    """``rates``: frames a second that each camera asks for, above 0. Times are seconds, in order."""

    def __init__(self, rates: Sequence[float]) -> None:
        if not all(rate > 0 for rate in rates):
            raise ValueError(f"every rate must be above 0 (got {list(rates)})")
        self._cameras = [_Camera(rate) for rate in rates]

    def limit(self, index: int, rate: float | None) -> None:
        """No more than ``rate`` frames a second of this camera; None: as many as it delivers."""
        camera = self._cameras[index]
        camera.limit, camera.due_at = rate, float("-inf")

    def order(self, at: float) -> list[int]:
        """The cameras to ask for a frame, one after the other until one has one; those not due are left out."""
        due = [number for number, camera in enumerate(self._cameras) if camera.due_at <= at]
        return sorted(due, key=lambda number: self._waited(number, at), reverse=True)

    def served(self, index: int, at: float, cost_s: float) -> None:
        """A frame of this camera was taken at ``at`` and took ``cost_s`` to count."""
        camera = self._cameras[index]
        first = camera.served_at == float("-inf")
        camera.served_at = at
        camera.cost_s += (cost_s - camera.cost_s) * (1.0 if first else 1.0 / _FRAMES)
        if camera.limit is not None:
            # From when it was due, so that a rate is kept on the average; who is a whole period late starts anew.
            late = at - camera.due_at >= 1 / camera.limit
            camera.due_at = (at if late else camera.due_at) + 1 / camera.limit

    def pause_s(self, at: float) -> float | None:
        """Until the next limited camera is due; None when none is waiting for its time."""
        later = [camera.due_at - at for camera in self._cameras if camera.due_at > at]
        return min(later, default=None)

    def _waited(self, number: int, at: float) -> float:
        camera = self._cameras[number]
        return (at - camera.served_at) / max(1 / camera.rate, len(self._cameras) * camera.cost_s)
