"""What became, at another server, of the requests that notices are linked to (GeoReport v2).

Rules:
1. Closed there, a notice ends here, as ``cleared``, or ``not_ours`` where the status notes say so by the words the
   administrator gave; free text of others is kept nowhere.
2. Lists of ids are asked for first and judged at once. What they leave out is asked for by itself, `ONES_AT_ONCE` a turn and in
   turn, so that neither a slow server nor one odd request holds up the others.
3. A list is asked for by its ETag only while nothing of it is left to do: an answer of "unchanged" brings nothing that was missed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from server.notices import ENDED, NoticeConflict, NoticeState, may
from server.open311 import ServiceRequest
from server.open311_client import IDS_AT_ONCE, GeoReport, Refused
from server.store.base import AuditEntry, Store
from server.store.open311_base import Endpoint, Link

ONES_AT_ONCE: Final = 20


@dataclass(slots=True)
class Memory:
    """What is known of a server from one turn to the next; a restart may forget it.

    ``etags``: by the ids asked for; ``asked``: the link that was asked for last by itself.
    """

    etags: dict[str, str] = field(default_factory=dict)
    asked: int = 0


class Following:
    """One server's linked requests, asked for again."""

    def __init__(self, store: Store, own: Endpoint, server: GeoReport, memory: Memory) -> None:
        self._store = store
        self._own = own
        self._server = server
        self._memory = memory
        self._heard = False
        self._no_key: Refused | None = None

    def poll(self, now: int, stop: Callable[[], bool]) -> bool:
        """Ask for every linked request, or for those whose turn it is; False when told to stop before the end.

        Raises:
            Trouble: when the server cannot be asked; what it had said until then was judged.
        """
        self._heard, self._no_key = False, None
        links = self._store.endpoints.due(self._own.id, ("linked",), now, 10_000)
        parts = [
            {link.request_id: link for link in links[begin : begin + IDS_AT_ONCE]}
            for begin in range(0, len(links), IDS_AT_ONCE)
        ]
        before = self._memory.etags
        self._memory.etags = {name: before[name] for part in parts if (name := ",".join(part)) in before}
        missing: list[Link] = []
        for part in parts:
            if stop():
                return False
            missing += self._list(part, now)
        # Those that were not asked for last time come first.
        missing.sort(key=lambda link: (link.id <= self._memory.asked, link.id))
        for link in missing[:ONES_AT_ONCE]:
            if stop():
                return False
            # Noted before it is asked for: should this one bring trouble each time, the next turn begins behind it.
            self._memory.asked = link.id
            self._one(link, now)
        # Some servers say of a single hidden request what they say of a wrong key: it is the key if nothing could be read.
        if self._no_key is not None and not self._heard:
            raise self._no_key
        return True

    def _list(self, part: dict[str, Link], now: int) -> list[Link]:
        """Ask for a list and judge it; what it left out."""
        asked = ",".join(part)
        etags = self._memory.etags
        try:
            rows, etag = self._server.by_ids(list(part), etags.get(asked, ""))
        except Refused as exc:
            # Some servers know no lists of ids, or take none with an unknown one.
            self._no_key = exc if exc.problem == "key" else self._no_key
            etags.pop(asked, None)
            return list(part.values())
        if rows is None:
            self._heard = True
            return []
        # Others answer a list of ids with what they like.
        own = [row for row in rows if row.service_request_id in part]
        seen = {row.service_request_id for row in own}
        self._heard = self._heard or bool(seen)
        settled = [self._judge(part[row.service_request_id], row, now) for row in own]
        missing = [link for number, link in part.items() if number not in seen]
        if etag and all(settled) and not missing:
            etags[asked] = etag
        else:
            etags.pop(asked, None)
        return missing

    def _one(self, link: Link, now: int) -> None:
        try:
            row = self._server.one(link.request_id)
        except Refused as exc:
            # Not seen this time, whatever the reason (gone, hidden): that holds up no other.
            if exc.problem == "key":
                self._no_key = exc
                return
            row = None
        self._heard = True
        if row is not None:
            self._judge(link, row, now)

    def _judge(self, link: Link, row: ServiceRequest, now: int) -> bool:
        """End what was closed there; False when that has to be tried again."""
        return row.status != "closed" or self._closed(link, row, now)

    def _closed(self, link: Link, row: ServiceRequest, now: int) -> bool:
        """Their answer ends our notice; then the link, so that a crash between them does the first again."""
        told, number = row.status_notes.casefold(), row.service_request_id
        after: NoticeState = "cleared"
        if any(words.casefold() in told for words in self._own.not_ours if words):
            after = "not_ours"
        for _ in range(3):
            notice = self._store.notices.notice(link.notice)
            if notice is None or notice.state in ENDED or not may(notice.state, after):
                break
            entry = AuditEntry(now, self._own.channel, "", "", "")
            try:
                self._store.notices.move(
                    notice.id, notice.version, after, entry, detail=f"closed {number[:80]}"
                )
            except NoticeConflict:
                continue
            break
        else:
            # Somebody changes it all the time: the next poll tries again.
            return False
        self._store.endpoints.step(link, now, state="closed")
        return True
