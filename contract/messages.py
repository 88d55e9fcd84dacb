"""The messages of the wire, version 1.

Each message is a *body* (what the core knows) under an *envelope* (who sends it and as which number: the spool's word).

Rules:
1. Every counted field merges by sum or by max, because a restart splits an interval into two records that
   have to add up. Means and rates are computed on read.
2. No field can hold a picture, a track or free text: numbers, times, enumerations and names only.
3. Unknown fields are refused.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contract.base import (
    Count,
    Fraction,
    Histogram,
    IntervalSeconds,
    Label,
    Seconds,
    Sha256,
    SpanSeconds,
    Strict,
    UtcSecond,
    canonical,
    format_time,
    parse_time,
)
from contract.layout import GroundConfig, LineConfig, ZoneConfig
from contract.names import (
    GRID_INTERVAL_S,
    UNOBSERVED_FLAGS,
    Flag,
    HealthReason,
    HealthVerdict,
    Hex16,
    Name,
    ObjectClass,
    TimeQuality,
)

# Sums of rounded seconds may pass the interval by a rounding step; anything more is a fault.
_ROUNDING_S = 0.01


class Envelope(Strict):
    """Who sends, and the record's number within one run of the process."""

    device: Name
    run: Hex16
    seq: Annotated[int, Field(ge=0, le=2**53)]

    @property
    def key(self) -> str:
        """Idempotency key: the same key counts once."""
        return f"{self.device}/{self.run}/{self.seq}"


class Body(Strict):
    """What every message says besides its envelope."""

    type: str
    camera: Name


class Interval(Body):
    """A half-open UTC interval ``[start, start + interval_s)`` on the UTC grid, and how well it was seen."""

    start: UtcSecond
    interval_s: SpanSeconds
    observed_s: Seconds
    flag_s: dict[Flag, Seconds] = Field(default_factory=dict)
    time_quality: TimeQuality

    @model_validator(mode="after")
    def _seconds_fit(self) -> Interval:
        limit = self.interval_s + _ROUNDING_S
        if self.start.timestamp() % self.interval_s:
            raise ValueError(f"start must lie on the {self.interval_s} s grid of UTC")
        if self.observed_s > limit:
            raise ValueError(f"observed_s must not exceed interval_s (got {self.observed_s})")
        if any(seconds > limit for seconds in self.flag_s.values()):
            raise ValueError("no flag may last longer than interval_s")
        blind = max((self.flag_s.get(flag, 0.0) for flag in UNOBSERVED_FLAGS), default=0.0)
        if self.observed_s + blind > limit:
            raise ValueError("observed_s and a blind flag must fit into interval_s together")
        return self


class ZoneCounts(Strict):
    """One class in one zone and interval. ``object_s`` is object-seconds; ``peak`` was held for >= 1 s."""

    object_s: Seconds
    peak: Count
    entries: Count
    exits: Count
    dwell: Histogram
    dwell_censored: Count


class ZoneBody(Interval):
    """``parvis.zone.v1``: presence and flow of one zone in one interval."""

    type: Literal["parvis.zone.v1"] = "parvis.zone.v1"
    zone: Name
    zone_version: Hex16
    counts: dict[ObjectClass, ZoneCounts]
    peak_vehicle: Count

    @model_validator(mode="after")
    def _counts_need_sight(self) -> ZoneBody:
        for name, counts in self.counts.items():
            if counts.object_s > 0 and self.observed_s == 0:
                raise ValueError(f"counts.{name}.object_s must be 0 where nothing was observed")
        return self


class ParkingBody(Interval):
    """``parvis.parking.v1``: bays of one zone. ``peak`` is the most bays occupied at once, held for >= 1 s."""

    type: Literal["parvis.parking.v1"] = "parvis.parking.v1"
    zone: Name
    zone_version: Hex16
    bay_mode: Literal["drawn", "capacity"]
    bays: Annotated[int, Field(ge=1, le=100_000)]
    occupied_bay_s: Seconds
    observed_bay_s: Seconds
    peak: Count
    arrivals: Count
    departures: Count
    stay: Histogram | None
    stay_censored: Count

    @model_validator(mode="after")
    def _bays_fit(self) -> ParkingBody:
        if self.occupied_bay_s > self.observed_bay_s + _ROUNDING_S:
            raise ValueError("occupied_bay_s must not exceed observed_bay_s")
        if self.observed_bay_s > self.bays * (self.interval_s + _ROUNDING_S):
            raise ValueError("observed_bay_s must not exceed bays x interval_s")
        if self.peak > self.bays:
            raise ValueError("peak must not exceed bays")
        return self


