"""What a store tells of the quality of its figures: origins, coverage, health by the hour, grids, quarantine.

Times are whole seconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from contract.names import ObjectClass
from server.coverage import Hour
from server.reports import Kind

PlaceKey = tuple[str, str, str, Kind]


@dataclass(frozen=True, slots=True)
class SeenSum:
    """Hours of a place that were told: how many, observed seconds (an hour has 3600 at most), of how many hours a clock
    was unknown, seconds under each flag.
    """

    hours: int
    observed_s: float
    unsynced: int
    flag_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RunPart:
    """What one run told of a place within a period; ``configured_at`` and below are None until its configuration came."""

    run: str
    zone_version: str
    first_hour: int
    last_hour: int
    records: int
    observed_s: float
    configured_at: int | None
    config: str | None
    interval_s: int | None
    model: str | None
    model_sha256: str | None
    software: str | None


@dataclass(frozen=True, slots=True)
class Configured:
    """A run's announcement of what it counts with one camera; ``config`` is the version of what it draws."""

    device: str
    camera: str
    run: str
    at: int
    config: str
    interval_s: int
    model: str
    model_sha256: str
    software: str


@dataclass(frozen=True, slots=True)
class DoubledHour:
    """An hour of a place of which at least ``doubled_s`` seconds were told twice, and the runs that told it."""

    place: PlaceKey
    hour: int
    doubled_s: float
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuarantineSum:
    """Records of one camera kept out of the reports for one reason, and the times that they told."""

    device: str
    camera: str
    reason: str
    records: int
    first_told: int
    last_told: int
    last_day: int


@dataclass(frozen=True, slots=True)
class HealthHour:
    """Health records of one camera in one hour: how many, of how many what was so, least, most and last values."""

    camera: str
    hour: int
    samples: int
    live: int
    unsynced: int
    throttled: int
    queue_most: int
    age_most: float | None
    temperature_least: float | None
    temperature_most: float | None
    disk_least: int | None
    last_at: int
    queue_last: int
    age_last: float | None
    temperature_last: float | None


@dataclass(frozen=True, slots=True)
class GridPart:
    """A presence grid of one class: object-seconds row by row from the top left, None where too few were to be shown."""

    name: ObjectClass
    start: int
    cols: int
    rows: int
    observed_s: float
    cells: tuple[float | None, ...]


class Quality(Protocol):
    """How good the figures are, and where they come from."""

    def seen(self, place: PlaceKey, start: int, end: int) -> list[Hour]:
        """The hours of a place that begin in ``[start, end)``, those that were told at all, in order."""

    def seen_sum(self, place: PlaceKey, start: int, end: int) -> SeenSum:
        """The sums of those hours."""

    def observed(self, place: PlaceKey, start: int, end: int) -> float:
        """Observed seconds of the hours that begin in ``[start, end)``."""

    def runs(self, place: PlaceKey, start: int, end: int) -> list[RunPart]:
        """Which runs told the hours of a place that begin in ``[start, end)``, by their first hour."""

    def configured(self, device: str, camera: str, start: int, end: int) -> list[Configured]:
        """Configurations of a camera announced in ``[start, end)``, the newest 200, and the last one before."""

    def latest_configured(self) -> list[Configured]:
        """The latest announcement of every camera."""

    def content(self, device: str, camera: str, version: str) -> Mapping[str, object] | None:
        """What a version of a configuration draws: ``zones``, ``lines``, ``ground``, ``interval_s`` as on the wire."""

    def doubled(self, start: int, end: int, limit: int) -> list[DoubledHour]:
        """The newest hours that begin in ``[start, end)`` in which a place told more seconds than there were."""

    def quarantined_sums(self, since: int, device: str = "") -> list[QuarantineSum]:
        """Sums of the records that came into quarantine on UTC days that end after ``since``."""

    def health_hours(self, device: str, start: int, end: int) -> list[HealthHour]:
        """Health of a device's cameras by the hour, in order."""

    def grid_classes(self, device: str, camera: str) -> list[ObjectClass]:
        """Classes of which a camera sent presence grids."""

    def grid_extent(self, device: str, camera: str) -> tuple[int, int] | None:
        """The start of the first and of the last hour of which a camera sent presence grids."""

    def grids(
        self, device: str, camera: str, classes: Sequence[ObjectClass], start: int, end: int
    ) -> list[GridPart]:
        """Presence grids of one camera, of hours that begin in ``[start, end)``, in order."""
