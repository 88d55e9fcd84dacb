"""The count errors of places from the store: their tallies, and the shape of their zones now."""

from __future__ import annotations

from collections.abc import Iterable

from server.reading import HOUR_S, Reader, View
from server.sites import PlaceKey, key_of
from server.store.base import Store
from server.tallies import Found, found


def version_at(reader: Reader, view: View, start: int, end: int) -> str:
    """The shape of a zone in force at the end of a period; empty where its records name none."""
    rows = reader.sums(view, start - start % HOUR_S, end)
    return max(rows, key=lambda row: row.start).version if rows else ""


def versions_of(reader: Reader, views: Iterable[View], tallied: set[PlaceKey]) -> dict[PlaceKey, str]:
    """The shapes of the zones that were tallied, as they are now."""
    return {
        key_of(view.place): version_at(reader, view, view.last_end - HOUR_S, view.last_end)
        for view in views
        if key_of(view.place) in tallied and view.last_end is not None
    }


def errors_of(reader: Reader, store: Store, views: Iterable[View]) -> list[Found]:
    """The count errors of these places."""
    shown = list(views)
    keys = {key_of(view.place) for view in shown}
    alone = next(iter(keys)) if len(keys) == 1 else None
    every = [one for one in store.tallies.tallies(alone) if one.key in keys]
    return found(every, versions_of(reader, shown, {one.key for one in every}))