class LineCounts(Strict):
    """Crossings of one class: ``in`` is from c < 0 to c > 0 of the directed line, ``out`` the other way."""

    in_: Count = Field(alias="in")
    out: Count


class LineBody(Interval):
    """``parvis.line.v1``: crossings of one count line in one interval."""

    type: Literal["parvis.line.v1"] = "parvis.line.v1"
    line: Name
    counts: dict[ObjectClass, LineCounts]


class GridBody(Body):
    """``parvis.grid.v1``: where one class was, hourly, row by row from the top left, in object-seconds.

    A cell touched by fewer than five distinct tracks is null: one person's hour in a grid is a path.
    """

    type: Literal["parvis.grid.v1"] = "parvis.grid.v1"
    start: UtcSecond
    object_class: ObjectClass = Field(alias="class")
    cols: Annotated[int, Field(ge=1, le=64)]
    rows: Annotated[int, Field(ge=1, le=64)]
    observed_s: Annotated[float, Field(ge=0, le=GRID_INTERVAL_S, allow_inf_nan=False)]
    object_s: tuple[Seconds | None, ...]

    @model_validator(mode="after")
    def _cells(self) -> GridBody:
        if len(self.object_s) != self.cols * self.rows:
            raise ValueError("object_s must hold cols x rows cells")
        if self.start.timestamp() % GRID_INTERVAL_S:
            raise ValueError("start must lie on the hour")
        return self


class AnomalyBody(Body):
    """``parvis.anomaly.v1``: one revision of one case; the highest revision wins, in whatever order."""

    type: Literal["parvis.anomaly.v1"] = "parvis.anomaly.v1"
    case: Hex16
    revision: Annotated[int, Field(ge=1, le=1_000_000)]
    kind: Literal["debris", "stopped_vehicle", "obstruction"]
    state: Literal["open", "updated", "cleared"]
    zone: Name
    first_seen: UtcSecond
    last_seen: UtcSecond
    x: Fraction
    y: Fraction
    w: Fraction
    h: Fraction
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None
    size_m: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None
    confidence: Fraction


class ConfigBody(Body):
    """``parvis.config.v1``: what one camera counts from ``at`` on; sent at start and on change."""

    type: Literal["parvis.config.v1"] = "parvis.config.v1"
    at: UtcSecond
    interval_s: IntervalSeconds
    zones: tuple[ZoneConfig, ...]
    lines: tuple[LineConfig, ...]
    ground: GroundConfig | None
    model: Label
    model_sha256: Sha256
    software: Label


class HealthBody(Body):
    """``parvis.health.v1``: once a minute and camera. Null means that this box cannot tell.

    ``verdict`` and ``reasons`` concern this camera and the box, ``flags`` the picture now; ``spool_merged`` and
    ``spool_dropped`` count over the spool's life; ``boot_s`` and ``uptime_s`` last since the machine and the process
    started.
    """

    type: Literal["parvis.health.v1"] = "parvis.health.v1"
    at: UtcSecond
    state: Literal["starting", "live", "lost", "ended"]
    fps: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
    frames_dropped: Count
    reconnects: Count
    inference_ms: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | None
    spool_depth: Count
    spool_age_s: Seconds | None
    dead_letters: Count
    last_acknowledged: UtcSecond | None
    disk_free_mb: Annotated[int, Field(ge=0, le=10**9)] | None
    temperature_c: Annotated[float, Field(ge=-100, le=200, allow_inf_nan=False)] | None
    throttled: bool | None
    clock: TimeQuality
    software: Label
    model: Label
    verdict: HealthVerdict | None = None
    reasons: tuple[HealthReason, ...] = ()
    flags: tuple[Flag, ...] = ()
    spool_merged: Annotated[int, Field(ge=0, le=10**9)] | None = None
    spool_dropped: Annotated[int, Field(ge=0, le=10**9)] | None = None
    disk_degraded: bool | None = None
    boot_s: Seconds | None = None
    uptime_s: Seconds | None = None


__all__ = [
    "AnomalyBody",
    "Body",
    "ConfigBody",
    "Envelope",
    "GridBody",
    "GroundConfig",
    "HealthBody",
    "Interval",
    "IntervalSeconds",
    "LineBody",
    "LineConfig",
    "LineCounts",
    "ParkingBody",
    "Strict",
    "ZoneBody",
    "ZoneConfig",
    "ZoneCounts",
    "canonical",
    "format_time",
    "parse_time",
]
