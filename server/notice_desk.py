"""Takes revisions of cases as they come, and lets held notices go when their reason ends. A thread of the server.

Rules:
1. Nothing is decided here: `server.notice_intake` and `server.notice_rules` decide, the store sees to it that it is once.
2. A batch is one transaction and short, so that deliveries get in between.
3. A failure leaves everything as it was; the next turn tries again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Final

from server.settings import Settings
from server.store.base import Store
from server.turning import in_background, turns

CHECK_S: Final = 2.0
# After a failure: a full disk is not better two seconds later.
RETRY_S: Final = 30.0
AT_ONCE: Final = 100


def _never() -> bool:
    return False


def turn(store: Store, settings: Settings, stop: Callable[[], bool] = _never) -> tuple[int, int]:
    """Take everything that waits and let go what may go; how many revisions were taken and how many notices released.

    Raises:
        StoreError: when the database cannot be used now; what was taken before stays taken.
    """
    tz, taken, released = settings.zone_info, 0, 0
    while not stop() and (some := store.notices.take(tz, AT_ONCE)):
        taken += some
    asked = AT_ONCE
    while not stop() and asked == AT_ONCE:
        asked, let_go = store.notices.release(int(settings.clock()), tz, AT_ONCE)
        released += let_go
    return taken, released


def notice_desk(store: Store, settings: Settings) -> AbstractContextManager[None]:
    """Make notices while the block runs; the batch under way at its end is finished."""

    def loop(stop: threading.Event) -> None:
        one = partial(turn, store, settings)
        turns(stop, one, "cases wait for their notices", first_s=CHECK_S, every_s=CHECK_S, retry_s=RETRY_S)

    return in_background("notice desk", loop)
