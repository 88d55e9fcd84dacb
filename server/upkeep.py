"""What the server does by itself, in a thread of its own: the daily purge, and local days kept ready."""

from __future__ import annotations

import logging
import threading
from contextlib import AbstractContextManager
from functools import partial
from typing import Final

from server.day_keeping import keep_days
from server.errors import ServerError
from server.retention import due
from server.settings import Settings
from server.store.base import Store
from server.turning import in_background

log = logging.getLogger("parvis.server")

ACTOR: Final = "server"
FIRST_S: Final = 60.0
CHECK_S: Final = 600.0
# A purge that failed would fail again at once, at the price of writing the whole file anew.
RETRY_S: Final = 3600.0


def turn(store: Store, settings: Settings, stop: threading.Event) -> bool:
    """Purge if it is time; False when that failed, which is logged."""
    try:
        now = int(settings.clock())
        if not due(store.upkeep.last_purge(), now, settings.zone_info):
            return True
        result = store.upkeep.purge(now, ACTOR, stop.is_set)
    except ServerError as exc:
        log.warning("the daily purge failed: %s", exc)
        return False
    except Exception:
        # A thread that died unseen would keep everything for ever.
        log.exception("the daily purge failed")
        return False
    if result.finished or stop.is_set():
        return True
    log.warning(
        "the daily purge is not complete: %d bytes wait in the log, deleted records are still in %s",
        result.wal_bytes,
        ", ".join(result.remains) or "no file",
    )
    return False


def _loop(store: Store, settings: Settings, stop: threading.Event) -> None:
    wait = FIRST_S
    while not stop.wait(wait):
        wait = CHECK_S if turn(store, settings, stop) else RETRY_S
        keep_days(store, settings, stop)


def upkeep(store: Store, settings: Settings) -> AbstractContextManager[None]:
    """Keep house while the block runs; what is under way at its end is finished to its next step."""
    return in_background("upkeep", partial(_loop, store, settings))
