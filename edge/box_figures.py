"""The metrics of the box itself: cameras, spool, machine, verdict. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from contract.names import HealthReason
from contract.version import VERSION
from edge.exposition import Family, Sample, sample
from edge.vitals import VERDICTS, Backlog, CameraVitals, Judgement, RoadSight, Vitals


@dataclass(frozen=True, slots=True)
class Looks:
    """The looks of one camera's detector and counters at pictures since the start, and the name of its model."""

    count: int
    seconds: float
    model: str


def families(
    vitals: Vitals, judgement: Judgement, looks: Mapping[str, Looks], now: float
) -> Iterator[Family]:
    """All but zones and lines, at ``now``, monotonic seconds."""
    yield Family("parvis_build_info", "gauge", "1; the version counts.", sample(1, version=VERSION))
    yield from _verdict(judgement)
    yield from _cameras(vitals.cameras, now)
    yield Family(
        "parvis_inference_seconds",
        "summary",
        "Time that a look at one picture takes: detection and counting.",
        [
            item
            for camera, look in looks.items()
            for item in (
                *sample(look.seconds, "_sum", camera=camera, model=look.model),
                *sample(look.count, "_count", camera=camera, model=look.model),
            )
        ],
    )
    yield from _moments(vitals, now)
    if vitals.backlog is not None:
        yield from _spool(vitals.backlog)
    yield from _machine(vitals)


def _verdict(judgement: Judgement) -> Iterator[Family]:
    states = [item for name in VERDICTS for item in sample(judgement.verdict == name, verdict=name)]
    yield Family("parvis_health", "gauge", "1 for the verdict of now; red is failing.", states)
    raised = set(judgement.reasons)
    reasons = [item for name in get_args(HealthReason) for item in sample(name in raised, reason=name)]
    yield Family("parvis_health_reason", "gauge", "1 for each reason of the verdict.", reasons)


def _cameras(cameras: tuple[CameraVitals, ...], now: float) -> Iterator[Family]:
    def each(figure: Callable[[CameraVitals], float | None]) -> list[Sample]:
        return [item for camera in cameras for item in sample(figure(camera), camera=camera.camera)]

    yield Family("parvis_camera_up", "gauge", "1 while pictures come.", each(lambda c: c.state == "live"))
    yield Family(
        "parvis_camera_frames_per_second", "gauge", "Pictures captured a second.", each(lambda c: c.fps)
    )
    yield Family(
        "parvis_camera_frame_age_seconds",
        "gauge",
        "Age of the last picture counted.",
        each(lambda c: None if c.frame_at is None else max(0.0, now - c.frame_at)),
    )
    yield Family(
        "parvis_camera_frames_dropped_total",
        "counter",
        "Pictures left aside because newer ones came.",
        each(lambda c: c.dropped),
    )
    yield Family(
        "parvis_camera_reconnects_total", "counter", "Capture started anew.", each(lambda c: c.reconnects)
    )
    flagged = [
        item
        for camera in cameras
        for flag in sorted(camera.flags)
        for item in sample(1, camera=camera.camera, flag=flag)
    ]
    yield Family("parvis_camera_flag", "gauge", "1 for each fault of the picture now.", flagged)
    roads = [
        (road, {"camera": camera.camera, "zone": road.zone}) for camera in cameras for road in camera.roads
    ]
    yield Family(
        "parvis_road_sight",
        "gauge",
        "1 for how well a road can be judged for debris now.",
        [
            item
            for road, where in roads
            for name in get_args(RoadSight)
            for item in sample(road.sight == name, **where, sight=name)
        ],
    )
    yield Family(
        "parvis_road_open_cases",
        "gauge",
        "Debris and stopped vehicles that lie or stand there now.",
        [item for road, where in roads for item in sample(road.open_cases, **where)],
    )


def _moments(vitals: Vitals, now: float) -> Iterator[Family]:
    for name, at, text in (
        ("interval_stored", vitals.closed_at, "an interval was stored"),
        ("interval_confirmed", vitals.delivered_at, "the server confirmed an interval"),
    ):
        age = None if at is None else max(0.0, now - at)
        yield Family(f"parvis_{name}_age_seconds", "gauge", f"Since {text}.", sample(age))


def _spool(backlog: Backlog) -> Iterator[Family]:
    yield Family(
        "parvis_last_acknowledged_timestamp_seconds",
        "gauge",
        "End of the latest interval that the server confirmed.",
        sample(backlog.acknowledged_unix),
    )
    gauges: tuple[tuple[str, float | None, str], ...] = (
        ("records", backlog.pending, "Records that wait for the server."),
        ("oldest_record_age_seconds", backlog.age_s, "Age of the oldest of them."),
        ("bytes", backlog.bytes, "What counts against the spool's cap."),
        ("dead_letters", backlog.dead_letters, "Records kept that the server refused."),
        ("records_in_memory", backlog.held, "Records that wait for the disk."),
        ("disk_refuses", backlog.degraded, "1 while the disk takes no records."),
    )
    for name, value, text in gauges:
        yield Family(f"parvis_spool_{name}", "gauge", text, sample(value))
    for name, total, text in (
        ("accepted", backlog.accepted, "Records that the server took"),
        ("rejected", backlog.rejected, "Records that the server refused"),
        ("dropped", backlog.dropped, "Records lost at the spool's cap"),
        ("merged", backlog.merged, "Records merged into coarser ones at the spool's cap"),
    ):
        yield Family(
            f"parvis_spool_{name}_total", "counter", f"{text}, over the life of the spool.", sample(total)
        )


def _machine(vitals: Vitals) -> Iterator[Family]:
    free = None if vitals.disk_free_mb is None else vitals.disk_free_mb * 1e6
    synced = None if vitals.clock is None else vitals.clock == "synced"
    for name, value, text in (
        ("disk_free_bytes", free, "Free space on the disk of the spool."),
        ("temperature_celsius", vitals.temperature_c, "The processor's temperature."),
        ("throttled", vitals.throttled, "1 while heat or weak power slows the processor down."),
        ("clock_synced", synced, "1 while the clock is synchronised."),
        (
            "clock_skew_seconds",
            vitals.clock_skew_s,
            "The server's time less this box's, by its latest answer.",
        ),
    ):
        yield Family(f"parvis_{name}", "gauge", text, sample(value))
