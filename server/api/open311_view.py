"""Notices and reports of others as service requests, one row each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Final

from fastapi import Request

from server.access import settings_of, store_of
from server.notices import CaseKind, Notice
from server.open311 import STATUS, ServiceRequest, Status, request_tree
from server.open311_telling import KNOWN_S, Places
from server.pages.open311_words import attributes_said, described, where_said
from server.pages.render import texts_of
from server.store.base import Store
from server.store.open311_base import Known, Told

ROWS: Final = 1000
REACH_MOST: Final = 5000
_ID: Final = re.compile(r"([nr])([1-9][0-9]{0,15})")


class View:
    """Notices and reports of others, as one kind of rows."""

    def __init__(self, request: Request, *, extended: bool) -> None:
        self._store: Store = store_of(request)
        self._texts = texts_of(request)
        self._agency = settings_of(request).operator
        self._extended = extended
        self._places = Places(self._store)
        self._operational = self._store.tools.operational()

    def page(
        self,
        since: int,
        until: int,
        kinds: tuple[CaseKind, ...],
        status: Status | None,
        now: int,
        first: int,
        end: int,
    ) -> list[dict[str, Any]]:
        """Rows ``first`` to ``end`` of those that match."""
        others = [
            own
            for own in self._store.tools.known(since, limit=REACH_MOST)
            if own.received_at <= until and own.notice is None and own.kind in kinds
        ]
        told = self._store.tools.told(since=since, until=until, kinds=kinds, status=status, limit=end + ROWS)
        found: list[tuple[int, Told | Known]] = [(own.requested_at, own) for own in told]
        found += [(own.received_at, own) for own in others if status in {None, known_status(own, now)}]
        ordered = (own for _, own in sorted(found, key=lambda each: -each[0]))
        # Words are made of the rows that are answered alone.
        return [make() for make in islice(self._shown_ones(ordered, now), first, end)]

    def _shown_ones(self, found: Iterable[Told | Known], now: int) -> Iterator[Callable[[], dict[str, Any]]]:
        for own in found:
            if isinstance(own, Known):
                yield partial(self._known, own, now)
            elif (notice := self._shown(own.notice)) is not None:
                yield partial(self._row, own, notice)

    def by_id(self, number: str, now: int) -> dict[str, Any] | None:
        """One row."""
        match = _ID.fullmatch(number)
        if match is None:
            return None
        which = int(match[2])
        if match[1] == "n":
            return next((self._told(own) for own in self._store.tools.told_of([which])), None)
        return next((self._known(own, now) for own in self._store.tools.known(0, ids=[which])), None)

    def _shown(self, number: int) -> Notice | None:
        """A notice, if it is of a zone that is operational now."""
        own = self._store.notices.notice(number)
        return own if own and (own.device, own.camera, own.zone) in self._operational else None

    def _told(self, own: Told) -> dict[str, Any] | None:
        notice = self._shown(own.notice)
        return self._row(own, notice) if notice else None

    def _row(self, own: Told, notice: Notice) -> dict[str, Any]:
        place = self._places.at(notice)
        tree = request_tree(
            ServiceRequest(
                f"n{own.notice}",
                STATUS[own.state],
                own.state,
                self._texts(f"o311.kind.{own.kind}"),
                own.kind,
                described(notice, place, self._texts),
                self._agency,
                requested_datetime=own.requested_at,
                updated_datetime=own.updated_at,
                address=where_said(self._places, notice, self._texts),
                lat=place.lat if place else None,
                long=place.lon if place else None,
            )
        )
        return {**tree, "attributes": self._attributes(notice)} if self._extended else tree

    def _attributes(self, notice: Notice) -> list[dict[str, str]]:
        return [
            {"code": code, "name": self._texts(f"o311.attribute.{code}"), "value": value}
            for code, value in attributes_said(notice)
        ]

    def _known(self, own: Known, now: int) -> dict[str, Any]:
        status, notes, updated = known_status(own, now), "reported", own.received_at
        if own.notice is not None:
            notes = f"duplicate of n{own.notice}"
            for told in self._store.tools.told_of([own.notice]):
                status, updated = STATUS[told.state], max(updated, told.updated_at)
        elif status == "closed":
            notes = "expired"
        return request_tree(
            ServiceRequest(
                f"r{own.id}",
                status,
                notes,
                self._texts(f"o311.kind.{own.kind}"),
                own.kind,
                requested_datetime=own.received_at,
                updated_datetime=updated,
                lat=own.lat,
                long=own.lon,
            )
        )


def known_status(own: Known, now: int) -> Status:
    """A report that nobody took over is over after `KNOWN_S`."""
    return "open" if now - own.received_at < KNOWN_S else "closed"
