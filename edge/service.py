"""The running box: every camera of a configuration, counted until told to stop. Part of the composition root.

One loop owns all counting; capture runs in child processes, delivery in one thread. Durations come from the
monotonic clock; the wall clock is only asked where an interval lies on the UTC grid.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from pathlib import Path

from contract.messages import Body
from contract.version import VERSION
from edge.camera import open_source
from edge.config import BoxConfig
from edge.courier import PUSH_S, Courier
from edge.errors import SpoolError
from edge.grid import PresenceGrid
from edge.grid_keeping import keep, take_up
from edge.health import HealthProbe, notify
from edge.purpose_log import record_purposes
from edge.replay import build_detector
from edge.spool import Spool
from edge.station import Station, utc_now
from edge.uplink import read_token
from edge.vigil import Vigil

log = logging.getLogger("parvis.edge")

HEALTH_S = 60.0
DRIFT_S = 3600.0
# A wall clock that moved this much against the monotonic one was set, not slewed.
CLOCK_STEP_S = 1.0
CLOCK_CHECK_S = 10.0
LAST_DELIVERY_S = 5.0
_IDLE_S = 0.25


class Service:
    """The box as a process. `run` returns once every file has ended or `stop` is set."""

    def __init__(self, box: BoxConfig, base: Path, state: Path) -> None:
        self._box = box
        self._uplink_parts = (
            None if box.server is None else (box.server, read_token(base / box.server.token_file))
        )
        self._anchor, self._clock_due = _anchor(), 0.0
        state.mkdir(parents=True, exist_ok=True)
        record_purposes(state, box, utc_now())
        self._probe = HealthProbe(state)
        self.spool = Spool(state / "spool.db", device=box.device, run=secrets.token_hex(8))
        self._stations: list[Station] = []
        for entry in box.cameras:
            detector = build_detector(box, base, entry)
            camera = open_source(entry.source, base, rate=entry.max_fps)
            model = (detector.label, detector.sha256)
            self._stations.append(Station(box, entry, camera, detector, model, self._anchor))
        self.vigil = Vigil(box, self._stations, self.spool, self._probe)

    def run(self, stop: threading.Event) -> None:
        """Count until told to stop; then close the open interval and try to deliver it."""
        uplink = self._uplink()
        delivery = None
        if uplink is not None:
            delivery = threading.Thread(target=uplink.run, args=(stop,), name="uplink", daemon=True)
            delivery.start()
        grids, kept = take_up(self.spool.kept(), self._grids(), _anchor() + time.monotonic())
        self.spool.append([*(station.config(utc_now()) for station in self._stations), *grids], kept)
        self.vigil.begin()
        try:
            self._loop(stop)
        finally:
            notify("STOPPING=1")
            self.vigil.end()
            stop.set()
            self._finish()
            if uplink is not None and delivery is not None:
                delivery.join(LAST_DELIVERY_S)
                # A push still under way after that would only be overtaken; its records stay in the spool.
                if delivery.is_alive() or not uplink.drain(LAST_DELIVERY_S):
                    log.warning("records wait in the spool for the server; they are sent at the next start")
                uplink.close()
            self.spool.close()

    def _loop(self, stop: threading.Event) -> None:
        health_due = time.monotonic()
        drift_due = health_due + DRIFT_S
        while not stop.is_set():
            closed: list[Body] = self._mind_clock()
            for station in self._stations:
                closed += station.step(_IDLE_S / len(self._stations))
            if time.monotonic() >= health_due:
                health_due = time.monotonic() + HEALTH_S
                closed += self._health()
            if time.monotonic() >= drift_due:
                drift_due = time.monotonic() + DRIFT_S
                for line in (line for station in self._stations for line in station.drift()):
                    log.info("since the start, %s", line)
            if closed:
                self.spool.append(closed, keep(self._grids()))
                self.vigil.stored(closed, time.monotonic())
            self.vigil.turn(time.monotonic())
            if all(station.camera.state == "ended" for station in self._stations):
                return

    def _mind_clock(self) -> list[Body]:
        anchor, at = _anchor(), time.monotonic()
        closed: list[Body] = []
        if at >= self._clock_due:
            self._clock_due = at + CLOCK_CHECK_S
            quality = self._probe.clock()
            closed += [body for station in self._stations for body in station.clock_is(quality, at)]
        if abs(anchor - self._anchor) >= CLOCK_STEP_S:
            log.warning("the clock was set by %+.1f s; intervals start anew", anchor - self._anchor)
            self._anchor = anchor
            closed += [body for station in self._stations for body in station.set_clock(anchor, at)]
        return closed

    def _health(self) -> list[Body]:
        try:
            stats = self.spool.stats()
        except SpoolError as exc:
            # The spool mends a damaged file by itself: say so, count on, report at the next turn.
            log.warning("%s", exc)
            return []
        return [
            self._probe.body(
                camera=station.entry.id,
                at=utc_now(),
                source=station.camera,
                spool=stats,
                inference_ms=station.timing.inference_ms,
                model=station.model[0],
                software=VERSION,
                standing=self.vigil.standing(station.entry.id),
            )
            for station in self._stations
        ]

    def _finish(self) -> None:
        at = time.monotonic()
        closed = [body for station in self._stations for body in station.finish(at)]
        for station in self._stations:
            station.camera.close()
        if closed:
            self.spool.append(closed + self._health(), keep(self._grids()))

    def _grids(self) -> list[PresenceGrid]:
        return [station.grid for station in self._stations]

    def _uplink(self) -> Courier | None:
        if self._uplink_parts is None:
            log.info("no server is configured: records stay in the spool")
            return None
        server, token = self._uplink_parts
        pulse = self.vigil.pulse
        pulse.promise("delivering", time.monotonic() + PUSH_S)
        courier = Courier(
            self.spool, url=server.url, token=token, moves=lambda by: pulse.promise("delivering", by)
        )
        self.vigil.excuse = lambda: courier.excuse
        return courier


def _anchor() -> float:
    """Unix time of monotonic zero."""
    return time.time() - time.monotonic()
