"""The metrics of zones and lines: their accounts, and the families told of them. Pure.

When a figure may be told is `edge.ledger`'s to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from contract.messages import Interval, LineBody, LineCounts, ParkingBody, ZoneBody
from contract.names import Flag, ObjectClass
from edge.exposition import Family, Sample, sample

Counted = ZoneBody | ParkingBody | LineBody
Place = tuple[str, str, str]  # camera, "zone" or "line", its name


@dataclass(slots=True)
class Account:
    """One zone or line: what it counts, its last entered interval, its sums by figure and class, its flagged seconds."""

    place: Place
    kind: type[Counted]
    classes: tuple[ObjectClass, ...]
    delay_s: float
    last: Counted | None = None
    observed_s: float = 0.0
    sums: Counter[tuple[str, str]] = field(default_factory=Counter)
    flags: Counter[Flag] = field(default_factory=Counter)

    @property
    def labels(self) -> dict[str, str]:
        """Its camera and its name, as labels."""
        camera, what, name = self.place
        return {"camera": camera, what: name}


def told(accounts: list[Account]) -> Iterator[Family]:
    """The families of all zones and lines."""
    zones = [account for account in accounts if account.kind is ZoneBody]
    parking = [account for account in accounts if account.kind is ParkingBody]
    lines = [account for account in accounts if account.kind is LineBody]
    for what, places in (("zone", zones + parking), ("line", lines)):
        yield from _seen(what, places)
    yield from _zones(zones)
    yield from _parking(parking)
    yield _by_way(
        "parvis_line_crossings",
        "gauge",
        "Crossings of the line in its last closed interval.",
        lines,
        _last_crossings,
    )
    yield _by_way(
        "parvis_line_crossings_total",
        "counter",
        "Crossings of the line since the start.",
        lines,
        lambda account, name, way: account.sums[way, name],
    )


def _seen(what: str, places: list[Account]) -> Iterator[Family]:
    """How well each place was seen: without it no count means anything."""

    def each(figure: Callable[[Account, Interval], float]) -> list[Sample]:
        return [
            item
            for place in places
            if place.last is not None
            for item in sample(figure(place, place.last), **place.labels)
        ]

    yield Family(
        f"parvis_{what}_coverage_ratio",
        "gauge",
        f"Part of the last closed interval in which the {what} was really observed.",
        each(lambda _, last: last.observed_s / last.interval_s),
    )
    yield Family(
        f"parvis_{what}_interval_end_timestamp_seconds",
        "gauge",
        "End of the last closed interval told here.",
        each(lambda _, last: last.start.timestamp() + last.interval_s),
    )
    yield Family(
        f"parvis_{what}_observed_seconds_total",
        "counter",
        f"Seconds in which the {what} was really observed, since the start.",
        [item for place in places for item in sample(place.observed_s, **place.labels)],
    )
    yield Family(
        f"parvis_{what}_flagged_seconds_total",
        "counter",
        "Seconds in which the picture was dark, degraded, moved, covered, frozen or lost, since the start.",
        [
            item
            for place in places
            for flag, seconds in sorted(place.flags.items())
            for item in sample(seconds, **place.labels, flag=flag)
        ],
    )


def _zones(zones: list[Account]) -> Iterator[Family]:
    def last(figure: str) -> list[Sample]:
        return [
            item
            for zone in zones
            if isinstance(zone.last, ZoneBody) and zone.last.observed_s > 0
            for name in zone.classes
            for item in sample(_last_figure(zone.last, name, figure), **zone.labels, class_=name)
        ]

    of_last = "in the last closed interval."
    yield Family("parvis_zone_occupancy", "gauge", f"Mean number of objects {of_last}", last("object_s"))
    yield Family("parvis_zone_occupancy_peak", "gauge", f"Most objects at once {of_last}", last("peak"))
    yield Family("parvis_zone_entries", "gauge", f"Entries {of_last}", last("entries"))
    yield Family("parvis_zone_exits", "gauge", f"Exits {of_last}", last("exits"))
    for figure, text in (
        ("entries", "Entries into the zone"),
        ("exits", "Exits from the zone"),
        ("object_seconds", "Presence added up (3 people for 20 s make 60)"),
    ):
        yield Family(
            f"parvis_zone_{figure}_total",
            "counter",
            f"{text}, since the start.",
            [
                item
                for zone in zones
                for name in zone.classes
                for item in sample(zone.sums[figure, name], **zone.labels, class_=name)
            ],
        )


def _last_figure(body: ZoneBody, name: ObjectClass, figure: str) -> float:
    counts = body.counts.get(name)
    if counts is None:
        return 0.0
    return counts.object_s / body.observed_s if figure == "object_s" else float(getattr(counts, figure))


def _parking(parking: list[Account]) -> Iterator[Family]:
    last = [(place.labels, place.last) for place in parking if isinstance(place.last, ParkingBody)]
    yield Family(
        "parvis_parking_bays",
        "gauge",
        "Bays of the car park.",
        [item for labels, body in last for item in sample(body.bays, **labels)],
    )
    yield Family(
        "parvis_parking_occupied_bays",
        "gauge",
        "Mean number of occupied bays in the last closed interval.",
        [
            item
            for labels, body in last
            if body.observed_s > 0
            for item in sample(body.occupied_bay_s / body.observed_s, **labels)
        ],
    )
    for figure, text in (
        ("arrivals", "Bays that became occupied"),
        ("departures", "Bays that became free"),
        ("occupied_bay_seconds", "Occupancy added up (2 bays for 30 s make 60)"),
        ("observed_bay_seconds", "Bays that were observed, added up alike"),
    ):
        samples = [item for place in parking for item in sample(place.sums[figure, ""], **place.labels)]
        yield Family(f"parvis_parking_{figure}_total", "counter", f"{text}, since the start.", samples)


def _by_way(
    name: str,
    kind: str,
    text: str,
    lines: list[Account],
    figure: Callable[[Account, ObjectClass, str], float | None],
) -> Family:
    samples = [
        item
        for line in lines
        for class_ in line.classes
        for way in ("in", "out")
        for item in sample(figure(line, class_, way), **line.labels, class_=class_, direction=way)
    ]
    return Family(name, "counter" if kind == "counter" else "gauge", text, samples)


def _last_crossings(account: Account, name: ObjectClass, way: str) -> float | None:
    if not isinstance(account.last, LineBody) or account.last.observed_s == 0:
        return None
    counts = account.last.counts.get(name, LineCounts(in_=0, out=0))
    return counts.in_ if way == "in" else counts.out
