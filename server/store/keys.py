"""Which records ever arrived, as ranges of numbers: what keeps a record from being counted again once it was purged.

Rule: a key that lies in a range was stored once. If its record is still there, payloads are compared; if not, it was
purged, and the server has had it.

A box numbers its records without gaps, so a run is mostly one range: some 100 bytes for a month of counting.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

Key = tuple[str, str, int]
Span = tuple[int, int]

_LOAD: Final = "SELECT first, last FROM received_keys WHERE device = ? AND run = ? AND first <= ? AND last >= ? ORDER BY first"
_FORGET: Final = "DELETE FROM received_keys WHERE device = ? AND run = ? AND first = ?"
_STORE: Final = "INSERT INTO received_keys (device, run, first, last) VALUES (?, ?, ?, ?)"


def key_of(text: str) -> Key:
    """Device, run (or case) and number of a record's key."""
    device, run, number = text.rsplit("/", 2)
    return device, run, int(number)


def joined(spans: Iterable[Span]) -> list[Span]:
    """Inclusive spans, sorted, with those that touch or overlap made one."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


class Received:
    """The ranges round the keys of one batch, inside the caller's transaction."""

    def __init__(self, db: Any, keys: Iterable[str]) -> None:
        self._db = db
        self._new: dict[tuple[str, str], list[Span]] = {}
        numbers: dict[tuple[str, str], list[int]] = {}
        for device, run, number in map(key_of, keys):
            numbers.setdefault((device, run), []).append(number)
        # One further at each end: a range that only touches is to grow, not to get a neighbour.
        self._known: dict[tuple[str, str], list[Span]] = {
            run: [tuple(row) for row in db.execute(_LOAD, (*run, max(found) + 1, min(found) - 1))]
            for run, found in numbers.items()
        }

    def __contains__(self, key: str) -> bool:
        device, run, number = key_of(key)
        return any(first <= number <= last for first, last in self._known[device, run])

    def add(self, key: str) -> None:
        """Note a record that was stored just now."""
        device, run, number = key_of(key)
        self._new.setdefault((device, run), []).append((number, number))

    def store(self) -> None:
        """Write what was noted."""
        for run, new in self._new.items():
            before = self._known.get(run, [])
            after = joined([*before, *new])
            for first, _ in set(before) - set(after):
                self._db.execute(_FORGET, (*run, first))
            for span in set(after) - set(before):
                self._db.execute(_STORE, (*run, *span))
        self._new.clear()
