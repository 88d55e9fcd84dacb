"""The running box: every camera of a configuration, counted until told to stop. Part of the composition root.

One loop owns all counting; capture runs in child processes, delivery in one thread. Durations come from the
monotonic clock; where an interval lies on the UTC grid is for `edge.timekeeping` to say.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from pathlib import Path

from contract.messages import Body
from contract.version import VERSION
from edge.boxclock import BoxClock
from edge.camera import open_source
from edge.case_keeping import keep_cases, take_up_cases
from edge.config import BoxConfig
from edge.courier import PUSH_S, Courier
from edge.errors import SpoolError
from edge.grid import PresenceGrid
from edge.grid_keeping import keep, take_up
from edge.health import HealthProbe, notify
from edge.purpose_log import record_purposes
from edge.replay import build_detector
from edge.road import Roads
from edge.server_time import hooks
from edge.sharing import Sharing
from edge.spool import Spool
from edge.station import Station
from edge.timekeeping import Timekeeper
from edge.token_file import read_token
from edge.vigil import Vigil

log = logging.getLogger("parvis.edge")

HEALTH_S = 60.0
DRIFT_S = 3600.0
LAST_DELIVERY_S = 5.0
_IDLE_S = 0.25


class Service:
    """The box as a process. `run` returns once every file has ended or `stop` is set."""

    def __init__(self, box: BoxConfig, base: Path, state: Path, *, root: Path = Path("/")) -> None:
        self._box = box
        self._uplink_parts = (
            None if box.server is None else (box.server, read_token(base / box.server.token_file))
        )
        state.mkdir(parents=True, exist_ok=True)
        self._probe = HealthProbe(state, root=root)
        self._time = Timekeeper(BoxClock(self._probe.clock, trusted=box.clock == "trusted"), box.interval_s)
        record_purposes(state, box, self._time.clock.utc())
        self.spool = Spool(state / "spool.db", device=box.device, run=secrets.token_hex(8))
        self._stations: list[Station] = []
        resizable = True
        for entry in box.cameras:
            detector = build_detector(box, base, entry)
            camera = open_source(entry.source, base, rate=entry.max_fps)
            model = (detector.label, detector.sha256)
            self._stations.append(Station(box, entry, camera, detector, model, self._time.timeline))
            resizable &= detector.resizable
        self.sharing = Sharing(self._stations, self._probe, resizable=resizable)
        self.vigil = Vigil(
            box,
            self._stations,
            self.spool,
            self._probe,
            clock=lambda: self._time.clock.quality,
            skew=lambda: self._time.clock.skew_s,
        )

    def run(self, stop: threading.Event) -> None:
        """Count until told to stop; then close the open interval and try to deliver it."""
        uplink = self._uplink()
        delivery = None
        if uplink is not None:
            delivery = threading.Thread(target=uplink.run, args=(stop,), name="uplink", daemon=True)
            delivery.start()
        kept, clock = self.spool.kept(), self._time.clock
        # An hour that an earlier run began goes on only where it is known to be the same hour.
        grids, grids_kept = take_up(kept, self._grids(), clock.unix() if clock.known else float("-inf"))
        take_up_cases(kept, self._roads())
        dated, held = self._time.start(kept, [station.config(clock.utc()) for station in self._stations])
        self.spool.append([*dated, *grids], {**grids_kept, **held})
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
            closed: list[Body] = []
            if self._time.look():
                self.spool.begin_run(secrets.token_hex(8))
            closed += self.sharing.step(_IDLE_S)
            if time.monotonic() >= health_due:
                health_due = time.monotonic() + HEALTH_S
                closed += self._health()
            if time.monotonic() >= drift_due:
                drift_due = time.monotonic() + DRIFT_S
                for line in (line for station in self._stations for line in station.drift()):
                    log.info("since the start, %s", line)
            sorted_in, held = self._time.turn(one for station in self._stations for one in station.slices())
            closed += sorted_in
            if closed or held or self.spool.due:
                self.spool.append(closed, {**self._kept(), **held})
                self.vigil.stored(closed, time.monotonic(), held=bool(held))
            self.vigil.turn(time.monotonic())
            if all(station.camera.state == "ended" for station in self._stations):
                return

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
                at=self._time.clock.utc(),
                source=station.camera,
                spool=stats,
                inference_ms=station.timing.inference_ms,
                model=station.model[0],
                software=VERSION,
                standing=self.vigil.standing(station.entry.id),
                clock=self._time.clock.quality,
            )
            for station in self._stations
        ]

    def _finish(self) -> None:
        at = time.monotonic()
        closed = [body for station in self._stations for body in station.finish(at)]
        for station in self._stations:
            station.camera.close()
        sorted_in, held = self._time.finish(one for station in self._stations for one in station.slices())
        closed += sorted_in
        if closed or held:
            self.spool.append(closed + self._health(), {**self._kept(), **held})

    def _kept(self) -> dict[str, str | None]:
        return {**keep(self._grids()), **keep_cases(self._roads())}

    def _roads(self) -> list[Roads]:
        return [station.roads for station in self._stations]

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
            self.spool,
            url=server.url,
            token=token,
            hooks=hooks(self._time.clock.server_said),
            moves=lambda by: pulse.promise("delivering", by),
        )
        self.vigil.excuse = lambda: courier.excuse
        return courier
