"""Takes the vital signs of a station and of the spool. Part of the composition root."""

from __future__ import annotations

import time
from collections import Counter

from contract.names import UNOBSERVED_FLAGS
from edge.spool_rows import SpoolStats
from edge.station import Station
from edge.vitals import Backlog, CameraVitals, RoadVitals, frame_limit_s


def camera_vitals(station: Station) -> CameraVitals:
    """One camera now."""
    camera, timing = station.camera, station.timing
    return CameraVitals(
        camera=station.entry.id,
        state=camera.state,
        fps=camera.fps,
        dropped=camera.dropped,
        reconnects=camera.reconnects,
        frame_at=timing.frame_at,
        looked_at=timing.looked_at,
        coming_at=timing.coming_at,
        frame_s=frame_limit_s(station.entry.max_fps),
        flags=frozenset(station.faults),
        roads=_roads(station),
    )


def _roads(station: Station) -> tuple[RoadVitals, ...]:
    cases = Counter(zone for zone, _ in station.roads.open_cases)
    # The road is not even looked at then, and would be said to be as it was.
    blind = station.camera.state != "live" or bool(UNOBSERVED_FLAGS.intersection(station.faults))
    return tuple(
        RoadVitals(zone, "blind" if blind else sight, cases[zone])
        for zone, sight in station.roads.sight.items()
    )


def backlog(stats: SpoolStats, old: Backlog | None, at: float) -> Backlog:
    """The spool now, at ``at``, monotonic seconds, and the moments of its last losses, which show as growth."""
    merged = stats.merged_total
    acknowledged = stats.last_acknowledged

    def since(now: int, then: int, moment: float | None) -> float | None:
        return at if now > then else moment

    before = old or Backlog(
        rejected=stats.rejected_total, dropped=stats.dropped_total, merged=merged
    )  # what an earlier run lost is its own
    return Backlog(
        pending=stats.pending,
        age_s=None if stats.oldest_at is None else _age(stats.oldest_at, old, at),
        at=at,
        dead_letters=stats.dead_letters,
        bytes=stats.bytes,
        held=stats.held,
        degraded=stats.degraded,
        accepted=stats.accepted_total,
        rejected=stats.rejected_total,
        dropped=stats.dropped_total,
        merged=merged,
        refused_at=since(stats.rejected_total, before.rejected, before.refused_at),
        dropped_at=since(stats.dropped_total, before.dropped, before.dropped_at),
        merged_at=since(merged, before.merged, before.merged_at),
        acknowledged_unix=None if acknowledged is None else acknowledged.timestamp(),
    )


def _age(oldest_at: float, old: Backlog | None, at: float) -> float:
    """For how long the oldest record has waited; a wall clock that was set forward makes nothing older.

    Nothing that waits now can have waited longer than the oldest did before, plus the time since.
    """
    age = max(0.0, time.time() - oldest_at)
    if old is None or old.at is None:
        return age
    return min(age, (old.age_s or 0.0) + max(0.0, at - old.at))
