"""What a box's own metrics say of its zones and lines: the last closed interval, and sums since the start. Pure.

Rules:
1. Live state exists for operational zones only (design.md, section 8). Figures of a statistics zone, and of lines, which
   have no purpose, are entered 15 minutes after their interval closed: in the gauges *and* in the sums, whose
   differences would tell the same.
2. What was not observed is no figure: an interval without an observed second has a coverage of 0 and no occupancy.
3. Sums start at 0 for all that the configuration counts, so that a rate is known from the first count on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from contract.messages import Body, ConfigBody, LineBody, ParkingBody, ZoneBody
from edge.exposition import Family
from edge.place_figures import Account, Counted, Place, told

STATISTICS_DELAY_S: Final = 900.0


class Ledger:
    """The figures of all zones and lines of a box."""

    def __init__(self, configs: Iterable[ConfigBody]) -> None:
        self._accounts = {account.place: account for config in configs for account in _accounts(config)}
        self._waiting: dict[float, deque[tuple[float, Counted]]] = {
            account.delay_s: deque() for account in self._accounts.values()
        }
        self._families: list[Family] | None = None

    def add(self, bodies: Iterable[Body], at: float) -> None:
        """Intervals that closed at ``at``, monotonic seconds; bodies that count no zone or line are passed over."""
        for body in bodies:
            if isinstance(body, ZoneBody | ParkingBody | LineBody):
                account = self._accounts.get(_place(body))
                if account is not None:
                    self._waiting[account.delay_s].append((at + account.delay_s, body))

    def families(self, at: float) -> list[Family]:
        """All that may be told at ``at``."""
        for waiting in self._waiting.values():
            while waiting and waiting[0][0] <= at:
                _enter(self._accounts, waiting.popleft()[1])
                self._families = None
        if self._families is None:
            self._families = list(told(list(self._accounts.values())))
        return self._families


def _place(body: Counted) -> Place:
    return (
        (body.camera, "line", body.line) if isinstance(body, LineBody) else (body.camera, "zone", body.zone)
    )


def _accounts(config: ConfigBody) -> Iterator[Account]:
    for zone in config.zones:
        kind: type[Counted] = ParkingBody if zone.kind == "parking" else ZoneBody
        delay_s = 0.0 if zone.purpose == "operational" else STATISTICS_DELAY_S
        yield Account((config.camera, "zone", zone.id), kind, zone.classes, delay_s)
    for line in config.lines:
        yield Account((config.camera, "line", line.id), LineBody, line.classes, STATISTICS_DELAY_S)


def _enter(accounts: dict[Place, Account], body: Counted) -> None:
    account = accounts[_place(body)]
    account.last = body
    account.observed_s += body.observed_s
    account.flags.update(body.flag_s)
    account.sums.update(_sums(body))


def _sums(body: Counted) -> dict[tuple[str, str], float]:
    """The sums of one interval, by figure and class (parking: the figure alone)."""
    if isinstance(body, ParkingBody):
        return {
            ("arrivals", ""): body.arrivals,
            ("departures", ""): body.departures,
            ("occupied_bay_seconds", ""): body.occupied_bay_s,
            ("observed_bay_seconds", ""): body.observed_bay_s,
        }
    if isinstance(body, LineBody):
        return {
            (way, name): counts.in_ if way == "in" else counts.out
            for name, counts in body.counts.items()
            for way in ("in", "out")
        }
    return {
        key: value
        for name, counts in body.counts.items()
        for key, value in (
            (("entries", name), counts.entries),
            (("exits", name), counts.exits),
            (("object_seconds", name), counts.object_s),
        )
    }
