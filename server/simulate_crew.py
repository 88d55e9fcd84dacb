"""What an invented crew did with the notices of the invented town, by the way every crew's answers take."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from server.simulate_cases import DAY_S, answer
from server.store.base import AuditEntry, Store
from server.store.notices_base import Wanted

CREW: Final = "equipe-voirie"
ANSWERED_AFTER_S: Final = 1200
# Of the last day some notices stay open, so that the board has what it is for.
LEFT_S: Final = DAY_S // 2


def work(store: Store, end: int, tz: ZoneInfo) -> None:
    """Take the cases in and answer the notices of days that are over, as a crew would have; ``end``: seconds since 1970."""
    told = 0
    while store.notices.take(tz, 1):
        for own in store.notices.board(Wanted(states=frozenset({"to_verify"})), 10):
            after = answer(own.id)
            at = own.opened_at + ANSWERED_AFTER_S
            if own.id <= told or at > end - LEFT_S:
                continue
            told = own.id
            if after is not None:
                store.notices.move(own.id, own.version, after, AuditEntry(at, CREW, "", "", "invented"))
    store.notices.release(end, tz, 1000)
