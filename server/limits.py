"""How often something may happen: wrong logins, and batches of one device. In memory and bounded.

A restart forgets both; each then starts again from the limits, never from a lock-out.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MAX_KEYS: Final = 10_000
WINDOW_S: Final = 900.0
FIRST_DELAY_S: Final = 2.0
LONGEST_DELAY_S: Final = 300.0


@dataclass(slots=True)
class _Failures:
    count: int
    last_at: float


class Backoff:
    """Doubling waits after ``free`` failures of one key; forgotten after a quarter of an hour without one."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, key: str, free: int, now: float) -> float:
        """Seconds to wait before the next try, 0 when none is due."""
        with self._lock:
            known = self._failures.get(key)
            if known is None or now - known.last_at > WINDOW_S or known.count < free:
                return 0.0
            delay = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(20, known.count - free))
            return max(0.0, known.last_at + delay - now)

    def failed(self, key: str, now: float) -> None:
        """Count a failure."""
        with self._lock:
            known = self._failures.pop(key, None)
            count = known.count if known and now - known.last_at <= WINDOW_S else 0
            self._failures[key] = _Failures(count + 1, now)
            while len(self._failures) > MAX_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget a key."""
        with self._lock:
            self._failures.pop(key, None)


class Buckets:
    """A token bucket a device: ``per_s`` sustained, ``burst`` at once."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._level: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, key: str, now: float) -> float:
        """Take one token and return 0, or return the seconds until there is one."""
        with self._lock:
            level, at = self._level.pop(key, (self._burst, now))
            level = min(self._burst, level + max(0.0, now - at) * self._per_s)
            wait = 0.0 if level >= 1 else (1 - level) / self._per_s
            self._level[key] = (level - 1 if wait == 0 else level, now)
            while len(self._level) > MAX_KEYS:
                self._level.popitem(last=False)
            return wait
