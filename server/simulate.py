"""`parvis server simulate`: what the boxes of an invented French town would have sent over months. Pure.

Rules:
1. The same arguments give the same records, byte for byte.
2. Records are those of the wire, as JSON would carry them; whoever takes them in checks them like any box's.
3. A delivery is what one box hands over at one time: a day's records at its end, or all of an outage when it is over.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from server.simulate_body import Story
from server.simulate_cases import cases
from server.simulate_faults import faults
from server.simulate_town import Site, plan
from server.simulate_world import Calendar, World, world

DAY_S: Final = 86400
MONTH_S: Final = 2_629_800  # a twelfth of 365.25 days
STEPS: Final = (60, 300, 900)
DELAY_S: Final = 40  # an interval closes 30 s after its end (design.md, section 4), and travels


@dataclass(frozen=True, slots=True)
class Wish:
    """What to invent.

    Args:
        sites: 1 to 200.
        months: length of the series, 0.03 to 60.
        seed: of everything.
        end: the series' end, seconds since 1970, UTC; cut to a quarter of an hour.
        interval_s: of the records: 60, 300 or 900.
        tz: where the town lies.
        calendar: its public and school holidays.
        grid_days: for how long before the end presence grids are made.

    Raises:
        ValueError: for a value that cannot be had.
    """

    sites: int
    months: float
    seed: int
    end: int
    interval_s: int = 900
    tz: str = "Europe/Paris"
    calendar: Calendar = field(default_factory=Calendar)
    grid_days: int = 28

    def __post_init__(self) -> None:
        if self.interval_s not in STEPS:
            raise ValueError(
                f"the interval must be one of {', '.join(map(str, STEPS))} s (got {self.interval_s})"
            )
        if not 0.03 <= self.months <= 60:
            raise ValueError(f"the months must be within 0.03..60 (got {self.months:g})")
        if self.seed < 0:
            raise ValueError(f"the seed must not be negative (got {self.seed})")
        if self.start < 1_704_067_200:
            raise ValueError(
                "the series would begin before 2024, from when on no server believes a time; take fewer months"
            )
        plan(self.sites, self.seed)

    @property
    def start(self) -> int:
        """The series' start: a whole hour."""
        return (self.end - round(self.months * MONTH_S)) // 3600 * 3600


@dataclass(frozen=True, slots=True, order=True)
class Delivery:
    """What one box hands over at ``at``, seconds since 1970."""

    at: int
    device: str
    items: list[dict[str, Any]] = field(compare=False)


def deliveries(wish: Wish) -> Iterator[Delivery]:
    """Everything the town's boxes delivered until the end, in the order in which it arrived."""
    end = wish.end // 900 * 900
    shared = world(wish.start, end, wish.interval_s, ZoneInfo(wish.tz), wish.calendar, wish.seed)
    boxes = [_box(wish, shared, number, site) for number, site in enumerate(plan(wish.sites, wish.seed))]
    return heapq.merge(*boxes)


def run_of(seed: int, site: Site, number: int) -> str:
    """The id of a box's run: 16 hexadecimal digits."""
    return hashlib.sha256(f"parvis {seed} {site.device} {number}".encode()).hexdigest()[:16]


def _box(wish: Wish, shared: World, number: int, site: Site) -> Iterator[Delivery]:
    """The deliveries of one box."""
    told = faults(shared, number, wish.seed)
    story = Story(
        site, shared, told, np.random.default_rng([wish.seed, 4, number]), wish.end - wish.grid_days * DAY_S
    )
    slots = DAY_S // shared.step
    lain = cases(site, wish.start, int(shared.starts[-1]) + shared.step, wish.seed, number)
    held: list[dict[str, Any]] = []
    run, seq, name = -1, 0, ""
    for first in range(0, len(shared), slots):
        last = min(first + slots, len(shared))
        for slot in range(first, last):
            found = []
            while run + 1 < len(told.runs) and told.runs[run + 1] <= slot:
                run, seq = run + 1, 0
                name = run_of(wish.seed, site, run)
                found = [story.config(slot)]
            if not told.off[slot]:
                found += story.at(slot)
            while lain and not told.off[slot] and lain[0][0] < shared.starts[slot] + shared.step:
                found.append(lain.pop(0)[1])
            for item in found:
                item |= {"device": site.device, "run": name, "seq": seq}
                seq += 1
            held += found
        if held and not any(begun <= last - 1 < over for begun, over in told.offline):
            yield Delivery(int(shared.starts[last - 1]) + shared.step + DELAY_S, site.device, held)
            held = []
