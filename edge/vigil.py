"""Watches over a running box: gathers what it is like, judges it, tells systemd, the page and the health records.

Part of the composition root. The counting loop calls `turn` each time round; nothing in here waits, and no fault of it
stops the counting. The page's threads read what the loop published last, and judge it by their own clock: a loop that
hangs is red there too.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from contract.messages import Body, Interval
from contract.names import TimeQuality
from edge.box_figures import Looks, families
from edge.config import BoxConfig
from edge.errors import SpoolError
from edge.exposition import CONTENT_TYPE, Family, expose
from edge.health import HealthProbe, notify
from edge.healthz import as_json, as_text, status_of
from edge.ledger import Ledger
from edge.pulse import Feed, Pulse, feeding_s
from edge.spool import Spool
from edge.spool_rows import SpoolStats
from edge.station import Station, utc_now
from edge.status_page import Page, StatusPage, open_page
from edge.vital_signs import backlog, camera_vitals
from edge.vitals import Judgement, Vitals, close_limit_s, judge, summary

log = logging.getLogger("parvis.edge")

PUBLISH_S: Final = 5.0
THROTTLED_S: Final = 60.0  # to ask the firmware takes a process
# A camera that is away is tried again after 60 s at most, and each try ends within seconds.
CAMERA_S: Final = 180.0
LOOK_S: Final = 120.0
STORE_SLACK_S: Final = 120.0


class Vigil:
    """One running box under watch. All but `page` belongs to the counting loop's thread.

    Args:
        box: its configuration.
        stations: its cameras.
        spool: its queue.
        probe: reads the machine.
        now: monotonic seconds; tests replace it.
        tell: speaks to systemd.
        clock: whether the box knows the time; by default what ``probe`` finds.
        skew: seconds by which its clock is behind the server's, None while no answer has told.
    """

    def __init__(
        self,
        box: BoxConfig,
        stations: Sequence[Station],
        spool: Spool,
        probe: HealthProbe,
        *,
        now: Callable[[], float] = time.monotonic,
        tell: Callable[[str], bool] = notify,
        clock: Callable[[], TimeQuality] | None = None,
        skew: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._box, self._stations, self._spool, self._probe = box, stations, spool, probe
        self._now, self._tell = now, tell
        self._clock, self._skew = clock or probe.clock, skew
        self.excuse: Callable[[], str | None] = lambda: None  # why the uplink keeps its records, if it does
        self.pulse = Pulse()
        self._feed = Feed(feeding_s(os.environ, os.getpid))
        self._ledger = Ledger(station.config(utc_now()) for station in stations)
        self._places: Sequence[Family] = ()
        self._looks: dict[str, Looks] = {}
        self._page: StatusPage | None = None
        self._publish_due = self._throttled_due = -math.inf
        self._late: list[str] = []
        self._said = ""
        at = self._turned = now()
        self._vitals = Vitals(
            at=at, began=at, interval_s=box.interval_s, cameras=(), with_server=box.server is not None
        )
        self._acknowledged: Any = ()  # of the spool as it was found
        self._stored(at)

    def begin(self) -> None:
        """The cameras run and the spool is open: publish, open the page, tell systemd that the box is ready."""
        self.turn(self._now())
        status = self._box.status
        self._page = open_page(status.host, status.port, self.page)
        self._tell("READY=1")

    def end(self) -> None:
        """Close the page."""
        if self._page is not None:
            self._page.close()

    def turn(self, at: float) -> None:
        """Once round the loop: feed the watchdog while everybody moves, and publish now and then."""
        self._turned = at
        publish = at >= self._publish_due
        if publish:
            self._publish_due = at + PUBLISH_S
            self._follow(at)
        late = self.pulse.late(at)
        if late and late != self._late:
            log.error("%s: stuck; the watchdog of systemd, if on, starts the service anew", ", ".join(late))
        self._late = late
        if self._feed.due(at, late=bool(late)):
            self._tell("WATCHDOG=1")
        if publish:
            try:
                self._publish(at)
            except Exception:
                log.exception("the state of the box could not be published; counting goes on")

    def stored(self, bodies: Iterable[Body], at: float, *, held: bool = False) -> None:
        """Bodies that the spool has taken; ``held``: counts whose time is not known yet were kept beside them."""
        bodies = list(bodies)
        self._ledger.add(bodies, at)
        if held or any(isinstance(body, Interval) for body in bodies):
            self._stored(at)
            self._vitals = replace(self._vitals, closed_at=at)

    def standing(self, camera: str) -> dict[str, Any]:
        """What the health record of a camera says of verdict, spool and age."""
        at = self._now()
        mine, spool = judge(self._vitals, at).of(camera), self._vitals.backlog
        flags = [found.flags for found in self._vitals.cameras if found.camera == camera]
        return {
            "verdict": mine.verdict,
            "reasons": mine.reasons,
            "flags": tuple(sorted(flags[0])) if flags else (),
            "spool_merged": None if spool is None else min(spool.merged, 10**9),
            "spool_dropped": None if spool is None else min(spool.dropped, 10**9),
            "disk_degraded": None if spool is None else spool.degraded,
            "boot_s": round(self._probe.boot_s(), 1),
            "uptime_s": round(at - self._vitals.began, 1),
        }

    def page(self, path: str, accept: str) -> Page | None:
        """``/healthz`` (JSON for who accepts it, else text) and ``/metrics``, from any thread."""
        at = self._now()
        # Frames and turns as they are, not as they were when the loop last published.
        cameras = tuple(camera_vitals(station) for station in self._stations)
        vitals = replace(self._vitals, at=self._turned, cameras=cameras)
        judgement = judge(vitals, at)
        if path == "/metrics":
            every = [*families(vitals, judgement, self._looks, at), *self._places]
            return Page(200, CONTENT_TYPE, expose(every))
        if path == "/healthz":
            if "application/json" in accept:
                return Page(status_of(judgement), "application/json", as_json(vitals, judgement, at))
            text = as_text(vitals, judgement, at)
            return Page(status_of(judgement), "text/plain; charset=utf-8", text)
        return None

    @property
    def judgement(self) -> Judgement:
        """Now."""
        return judge(self._vitals, self._now())

    def _stored(self, at: float) -> None:
        self.pulse.promise("storing", at + close_limit_s(self._box.interval_s) + STORE_SLACK_S)

    def _follow(self, at: float) -> None:
        """Cameras do not promise: they move while frames, attempts or states change."""
        for station in self._stations:
            camera, timing = station.camera, station.timing
            name = f"camera {station.entry.id}"
            looking = f"looking at {station.entry.id}"
            if camera.state == "ended":
                self.pulse.promise(name, math.inf)
                self.pulse.promise(looking, math.inf)
                continue
            state = (camera.state, camera.reconnects, timing.frame_at)
            self.pulse.follow(name, state, at, CAMERA_S)
            # Where pictures come, they have to be looked at; where none come, the camera itself is watched.
            coming = camera.state == "live" and camera.fps > 0
            self.pulse.follow(looking, timing.looked_at if coming else at, at, LOOK_S)

    def _publish(self, at: float) -> None:
        old = self._vitals
        throttled = old.throttled
        if at >= self._throttled_due:
            self._throttled_due = at + THROTTLED_S
            throttled = self._probe.throttled()
        stats = self._stats()
        self._vitals = replace(
            old,
            at=at,
            cameras=tuple(camera_vitals(station) for station in self._stations),
            backlog=old.backlog if stats is None else backlog(stats, old.backlog, at),
            delivered_at=self._delivered(stats, at),
            excuse=self.excuse(),
            disk_free_mb=self._probe.disk_free_mb(),
            temperature_c=self._probe.temperature_c(),
            throttled=throttled,
            clock=self._clock(),
            clock_skew_s=self._skew(),
        )
        self._looks = {
            station.entry.id: Looks(station.timing.looks, station.timing.looked_s, station.model[0])
            for station in self._stations
        }
        self._places = self._ledger.families(at)
        self._speak(summary(judge(self._vitals, at)))

    def _stats(self) -> SpoolStats | None:
        try:
            return self._spool.stats()
        except SpoolError as exc:
            log.warning("%s", exc)  # it mends itself; the figures of before stand until then
            return None

    def _delivered(self, stats: SpoolStats | None, at: float) -> float | None:
        """When an interval was confirmed last: another one than at the last look."""
        if stats is None:
            return self._vitals.delivered_at
        before, self._acknowledged = self._acknowledged, stats.last_acknowledged
        return at if before not in {(), stats.last_acknowledged} else self._vitals.delivered_at

    def _speak(self, text: str) -> None:
        """One line for ``systemctl status``, and a log line when the verdict changes."""
        if text == self._said:
            return
        verdict, before = text.partition(":")[0], self._said.partition(":")[0]
        self._said = text
        self._tell(f"STATUS={text}")
        if verdict != before:
            log.log(logging.WARNING if verdict == "failing" else logging.INFO, "the box is %s", text)
