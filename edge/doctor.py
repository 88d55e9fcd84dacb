"""The checks of ``parvis edge doctor``: everything that must be right before the technician leaves.

Part of the composition root. Nothing is recorded, counted or sent: the server gets an empty batch, the disk a small file
that is removed, pictures are looked at and forgotten.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from edge.config import BoxConfig
from edge.courier import Courier
from edge.doctor_camera import CameraCheck
from edge.doctor_line import Colour, Line, split
from edge.errors import EdgeError
from edge.health import HealthProbe
from edge.remedies import REMEDIES, TRIES_IT
from edge.status_page import ask
from edge.token_file import read_token
from edge.vitals import DISK_FULL_MB, DISK_LOW_MB, HOT_C

SLOW_SYNC_S: Final = 0.5
SYNCS: Final = 5


class Empty:
    """A queue with nothing in it."""

    def peek(self, limit: int = 0, max_bytes: int = 0) -> Sequence[Any]:
        """Nothing."""
        return ()

    def settle(self, accepted: object, rejected: object) -> None:
        """Nothing."""


class Doctor:
    """Examines one box. Each check is a line or several; a check that fails itself is red and stops no other.

    Args:
        box: its configuration.
        base: the folder of the configuration file.
        state: the folder of the spool.
        seconds: how long to look at each camera.
        probe: reads the machine; tests replace it.
    """

    def __init__(
        self, box: BoxConfig, base: Path, state: Path, seconds: float, probe: HealthProbe | None = None
    ) -> None:
        self._box, self._base, self._state, self._seconds = box, base, state, seconds
        self._probe = probe or HealthProbe(_existing(state))
        self._running: dict[str, Any] | None = None

    def lines(self) -> Iterator[Line]:
        """The report, line by line as it becomes known."""
        yield Line("configuration", "green", f"valid: {_counted(self._box)}")
        yield from self._try("service", self._service)
        yield from self._try("clock", self._clock)
        yield from self._try("disk", self._disk)
        yield from self._try("machine", self._machine)
        yield from self._try("server", self._server)
        for entry in self._box.cameras:
            look = CameraCheck(self._box, entry, self._base, self._seconds, self._running)
            yield from self._try(f"model of {entry.id}", look.model)
            yield from self._try(f"camera {entry.id}", look.lines)

    def _try(self, name: str, check: Callable[[], Iterator[Line]]) -> Iterator[Line]:
        try:
            yield from check()
        except EdgeError as exc:
            what, remedy = split(str(exc))
            yield Line(name, "red", what, remedy)
        except Exception as exc:
            yield Line(name, "red", f"this check failed itself ({type(exc).__name__})", "Report it.")

    def _service(self) -> Iterator[Line]:
        status = self._box.status
        if not status.port:
            yield Line("service", "yellow", "its status page is off (status.port), so it cannot be asked")
            return
        try:
            _, text = ask(status.host, status.port, "/healthz")
            told = json.loads(text)
            verdict, reasons = told["verdict"], told["reasons"]
            cameras = sorted(str(camera["camera"]) for camera in told["cameras"])
        except OSError:
            remedy = "Start it when all else is green: systemctl start parvis-edge."
            yield Line("service", "yellow", f"does not answer at port {status.port}: not running", remedy)
            return
        except (ValueError, KeyError, TypeError):
            remedy = "Choose another status.port, or stop the other program."
            yield Line("service", "red", f"another program answers at port {status.port}", remedy)
            return
        if cameras != sorted(entry.id for entry in self._box.cameras):
            what = f"what runs at port {status.port} counts {', '.join(cameras) or 'no camera'}: not this configuration"
            remedy = (
                "If it is this box, restart it: systemctl restart parvis-edge. If it is another, give this one a"
                " status.port of its own."
            )
            yield Line("service", "yellow", what, remedy)
            return
        self._running = told
        yield Line("service", "green" if verdict == "healthy" else "yellow", f"running, {verdict}")
        for reason in reasons:
            colour: Colour = "red" if reason["verdict"] == "failing" else "yellow"
            yield Line("service", colour, reason["message"], reason["remedy"].replace(TRIES_IT, ""))

    def _clock(self) -> Iterator[Line]:
        if self._probe.clock() == "synced":
            yield Line("clock", "green", "synchronised")
        else:
            yield Line("clock", "yellow", "not synchronised", REMEDIES["clock_unsynced"])

    def _disk(self) -> Iterator[Line]:
        free_mb = self._probe.disk_free_mb()
        if free_mb is not None:
            low = free_mb < DISK_LOW_MB
            colour: Colour = "red" if free_mb < DISK_FULL_MB else "yellow" if low else "green"
            yield Line("disk", colour, f"{free_mb} MB free", REMEDIES["disk_low"] if low else "")
        if not self._state.is_dir():
            what = f"the folder for the records, {self._state}, does not exist yet"
            remedy = "The first start makes it. If this box has run already, name its folder: --state."
            yield Line("disk", "yellow", what, remedy)
            return
        try:
            took_s = sync_s(self._state)
        except OSError as exc:
            remedy = (
                "Run this as the user of the service (sudo -u parvis …), or mend the folder's permissions."
            )
            yield Line("disk", "red", f"{self._state} cannot be written ({exc.strerror or exc})", remedy)
            return
        slow = took_s > SLOW_SYNC_S
        remedy = "The card is slow or worn: use one made for constant writing, or an SSD." if slow else ""
        what = f"a write is safe on disk after {1000 * took_s:.0f} ms"
        yield Line("disk", "yellow" if slow else "green", what, remedy)

    def _machine(self) -> Iterator[Line]:
        celsius, throttled = self._probe.temperature_c(), self._probe.throttled()
        if celsius is None:
            yield Line("temperature", "green", "this machine has no sensor that tells")
        else:
            hot = celsius >= HOT_C
            remedy = REMEDIES["hot"] if hot else ""
            yield Line("temperature", "yellow" if hot else "green", f"{celsius:.0f} °C", remedy)
        if throttled is None:
            yield Line("power", "green", "only a Raspberry Pi tells")
        elif throttled:
            yield Line("power", "yellow", "heat or weak power slows it down", REMEDIES["throttled"])
        else:
            yield Line("power", "green", "neither heat nor weak power slows it down")

    def _server(self) -> Iterator[Line]:
        server = self._box.server
        if server is None:
            remedy = "Name one as `server` in the configuration if the counts are to be sent."
            yield Line("server", "yellow", "none is configured: records stay on the box", remedy)
            return
        courier = Courier(Empty(), url=server.url, token=read_token(self._base / server.token_file))
        try:
            push = courier.knock()
        finally:
            courier.close()
        host = urlsplit(server.url).hostname
        if push.outcome == "delivered":
            yield Line("server", "green", f"{host} takes this box's token")
        else:
            what, remedy = split(push.reason or "", ": ")
            yield Line(
                "server", "red", f"{host}: {what}", f"{remedy} Counts wait on this box until then.".strip()
            )


def sync_s(folder: Path) -> float:
    """Seconds, the median of some, that a small write to a folder's disk takes until it is safe.

    Raises:
        OSError: when the folder cannot be written.
    """
    took = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".parvis-doctor-") as file:
        for _ in range(SYNCS):
            began = time.monotonic()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            took.append(time.monotonic() - began)
    return statistics.median(took)


def _counted(box: BoxConfig) -> str:
    zones = sum(len(camera.zones) for camera in box.cameras)
    lines = sum(len(camera.lines) for camera in box.cameras)
    parts = ((len(box.cameras), "camera"), (zones, "zone"), (lines, "line"))
    told = ", ".join(f"{count} {name}{'s' * (count != 1)}" for count, name in parts)
    return f"{told}, every {box.interval_s} s"


def _existing(folder: Path) -> Path:
    folder = folder.resolve()
    while not folder.exists():
        folder = folder.parent
    return folder
