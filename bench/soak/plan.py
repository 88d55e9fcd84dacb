"""Which faults come, in what order, and what `/healthz` must say of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from bench.soak.box import INTERVAL_S, Box
from bench.soak.camera import FilmCamera
from bench.soak.town import Link, Server
from contract.names import HealthReason
from edge.vitals import DELIVERY_SLACK_S, FRAME_S

DAY_S: Final = 86_400
# Of the figures of docs/health.md: confirmed within the interval, 330 s and the time that the box takes to publish it.
UNDELIVERED_S: Final = INTERVAL_S + DELIVERY_SLACK_S + 30.0 + 20.0
UNSEEN_S: Final = FRAME_S + 20.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault.

    ``told``: one of these must be said once it has lasted ``told_s``; nothing but these and ``also`` may be said of it.
    ``blind``: no picture reaches the box.
    """

    name: str
    begin: Callable[[], None]
    end: Callable[[], None]
    told: frozenset[HealthReason] = frozenset()
    told_s: float = 0.0
    also: frozenset[HealthReason] = frozenset()
    blind: bool = False
    least_s: float = 0.0


def faults(camera: FilmCamera, server: Server, link: Link, box: Box) -> list[Fault]:
    """All that can be had here, in the order in which they come."""
    undelivered: frozenset[HealthReason] = frozenset({"not_delivering"})

    def away(name: str, least_s: float = 0.0) -> Fault:
        return Fault(name, server.kill, server.start, undelivered, UNDELIVERED_S, least_s=least_s)

    def linked(name: str, mode: str) -> Fault:
        begin, end = (lambda: setattr(link, "mode", mode)), (lambda: setattr(link, "mode", "well"))
        return Fault(name, begin, end, undelivered, UNDELIVERED_S)

    def unseen(name: str, mode: str) -> Fault:
        begin, end = (lambda: setattr(camera, "mode", mode)), (lambda: setattr(camera, "mode", "play"))
        return Fault(name, begin, end, frozenset({"camera_lost"}), UNSEEN_S, blind=True)

    found = [unseen("camera gone", "gone"), away("server killed"), linked("answers of 500", "error")]
    if box.has_disk:
        refuses: frozenset[HealthReason] = frozenset({"disk_full", "disk_refuses"})
        # What waits in memory goes out from there, so delivery holds; `disk_low` is passed on the way.
        full = Fault("disk full", box.fill_disk, box.free_disk, refuses, 30.0, frozenset({"disk_low"}))
        found.append(full)
    found += [linked("slow link", "slow"), unseen("camera mute", "mute"), linked("answers lost", "lost")]
    if box.has_clock:
        found += [
            Fault(f"clock set {name}", *_clock(box, off_s))
            for name, off_s in (("a day on", DAY_S), ("14 days back", -14 * DAY_S))
        ]
    return [*found, away("server away for long", UNDELIVERED_S + 60.0)]


def _clock(box: Box, off_s: float) -> tuple[Callable[[], None], Callable[[], None]]:
    """Set by hand: the kernel no longer vouches for it."""
    return lambda: box.set_clock(off_s, synced=False), lambda: box.set_clock(0, synced=True)


def endless(kinds: list[Fault]) -> Iterator[Fault]:
    """One after the other, again and again."""
    while True:
        yield from kinds
