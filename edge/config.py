"""The configuration of one box: one YAML file, checked whole before anything starts.

Points are fractions of the frame's width and height. The wire's configuration message is built from here, so that
what the server knows of a zone is what the box counts.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from contract.messages import ConfigBody, GroundConfig, IntervalSeconds, LineConfig, ZoneConfig
from contract.names import CLASSES, VEHICLES, Name, ObjectClass, Purpose, ZoneKind
from edge.geometry import polygon_area, self_crossing
from edge.ground_points import check_points
from edge.yaml_errors import load_yaml, validated


def _point(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"a point is two numbers, [x, y] (got {value!r}). Write it like [0.25, 0.60].")
    for axis, number in zip("xy", value, strict=True):
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ValueError(  # noqa: TRY004 - pydantic turns only a ValueError into a message
                f"{axis} must be a number (got {number!r}). Write it like [0.25, 0.60]."
            )
        if not 0 <= number <= 1:
            raise ValueError(
                f"{axis} must be within 0..1, inside the frame (got {number}). Write fractions: pixels divided by"
                f" the frame's {'width' if axis == 'x' else 'height'}."
            )
    return (float(value[0]), float(value[1]))


Point = Annotated[tuple[float, float], BeforeValidator(_point)]


def _polygon(corners: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    if len(corners) < 3:
        raise ValueError(f"a polygon needs at least 3 points (got {len(corners)}). Add its corners in order.")
    crossing = self_crossing(corners)
    if crossing is not None:
        first, second = crossing
        raise ValueError(
            f"the polygon crosses itself: its edge after point {first} and its edge after point {second} meet."
            " List the corners in the order in which you would walk round the zone."
        )
    if polygon_area(corners) < 1e-6:
        raise ValueError("the polygon has no area: its points lie on one line. Spread its corners.")
    return corners


Polygon = Annotated[tuple[Point, ...], AfterValidator(_polygon)]


class Closed(BaseModel):
    """Base: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerEntry(Closed):
    """Where records go; ``token_file`` is relative to the configuration file."""

    url: str
    token_file: Path

    @model_validator(mode="after")
    def _address(self) -> ServerEntry:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"url must begin with https:// (or http://) and a host (got {self.url!r}).")
        if parts.username or parts.password:
            raise ValueError("url must hold no password; the token goes into token_file.")
        return self


class ModelEntry(Closed):
    """The detector. ``path`` is ``starter`` or an .onnx file relative to the configuration file."""

    path: str = "starter"
    confidence: Annotated[float, Field(ge=0.05, le=0.95)] = 0.25
    names: Literal["coco"] | list[str] | dict[int, str] | None = None
    input: Annotated[int, Field(ge=64, le=1920, multiple_of=32)] | None = None
    threads: Annotated[int, Field(ge=1, le=64)] | None = None


class OperationalEntry(Closed):
    """Why an operational zone is lawful; recorded, never sent."""

    legal_basis: Annotated[str, Field(min_length=3, max_length=200)]
    dpia_reference: Annotated[str, Field(min_length=1, max_length=200)]


class DebrisEntry(Closed):
    """Notices of foreign objects on the road."""

    enabled: bool = False
    persistence_s: Annotated[float, Field(ge=5, le=3600)] = 30.0


class ZoneEntry(Closed):
    """One zone as written."""

    id: Name
    kind: ZoneKind
    purpose: Purpose = "statistics"
    polygon: Polygon | None = None
    bays: dict[Name, Polygon] = Field(default_factory=dict)
    classes: tuple[ObjectClass, ...] | None = None
    capacity: Annotated[int, Field(ge=1, le=100_000)] | None = None
    operational: OperationalEntry | None = None
    debris: DebrisEntry = DebrisEntry()

    @model_validator(mode="after")
    def _whole(self) -> ZoneEntry:
        if self.kind == "parking":
            if not self.bays and (self.polygon is None or self.capacity is None):
                raise ValueError("a parking zone needs `bays`, or a `polygon` and a `capacity`. Add either.")
        else:
            if self.polygon is None:
                raise ValueError(f"a zone of kind {self.kind} needs a `polygon`. Add its corners.")
            if self.bays:
                raise ValueError(f"bays belong to a zone of kind parking (this one is {self.kind}).")
        if self.purpose == "operational" and self.operational is None:
            raise ValueError(
                "purpose operational needs a legal basis: add"
                ' `operational: {legal_basis: "…", dpia_reference: "…"}`, or use purpose statistics.'
            )
        if self.debris.enabled and (self.purpose != "operational" or self.kind != "road"):
            raise ValueError("debris notices need kind road and purpose operational, with its legal basis.")
        return self

    def wire(self) -> ZoneConfig:
        """The zone as the server learns of it."""
        default: tuple[ObjectClass, ...] = ("person",) if self.kind == "area" else VEHICLES
        chosen = self.classes or default
        return ZoneConfig(
            id=self.id,
            kind=self.kind,
            purpose=self.purpose,
            polygon=self.polygon,
            bays=self.bays,
            capacity=self.capacity,
            classes=tuple(name for name in CLASSES if name in chosen),
        )


