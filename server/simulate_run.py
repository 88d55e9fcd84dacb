"""The invented town into a store, by the way every box's records take: `settle` checks, judges and files each one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import holidays

from server.api.ingest import settle
from server.credentials import new_token, token_hash
from server.errors import AccountError
from server.simulate import Delivery, Wish, deliveries
from server.simulate_crew import work
from server.simulate_desk import furnish
from server.simulate_town import plan
from server.simulate_world import Calendar
from server.sites import SchoolZone
from server.store.base import AuditEntry, Device, Store

ACTOR: Final = "simulate"
Progress = Callable[[float], None]  # share done, 0 to 1


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, and how quickly.

    Args:
        sites: what the town has: device, kind, labels, place, market days.
        records: number of records by type.
        accepted, rejected, quarantined: what became of them.
        seconds: of the whole; ``per_s`` records a second.
    """

    sites: tuple[dict[str, Any], ...]
    records: dict[str, int]
    accepted: int
    rejected: int
    quarantined: int
    seconds: float
    per_s: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def calendar_of(start: int, end: int, zone: str) -> Calendar:
    """French public holidays, and the school holidays of an academic zone, ``A``, ``B`` or ``C``."""
    years = range(datetime.fromtimestamp(start, UTC).year, datetime.fromtimestamp(end, UTC).year + 1)

    def days(**options: Any) -> frozenset[date]:
        return frozenset(holidays.country_holidays("FR", years=years, **options))

    return Calendar(days(), days(subdiv=f"Zone {zone}", categories=("school",)))


def write(store: Store, wish: Wish, progress: Progress = lambda _: None, school: SchoolZone = "B") -> Written:
    """Enrol the town's boxes, take in everything they delivered, and enter its sites and markets.

    Raises:
        AccountError: when the store holds records or devices: what is invented must not stand beside what was counted.
        StoreError: when it cannot be written.
    """
    if store.records.count() or store.accounts.devices():
        raise AccountError(
            "this folder holds devices or records already, and invented figures must not stand beside counted ones;"
            " name a new folder"
        )
    began = time.perf_counter()
    sites = plan(wish.sites, wish.seed)
    for site in sites:
        entry = AuditEntry(wish.start, ACTOR, "device.add", site.device, f"invented, seed {wish.seed}")
        store.accounts.add_device(site.device, token_hash(new_token()), entry)
    counted, answers = _take(store, deliveries(wish), wish, progress)
    furnish(store, sites, school, wish.start)
    work(store, wish.end, ZoneInfo(wish.tz))
    seconds = time.perf_counter() - began
    return Written(
        sites=tuple(
            {
                "device": site.device,
                "kind": site.kind,
                "label_fr": site.label_fr,
                "label_en": site.label_en,
                "lon": site.lon,
                "lat": site.lat,
                "market": sorted(site.market),
            }
            for site in sites
        ),
        records=dict(sorted(counted.items())),
        accepted=answers["accepted"],
        rejected=answers["rejected"],
        quarantined=answers["quarantined"],
        seconds=round(seconds, 2),
        per_s=round(sum(counted.values()) / seconds, 1),
    )


def _take(
    store: Store, arriving: Iterable[Delivery], wish: Wish, progress: Progress
) -> tuple[Counter[str], Counter[str]]:
    counted: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    for delivery in arriving:
        device = Device(delivery.device, wish.start, None, None)
        answer = settle(delivery.items, device, store, delivery.at)
        counted.update(item["type"] for item in delivery.items)
        answers["accepted"] += len(answer["accepted"])
        answers["rejected"] += len(answer["rejected"])
        answers["quarantined"] += sum(item.get("time_quality") == "unsynced" for item in delivery.items)
        progress((delivery.at - wish.start) / max(1, wish.end - wish.start))
    return counted, answers
