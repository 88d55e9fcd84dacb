"""Which parts of the box still move: each promises to be back by a moment, and is late once that has passed. Pure.

Rules:
1. A part that waits on purpose, such as an uplink in its backoff, promises the end of its wait: waiting is no fault,
   staying away is.
2. The systemd watchdog is fed only while nobody is late. A server or a camera that is away makes nobody late, since
   their threads go on trying: a restart would not help.
3. Moments are monotonic: no step of the wall clock makes anybody late, or hides that they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import Final

# systemd asks to be told within its limit; a quarter of it leaves room for a slow turn of the loop.
_FEED_SHARE: Final = 0.25


class Pulse:
    """The promises of named parts. Each name is one thread's to write; any may read."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._seen: dict[str, Hashable] = {}

    def promise(self, name: str, by: float) -> None:
        """This part moves now, and will again by a moment; `math.inf` when it has come to its end."""
        self._due[name] = by

    def follow(self, name: str, state: Hashable, at: float, within_s: float) -> None:
        """For a part that does not tell: it moves whenever its state is another than at the last call."""
        if name not in self._seen or self._seen[name] != state:
            self._seen[name] = state
            self._due[name] = at + within_s

    def late(self, at: float) -> list[str]:
        """Who should have moved by now, by name."""
        return sorted(name for name, due in list(self._due.items()) if at > due)


class Feed:
    """When systemd is to be told that the box lives.

    Args:
        every_s: the longest pause between two words; None when nobody listens.
    """

    def __init__(self, every_s: float | None) -> None:
        self._every_s = every_s
        self._next = -math.inf

    def due(self, at: float, *, late: bool) -> bool:
        """Whether to say so now: when it is time, and nobody is late."""
        if self._every_s is None or late or at < self._next:
            return False
        self._next = at + self._every_s
        return True


def feeding_s(environ: Mapping[str, str], pid: Callable[[], int]) -> float | None:
    """Seconds between two words to systemd's watchdog, by ``WATCHDOG_USEC`` and ``WATCHDOG_PID``.

    None when it is off, meant for another process, or unreadable (sd_watchdog_enabled(3)).
    """
    usec, owner = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not (usec.isascii() and usec.isdigit()) or int(usec) == 0:
        return None
    if owner and owner != str(pid()):
        return None
    return _FEED_SHARE * int(usec) / 1e6
