"""Confirmed notices to other servers and back: what is done at each turn, for one server (GeoReport v2).

Rules:
1. Before anything is posted, open requests nearby are looked up; one that is there stands for the notice, and nothing is posted.
2. ``posting`` is on the disk before the first byte of a POST. What is found in ``posting`` later, and what a POST left unsure,
   is looked for (by its mark, else by its exact place and time) and never posted again by itself: not found after `LOOKS_S`, a
   person is asked.
3. Closed there, a notice ends here, as ``cleared``, or ``not_ours`` where the status notes say so by the words the
   administrator gave; free text of others is kept nowhere. Ended here, nothing can be said there: GeoReport has no call for it.
4. One server's trouble stops no other; it is asked again after `WAITS_S`, and its page says so.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Final

from server.notices import ENDED, Notice, NoticeConflict
from server.open311 import ServiceRequest
from server.open311_client import GeoReport, MayHave, Refused, Trouble
from server.open311_following import Following, Memory
from server.open311_place import Position, distance_m, nearest
from server.open311_telling import Places, merge
from server.store.base import AuditEntry, Store
from server.store.open311_base import DUE, Endpoint, Link

EVENTS_AT_ONCE: Final = 500
LINKS_AT_ONCE: Final = 50
POLL_S: Final = 300
REFUSED_S: Final = 900
WAITS_S: Final = (60, 300, 900, 3600)
# When a request is looked for that may have been made; then a person is asked.
LOOKS_S: Final = (60, 300, 900)
# Longer than one exchange may take, so that no living POST is taken for a dead one.
POSTING_S: Final = 120
TOKEN_MOST_S: Final = 86400
# Servers round places and stamp times of their own.
SAME_PLACE_M: Final = 2.0
SAME_TIME_S: Final = 900
SPAN_MOST_S: Final = 90 * 86400
Describe = Callable[[Notice, Endpoint, str, Position], str]


class Channel:
    """What one endpoint has to do.

    ``describe`` writes the text of a request out of the notice, the endpoint, the mark and the position; ``mark`` begins
    every mark of this installation; ``memory``: what the last turn left.
    """

    def __init__(
        self,
        store: Store,
        own: Endpoint,
        server: GeoReport,
        describe: Describe,
        mark: str,
        memory: Memory,
    ) -> None:
        self._store = store
        self._own = own
        self._server = server
        self._describe = describe
        self._mark = mark
        self._following = Following(store, own, server, memory)

    def follow(self) -> None:
        """Take in what was confirmed."""
        while True:
            after = self._store.notices.cursor(self._own.channel)
            events = self._store.notices.events_after(after, EVENTS_AT_ONCE)
            if not events:
                return
            for event in events:
                if event.after != "confirmed" or event.before == "confirmed":
                    continue
                notice = self._store.notices.notice(event.notice)
                if notice is not None and notice.site == self._own.site and self._own.codes.get(notice.kind):
                    self._store.endpoints.want(self._own.id, event)
            self._store.notices.follow(self._own.channel, events[-1].id)

    def turn(self, now: int, stop: Callable[[], bool] = lambda: False) -> bool:
        """Do what is due; whether the requests linked to were asked for too.

        Raises:
            Trouble: when the server cannot be asked; what was under way waits.
        """
        self._bury(now)
        for link in self._store.endpoints.due(self._own.id, DUE, now, LINKS_AT_ONCE):
            if stop():
                return False
            step = {"waiting": self._send, "checking": self._look_again, "token": self._redeem}[link.state]
            try:
                step(link, now)
            except Refused as exc:
                # No to this one: a wrong service code must not hold up the others.
                self._step(link, now, next_at=now + REFUSED_S, problem=exc.problem, detail=str(exc))
        if self._own.poll_at > now:
            return False
        return self._following.poll(now, stop)

    def _bury(self, now: int) -> None:
        """What died in the middle of a POST may have been acted on."""
        for link in self._store.endpoints.due(self._own.id, ("posting",), now, LINKS_AT_ONCE):
            if now - (link.posted_at or 0) >= POSTING_S:
                self._step(link, now, state="checking", tries=0, next_at=now, problem="interrupted")

    def _step(self, link: Link, now: int, **changes: object) -> bool:
        return self._store.endpoints.step(link, now, **changes)

    def _send(self, link: Link, now: int) -> None:
        notice = self._store.notices.notice(link.notice)
        # What is not operational any more is nobody's business outside.
        if notice is None or notice.state in ENDED or not self._operational(notice):
            self._step(link, now, state="dropped")
            return
        place = Places(self._store).at(notice)
        if place is None:
            self._step(link, now, state="no_place")
            return
        if merge(self._store, notice, now) is not None:
            self._step(link, now, state="known", lon=place.lon, lat=place.lat)
            return
        code = self._own.codes.get(notice.kind, "")
        there = self._nearby(code, place, link, now)
        if there is not None:
            self._linked(link, there.service_request_id, now, own=self._marks(there, link))
            return
        posting = {
            "state": "posting",
            "posted_at": now,
            "tries": link.tries + 1,
            "lon": place.lon,
            "lat": place.lat,
        }
        if not self._step(link, now, **posting):
            return
        begun = self._store.endpoints.link(link.id)
        if begun is not None:
            self._post(begun, notice, code, place, now)

    def _operational(self, notice: Notice) -> bool:
        return (notice.device, notice.camera, notice.zone) in self._store.tools.operational()

    def mark(self, link: Link) -> str:
        """What our request is known by, within its description."""
        return f"{self._mark}-{link.event}"

    def _made_for(self, row: ServiceRequest) -> set[str]:
        """The events whose marks a request holds, each whole: that of 2 begins that of 20, and brackets may be lost."""
        return set(re.findall(re.escape(self._mark) + "-([0-9]+)", row.description))

    def _marks(self, row: ServiceRequest, link: Link) -> bool:
        """Whether a request holds the mark of a link."""
        return str(link.event) in self._made_for(row)

    def _anothers(self, row: ServiceRequest, link: Link) -> bool:
        """Whether a request holds marks of ours and none of this notice's: it was made for another one, linked yet or not."""
        made_for = self._made_for(row)
        if not made_for:
            return False
        return made_for.isdisjoint(str(event.id) for event in self._store.notices.events(link.notice))

    def _nearby(self, code: str, place: Position, link: Link, now: int) -> ServiceRequest | None:
        # Nobody answers for more than 90 days at once.
        since = max(now - self._own.days * 86400, now + SAME_TIME_S - SPAN_MOST_S)
        taken = self._store.endpoints.taken(self._own.id, link.notice)
        rows = [
            row
            for row in self._server.requests(code, since, now + SAME_TIME_S, "open")
            # A server may not know these filters.
            if row.status == "open" and row.service_code in {"", code}
            if row.service_request_id not in taken and not self._anothers(row, link)
        ]
        found = nearest(place, self._own.radius_m, rows, _where)
        return found[0] if found else None

    def _post(self, link: Link, notice: Notice, code: str, place: Position, now: int) -> None:
        fields = {
            **self._own.extra,
            "service_code": code,
            "lat": f"{place.lat:.7f}",
            "long": f"{place.lon:.7f}",
            "description": self._describe(notice, self._own, self.mark(link), place),
        }
        try:
            made = self._server.create(fields)
        except Refused as exc:
            self._step(link, now, state="failed", problem=exc.problem, detail=str(exc))
        except Trouble as exc:
            wait = exc.wait_s or WAITS_S[min(link.tries, len(WAITS_S)) - 1]
            self._step(link, now, state="waiting", next_at=now + wait, problem=exc.problem, detail=str(exc))
            raise
        except MayHave as exc:
            later = now + LOOKS_S[0]
            self._step(
                link, now, state="checking", tries=0, next_at=later, problem=exc.problem, detail=str(exc)
            )
        else:
            if made.service_request_id:
                self._linked(link, made.service_request_id, now, own=True)
            elif made.token:
                self._step(
                    link,
                    now,
                    state="token",
                    token=made.token[:200],
                    own=True,
                    tries=0,
                    next_at=now + WAITS_S[0],
                )
            else:
                # Accepted, and neither id nor token: a "blackbox" service. Only its mark can find it.
                self._step(
                    link, now, state="checking", tries=0, next_at=now + LOOKS_S[0], problem="no_id", own=True
                )

    def _linked(self, link: Link, number: str, now: int, *, own: bool) -> None:
        changes = {
            "state": "linked",
            "request_id": number[:200],
            "own": own,
            "problem": "",
            "detail": "",
            "token": "",
        }
        if self._step(link, now, next_at=0, **changes):
            # The link is what counts; should the step of the notice get lost in a crash, nothing is done twice.
            entry = AuditEntry(now, self._own.channel, "", "", "")
            with contextlib.suppress(NoticeConflict):
                self._store.notices.note(link.notice, f"{'posted' if own else 'found'} {number[:80]}", entry)

    def _look_again(self, link: Link, now: int) -> None:
        """Look for a request that we may have made, open or closed."""
        notice = self._store.notices.notice(link.notice)
        if notice is None:
            self._step(link, now, state="dropped")
            return
        posted = link.posted_at or now
        code, until = self._own.codes.get(notice.kind, ""), min(now, posted + 86400) + SAME_TIME_S
        taken = self._store.endpoints.taken(self._own.id, link.notice)
        rows = [
            row
            for row in self._server.requests(code, posted - 86400, until)
            if row.service_request_id not in taken and not self._anothers(row, link)
        ]
        marked = [row for row in rows if self._marks(row, link)]
        same = [row for row in rows if _same(row, link, posted)]
        found = next(iter(marked or same), None)
        if found is not None:
            self._linked(link, found.service_request_id, now, own=True)
        elif link.tries + 1 < len(LOOKS_S):
            self._step(link, now, tries=link.tries + 1, next_at=now + LOOKS_S[link.tries + 1])
        else:
            # Accepted for sure, or perhaps: a person decides about the second alone.
            self._step(link, now, state="untraced" if link.problem == "no_id" else "asks")

    def _redeem(self, link: Link, now: int) -> None:
        number = self._server.token(link.token)
        if number:
            self._linked(link, number, now, own=True)
        elif now - (link.posted_at or now) >= TOKEN_MOST_S:
            self._step(link, now, state="untraced", problem="token")
        else:
            wait = WAITS_S[min(link.tries, len(WAITS_S) - 1)]
            self._step(link, now, tries=link.tries + 1, next_at=now + wait)


def _where(row: ServiceRequest) -> tuple[float, float] | None:
    return (row.long, row.lat) if row.long is not None and row.lat is not None else None


def _same(row: ServiceRequest, link: Link, posted: int) -> bool:
    at, where = row.requested_datetime, _where(row)
    if at is None or where is None or link.lon is None or link.lat is None:
        return False
    near = distance_m(link.lon, link.lat, *where) <= SAME_PLACE_M
    return near and abs(at - posted) <= SAME_TIME_S
