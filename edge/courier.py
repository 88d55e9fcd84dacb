"""The uplink of a running box, which says that it moves and how its last push ended; and a dry push for the technician.

With `edge.uplink` one adapter in two rooms.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from contract.batch import Answer
from edge.uplink import TOTAL_S, Push, Queue, Uplink, _Kept

# A push ends within TOTAL_S; to look up a name and to wait for the disk may take about as long again, each.
PUSH_S: Final = 4 * TOTAL_S
IDLE_S: Final = 2.0


class Courier(Uplink):
    """An `Uplink` that tells ``moves`` by when, monotonic seconds, its thread will have moved again.

    A courier in its backoff moves: it said when it will try again. One that hangs in a call, or whose thread has
    died, does not.
    """

    def __init__(
        self,
        queue: Queue,
        *,
        url: str,
        token: str,
        moves: Callable[[float], None] = lambda _: None,
        **named: Any,
    ) -> None:
        super().__init__(queue, url=url, token=token, **named)
        self._moves = moves
        self.last: Push | None = None

    @property
    def excuse(self) -> str | None:
        """Why the last push left its records in the queue, in words; None when it did not."""
        return None if self.last is None or self.last.outcome != "kept" else self.last.reason

    def run(self, stop: threading.Event, *, idle_s: float = IDLE_S) -> None:
        """As `Uplink.run`."""
        super().run(stop, idle_s=idle_s)

    def knock(self) -> Push:
        """Send an empty batch: ``delivered`` when the server takes this box's token, else ``kept`` and why.

        No record is sent and nothing is settled.
        """
        try:
            answer = self._post([], self._clock() + TOTAL_S)
        except _Kept as exc:
            return exc.push
        if answer != Answer(accepted=(), rejected=()):
            return Push("kept", reason="what answers at server.url is no Parvis server")
        return Push("delivered")

    def _step(self, within_s: float) -> tuple[Push, float]:
        self._moves(self._clock() + PUSH_S)
        push, delay_s = super()._step(within_s)
        if push.outcome != "idle" or self.last is None:
            self.last = push
        self._moves(self._clock() + max(delay_s, IDLE_S) + PUSH_S)
        return push, delay_s
