"""From what was counted in an interval to the body of its record."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contract.messages import (
    Body,
    IntervalSeconds,
    LineBody,
    LineCounts,
    ParkingBody,
    ZoneBody,
    ZoneCounts,
)
from contract.names import (
    BINS,
    CLASSES,
    STAY_BOUNDS_S,
    VEHICLES,
    Flag,
    ObjectClass,
    TimeQuality,
    dwell_bounds,
)
from edge.crossing import LineFlow
from edge.drift import Balance, add
from edge.flow import Visit, ZoneFlow
from edge.parking import BayWatch
from edge.presence import Observed, Span, peak, seconds, seen
from edge.zones import CountLine, Layout, Zone


@dataclass(frozen=True, slots=True)
class Watched:
    """The live counters of one camera, by the id of their zone or line."""

    flows: dict[str, ZoneFlow]
    bays: dict[str, BayWatch]
    lines: dict[str, LineFlow]

    def forget(self, before: float) -> None:
        """Drop what ended before an instant."""
        for flow in self.flows.values():
            flow.forget(before)
        for bays in self.bays.values():
            bays.forget(before)
        for line in self.lines.values():
            line.forget(before)


class Closer:
    """Builds the records of one camera's intervals."""

    def __init__(
        self,
        camera: str,
        layout: Layout,
        watched: Watched,
        observed: Observed,
        interval_s: IntervalSeconds,
        time_quality: TimeQuality,
    ) -> None:
        self._camera, self._layout, self._watched, self._observed = camera, layout, watched, observed
        self._interval_s, self._time_quality = interval_s, time_quality
        self._began, self._ended = 0.0, float("inf")
        self.flagged: dict[Flag, list[Span]] = {}
        self.balances: dict[str, dict[ObjectClass, Balance]] = {zone: {} for zone in watched.flows}

    def begin(self, at: float) -> None:
        """The first moment of the run: seconds before it are nobody's loss."""
        self._began = at

    def end(self, at: float) -> None:
        """The last moment of the run: seconds after it are another run's."""
        self._ended = at

    def close(self, start: float, end: float, utc: datetime) -> list[Body]:
        """The bodies of [start, end), seconds within the run; ``utc`` is the interval's start."""
        observed = self._observed.spans(start, end)
        common = self._common(start, end, utc, observed)
        bodies: list[Body] = []
        for zone in self._layout.zones:
            build = self._parking if zone.kind == "parking" else self._zone
            bodies.append(build(zone, start, end, observed, common))
        bodies += [self._line(line, start, end, common) for line in self._layout.lines]
        for zone_id, flow in self._watched.flows.items():
            add(self.balances[zone_id], _real(flow.visits), (start, end), (self._began, self._ended))
        return bodies

    def _common(self, start: float, end: float, utc: datetime, observed: Sequence[Span]) -> dict[str, Any]:
        seen_s = min(round(seconds(observed), 3), float(self._interval_s))
        # What was due while the run lasted and was not seen: the camera was away.
        due_s = min(end, self._ended) - max(start, min(self._began, end))
        lost_s = round(due_s - seen_s, 3)
        return {
            "camera": self._camera,
            "start": utc,
            "interval_s": self._interval_s,
            "observed_s": seen_s,
            "flag_s": self._flags(end, observed) | ({"lost": lost_s} if lost_s >= 0.5 else {}),
            "time_quality": self._time_quality,
        }

    def _flags(self, end: float, observed: Sequence[Span]) -> dict[Flag, float]:
        """Seconds of each flag within the observed spans, above none; what ended before ``end`` is forgotten."""
        found = {name: round(seconds(seen(spans, observed)), 3) for name, spans in self.flagged.items()}
        self.flagged = {name: [s for s in spans if s[1] > end] for name, spans in self.flagged.items()}
        return {
            name: least
            for name, flagged_s in found.items()
            if (least := min(flagged_s, self._interval_s)) > 0
        }

    def _zone(
        self, zone: Zone, start: float, end: float, observed: Sequence[Span], common: dict[str, Any]
    ) -> ZoneBody:
        visits = _real(self._watched.flows[zone.id].visits)
        counts = {}
        for name in zone.classes:
            counted = _zone_counts(name, _of(visits, (name,)), start, end, observed)
            if counted is not None:
                counts[name] = counted
        vehicles = tuple(name for name in zone.classes if name in VEHICLES)
        together = seen(_spans(_of(visits, vehicles)), observed)
        return ZoneBody(
            **common,
            zone=zone.id,
            zone_version=zone.version,
            counts=counts,
            peak_vehicle=peak(together),
        )

    def _parking(
        self, zone: Zone, start: float, end: float, observed: Sequence[Span], common: dict[str, Any]
    ) -> ParkingBody:
        shared = {**common, "zone": zone.id, "zone_version": zone.version}
        bays = self._watched.bays.get(zone.id)
        if bays is None:
            return self._capacity(zone, start, end, observed, shared)
        stays = bays.stays()
        ended = [stay for stay in stays if start <= stay.end < end]
        complete = [stay for stay in ended if stay.arrived and stay.departed]
        return ParkingBody(
            **shared,
            **_occupancy(seen(bays.spans(), observed), len(bays), common["observed_s"]),
            bay_mode="drawn",
            arrivals=sum(stay.arrived and start <= stay.start < end for stay in stays),
            departures=sum(stay.departed for stay in ended),
            stay=histogram([stay.end - stay.start for stay in complete], STAY_BOUNDS_S),
            stay_censored=len(ended) - len(complete),
        )

    def _capacity(
        self, zone: Zone, start: float, end: float, observed: Sequence[Span], shared: dict[str, Any]
    ) -> ParkingBody:
        """A parking zone without drawn bays: the vehicles inside, at most its capacity."""
        visits = _of(_real(self._watched.flows[zone.id].visits), zone.classes)
        spans = seen(_spans(visits), observed)
        ended = [visit for visit in visits if start <= visit.end < end]
        return ParkingBody(
            **shared,
            **_occupancy(spans, zone.capacity or 1, shared["observed_s"]),
            bay_mode="capacity",
            arrivals=sum(visit.entered and start <= visit.start < end for visit in visits),
            departures=sum(visit.exited for visit in ended),
            stay=None,
            stay_censored=0,
        )

    def _line(self, line: CountLine, start: float, end: float, common: dict[str, Any]) -> LineBody:
        counts: dict[ObjectClass, LineCounts] = {}
        crossings = [
            crossing
            for crossing in self._watched.lines[line.id].crossings
            if start <= crossing.at < end and crossing.subject.real
        ]
        for name in line.classes:
            ways = [
                crossing.direction for crossing in crossings if CLASSES[crossing.subject.class_id] == name
            ]
            if ways:
                counts[name] = LineCounts(in_=ways.count("in"), out=ways.count("out"))
        return LineBody(**common, line=line.id, counts=counts)


