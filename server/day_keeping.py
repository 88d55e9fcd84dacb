"""Keeps local days ready, a few at a time, so that no planner waits for them."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Final

from server.errors import ServerError
from server.forecast import LONGEST
from server.settings import Settings
from server.spans import day_of, midnight
from server.store.base import Store

log = logging.getLogger("parvis.server")

# Deliveries get in between.
AT_ONCE: Final = 32
PAUSE_S: Final = 0.05


def keep_days(store: Store, settings: Settings, stop: threading.Event) -> int:
    """Make the days of the last 400 that are not kept yet, of every place; their number.

    A failure is logged and tried again the next time: pages read hours meanwhile.
    """
    tz, until = settings.zone_info, int(settings.clock()) - settings.statistics_delay_s
    today = day_of(until, tz)
    borders = [midnight(today - timedelta(days=ago), tz) for ago in range(LONGEST, -1, -1)]
    made = 0
    try:
        for place in store.records.places():
            for first in range(0, LONGEST, AT_ONCE):
                some = store.days.fill(place, borders[first : first + AT_ONCE + 1], until, tz)
                made += some
                if stop.is_set() or (some and stop.wait(PAUSE_S)):
                    return made
    except ServerError as exc:
        log.warning("local days cannot be kept now: %s", exc)
    except Exception:
        # A thread that died unseen would end the purge too.
        log.exception("local days cannot be kept now")
    return made
