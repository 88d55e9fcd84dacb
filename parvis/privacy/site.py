"""What the papers may know of a box: names, kinds, purposes. No path, no address of a camera, no token.

Everything that is shown of a configuration passes through here, so that nothing else of it can.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from contract.names import CLASSES, GROUP_OF, GROUPS, ClassGroup, ObjectClass, Purpose, ZoneKind
from edge.config import BoxConfig, CameraEntry
from parvis.privacy.minute import is_recording

CameraKind = Literal["network", "usb", "recording", "connector"]


@dataclass(frozen=True, slots=True)
class Zone:
    """One zone; the last two are set where it is operational."""

    camera: str
    name: str
    kind: ZoneKind
    classes: tuple[ObjectClass, ...]
    purpose: Purpose
    legal_basis: str | None
    dpia_reference: str | None
    notices: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One count line."""

    camera: str
    name: str
    classes: tuple[ObjectClass, ...]


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera by its name in the configuration, and how it is connected."""

    name: str
    kind: CameraKind


@dataclass(frozen=True, slots=True)
class Site:
    """One box. ``server`` is scheme, host and port, None where none is configured."""

    device: str
    interval_s: int
    server: str | None
    cameras: tuple[Camera, ...]
    zones: tuple[Zone, ...]
    lines: tuple[Line, ...]

    @property
    def groups(self) -> tuple[ClassGroup, ...]:
        """Who and what is counted: people, bicycles, vehicles."""
        counted = {GROUP_OF[name] for zone in self.zones for name in zone.classes}
        counted |= {GROUP_OF[name] for line in self.lines for name in line.classes}
        return tuple(group for group in GROUPS if group in counted)

    @property
    def operational(self) -> tuple[Zone, ...]:
        """The zones that serve operations."""
        return tuple(zone for zone in self.zones if zone.purpose == "operational")


def site_of(box: BoxConfig) -> Site:
    """The facts of a configuration."""
    return Site(
        device=box.device,
        interval_s=box.interval_s,
        server=None if box.server is None else _origin(box.server.url),
        cameras=tuple(Camera(camera.id, _kind(camera)) for camera in box.cameras),
        zones=tuple(zone for camera in box.cameras for zone in _zones(camera)),
        lines=tuple(
            Line(camera.id, line.id, tuple(name for name in CLASSES if name in line.classes))
            for camera in box.cameras
            for line in camera.lines
        ),
    )


def _zones(camera: CameraEntry) -> tuple[Zone, ...]:
    return tuple(
        Zone(
            camera=camera.id,
            name=zone.id,
            kind=zone.kind,
            classes=zone.wire().classes,
            purpose=zone.purpose,
            legal_basis=zone.operational.legal_basis if zone.operational else None,
            dpia_reference=zone.operational.dpia_reference if zone.operational else None,
            notices=zone.debris.enabled,
        )
        for zone in camera.zones
    )


def _origin(url: str) -> str:
    """Scheme, host and port: a path or a query may hold what is nobody's business."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def _kind(camera: CameraEntry) -> CameraKind:
    if re.match(r"(?i)rtsps?:|ffmpeg:.*://", camera.source):
        return "network"
    if camera.source.startswith("picamera:"):
        return "connector"
    return "recording" if is_recording(camera.source) else "usb"