class LineEntry(Closed):
    """One count line as written."""

    id: Name
    points: tuple[Point, Point]
    classes: tuple[ObjectClass, ...] = ("person",)

    @model_validator(mode="after")
    def _length(self) -> LineEntry:
        (ax, ay), (bx, by) = self.points
        if (bx - ax) ** 2 + (by - ay) ** 2 < 1e-4**2:
            raise ValueError(
                f"a count line needs two different points (got {[ax, ay]} twice). Move one across the path."
            )
        return self


class GroundEntry(Closed):
    """Four image points and where they lie on the ground."""

    image: tuple[Point, Point, Point, Point]
    metres: tuple[tuple[float, float], ...] | None = Field(default=None, min_length=4, max_length=4)
    lonlat: tuple[tuple[float, float], ...] | None = Field(default=None, min_length=4, max_length=4)

    @model_validator(mode="after")
    def _one_of(self) -> GroundEntry:
        if (self.metres is None) == (self.lonlat is None):
            raise ValueError("ground needs either `metres` or `lonlat`, four points each, not both.")
        check_points(self.image, self.metres, self.lonlat)
        return self


class CameraEntry(Closed):
    """One camera and what it counts; a live camera is counted at most ``max_fps`` times a second.

    ``look``: whether the detector sees the whole frame, or only the part that its zones, bays and lines need.
    """

    id: Name
    source: Annotated[str, Field(min_length=1, max_length=1000)]
    max_fps: Annotated[float, Field(ge=0.1, le=60)] = 10.0
    look: Literal["frame", "zones"] = "frame"
    zones: tuple[ZoneEntry, ...] = ()
    lines: tuple[LineEntry, ...] = ()
    ground: GroundEntry | None = None

    @model_validator(mode="after")
    def _names(self) -> CameraEntry:
        if not self.zones and not self.lines:
            raise ValueError("a camera needs at least one zone or line; without one it counts nothing.")
        _unique("zones", [zone.id for zone in self.zones])
        _unique("lines", [line.id for line in self.lines])
        return self


class SavingEntry(Closed):
    """``skip_still``: the detector is spared frames in which nothing moves (docs/saving.md)."""

    skip_still: bool = True


class StatusEntry(Closed):
    """The box's own page (`edge.status_page`): ``/healthz`` and ``/metrics``; port 0 or null turns it off."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] | None = 9109

    @model_validator(mode="after")
    def _address(self) -> StatusEntry:
        if not re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", self.host):
            raise ValueError(
                f"host must be an address or a name of this machine, without port (got {self.host!r}). Leave it out for"
                " this machine alone."
            )
        return self


class BoxConfig(Closed):
    """The whole file. ``clock``: whether the time is known once the kernel or the server says so, or always."""

    device: Name
    server: ServerEntry | None = None
    status: StatusEntry = StatusEntry()
    model: ModelEntry = ModelEntry()
    interval_s: IntervalSeconds = 60
    clock: Literal["synced", "trusted"] = "synced"
    saving: SavingEntry = SavingEntry()
    cameras: Annotated[tuple[CameraEntry, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names(self) -> BoxConfig:
        _unique("cameras", [camera.id for camera in self.cameras])
        return self

    @property
    def classes(self) -> frozenset[ObjectClass]:
        """Every class that some zone or line counts."""
        wanted = {name for camera in self.cameras for zone in camera.zones for name in zone.wire().classes}
        return frozenset(
            wanted | {name for camera in self.cameras for line in camera.lines for name in line.classes}
        )


def wire_config(
    box: BoxConfig, camera: CameraEntry, *, at: datetime, model: str, model_sha256: str, software: str
) -> ConfigBody:
    """The ``parvis.config.v1`` body of one camera from ``at`` (a whole UTC second) on."""
    ground = camera.ground
    return ConfigBody(
        camera=camera.id,
        at=at,
        interval_s=box.interval_s,
        zones=tuple(zone.wire() for zone in camera.zones),
        lines=tuple(
            LineConfig(id=line.id, points=line.points, classes=line.classes) for line in camera.lines
        ),
        ground=None if ground is None else GroundConfig.model_validate(ground.model_dump()),
        model=model,
        model_sha256=model_sha256,
        software=software,
    )


def load_config(path: Path) -> BoxConfig:
    """Read and check a configuration file.

    Raises:
        ConfigError: naming file, line, path, rule, value and remedy.
    """
    data, lines = load_yaml(path)
    return validated(BoxConfig, path, data, lines)


def _unique(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two {what} have the name '{twice[0]}'. Names must differ; rename one.")