def histogram(values: Iterable[float], bounds: Sequence[int]) -> tuple[int, ...]:
    """Counts in the bins [lower, upper) that the bounds part; the last bin is open."""
    bins = [0] * BINS
    for value in values:
        bins[bisect_right(bounds, value)] += 1
    return tuple(bins)


def _occupancy(spans: Sequence[Span], bays: int, seen_s: float) -> dict[str, Any]:
    """The occupancy fields of a parking record: never more than there are bays."""
    room = round(bays * seen_s, 3)
    return {
        "bays": bays,
        "occupied_bay_s": min(round(seconds(spans), 3), room),
        "observed_bay_s": room,
        "peak": min(peak(spans), bays),
    }


def _zone_counts(
    name: ObjectClass, visits: Sequence[Visit], start: float, end: float, observed: Sequence[Span]
) -> ZoneCounts | None:
    """The counts of one class, or None when there was nothing at all."""
    spans = seen(_spans(visits), observed)
    entries = sum(visit.entered and start <= visit.start < end for visit in visits)
    ended = [visit for visit in visits if start <= visit.end < end]
    if not spans and not entries and not ended:
        return None
    complete = [visit for visit in ended if visit.entered and visit.exited]
    return ZoneCounts(
        object_s=round(seconds(spans), 3),
        peak=peak(spans),
        entries=entries,
        exits=sum(visit.exited for visit in ended),
        dwell=histogram([visit.end - visit.start for visit in complete], dwell_bounds(name)),
        dwell_censored=len(ended) - len(complete),
    )


def _real(visits: Iterable[Visit]) -> list[Visit]:
    return [visit for visit in visits if visit.subject.real]


def _of(visits: Iterable[Visit], names: Sequence[ObjectClass]) -> list[Visit]:
    return [visit for visit in visits if CLASSES[visit.subject.class_id] in names]


def _spans(visits: Iterable[Visit]) -> list[Span]:
    return [(visit.start, visit.end) for visit in visits]
